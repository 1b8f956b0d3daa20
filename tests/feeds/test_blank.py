import base64
import json
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tapewatch.feeds.blank import Blank
from tapewatch.feeds.protocol import Credentials, FaultKind, Faults

SECRETS = [
    "plain-key",
    's/e+c"r\\e=t',
    "schlüssel",
    base64.b64encode(bytes(range(190, 214))).decode(),
    "🔑key",
]


@pytest.mark.parametrize("secret", SECRETS)
@pytest.mark.parametrize(
    "spelled",
    [
        str,
        lambda own: json.dumps(own)[1:-1],
        lambda own: json.dumps(own, ensure_ascii=False)[1:-1],
        lambda own: json.dumps(own)[1:-1].replace("/", "\\/"),
        lambda own: own.replace("+", "\\u002B").replace("\\e", "\\\\e"),
        lambda own: quote(own, safe=""),
        lambda own: quote(own).lower(),
    ],
    ids=["as it is", "JSON", "JSON in UTF-8", "slashes", "plus", "URL", "lower URL"],
)
def test_a_secret_is_blanked_however_it_is_echoed(secret, spelled):
    assert Blank(["", secret])(f'{{"you said": "{spelled(secret)}"}}'.encode()) == b'{"you said": "***"}'


def test_of_two_secrets_the_longer_one_leaves_no_rest():
    assert Blank(["abc", "abcdef"]).text("abcdef, abc, abd") == "***, ***, abd"


def test_without_secrets_nothing_is_blanked():
    assert Blank(["", ""]).text("anything") == "anything"


@given(st.text(min_size=1), st.text())
def test_whatever_the_secret_it_is_found_and_fits_its_reach(secret, text):
    blank = Blank([secret])
    assert blank.text(secret) == "***"
    assert blank.reach >= len(json.dumps(secret)) - 2
    blank.text(text)


def test_a_sample_of_a_fault_shows_no_half_of_an_escaped_secret():
    secret = "/" * 20 + "tail"
    faults = Faults(Credentials("key", secret))
    faults.add(FaultKind.NOT_JSON, b"x" * 150 + secret.replace("/", "\\/").encode() + b"y" * 50)
    assert faults.samples[FaultKind.NOT_JSON] == "x" * 150 + "***" + "y" * 7

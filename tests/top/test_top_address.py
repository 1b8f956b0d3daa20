"""Where the daemon of a config is asked, and with what token."""

from typing import Any

import pytest

from tapewatch.config import Config
from tapewatch.top.address import NoAddressError, of_config, of_url


def config(**http: Any) -> Config:
    return Config.model_validate({"name": "test", "http": http, "watch": [{"symbol": "SPX"}]})


@pytest.fixture(autouse=True)
def _no_token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TAPEWATCH_HTTP_TOKEN", raising=False)


@pytest.mark.parametrize(
    ("listen", "url"),
    [
        ("127.0.0.1:8790", "http://127.0.0.1:8790"),
        ("0.0.0.0:80", "http://127.0.0.1:80"),
        ("[::]:8790", "http://[::1]:8790"),
        ("[::1]:8790", "http://[::1]:8790"),
        ("10.1.2.3:8790", "http://10.1.2.3:8790"),
    ],
)
def test_who_listens_everywhere_is_asked_on_this_machine(listen: str, url: str) -> None:
    assert of_config(config(listen=listen)) == (url, None)


@pytest.mark.parametrize(
    ("listen", "says"), [("off", "listens nowhere"), ("127.0.0.1:0", "a port of its own")]
)
def test_a_daemon_that_cannot_be_found_is_named(listen: str, says: str) -> None:
    with pytest.raises(NoAddressError, match=says):
        of_config(config(listen=listen))


def test_another_host_gets_no_token_of_the_config(monkeypatch: pytest.MonkeyPatch) -> None:
    assert of_url("https://tape.example.org/") == ("https://tape.example.org", None)
    monkeypatch.setenv("TAPEWATCH_HTTP_TOKEN", "sesame")
    assert of_url("http://[::1]:8790") == ("http://[::1]:8790", "sesame")
    monkeypatch.setenv("TAPEWATCH_HTTP_TOKEN", "sesame\r\nX: y")
    with pytest.raises(NoAddressError, match="no client can send this token"):
        of_url("http://127.0.0.1:8790")


@pytest.mark.parametrize(
    "url",
    [
        "tape.example.org",
        "ftp://x",
        "http://",
        "http://u:secret@host",
        "http://host?token=secret",
        "http://h/\n",
    ],
)
def test_what_is_no_address_is_not_repeated(url: str) -> None:
    with pytest.raises(NoAddressError) as error:
        of_url(url)
    assert "secret" not in str(error.value)

"""What is a secret, in a URL too, and in which forms it is known again."""

import pytest

from tapewatch import secrets
from tapewatch.check import check
from tapewatch.config import Config
from tapewatch.redaction import MASK, escaped, note, note_url, redacted


def test_what_was_noted_is_masked() -> None:
    note("sesame")
    assert redacted("key sesame, and sesame") == f"key {MASK}, and {MASK}"


def test_a_short_secret_is_part_of_too_many_words() -> None:
    note("key")
    note("  a ")
    assert redacted("no key for a feed") == "no key for a feed"


def test_a_secret_within_another_is_masked_after_it() -> None:
    note("pass")
    note("password-1")
    assert redacted("password-1 pass") == f"{MASK} {MASK}"


@pytest.mark.parametrize(
    ("url", "text", "shown"),
    [
        ("redis://tapewatch:hunter22@db:6379/0", "tapewatch hunter22 db:6379", f"tapewatch {MASK} db:6379"),
        ("redis://:p%40ss%2Fw@db", "p@ss/w p%40ss%2Fw p%40ss%2fw", f"{MASK} {MASK} {MASK}"),
        ("redis://db:6379/0", "redis://db:6379/0", "redis://db:6379/0"),
        ("unix:///run/redis.sock?db=1", "unix:///run/redis.sock?db=1", "unix:///run/redis.sock?db=1"),
        (
            "rediss://db?ssl_keyfile=/etc/key.pem&password=hunter22",
            "/etc/key.pem hunter22",
            f"/etc/key.pem {MASK}",
        ),
        ("wss://feed/?apiKey=abcd1234&symbols=SPX,NDX", "abcd1234 SPX,NDX", f"{MASK} SPX,NDX"),
        ("wss://feed/?token={key}", "wss://feed/?token={key}", "wss://feed/?token={key}"),
    ],
)
def test_of_an_open_url_only_the_secrets_are_masked(url: str, text: str, shown: str) -> None:
    note(url)
    assert redacted(text) == shown


@pytest.mark.parametrize(
    ("url", "text", "shown"),
    [
        (
            "https://hooks.slack.com/services/T0AB12CD3/B0AB12CD4/abcdefghijklmnopqrstuvwx",
            "POST /services/T0AB12CD3/B0AB12CD4/abcdefghijklmnopqrstuvwx to hooks.slack.com: T0AB12CD3"
            " abcdefghijklmnopqrstuvwx services",
            f"POST {MASK} to hooks.slack.com: {MASK} {MASK} services",
        ),
        (
            "tgram://123456789:ABC-def/987654321",
            "bot 123456789:ABC-def to 987654321",
            f"bot {MASK} to {MASK}",
        ),
        ("ntfy://alerts@ntfy.sh/topic-20260128", "ntfy.sh topic-20260128 alerts", f"ntfy.sh {MASK} {MASK}"),
        ("json://localhost:8080/x", "localhost:8080", "localhost:8080"),
        ("http://127.0.0.1:9000", "http://127.0.0.1:9000", "http://127.0.0.1:9000"),
        ("http://[", "no http://[", f"no {MASK}"),
    ],
)
def test_of_a_secret_url_the_path_is_masked_too(url: str, text: str, shown: str) -> None:
    note(url)
    assert redacted(text) == shown


def test_of_a_url_in_the_config_the_path_is_shown() -> None:
    note_url("https://user:hunter22@example.com/alerts/20260128")
    assert redacted("hunter22 at /alerts/20260128") == f"{MASK} at /alerts/20260128"


def test_secrets_are_noted_when_they_are_read(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "secret"
    file.write_text("from-a-file\n")
    assert secrets.read(file) == "from-a-file"
    for name in ("TAPEWATCH_FEED_TAPE_KEY", "TAPEWATCH_REDIS_URL", "TAPEWATCH_HTTP_TOKEN"):
        monkeypatch.setenv(name, f"redis://u:{name[-5:]}-pw@db" if "REDIS" in name else f"env-{name[-5:]}")
    config_file = tmp_path / "config.toml"
    config_file.write_text(
        'name = "t"\n[[feed]]\nname = "tape"\nvendor = "massive"\nurl = "wss://u:ws-pass@feed/"\n'
        '[[watch]]\nsymbol = "SPX"\n'
    )
    config, _ = check(config_file)
    assert isinstance(config, Config)
    assert config.secret("feed", "tape", "key") == "env-E_KEY"
    assert config.redis_url() == "redis://u:S_URL-pw@db"
    assert config.http_token() == "env-TOKEN"
    for secret in ("from-a-file", "env-E_KEY", "S_URL-pw", "env-TOKEN", "ws-pass"):
        assert redacted(f"<{secret}>") == f"<{MASK}>"


def test_escaped_text_is_printable() -> None:
    assert escaped("a\x1b[2J\nb\x9b\u202e–🌊") == r"a\u001b[2J\nb\u009b\u202e–🌊"
    assert escaped("a\nb\r", keep="\n") == "a\nb\\r"

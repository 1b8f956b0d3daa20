"""`[http] url`: where people reach the page."""

import pytest
from pydantic import ValidationError

import vital_parts


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("https://tape.example.org", "https://tape.example.org"),
        ("https://tape.example.org/", "https://tape.example.org"),
        ("http://desk:8790", "http://desk:8790"),
        ("http://[::1]:8790", "http://[::1]:8790"),
    ],
)
def test_it_is_a_host_that_links_begin_with(written: str, meant: str) -> None:
    assert vital_parts.config(http={"url": written}).http.url == meant
    assert vital_parts.config().http.url is None


@pytest.mark.parametrize(
    ("written", "reason"),
    [
        ("tape.example.org", "should match pattern"),
        ("javascript:alert(1)", "should match pattern"),
        ("https://", "names no host"),
        ("https://tape.example.org/page", "ends with its host or port"),
        ("https://tape.example.org/?", "ends with its host or port"),
        ("https://tape.example.org#x", "ends with its host or port"),
        ("https://desk:sesame@tape.example.org", "the URL has a user"),
        ("https://tape.example.org:0", "port must be"),
        ("https://tape example.org", "white space"),
    ],
)
def test_what_is_none_is_refused_with_a_reason(written: str, reason: str) -> None:
    with pytest.raises(ValidationError, match=reason):
        vital_parts.config(http={"url": written})

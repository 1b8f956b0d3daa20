"""Who may ask, by where it comes from and what it sends."""

import pytest
from starlette.datastructures import Headers

from tapewatch.web.guard import Guard

LOCAL = "127.0.0.1"
TOKEN = "open-sesame"


def status(token: str | None, peer: str | None, *headers: tuple[str, str]) -> int:
    """Of the refusal; 200 if there is none."""
    raw = [(name.lower().encode(), value.encode("latin-1")) for name, value in headers]
    refusal = Guard(token).refusal(peer, Headers(raw=raw))
    assert refusal is None or refusal.text
    return refusal.status if refusal else 200


@pytest.mark.parametrize("peer", [LOCAL, "127.8.0.3", "::1", "::ffff:127.0.0.1"])
@pytest.mark.parametrize(
    "host", ["localhost", "LOCALHOST:8790", "127.0.0.1:1", "127.0.0.2:8790", "[::1]", "[::1]:8790"]
)
def test_a_program_on_this_machine_may_ask_by_loopbacks_names(peer: str, host: str) -> None:
    assert status(None, peer, ("Host", host)) == 200


@pytest.mark.parametrize("peer", ["10.0.0.7", "2001:db8::1", "::ffff:10.0.0.7", "fe80::1%eth0", "", None])
def test_without_a_token_no_other_machine_may(peer: str | None) -> None:
    assert status(None, peer, ("Host", "localhost:8790")) == 403


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",  # a name that its owner has pointed to 127.0.0.1
        "evil.example:8790",
        "localhost.evil.example",
        "127.0.0.1.evil.example",
        "localhost@evil.example",
        "10.0.0.7",
        "[2001:db8::1]:8790",
        "localhost:8790:8790",
        "localhost, evil.example",
        "",
    ],
)
def test_a_page_that_reaches_loopback_by_a_name_of_its_own_may_not(host: str) -> None:
    assert status(None, LOCAL, ("Host", host)) == 403


def test_a_request_without_a_host_or_with_two_may_not() -> None:
    assert status(None, LOCAL) == 403
    assert status(None, LOCAL, ("Host", "localhost"), ("Host", "evil.example")) == 403


@pytest.mark.parametrize(
    "header", [("X-Forwarded-For", "203.0.113.9"), ("Forwarded", "for=203.0.113.9"), ("Via", "1.1 proxy")]
)
def test_what_comes_through_a_proxy_needs_a_token(header: tuple[str, str]) -> None:
    assert status(None, LOCAL, ("Host", "localhost"), header) == 403
    assert status(TOKEN, LOCAL, ("Host", "desk"), header, ("Authorization", f"Bearer {TOKEN}")) == 200


@pytest.mark.parametrize("peer", [LOCAL, "10.0.0.7", None])
@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_who_sends_the_token_may_ask_from_anywhere_by_any_name(peer: str | None, scheme: str) -> None:
    headers = (("Host", "tapewatch.example"), ("Authorization", f"{scheme} {TOKEN}"))
    assert status(TOKEN, peer, *headers) == 200


@pytest.mark.parametrize(
    "sent",
    [
        None,
        "",
        "Bearer",
        "Bearer ",
        f"Basic {TOKEN}",
        TOKEN,
        f"Bearer {TOKEN}x",
        f"Bearer {TOKEN[:-1]}",
        f"Bearer {TOKEN.upper()}",
        f"Bearer x {TOKEN}",
        "Bearer \xe9",
    ],
)
def test_once_a_token_is_set_nobody_may_without_it_this_machine_included(sent: str | None) -> None:
    headers = [("Host", "localhost"), *([("Authorization", sent)] if sent is not None else [])]
    assert status(TOKEN, LOCAL, *headers) == 401


def test_the_refusal_says_how_to_ask_and_not_what_was_sent() -> None:
    refusal = Guard(TOKEN).refusal(LOCAL, Headers({"authorization": "Bearer wrong-sesame"}))
    assert refusal is not None
    assert refusal.headers["WWW-Authenticate"].startswith("Bearer ")
    assert "sesame" not in refusal.text

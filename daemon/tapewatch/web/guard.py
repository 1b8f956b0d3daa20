"""Who may ask: programs on this machine, or, once a token is set, whoever sends it or has logged in with it.

A page in a browser on this machine reaches loopback too, under a name of its own that it has pointed there (DNS
rebinding); its requests have that name in the Host header. And what comes from loopback through a proxy may come
from anywhere.

Source: RFC 6750 (bearer tokens), RFC 9110, 11 (challenges), RFC 7239 (Forwarded).
"""

import re
from collections import OrderedDict
from hmac import compare_digest
from typing import NamedTuple

from starlette.datastructures import Headers

from tapewatch.web.addresses import is_loopback
from tapewatch.web.guesses import Guesses
from tapewatch.web.session import Sessions

_OF_PROXIES = ("forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip", "via")
_REMEMBERED = 1000
"""Cookies that were let in once, and still are while somebody guesses: behind a proxy all come from one address."""

_HOST_HEADER = re.compile(r"(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9.-]+))(?::\d*)?", re.ASCII)


class Refusal(NamedTuple):
    """Why a request is not answered."""

    status: int
    text: str
    """For people: what would be right."""
    headers: dict[str, str]


NO_TOKEN = Refusal(
    401, "send the token: Authorization: Bearer TOKEN", {"WWW-Authenticate": 'Bearer realm="tapewatch"'}
)
TOO_MANY = Refusal(429, "too many wrong tokens came from there: wait a few seconds", {"Retry-After": "5"})
_OUTSIDE = Refusal(
    403, "without a token, only this machine may ask, and not through a proxy: set TAPEWATCH_HTTP_TOKEN", {}
)
_HOST = Refusal(403, "ask for localhost, 127.0.0.1 or [::1]: the Host header has another name", {})


class Guard:
    """Tells who may ask.

    Args:
        token: what they have to send; None: they have to be on this machine.
        instance: the config's `name`.
    """

    def __init__(self, token: str | None, instance: str = "") -> None:
        self._token = token.encode() if token is not None else None
        self.sessions = Sessions(token, instance) if token is not None else None
        """None: there is nothing to log in with."""
        self._guesses = Guesses()
        self._let_in: OrderedDict[str, None] = OrderedDict()

    def refusal(self, peer: str | None, headers: Headers) -> Refusal | None:
        """Why the request may not be answered; None if it may.

        Args:
            peer: the address that it comes from.
            headers: its own.
        """
        if self.sessions is None:
            if not is_loopback(peer or "") or any(name in headers for name in _OF_PROXIES):
                return _OUTSIDE
            return None if _names_loopback(headers) else _HOST
        cookie = self.sessions.sent(headers)
        if cookie not in self._let_in and self._guesses.too_many(peer):
            return TOO_MANY
        if cookie is not None and self.sessions.is_ours(cookie):
            self._remember(cookie)
            return None
        if self.has_bearer(headers):
            return None
        if cookie or "authorization" in headers:
            self._guesses.wrong(peer)
        return NO_TOKEN

    def _remember(self, cookie: str) -> None:
        """From now on it is looked at, whoever guesses."""
        self._let_in[cookie] = None
        if len(self._let_in) > _REMEMBERED:
            self._let_in.popitem(last=False)

    def has_bearer(self, headers: Headers) -> bool:
        """Whether it sends the token itself, as no browser does by itself."""
        scheme, _, sent = headers.get("authorization", "").partition(" ")
        return scheme.lower() == "bearer" and self._fits(sent.strip())

    def wrong_login(self, peer: str | None, token: str) -> Refusal | None:
        """Why who says that this is the token may not log in; None if it is."""
        if self._guesses.too_many(peer):
            return TOO_MANY
        if self._fits(token):
            return None
        self._guesses.wrong(peer)
        return NO_TOKEN

    def _fits(self, token: str) -> bool:
        return self._token is not None and compare_digest(token.encode(), self._token)


def _names_loopback(headers: Headers) -> bool:
    """Whether the Host header, and there is one, is this machine's loopback by name or address."""
    hosts = [_HOST_HEADER.fullmatch(host) for host in headers.getlist("host")]
    if len(hosts) != 1 or hosts[0] is None:
        return False
    name = hosts[0][1] or hosts[0][2]
    return name.lower() == "localhost" or is_loopback(name)

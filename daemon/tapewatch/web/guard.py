"""Who may ask: programs on this machine, or, once a token is set, whoever sends it.

A page in a browser on this machine reaches loopback too, under a name of its own that it has pointed there (DNS
rebinding); its requests have that name in the Host header. And what comes from loopback through a proxy may come
from anywhere.

Source: RFC 6750 (bearer tokens), RFC 9110, 11 (challenges), RFC 7239 (Forwarded).
"""

import re
from hmac import compare_digest
from ipaddress import IPv6Address, ip_address
from typing import NamedTuple

from starlette.datastructures import Headers

_OF_PROXIES = ("forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip", "via")
_HOST_HEADER = re.compile(r"(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9.-]+))(?::\d*)?", re.ASCII)


class Refusal(NamedTuple):
    """Why a request is not answered."""

    status: int
    text: str
    """For people: what would be right."""
    headers: dict[str, str]


_TOKEN = Refusal(
    401, "send the token: Authorization: Bearer TOKEN", {"WWW-Authenticate": 'Bearer realm="tapewatch"'}
)
_OUTSIDE = Refusal(
    403, "without a token, only this machine may ask, and not through a proxy: set TAPEWATCH_HTTP_TOKEN", {}
)
_HOST = Refusal(403, "ask for localhost, 127.0.0.1 or [::1]: the Host header has another name", {})


class Guard:
    """Tells who may ask.

    Args:
        token: what they have to send; None: they have to be on this machine.
    """

    def __init__(self, token: str | None) -> None:
        self._token = token.encode() if token is not None else None

    def refusal(self, peer: str | None, headers: Headers) -> Refusal | None:
        """Why the request may not be answered; None if it may.

        Args:
            peer: the address that it comes from.
            headers: its own.
        """
        if self._token is not None:
            return None if self._sent(headers, self._token) else _TOKEN
        if not _is_loopback(peer or "") or any(name in headers for name in _OF_PROXIES):
            return _OUTSIDE
        return None if _names_loopback(headers) else _HOST

    def _sent(self, headers: Headers, token: bytes) -> bool:
        scheme, _, sent = headers.get("authorization", "").partition(" ")
        return scheme.lower() == "bearer" and compare_digest(sent.strip().encode(), token)


def _is_loopback(address: str) -> bool:
    try:
        parsed = ip_address(address)
    except ValueError:
        return False
    if isinstance(parsed, IPv6Address) and parsed.ipv4_mapped:  # of a socket that takes both
        parsed = parsed.ipv4_mapped
    return parsed.is_loopback


def _names_loopback(headers: Headers) -> bool:
    """Whether the Host header, and there is one, is this machine's loopback by name or address."""
    hosts = [_HOST_HEADER.fullmatch(host) for host in headers.getlist("host")]
    if len(hosts) != 1 or hosts[0] is None:
        return False
    name = hosts[0][1] or hosts[0][2]
    return name.lower() == "localhost" or _is_loopback(name)

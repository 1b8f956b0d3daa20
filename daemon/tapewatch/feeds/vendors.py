"""Which vendors there are: each a protocol for us, and its other side for the simulator."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tapewatch.feeds.massive.protocol import Massive, default_url
from tapewatch.feeds.massive.server import MassiveServer
from tapewatch.feeds.protocol import Credentials, VendorProtocol
from tapewatch.feeds.simulator import VendorServer


@dataclass(frozen=True)
class Vendor:
    """What the rest of the program needs to know of a vendor; `feed` is its table of the config."""

    needs: Callable[[Any], tuple[str, ...]]
    """Which of "key" and "secret" it cannot do without, from `feed`."""
    url: Callable[[Any, Credentials, Iterable[str]], str]
    """Its own websocket for these symbols, from `feed`; ValueError if no one address serves them all."""
    protocol: Callable[[Any, Credentials, Mapping[str, int]], VendorProtocol]
    """One connection's protocol, from `feed` and the engine's number of each instrument."""
    server: Callable[[Any, Sequence[str], bool], VendorServer]
    """The vendor's side of it, from `feed`, the symbols and whether to refuse the login."""


VENDORS: dict[str, Vendor] = {
    "massive": Vendor(
        needs=lambda feed: ("key",),
        url=lambda feed, credentials, symbols: default_url(symbols),
        protocol=lambda feed, credentials, instruments: Massive(credentials, instruments),
        server=lambda feed, symbols, refuse_login: MassiveServer(symbols, refuse_login),
    ),
}
"""By the config's `vendor`."""

"""Which vendors there are: each a protocol for us, and its other side for the simulator."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from tapewatch.feeds import massive
from tapewatch.feeds.massive_server import MassiveServer
from tapewatch.feeds.protocol import VendorProtocol
from tapewatch.feeds.simulator import VendorServer


@dataclass(frozen=True)
class Vendor:
    """What the rest of the program needs to know of a vendor."""

    url: Callable[[Iterable[str]], str]
    """The vendor's websocket for these symbols."""
    protocol: Callable[[str, Mapping[str, int]], VendorProtocol]
    """One connection's protocol, from the key and the engine's number of each instrument."""
    server: Callable[[Sequence[str], bool], VendorServer]
    """The vendor's side of it, from the symbols and whether to refuse the login."""


VENDORS: dict[str, Vendor] = {"massive": Vendor(massive.default_url, massive.Massive, MassiveServer)}
"""By the config's `vendor`."""

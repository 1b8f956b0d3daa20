"""Who tries tokens until one fits has to wait."""

from collections import OrderedDict
from ipaddress import IPv6Address, ip_network
from time import monotonic

from tapewatch.web.addresses import parsed

AT_ONCE = 10
"""Wrong tokens that an address may send at once; from then on one a second."""

_REMEMBERED = 10_000
"""Addresses."""


class Guesses:
    """Counts wrong tokens by where they come from: an IPv4 address, or 2^64 of IPv6, which one host may have."""

    def __init__(self) -> None:
        self._free_at: OrderedDict[str, float] = (
            OrderedDict()
        )  # when nothing of it is left, monotonic clock, s

    def too_many(self, peer: str | None) -> bool:
        """Whether it has to wait: nothing it sends is looked at."""
        return self._free_at.get(_network(peer), 0.0) - monotonic() > AT_ONCE - 1

    def wrong(self, peer: str | None) -> None:
        """It sent a wrong one."""
        network, now = _network(peer), monotonic()
        self._free_at[network] = max(self._free_at.get(network, 0.0), now) + 1
        self._free_at.move_to_end(network)
        if len(self._free_at) > _REMEMBERED:
            self._free_at.popitem(last=False)


def _network(peer: str | None) -> str:
    address = parsed(peer or "")
    return str(ip_network((address, 64), strict=False)) if isinstance(address, IPv6Address) else peer or ""

"""How a line fails."""

from chaos.proxy import Proxy

REFUSED, CUT, RESUMED = WAYS = ("refused", "silent, then cut", "silent, then resumed")
"""The peer is gone; a firewall forgot the connection; packets are late."""


def part(line: Proxy, how: str) -> None:
    """Makes it fail; `Proxy.heal` mends it."""
    if how == REFUSED:
        line.refuse()
    else:
        line.silence()

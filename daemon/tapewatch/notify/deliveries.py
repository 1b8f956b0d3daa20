"""What became of each alert at each receiver: a stream in Redis, which workers write and `tapewatch log` reads."""

from collections.abc import Container
from typing import NamedTuple

from redis.asyncio import Redis

from tapewatch.notify.entries import forwards, text, time_ms

KEPT = 200_000
"""So many of the newest are kept, or a few more: Redis drops whole nodes of the stream."""

_NS_OF_A_MS = 1_000_000
_LATEST = (1 << 63) - 1
"""ns UTC, in the year 2262: the id of an entry can say more than can be written as a date."""


class Delivered(NamedTuple):
    """What became of an alert at one receiver."""

    receiver: str
    outcome: str
    """One of `outcome.Outcome`; another daemon's version may know others."""
    detail: str
    """Why, where the outcome has a reason; else empty."""
    receipt: str
    """What the receiver gave for it, if it gives any; else empty."""
    at_ns: int
    """When it was noted, by the clock of Redis; ns UTC, whole ms."""


async def read(redis: Redis, key: str, since_ms: int, of: Container[str]) -> dict[str, list[Delivered]]:
    """What was noted of certain alerts, by alert id, in the order in which it was.

    Args:
        redis: answers in bytes.
        key: the stream of deliveries.
        since_ms: Redis' time, ms since 1970; what was noted before is not looked at.
        of: ids of the alerts.
    """
    found: dict[str, list[Delivered]] = {}
    async for entries in forwards(redis, key, str(since_ms)):
        for entry, fields in entries:
            id = text(fields, b"id")
            if id in of:
                found.setdefault(id, []).append(delivered(entry, fields))
    return found


def delivered(entry: bytes, fields: dict[bytes, bytes]) -> Delivered:
    """What an entry of the stream says."""
    return Delivered(
        receiver=text(fields, b"receiver"),
        outcome=text(fields, b"outcome"),
        detail=text(fields, b"detail"),
        receipt=text(fields, b"receipt"),
        at_ns=min(time_ms(entry) * _NS_OF_A_MS, _LATEST),
    )

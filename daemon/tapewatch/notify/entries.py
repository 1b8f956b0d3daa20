"""Entries of a Redis stream, a chunk at a time, so that a long stream is never in memory as a whole."""

from collections.abc import AsyncIterator
from typing import Any

from redis.asyncio import Redis

AT_ONCE = 500
"""Entries of a chunk."""

Entry = tuple[bytes, dict[bytes, bytes]]
"""Its id, and its fields."""


async def forwards(redis: Redis, key: str, first: str = "-") -> AsyncIterator[list[Entry]]:
    """From the entry `first` on (or the time in ms), the oldest first."""
    start: Any = first
    while chunk := await redis.xrange(key, start, "+", count=AT_ONCE):
        entries: list[Any] = chunk
        yield entries
        start = b"(" + entries[-1][0]


async def backwards(
    redis: Redis, key: str, last: str = "-", at_once: int = AT_ONCE
) -> AsyncIterator[list[Entry]]:
    """From the newest entry back to `last` (or the time in ms), the newest first."""
    start: Any = "+"
    while chunk := await redis.xrevrange(key, start, last, count=at_once):
        entries: list[Any] = chunk
        yield entries
        start = b"(" + entries[-1][0]


def text(fields: dict[bytes, bytes], name: bytes) -> str:
    """A field, as far as it is UTF-8; empty if it is not there."""
    return fields.get(name, b"").decode(errors="replace")


def time_ms(entry: bytes) -> int:
    """When it was written, by the clock of Redis: ms since 1970."""
    return int(entry.partition(b"-")[0])

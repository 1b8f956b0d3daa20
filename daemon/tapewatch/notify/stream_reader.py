"""Reads a receiver's entries through its consumer group: first what is pending, then what is new.

Pending is what was read and not acknowledged: by us, when a reply was lost, or by a process that led before us.
Source: https://redis.io/docs/latest/develop/data-types/streams/#consumer-groups
"""

import time
from functools import partial
from typing import Any, NamedTuple

import structlog
from redis import exceptions
from redis.asyncio import Redis

from tapewatch.notify.patience import ANSWER_SECONDS, AwayError, Patience
from tapewatch.notify.streams import Streams

BATCH = 100
"""Entries of a stream read at once."""

BLOCK_MS = 500
"""Longest wait for a new entry."""

CHECK_SECONDS = 10.0
"""How often to look for what is pending and not ours to our knowledge."""

_NEW = b">"
_FIRST = b"0-0"

log = structlog.get_logger(__name__)


class Entry(NamedTuple):
    """One entry of a stream."""

    stream: str
    id: bytes
    fields: dict[bytes, bytes]
    """Empty if the stream was trimmed meanwhile."""


class StreamReader:
    """The entries of one receiver on its two streams, each once as long as it is not ended.

    Args:
        patience: the worker's.
        redis: answers in bytes.
        streams: their keys.
        group: the receiver's name, which its consumer groups have.
        member: names this process among all that may lead.
    """

    def __init__(self, patience: Patience, redis: Redis, streams: Streams, group: str, member: str) -> None:
        self._patience = patience
        self._redis = redis
        self._alerts = streams.alerts
        self._group = group
        self._member = member
        self._held: dict[str, set[bytes]] = {streams.alerts: set(), streams.resend: set()}
        self._cursors = dict.fromkeys(self._held, _FIRST)
        self._first = {streams.alerts: b"$", streams.resend: _FIRST}  # where a lost group begins anew
        self._gone: list[Entry] = []  # pending, but no more in the stream
        self._checked = float("-inf")
        self._log = log.bind(receiver=group)

    async def prepare(self) -> None:
        """Makes the groups that are not there: a new receiver gets no old alerts.

        Raises:
            redis.exceptions.RedisError: Redis is away, or a key holds no stream.
        """
        await self._make_groups()
        self._first[self._alerts] = await self._last_delivered(self._alerts)

    def start_over(self) -> None:
        """Looks first at what is pending, whosever it is."""
        self._checked = float("-inf")
        self._cursors = dict.fromkeys(self._held, _FIRST)

    async def next(self) -> list[Entry]:
        """The next entries that were not handed out yet; none after half a second without, or while Redis is away.

        Raises:
            redis.exceptions.ResponseError: a key holds no stream.
        """
        try:
            await self._check()
            return self._take_gone() or await self._read()
        except AwayError:
            self._checked = float("-inf")  # a reply may be lost: then more is pending than was handed out
        except exceptions.ResponseError as error:
            if not _is_lost(error):
                raise
            # Redis came back without its data, or somebody deleted the group: go on where we were.
            self._log.warning("notify.group_lost", last_read=self._first[self._alerts].decode())
            await self._patience.insist(self._make_groups)
        return []

    def ended(self, stream: str, entry: bytes) -> None:
        """The entry is acknowledged."""
        self._held[stream].discard(entry)

    async def is_caught_up(self) -> bool:
        """Whether all that is pending or new was handed out, at the instant at which this returns.

        Raises:
            redis.exceptions.RedisError: Redis is away, or a key holds no stream.
        """
        try:
            # Redis before 7 does not tell the group's lag.
            after = {stream: b"(" + await self._last_delivered(stream) for stream in self._held}
            async with self._redis.pipeline(transaction=True) as pipe:
                for stream, last in after.items():
                    pipe.xrange(stream, last, count=1)
                    pipe.xinfo_consumers(stream, self._group)
                answers = await pipe.execute()
        except (exceptions.ResponseError, KeyError) as error:
            if isinstance(error, KeyError) or _is_lost(error):
                return False
            raise
        unread, consumers = answers[::2], answers[1::2]
        return not any(unread) and all(
            self._pending_elsewhere(known) == 0 and self._pending_here(known) <= len(held)
            for known, held in zip(consumers, self._held.values(), strict=True)
        )

    async def _read(self) -> list[Entry]:
        is_new = all(cursor == _NEW for cursor in self._cursors.values())
        cursors: dict[Any, Any] = dict(self._cursors)
        answer: Any = await self._patience.attempt(
            lambda: self._redis.xreadgroup(
                self._group, self._member, cursors, count=BATCH, block=BLOCK_MS if is_new else None
            ),
            within=ANSWER_SECONDS + BLOCK_MS / 1000,
        )
        read = {stream.decode(): entries for stream, entries in answer}
        found: list[Entry] = []
        for stream in self._held:
            entries = read.get(stream, [])
            self._move(stream, entries)
            self._hand_out([Entry(stream, id_, fields or {}) for id_, fields in entries], found)
        return found

    def _hand_out(self, entries: list[Entry], to: list[Entry]) -> None:
        """Each once, as long as it is not ended."""
        for entry in entries:
            if entry.id not in self._held[entry.stream]:
                self._held[entry.stream].add(entry.id)
                to.append(entry)

    def _move(self, stream: str, entries: list[tuple[bytes, dict[bytes, bytes]]]) -> None:
        if self._cursors[stream] != _NEW:
            self._cursors[stream] = entries[-1][0] if entries else _NEW
        elif entries and stream == self._alerts:
            self._first[stream] = entries[-1][0]

    async def _check(self) -> None:
        """Takes over what others have pending, and finds what is ours and never came."""
        if time.monotonic() - self._checked < CHECK_SECONDS:
            return
        for stream, held in self._held.items():
            known = await self._patience.attempt(partial(self._redis.xinfo_consumers, stream, self._group))
            elsewhere = self._pending_elsewhere(known)
            if elsewhere:
                await self._take_over(stream)
            if elsewhere or self._pending_here(known) > len(held):
                self._cursors[stream] = _FIRST
        self._checked = time.monotonic()

    def _take_gone(self) -> list[Entry]:
        gone, self._gone = self._gone, []
        return gone

    def _pending_here(self, consumers: list[dict[str, Any]]) -> int:
        return sum(own["pending"] for own in consumers if own["name"] == self._member.encode())

    def _pending_elsewhere(self, consumers: list[dict[str, Any]]) -> int:
        return sum(own["pending"] for own in consumers if own["name"] != self._member.encode())

    async def _take_over(self, stream: str) -> None:
        """Makes all that is pending ours: only one process leads."""
        start = _FIRST
        while True:
            answer: Any = await self._patience.attempt(
                partial(self._redis.xautoclaim, stream, self._group, self._member, 0, start, count=BATCH)
            )
            start, _, *gone = answer
            # What the stream has no more Redis 7 tells once, here; Redis 6.2 when it is read.
            self._hand_out([Entry(stream, id_, {}) for ids in gone for id_ in ids], self._gone)
            if start == _FIRST:
                return

    async def _make_groups(self) -> None:
        for stream, first in self._first.items():
            try:
                await self._redis.xgroup_create(stream, self._group, first, mkstream=True)
            except exceptions.ResponseError as error:
                if not str(error).startswith("BUSYGROUP"):
                    raise

    async def _last_delivered(self, stream: str) -> bytes:
        groups = await self._redis.xinfo_groups(stream)
        named = {group["name"]: group["last-delivered-id"] for group in groups}
        last: bytes = named[self._group.encode()]
        return last


def _is_lost(error: Exception) -> bool:
    """Whether a group, or the stream with it, is no more."""
    return str(error).startswith("NOGROUP") or "no such key" in str(error)

"""Dead letters: deliveries to one receiver that were given up; they can be listed, sent again, and dropped."""

from collections.abc import AsyncIterator, Iterator, Sequence
from importlib.resources import files
from typing import Any, NamedTuple

import msgspec
from redis.asyncio import Redis

from tapewatch.alerts.alert import Alert, decode
from tapewatch.notify.entries import AT_ONCE, Entry, forwards, text, time_ms

KEPT = 100_000
"""So many of a receiver's newest are kept, or a few more: as many as alerts, which one that is never mended fills."""

SHORTEST_ID = 6
"""So many digits of an alert's id are enough, if no other letter's id begins with them."""

_NS_OF_A_MS = 1_000_000


class NoLetterError(ValueError):
    """No dead letter, or several, by the id that was given; the message says which and what would do."""


class Letter(NamedTuple):
    """A delivery that was given up."""

    entry: str
    """Its place in the stream."""
    id: str
    """The alert's id; where there is none, `entry`."""
    body: bytes
    """The alert's JSON as it stood in the stream of alerts; empty if it was trimmed."""
    reason: str
    at_ns: int
    """When it was given up, by the clock of Redis; ns UTC, whole ms."""

    @property
    def alert(self) -> Alert | None:
        """None where `body` holds no alert: that can be dropped, but not sent."""
        try:
            return decode(self.body)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return None


class Found(NamedTuple):
    """A dead letter that was looked up, without its text."""

    entry: str
    id: str
    readable: bool
    """Whether it holds an alert."""


class DeadLetters:
    """The dead letters of one receiver.

    Args:
        redis: answers in bytes.
        dead: the stream that holds them.
        resend: the stream from which the receiver's worker sends again; on a cluster, in the slot of `dead`.
    """

    def __init__(self, redis: Redis, dead: str, resend: str) -> None:
        self._redis = redis
        self._dead = dead
        self._resend = resend
        self._move = redis.register_script(
            files("tapewatch.notify").joinpath("resend.lua").read_text("utf-8")
        )

    async def count(self) -> int:
        """How many there are."""
        return int(await self._redis.xlen(self._dead))

    async def letters(self) -> AsyncIterator[Letter]:
        """All there are, the oldest first."""
        async for entries in forwards(self._redis, self._dead):
            for entry in entries:
                yield _letter(entry)

    async def find(self, ids: Sequence[str] | None) -> list[Found]:
        """The letters of these alerts.

        Args:
            ids: of alerts, or their first `SHORTEST_ID` digits and more; None: all letters.

        Raises:
            NoLetterError: an id is that of no letter, or begins those of several alerts.
        """
        found = [Found(own.entry, own.id, own.alert is not None) async for own in self.letters()]
        if ids is None:
            return found
        meant = {_meant(id, {own.id for own in found}) for id in ids}
        return [own for own in found if own.id in meant]

    async def resend(self, letters: Sequence[Found]) -> int:
        """Moves them to where the worker sends them; each is in one of the two places, whatever happens.

        Returns:
            How many; those that somebody else moved or dropped meanwhile are not among them.
        """
        moved = 0
        for entries in _chunks(letters):
            moved += int(await self._move([self._dead, self._resend], entries))
        return moved

    async def drop(self, letters: Sequence[Found]) -> int:
        """Deletes them.

        Returns:
            How many; those that somebody else moved or dropped meanwhile are not among them.
        """
        dropped = 0
        for entries in _chunks(letters):
            dropped += int(await self._redis.xdel(self._dead, *entries))
        return dropped


async def receivers(redis: Redis, pattern: str) -> list[str]:
    """Names of the receivers that have dead letters, whether a config has them or not.

    Args:
        redis: answers in bytes.
        pattern: the key of their streams, `*` in place of the name, which stands at its end.
    """
    keys: list[Any] = [key async for key in redis.scan_iter(pattern, count=1000, _type="stream")]
    # SCAN may name a key twice, and a stream stays when its last entry is gone.
    names = {key: key.decode().removeprefix(pattern.removesuffix("*")) for key in keys}
    return sorted([name for key, name in names.items() if await redis.xlen(key)])


def _letter(entry: Entry) -> Letter:
    place, fields = entry
    return Letter(
        entry=place.decode(),
        id=text(fields, b"id") or place.decode(),
        body=fields.get(b"json", b""),
        reason=text(fields, b"reason"),
        at_ns=time_ms(place) * _NS_OF_A_MS,
    )


def _meant(id: str, known: set[str]) -> str:
    """The id of `known` that is `id`, or the only one that begins with it."""
    if id in known:
        return id
    if len(id) < SHORTEST_ID:
        raise NoLetterError(f"no dead letter has the id {id!r}: give {SHORTEST_ID} digits of it at least")
    near = sorted(other for other in known if other.startswith(id.lower()))
    if not near:
        raise NoLetterError(f"no dead letter has an id that begins with {id!r}")
    if len(near) > 1:
        raise NoLetterError(f"{id!r} may be any of {len(near)}: {', '.join(near[:5])}")
    return near[0]


def _chunks(letters: Sequence[Found]) -> Iterator[list[str]]:
    for start in range(0, len(letters), AT_ONCE):
        yield [own.entry for own in letters[start : start + AT_ONCE]]

"""Alerts of the past, and what became of each at each receiver, read from Redis."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import msgspec
from redis.asyncio import Redis

from tapewatch.alerts.alert import Alert, decode
from tapewatch.alerts.build import iso_ns
from tapewatch.config import Config, Match
from tapewatch.notify import deliveries
from tapewatch.notify.deliveries import Delivered
from tapewatch.notify.entries import AT_ONCE, Entry, backwards, forwards, text, time_ms
from tapewatch.notify.matching import matches
from tapewatch.notify.stages.route import wants
from tapewatch.store.keys import Keys

_NS_OF_A_MS = 1_000_000

_LEAST_AT_ONCE = 100
"""Entries, with all that `explain` tells: a third of a megabyte."""
_IDS_AT_ONCE = 5000


class Place(NamedTuple):
    """Where an alert stands in the stream."""

    entry: bytes
    id: str


@dataclass(frozen=True)
class Past:
    """An alert of the past."""

    entry: str
    """Its place in the stream."""
    alert: Alert
    body: bytes
    """Its JSON, as it was published."""
    delivered: list[Delivered]
    """What became of it, in the order in which it was noted."""
    waiting: list[str]
    """Receivers of the config that are still to have it, or to have it again."""


async def read(
    config: Config, redis: Redis, match: Match, since_ns: int, limit: int, among: int | None = None
) -> AsyncIterator[Past]:
    """Alerts of the past, the newest last, read a chunk at a time.

    Args:
        config: names the instance and its receivers.
        redis: its Redis.
        match: which alerts.
        since_ns: those that were written to Redis since then, ns UTC.
        limit: so many of the newest.
        among: looks through so many of the newest, or a few more; None: through all.
    """
    places = await _find(redis, Keys(config.name).alerts, match, since_ns, limit, among)
    async for past in pasts(config, redis, places):
        yield past


async def find(redis: Redis, keys: Keys, id_: str) -> list[Place]:
    """Where the alert of this id stands; nowhere, if the stream does not have it any more."""
    wanted = id_.encode()
    if not [own async for own in redis.sscan_iter(keys.ids, match=wanted, count=_IDS_AT_ONCE)]:
        return []
    async for entries in backwards(redis, keys.alerts, at_once=_LEAST_AT_ONCE):
        for entry, fields in entries:
            if fields.get(b"id") == wanted and _alert(fields) is not None:
                return [Place(entry, id_)]
    return []


async def after(redis: Redis, keys: Keys, entry: str, limit: int) -> list[Place]:
    """The newest alerts that came after an entry of the stream, the oldest of them first."""
    places: list[Place] = []
    async for entries in backwards(redis, keys.alerts, f"({entry}", _LEAST_AT_ONCE):
        found = ((own, _alert(fields)) for own, fields in entries)
        places += [Place(own, alert.id) for own, alert in found if alert is not None]
        if len(places) >= limit:
            break
    return places[:limit][::-1]


async def pasts(config: Config, redis: Redis, places: Sequence[Place]) -> AsyncIterator[Past]:
    """What stands there, the oldest first, and what became of it; what was trimmed meanwhile is left out."""
    if not places:
        return
    keys = Keys(config.name)
    ids = {own.id for own in places}
    noted = await deliveries.read(redis, keys.deliveries, time_ms(places[0].entry), ids)
    wanted = {own.name: wants(config, own.name) for own in config.receiver}
    again = {name: await _ids(redis, keys.resend(name)) for name in wanted}
    groups = await _groups(redis, keys.alerts)
    for start in range(0, len(places), AT_ONCE):
        chunk = await _entries(redis, keys.alerts, places[start : start + AT_ONCE])
        open_ = await _open(redis, keys.alerts, groups, [entry for entry, _ in chunk])
        for entry, fields in chunk:
            body = fields[b"json"]
            alert = decode(body)
            delivered = noted.get(alert.id, [])
            had = {own.receiver for own in delivered} | set(text(fields, b"delivered").split(","))
            waiting = [
                name
                for name, wants_ in wanted.items()
                if alert.id in again[name] or (name in open_[entry] - had and wants_(alert))
            ]
            yield Past(entry.decode(), alert, body, delivered, waiting)


def as_json(past: Past) -> dict[str, Any]:
    """One alert for programs."""
    told = [delivery_json(own) for own in past.delivered]
    return {"alert": msgspec.Raw(past.body), "deliveries": told, "waiting": past.waiting}


def delivery_json(own: Delivered) -> dict[str, str]:
    """What became of an alert at one receiver, for programs."""
    return {
        "receiver": own.receiver,
        "outcome": own.outcome,
        "detail": own.detail,
        "receipt": own.receipt,
        "time": iso_ns(own.at_ns),
    }


async def _find(
    redis: Redis, key: str, match: Match, since_ns: int, limit: int, among: int | None
) -> list[Place]:
    """The newest alerts that fit, the oldest of them first."""
    places: list[Place] = []
    seen, at_once = 0, min(AT_ONCE, max(limit, _LEAST_AT_ONCE))
    async for entries in backwards(redis, key, str(since_ns // _NS_OF_A_MS), at_once):
        for entry, fields in entries:
            alert = _alert(fields)
            if alert is not None and matches(match, alert):
                places.append(Place(entry, alert.id))
                if len(places) == limit:
                    return places[::-1]
        seen += len(entries)
        if among is not None and seen >= among:
            break
    return places[::-1]


def _alert(fields: dict[bytes, bytes]) -> Alert | None:
    """None if the entry holds none: it is every receiver's dead letter, and is told there."""
    try:
        return decode(fields.get(b"json", b""))
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


async def _entries(redis: Redis, key: str, places: Sequence[Place]) -> list[Entry]:
    """Those that were not trimmed meanwhile."""
    async with redis.pipeline(transaction=False) as pipe:
        for place in places:
            at: Any = place.entry
            pipe.xrange(key, at, at)
        return [entry for found in await pipe.execute() for entry in found]


async def _ids(redis: Redis, key: str) -> set[str]:
    """The alerts of a stream of dead letters."""
    return {text(fields, b"id") async for entries in forwards(redis, key) for _, fields in entries}


async def _groups(redis: Redis, key: str) -> dict[str, bytes]:
    """By receiver, the last entry that its worker has read."""
    groups: Any = await redis.xinfo_groups(key)
    return {own["name"].decode(): own["last-delivered-id"] for own in groups}


async def _open(
    redis: Redis, key: str, groups: Mapping[str, bytes], entries: Sequence[bytes]
) -> dict[bytes, set[str]]:
    """By entry, the receivers whose workers did not read or not acknowledge it yet."""
    open_: dict[bytes, set[str]] = {entry: set() for entry in entries}
    for receiver, last in groups.items():
        pending = await _pending(redis, key, receiver, entries)
        for entry, names in open_.items():
            if entry in pending or _order(entry) > _order(last):
                names.add(receiver)
    return open_


async def _pending(redis: Redis, key: str, group: str, entries: Sequence[bytes]) -> set[bytes]:
    """Which of the entries were read and not acknowledged."""
    found: set[bytes] = set()
    if not entries:
        return found
    first, last = entries[0], entries[-1]
    while chunk := await redis.xpending_range(key, group, first, last, AT_ONCE):
        ids: list[Any] = [own["message_id"] for own in chunk]
        found.update(ids)
        first = b"(" + ids[-1]
    return found


def _order(entry: bytes) -> tuple[int, int]:
    """By which the entries of a stream are ordered."""
    ms, _, number = entry.partition(b"-")
    return int(ms), int(number)

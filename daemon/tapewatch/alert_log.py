"""`tapewatch log`: alerts of the past, and what became of each at each receiver."""

import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import msgspec
from redis.asyncio import Redis
from rich.console import Console
from rich.text import Text

from tapewatch.alerts.alert import Alert, decode
from tapewatch.alerts.build import iso_ns
from tapewatch.config import Config, Match, state_dir
from tapewatch.market.ticks import NS
from tapewatch.notify import deliveries
from tapewatch.notify.deliveries import Delivered
from tapewatch.notify.entries import AT_ONCE, Entry, backwards, forwards, text, time_ms
from tapewatch.notify.matching import matches
from tapewatch.notify.outcome import Outcome
from tapewatch.notify.render import one_line
from tapewatch.notify.stages.route import wants
from tapewatch.store.keys import Keys
from tapewatch.store.server import connect_redis
from tapewatch.tail import alert_line

SHOWN = 8
"""Digits of an alert's id that people see."""

_NS_OF_A_MS = 1_000_000

_STYLES: dict[str, str] = {
    Outcome.SENT: "green",
    Outcome.REFUSED: "red",
    Outcome.GAVE_UP: "red",
    Outcome.UNREADABLE: "red",
}

_encode = msgspec.json.Encoder().encode


class Place(NamedTuple):
    """Where an alert stands in the stream."""

    entry: bytes
    id: str


@dataclass(frozen=True)
class Past:
    """An alert of the past."""

    alert: Alert
    body: bytes
    """Its JSON, as it was published."""
    delivered: list[Delivered]
    """What became of it, in the order in which it was noted."""
    waiting: list[str]
    """Receivers of the config that are still to have it, or to have it again."""


async def show(config: Config, match: Match, since_ns: int, limit: int, console: Console | None) -> int:
    """Prints alerts of the past, the newest last.

    Args:
        config: names the instance, its Redis and its receivers.
        match: which alerts.
        since_ns: those that were written to Redis since then, ns UTC.
        limit: so many of the newest.
        console: for people; None: JSON, an object a line.

    Returns:
        How many.

    Raises:
        RedisUnavailableError: no daemon runs there.
    """
    count = 0
    async with connect_redis(config.redis_url(), state_dir(config)) as redis:
        async for past in read(config, redis, match, since_ns, limit):
            count += 1
            if console is None:
                sys.stdout.write(_encode(as_json(past)).decode() + "\n")
            else:
                console.print(_text(config, past), soft_wrap=True)
    return count


async def read(config: Config, redis: Redis, match: Match, since_ns: int, limit: int) -> AsyncIterator[Past]:
    """The alerts that `show` prints, read a chunk at a time."""
    keys = Keys(config.name)
    places = await _find(redis, keys.alerts, match, since_ns, limit)
    if not places:
        return
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
            yield Past(alert, body, delivered, waiting)


def as_json(past: Past) -> dict[str, Any]:
    """One alert for programs."""
    told = [
        {
            "receiver": own.receiver,
            "outcome": own.outcome,
            "detail": own.detail,
            "receipt": own.receipt,
            "time": iso_ns(own.at_ns),
        }
        for own in past.delivered
    ]
    return {"alert": msgspec.Raw(past.body), "deliveries": told, "waiting": past.waiting}


async def _find(redis: Redis, key: str, match: Match, since_ns: int, limit: int) -> list[Place]:
    """The newest alerts that fit, the oldest of them first."""
    places: list[Place] = []
    async for entries in backwards(redis, key, str(since_ns // _NS_OF_A_MS)):
        for entry, fields in entries:
            alert = _alert(fields)
            if alert is not None and matches(match, alert):
                places.append(Place(entry, alert.id))
                if len(places) == limit:
                    return places[::-1]
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


def _text(config: Config, past: Past) -> Text:
    """The alert, and a line for each receiver below it: those of the config first, in its order."""
    line = Text.assemble((f"{past.alert.id[:SHOWN]}  ", "bold"), alert_line(past.alert))
    last = _last(past.delivered)
    for name in dict.fromkeys([*(own.name for own in config.receiver), *last]):
        if name in past.waiting:
            line.append(f"\n    {name} waiting", "yellow")
        elif own := last.get(name):
            detail = f": {own.detail}" if own.detail else ""
            told = f"{own.receiver} {own.outcome} {_time(own.at_ns, past.alert)}{detail}"
            line.append(f"\n    {one_line(told)}", _STYLES.get(own.outcome, "dim"))
    return line


def _last(delivered: Sequence[Delivered]) -> dict[str, Delivered]:
    """By receiver, what became of it in the end; that it was had already says less than how."""
    last: dict[str, Delivered] = {}
    for own in delivered:
        if own.outcome != Outcome.HAD_ALREADY or own.receiver not in last:
            last[own.receiver] = own
    return last


def _time(at_ns: int, alert: Alert) -> str:
    """A time at the alert's exchange, with its date if that is not the alert's."""
    zone = ZoneInfo(alert.data.zone)
    then, fired = (
        datetime.fromtimestamp(time // NS, UTC).astimezone(zone) for time in (at_ns, int(alert.data.time_ns))
    )
    return f"{then:%H:%M:%S}" if then.date() == fired.date() else f"{then:%Y-%m-%d %H:%M:%S}"

"""What every watch of a running daemon is at, as the `now` hashes have it."""

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from typing import Any

from redis.asyncio import Redis

from tapewatch.config import Config, Watch, state_dir
from tapewatch.engine.parts import Crosses, Enters, Leaves, Price
from tapewatch.market.sessions import sessions
from tapewatch.market.ticks import NS
from tapewatch.notify.silences import Silence, Silences
from tapewatch.store.keys import Keys
from tapewatch.store.server import connect_redis

_NOT_INDICATORS = ("price", "time", "time_ns", "feed", "feed_state", "lag_s")

_AT_ONCE = 500
"""Hashes read in one go."""

Fields = dict[str, str]
"""A `now` hash; empty before the symbol's first tick."""


@dataclass(frozen=True)
class Overview:
    """What the processes of an instance are at, as Redis has it."""

    watches: list[dict[str, Any]]
    """As `status_of` has each; and `age_s` of its price, null on a tape, `lag_s` of its feed, ids of its `silences`."""
    silences: dict[str, Silence]
    """Those that hold, by id."""
    leader: str | None
    """Who leads, where others stand by; None: nobody, or no others."""


async def read(config: Config, symbol: str | None = None) -> Overview:
    """Price, distances and indicators of watches, as the daemon last wrote them.

    Args:
        config: names the instance and its Redis.
        symbol: of these; it may hold * and ?; None: all.

    Raises:
        RedisUnavailableError: no daemon runs there.
    """
    keys, now = Keys(config.name), time.time_ns()
    watches = [own for own in config.watch if symbol is None or fnmatchcase(own.symbol, symbol)]
    async with connect_redis(config.redis_url(), state_dir(config)) as redis:
        known = [
            own for own in await Silences(redis, keys.silences).all() if own.since_ns <= now < own.until_ns
        ]
        leader = await redis.get(keys.lease) if config.ha else None
        found = [
            fields
            for start in range(0, len(watches), _AT_ONCE)
            for fields in await _all_fields(redis, keys, watches[start : start + _AT_ONCE])
        ]
    return Overview(
        [_with_health(config, *own, known, now) for own in zip(watches, found, strict=True)],
        {own.id: own for own in known},
        _text(leader) if leader else None,
    )


async def _all_fields(redis: Redis, keys: Keys, watches: Sequence[Watch]) -> list[Fields]:
    async with redis.pipeline(transaction=False) as pipe:
        for watch in watches:
            pipe.hgetall(keys.now(watch.symbol))
        return [_texts(fields) for fields in await pipe.execute()]


def _with_health(
    config: Config, watch: Watch, fields: Fields, silences: Sequence[Silence], now: int
) -> dict[str, Any]:
    feed = config.feed_of(watch)
    lives = feed is not None and feed.clock == "wall" and "time_ns" in fields
    return {
        **status_of(watch, fields),
        "age_s": max(now - int(fields["time_ns"]), 0) / NS if lives else None,
        "lag_s": float(fields["lag_s"]) if "lag_s" in fields else None,
        "silences": [
            own.id for own in silences if own.symbol is None or fnmatchcase(watch.symbol, own.symbol)
        ],
    }


async def now_fields(redis: Redis, keys: Keys, symbol: str) -> Fields:
    """The symbol's `now` hash."""
    return _texts(await redis.hgetall(keys.now(symbol)))


def status_of(watch: Watch, now: Fields) -> dict[str, Any]:
    """One watch, for programs; a level has `low` equal to `high`, a distance is what price has to go, in points."""
    own = float(now["price"]) if "price" in now else None
    indicators = {name: float(value) for name, value in now.items() if name not in _NOT_INDICATORS}
    return {
        "symbol": watch.symbol,
        "title": watch.title or watch.symbol,
        "price": own,
        "time": now.get("time"),
        "exchange_time": exchange_time(watch, int(now["time_ns"])) if "time_ns" in now else None,
        "feed": now.get("feed"),
        "feed_state": now.get("feed_state"),
        "levels": [
            {"name": name, "role": role, "low": low, "high": high, "distance": _distance(own, low, high)}
            for name, role, low, high in places(watch, indicators)
        ],
        "indicators": indicators,
    }


def exchange_time(watch: Watch, time: int) -> str:
    """A time (ns) at the watch's exchange: `Wed 28 Jan 2026 09:31:07 EST`."""
    there = datetime.fromtimestamp(time // NS, UTC).astimezone(sessions(watch.calendar).zone)
    return f"{there:%a %d %b %Y %H:%M:%S %Z}"


def places(watch: Watch, indicators: dict[str, float]) -> Iterator[tuple[str, str | None, float, float]]:
    """Name, role, lower and upper edge of whatever price may cross: levels, zones, and conditions that are levels."""
    for level in watch.level:
        yield level.name, level.role, level.price, level.price
    for zone in watch.zone:
        yield zone.name, zone.role, zone.low, zone.high
    for condition in watch.condition:
        match condition.parsed.event:
            case Crosses(Price(), _, float(at)):
                yield condition.name, None, at, at
            case Crosses(Price(), _, right) if str(right) in indicators:
                at = indicators[str(right)]
                yield condition.name, None, at, at
            case Enters(Price(), low, high) | Leaves(Price(), low, high):
                yield condition.name, None, low, high


def _distance(own: float | None, low: float, high: float) -> float | None:
    """How far price has to go to the level, or the nearer edge of the zone; 0 inside."""
    if own is None:
        return None
    return low - own if own < low else high - own if own > high else 0.0


def _texts(fields: Mapping[Any, Any]) -> Fields:
    return {_text(name): _text(value) for name, value in fields.items()}


def _text(raw: bytes | str) -> str:
    return raw.decode() if isinstance(raw, bytes) else raw

"""What every watch of a running daemon is at, as the `now` hashes have it."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from redis.asyncio import Redis

from tapewatch.config import Config, Watch, state_dir
from tapewatch.engine.parts import Crosses, Enters, Leaves, Price
from tapewatch.market.sessions import sessions
from tapewatch.market.ticks import NS
from tapewatch.store.keys import Keys
from tapewatch.store.server import connect_redis

_NOT_INDICATORS = ("price", "time", "time_ns", "feed", "feed_state", "lag_s")

Fields = dict[str, str]
"""A `now` hash; empty before the symbol's first tick."""


async def read(config: Config) -> list[dict[str, Any]]:
    """Price, distances and indicators of every watch, as the daemon last wrote them.

    Raises:
        RedisUnavailableError: no daemon runs there.
    """
    keys = Keys(config.name)
    async with connect_redis(config.redis_url(), state_dir(config)) as redis:
        return [status_of(watch, await now_fields(redis, keys, watch.symbol)) for watch in config.watch]


async def now_fields(redis: Redis, keys: Keys, symbol: str) -> Fields:
    """The symbol's `now` hash."""
    fields = await redis.hgetall(keys.now(symbol))
    return {_text(name): _text(value) for name, value in fields.items()}


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


def _text(raw: bytes | str) -> str:
    return raw.decode() if isinstance(raw, bytes) else raw

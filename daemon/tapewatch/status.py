"""`tapewatch status`: what every watch of a running daemon is at."""

from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from tapewatch.alerts.wording import number, place
from tapewatch.config import Config, Level, Watch, Zone, state_dir
from tapewatch.store.keys import Keys
from tapewatch.store.server import connect_redis

_NOT_INDICATORS = ("price", "time", "time_ns", "feed", "feed_state")


async def read(config: Config) -> list[dict[str, Any]]:
    """Price, distances and indicators of every watch, as the daemon last wrote them.

    Raises:
        RedisUnavailableError: no daemon runs there.
    """
    keys = Keys(config.name)
    async with connect_redis(config.redis_url(), state_dir(config)) as redis:
        async with redis.pipeline(transaction=False) as pipe:
            for watch in config.watch:
                pipe.hgetall(keys.now(watch.symbol))
            hashes = await pipe.execute()
    return [status_of(watch, _text(fields)) for watch, fields in zip(config.watch, hashes, strict=True)]


def status_of(watch: Watch, now: dict[str, str]) -> dict[str, Any]:
    """One watch; `now` is its `now` hash, empty before its first tick."""
    price = float(now["price"]) if "price" in now else None
    return {
        "symbol": watch.symbol,
        "title": watch.title or watch.symbol,
        "price": price,
        "time": now.get("time"),
        "feed": now.get("feed"),
        "feed_state": now.get("feed_state"),
        "levels": [_distance(rule, price) for rule in (*watch.level, *watch.zone)],
        "indicators": {name: float(value) for name, value in now.items() if name not in _NOT_INDICATORS},
    }


def show(statuses: list[dict[str, Any]], console: Console) -> None:
    """The same for people."""
    for status in statuses:
        price = "no price yet" if status["price"] is None else number(status["price"])
        console.print(f"[bold]{escape(status['title'])}[/]  {price}  [dim]{status['time'] or ''}[/]")
        console.print(f"[dim]feed {status['feed'] or '-'}: {status['feed_state'] or 'not running'}[/]")
        console.print(level_table(status))
        if status["indicators"]:
            console.print(indicator_table(status["indicators"]))


def level_table(status: dict[str, Any]) -> Table:
    """Levels and zones from the highest down, and how far price has to go to each."""
    table = Table("level", "name", "role", "distance", "%", box=None, header_style="dim", pad_edge=False)
    for level in sorted(status["levels"], key=lambda level: -level["high"]):
        distance = level["distance"]
        table.add_row(
            place(level["low"], level["high"]),
            escape(level["name"]),
            level["role"] or "",
            ""
            if distance is None
            else "inside"
            if distance == 0 and level["low"] != level["high"]
            else f"{distance:+,.2f}",
            "" if distance is None else f"{100 * distance / status['price']:+.2f}",
        )
    return table


def indicator_table(indicators: dict[str, float]) -> Table:
    """Indicators down, timeframes across."""
    timeframes = list(dict.fromkeys(name.partition("@")[2] for name in indicators))
    names = list(dict.fromkeys(name.partition("@")[0] for name in indicators))
    table = Table("", *timeframes, box=None, header_style="dim", pad_edge=False)
    for name in names:
        values = [indicators.get(f"{name}@{timeframe}") for timeframe in timeframes]
        table.add_row(name, *("" if value is None else f"{value:,.2f}" for value in values))
    return table


def _distance(rule: Level | Zone, price: float | None) -> dict[str, Any]:
    """How far price has to go to the level, or the nearer edge of the zone; 0 inside."""
    low, high = (rule.price, rule.price) if isinstance(rule, Level) else (rule.low, rule.high)
    distance = None
    if price is not None:
        distance = low - price if price < low else high - price if price > high else 0.0
    return {"name": rule.name, "low": low, "high": high, "role": rule.role, "distance": distance}


def _text(fields: dict[bytes, bytes]) -> dict[str, str]:
    return {name.decode(): value.decode() for name, value in fields.items()}

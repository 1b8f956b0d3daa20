"""After the close the exchange's own daily bar, with its closing auction, takes the place of the one made of ticks."""

import asyncio
import csv
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from house import KEYS, House, alerts_reach, indicators
from live import alerts
from tapes import Case

from feeds.bar_servers import MINUTE, NS, Market, minutes, serve
from tapewatch import assemble, history
from tapewatch.check import load
from tapewatch.instruments import names
from tapewatch.market import spans
from tapewatch.market.sessions import sessions

OPENED, CLOSED = sessions("XNYS").of_date(date(2026, 1, 28)) or (0, 0)
LAST, AUCTION = 99.0, 103.0
"""The last price before the close, and the official one."""

WATCH = """
[[watch]]
symbol = "ACME"
max_jump = "off"
timeframes = ["1m", "1d"]
indicators = ["sma(2)", "ema(2)", "atr(2)", "rsi(2)"]
history = ["daily.csv"]

[[watch.condition]]
name = "official"
when = "close@1d > 102"

[[watch.condition]]
name = "unofficial"
when = "close@1d < 100"

[[watch.level]]
name = "round"
price = 101
confirm = "1d"
"""


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with AsyncExitStack() as stack:
        one = House(tmp_path, Case(tape(tmp_path, LAST), WATCH, "ACME"), stack)
        stack.push_async_callback(one.close)
        (tmp_path / "daily.csv").write_text(
            "date,open,high,low,close\n"
            + "".join(f"2026-01-{day},{day},{day + 2},{day - 1},{day + 1}\n" for day in (21, 22, 23, 26, 27))
        )
        yield one


def tape(folder: Path, last: float) -> Path:
    """A tick a minute, the first over the level; then for 16 minutes at a price of after hours."""
    times = np.arange(OPENED, CLOSED + 17 * MINUTE, MINUTE) + NS
    prices = np.where(times < CLOSED, last, 120.0)
    prices[:2] = 100.5, 101.5
    own = folder / f"tape-{last}.csv"
    with own.open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["time_ns", "price", "size"])
        rows.writerows((time, price, 1) for time, price in zip(times.tolist(), prices.tolist(), strict=True))
    return own


def exchange() -> Market:
    """Its minutes trade as the tape does, but for the last one."""
    own = minutes(OPENED, CLOSED)
    for name in ("open", "high", "low", "close"):
        own[name] = LAST
    own["high"][1], own["close"][-1], own["high"][-1] = 101.5, AUCTION, AUCTION
    return Market(sessions("XNYS"), ACME=own)


async def test_the_daily_close_is_the_official_one(house: House) -> None:
    redis = await house.own_redis()
    simulator = await house.feed()
    market = exchange()
    async with serve(market) as bars:
        house.write(simulator.port, described=f'history_url = "{bars}"\nwarm_up = 0')
        daemon = await house.daemon()
        settled = await daemon.logged("bar.settled")
        assert settled["close"] == AUCTION
        await alerts_reach(redis, 4, daemon)
        wanted = daily_indicators(house)
        async with asyncio.timeout(10):
            while (await daily(redis)) != wanted:  # noqa: ASYNC110 - it is written once a second
                await asyncio.sleep(0.05)
    by_rule = [(one["data"]["rule"], one["type"].removeprefix("tapewatch.")) for one in await alerts(redis)]
    assert by_rule == [
        ("round", "level.crossed_up"),
        ("round", "level.crossed_down"),
        ("round", "level.failed"),
        ("official", "condition.fired"),
    ]
    official = (await alerts(redis))[-1]["data"]
    assert (official["time_ns"], official["price"]) == (str(CLOSED), AUCTION)
    asked = [path for path, _ in market.asked]
    assert len(asked) == 1


async def daily(redis: Any) -> dict[str, float]:
    """What the `now` hash has of the daily indicators."""
    now = indicators(await redis.hgetall(KEYS.now("ACME")))
    return {name.decode(): float(value) for name, value in now.items() if name.endswith(b"@1d")}


def daily_indicators(house: House) -> dict[str, float]:
    """The same of an engine that has the official bar from the start."""
    own = load(house.config)
    engine = assemble.engine(own)
    known = history.bars_of(history.own(own.watch[0], names(own, own.watch[0])), names(own, own.watch[0]))
    bars = np.concatenate([known["1d"], spans.of_dates(exchange().bars("ACME", "1d"), sessions("XNYS"))])
    engine.warm(0, bars, "1d", ["1d"])
    return {name: value for name, value in engine.values(0).items() if name.endswith("@1d")}

"""What passes through the tick path reaches Redis with its trace."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest
from redis.asyncio import Redis

from alerts.alert_tapes import tape
from tapewatch import assemble
from tapewatch.alerts import trace as traces
from tapewatch.alerts.alert import decode
from tapewatch.background import background
from tapewatch.config import Config
from tapewatch.store.commit import Store
from tapewatch.store.server import open_redis
from tapewatch.store.spool import Spool
from tapewatch.store.writer import Writer
from tapewatch.tick_path import TickPath

CONFIG = Config.model_validate(
    {
        "name": "test",
        "feed": [
            {"name": "one", "vendor": "kraken", "clock": "tape"},
            {"name": "two", "vendor": "coinbase", "clock": "tape"},
        ],
        "watch": [
            {
                "symbol": symbol,
                "feed": feed,
                "calendar": "24/7",
                "timeframes": ["1m"],
                "indicators": [],
                "level": [{"name": "level", "price": 100}],
            }
            for symbol, feed in (("BTC/USD", "one"), ("ETH/USD", "two"))
        ],
    }
)


@pytest.fixture
async def redis(tmp_path: Path) -> AsyncIterator[Redis]:
    async with open_redis(None, tmp_path) as redis:
        yield redis


async def test_each_alert_is_written_with_the_ticks_of_its_own_feed(redis: Redis, tmp_path: Path) -> None:
    store = Store(redis, "test")
    await store.open()
    engine = assemble.engine(CONFIG, tape_clocks=[True, True])
    writer = Writer(store, Spool(tmp_path), lambda: path.changes())
    path = TickPath(engine, assemble.alert_builder(CONFIG, engine), writer, CONFIG.feed)
    async with background(writer.run()):
        for feed, prices in ((0, "99.5 99.6"), (1, "99.7 99.8"), (0, "100 100.1"), (1, "100.2 100.3")):
            ticks = tape(prices)
            ticks["time"] += feed + 10**9 * (10 if prices.startswith("100") else 0)
            ticks["symbol"] = feed
            path.ticks(feed, ticks, 0)
        async with asyncio.timeout(20):
            while await redis.xlen(store.keys.alerts) < 2:  # noqa: ASYNC110 - Redis tells nobody
                await asyncio.sleep(0.01)
    entries = [fields for _, fields in await redis.xrange(store.keys.alerts)]
    found = {decode(own[b"json"]).subject: traces.decode(own[b"trace"]) for own in entries}
    assert {subject: [tick.price for tick in own.ticks] for subject, own in found.items()} == {
        "BTC/USD": [99.5, 99.6, 100.0],
        "ETH/USD": [99.7, 99.8, 100.2],
    }
    assert [tick.price for tick in found["ETH/USD"].after] == [100.3]
    assert path.fired == {"BTC/USD": 1, "ETH/USD": 1}


async def test_an_alert_is_written_even_if_nobody_can_say_how_it_came(
    redis: Redis, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store = Store(redis, "test")
    await store.open()
    engine = assemble.engine(CONFIG, tape_clocks=[True, True])
    writer = Writer(store, Spool(tmp_path), lambda: path.changes())
    path = TickPath(engine, assemble.alert_builder(CONFIG, engine), writer, CONFIG.feed)
    path._last[0].add(np.array(["no tick at all"]))  # type: ignore[arg-type]
    path.ticks(0, tape("99.5 100"), 0)
    await writer.drain(5)
    ((_, fields),) = await redis.xrange(store.keys.alerts)
    assert decode(fields[b"json"]).data.price == 100.0
    assert b"trace" not in fields
    assert "alert.not_traced" in capsys.readouterr().out


async def test_the_clock_of_a_feed_that_is_late_closes_no_bar_whose_ticks_wait_to_be_read(
    redis: Redis, tmp_path: Path
) -> None:
    """Else they would be refused as late, and what they cross would never fire."""
    store = Store(redis, "test")
    await store.open()
    config = CONFIG.model_copy(
        update={"feed": [feed.model_copy(update={"clock": "wall"}) for feed in CONFIG.feed]}
    )
    minute = 60 * 10**9
    start = 1_769_610_660 * 10**9 // minute * minute

    def alerts_where(late: int) -> int:
        engine = assemble.engine(config, tape_clocks=[False, False])
        writer = Writer(store, Spool(tmp_path), lambda: iter(()))
        path = TickPath(
            engine, assemble.alert_builder(config, engine), writer, config.feed, lambda feed: late
        )
        for second, price in ((57.0, 99.5), (58.5, 99.6), (59.8, 100.1)):
            rows = tape(str(price))
            rows["time"] = start + int(second * 10**9)
            path.ticks(0, rows, start + int((second + 4) * 10**9))  # 4 s after it happened
        return path.fired.total()

    assert alerts_where(4 * 10**9) == 1
    assert alerts_where(0) == 0

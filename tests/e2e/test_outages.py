"""What the tape did while nobody listened is taken from the vendor's history, reported once, and late."""

import asyncio
import signal
import time
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from exchange import Exchange
from house import KEYS, alerts_reach
from live import Place, alerts, told, until_place
from starlette.responses import JSONResponse

from feeds.bar_servers import MINUTE, Market, minutes
from tapewatch.market.sessions import sessions

LEVELS = """
[[watch.level]]
name = "crossed"
price = 100

[[watch.level]]
name = "touched"
price = 110

[[watch.level]]
name = "quiet"
price = 90
"""


def past(now: int) -> Market:
    """Three hours that end at the last full minute: at 95, with a rise over 110 four minutes ago that ends at 105."""
    end = now // MINUTE * MINUTE
    bars = minutes(end - 180 * MINUTE, end, price=95.0)
    lowest = bars["low"].min()
    for name in ("open", "high", "low", "close"):
        bars[name] = np.round(95 + (bars[name] - lowest) / 50, 2)
    bars["high"][-4], bars["close"][-4], bars["open"][-3:], bars["close"][-3:] = 111.0, 105.0, 105.0, 105.0
    bars["high"][-3:], bars["low"][-3:] = 105.5, 104.5
    return Market(sessions("24/7"), BTC_USD=bars)


@pytest.fixture
def exchange() -> Exchange:
    return Exchange("BTC/USD", "ETH/USD", market=past(time.time_ns()))


async def test_what_crossed_while_the_daemon_was_away_is_reported_once_and_late(place: Place) -> None:
    redis, exchange = await place.redis(), place.exchange
    now, exchange.market.now = exchange.market.now, exchange.market.now - 10 * MINUTE
    place.write(LEVELS)
    first = await place.daemon()
    await exchange.listened()
    seconds_ago = (time.time_ns() - now) / 1e9 + 595
    await until_place(redis, await exchange.trade(95.0, 95.1, ago=seconds_ago))
    await first.kill()

    exchange.market.now = now
    second = await place.daemon()
    await exchange.listened()
    last = await exchange.trade(105.0)
    await second.logged("outage.mended")
    await until_place(redis, last)
    await exchange.trade(99.0)
    await alerts_reach(redis, 3, second)
    found = await alerts(redis)
    assert [told(one) for one in found] == [
        ("level.crossed_up", "crossed", True, "outage"),
        ("level.touched", "touched", True, "outage"),
        ("level.crossed_down", "crossed", False, None),
    ]
    assert [one["data"]["time_ns"] for one in found[:2]] == [str(now - 3 * MINUTE)] * 2
    assert found[1]["data"]["price"] == 111.0
    await second.kill()

    third = await place.daemon()
    await exchange.listened()
    await until_place(redis, await exchange.trade(98.0))
    assert len(await alerts(redis)) == 3, third.everything()


async def test_a_file_of_bars_mends_an_outage_too(place: Place) -> None:
    redis, exchange = await place.redis(), place.exchange
    market, file = exchange.market, place.config.with_name("bars.csv")
    now = market.now
    write_bars(file, market.symbols["BTC/USD"][:-10])
    place.write('history = ["bars.csv"]\n' + LEVELS, history=False)
    first = await place.daemon()
    await exchange.listened()
    seconds_ago = (time.time_ns() - now) / 1e9 + 595
    await until_place(redis, await exchange.trade(95.0, 95.1, ago=seconds_ago))
    await first.kill()

    write_bars(file, market.symbols["BTC/USD"])
    second = await place.daemon()
    await exchange.listened()
    last = await exchange.trade(105.0)
    assert (await second.logged("outage.mended"))["interval"] == "1m"
    await until_place(redis, last)
    assert [told(one) for one in await alerts(redis)] == [
        ("level.crossed_up", "crossed", True, "outage"),
        ("level.touched", "touched", True, "outage"),
    ]


def write_bars(file: Path, bars: np.ndarray) -> None:
    """A file of bars, as people have them."""
    lines = [
        f"{datetime.fromtimestamp(int(bar['start']) // 10**9, UTC):%Y-%m-%dT%H:%M:%SZ},"
        + ",".join(str(float(bar[name])) for name in ("open", "high", "low", "close", "volume"))
        for bar in bars
    ]
    file.write_text("time,open,high,low,close,volume\n" + "\n".join(lines) + "\n")


async def test_without_history_the_first_tick_after_an_outage_says_that_there_was_one(place: Place) -> None:
    redis, exchange = await place.redis(), place.exchange
    place.write(LEVELS, history=False)
    daemon = await place.daemon()
    await exchange.listened()
    await until_place(redis, await exchange.trade(95.0, ago=200))
    await exchange.hang_up()
    await daemon.logged("feed.lost")
    await exchange.listened()
    await exchange.trade(105.0)
    await exchange.trade(89.0)
    await alerts_reach(redis, 3, daemon)
    assert [told(one) for one in await alerts(redis)] == [
        ("level.crossed_up", "crossed", False, "outage"),
        ("level.crossed_down", "crossed", False, None),
        ("level.crossed_down", "quiet", False, None),
    ]


async def test_a_vendor_that_was_away_at_the_start_is_asked_again_before_the_first_tick(place: Place) -> None:
    redis, exchange = await place.redis(), place.exchange
    exchange.market.troubles = [JSONResponse({"error": ["EGeneral:Permission denied"], "result": {}})] * 3
    place.write(LEVELS)
    daemon = await place.daemon()
    assert (await daemon.logged("state.warmed"))["bars"] == 0
    exchange.market.troubles = []
    await exchange.listened()
    await until_place(redis, await exchange.trade(95.0))
    assert (await daemon.logged("state.warmed", 2))["bars"] > 100
    assert b"rsi(14)@1m" in await redis.hgetall(KEYS.now("BTC/USD"))


async def test_a_history_that_does_not_answer_holds_the_ticks_up_for_ten_seconds_at_most(
    place: Place,
) -> None:
    redis, exchange = await place.redis(), place.exchange
    exchange.market.now -= 10 * MINUTE
    place.write(LEVELS)
    first = await place.daemon()
    await exchange.listened()
    await until_place(redis, await exchange.trade(95.0, ago=600))
    await first.kill()
    exchange.market.troubles = [None] * 20
    second = await place.daemon()
    await exchange.listened()
    asked = time.monotonic()
    await exchange.trade(105.0)
    await alerts_reach(redis, 1, second)
    assert 5 < time.monotonic() - asked < 15
    assert [told(one) for one in await alerts(redis)] == [("level.crossed_up", "crossed", False, "outage")]
    assert second.events("outage.not_mended")


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGTERM])
async def test_a_signal_in_the_middle_of_mending_loses_nothing(place: Place, number: signal.Signals) -> None:
    redis, exchange = await place.redis(), place.exchange
    now, exchange.market.now = exchange.market.now, exchange.market.now - 10 * MINUTE
    place.write(LEVELS)
    daemon = await place.daemon()
    await exchange.listened()
    seconds_ago = (time.time_ns() - now) / 1e9 + 595
    await until_place(redis, await exchange.trade(95.0, 95.1, ago=seconds_ago))
    await exchange.hang_up()
    await daemon.logged("feed.lost")
    exchange.market.now, exchange.market.slow = now, 3.0
    asked = len(exchange.market.asked)
    await exchange.listened()
    await daemon.logged("feed.subscribed", 2)
    last = await exchange.trade(105.0)
    async with asyncio.timeout(10):
        while len(exchange.market.asked) == asked:  # noqa: ASYNC110
            await asyncio.sleep(0.01)

    place.write(LEVELS.replace("price = 90", "price = 91"))
    if number is signal.SIGTERM:
        assert await daemon.stop() == 0
        exchange.market.slow = 0.0
        daemon = await place.daemon()
        await exchange.listened()
        last = await exchange.trade(105.0)
    else:
        daemon.process.send_signal(number)
        await daemon.logged("config.changed")
    await until_place(redis, last)
    await exchange.trade(90.5)
    await alerts_reach(redis, 4, daemon)
    assert [told(one) for one in await alerts(redis)] == [
        ("level.crossed_up", "crossed", True, "outage"),
        ("level.touched", "touched", True, "outage"),
        ("level.crossed_down", "crossed", False, None),
        ("level.crossed_down", "quiet", False, None),
    ]

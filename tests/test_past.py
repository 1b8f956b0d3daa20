"""Which bars a watch begins with, and that an engine warmed on them is where it would be had it seen every minute."""

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from starlette.responses import Response

from feeds.bar_servers import DAY, MINUTE, NS, Market, at, minutes, regular_minutes, serve
from tapewatch import meaning
from tapewatch.config import Config
from tapewatch.engine.engine import Engine
from tapewatch.feeds.alpaca.history import AlpacaHistory
from tapewatch.feeds.coinbase.history import CoinbaseHistory
from tapewatch.feeds.history import HistorySource
from tapewatch.feeds.history_vendor import VendorHistory
from tapewatch.feeds.kraken.history import KrakenHistory
from tapewatch.feeds.massive.history import MassiveHistory
from tapewatch.feeds.protocol import Credentials
from tapewatch.instruments import names
from tapewatch.market import spans
from tapewatch.market.bars import ratio
from tapewatch.market.sessions import sessions
from tapewatch.past import FILES, Past, Stretch

KEY = Credentials("key")
NEW_YORK, ROUND_THE_CLOCK = sessions("XNYS"), sessions("24/7")
MID_SESSION = at("2024-07-10 15:03") + 30 * NS
SHUT = at("2024-07-11 02:00")
TIMEFRAMES = ["1m", "5m", "1h", "1d"]


@pytest.fixture(scope="module")
def stocks() -> dict[str, np.ndarray]:
    """SPY and XLC from the middle of May to 10 July 2024, a half day among them."""
    days = (date(2024, 5, 15), date(2024, 7, 10))
    return {
        "SPY": regular_minutes(NEW_YORK, *days),
        "XLC": regular_minutes(NEW_YORK, *days, seed=500, price=80),
    }


@pytest.fixture
def market(stocks: dict[str, np.ndarray]) -> Market:
    own = Market(NEW_YORK, **stocks)
    own.now = MID_SESSION
    return own


@pytest.fixture
async def ask() -> AsyncIterator[Callable[..., Any]]:
    """A watch's past, where a market's vendor serves its bars."""
    async with AsyncExitStack() as stack:
        http = await stack.enter_async_context(httpx.AsyncClient())

        async def past(market: Market | None, vendor: VendorHistory | None = None, **more: Any) -> Past:
            warm_up = more.pop("warm_up", 250)
            config = watching(**more)
            source = None
            if market is not None:
                url = await stack.enter_async_context(serve(market))
                vendor = vendor or MassiveHistory(KEY)
                vendor.per_minute = 60_000
                source = HistorySource(http, vendor, KEY, url, patience=0.5)
            return Past(config.watch[0], names(config, config.watch[0]), source, warm_up)

        yield past


def watching(**more: Any) -> Config:
    watch = {"symbol": "SPY", "timeframes": TIMEFRAMES, "indicators": ["sma(4)"], **more}
    return Config.model_validate({"name": "t", "watch": [watch]})


def spans_of(stretches: list[Stretch]) -> list[tuple[str, list[str], int, int]]:
    return [
        (own.interval, own.timeframes, int(own.bars["start"][0]), int(own.bars["end"][-1]))
        for own in stretches
    ]


def bars_made(stretches: list[Stretch], timeframe: str, calendar: Any = NEW_YORK) -> list[int]:
    """How many bars of a timeframe each stretch that builds it makes."""
    return [spans.count(own.bars, calendar, timeframe) for own in stretches if timeframe in own.timeframes]


async def test_new_york_in_mid_session(ask: Any, market: Market) -> None:
    opened = at("2024-07-10 13:30")
    found = await (await ask(market, warm_up=30)).warm_up(MID_SESSION)
    yesterday = at("2024-07-09 20:00")
    assert [own[:2] for own in spans_of(found)] == [
        ("1d", ["1d"]), ("30m", ["1h"]), ("5m", ["5m"]), ("1m", ["1m"]), ("1m", TIMEFRAMES)
    ]  # fmt: skip
    assert [own[3] for own in spans_of(found)] == [yesterday] * 4 + [at("2024-07-10 15:03")]
    assert found[-1].bars["start"][0] == opened
    assert [bars_made(found, name)[0] for name in TIMEFRAMES] == [30] * 4
    assert found[0].bars["start"][-1] == at("2024-07-09 13:30"), "a daily bar is its session's"


async def test_when_the_exchange_is_shut_all_is_coarse(ask: Any, market: Market) -> None:
    market.now = SHUT
    found = await (await ask(market, warm_up=10)).warm_up(SHUT)
    assert [own[:2] for own in spans_of(found)] == [
        ("1d", ["1d"]), ("30m", ["1h"]), ("5m", ["5m"]), ("1m", ["1m"])
    ]  # fmt: skip
    assert {own[3] for own in spans_of(found)} == {at("2024-07-10 20:00")}


async def test_bars_outside_the_sessions_are_left_out_on_a_half_day_too(ask: Any, market: Market) -> None:
    market.now = now = at("2024-07-03 23:00")
    found = await (await ask(market, warm_up=40)).warm_up(now)
    hours = found[1].bars
    half_day = hours[hours["start"] >= at("2024-07-03 00:00")]
    assert (half_day["start"][0], half_day["end"][-1]) == (at("2024-07-03 13:30"), at("2024-07-03 17:00"))
    assert bars_made(found, "1h") == [40]
    assert hours["high"].max() < 2 * hours["low"].min(), "extended hours traded at three times the price"


async def test_the_clocks_change_and_the_hours_stay_those_of_the_exchange(ask: Any) -> None:
    market = Market(NEW_YORK, SPY=regular_minutes(NEW_YORK, date(2024, 3, 5), date(2024, 3, 14)))
    market.now = now = at("2024-03-14 15:00")
    found = await (await ask(market, timeframes=["1h", "1d"], warm_up=30)).warm_up(now)
    hours = next(own for own in found if own.interval == "30m").bars
    assert {int(start) % DAY // MINUTE for start in hours["start"] if start < at("2024-03-10 00:00")} == {
        60 * 14 + 30 + 30 * k for k in range(13)
    }
    assert {int(start) % DAY // MINUTE for start in hours["start"] if start > at("2024-03-10 00:00")} == {
        60 * 13 + 30 + 30 * k for k in range(13)
    }
    assert bars_made(found, "1h")[0] == 30
    days = found[0].bars["start"]
    assert [int(start) % DAY // MINUTE for start in days[-5:]] == [60 * 14 + 30] * 2 + [60 * 13 + 30] * 3


async def test_round_the_clock_hours_are_hours(ask: Any) -> None:
    market = Market(
        ROUND_THE_CLOCK, BTC_USD=minutes(at("2024-06-25 00:00"), at("2024-07-03 12:00"), price=6e4)
    )
    market.now = now = at("2024-07-03 11:59") + 30 * NS
    past = await ask(
        market, CoinbaseHistory(), symbol="BTC", feed_symbol="BTC/USD", calendar="24/7", warm_up=40
    )
    found = await past.warm_up(now)
    assert [own[:2] for own in spans_of(found)] == [
        ("1d", ["1d"]), ("1h", ["1h"]), ("5m", ["5m"]), ("1m", ["1m"]), ("1m", TIMEFRAMES)
    ]  # fmt: skip
    assert [bars_made(found, name, ROUND_THE_CLOCK)[0] for name in TIMEFRAMES] == [40, 40, 40, 8]


async def test_days_of_utc_are_no_sessions_of_new_york(ask: Any, market: Market) -> None:
    past = await ask(market, CoinbaseHistory(), timeframes=["1d"], warm_up=10)
    found = await past.warm_up(MID_SESSION)
    assert [own[:2] for own in spans_of(found)] == [("30m", ["1d"]), ("1m", ["1d"])]
    assert bars_made(found, "1d")[0] == 10


async def test_kraken_reaches_back_to_midnight_with_coarser_bars(ask: Any) -> None:
    market = Market(
        ROUND_THE_CLOCK, BTC_USD=minutes(at("2024-06-25 00:00"), at("2024-07-03 15:04"), price=6e4)
    )
    market.now = now = at("2024-07-03 15:03") + 30 * NS
    past = await ask(
        market, KrakenHistory(), symbol="BTC", feed_symbol="BTC/USD", calendar="24/7", warm_up=50
    )
    found = await past.warm_up(now)
    assert spans_of(found)[-2:] == [
        ("5m", ["5m", "1h", "1d"], at("2024-07-03 00:00"), at("2024-07-03 15:00")),
        ("1m", TIMEFRAMES, at("2024-07-03 15:00"), at("2024-07-03 15:03")),
    ]
    assert bars_made(found, "1m", ROUND_THE_CLOCK) == [50, 3]


async def test_a_composite_is_made_of_its_legs(
    ask: Any, market: Market, stocks: dict[str, np.ndarray]
) -> None:
    found = await (await ask(market, symbol="XLC/SPY", warm_up=20)).warm_up(MID_SESSION)
    legs = [
        own[(own["start"] >= at("2024-07-10 13:30")) & (own["end"] <= MID_SESSION)]
        for own in (stocks["XLC"], stocks["SPY"])
    ]
    assert found[-1].bars.tolist() == ratio(*legs).tolist()
    assert (
        found[0].bars["close"][-1]
        == market.bars("XLC", "1d")["close"][-2] / market.bars("SPY", "1d")["close"][-2]
    )


def write_days(folder: Path, first: date, last: date) -> str:
    """A file of daily closes, the number of the row."""
    rows, day = ["date,close"], first
    while day <= last:
        if NEW_YORK.of_date(day):
            rows.append(f"{day},{len(rows)}")
        day += timedelta(days=1)
    file = folder / "days.csv"
    file.write_text("\n".join(rows) + "\n")
    return str(file)


async def test_a_file_that_has_all_that_is_wanted_is_used(ask: Any, market: Market, tmp_path: Path) -> None:
    file = write_days(tmp_path, date(2024, 1, 2), date(2024, 7, 9))
    found = await (await ask(market, history=[file], warm_up=50)).found(MID_SESSION)
    assert [(own.source, own.interval) for own in found[:2]] == [(FILES, "1d"), ("massive", "30m")]
    assert found[0].bars["close"][0] == 1
    assert not [path for path, _ in market.asked if "/day/" in path]


@pytest.mark.parametrize(("first", "last"), [((2024, 1, 2), (2024, 7, 8)), ((2024, 7, 1), (2024, 7, 9))])
async def test_a_file_that_lacks_some_is_not(
    ask: Any, market: Market, tmp_path: Path, first: tuple[int, int, int], last: tuple[int, int, int]
) -> None:
    file = write_days(tmp_path, date(*first), date(*last))
    found = await (await ask(market, history=[file], warm_up=20)).found(MID_SESSION)
    assert (found[0].source, found[0].interval) == ("massive", "1d")


async def test_where_the_vendor_fails_files_serve_as_far_as_they_go(
    ask: Any, market: Market, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    market.troubles = [Response(status_code=403)] * 20
    file = write_days(tmp_path, date(2024, 7, 1), date(2024, 7, 8))
    found = await (await ask(market, history=[file])).found(MID_SESSION)
    assert [(own.source, own.interval, len(own.bars)) for own in found if len(own.bars)] == [(FILES, "1d", 5)]
    assert all("HTTP 403" in own.why for own in found)
    assert capsys.readouterr().out.count("history.unavailable") == 1


async def test_files_alone(ask: Any, tmp_path: Path) -> None:
    past = await ask(None, history=[write_days(tmp_path, date(2024, 7, 1), date(2024, 7, 9))])
    assert not past.has_source
    assert [(own.interval, own.timeframes) for own in await past.warm_up(MID_SESSION)] == [("1d", ["1d"])]


async def test_no_warm_up_asks_nobody(ask: Any, market: Market) -> None:
    assert await (await ask(market, warm_up=0)).warm_up(MID_SESSION) == []
    assert market.asked == []


async def test_who_trades_seldom_is_looked_for_further_back(ask: Any, market: Market) -> None:
    own = market.symbols["SPY"]
    market.symbols["SPY"] = own[own["start"] // MINUTE % 3 == 0]
    found = await (await ask(market, timeframes=["1m"], warm_up=100)).warm_up(MID_SESSION)
    assert bars_made(found, "1m")[0] >= 100


async def test_after_an_outage_the_finest_bars(ask: Any, market: Market) -> None:
    place = at("2024-07-10 14:00") + 20 * NS
    (missed,) = await (await ask(market)).since(place, MID_SESSION)
    assert spans_of([missed]) == [("1m", TIMEFRAMES, at("2024-07-10 14:00"), at("2024-07-10 15:03"))]


async def test_of_a_long_outage_coarser_ones_and_what_these_do_not_build(ask: Any, market: Market) -> None:
    market.symbols["SPY"] = regular_minutes(NEW_YORK, date(2024, 1, 2), date(2024, 7, 10))
    missed, *further = await (await ask(market, warm_up=60)).since(at("2024-01-10 15:00"), MID_SESSION)
    assert (missed.interval, missed.timeframes) == ("5m", ["5m", "1h", "1d"])
    assert missed.bars["end"][0] == at("2024-01-10 15:05")
    assert [(own.interval, own.timeframes, len(own.bars)) for own in further] == [("1m", ["1m"], 60)]
    assert further[0].bars["end"][-1] == at("2024-07-10 15:03")


async def test_extended_hours_are_missed_where_they_are_watched(ask: Any, market: Market) -> None:
    market.now = now = at("2024-07-10 20:30")
    place = at("2024-07-10 19:50")
    (regular,) = await (await ask(market)).since(place, now)
    (extended,) = await (await ask(market, hours="extended")).since(place, now)
    assert (regular.bars["end"][-1], extended.bars["end"][-1]) == (at("2024-07-10 20:00"), now)


async def test_nobody_knows(ask: Any, market: Market) -> None:
    assert await (await ask(None)).since(MID_SESSION - MINUTE, MID_SESSION) == []
    market.troubles = [Response(status_code=403)] * 5
    assert await (await ask(market)).since(MID_SESSION - MINUTE, MID_SESSION) == []


async def test_the_official_bar_is_that_of_its_session(ask: Any, market: Market) -> None:
    past = await ask(market)
    bar = await past.official(at("2024-07-09 13:30"), MID_SESSION)
    assert bar is not None
    assert (bar["start"], bar["end"]) == (at("2024-07-09 13:30"), at("2024-07-09 20:00"))
    assert bar["close"] == market.bars("SPY", "1d")["close"][-2]
    assert await past.official(at("2024-07-10 13:30"), MID_SESSION) is None
    assert await past.official(at("2024-07-09 13:30"), at("2024-07-09 20:04:59")) is None


async def test_the_official_bars_of_many_sessions_are_one_request(ask: Any, market: Market) -> None:
    past = await ask(market)
    bars = await past.officials(at("2024-06-28 20:00"), MID_SESSION)
    assert [int(bar["end"]) for bar in bars] == [
        at(f"2024-{day}") for day in
        ("06-28 20:00", "07-01 20:00", "07-02 20:00", "07-03 17:00", "07-05 20:00", "07-08 20:00", "07-09 20:00")
    ]  # fmt: skip
    assert len(market.asked) == 1


async def test_bars_reach_back_to_where_the_shortest_one_began_so_that_its_volume_is_known(
    ask: Any, market: Market
) -> None:
    place = at("2024-07-10 14:03:20")
    (missed,) = await (await ask(market, timeframes=["5m", "1h"])).since(place, MID_SESSION)
    assert spans_of([missed])[0][2] == at("2024-07-10 14:00")


class TestAnEngineWarmedSo:
    """Its values, on the forming bars too, are those of one that has seen every minute."""

    INDICATORS = ("rsi(14)", "macd(12,26,9)", "sma(30)", "ema(20)", "atr(14)", "vwap")

    async def same(self, past: Past, config: Config, every_minute: np.ndarray, now: int) -> None:
        watch = meaning.engine_watch(config, config.watch[0], live=False)
        warmed, whole = Engine([watch]), Engine([watch])
        for own in await past.warm_up(now):
            warmed.warm(0, own.bars, own.interval, own.timeframes)
        whole.warm(0, every_minute, "1m", watch.timeframes)
        values, wanted = warmed.values(0), whole.values(0)
        assert [name for name, value in wanted.items() if np.isnan(value)] == []
        assert values == pytest.approx(wanted, rel=1e-9, abs=1e-9)
        assert warmed.last(0)[0] == whole.last(0)[0]

    async def test_stocks_in_mid_session(
        self, ask: Any, stocks: dict[str, np.ndarray], market: Market
    ) -> None:
        more = {"indicators": [*self.INDICATORS], "timeframes": ["1m", "5m", "15m", "1h"]}
        past = await ask(market, warm_up=5000, **more)
        own = stocks["SPY"]
        every = spans.within(own[own["end"] <= MID_SESSION], NEW_YORK)
        await self.same(past, watching(**more), every, MID_SESSION)

    async def test_days_too(self, ask: Any) -> None:
        market = Market(NEW_YORK, SPY=regular_minutes(NEW_YORK, date(2024, 3, 1), date(2024, 7, 10)))
        market.now = MID_SESSION
        more = {"indicators": [*self.INDICATORS], "timeframes": ["30m", "1d"]}
        past = await ask(market, AlpacaHistory(KEY, "iex"), warm_up=5000, **more)
        every = spans.within(market.symbols["SPY"], NEW_YORK)
        await self.same(past, watching(**more), every[every["end"] <= MID_SESSION], MID_SESSION)

    async def test_round_the_clock_where_the_vendor_reaches_back_720_bars(self, ask: Any) -> None:
        now = at("2024-07-03 15:03") + 30 * NS
        market = Market(ROUND_THE_CLOCK, BTC_USD=minutes(at("2024-05-01 00:00"), now, price=6e4))
        market.now = now
        more = {
            "symbol": "BTC", "feed_symbol": "BTC/USD", "calendar": "24/7",
            "indicators": ["rsi(14)", "macd(12,26,9)", "sma(50)", "ema(20)"],
        }  # fmt: skip
        past = await ask(market, KrakenHistory(), warm_up=700, **more)
        await self.same(past, watching(**more), market.symbols["BTC/USD"][:-1], now)

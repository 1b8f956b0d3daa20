"""What the feed's line does while an outage is mended: it is lost again, comes back, or is stopped."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import date
from itertools import pairwise
from typing import Any, cast

import httpx
import numpy as np
import pytest
from redis.asyncio import Redis

from feeds.bar_servers import MINUTE, NS, Market, at, joined, minutes, regular_minutes, serve
from tapewatch import assemble, outages
from tapewatch.alerts.alert import Alert
from tapewatch.background import background
from tapewatch.config import Config
from tapewatch.feeds.history import HistorySource
from tapewatch.feeds.massive.history import MassiveHistory
from tapewatch.feeds.protocol import Credentials
from tapewatch.instruments import names
from tapewatch.market.bars import BAR
from tapewatch.market.sessions import sessions
from tapewatch.market.ticks import empty_ticks
from tapewatch.outages import Outages
from tapewatch.past import Past
from tapewatch.store.commit import Fired, Store
from tapewatch.store.spool import Spool
from tapewatch.store.writer import Writer
from tapewatch.tick_path import TickPath

KEY = Credentials("key")


class Book(Writer):
    """A writer that keeps what fired; it is never run."""

    def __init__(self) -> None:
        super().__init__(Store(Redis(), "t"), cast(Spool, None), lambda: iter(()))
        self.alerts: list[Alert] = []

    def fired(self, alerts: Sequence[Fired], snapshots: Any) -> None:
        self.alerts += [own.alert for own in alerts]
        super().fired(alerts, snapshots)

    def told(self) -> list[tuple[str, str, bool]]:
        return [
            (own.subject, own.type.removeprefix("tapewatch."), bool(own.data.late)) for own in self.alerts
        ]


class Desk:
    """A feed's way into the engine, with the bars of a market behind it."""

    def __init__(
        self, config: Config, market: Market, url: str, http: httpx.AsyncClient, per_minute: int
    ) -> None:
        vendor = MassiveHistory(KEY)
        vendor.per_minute = per_minute
        self._made_of = config, market, url, http, per_minute
        self.market, self.book = market, Book()
        self.source = HistorySource(http, vendor, KEY, url)
        self.engine = assemble.engine(config, tape_clocks=[feed.clock == "tape" for feed in config.feed])
        self.path = TickPath(self.engine, assemble.alert_builder(config, self.engine), self.book, config.feed)
        self.pasts = {
            row: Past(watch, names(config, watch), self.source, 0) for row, watch in enumerate(config.watch)
        }
        self.outages = Outages(self.path, self.pasts, config.feed)

        self.commit()

    def commit(self) -> None:
        """What a kill leaves."""
        self._left = self.engine.both_parts(0), list(self.book.alerts)

    def after_a_kill(self) -> "Desk":
        own = Desk(*self._made_of)
        parts, own.book.alerts = self._left
        own.engine.restore(0, *parts)
        own.commit()
        return own

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        async with background(self.outages.run(), self.path.keep_time()):
            await asyncio.sleep(0)
            yield

    def connected(self) -> None:
        self.outages.subscribed(0)

    def lost(self) -> None:
        self.outages.lost(0)

    def trade(self, *ticks: tuple[int, float], symbol: str = "BTC") -> None:
        rows = empty_ticks(len(ticks))
        rows["time"], rows["price"] = [time for time, _ in ticks], [price for _, price in ticks]
        rows["size"], rows["symbol"] = 1.0, self.engine.instruments[symbol]
        self.outages.ticks(0, rows, time.time_ns())

    def price(self, row: int = 0) -> float:
        return self.engine.last(row)[0]

    async def asked(self, count: int) -> None:
        async with asyncio.timeout(10):
            while len(self.market.asked) < count:  # noqa: ASYNC110
                await asyncio.sleep(0.01)

    async def until(self, price: float) -> None:
        async with asyncio.timeout(12):
            while self.price() != price:  # noqa: ASYNC110
                await asyncio.sleep(0.01)


def config(*symbols: str, calendar: str = "24/7", clock: str = "wall", **more: Any) -> Config:
    level = {"name": "round", "price": 100}
    watch = {"calendar": calendar, "max_jump": "off", "rearm": 0, "indicators": [], "level": [level], **more}
    feed = {"name": "f", "vendor": "massive", "clock": clock}
    return Config.model_validate(
        {"name": "t", "feed": [feed], "watch": [{"symbol": own} | watch for own in symbols]}
    )


def flat(start: int, end: int, price: float) -> np.ndarray:
    bars = minutes(start, end)
    for name in ("open", "high", "low", "close"):
        bars[name] = price
    return bars


@pytest.fixture
async def desk() -> AsyncIterator[Any]:
    async with AsyncExitStack() as stack:
        http = await stack.enter_async_context(httpx.AsyncClient())

        async def made(config: Config, market: Market, per_minute: int = 600) -> Desk:
            url = await stack.enter_async_context(serve(market))
            return Desk(config, market, url, http, per_minute)

        yield made


def bitcoin() -> Market:
    """At 95 until seven minutes ago, then at 105 for four minutes, then at 95 again; up to now."""
    end = time.time_ns() // MINUTE * MINUTE
    bars = flat(end - 60 * MINUTE, end, 95.0)
    for name in ("open", "high", "low", "close"):
        bars[name][-7:-3] = 105.0
    return Market(sessions("24/7"), BTC=bars)


@pytest.mark.parametrize("reloaded", [False, True])
async def test_time_goes_on_after_a_loss_in_which_no_bar_ended(desk: Any, reloaded: bool) -> None:
    own = await desk(config("BTC"), bitcoin())
    async with own.running():
        own.connected()
        own.trade((time.time_ns(), 95.0))
        own.lost()
        own.connected()
        if reloaded:
            own.outages.watch(own.pasts)
        await asyncio.sleep(outages.FIRST_TICK_WITHIN + 1.5)
        assert time.time_ns() - own.engine.clock(0) < NS


async def test_time_stands_still_when_the_line_is_lost_while_history_is_asked(desk: Any) -> None:
    own = await desk(config("BTC"), bitcoin())
    own.market.slow = 1.0
    async with own.running():
        own.connected()
        own.trade((time.time_ns() - 10 * MINUTE, 95.0))
        own.lost()
        own.connected()
        own.trade((time.time_ns(), 96.0))
        await own.asked(1)
        own.lost()
        await own.until(96.0)
        clock = own.engine.clock(0)
        await asyncio.sleep(1)
        assert own.engine.clock(0) == clock
        own.connected()
        own.trade((time.time_ns(), 97.0))
        async with asyncio.timeout(3):  # a second of it for history, if a minute has ended meanwhile
            while own.engine.clock(0) <= clock:  # noqa: ASYNC110
                await asyncio.sleep(0.01)


async def test_a_line_that_is_lost_again_meanwhile_is_mended_again(desk: Any) -> None:
    own = await desk(config("BTC"), bitcoin())
    end = own.market.now
    own.market.now = end - 7 * MINUTE  # the vendor is late: the rise is not there yet
    async with own.running():
        own.connected()
        own.trade((end - 30 * MINUTE, 95.0))
        own.lost()
        own.connected()
        own.market.slow = 0.5
        own.trade((end - 7 * MINUTE + NS, 96.0))
        await own.asked(1)
        own.lost()
        own.connected()
        own.trade((time.time_ns() - NS, 97.0), (time.time_ns(), 98.0))
        await asyncio.sleep(0.6)
        own.market.now = end
        await own.until(98.0)
    assert own.book.told() == [("BTC", "level.touched", True)]
    assert len(own.market.asked) >= 2


async def test_trades_that_the_vendor_sends_again_are_taken_at_their_own_time(
    desk: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    market, now = bitcoin(), time.time_ns()
    own, start = await desk(config("BTC"), market), market.now - 5 * MINUTE
    monkeypatch.setattr(time, "time_ns", lambda: now)
    now = start
    async with own.running():
        own.connected()
        own.trade((start, 95.0))
        own.lost()
        now += 3 * MINUTE  # the bars in between are long over, but nothing has closed them
        own.connected()
        own.trade((start, 95.0), (start + NS, 101.0), (start + 2 * NS, 95.0), (now, 95.5))
        await own.until(95.5)
    assert own.book.told() == [("BTC", "level.crossed_up", False), ("BTC", "level.crossed_down", False)]
    assert own.market.asked == []


async def test_a_stop_in_the_middle_leaves_all_to_the_next_start(desk: Any) -> None:
    own = await desk(config("BTC"), bitcoin())
    place = own.market.now - 10 * MINUTE
    own.market.troubles = [None]
    async with own.running():
        own.connected()
        own.trade((place, 95.0))
        own.lost()
        own.connected()
        own.trade((time.time_ns(), 105.0))
        await own.asked(1)
    assert own.engine.last(0) == (95.0, place)


async def test_of_too_many_symbols_after_a_night_the_first_ones_are_mended(
    desk: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each needs two requests, its minutes and the official bar of the day before."""
    monkeypatch.setattr(outages, "HELD_AT_MOST", 3.0)
    many = [f"S{number}" for number in range(60)]
    now = at("2024-07-10 14:00")
    walk = regular_minutes(sessions("XNYS"), date(2024, 7, 9), date(2024, 7, 10))
    market = Market(sessions("XNYS"), **dict.fromkeys(many, walk))
    market.now = now
    own = await desk(config(*many, calendar="XNYS", clock="tape"), market)
    async with own.running():
        own.connected()
        for symbol in many:
            own.trade((at("2024-07-09 19:30"), 95.0), symbol=symbol)
        own.lost()
        own.connected()
        own.trade((now, 95.0), symbol=many[0])
        await own.until(95.0)
        await asyncio.sleep(4)
    mended = [row for row in range(len(many)) if own.engine.last(row)[1] == now - 1]
    assert 5 < len(mended) < 40


async def test_on_a_tape_a_symbol_that_never_ticked_says_nothing_of_the_others(desk: Any) -> None:
    market = bitcoin()
    market.symbols["ETH"] = market.symbols["BTC"]
    own = await desk(config("BTC", "ETH", clock="tape"), market)
    async with own.running():
        own.connected()
        own.trade((market.now - 30 * MINUTE, 95.0))
        own.lost()
        own.connected()
        own.trade((market.now, 95.0), symbol="ETH")
        own.trade((market.now, 96.0))
        await own.until(96.0)
    assert own.book.told() == [("BTC", "level.touched", True)]


async def test_a_leg_whose_last_trades_are_sent_again_does_not_speak_for_the_other(desk: Any) -> None:
    market = bitcoin()
    start, end = int(market.symbols["BTC"]["start"][0]), market.now
    market.symbols |= {"ONE": market.symbols["BTC"], "TWO": flat(start, end, 1.0)}
    own = await desk(config("ONE/TWO"), market)
    async with own.running():
        own.connected()
        old = end - 30 * MINUTE
        own.trade((old, 1.0), symbol="TWO")
        own.trade((old + NS, 95.0), symbol="ONE")
        own.lost()
        own.connected()
        own.trade((old, 1.0), symbol="TWO")
        own.trade((time.time_ns(), 96.0), symbol="ONE")
        own.trade((time.time_ns(), 1.0), symbol="TWO")
        await own.until(96.0)
    assert own.book.told() == [("ONE/TWO", "level.touched", True)]


async def test_a_close_that_was_seen_but_not_settled_is_settled_the_next_day(desk: Any) -> None:
    walk = regular_minutes(sessions("XNYS"), date(2024, 7, 8), date(2024, 7, 10))
    market = Market(sessions("XNYS"), SPY=walk)
    market.now = at("2024-07-10 14:00")
    watch = config("SPY", calendar="XNYS", clock="tape", settle_after="20m", indicators=["sma(2)"])
    own = await desk(watch, market)
    async with own.running():
        own.connected()
        own.trade((at("2024-07-08 19:00"), 90.0), (at("2024-07-09 19:59"), 90.0), symbol="SPY")
        own.trade((at("2024-07-09 20:00:05"), 91.0), symbol="SPY")
        assert own.engine.values(0)["sma(2)@1d"] == 90.0
        own.lost()
        own.connected()
        own.trade((market.now, 95.0), symbol="SPY")
        await own.until(95.0)
    tuesday = market.bars("SPY", "1d")["close"][1]
    assert own.engine.values(0)["sma(2)@1d"] == pytest.approx((tuesday + 95.0) / 2)


def traded(dice: np.random.Generator) -> tuple[list[tuple[int, float]], np.ndarray]:
    """Four hours of ticks about 100, some seconds apart, and their minutes."""
    times = at("2024-07-10 00:00") + np.cumsum(dice.integers(1, 12, 2400)) * NS
    prices = np.round(100 + 2 * np.sin(np.arange(2400) / 90) + np.cumsum(dice.normal(0, 0.05, 2400)), 2)
    each = np.zeros(len(times), BAR)
    each["start"], each["volume"] = times, 1.0
    for name in ("open", "high", "low", "close"):
        each[name] = prices
    ticks = list(zip(times.tolist(), prices.tolist(), strict=True))
    return ticks, joined(each, times // MINUTE * MINUTE, MINUTE)


async def test_after_any_losses_and_kills_sides_and_closes_are_those_of_a_line_that_held(desk: Any) -> None:
    late: Counter[bool] = Counter()
    levels = [{"name": str(price), "price": price} for price in (98.5, 100, 101.5)]
    watch = config(
        "BTC", clock="tape", indicators=["sma(5)", "rsi(4)"], timeframes=["1m", "5m"], level=levels
    )
    for seed in range(12):
        dice = np.random.default_rng(seed)
        tape, bars = traded(dice)
        whole, own = [await desk(watch, Market(sessions("24/7"), BTC=bars), 60_000) for _ in range(2)]
        whole.trade(*tape)
        i = 0
        while i < len(tape):
            async with own.running():
                i = await lived(own, tape, i, dice)
            own = own.after_a_kill()
        late.update(one.data.late for one in own.book.alerts)
        for rule in levels:
            said = [
                one.type.rpartition("_")[2]
                for one in own.book.alerts
                if one.data.rule == rule["name"] and "crossed" in one.type
            ]
            assert all(one != other for one, other in pairwise(said)), (seed, rule)
            assert said[-1:] in ([], ["up" if tape[-1][1] >= rule["price"] else "down"]), (seed, rule)
        assert own.engine.values(0) == pytest.approx(whole.engine.values(0), nan_ok=True), seed
    assert min(late[True], late[False]) > 20


async def lived(own: Desk, tape: list[tuple[int, float]], i: int, dice: np.random.Generator) -> int:
    """Listens from tick `i` on, with losses of the line, until it is killed; returns how far the tape is then."""
    own.connected()
    while i < len(tape):
        now = tape[i : i + int(dice.integers(1, 60))]
        own.market.now = now[0][0]
        own.trade(*now)
        i += len(now)
        begun, quiet = i > 100, len(tape) - 200
        if not begun or i >= quiet or dice.random() < 0.7:
            await own.outages.mended()
            own.commit()
        if begun and i < quiet and dice.random() < 0.3:
            own.lost()
            i += int(dice.integers(0, 200))
            if dice.random() < 0.2:
                break
            own.connected()
    return i

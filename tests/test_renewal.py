"""A changed config in a process that runs: as a restart with it would have it, or not at all."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import ExitStack, asynccontextmanager, closing
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic
from typing import Any

import httpx
import numpy as np
import pytest
import structlog
from hypothesis import given, settings
from hypothesis import strategies as st
from redis.asyncio import Redis

from tapewatch import assemble, instruments, renewal, sources, start
from tapewatch.background import background
from tapewatch.base import Base, outside_of
from tapewatch.charting import Charts
from tapewatch.charts.keeper import Keeper
from tapewatch.charts.painter import Painter
from tapewatch.config import Config
from tapewatch.crew import Crew
from tapewatch.engine.engine import Engine
from tapewatch.engine.snapshot import Snapshot
from tapewatch.feeds.connection import Connection
from tapewatch.feeds.protocol import Credentials
from tapewatch.feeds.vendors import VENDORS
from tapewatch.market.sessions import sessions
from tapewatch.market.ticks import NS, empty_ticks
from tapewatch.notify.ledger import Ledgers
from tapewatch.notify.receivers import Receivers
from tapewatch.outages import Outages
from tapewatch.past import Past
from tapewatch.reload import Reload
from tapewatch.renewal import Parts
from tapewatch.store.commit import Fired
from tapewatch.store.keys import Keys
from tapewatch.store.spool import Spool
from tapewatch.tick_path import TickPath
from tapewatch.vigil import Vigil
from tapewatch.vitals import Vitals

XNYS = sessions("XNYS")
OPEN = int(XNYS.opens[XNYS.at(1769_400_000 * NS)])
SYMBOLS = ("SPX", "NDX", "SPX/NDX")
TIMEFRAMES = ("1m", "5m", "15m", "1h", "1d")
INDICATORS = ("rsi(14)", "sma(20)", "ema(9)", "macd(12,26,9)", "bb(20,2)", "roc(5)", "atr(14)")
CONDITIONS = (
    "price crosses sma(20)@1m",
    "rsi(14)@1m crosses above 55",
    "price crosses above 101",
    "close@5m > ema(9)@5m",
    "price enters 99 to 100",
)


class Kept:
    """Where alerts and states go in place of Redis."""

    def __init__(self) -> None:
        self.alerts: list[bytes] = []

    def fired(self, alerts: Sequence[Fired], snapshots: Mapping[str, Snapshot]) -> None:
        self.alerts += [own.json for own in alerts]


def config(*watches: dict[str, Any], **more: Any) -> Config:
    feed = {"name": "tape", "vendor": "kraken", "url": "ws://127.0.0.1:1", "clock": "tape"}
    return Config.model_validate({"name": "t", "feed": [feed], "watch": list(watches)} | more)


def watch(symbol: str = "SPX", **more: Any) -> dict[str, Any]:
    own = {"timeframes": ["1m"], "indicators": [], "max_jump": "off", "rearm": "0.1%"}
    return {"symbol": symbol} | own | more


def level(price: float, **more: Any) -> dict[str, Any]:
    return {"name": f"at {price:g}", "price": price} | more


class Running:
    """The parts of a process that leads, but for Redis: no receiver is here, and nothing is connected."""

    def __init__(
        self, own: Config, folder: Path, http: httpx.AsyncClient, spool: Spool, engine: Engine
    ) -> None:
        self.config, self.kept = own, Kept()
        known = [Credentials() for _ in own.feed]
        base = Base(
            redis=Redis(port=1),
            keys=Keys(own.name),
            spool=spool,
            receivers=Receivers(http, own),
            ledgers=Ledgers(folder / "sent"),
            bars=Keeper(folder / "charts.sqlite"),
            credentials=known,
            histories=[None for _ in own.feed],
            outside=outside_of(own),
            member="m",
            consumer="m",
            vitals=Vitals(own),
        )
        path = TickPath(engine, assemble.alert_builder(own, engine), self.kept, own.feed)  # type: ignore[arg-type]
        pasts = sources.pasts(own, base.histories)
        feed = own.feed[0]
        connection = Connection(
            feed,
            "ws://127.0.0.1:1",
            partial(VENDORS[feed.vendor].protocol, feed, known[0]),
            instruments.on_feed(own, feed, engine),
            lambda ticks: None,
        )
        charts = Charts(base.bars, Painter())
        charts.watch(own, engine, pasts)
        self.parts = Parts(
            base=base,
            path=path,
            charts=charts,
            vigil=Vigil(own, path),
            outages=Outages(path, pasts, own.feed),
            connections=[connection],
            crew=Crew({}),
            make=_no_worker,
        )

    async def reload(self, new: Config) -> str:
        """What became of it."""
        told: list[str] = []
        changes = Reload(lambda: new, ended=lambda outcome, _: told.append(outcome))
        prepare, put = (partial(own, self.parts) for own in (renewal.prepare, renewal.put_in_place))
        if done := await changes.attempt(self.config, partial(prepare, self.config), put):
            self.config = done.config
        return told[0]

    def tape(self, prices: Mapping[str, np.ndarray], first: int) -> None:
        """A tick of each symbol every seven seconds, from the tick with that number on."""
        numbers, ticks = self.parts.path.engine.instruments, []
        for k in range(len(prices["SPX"])):
            for j, (symbol, own) in enumerate(prices.items()):
                if symbol in numbers:
                    tick = empty_ticks(1)
                    tick["time"], tick["price"] = OPEN + ((first + k) * 7 + j) * NS, own[k]
                    tick["size"], tick["symbol"] = 1.0, numbers[symbol]
                    ticks.append(tick)
        if ticks:
            self.parts.path.ticks(0, np.concatenate(ticks), 0)

    def states(self) -> list[tuple[bytes, bytes]]:
        engine = self.parts.path.engine
        return [engine.both_parts(row) for row in range(len(engine.layouts))]


def _no_worker(built: Any, config: Config) -> Any:
    raise AssertionError("no receiver is here")


def engine_of(own: Config) -> Engine:
    return assemble.engine(own, tape_clocks=[True])


@asynccontextmanager
async def running() -> AsyncIterator[Callable[..., Running]]:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory()))
        async with httpx.AsyncClient() as http:
            spool = stack.enter_context(closing(Spool(folder)))
            yield lambda own, engine=None: Running(own, folder, http, spool, engine or engine_of(own))


def walk(seed: int, n: int) -> dict[str, np.ndarray]:
    dice = np.random.default_rng(seed)
    return {
        symbol: np.round(100 + np.cumsum(dice.normal(0, 0.25, n)), 2).clip(50) for symbol in ("SPX", "NDX")
    }


def some(values: Sequence[Any], least: int = 0, most: int = 3) -> st.SearchStrategy[list[Any]]:
    return st.lists(st.sampled_from(values), unique=True, min_size=least, max_size=most)


@st.composite
def watches(draw: Callable[..., Any]) -> list[dict[str, Any]]:
    found = []
    for symbol in draw(some(SYMBOLS, least=1)):
        conditions = draw(some(CONDITIONS, most=2)) if symbol != "SPX/NDX" else []
        own = watch(
            symbol,
            timeframes=draw(some(TIMEFRAMES, least=1)),
            indicators=draw(some(INDICATORS)),
            rearm=draw(st.sampled_from(["0.1%", 0.5, 0])),
            level=[level(price) for price in draw(some([0.98, 1, 1.02, 99, 100, 101]))],
            zone=[{"low": low, "high": low + 1} for low in draw(some([98, 99.5, 101], most=1))],
            condition=[{"name": text, "when": text} for text in conditions],
        )
        if draw(st.booleans()):
            own["level"].append(level(99.5, confirm="5m", note=draw(st.sampled_from(["a", "b"]))))
        found.append(own)
    return found


@settings(max_examples=25, deadline=None)
@given(old=watches(), new=watches(), seed=st.integers(0, 99))
def test_a_reload_goes_on_as_a_restart_with_the_new_config_does(
    old: list[dict[str, Any]], new: list[dict[str, Any]], seed: int
) -> None:
    async def both() -> tuple[Running, Running, str]:
        async with running() as of:
            first, second = of(config(*old)), config(*new)
            cut, prices = 150, walk(seed, 400)
            before = {symbol: own[:cut] for symbol, own in prices.items()}
            after = {symbol: own[cut:] for symbol, own in prices.items()}
            first.tape(before, 0)
            snapshots = dict(zip([own.symbol for own in first.config.watch], first.states(), strict=True))
            outcome = await first.reload(second)
            first.kept.alerts.clear()
            first.tape(after, cut)

            engine = engine_of(second)
            pasts: dict[int, Past] = sources.pasts(second, [None])
            await start.restore(
                engine, second, pasts, {name: Snapshot(*own) for name, own in snapshots.items()}
            )
            engine.resume(0)
            anew = of(second, engine)
            anew.tape(after, cut)
            return first, anew, outcome

    reloaded, restarted, outcome = asyncio.run(both())
    assert outcome == ("unchanged" if config(*old) == config(*new) else "applied")
    assert reloaded.kept.alerts == restarted.kept.alerts


@settings(max_examples=10, deadline=None)
@given(
    old=watches(), new=watches(), where=st.sampled_from(["vigil", "connection", "outages", "file", "builder"])
)
def test_one_that_is_refused_changes_nothing(
    old: list[dict[str, Any]], new: list[dict[str, Any]], where: str
) -> None:
    if config(*old) == config(*new):
        return

    async def both() -> tuple[Running, Running]:
        async with running() as of:
            one, other = of(config(*old)), of(config(*old))
            prices = walk(3, 300)
            for own in (one, other):
                own.tape({symbol: prices[:100] for symbol, prices in prices.items()}, 0)
            with pytest.MonkeyPatch.context() as patch:
                broken = new
                if where == "file":
                    broken = [own | {"history": [Path("/nowhere/none.csv")], "title": "other"} for own in new]
                else:
                    _breaks(patch, one.parts, where)
                assert await one.reload(config(*broken)) == "refused"
            for own in (one, other):
                own.tape({symbol: prices[100:] for symbol, prices in prices.items()}, 100)
            return one, other

    refused, untouched = asyncio.run(both())
    assert refused.kept.alerts == untouched.kept.alerts
    assert refused.states() == untouched.states()


def _breaks(patch: pytest.MonkeyPatch, parts: Parts, where: str) -> None:
    """A mistake of ours, once, in the middle of it."""
    own = {
        "vigil": (parts.vigil, "watch"),
        "connection": (parts.connections[0], "watch"),
        "outages": (parts.outages, "watch"),
        "builder": (assemble, "alert_builder"),
    }[where]
    real, broken = getattr(*own), [True]

    def breaks(*args: Any) -> Any:
        if broken:
            broken.clear()
            raise KeyError("sesame")
        return real(*args)

    patch.setattr(*own, breaks)


async def test_a_mistake_of_ours_is_told_without_what_it_quotes() -> None:
    async with running() as of:
        one = of(config(watch(level=[level(100)])))
        with pytest.MonkeyPatch.context() as patch, structlog.testing.capture_logs() as logs:
            _breaks(patch, one.parts, "vigil")
            assert await one.reload(config(watch(level=[level(101)]))) == "refused"
            assert await one.reload(config(watch(level=[level(101)]))) == "applied"
    (refused,) = (own for own in logs if own["event"] == "config.refused")
    assert refused["reason"].startswith("unexpected KeyError at test_renewal.py:")
    assert "sesame" not in str(logs)


async def test_another_calendar_begins_the_watch_anew_and_ends_nothing() -> None:
    old = config(watch(level=[level(100)]), watch("NDX", level=[level(100)]))
    other = watch(level=[level(100)], calendar="XLON")
    async with running() as of:
        one = of(old)
        up = {"SPX": np.array([99.0, 101.0]), "NDX": np.array([99.0, 101.0])}
        one.tape(up, 0)
        assert len(one.kept.alerts) == 2
        assert await one.reload(config(other, watch("NDX", level=[level(100)]))) == "applied"
        engine = one.parts.path.engine
        assert engine.last(0) == (0.0, 0)
        assert engine.last(1)[0] == 101.0


async def test_counts_of_refused_ticks_outlive_their_symbols() -> None:
    async with running() as of:
        one = of(config(watch(), watch("NDX")))
        one.tape({"SPX": np.array([100.0, -1.0]), "NDX": np.array([100.0, np.nan])}, 0)
        before = one.parts.path.engine.refused.sum(axis=0)
        assert before.sum() == 2
        await one.reload(config(watch(), watch("RUT")))
        engine = one.parts.path.engine
        assert engine.refused.sum(axis=0).tolist() == before.tolist()
        assert engine.refused_before.tolist() == engine.refused.tolist(), "the log has told of them"


async def test_the_count_of_closed_bars_outlives_their_symbols() -> None:
    """One that falls is taken for a restart by Prometheus, which then counts all of it once more."""
    async with running() as of:
        one = of(config(watch("SPX"), watch("NDX")))
        one.tape(walk(1, 300), 0)
        before = one.parts.path.bars_closed()["1m"]
        assert before > 0
        assert await one.reload(config(watch("SPX"))) == "applied"
        assert one.parts.path.bars_closed()["1m"] == before
        one.tape({"SPX": walk(2, 400)["SPX"][300:]}, 400)
        later = one.parts.path.bars_closed()["1m"]
        assert later > before
        assert await one.reload(config(watch("SPX", timeframes=["5m"]))) == "applied"
        assert one.parts.path.bars_closed()["1m"] == later


async def test_ticks_need_not_wait_while_very_many_watches_are_prepared() -> None:
    more = {"timeframes": ["1m", "1h"], "indicators": ["rsi(14)", "atr(14)"]}
    old, new = (
        config(*(watch(f"S{i}", level=[level(price)], **more) for i in range(300))) for price in (100, 101)
    )
    async with running() as of:
        one = of(old)
        turns = [monotonic()]

        async def turn() -> None:
            while True:
                await asyncio.sleep(0.001)
                turns.append(monotonic())

        async with background(turn()):
            assert await renewal.prepare(one.parts, old, new) is not None
        took = turns[-1] - turns[0]
        assert max(np.diff(turns)) < took / 4


@pytest.mark.parametrize(("table", "key"), [("http", "token_file"), ("redis", "url_file")])
async def test_what_a_file_of_a_table_holds_needs_a_restart(tmp_path: Path, table: str, key: str) -> None:
    """It would be said that nothing has changed, and the old token would go on to open the door."""
    file = tmp_path / "outside"
    file.write_text("redis://one:6379" if table == "redis" else "one")
    own = config(watch(), **{table: {key: file}})
    async with running() as of:
        one = of(own)
        assert await one.reload(own) == "unchanged"
        file.write_text("redis://two:6379" if table == "redis" else "two")
        assert await one.reload(own) == "refused"


async def test_a_watch_that_goes_to_another_feed_leaves_that_one_s_clock_alone() -> None:
    two = [
        {"name": name, "vendor": "kraken", "url": "ws://127.0.0.1:1", "clock": "tape"} for name in ("a", "b")
    ]
    old, new = (config(watch(feed=own), watch("NDX", feed="b"), feed=two) for own in ("a", "b"))
    before, after = (assemble.engine(own, tape_clocks=[True, True]) for own in (old, new))
    tick = empty_ticks(1)
    tick["time"], tick["price"], tick["size"] = OPEN + 3600 * NS, 100.0, 1.0
    before.step(tick, 0)
    after.take_over(before)
    assert [after.clock(feed) for feed in (0, 1)] == [OPEN + 3600 * NS, 0]

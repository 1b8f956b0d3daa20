"""Charts: the engine's own bars and figures, now and as they were when an alert fired, kept over a restart."""

import asyncio
import csv
import io
import math
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import closing, contextmanager
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest

from tapewatch import example, sources
from tapewatch.alerts.alert import Alert
from tapewatch.charting import PICTURE_BARS, Charts, NoChartError
from tapewatch.charts.archive import Archive
from tapewatch.charts.chart import Chart
from tapewatch.charts.keeper import Keeper
from tapewatch.charts.painter import Painter
from tapewatch.check import load
from tapewatch.config import Condition, Config
from tapewatch.feeds.scenario import Scenario, sp500_7000
from tapewatch.market.sessions import sessions
from tapewatch.market.ticks import NS
from tapewatch.replay import BarWriter, Replay, Stretch

NOON = 1_769_706_000 * NS
"""29 January 2026, 12:00 in New York: 7,000 has been broken and lost again, and a bar of five minutes begins."""

MOMENT = NOON + 137 * NS
BATCH = 1

Rows = list[dict[str, str]]


@pytest.fixture(scope="module")
def scenario() -> Scenario:
    return sp500_7000(sessions("XNYS"))


@pytest.fixture(scope="module")
def config(scenario: Scenario, tmp_path_factory: pytest.TempPathFactory) -> Config:
    """The default watch with the scenario's history, and early warnings."""
    folder = tmp_path_factory.mktemp("history")
    scenario.write(folder)
    base = load(example.config())
    early = Condition(name="parting", when="rsi(14)@5m diverges forming")
    history = [folder / f"{scenario.symbol}-{timeframe}.csv" for timeframe in scenario.history]
    update = {"history": history, "condition": [*base.watch[0].condition, early]}
    return base.model_copy(update={"watch": [base.watch[0].model_copy(update=update)]})


@pytest.fixture(scope="module")
def expected(scenario: Scenario, config: Config) -> Rows:
    """What `replay --bars` writes up to the moment."""
    own, out = Replay(config, keep_bars=True), io.StringIO()
    own.warm([], [])
    writer = BarWriter(own.engine, out)
    for _ in own.run([stretch(scenario)]):
        writer.write()
    return list(csv.DictReader(io.StringIO(out.getvalue())))


def stretch(scenario: Scenario, until: int = MOMENT) -> Stretch:
    ticks = scenario.tape().rows({scenario.symbol: 0})
    return Stretch(Path(), ticks[ticks["time"] < until], 0, batch=BATCH)


class Live:
    """A daemon's charts on the scenario, without what is around them."""

    def __init__(self, config: Config, scenario: Scenario, folder: Path) -> None:
        self._scenario = scenario
        self.replay = Replay(config, keep_bars=True)
        self.replay.warm([], [])
        self.keeper = Keeper(folder / "charts.sqlite")
        self.charts = Charts(self.keeper, Painter())
        self.charts.watch(config, self.replay.engine, sources.pasts(config, [None]))
        self.alerts: list[Alert] = []

    async def play(self, until: int = MOMENT) -> None:
        for alerts in self.replay.run([stretch(self._scenario, until)]):
            self.charts.fired(alerts)
            self.alerts += alerts
        await self.charts.keep()

    def first(self, rule: str, type_: str = "") -> Alert:
        return next(own for own in self.alerts if own.data.rule == rule and type_ in own.type)


@contextmanager
def opened(config: Config, scenario: Scenario, folder: Path) -> Iterator[Live]:
    live = Live(config, scenario, folder)
    with closing(live.keeper):
        yield live


@pytest.fixture
async def live(config: Config, scenario: Scenario, tmp_path: Path) -> AsyncIterator[Live]:
    with opened(config, scenario, tmp_path) as live:
        await live.play()
        yield live


def closed(chart: Chart) -> int:
    """How many of its bars have closed."""
    return len(chart.time) - chart.forming


def same(one: float, other: str) -> bool:
    return math.isnan(one) if other == "" else one == float(other)


@pytest.mark.parametrize("timeframe", ["1m", "5m", "1h"])
async def test_closed_bars_and_figures_are_those_of_replay(
    live: Live, expected: Rows, timeframe: str
) -> None:
    own = [row for row in expected if row["timeframe"] == timeframe]
    chart = await live.charts.chart("SPX", timeframe)
    n = min(closed(chart), len(own))
    assert n == min(len(own), 300)
    for i, row in enumerate(own[-n:], closed(chart) - n):
        assert chart.time[i] == datetime.fromisoformat(row["start"]).timestamp()
        for name, values in {
            "open": chart.open,
            "high": chart.high,
            "low": chart.low,
            "close": chart.close,
            "volume": chart.volume,
            **chart.values,
        }.items():
            assert same(values[i], row[name]), (name, row)


async def test_the_last_bar_is_the_one_that_forms(live: Live, scenario: Scenario) -> None:
    ticks = stretch(scenario).ticks
    prices = ticks["price"][ticks["time"] >= NOON]
    chart = await live.charts.chart("SPX", "5m")
    assert chart.forming
    assert chart.time[-1] == NOON // NS
    last = (chart.open[-1], chart.high[-1], chart.low[-1], chart.close[-1])
    assert last == (prices[0], prices.max(), prices.min(), prices[-1])
    now = live.replay.engine.values(0)
    assert {name: own[-1] for name, own in chart.values.items()} == {
        name.removesuffix("@5m"): value for name, value in now.items() if name.endswith("@5m")
    }
    alone = live.charts.forming("SPX", "5m")
    assert alone is not None
    assert (alone.time, alone.close, alone.values["rsi(14)"]) == (
        chart.time[-1:],
        chart.close[-1:],
        chart.values["rsi(14)"][-1:],
    )


async def test_history_stands_before_the_first_bar_that_was_seen(live: Live) -> None:
    """Its files have days and hours; what they warmed is drawn with the figures that they gave."""
    day = await live.charts.chart("SPX", "1d")
    assert closed(day) >= 250
    assert day.values["sma(200)"][-2] == pytest.approx(np.mean(day.close[-201:-1]))
    hour = await live.charts.chart("SPX", "1h")
    assert np.all(np.diff(hour.time) > 0)


async def test_a_restart_keeps_them_without_history(
    config: Config, scenario: Scenario, tmp_path: Path
) -> None:
    without = config.model_copy(update={"watch": [config.watch[0].model_copy(update={"history": []})]})
    with opened(without, scenario, tmp_path) as live:
        await live.play()
        before = await live.charts.chart("SPX", "1m")
    with opened(without, scenario, tmp_path) as again:
        after = await again.charts.chart("SPX", "1m")
    n = closed(before)
    assert n == 300
    assert (after.time[-n:], after.close[-n:]) == (before.time[:-1], before.close[:-1])
    assert [mark.id for mark in after.marks if mark.time >= before.time[0]] == [
        mark.id for mark in before.marks
    ]


async def test_a_tape_that_starts_over_shows_nothing_of_its_future(
    config: Config, scenario: Scenario, tmp_path: Path
) -> None:
    """The bars of the run before are newer: these take their place, however many are kept."""
    with opened(config, scenario, tmp_path) as live:
        await live.play()
    until = NOON - 2 * 86_400 * NS
    with opened(config, scenario, tmp_path) as again:
        await again.play(until)
        for timeframe in ("1m", "5m"):
            chart = await again.charts.chart("SPX", timeframe)
            assert len(chart.time) == 301
            assert chart.time == sorted(chart.time)
            assert max(chart.time[-1], chart.marks[-1].time) * NS < until
            gaps = set(np.diff(chart.time)) - {60 * int(timeframe[0])}
            assert min(gaps, default=17 * 3600) > 17 * 3600  # nights


async def test_alerts_are_marked_where_they_fired(live: Live) -> None:
    chart = await live.charts.chart("SPX", "1m")
    since = [own for own in live.alerts if int(own.data.time_ns) // NS >= chart.time[0]]
    assert [(own.id, own.price, own.rule) for own in chart.marks] == [
        (own.id, own.data.price, own.data.rule) for own in since
    ]
    assert since


async def test_the_pivots_of_a_divergence_are_joined_on_its_timeframe_alone(live: Live) -> None:
    alert = live.first("hourly divergence")
    hour, minute = await live.charts.chart("SPX", "1h"), await live.charts.chart("SPX", "1m")
    (join,) = [own for own in hour.joins if own.id == alert.id]
    assert alert.id not in [own.id for own in minute.joins]
    assert join.oscillator == "rsi(14)"
    assert join.kind == alert.type.removeprefix("tapewatch.divergence.")
    for time, price, value in zip(join.times, join.prices, join.values, strict=True):
        at = hour.time.index(time)
        assert price in (hour.high[at], hour.low[at])
        assert value == hour.values["rsi(14)"][at]


async def test_levels_zones_and_averages_are_places_the_highest_first(live: Live) -> None:
    chart = await live.charts.chart("SPX", "5m")
    known = {own.name: (own.role, own.low, own.high) for own in chart.places}
    assert known["breakout"] == ("breakout", 7000, 7000)
    assert known["resistance"] == ("resistance", 6950, 6970)
    average = live.replay.engine.values(0)["sma(50)@1d"]
    assert known["50-day average"] == (None, average, average)
    assert [own.high for own in chart.places] == sorted((own.high for own in chart.places), reverse=True)


async def test_the_chart_of_an_alert_ends_when_it_fired(live: Live) -> None:
    alert = live.first("breakout", "crossed_up")
    fired = int(alert.data.time_ns)
    chart = await live.charts.at(alert)
    assert chart is not None
    assert chart.timeframe == "5m"
    assert len(chart.time) <= PICTURE_BARS + 1
    assert chart.forming
    assert fired - 300 * NS < chart.time[-1] * NS <= fired
    assert chart.low[-1] <= chart.close[-1] == alert.data.price <= chart.high[-1]
    now = await live.charts.chart("SPX", "5m")
    assert chart.high[-1] <= now.high[now.time.index(chart.time[-1])]
    assert chart.marks[-1].id == alert.id


async def test_what_fires_on_a_close_ends_with_the_bar_that_closed(live: Live) -> None:
    alert = live.first("breakout", "confirmed")
    chart = await live.charts.at(alert)
    assert chart is not None
    assert (chart.timeframe, chart.forming) == ("1h", False)
    assert chart.close[-1] == alert.data.price
    assert (chart.time[-1] + 3600) * NS >= int(alert.data.time_ns) > chart.time[-1] * NS


async def test_the_last_bar_of_a_session_is_whole_when_the_session_is(live: Live) -> None:
    """From 15:30 to 16:00 in New York, half an hour."""
    alert = live.first("hourly divergence")
    chart = await live.charts.at(alert)
    assert chart is not None
    assert (chart.close[-1], chart.forming) == (alert.data.price, False)
    assert chart.time[-1] == int(alert.data.time_ns) // NS - 1800


async def test_an_early_warning_has_its_bar_as_it_formed(live: Live) -> None:
    alert = next(own for own in live.alerts if own.data.stage == "forming")
    chart = await live.charts.at(alert)
    assert chart is not None
    assert chart.forming
    (join,) = [own for own in chart.joins if own.id == alert.id]
    assert (join.stage, join.times[1]) == ("forming", chart.time[-1])
    assert chart.values["rsi(14)"][-1] == pytest.approx(alert.data.indicators["rsi(14)@5m"])


async def test_of_a_process_before_this_one_it_ends_with_the_last_bar_that_had_closed(
    config: Config, scenario: Scenario, tmp_path: Path
) -> None:
    with opened(config, scenario, tmp_path) as live:
        await live.play()
    with opened(config, scenario, tmp_path) as again:
        for alert in (live.first("breakout", "crossed_up"), live.first("hourly divergence")):
            chart = await again.charts.at(alert)
            assert chart is not None
            assert not chart.forming
            length = {"5m": 300, "1h": 1800}[
                chart.timeframe
            ]  # it fired at the end of a session's last, short bar
            fired = int(alert.data.time_ns) // NS
            assert chart.time[-1] + length <= fired < chart.time[-1] + 2 * length
        known = await again.charts.alert(live.alerts[0].id)
        assert known == live.alerts[0]
        assert await again.charts.alert("nothing") is None


async def test_other_indicators_leave_the_bars_of_the_ones_before(
    config: Config, scenario: Scenario, tmp_path: Path
) -> None:
    with opened(config, scenario, tmp_path) as live:
        await live.play(NOON)
    other = config.watch[0].model_copy(update={"indicators": ["sma(3)"], "condition": [], "history": []})
    with opened(config.model_copy(update={"watch": [other]}), scenario, tmp_path) as again:
        await again.play()
        chart = await again.charts.chart("SPX", "1m")
    assert "sma(3)" in chart.values
    assert "rsi(14)" not in chart.values
    assert len(chart.values["sma(3)"]) == len(chart.time)


async def test_a_symbol_or_a_timeframe_that_nobody_watches_is_named(live: Live) -> None:
    with pytest.raises(NoChartError, match="'NDX'"):
        await live.charts.chart("NDX", "5m")
    with pytest.raises(NoChartError, match="SPX has no timeframe '4h': there are 1m, 5m, 1h, 1d"):
        await live.charts.chart("SPX", "4h")


async def test_many_charts_at_once_are_all_whole(live: Live) -> None:
    asked = [live.charts.chart("SPX", timeframe) for timeframe in ("1m", "5m", "1h", "1d")] * 5
    charts = await asyncio.gather(*asked)
    for chart in charts:
        assert len({len(chart.time), len(chart.close), *map(len, chart.values.values())}) == 1


async def test_a_file_that_is_none_is_begun_anew(
    config: Config, scenario: Scenario, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "charts.sqlite").write_bytes(b"no database, but long enough to be taken for one" * 100)
    with opened(config, scenario, tmp_path) as live:
        await live.play()
        assert closed(await live.charts.chart("SPX", "1m")) > 100
    assert "charts.begun_anew" in capsys.readouterr().out


async def test_what_closes_when_the_damage_is_found_is_not_lost(
    config: Config, scenario: Scenario, tmp_path: Path
) -> None:
    with opened(config, scenario, tmp_path) as live:
        await live.play(NOON)
        with closing(sqlite3.connect(tmp_path / "charts.sqlite")) as other:
            other.execute("DROP TABLE bars")
            other.commit()
        for _ in live.replay.run([stretch(scenario, NOON + 600 * NS)]):
            pass
        await live.charts.keep()
        start = (await live.charts.chart("SPX", "1m")).time
    assert set(range(NOON // NS - 60, NOON // NS + 540, 60)) <= set(start)


async def test_a_file_that_cannot_be_written_costs_nothing_but_charts(
    config: Config, scenario: Scenario, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "charts.sqlite").mkdir()
    with opened(config, scenario, tmp_path) as live:
        await live.play()
        chart = await live.charts.chart("SPX", "1m")
        assert len(chart.time) == 1
        assert chart.forming
    assert capsys.readouterr().out.count("charts.unavailable") == 1


async def test_an_alert_that_the_disk_has_damaged_costs_no_chart(live: Live) -> None:
    marks = (await live.charts.chart("SPX", "1d")).marks
    assert len(marks) > 2

    def damage(archive: Archive) -> None:
        with archive._db as db:
            db.execute("UPDATE alerts SET json = X'FF' WHERE id = ?", (marks[0].id,))
            db.execute(
                'UPDATE alerts SET json = replace(json, \'"time_ns":"\', \'"time_ns":"x\') WHERE id = ?',
                (marks[1].id,),
            )

    await live.keeper.do(damage)
    assert (await live.charts.chart("SPX", "1d")).marks == marks[2:]
    assert await live.charts.alert(marks[0].id) is None

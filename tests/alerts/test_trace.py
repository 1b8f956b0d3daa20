"""What a trace says is what the tape says: every figure is looked up, or computed anew, beside the engine."""

import operator
import re
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from alerts.alert_tapes import NS, config, tape
from alerts.traced import BAND, WALK, WATCH, Traced, traced, traced_by
from tapewatch import assemble
from tapewatch.alerts import trace as traces
from tapewatch.alerts.comparisons import Comparison, Edge
from tapewatch.alerts.last_ticks import KEPT, LastTicks
from tapewatch.alerts.reasons import why
from tapewatch.alerts.schema import ALERT_TYPES
from tapewatch.alerts.trace import Trace, TraceBar, TraceBuilder
from tapewatch.config import Config
from tapewatch.market.bars import BAR
from tapewatch.market.ticks import NOT_LAST, empty_ticks

SIGNS: dict[str, Any] = {">=": operator.ge, ">": operator.gt, "<": operator.lt, "<=": operator.le}


@pytest.fixture(scope="module")
def walked() -> Traced:
    return traced(WALK, **WATCH)


def ns(iso: str) -> int:
    return int(datetime.fromisoformat(iso[:19] + "+00:00").timestamp()) * NS


def true(own: Comparison) -> bool:
    """Whether a comparison is so, by arithmetic alone."""
    assert own.value is not None
    assert own.against is not None
    match own.sign:
        case "in" | "out":
            assert own.upper is not None
            return (own.against <= own.value <= own.upper) == (own.sign == "in")
        case "within":
            assert own.upper is not None
            return abs(own.value - own.against) <= own.upper
    return bool(SIGNS[own.sign](own.value, own.against))


def test_the_walk_fires_whatever_is_not_about_an_outage_or_a_feed(walked: Traced) -> None:
    seen = {alert.type for alert, _ in walked}
    missing = {own for own in ALERT_TYPES if own not in seen}
    assert missing == {
        "tapewatch.level.touched",
        "tapewatch.zone.touched",
        "tapewatch.feed.stale",
        "tapewatch.feed.back",
        "tapewatch.test",
    }
    assert {trace.by for _, trace in walked} == {"tick", "close", "time"}


def test_the_last_tick_of_the_trace_is_the_one_that_fired(walked: Traced) -> None:
    prices = dict(zip(WALK["time"].tolist(), WALK["price"].tolist(), strict=True))
    for alert, trace in walked:
        for own in (*trace.ticks, *trace.after):
            assert prices[int(own.time_ns)] == own.price
        if trace.by == "tick":
            assert (trace.ticks[-1].time_ns, trace.ticks[-1].price) == (alert.data.time_ns, alert.data.price)
        else:
            assert int(trace.ticks[-1].time_ns) <= int(alert.data.time_ns)
        assert all(int(own.time_ns) >= int(alert.data.time_ns) for own in trace.after)
        times = [int(own.time_ns) for own in (*trace.ticks, *trace.after)]
        place = int(np.searchsorted(WALK["time"], times[0]))
        assert times == WALK["time"][place : place + len(times)].tolist(), "none in between is left out"
        assert len(trace.ticks) == 16 or times[0] == WALK["time"][0]


def test_edges_and_comparisons_are_true_by_arithmetic(walked: Traced) -> None:
    for alert, trace in walked:
        for edge in trace.edges:
            assert alert.data.price is not None
            assert SIGNS[edge.sign](alert.data.price, edge.level), alert.data.text
        for own in trace.comparisons:
            if own.value is not None and own.against is not None:
                assert true(own) == own.holds, (alert.data.text, own)
        assert trace.edges or trace.comparisons
        failed = alert.type.endswith(".failed")
        assert all(own.holds != failed for own in trace.comparisons)


def test_operands_are_the_alert_s_indicators(walked: Traced) -> None:
    looked = 0
    for alert, trace in walked:
        for own in trace.comparisons:
            for name, value in ((own.left, own.value), (own.right, own.against)):
                if name in alert.data.indicators and own.right != "pivot before":
                    assert value == alert.data.indicators[name]
                    looked += 1
    assert looked > 100


def test_what_is_called_armed_was_by_a_trigger_of_three_lines(walked: Traced) -> None:
    """The level's Schmitt trigger as docs/design.md tells it, beside the engine's."""
    fired = {int(alert.data.time_ns): trace for alert, trace in walked if _is_crossing(alert, "level")}
    side, armed, said = None, True, {True: 0, False: 0}
    for time, price in zip(WALK["time"].tolist(), WALK["price"].tolist(), strict=True):
        above = price >= 7000
        if time in fired:
            edge = fired[time].edges[0]
            assert fired[time].was == side
            assert edge.unarmed_at == (7000 + BAND if above else 7000 - BAND)
            assert armed or edge.armed is None
            assert edge.armed or (price >= 7000 + BAND if above else price <= 7000 - BAND)
            said[bool(edge.armed)] += 1
            side, armed = None, False
        if side is None:
            side = "above" if above else "below"
        armed |= price >= 7000 + BAND if side == "above" else price <= 7000 - BAND
    assert said[True] > 5
    assert said[False] > 5


def _is_crossing(alert: Any, rule: str) -> bool:
    return alert.data.rule == rule and alert.type.startswith("tapewatch.level.crossed")


def test_bars_are_those_of_the_tape_at_that_instant(walked: Traced) -> None:
    spans = {"1m": 60 * NS, "5m": 300 * NS}
    closed = 0
    for alert, trace in walked:
        at = int(alert.data.time_ns)
        assert [bar.timeframe for bar in trace.bars] == ["1m", "5m"]
        for bar in trace.bars:
            start = ns(bar.start)
            inside = (WALK["time"] >= start) & (WALK["time"] < start + spans[bar.timeframe])
            if trace.by == "tick":
                inside &= WALK["time"] <= at
            prices = WALK["price"][inside & (WALK["time"] < at) if trace.by != "tick" else inside]
            assert (bar.open, bar.high, bar.low, bar.close) == (
                prices[0],
                prices.max(),
                prices.min(),
                prices[-1],
            ), (alert.data.text, bar)
            if bar.timeframe == trace.closed and trace.by == "close":
                assert not bar.forming
                assert start + spans[bar.timeframe] == at
                assert bar.close == alert.data.price
                closed += 1
    assert closed > 100


def test_batches_change_no_trace_but_for_the_ticks_after(walked: Traced) -> None:
    few = traced(WALK[:2500], batch=1, **WATCH)
    for (alert, trace), (own, other) in zip(walked, few, strict=False):
        assert alert == own
        assert not other.after or other.by != "tick"
        kept = [name for name in Trace.__struct_fields__ if name not in ("ticks", "after")]
        assert [getattr(trace, name) for name in kept] == [getattr(other, name) for name in kept]
        if trace.by == "tick":
            assert trace.ticks == other.ticks


def test_a_trace_stays_small(walked: Traced) -> None:
    sizes = [len(traces._encode(trace)) for _, trace in walked]
    assert np.median(sizes) < 2048
    assert max(sizes) < 4096


def test_of_many_symbols_on_a_feed_a_trace_has_its_own_ticks_alone() -> None:
    own = Config.model_validate(
        {
            "name": "test",
            "watch": [
                {
                    "symbol": name,
                    "timeframes": ["1m"],
                    "indicators": [],
                    "level": [{"name": "l", "price": 100}],
                }
                for name in ("A", "B")
            ],
        }
    )
    ticks = tape(" ".join(["99.5"] * 300 + ["99.6", "100"]))
    ticks["symbol"] = np.arange(len(ticks)) % 2
    ticks["price"][ticks["symbol"] == 0] += 1000
    ((alert, trace),) = traced_by(own, ticks, batch=1)
    assert alert.subject == "B"
    assert [tick.price for tick in trace.ticks] == [99.5] * 15 + [100.0]


def test_a_composite_shows_the_ticks_of_its_legs() -> None:
    own = Config.model_validate(
        {
            "name": "test",
            "watch": [
                {
                    "symbol": "XLC/SPY",
                    "timeframes": ["1m"],
                    "indicators": [],
                    "max_jump": "off",
                    "level": [{"name": "ratio", "price": 0.5}],
                }
            ],
        }
    )
    engine = assemble.engine(own)
    legs = [engine.instruments[name] for name in ("XLC", "SPY")]
    ticks = tape("100 201 101 200.5 101.5")
    ticks["symbol"] = [legs[0], legs[1], legs[0], legs[1], legs[0]]
    ((alert, trace),) = [found for found in traced_by(own, ticks, batch=5) if found[0].data.rule == "ratio"]
    assert [(tick.leg, tick.price) for tick in trace.ticks] == [
        ("XLC", 100.0),
        ("SPY", 201.0),
        ("XLC", 101.0),
    ]
    assert trace.ticks[-1].time_ns == alert.data.time_ns
    assert [(tick.leg, tick.price) for tick in trace.after] == [("SPY", 200.5), ("XLC", 101.5)]


def test_what_updates_no_price_is_left_out_and_a_size_that_is_none_is_nothing() -> None:
    ticks = tape("6990 nan 7100 6991 7000")
    ticks["flags"][2] = NOT_LAST
    ticks["size"] = [1, 1, 1, np.nan, 5]
    ((_, trace),) = traced(ticks, level=[{"name": "l", "price": 7000}])
    assert [(tick.price, tick.size) for tick in trace.ticks] == [(6990.0, 1.0), (6991.0, 0.0), (7000.0, 5.0)]


def test_a_tick_that_was_held_back_is_the_one_that_fired() -> None:
    """A jump of 2 % is believed at its third tick; the first of them fired."""
    ticks = tape("7000 7000 7150 7151 7152")
    (first, *_) = traced(ticks, batch=1, level=[{"name": "l", "price": 7100}])
    alert, trace = first
    assert alert.data.price == 7150.0
    assert trace.ticks[-1].price == 7150.0
    assert [tick.price for tick in trace.after] == [7151.0, 7152.0]


@pytest.mark.parametrize(("unit", "band"), [("0.5 atr", 7.0), ("0.1%", 7.0), (3, 3.0), (0, 0.0)])
def test_the_band_is_told_in_points(unit: Any, band: float) -> None:
    """Until there is a range, a band in ranges is 0.1 % of the level."""
    watch = {"timeframes": ["1m", "1d"], "rearm": unit, "level": [{"name": "l", "price": 7000}]}
    ((_, trace),) = traced(tape("6990 7000"), **watch)
    assert trace.edges[0].band == pytest.approx(band)
    assert trace.edges[0].unarmed_at == 7000 + trace.edges[0].band


def test_a_band_in_ranges_is_that_of_the_last_daily_close() -> None:
    own = config(timeframes=["1m", "1d"], rearm="0.5 atr", level=[{"name": "l", "price": 7000}])
    engine = assemble.engine(own)
    days = np.zeros(30, BAR)
    sessions = engine.layouts[0].watch.sessions
    last = sessions.at(int(tape("6990")["time"][0]))
    days["start"], days["end"] = sessions.opens[last - 30 : last], sessions.closes[last - 30 : last]
    days["open"] = days["close"] = days["low"] = 6990
    days["high"] = 7010  # a range of 20 each day
    engine.warm(0, days, "1d", ["1d"])
    ticks, seen = tape("6990 7000"), LastTicks()
    seen.add(ticks)
    (kept,) = TraceBuilder(engine.layouts, engine.instruments).build(engine.step(ticks), [seen])
    assert traces.decode(kept).edges[0].band == pytest.approx(10.0)


def late(before: str, bars: list[tuple[float, float, float, float]], **watch: Any) -> Traced:
    """What is told of an outage: bars of a minute from 09:40 on."""
    own = config(**watch)
    engine, ticks, seen = assemble.engine(own), tape(before), LastTicks()
    seen.add(ticks)
    engine.step(ticks)
    start = int(tape("09:40=1")["time"][0])
    rows = [(start + i * 60 * NS, start + (i + 1) * 60 * NS, *four, 0.0) for i, four in enumerate(bars)]
    events = engine.backfill(0, np.array(rows, BAR), "1m")
    kept = TraceBuilder(engine.layouts, engine.instruments).build(events, [seen])
    alerts = assemble.alert_builder(own, engine).build(events)
    return [(alert, traces.decode(one)) for alert, one in zip(alerts, kept, strict=True)]


def test_what_was_missed_says_that_history_has_it() -> None:
    level = [{"name": "l", "price": 7000}]
    ((alert, trace),) = late("6990", [(6990, 7003.5, 6989, 6995)], level=level)
    assert alert.type == "tapewatch.level.touched"
    assert (trace.by, trace.edges[0].sign, trace.edges[0].armed) == ("history", ">=", None)
    assert trace.ticks[-1].price == 6990.0
    assert why(alert, trace) == [
        "History shows a high of 7,003.50, and price back after it.",
        "7,003.50 is at or above 7,000.",
    ]
    ((alert, trace),) = late("6990", [(6990, 7003.5, 6989, 7002)], level=level)
    assert why(alert, trace)[0] == "Before the outage price was below 7,000, after it no longer."


def test_reasons_read_as_a_trader_would_say_it() -> None:
    level = {"rearm": 7.0, "level": [{"name": "l", "price": 7000, "confirm": "1m"}]}
    (_, crossed), (_, confirmed), (alert, unarmed) = found = traced(
        tape("6998.25 7000 7000 7000.25 09:31=7000.5 6993"), **level
    )
    assert why(*found[0]) == [
        "The price before was 6,998.25, below 7,000.",
        "The level was armed, so the first price at or above 7,000 fires: 7,000.00.",
    ]
    assert why(*found[1]) == ["The 1m bar closed at 7,000.25, at or above 7,000."]
    assert why(*found[2]) == [
        "The price before was 7,000.50, above 7,000.",
        "6,993.00 is at or below 6,993, a band of 7 beyond 7,000, where it fires armed or not.",
    ]
    assert (crossed.was, confirmed.closed, unarmed.by) == ("below", "1m", "tick")
    assert alert.type.endswith("crossed_down")


def test_a_tick_before_that_does_not_fit_is_told_as_it_is() -> None:
    """At 6,999 the level was not armed: a crossing back had to go as far as 6,995."""
    found = traced(tape("6990 7003 6999 6995"), rearm=5.0, level=[{"name": "l", "price": 7000}])
    assert why(*found[1])[0] == "Price was on record as above 7,000; the tick before came at 6,999.00."


def test_conditions_are_told_part_by_part(walked: Traced) -> None:
    told = {alert.data.rule: why(alert, trace) for alert, trace in walked}
    assert told["enter"][0].endswith("in 40 to 60; at the check before it was not.")
    assert ", outside 40 to 60; " in told["leave"][0]
    assert ", above 70." in " ".join(told["states"])
    assert "within 7 of 7,000." in " ".join(told["states"])
    assert "SMA(5)@5m at " in told["cross"][0]
    assert told["held"][-1] == "It had stayed so for 90s."
    assert told["on close"][1].startswith("The 5m bar closed at ")
    assert "the pivot before at " in told["regular"][0]
    assert told["rally"][0].startswith("change(5m) is +0.1")
    assert "at or above 0.1%" in told["rally"][0]


def test_what_is_kept_of_a_feed_is_bounded() -> None:
    last = LastTicks()
    for _ in range(5 * KEPT):
        last.add(empty_ticks(1))
        last.add(empty_ticks(0))
    assert len(last._frames) <= 4 * KEPT
    ticks, newest = last.ticks()
    assert (len(ticks), newest) == (KEPT + 1, KEPT)
    last.add(empty_ticks(10 * KEPT))
    last.add(empty_ticks(10 * KEPT))
    assert [len(part) for part in last.ticks()[:1]] == [20 * KEPT]
    assert last.ticks(1)[1] == 10 * KEPT


def test_every_field_of_a_trace_is_listed() -> None:
    page = (Path(__file__).parents[2] / "docs/alerts.md").read_text(encoding="utf-8")
    section = page.partition("## Why it fired")[2].partition("\n## ")[0]
    assert re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE) == list(Trace.__struct_fields__)
    for part in (TraceBar, Edge, Comparison):
        assert [name for name in part.__struct_fields__ if f"`{name}`" not in section] == []

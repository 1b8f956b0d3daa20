"""What was missed in an outage is put in from bars, and said once, net (docs/design.md, Outages)."""

import numpy as np
import pytest
from away import MINUTE, at, away, bars, clock, level, ticks, told, watching, when, zone
from walks import INDICATORS, MONDAY, XNYS

from tapewatch.engine import plan
from tapewatch.engine.engine import Engine
from tapewatch.engine.events import NO_GAP, REFUSALS, TYPE_NAMES
from tapewatch.engine.indicators import parse_indicator
from tapewatch.engine.watch import Band, LevelRule, Rule, Watch
from tapewatch.market.bars import BAR, bars_to_ticks

Told = list[tuple[str, str, float]]

UNDER, OVER = "10:00=6990", "10:00=7010"
RISES = "10:05 6990 7008 6990 7006"
AND_STAYS = ", 10:10 7006 7012 7004 7011"
AND_FALLS = ", 10:10 7006 7009 6985 6988"


@pytest.mark.parametrize(
    ("before", "missed", "says"),
    [
        (UNDER, RISES + AND_STAYS, [("crossed_up", "10:10", 7008.0)]),
        (UNDER, RISES + AND_FALLS, [("touched", "10:15", 7009.0)]),
        (OVER, "10:05 7010 7011 6990 6991", [("crossed_down", "10:10", 6990.0)]),
        (OVER, "10:05 7010 7011 6990 6991, 10:10 6991 7020 6991 7020", [("touched", "10:10", 6990.0)]),
        # Price went over it, back by less than the band, and stays "above" as a live one would.
        (UNDER, "10:05 6990 7003 6990 6998", [("crossed_up", "10:10", 7003.0)]),
        (UNDER, "10:05 6990 6999 6980 6985", []),
        (UNDER, "10:05 6990 7000 6990 6990", [("touched", "10:10", 7000.0)]),
        # Three crossings in three bars: the last one stands.
        (UNDER, RISES + AND_FALLS + ", 10:15 6988 7020 6988 7020", [("crossed_up", "10:20", 7020.0)]),
    ],
)
def test_a_level_says_where_price_is_or_how_far_it_went(before: str, missed: str, says: Told) -> None:
    assert away(before, missed, level()) == says


BELOW, INSIDE, ABOVE = "10:00=6940", "10:00=6940 10:01=6955", "10:00=6980"
FROM_ABOVE = "10:00=6980 10:01=6965"
FROM_START = "10:00=6960"


@pytest.mark.parametrize(
    ("before", "missed", "says"),
    [
        (BELOW, "10:05 6940 6956 6940 6956", [("entered_from_below", "10:10", 6956.0)]),
        (BELOW, "10:05 6940 6956 6938 6941", [("touched", "10:10", 6956.0)]),
        (BELOW, "10:05 6940 6956 6940 6956, 10:10 6956 6980 6956 6980", [("jumped_up", "10:15", 6980.0)]),
        (BELOW, "10:05 6940 6980 6940 6980, 10:10 6980 6980 6938 6938", [("touched", "10:10", 6980.0)]),
        (ABOVE, "10:05 6980 6980 6960 6960", [("entered_from_above", "10:10", 6960.0)]),
        (ABOVE, "10:05 6980 6980 6962 6979", [("touched", "10:10", 6962.0)]),
        (ABOVE, "10:05 6980 6980 6940 6940", [("jumped_down", "10:10", 6940.0)]),
        (INSIDE, "10:05 6955 6955 6940 6940", [("rejected_down", "10:10", 6940.0)]),
        (INSIDE, "10:05 6955 6980 6955 6980", [("broke_above", "10:10", 6980.0)]),
        (FROM_ABOVE, "10:05 6965 6980 6965 6980", [("rejected_up", "10:10", 6980.0)]),
        (FROM_ABOVE, "10:05 6965 6965 6940 6940", [("broke_below", "10:10", 6940.0)]),
        (FROM_START, "10:05 6960 6960 6940 6940", [("broke_below", "10:10", 6940.0)]),
        # Inside before and after: the way that it went farther out.
        (INSIDE, "10:05 6955 6990 6940 6960", [("touched", "10:10", 6990.0)]),
        (INSIDE, "10:05 6955 6975 6920 6960", [("touched", "10:10", 6920.0)]),
        (INSIDE, "10:05 6955 6969 6951 6960", []),
        # From below over it, and back into it from above: where it was, and where it is.
        (
            BELOW,
            "10:05 6940 6980 6940 6980, 10:10 6980 6980 6960 6960",
            [("entered_from_below", "10:15", 6960.0)],
        ),
    ],
)
def test_a_zone_says_which_way_leads_from_where_price_was_to_where_it_is(
    before: str, missed: str, says: Told
) -> None:
    assert away(before, missed, zone()) == says


def test_a_zone_remembers_the_entry_that_it_reported() -> None:
    own = watching(zone())
    missed = "10:05 6940 6980 6940 6980, 10:10 6980 6980 6960 6960"
    assert away(BELOW, missed, engine=own) == [("entered_from_below", "10:15", 6960.0)]
    assert told(own.step(ticks("10:16=6940"))) == [("rejected_down", "10:16", 6940.0)]
    own = watching(zone())
    out_and_back = "10:05 6955 6990 6955 6990, 10:10 6990 6990 6960 6960"
    assert away(INSIDE, out_and_back, engine=own) == [("touched", "10:10", 6990.0)]
    assert told(own.step(ticks("10:16=6980"))) == [("broke_above", "10:16", 6980.0)]


def test_touched_names_the_way_it_went() -> None:
    own = watching(level(), zone(6980, 6985))
    own.step(ticks("10:00=6990"))
    rows = own.backfill(0, bars("10:05 6990 7004 6983 6990"), "5m").rows
    assert [(TYPE_NAMES[row["type"]], row["direction"]) for row in rows] == [
        ("level.touched", 1),
        ("zone.touched", -1),
    ]


def test_of_the_bar_that_began_before_only_the_close_tells_and_its_range_goes_into_the_bars() -> None:
    own = watching(level())
    own.step(ticks("10:00=6990/10 10:02=6991/10"))
    assert told(own.backfill(0, bars("10:00 6990 7050 6950 6992 70"), "5m")) == []
    fields = [_bar(own, frame) for frame in ("5m", "1h", "1d")]
    assert fields == [(6990, 7050, 6950, 6992, 70)] * 3
    assert own.last(0) == (6992, at("10:05") - 1)
    own = watching(level())
    own.step(ticks("10:02=6991"))
    assert told(own.backfill(0, bars("10:00 6990 7050 6950 7010"), "5m")) == [("crossed_up", "10:05", 7010)]


def _bar(engine: Engine, timeframe: str) -> tuple[float, ...]:
    """Open, high, low, close and volume of the bar that forms."""
    frames = engine.layouts[0].watch.timeframes
    row = np.frombuffer(engine.both_parts(0)[0][22:], np.float64, plan.HEADER + plan.BAR_FIELDS * len(frames))
    fields = row[plan.HEADER :].reshape(plan.BAR_FIELDS, -1)[:, frames.index(timeframe)]
    return tuple(fields[plan.BAR_OPEN : plan.VOLUME + 1].tolist())


@pytest.mark.parametrize(("volume", "counted"), [(70, 70), (15, 20)])
def test_volume_is_what_the_bar_has_more_than_was_counted(volume: float, counted: float) -> None:
    own = watching()
    own.step(ticks("10:00=6990/10 10:02=6991/10"))
    own.backfill(0, bars(f"10:00 6990 6991 6990 6991 {volume}"), "5m")
    assert _bar(own, "1h")[-1] == counted


def test_finer_bars_that_reach_back_to_where_the_bar_began_tell_its_volume() -> None:
    own = watching()
    own.step(ticks("10:00=6990/10 10:02:30=6991/10"))
    minutes = bars(
        "10:00 1 1 1 1 12, 10:01 1 1 1 1 5, 10:02 6991 6991 6991 6991 30, 10:03 6991 6991 6991 6991 3", 1
    )
    own.backfill(0, minutes, "1m")
    assert _bar(own, "5m")[-1] == 12 + 5 + 30 + 3


def test_bars_that_were_offered_already_change_nothing() -> None:
    own = watching(level())
    own.step(ticks(UNDER))
    both = bars(RISES + AND_STAYS)
    assert len(own.backfill(0, both, "5m")) == 1
    before = own.both_parts(0)
    assert len(own.backfill(0, both, "5m")) == 0
    assert own.both_parts(0) == before


def test_ticks_go_on_after_the_last_bar_and_come_after_an_outage() -> None:
    own = watching(level())
    own.step(ticks(UNDER))
    own.missed()
    own.backfill(0, bars("10:05 6990 6991 6989 6990, 10:10 6990 6991 6989 6990"), "5m")
    rows = own.step(ticks("10:12=7010 10:14=6990 10:15:01=7010")).rows
    assert [(clock(int(row["time"])), row["gap"]) for row in rows] == [("10:15:01", 2)]
    assert own.refused[0, REFUSALS.index("seen_before_restart")] == 2
    assert own.step(ticks("10:16=6990")).rows["gap"].tolist() == [NO_GAP]


def test_a_bar_that_the_clock_closed_stays_as_it_is_but_levels_see_the_price() -> None:
    own = Engine([Watch("SPX", XNYS, ("5m", "1h"), (), (level(),))], (False,), keep_bars=True)
    own.advance(at("10:02"))
    own.step(ticks("10:02=6990"))
    own.advance(at("10:05:10"))
    assert len(own.closed_bars()[0]) == 1
    assert told(own.backfill(0, bars("10:00 6990 7050 6950 7010, 10:05 7010 7012 7008 7011"), "5m")) == [
        ("crossed_up", "10:05", 7010.0)
    ]
    own.advance(at("10:11"))
    ((start, high),) = own.closed_bars()[0][["start", "high"]].tolist()
    assert (start, high) == (at("10:05"), 7012)
    assert _bar(own, "1h")[1] == 7050
    own.advance(at("12:00"))
    assert own.closed_bars()[0]["end"].tolist() == [at("10:30")]
    assert own.refused.sum() == 0


def test_bars_outside_the_hours_or_without_a_price_are_left_out() -> None:
    own = watching(level())
    own.step(ticks("15:50=6990"))
    bad = bars("15:55 6990 6991 6989 6990, 16:00 7010 7020 7010 7020, 16:05 7010 7020 7010 7020")
    bad["close"][0] = np.nan
    assert told(own.backfill(0, bad, "5m")) == []
    assert own.last(0)[1] == at("15:50")
    assert own.refused.sum() == 0


def test_a_symbol_of_which_nothing_was_admitted_missed_nothing() -> None:
    own = watching(level())
    before = own.both_parts(0)
    assert len(own.backfill(0, bars(RISES), "5m")) == 0
    assert own.both_parts(0) == before


@pytest.mark.parametrize(
    ("text", "missed", "says"),
    [
        ("price crosses 7000", RISES + AND_STAYS, [("crossed_up", "10:10", 7008.0)]),
        ("price crosses above 7000", RISES + AND_STAYS, [("crossed_up", "10:10", 7008.0)]),
        ("price crosses below 7000", RISES + AND_STAYS, []),
        ("price crosses above 7000", RISES + AND_FALLS, [("touched", "10:15", 7009.0)]),
        ("price crosses below 7000", RISES + AND_FALLS, []),
        ("price enters 7005 to 7020", RISES + AND_STAYS, [("entered_from_below", "10:10", 7008.0)]),
        ("price enters 7005 to 7020", RISES + AND_FALLS, [("touched", "10:15", 7009.0)]),
        ("price leaves 6980 to 7005", RISES + AND_STAYS, [("broke_above", "10:10", 7008.0)]),
        ("price leaves 6980 to 7005", RISES + AND_FALLS, [("touched", "10:15", 7009.0)]),
        ("price enters 6980 to 7005", RISES + AND_FALLS, []),
        ("price crosses 7000 and close@1h > 7007", RISES + AND_STAYS, [("crossed_up", "10:10", 7008.0)]),
        ("price crosses 7000 and close@1h > 7020", RISES + AND_STAYS, []),
    ],
)
def test_a_condition_about_the_price_says_its_side_alone(text: str, missed: str, says: Told) -> None:
    assert away(UNDER, missed, when(text)) == says


def test_a_level_that_moves_is_told_where_it_was() -> None:
    average = parse_indicator("sma(2)")
    own = watching(when("price crosses sma(2)@5m"), timeframes=("5m",), indicators=(average,))
    own.step(ticks("9:50=7000 9:55=7000 10:00=6990"))
    events = own.backfill(0, bars("10:05 6989 6989 6980 6980, 10:10 6979 7010 6979 7008"), "5m")
    assert told(events) == [("crossed_up", "10:15", 7010.0)]
    assert events.rows["level"].tolist() == [(6980 + 7010) / 2]


def test_a_level_that_jumps_with_the_session_was_not_crossed_by_that() -> None:
    own = watching(when("price crosses previous.high"))
    own.step(ticks("9:30=7000 15:50=6990", day=0))
    own.step(ticks("9:30=6990 15:00=6992", day=1))
    # Under Monday's 7,000 on Tuesday; Tuesday's high is 6,995, and Wednesday opens over it.
    missed = np.concatenate(
        [bars("15:50 6992 6995 6992 6993", day=1), bars("9:30 6998 6999 6997 6998", day=2)]
    )
    assert told(own.backfill(0, missed, "5m"), 2) == [("crossed_up", "9:35", 6998.0)]
    later = bars("9:35 6998 6999 6990 6990, 9:40 6990 7001 6990 7001", day=2)
    assert told(own.backfill(0, later, "5m"), 2) == [("touched", "9:40", 6990.0)]


def test_of_any_other_condition_the_last_one_is_told() -> None:
    rsi = parse_indicator("rsi(2)")
    own = watching(when("rsi(2)@5m crosses 50"), when("price > 7004 and price < 7100"), indicators=(rsi,))
    own.step(ticks("9:45=7000 9:50=7001 9:55=7002 10:00=7003"))
    missed = bars(
        "10:05 7003 7003 6990 6990, 10:10 6990 7010 6990 7010, 10:15 7010 7010 6980 6980, 10:20 6980 6981 6980 6981"
    )
    assert told(own.backfill(0, missed, "5m")) == [("fired", "10:15", 7010.0), ("fired", "10:20", 6980.0)]


def test_a_while_that_is_over_meanwhile_is_told_once() -> None:
    rule = when("price crosses above 7000", lasting=7 * MINUTE)
    assert away("10:00=6990 10:04=7006", "10:05 7006 7006 7006 7006, 10:10 7006 7006 7006 7006", rule) == [
        ("crossed_up", "10:15", 7006.0)
    ]
    assert away(UNDER, RISES + AND_STAYS + ", 10:15 7011 7011 7011 7011", rule) == [
        ("crossed_up", "10:20", 7011.0)
    ]
    assert away(UNDER, RISES + AND_FALLS, rule) == []


def test_a_divergence_is_told_at_the_close_that_showed_it() -> None:
    rsi = parse_indicator("rsi(14)")
    rule = when("rsi(14)@5m diverges")
    path = 7000 + 40 * np.sin(np.arange(700) / 9) + np.arange(700) / 30
    own, live = (watching(rule, indicators=(rsi,), timeframes=("5m",)) for _ in range(2))
    whole = _five_minutes(path)
    fired = live.step(bars_to_ticks(whole, 0, "5m")).rows
    assert len(fired) > 2
    cut = int(np.searchsorted(whole["end"], fired["time"][1]))
    own.step(bars_to_ticks(whole[:cut], 0, "5m"))
    (late,) = own.backfill(0, whole[cut : cut + 2], "5m").rows
    assert late["time"] == fired["time"][1]
    assert late["pivot_times"].tolist() == fired["pivot_times"][1].tolist()


def _five_minutes(closes: np.ndarray) -> np.ndarray:
    """Bars of 5m, one after the other, that go straight from close to close."""
    per_day = 78
    own = np.zeros(len(closes), BAR)
    day, nth = np.divmod(np.arange(len(closes)), per_day)
    own["start"] = XNYS.opens[MONDAY + day] + nth * 5 * MINUTE
    own["end"] = own["start"] + 5 * MINUTE
    own["close"], own["open"] = closes, np.concatenate([closes[:1], closes[:-1]])
    own["high"], own["low"] = np.maximum(own["open"], own["close"]), np.minimum(own["open"], own["close"])
    own["volume"] = 12
    return own


def test_indicators_afterwards_are_those_of_one_that_missed_nothing() -> None:
    dice = np.random.default_rng(5)
    whole = _five_minutes(np.round(7000 + np.cumsum(dice.normal(0, 3, 400)), 2))
    one, other = (watching(indicators=INDICATORS, timeframes=("5m", "1h", "1d")) for _ in range(2))
    tape = bars_to_ticks(whole, 0, "5m")
    one.step(tape)
    other.step(tape[: 4 * 200])
    other.missed()
    other.backfill(0, whole[190:390], "5m")
    other.step(tape[4 * 390 :])
    assert other.values(0) == pytest.approx(one.values(0), rel=1e-12, nan_ok=True)
    assert sum(not np.isnan(value) for value in one.values(0).values()) > 20


def test_a_close_confirms_what_was_said_before_the_outage_and_nothing_else() -> None:
    own = watching(level(confirm="1h"))
    (said,) = own.step(ticks("10:00=6990 10:02=7006")).rows
    rows = own.backfill(
        0, bars("10:05 7006 7006 6990 6990, 10:10 6990 7010 6990 7010, 10:30 7010 7010 7010 7010"), "5m"
    ).rows
    assert [(TYPE_NAMES[row["type"]], clock(int(row["time"])), row["follows_time"]) for row in rows] == [
        ("level.touched", "10:10", 0),
        ("level.confirmed", "10:30", said["time"]),
    ]
    assert (rows["follows"][1], rows["follows_before"][1]) == (said["type"], said["before"])


def test_what_is_still_to_be_confirmed_waits_for_its_close() -> None:
    own = watching(level(confirm="1h"))
    (said,) = own.step(ticks("10:00=6990 10:02=7006")).rows
    assert told(own.backfill(0, bars("10:05 7006 7006 6990 6990"), "5m")) == [("crossed_down", "10:10", 6990)]
    (row,) = own.step(ticks("10:31=6989")).rows
    assert (TYPE_NAMES[row["type"]], row["follows_time"], row["late"]) == ("level.failed", said["time"], 0)


def test_a_late_alert_is_not_confirmed() -> None:
    own = watching(level(confirm="5m"))
    missed = RISES + AND_FALLS + ", 10:15 6988 7020 6988 7020, 10:20 7020 7020 7020 7020"
    assert away(UNDER, missed, engine=own) == [("crossed_up", "10:20", 7020.0)]
    own = watching(level(confirm="1h"))
    assert away(UNDER, RISES, engine=own) == [("crossed_up", "10:10", 7008.0)]
    assert len(own.step(ticks("10:31=7010"))) == 0
    assert told(own.step(ticks("10:32=6990 11:31=6990"))) == [
        ("crossed_down", "10:32", 6990.0),
        ("confirmed", "11:30", 6990.0),
    ]


def test_a_frequency_is_not_used_up_by_what_was_not_told() -> None:
    rule = when("price crosses below 7000", frequency="once")
    own = watching(rule)
    assert away(UNDER, RISES + AND_FALLS, engine=own) == []
    assert told(own.step(ticks("10:20=7006 10:21=6990"))) == [("crossed_down", "10:21", 6990.0)]


def test_the_same_again_after_a_crash_has_the_same_ids_and_no_later_one_has_them() -> None:
    rules: tuple[Rule, ...] = (level(band=Band(0.0, "points")), zone(), when("price > 7004"))
    own = watching(*rules)
    own.step(ticks(UNDER))
    again = watching(*rules)
    again.restore(0, *own.both_parts(0))
    missed = bars(RISES + AND_STAYS)
    first, second = own.backfill(0, missed, "5m"), again.backfill(0, missed, "5m")
    assert first.rows.tobytes() == second.rows.tobytes()
    assert own.both_parts(0) == again.both_parts(0)
    (late,) = first.rows[first.rows["rule"] == 0]
    live = own.step(ticks("10:10=6990 10:15=7001 10:15=6999 10:15=7001")).rows
    ids = [(row["type"], row["time"], row["before"]) for row in (late, *live[live["rule"] == 0])]
    assert len(set(ids)) == len(ids)


def test_a_tick_at_the_very_end_of_the_bar_that_was_told_has_another_id() -> None:
    own = watching(level(band=Band(0.0, "points")))
    own.step(ticks(UNDER))
    (late,) = own.backfill(0, bars(RISES), "5m").rows
    live = own.step(ticks("10:10=6990 10:10=7001")).rows
    assert [(row["type"], row["time"], row["before"]) for row in (late, *live)] == [
        (0, at("10:10"), 0),
        (1, at("10:10"), 0),
        (0, at("10:10"), 1),
    ]


def test_the_official_bar_of_a_missed_session_is_settled_before_the_next_one() -> None:
    average = parse_indicator("sma(2)")
    rule = when("close@1d crosses 7000")
    watch = Watch("SPX", XNYS, ("1h", "1d"), (average,), (rule,), settle_after=20 * MINUTE)
    own = Engine([watch])
    own.step(ticks("15:00=6990"))
    own.step(ticks("15:00=6991", day=1))
    missed = np.concatenate(
        [bars("15:30 6991 6992 6990 6992", 30, day=1), bars("9:30 6993 6994 6992 6993", 30, day=2)]
    )
    official = np.array([(XNYS.opens[MONDAY + 1], XNYS.closes[MONDAY + 1], 6990, 7010, 6980, 7004, 5)], BAR)
    events = own.backfill(0, missed, "30m", [official[0]])
    assert told(events, 1) == [("fired", "16:00", 7004.0)]
    assert own.values(0)["sma(2)@1d"] == pytest.approx((7004 + 6993) / 2)
    # Without it, the session's own last price.
    own = Engine([watch])
    own.step(ticks("15:00=6990"))
    own.step(ticks("15:00=6991", day=1))
    assert len(own.backfill(0, missed, "30m")) == 0


def test_a_composite_s_bars_come_under_its_own_name() -> None:
    half = LevelRule("half", 0.5, Band(0.0, "points"))
    own = Engine([Watch("A/B", XNYS, ("5m",), (), (half,), legs=("A", "B"))])
    own.step(np.concatenate([ticks("10:00=49", symbol=1), ticks("10:00=100", symbol=2)]))
    own.missed()
    missed = bars("10:05 0.49 0.52 0.49 0.52")
    assert told(own.backfill(0, missed, "5m")) == [("crossed_up", "10:10", 0.52)]
    # What the bars have covered is skipped on both legs.
    covered = np.concatenate([ticks("10:07=40", symbol=1), ticks("10:07=100", symbol=2)])
    assert len(own.step(covered)) == 0
    assert own.refused[0, REFUSALS.index("seen_before_restart")] == 2
    assert len(own.step(ticks("10:11=40", symbol=1))) == 0  # beside what B was at before the outage: 0.4
    (row,) = own.step(ticks("10:12=96", symbol=2)).rows
    assert (row["price"], row["gap"]) == (40 / 96, 2)


def test_bars_do_not_touch_other_symbols_nor_a_tape_s_clock() -> None:
    own = Engine([Watch(name, XNYS, ("5m",), (), (level(),)) for name in ("SPX", "NDX")], keep_bars=True)
    own.step(ticks("10:00=6990", symbol=0))
    own.step(ticks("10:00=6990", symbol=1))
    untouched = own.both_parts(1)
    own.backfill(0, bars(RISES + AND_STAYS), "5m")
    assert own.both_parts(1) == untouched
    assert own.clock() == at("10:00")
    assert told(own.backfill(1, bars(RISES + AND_STAYS), "5m")) == [("crossed_up", "10:10", 7008.0)]

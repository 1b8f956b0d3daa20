"""The reference's conditions, on tapes small enough to be worked out by hand from docs/design.md."""

from datetime import UTC, date, datetime
from typing import Any

import pytest

from reference.builders import alerts_of, at, breakout, said, tape, watch
from reference.conditions import Part, operand, parse_condition
from reference.replay import Alert, reference_replay
from reference.ticks import NS, Bar, Settlement, Tick


@pytest.mark.parametrize(
    ("text", "kind", "name", "timeframe"),
    [
        ("price", "price", "", None),
        ("rsi(14)@1h", "indicator", "rsi(14)", "1h"),
        ("macd.hist@1d", "indicator", "macd(12,26,9).hist", "1d"),
        ("bb(20, 2.5).upper@5m", "indicator", "bb(20,2.5).upper", "5m"),
        ("vwap", "vwap", "", "1d"),
        ("vwap@5m", "vwap", "", "5m"),
        ("high@1h", "bar", "high", "1h"),
        ("session.low", "bar", "low", "1d"),
        ("previous.close", "previous", "close", "1d"),
        ("change(30m)", "change", "", "1m"),
    ],
)
def test_operands(text: str, kind: str, name: str, timeframe: str | None) -> None:
    read = operand(text)
    assert (read.kind, read.name, read.timeframe) == (kind, name, timeframe)


@pytest.mark.parametrize(
    ("when", "verbs", "checked_on", "bar"),
    [
        ("price crosses 7000", ["crosses"], None, "3m"),
        ("price crosses sma(50)@1d and rsi(14)@5m > 50", ["crosses", ">"], None, "5m"),
        ("rsi(14)@1h crosses above 70 and price > sma(50)@1m", ["crosses", ">"], "1h", "1m"),
        ("price enters 6950 to 6970", ["enters"], None, "3m"),
        ("macd.hist@1h within 1.0 of 0", ["within"], "1h", "1h"),
        ("price within 0.5% of 7000 and change(30m)<=-1", ["within %", "<="], None, "30m"),
        ("price up 1.5% in 2h", [">="], None, "2h"),
        ("price > 7000 and rsi(14)@5m > 50 and rsi(14)@1h > 50", [">", ">", ">"], "5m", "5m"),
        ("rsi(14)@1h diverges hidden bullish forming", ["diverges"], "1h", "1h"),
    ],
)
def test_parts_and_when_they_are_checked(
    when: str, verbs: list[str], checked_on: str | None, bar: str
) -> None:
    meaning = parse_condition(when)
    assert [part.verb for part in meaning.parts] == verbs
    assert meaning.checked_on(None, "3m") == checked_on
    assert meaning.bar("3m") == bar


def test_up_and_down_are_changes() -> None:
    up, down = parse_condition("price up 1.5% in 30m and price down 2% in 1h").parts
    assert (up.verb, up.left.span, up.low.number) == (">=", "30m", 1.5)
    assert (down.verb, down.left.span, down.low.number) == ("<=", "1h", -2.0)
    assert isinstance(up, Part)


def fired(text: str | list[Tick], when: str, history: list[Bar] | None = None, **config: Any) -> list[Alert]:
    """The alerts of one condition; what a watch takes goes to the watch."""
    keys = ("on", "frequency", "expires", "hours")
    own: dict[str, Any] = {key: config.pop(key) for key in keys if key in config}
    if "lasting" in config:
        own["for"] = config.pop("lasting")
    if "watch_hours" in config:
        config["hours"] = config.pop("watch_hours")
    ticks = tape(text) if isinstance(text, str) else text
    return alerts_of(ticks, history, condition=[{"name": "condition", "when": when, **own}], **config)


def times(alerts: list[Alert]) -> list[int]:
    """Seconds after 09:30."""
    return [(alert["time_ns"] - at("09:30:00")) // NS for alert in alerts]


def test_a_state_fires_when_it_begins_to_hold_and_not_where_it_held_at_first() -> None:
    alerts = fired("7001 7002 6999 7000 7001 6999 7003", "price > 7000", frequency="always")
    assert said(alerts) == ["condition.fired 7001", "condition.fired 7003"]
    assert times(alerts) == [4, 6]
    assert (alerts[0]["level"], alerts[0]["timeframe"], alerts[0]["direction"]) == (None, None, "up")


def test_once_per_bar_is_of_the_watchs_shortest_timeframe_where_none_is_named() -> None:
    text = "6999 7001 6999 7001 09:31:00=6999 7001 09:35:00=6999 7001"
    assert times(fired(text, "price > 7000")) == [1, 61, 301]
    assert times(fired(text, "price > 7000", timeframes=["5m"])) == [1, 301]
    assert times(fired(text, "price > 7000 and close@5m > 0")) == []  # checked at the close of 5m
    assert times(fired(text, "price > 7000 and close@5m > 0", on="tick")) == [1, 301]
    assert times(fired(text, "price > 7000", frequency="once per session")) == [1]
    assert len(fired(text + " ", "price > 7000", frequency="always")) == 4


def test_once_is_never_again_and_once_per_session_the_next_day() -> None:
    ticks = [*tape("6999 7001"), *tape("6999 7001 6999 7001", "2026-01-29")]
    assert len(fired(ticks, "price > 7000", frequency="once")) == 1
    assert len(fired(ticks, "price > 7000", frequency="once per session")) == 2


def test_the_states_must_hold_when_the_event_happens() -> None:
    text = "6990 7000 6980 7010 7011 6990 7000"
    crossing = "price crosses above 7000 and session.low < 6985"
    assert times(fired(text, crossing)) == [3, 6]  # at 1 s the low was 6,990
    assert fired(text, crossing)[0]["timeframe"] is None


def test_price_that_crosses_what_moves_is_a_level_with_the_watchs_band() -> None:
    text = "7000 7004 7003 7002 7001 7006 7003"
    alerts = fired(text, "price crosses session.open", rearm=2)
    assert said(alerts) == []
    alerts = fired("7000 6999 7000 7001 7002 6999", "price crosses session.open", rearm=2)
    # down at once; unarmed, so up only from 7,002, which arms the way down
    assert said(alerts) == ["level.crossed_down 6999", "level.crossed_up 7002", "level.crossed_down 6999"]
    assert (alerts[0]["level"], alerts[0]["timeframe"]) == (7000, "1d")


def test_price_enters_a_zone_and_leaves_it_but_a_jump_does_neither() -> None:
    text = "6940 6955 6940 6980 6960 6945"
    assert said(fired(text, "price enters 6950 to 6970")) == [
        "zone.entered_from_below 6955",
        "zone.entered_from_above 6960",
    ]
    leaves = fired(text, "price leaves 6950 to 6970")
    assert said(leaves) == ["zone.rejected_down 6940", "zone.broke_below 6945"]
    assert (leaves[0]["low"], leaves[0]["high"]) == (6950, 6970)
    assert "level" not in leaves[0]


def test_a_band_in_average_true_ranges() -> None:
    def day(i: int) -> Bar:
        date = f"2026-01-{i:02}"
        return Bar("1d", at("09:30:00", date), at("16:00:00", date), 6990, 7010, 6970, 6990)

    history = [day(i) for i in (5, 6, 7, 8, 9, 12, 13, 14, 15, 16, 20, 21, 22, 23, 26, 27)]
    text = "6999 7000 6999 7019 6981 6980"
    assert said(fired(text, "price crosses 7000", history, rearm="0.5 atr")) == [
        "level.crossed_up 7000",
        "level.crossed_down 6980",
    ]
    assert said(alerts_of(tape(text), level=[breakout(rearm="0.5 atr")])) == [  # no range yet: 7 points
        "level.crossed_up 7000",
        "level.crossed_down 6981",
    ]


def test_a_change_counts_back_from_the_bar_that_the_tick_counts_in() -> None:
    text = "09:30:10=7000 09:31:10=7010 09:59:50=7020 10:00:00=7075 10:00:30=7070 10:02:00=7081 10:05:00=7085"
    alerts = fired(text, "price up 1% in 30m", frequency="always")
    # 10:00: from 09:30, 7,000; 10:02: 09:32 had no tick, so from 09:31
    assert times(alerts) == [1800]
    alerts = fired(text, "change(30m) > 1.03", frequency="always")
    assert times(alerts) == [1800, 2100]  # 10:00:30 is 1.00 %, 10:02 is 1.01 %, 10:05 is 1.07 %


def test_a_change_is_not_measured_across_a_break_but_a_rally_from_the_open_fires_when_it_can_be() -> None:
    ticks = [*tape("15:59:00=7000"), *tape("09:30:00=7200 09:59:59=7300 10:00:00=7300", "2026-01-29")]
    alerts = fired(ticks, "price up 1% in 30m", max_jump="off")
    assert [alert["time_ns"] for alert in alerts] == [at("10:00:00", "2026-01-29")]


def test_the_previous_session_is_the_one_before_the_last_ticks() -> None:
    days = ("2026-01-26", "2026-01-27")
    history = [Bar("1d", at("09:30:00", day), at("16:00:00", day), 6990, 7010, 6970, 6990) for day in days]
    ticks = [
        *tape("7009 7010 15:59:59=7020 16:30:00=7009 17:00:00=7010"),
        *tape("08:00:00=7019", "2026-01-29"),
    ]
    alerts = fired(ticks, "price crosses previous.high", history, watch_hours="extended")
    assert [(alert["price"], alert["level"], alert["hours"]) for alert in alerts] == [
        (7010, 7010, "regular"),
        (7009, 7010, "extended"),
        (7010, 7010, "extended"),
    ]  # and 7,019 is where price was, below 7,020, the high of the day before


def test_what_is_not_about_the_price_is_not_checked_in_extended_hours() -> None:
    text = "08:00:00=6999 08:01:00=7001 09:30:00=6999 09:31:00=7001"
    assert times(fired(text, "price > 7000", watch_hours="extended")) == [60]
    assert len(fired(text, "price crosses above 7000", watch_hours="extended")) == 2


def test_it_fires_once_it_has_lasted_at_the_instant_at_which_the_time_is_up() -> None:
    text = "6999 7001 09:30:30=7002 09:31:05=7003"
    (alert,) = fired(text, "price crosses above 7000", lasting="1m")
    assert (times([alert]), alert["price"], alert["type"]) == ([61], 7002, "tapewatch.level.crossed_up")
    assert fired("6999 7001 09:30:30=6999 09:31:05=7003", "price > 7000", lasting="1m") == []
    assert times(fired("6999 7001 09:31:01=6999", "price > 7000", lasting="1m")) == [61]
    assert fired("6999 7001 09:31:00=6999", "price > 7000", lasting="1m") == []


def test_the_clock_starts_anew_after_a_session_break_but_runs_to_its_first_instant() -> None:
    ticks = [*tape("15:58:00=6999 15:59:00=7001"), *tape("7001 09:40:00=7001", "2026-01-29")]
    (late,) = fired(ticks, "price > 7000", lasting="61s")
    assert late["time_ns"] == at("09:31:01", "2026-01-29")
    (last,) = fired(ticks, "price > 7000", lasting="60s")
    assert last["time_ns"] == at("16:00:00")


def test_the_clock_starts_anew_when_price_comes_back_to_the_side_that_must_last() -> None:
    text = "6990 09:31:00=7001 09:32:00=6999 09:34:00=7000 09:39:00=7001"  # never the band away: one crossing
    assert times(fired(text, "price crosses above 7000", lasting="5m")) == [9 * 60]
    assert (
        fired(
            text.replace("09:39:00=7001", "09:38:59=6999 09:45:00=6999"),
            "price crosses above 7000",
            lasting="5m",
        )
        == []
    )


def test_a_level_that_jumps_with_the_session_is_not_crossed_by_that() -> None:
    history = [Bar("1d", at("09:30:00", "2026-01-27"), at("16:00:00", "2026-01-27"), 6990, 7010, 6970, 7000)]
    quiet = [*tape("6999 15:59:59=6999"), *tape("6999 09:31:00=6999", "2026-01-29")]
    for target in ("previous.close", "session.open", "session.high", "vwap"):
        assert fired(quiet, f"price crosses {target}", history) == [], target
    gap = [*tape("7005 15:59:59=6999"), *tape("7011 09:31:00=7012", "2026-01-29")]
    (alert,) = fired(gap, "price crosses above previous.high", history)
    assert (alert["price"], alert["level"], alert["gap"]) == (7011, 7005, "session")


def test_the_clock_of_a_close_ends_after_the_bars_that_close_with_it() -> None:
    closes = "6999 09:31:00=7001 09:32:00=7002 09:33:00=7003 09:34:00=6999"
    assert times(fired(closes, "close@1m > 7000", lasting="1m")) == [180]
    assert times(fired(closes, "close@1m > 7000", lasting="2m")) == [240]
    assert fired("6999 09:31:00=7001 09:32:00=6999 09:33:00=7003", "close@1m > 7000", lasting="1m") == []


def test_after_it_expires_it_is_not_checked() -> None:
    text = "6999 7001 6999 7001"
    second = datetime.fromtimestamp((at("09:30:03")) // NS, UTC)
    assert times(fired(text, "price > 7000", frequency="always", expires=second)) == [1]
    assert fired(text, "price > 7000", expires=date(2026, 1, 27)) == []
    assert len(fired(text, "price > 7000", expires=date(2026, 1, 28))) == 1


def test_outside_its_hours_it_is_not_checked_as_if_the_market_were_shut() -> None:
    text = "09:44:58=6999 09:44:59=7001 09:45:00=7001 09:46:00=6999 09:47:00=7001 09:48:00=6999 09:49:00=7001"
    window: dict[str, Any] = {"hours": "09:45-09:48", "frequency": "always"}
    assert times(fired(text, "price > 7000", **window)) == [17 * 60]
    assert times(fired(text, "close@1m > 7000", **window)) == [18 * 60]  # the bar ends at 09:48
    assert fired("09:45:00=6999 09:47:30=7001 09:50:00=7001", "price > 7000", **window, lasting="31s") == []


def test_on_says_when_it_is_checked() -> None:
    text = "6999 09:31:00=7001 09:32:00=6999 09:36:00=7001 09:41:00=7001 09:45:00=6999"
    (alert,) = fired(text, "price > 7000", on="5m")
    assert (times([alert]), alert["timeframe"]) == ([600], "5m")
    (up,) = fired(text, "price crosses above 7000", on="5m")
    assert (times([up]), up["type"], up["timeframe"]) == ([600], "tapewatch.level.crossed_up", "5m")


def test_while_an_operand_has_no_value_it_is_not_checked() -> None:
    text = "6999 09:31:00=7001 09:32:00=7002 09:33:00=6990 09:34:00=7003"
    assert times(fired(text, "price > sma(3)@1m")) == [240]  # at 09:32 for the first time: it held
    assert times(fired(text, "price crosses above 7000 and sma(3)@1m > 0")) == [240]


def test_a_composite_is_the_price_of_one_leg_by_that_of_the_other() -> None:
    begin = at("09:30:00")
    legs = [(0, 100.0), (1, 50.0), (0, 104.0), (1, 52.0), (1, 53.0)]  # 2, 2.08, 2, 1.962
    ticks = [Tick(begin + i * NS, price, 100.0, leg=leg) for i, (leg, price) in enumerate(legs)]
    alerts = alerts_of(ticks, symbol="XLC/SPY", max_jump="off", level=[breakout(2.0)])
    assert [(alert["price"], alert["time_ns"]) for alert in alerts] == [(104 / 53, begin + 4 * NS)]


def test_a_leg_of_yesterday_makes_no_ratio() -> None:
    ticks = [Tick(at("15:59:00"), 100.0, leg=0), Tick(at("15:59:01"), 50.0, leg=1)]
    ticks += [Tick(at(clock, "2026-01-29"), 40.0, leg=1) for clock in ("09:30:00", "09:30:01", "09:30:02")]
    ticks += [Tick(at("09:30:03", "2026-01-29"), 99.5, leg=0)]
    (alert,) = alerts_of(ticks, symbol="XLC/SPY", level=[breakout(2.25)])
    assert (alert["price"], alert["gap"]) == (99.5 / 40, "session")


def days(*closes: float) -> list[Bar]:
    """Daily bars of January 2026, the last of them on the 27th."""
    dates = [f"2026-01-{day}" for day in (20, 21, 22, 23, 26, 27)][-len(closes) :]
    return [
        Bar("1d", at("09:30:00", date), at("16:00:00", date), close, close + 5, close - 5, close)
        for date, close in zip(dates, closes, strict=True)
    ]


def test_what_is_checked_on_the_daily_close_waits_for_the_official_bar() -> None:
    closes_higher = {"name": "higher", "when": "close@1d crosses above 7000"}
    config = watch(
        condition=[closes_higher], level=[breakout(confirm="1d")], settle_after="20m", hours="extended"
    )
    official = Bar("1d", at("09:30:00"), at("16:00:00"), 6990, 7003, 6985, 7003)
    before, after = tape("6990 15:59:00=7001 15:59:30=6999"), tape("16:10:00=6999 16:21:00=6999")
    history = days(6980, 6990)

    def closes(items: list[Tick | Settlement]) -> list[tuple[str, float, int]]:
        found = reference_replay(items, config, history).alerts
        return [(each["rule"], each["price"], each["time_ns"]) for each in found if each["timeframe"]]

    end = at("16:00:00")
    assert closes([*before, *after]) == [("breakout", 6999, end)]
    assert closes([*before, Settlement(official), *after]) == [("breakout", 7003, end), ("higher", 7003, end)]
    # too late to be checked with, but in time to be yesterday's bar
    tomorrow = tape("7002 7003 7002.5", "2026-01-29")
    yesterday = {"name": "yesterday", "when": "price crosses previous.close"}
    config = watch(condition=[yesterday], settle_after="20m", hours="extended")
    found = reference_replay([*before, *after, Settlement(official), *tomorrow], config, history).alerts
    assert [(each["level"], each["price"]) for each in found][-2:] == [(7003, 7003), (7003, 7002.5)]


def test_history_gives_the_side_of_what_is_checked_on_the_close_and_of_nothing_else() -> None:
    text = "7010 15:59:00=7011 16:00:00=7011"
    assert said(fired(text, "price crosses 7000", days(6990, 6995), timeframes=["1d"])) == []
    assert said(fired(text, "price crosses 7000", days(6990, 6995), on="1d")) == ["level.crossed_up 7011"]
    assert said(fired(text, "close@1d crosses 7000", days(6990, 6995))) == ["condition.fired 7011"]


@pytest.mark.parametrize(
    ("base", "price", "percent"),
    [(7000, 7105, 1.5), (250.5, 253.005, 1), (166.5, 168.165, 1), (6932, 6897.34, -0.5)],
)
def test_a_move_of_exactly_as_much_counts(base: float, price: float, percent: float) -> None:
    way = "up" if percent > 0 else "down"
    text = f"09:30:10={base} 10:00:00={price}"
    assert len(fired(text, f"price {way} {abs(percent)}% in 30m", max_jump="off")) == 1


def test_an_early_warning_after_the_break_is_marked_and_waits_for_its_states() -> None:
    closes = [
        6999.75,
        7001,
        7001.25,
        7002.25,
        7002.75,
        7001.75,
        7008.25,
        7009,
        7008.75,
        7007,
        7006,
        7007.5,
        7005.25,
    ]
    closes += [7004.5, 7005, 7005.5]
    minutes = [34, 35, 36, 37, 38, 39, 47, 50, 51, 52, 53, 55, 56, 57, 58, 59]
    text = " ".join(f"15:{minute}:00={close}" for minute, close in zip(minutes, closes, strict=True))
    ticks = [*tape(text), *tape("7003.5 7003.25", "2026-01-29")]
    warning = "macd(2,4,3).hist@1m diverges forming"
    (alert,) = fired(ticks, warning)
    assert (alert["stage"], alert["gap"], alert["timeframe"]) == ("forming", "session", "1m")
    (alert,) = fired(ticks, f"{warning} and price < 7003.5")
    assert (alert["price"], alert["gap"]) == (7003.25, None)

"""What an alert says to programs."""

import json
from datetime import datetime
from typing import Any

import numpy as np
import pytest
from alert_tapes import alerts, config, late, random_walk, tape

from tapewatch import assemble
from tapewatch.alerts.alert import Alert, alert_id, encode
from tapewatch.config import Config
from tapewatch.market.bars import BAR
from tapewatch.market.sessions import sessions
from tapewatch.market.ticks import NS
from tapewatch.replay import replay_ticks

ZONE = {"name": "resistance", "low": 6950, "high": 6970}


def level(role: str | None = None, **more: Any) -> dict[str, Any]:
    return {"name": "round", "price": 7000, "role": role, "next": "the next one"} | more


def kinds(own: list[Alert]) -> list[str]:
    return [alert.type.removeprefix("tapewatch.") for alert in own]


def test_an_alert_tells_event_time_in_three_ways_that_agree() -> None:
    (alert,) = alerts("6999 14:31:07=7001", level=[level()])
    assert alert.time == "2026-01-28T19:31:07.000000000Z"
    assert alert.data.exchange_time == "2026-01-28T14:31:07.000-05:00"
    assert alert.data.zone == "America/New_York"
    assert int(alert.data.time_ns) == int(datetime.fromisoformat(alert.data.exchange_time).timestamp()) * NS


def test_a_level_has_a_level_and_a_zone_has_two_edges() -> None:
    data = json.loads(encode(alerts("6999 7001", level=[level()])[0]))["data"]
    assert (data["level"], "low" in data, "high" in data) == (7000, False, False)
    data = json.loads(encode(alerts("6949 6951", zone=[ZONE])[0]))["data"]
    assert ("level" in data, data["low"], data["high"]) == (False, 6950, 6970)


@pytest.mark.parametrize(
    ("ticks", "kind", "distance"),
    [
        ("6949 6951", "entered_from_below", 1),
        ("6949 6951 6949.5", "rejected_down", -0.5),
        ("6949 6951 6972", "broke_above", 2),
        ("6949 6980", "jumped_up", 10),
        ("6971 6969", "entered_from_above", -1),
        ("6971 6969 6970.5", "rejected_up", 0.5),
        ("6971 6969 6948", "broke_below", -2),
        ("6971 6940", "jumped_down", -10),
    ],
)
def test_a_distance_is_from_the_edge_that_was_passed(ticks: str, kind: str, distance: float) -> None:
    alert = alerts(ticks, zone=[ZONE])[-1]
    assert (alert.type, alert.data.distance) == (f"tapewatch.zone.{kind}", distance)


@pytest.mark.parametrize(("close", "distance"), [(6951, 1), (6968, -2), (6948, -2), (6973, 3)])
def test_at_a_close_it_is_from_the_nearer_edge(close: float, distance: float) -> None:
    alert = alerts(f"6949 6955 {close} 09:31:01={close}", zone=[ZONE | {"confirm": "1m"}])[-1]
    assert alert.type in ("tapewatch.zone.confirmed", "tapewatch.zone.failed")
    assert (alert.data.price, alert.data.distance) == (close, distance)


def test_a_distance_is_the_difference_of_two_decimals_even_where_it_is_small() -> None:
    assert alerts("7000 7000.3", level=[level(price=7000.1)])[0].data.distance == 0.2
    tiny = alerts("0.0000081 0.0000083", level=[level(price=0.0000082)], max_jump="off")[0]
    assert tiny.data.distance == 1e-7


@pytest.mark.parametrize(
    ("role", "up", "down"),
    [
        ("support", False, True),
        ("resistance", True, False),
        ("breakout", True, False),
        ("target", True, True),
        (None, True, True),
    ],
)
def test_the_next_target_is_told_only_on_the_way_there(role: str | None, up: bool, down: bool) -> None:
    told = {alert.data.direction: alert.data.next for alert in alerts("6999 7001 6999", level=[level(role)])}
    assert told == {"up": "the next one" if up else None, "down": "the next one" if down else None}


def test_a_passage_that_failed_leads_nowhere() -> None:
    own = [level("breakout", confirm="1m", rearm=5)]
    _, failed = alerts("6999 7001 6998 09:31:01=6998", level=own)
    assert (failed.type, failed.data.next) == ("tapewatch.level.failed", None)
    _, confirmed = alerts("6999 7001 09:31:01=7001", level=own)
    assert (confirmed.type, confirmed.data.next) == ("tapewatch.level.confirmed", "the next one")


def test_what_confirms_or_fails_names_the_last_alert_of_its_bar() -> None:
    own = alerts(
        "6999 7001 6998 7002 09:31:01=7003 6999 09:32:01=7004",
        level=[level(confirm="1m")],
        zone=[ZONE | {"low": 7002.5, "high": 7010, "confirm": "1m"}],
    )
    assert kinds(own) == [
        *("level.crossed_up", "level.crossed_down", "level.crossed_up"),
        *("level.confirmed", "zone.entered_from_below", "level.crossed_down", "zone.rejected_down"),
        *("level.confirmed", "zone.confirmed", "level.crossed_up", "zone.entered_from_below"),
    ]
    followed = {place: own[place].data.follows for place in (3, 7, 8)}
    assert followed == {3: own[2].id, 7: own[5].id, 8: own[6].id}
    assert [alert.data.follows for i, alert in enumerate(own) if i not in followed] == [None] * 8
    assert [own[i].data.timeframe for i in followed] == ["1m"] * 3
    assert [own[i].data.direction for i in followed] == ["up", "down", "down"]


def test_the_first_price_after_a_session_break_is_marked() -> None:
    own = alerts("6999 7001 29T09:30=6999 7001", level=[level()])
    assert [alert.data.gap for alert in own] == [None, "session", None]


def test_an_alert_of_an_outage_says_that_it_is_late_and_when_the_bar_ended() -> None:
    own = late("6990", "6990 7001 6985 6986, 6986 7010 6986 7010", level=[level("breakout", confirm="1m")])
    (alert,) = own
    assert (alert.type, alert.data.gap, alert.data.late) == ("tapewatch.level.crossed_up", "outage", True)
    assert (alert.time, alert.data.exchange_time[:19]) == (
        "2026-01-28T14:42:00.000000000Z",
        "2026-01-28T09:42:00",
    )
    assert alert.id == alert_id("test", "SPX", "round", alert.type, int(alert.data.time_ns), 0)
    assert alert.data.next == "the next one"


def test_what_came_back_leads_nowhere_and_says_how_far_it_was() -> None:
    touched, past = late(
        "6990", "6990 7001.5 6985 6986", level=[level("breakout")], zone=[ZONE | {"low": 6995, "high": 7000}]
    )
    assert [own.type for own in (touched, past)] == ["tapewatch.level.touched", "tapewatch.zone.touched"]
    assert (touched.data.direction, touched.data.price, touched.data.distance) == ("up", 7001.5, 1.5)
    assert (past.data.direction, past.data.price, past.data.distance) == ("up", 7001.5, 1.5)
    assert touched.data.next is None


def test_hours_say_whether_the_exchange_was_open() -> None:
    own = alerts("6999 7001 16:30=6999 29T09:00=7001", level=[level()], hours="extended")
    assert [alert.data.hours for alert in own] == ["regular", "extended", "extended"]


def test_a_divergence_has_its_two_pivots_the_earlier_first() -> None:
    own = config(condition=[{"name": "divergence", "when": "rsi(5)@1m diverges"}], timeframes=["1m"])
    fired = replay_ticks(own, random_walk(1, seed=3))
    assert {"tapewatch.divergence.regular_bearish", "tapewatch.divergence.regular_bullish"} == {
        alert.type for alert in fired
    }
    for alert in fired:
        first, second = alert.data.pivots
        assert first.time < second.time < alert.time
        assert alert.data.stage == "confirmed"
        assert alert.data.timeframe == "1m"
        if alert.data.direction == "down":
            assert second.price > first.price
            assert second.value < first.value
        else:
            assert second.price < first.price
            assert second.value > first.value


def test_other_alerts_have_no_pivots_and_no_stage() -> None:
    data = json.loads(encode(alerts("6999 7001", level=[level()])[0]))["data"]
    assert "pivots" not in data
    assert data["stage"] is None


def test_every_indicator_that_has_a_value_is_quoted_with_its_timeframe() -> None:
    own = config(level=[level()], indicators=["sma(2)", "rsi(14)"], timeframes=["1m", "5m"])
    (alert,) = replay_ticks(own, tape("6999 09:31=6999 09:32=7001"))
    assert alert.data.indicators == {"sma(2)@1m": 7000}


def test_a_timeframe_is_cold_until_it_has_closed_250_bars() -> None:
    own = config(level=[level()], indicators=["rsi(14)", "sma(2)"], timeframes=["1m", "1h"])
    walk = random_walk(2, seed=1, start=6990, step=0)
    for closed, cold in ((249, ("1m",)), (250, ())):
        ticks = walk[: closed * 6 + 1].copy()
        ticks["price"][-1] = 7001
        (alert,) = replay_ticks(own, ticks)
        assert alert.data.indicators.keys() == {"rsi(14)@1m", "sma(2)@1m", "sma(2)@1h"}
        assert (alert.data.warm, alert.data.cold) == (not cold, cold)


def test_averages_over_a_window_are_never_cold() -> None:
    own = config(level=[level()], indicators=["sma(2)"], timeframes=["1m"])
    (alert,) = replay_ticks(own, tape("6999 09:31=6999 09:32=7001"))
    assert (alert.data.warm, alert.data.cold) == (True, ())


def test_a_crossed_average_is_the_level_and_its_timeframe_is_named() -> None:
    own = config(condition=[{"name": "average", "when": "price crosses sma(2)@1m"}])
    alert = replay_ticks(own, tape("6999 09:31=6999 09:32=6990"))[0]
    assert alert.type == "tapewatch.level.crossed_down"
    assert (alert.data.level, alert.data.timeframe) == (alert.data.indicators["sma(2)@1m"], "1m")
    assert alert.data.distance == pytest.approx(6990 - 6994.5)


def test_a_condition_on_indicators_has_no_level() -> None:
    own = config(condition=[{"name": "momentum", "when": "rsi(2)@1m crosses 50"}])
    data = json.loads(encode(replay_ticks(own, random_walk(1, seed=3))[0]))["data"]
    assert (data["level"], data["distance"]) == (None, None)


def test_an_id_depends_on_nothing_but_what_happened() -> None:
    plain = alerts("6999 7001 6999", level=[level()])
    other = alerts(
        "6999 7001 6999",
        level=[level("breakout", note="another note", next=None, severity="critical", confirm="5m")],
        zone=[ZONE],
        title="The index",
        indicators=["rsi(14)"],
    )
    assert [alert.id for alert in plain] == [alert.id for alert in other]
    assert plain[0].id == alert_id(
        "test", "SPX", "round", "tapewatch.level.crossed_up", int(plain[0].data.time_ns), 0
    )


def test_ids_differ_though_all_happens_at_one_instant() -> None:
    ticks = tape("6999 7001 6999 7001 6999 7001")
    ticks["time"] = ticks["time"][0]
    own = replay_ticks(config(level=[level(), level(name="again")]), ticks)
    assert (
        kinds(own)
        == ["level.crossed_up"] * 2
        + ["level.crossed_down"] * 2
        + ["level.crossed_up"] * 2
        + ["level.crossed_down"] * 2
        + ["level.crossed_up"] * 2
    )
    assert len({alert.id for alert in own}) == len(own) == 10


def test_ids_do_not_depend_on_batches() -> None:
    own = config(level=[level()], condition=[{"name": "average", "when": "price crosses sma(5)@1m"}])
    walk = random_walk(1, seed=3, start=7000)
    whole, single = replay_ticks(own, walk), replay_ticks(own, walk, batch=1)
    assert [encode(alert) for alert in whole] == [encode(alert) for alert in single]


def test_alerts_of_several_symbols_are_named_after_their_own() -> None:
    watch = {"timeframes": ["1m"], "indicators": [], "level": [level()]}
    two = Config.model_validate(
        {"name": "test", "watch": [watch | {"symbol": "SPX", "title": "S&P 500"}, watch | {"symbol": "SPY"}]}
    )
    ticks = np.repeat(tape("6999 7001"), 2)
    ticks["symbol"] = [0, 1, 0, 1]
    own = replay_ticks(two, ticks)
    assert [(alert.subject, alert.data.title) for alert in own] == [("SPX", "S&P 500"), ("SPY", "SPY")]
    assert len({alert.id for alert in own}) == 2


def test_after_enough_history_the_first_alert_is_warm() -> None:
    own = config(level=[level()], indicators=["rsi(14)"], timeframes=["1d"])
    engine = assemble.engine(own)
    xnys = sessions("XNYS")
    today = xnys.at(int(tape("1")["time"][0]))
    bars = np.zeros(300, BAR)
    bars["start"], bars["end"] = xnys.opens[today - 300 : today], xnys.closes[today - 300 : today]
    for name in ("open", "high", "low", "close"):
        bars[name] = 6990 + 20 * (np.arange(300) % 2)  # from one side of the level to the other
    engine.warm(0, bars, "1d", ["1d"])
    (alert,) = assemble.alert_builder(own, engine).build(engine.step(tape("6999 7001")))
    assert alert.data.warm
    assert "rsi(14)@1d" in alert.data.indicators

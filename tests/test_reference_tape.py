"""The reference's levels and zones, on tapes small enough to be worked out by hand from design §4."""

import pytest

from reference.builders import RESISTANCE, alerts_of, at, breakout, said, tape
from reference.ticks import Tick
from tapewatch.alerts.alert import alert_id


@pytest.mark.parametrize(
    ("prices", "expected"),
    [
        ("6990 6999.9 7000", ["level.crossed_up 7000"]),
        ("7000 6999.9", ["level.crossed_down 6999.9"]),
        # 7,000 is on the upper side: the first tick only sets it
        ("7000 7001", []),
        # not armed until 5 points beyond, then prompt again
        ("6990 7000 6999 7004 6996 7001", ["level.crossed_up 7000"]),
        ("6990 7000 7005 6999", ["level.crossed_up 7000", "level.crossed_down 6999"]),
        ("6990 7000 6995", ["level.crossed_up 7000", "level.crossed_down 6995"]),
        # 6,995 was far enough to arm the way back up
        (
            "6990 7000 6995 6999 7000",
            ["level.crossed_up 7000", "level.crossed_down 6995", "level.crossed_up 7000"],
        ),
        # from the first tick on a level is armed
        ("6999.5 7000 7001", ["level.crossed_up 7000"]),
    ],
)
def test_a_level_is_prompt_on_the_first_touch_and_then_waits_for_its_band(
    prices: str, expected: list[str]
) -> None:
    assert said(alerts_of(tape(prices), level=[breakout(rearm=5)])) == expected


def test_a_percentage_is_of_the_level() -> None:
    seven = [breakout(rearm="0.1%")]
    assert said(alerts_of(tape("6990 7000 6993.1"), level=seven)) == ["level.crossed_up 7000"]
    assert said(alerts_of(tape("6990 7000 6993"), level=seven))[1:] == ["level.crossed_down 6993"]


@pytest.mark.parametrize(
    ("prices", "expected"),
    [
        ("6949 6951 6968 6971", ["zone.entered_from_below 6951", "zone.broke_above 6971"]),
        ("6949 6951 6960 6949", ["zone.entered_from_below 6951", "zone.rejected_down 6949"]),
        # entered without arming the lower edge: rejected only from 6,943.05 down
        (
            "6949 6951 6949 6944 6943",
            ["zone.entered_from_below 6951", "zone.rejected_down 6943"],
        ),
        ("6975 6970 6960 6971", ["zone.entered_from_above 6970", "zone.rejected_up 6971"]),
        ("6975 6965 6949", ["zone.entered_from_above 6965", "zone.broke_below 6949"]),
        ("6940 6975 6940", ["zone.jumped_up 6975", "zone.jumped_down 6940"]),
        # inside from the start: whichever edge, it broke
        ("6960 6949", ["zone.broke_below 6949"]),
        ("6960 6970 6970.25", ["zone.broke_above 6970.25"]),
    ],
)
def test_a_zone_names_how_price_came_in_and_went_out(prices: str, expected: list[str]) -> None:
    assert said(alerts_of(tape(prices), zone=[RESISTANCE | {"rearm": "0.1%"}])) == expected


def test_the_band_of_an_edge_is_at_most_half_the_width() -> None:
    # 0.5 % would be 35 points; half the width is 10, so 6,960 arms the edge that 6,951 passed
    alerts = alerts_of(tape("6949 6951 6960 6949"), zone=[RESISTANCE | {"rearm": "0.5%"}])
    assert said(alerts) == ["zone.entered_from_below 6951", "zone.rejected_down 6949"]


def test_the_last_alert_in_the_bar_is_confirmed_at_the_close() -> None:
    ticks = tape("6990 7000 6995 7001 09:35:00=6990")
    alerts = alerts_of(ticks, level=[breakout(confirm="5m")])
    assert said(alerts)[2:] == ["level.crossed_up 7001", "level.confirmed 7001", "level.crossed_down 6990"]
    confirmed = alerts[3]
    assert confirmed["follows"] == alerts[2]["id"]
    assert (confirmed["time_ns"], confirmed["timeframe"]) == (at("09:35:00"), "5m")


def test_it_fails_when_the_close_is_back() -> None:
    # the band keeps 6,998 from crossing down, yet the close is below
    alerts = alerts_of(tape("6990 7000 6998 09:31:00=6998"), level=[breakout(confirm="1m", rearm=5)])
    assert said(alerts) == ["level.crossed_up 7000", "level.failed 6998"]


@pytest.mark.parametrize(
    ("prices", "expected"),
    [
        ("6949 6951 6970", "zone.confirmed 6970"),
        ("6949 6951 6949", "zone.failed 6949"),  # the edge never armed: no rejection, but not inside
        ("6949 6975 6971", "zone.confirmed 6971"),
        ("6949 6975 6970", "zone.failed 6970"),
    ],
)
def test_a_zone_is_confirmed_in_the_place_it_named(prices: str, expected: str) -> None:
    zone = RESISTANCE | {"confirm": "1m", "rearm": 8}
    assert said(alerts_of(tape(f"{prices} 09:31:00=6960"), zone=[zone]))[1] == expected


def test_what_the_first_tick_after_a_session_break_fires_is_marked() -> None:
    ticks = [*tape("6990"), *tape("7000 6999", "2026-01-29")]
    assert [alert["gap"] for alert in alerts_of(ticks, level=[breakout()])] == ["session", None]


def test_so_is_what_the_three_fire_that_were_held() -> None:
    ticks = [*tape("6900"), *tape("7000 6999 7001 6990", "2026-01-29")]
    alerts = alerts_of(ticks, level=[breakout()])
    up, down = "level.crossed_up", "level.crossed_down"
    assert said(alerts) == [f"{up} 7000", f"{down} 6999", f"{up} 7001", f"{down} 6990"]
    assert [alert["gap"] for alert in alerts] == ["session", "session", "session", None]


def test_a_market_that_never_shuts_has_no_session_break() -> None:
    ticks = [*tape("18:59:59=6990"), *tape("19:00:00=7000")]  # midnight UTC
    assert [alert["gap"] for alert in alerts_of(ticks, calendar="24/7", level=[breakout()])] == [None]


def test_alerts_at_the_same_time_have_ids_of_their_own() -> None:
    first = at("09:30:00")
    ticks = [Tick(first, price) for price in (6990.0, 7000.0, 6990.0, 7000.0)]
    ids = [alert["id"] for alert in alerts_of(ticks, level=[breakout()])]
    up, down = "tapewatch.level.crossed_up", "tapewatch.level.crossed_down"
    assert ids == [
        alert_id("test", "SPX", "breakout", type_, first, before)
        for type_, before in ((up, 0), (down, 0), (up, 1))
    ]

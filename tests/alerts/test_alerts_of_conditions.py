"""What an alert of a condition says to programs: events by hand, so that every field is known."""

import json
from math import nan

import jsonschema
import msgspec
import pytest
from hand_made import told

from tapewatch.alerts.schema import alert_schema
from tapewatch.engine import events as ev

PIVOTS = {"pivot_prices": (6990.1, 7010.25), "pivot_values": (72.9, 68.1)}


@pytest.mark.parametrize(("way", "direction"), [(1, "up"), (-1, "down"), (0, None)])
def test_a_direction_is_null_where_there_is_none(way: int, direction: str | None) -> None:
    assert told("macd.hist@1h within 1 of 0", 0.42, closed="1h", direction=way).direction == direction


def test_what_price_crossed_is_the_level() -> None:
    fixed = told("price crosses 7000", type=ev.CROSSED_UP, direction=1, price=7000.25, level=7000)
    assert (fixed.level, fixed.distance, fixed.timeframe) == (7000, 0.25, None)
    moving = told("price crosses previous.low", type=ev.CROSSED_DOWN, direction=-1, price=6899, level=6900.5)
    assert (moving.level, moving.distance, moving.timeframe) == (6900.5, -1.5, "1d")


def test_a_zone_that_price_enters_has_its_two_edges() -> None:
    data = told("price enters 6950 to 6970", type=ev.ENTERED_FROM_ABOVE, direction=-1, price=6968.5)
    assert (data.level, data.low, data.high, data.distance) == (msgspec.UNSET, 6950, 6970, -1.5)


def test_what_an_indicator_enters_is_no_zone() -> None:
    data = told("rsi(14)@1h enters 40 to 60", 41.3, closed="1h")
    assert (data.level, data.low, data.distance) == (None, msgspec.UNSET, None)


@pytest.mark.parametrize(
    ("when", "on", "closed", "timeframe"),
    [
        ("rsi(14)@1h > 70", None, "1h", "1h"),
        ("rsi(14)@1h > 70", "5m", "5m", "5m"),
        ("rsi(14)@1h > 70", None, None, "1h"),  # it has lasted; the clock fired it
        ("rsi(14)@1h > 70", "tick", None, None),
        ("price up 1.5% in 30m", None, None, None),
        ("price > 7000 and rsi(14)@1h > 70", "tick", None, None),
    ],
)
def test_a_timeframe_is_that_of_the_close_it_was_checked_at(
    when: str, on: str | None, closed: str | None, timeframe: str | None
) -> None:
    operands = [
        1.6 if part.startswith("price up") else 7001 if "price" in part else 71
        for part in when.split(" and ")
    ]
    assert told(when, *operands, on=on, closed=closed).timeframe == timeframe


def test_when_a_for_is_over_no_close_is_named_but_the_timeframe_stays() -> None:
    data = told("rsi(14)@1h > 70", 71, closed="1h", lasted=1)
    assert (data.timeframe, "1h close" in data.text, "(price 6,985.00)" in data.text) == ("1h", False, True)
    assert data.level is None


def test_on_ticks_it_is_that_of_what_price_crossed_if_there_is_nothing_else() -> None:
    crossed = {"type": ev.CROSSED_UP, "direction": 1, "level": 6980.0}
    assert told("price crosses sma(50)@1d", **crossed).timeframe == "1d"
    assert told("price crosses sma(50)@1d and rsi(14)@1h > 60", nan, 61, **crossed).timeframe is None


@pytest.mark.parametrize("kind", ev.DIVERGENCES)
def test_a_divergence_is_forming_or_confirmed_and_has_its_pivots_and_timeframe(kind: int) -> None:
    forming = told("rsi(14)@1h diverges forming", type=kind, forming=1, closed="1h", **PIVOTS)
    confirmed = told("rsi(14)@1h diverges forming", type=kind, closed="1h", **PIVOTS)
    assert [data.stage for data in (forming, confirmed)] == ["forming", "confirmed"]
    for data in (forming, confirmed):
        assert data.timeframe == "1h"
        assert [(pivot.price, pivot.value) for pivot in data.pivots] == [(6990.1, 72.9), (7010.25, 68.1)]


def test_only_indicators_that_remember_are_ever_cold() -> None:
    values = {"rsi(14)@1h": 71.0, "sma(50)@5m": 6990.0, "bb(20,2).upper@5m": 7010.0, "vwap@5m": 6990.0}
    both = {"indicators": ("sma(50)", "bb(20,2)", "vwap", "roc(10)"), "values": values | {"roc(10)@5m": 0.4}}
    cold = told("rsi(14)@1h > 70", 71, warm=(), **both)
    assert (cold.warm, cold.cold) == (False, ("1h",))
    warm = told("rsi(14)@1h > 70", 71, warm=("1h",), **both)
    assert (warm.warm, warm.cold) == (True, ())


def test_changes_are_quoted_beside_the_indicators() -> None:
    values = {"change(30m)": 1.6, "sma(50)@1h": 6900.0}
    assert told("price up 1.5% in 30m", 1.6, indicators=("sma(50)",), values=values).indicators == values


def test_alerts_of_conditions_are_of_the_schema() -> None:
    data = alert_schema()
    part = {"$ref": "#/$defs/AlertData", "$defs": data["$defs"]}
    for own in (
        told("macd.hist@1h within 1 of 0", 0.42, closed="1h", direction=0),
        told("price enters 6950 to 6970", type=ev.ENTERED_FROM_ABOVE, direction=-1),
        told("rsi(14)@1h diverges forming", type=ev.HIDDEN_BULLISH, forming=1, direction=1, **PIVOTS),
    ):
        jsonschema.validate(json.loads(msgspec.json.encode(own)), part)

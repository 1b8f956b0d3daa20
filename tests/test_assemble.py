"""What a watch of the config is to the engine: conditions, hours, legs, the official daily bar."""

from datetime import UTC, date, datetime, timedelta, timezone

import pytest

from tapewatch import meaning
from tapewatch.config import Config
from tapewatch.engine.parts import Compare, Crosses, Price
from tapewatch.engine.watch import Band, ConditionRule
from tapewatch.market.ticks import NS

MINUTE = 60 * NS


def rule(condition: dict, **watch: object) -> ConditionRule:
    table = {"symbol": "SPX", **watch, "condition": [{"name": "a", **condition}]}
    config = Config.model_validate({"name": "test", "watch": [table]})
    (own,) = meaning.engine_watch(config, config.watch[0], live=False).rules
    assert isinstance(own, ConditionRule)
    return own


def ns(*when: int) -> int:
    return int(datetime(*when, tzinfo=UTC).timestamp()) * NS


def test_a_passage_of_price_is_checked_on_ticks_with_the_watchs_band_and_fires_each_time():
    own = rule({"when": "price crosses above 7000"}, rearm=5)
    assert own == ConditionRule(
        "a", Crosses(Price(), "up", 7000.0), (), Band(5.0, "points"), on=None, frequency="always", bar="1m"
    )


def test_what_is_left_out_follows_from_the_condition():
    own = rule({"when": "rsi(14)@1h > 70 and close@5m > vwap"})
    assert (own.on, own.frequency, own.bar, own.lasting) == ("5m", "once per bar", "5m", 0)
    assert (own.expires, own.hours) == (None, None)


def test_once_per_bar_of_what_names_no_timeframe_is_of_the_watchs_shortest():
    assert rule({"when": "price > 7000"}, timeframes=["5m", "1h"]).bar == "5m"
    assert rule({"when": "price up 1% in 30m"}, timeframes=["5m", "1h"]).bar == "30m"


def test_what_is_said_otherwise_holds():
    own = rule(
        {
            "when": "price > 7000",
            "on": "15m",
            "frequency": "once per session",
            "for": "90s",
            "hours": "09:45-15:45",
        }
    )
    assert own.states == (Compare(Price(), ">", 7000.0),)
    assert (own.on, own.frequency, own.lasting) == ("15m", "once per session", 90 * NS)
    assert own.hours == (585 * MINUTE, 945 * MINUTE)
    assert rule({"when": "rsi(14)@1h > 70", "on": "tick"}).on is None


@pytest.mark.parametrize(
    ("calendar", "expires", "end"),
    [
        ("XNYS", date(2026, 3, 31), ns(2026, 4, 1, 4)),
        ("XNYS", date(2026, 3, 7), ns(2026, 3, 8, 5)),
        ("XNYS", date(2026, 3, 8), ns(2026, 3, 9, 4)),  # a day of 23 hours
        ("XLON", date(2026, 3, 31), ns(2026, 3, 31, 23)),
        ("24/7", date(2026, 12, 31), ns(2027, 1, 1)),
        ("XNYS", datetime(2026, 3, 31, 10, tzinfo=timezone(timedelta(hours=-4))), ns(2026, 3, 31, 14)),
        ("XNYS", datetime(2026, 3, 31, 10, 0, 0, 1, tzinfo=UTC), ns(2026, 3, 31, 10) + 1000),
    ],
)
def test_a_date_counts_to_its_end_at_the_exchange(calendar: str, expires: date, end: int):
    assert rule({"when": "price > 7000", "expires": expires}, calendar=calendar).expires == end


def test_a_composite_is_known_by_its_legs():
    config = Config.model_validate({"name": "test", "watch": [{"symbol": "XLC/SPY"}, {"symbol": "SPY"}]})
    assert [meaning.engine_watch(config, watch, live=False).legs for watch in config.watch] == [
        ("XLC", "SPY"),
        None,
    ]


@pytest.mark.parametrize(
    ("calendar", "live", "expected"),
    [
        ("XNYS", True, 20 * MINUTE),
        ("XNYS", False, 0),
        ("24/7", True, 0),  # it never shuts: no official bar comes between two sessions
        ("24/5", True, 0),
    ],
)
def test_the_official_daily_bar_is_waited_for_where_a_market_shuts(calendar: str, live: bool, expected: int):
    watch = {"symbol": "SPX", "calendar": calendar, "settle_after": "20m"}
    config = Config.model_validate({"name": "test", "watch": [watch]})
    assert meaning.engine_watch(config, config.watch[0], live=live).settle_after == expected


def test_without_settle_after_nothing_is_waited_for():
    config = Config.model_validate({"name": "test", "watch": [{"symbol": "SPX"}]})
    assert meaning.engine_watch(config, config.watch[0], live=True).settle_after == 0

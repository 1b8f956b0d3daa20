"""What the screen shows, put together from events."""

import json
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from notify.sample_alerts import alert
from tapewatch.alerts.alert import encode
from tapewatch.status import status_of
from tapewatch.top.sse import Event
from tapewatch.top.state import BARS, ENTRIES, State
from tapewatch.top.views import alert_lines, change, headline, silence_line
from tapewatch.top.wire import Found, Listed
from test_status import NOW, WATCH
from top.charts import OPEN, chart

SPX = Listed("SPX", "S&P 500", ["1m", "1h"])


def state() -> State:
    return State(Found("sp500", 1, 1, [SPX]), "SPX", "1m")


def event(name: str, data: Any, id_: str = "") -> Event:
    return Event(name, msgspec.json.encode(data).decode(), id_)


def bar(time: int, close: float, *, closed: bool = False, **values: float | None) -> Event:
    return event(
        "bar",
        {
            "time": time,
            **{"open": 1, "high": 9, "low": 1, "close": close, "volume": None},
            **{"closed": closed, "values": values},
        },
    )


def test_the_newest_bar_goes_on_and_is_followed() -> None:
    own = state()
    own.take(event("chart", chart((1, 2, 1, 2), (2, 3, 2, 3), values={"rsi": [float("nan"), 50.0]})))
    assert own.chart is not None
    assert own.chart.values["rsi"][0] != own.chart.values["rsi"][0]  # null is not known
    own.take(bar(OPEN + 60, 5, rsi=60))
    assert (own.chart.close, own.chart.values["rsi"][1:], own.chart.forming) == ([2, 5], [60], True)
    own.take(bar(OPEN + 120, 6, closed=True))
    assert (own.chart.close, own.chart.time[-1], own.chart.forming) == ([2, 5, 6], OPEN + 120, False)
    own.take(bar(OPEN, 7))  # one of before
    assert own.chart.close == [2, 5, 6]
    for i in range(3, BARS + 10):
        own.take(bar(OPEN + 60 * i, i))
    assert {len(own.chart.time), len(own.chart.close), len(own.chart.values["rsi"])} == {BARS}


def test_what_is_of_another_symbol_or_timeframe_is_not_shown() -> None:
    own = state()
    own.take(event("chart", chart((1, 2, 1, 2), symbol="NDX")))
    own.take(event("chart", chart((1, 2, 1, 2), timeframe="1h")))
    own.take(event("watch", status_of(WATCH, NOW) | {"symbol": "NDX"}))
    assert (own.chart, own.status) == (None, None)


def test_levels_of_the_chart_move_with_their_indicators() -> None:
    own = state()
    own.take(event("chart", chart((1, 2, 1, 2))))
    own.take(event("watch", status_of(WATCH, NOW)))
    assert own.chart is not None
    assert next(place.low for place in own.chart.places if place.name == "50-day average") == 6870.504
    own.take(event("watch", status_of(WATCH, NOW | {"sma(50)@1d": "6880"})))
    assert next(place.low for place in own.chart.places if place.name == "50-day average") == 6880


def entry(number: int, time: int, **more: Any) -> dict[str, Any]:
    told = json.loads(encode(alert(id=f"{number:032x}", time_ns=str(time * 10**9))))
    return {"alert": told, "deliveries": [], "waiting": ["desk"]} | more


def test_alerts_stand_in_their_order_each_once_and_have_what_became_of_them() -> None:
    own = state()
    own.take(event("alert", entry(2, 20), "20-0"))
    own.take(event("alert", entry(1, 10), "10-0"))  # read from the log, after the stream began
    own.take(event("alert", entry(2, 20), "20-0"))
    assert [int(id_, 16) for id_ in own.entries] == [1, 2]
    own.take(event("delivery", {"alert": f"{2:032x}", "receiver": "desk", "outcome": "sent", "detail": ""}))
    own.take(event("delivery", {"alert": "unknown", "receiver": "desk", "outcome": "sent"}))
    newest = own.entries[f"{2:032x}"]
    assert ([each.outcome for each in newest.deliveries], newest.waiting) == (["sent"], [])
    for i in range(3, ENTRIES + 10):
        own.take(event("alert", entry(i, 10 * i), f"{i}-0"))
    assert len(own.entries) == ENTRIES
    assert own.last_id == f"{ENTRIES + 9}-0"


def test_a_later_version_may_say_more() -> None:
    own = state()
    own.take(event("weather", {"sun": True}))
    own.take(event("silences", [{"id": "1", "state": "holds", "until": "2026-01-28T15:00:00Z", "new": 1}]))
    with pytest.raises(msgspec.DecodeError):
        own.take(Event("health", '{"role": 1}', ""))
    with pytest.raises(msgspec.DecodeError):
        own.take(Event("chart", "[]", ""))


@pytest.mark.parametrize(
    ("symbol", "pattern", "found"),
    [("SPX", "SPX", True), ("SPX", "SP*", False), ("A*", "A[*]", True), ("SPX", None, False)],
)
def test_the_silence_of_the_key_is_that_of_the_whole_symbol(
    symbol: str, pattern: str | None, found: bool
) -> None:
    own = State(Found("sp500", 1, 1, [Listed(symbol, symbol, ["1m"])]), symbol, "1m")
    silence = {"id": "1", "state": "holds", "until": "2026-01-28T15:00:00Z", "symbol": pattern}
    own.take(event("silences", [silence]))
    assert (own.silence is not None) == found
    own.take(event("silences", [silence | {"rule": "dip"}]))
    assert own.silence is None
    own.take(event("silences", [silence | {"state": "over"}]))
    assert own.silence is None


def test_the_change_is_since_the_close_of_the_day_before() -> None:
    own = state()
    own.take(event("watch", status_of(WATCH, NOW | {"price": "110"})))
    own.take(event("chart", chart((80, 120, 80, 100), (100, 120, 90, 110), step=86_400)))
    assert change(own) == (pytest.approx(0.1), "since the close of 28 Jan")
    own.take(event("chart", chart((100, 120, 80, 105), (105, 120, 90, 110))))
    assert change(own) == (pytest.approx(0.1), "since 09:30")
    assert "▲ +10.00% since 09:30" in headline(own, 120).plain
    assert headline(own, 45).plain == "S&P 500  110.00  ▲ +10.00% since 09:30"
    assert headline(own, 30).plain == "S&P 500  110.00"  # without a word it would be the day's change
    own.take(event("chart", chart((80, 120, 80, 100), (100, 120, 90, 110), step=86_400)))
    assert "Wed 28 Jan" in headline(own, 60).plain
    assert headline(own, 30).plain == "S&P 500  110.00  ▲ +10.00%"


def test_the_log_says_the_zone_where_not_all_times_are_of_the_one_that_is_shown() -> None:
    own = state()
    own.take(event("chart", chart((1, 2, 1, 2))))
    own.take(event("alert", entry(1, OPEN)))
    assert alert_lines(own, 80, 9)[0].plain.startswith("28 Jan 09:30  SPX !▲")
    at_all_hours = alert(id="02", subject="BTC/USD", zone="UTC", time_ns=str((OPEN + 60) * 10**9))
    own.take(event("alert", {"alert": json.loads(encode(at_all_hours)), "deliveries": [], "waiting": []}))
    assert [line.plain[:25] for line in alert_lines(own, 80, 9)] == [
        "28 Jan 09:30 EST  SPX    ",
        "28 Jan 14:31 UTC  BTC/USD",
    ]
    own.take(event("chart", chart((1, 2, 1, 2), zone="UTC")))
    assert [line.plain[:16] for line in alert_lines(own, 80, 1)] == ["28 Jan 14:31  BT"]


def test_a_silence_ends_in_a_time_zone() -> None:
    own = state()
    own.take(
        event("silences", [{"id": "1", "state": "holds", "until": "2026-01-28T15:00:00Z", "symbol": "SPX"}])
    )
    there = datetime(2026, 1, 28, 15, tzinfo=UTC).astimezone()
    assert silence_line(own).plain == f"silenced: SPX until {there:%H:%M %Z}"

"""What is said of a feed that is stale, and of one that is back."""

import json
from zoneinfo import ZoneInfo

import jsonschema
import pytest

from tapewatch.alerts.alert import Alert, decode, encode
from tapewatch.alerts.feed_alert import Back, Silent, back, spoken, stale
from tapewatch.alerts.schema import ALERT_TYPES, alert_schema

NEW_YORK = ZoneInfo("America/New_York")
TIME = 1_769_610_667_123_456_789

SILENT = Silent(("SPX", "SPY"), ("XNYS",), 30.4, TIME, NEW_YORK)
RETURNED = Back((), 125.0, TIME, NEW_YORK)


def test_a_stale_feed_names_what_is_missing_and_where_it_trades() -> None:
    alert = stale("sp500", "tape", SILENT)
    assert alert.data.text == ("Feed tape: no tick of SPX, SPY for 30 s while XNYS trades; connecting anew")
    assert (alert.subject, alert.data.rule, alert.data.severity) == ("tape", "feed", "critical")
    assert (alert.type, alert.time) == ("tapewatch.feed.stale", "2026-01-28T14:31:07.123456789Z")
    assert alert.data.exchange_time == "2026-01-28T09:31:07.123-05:00"


def test_a_feed_that_is_refused_is_not_said_to_be_tried_again() -> None:
    text = stale("sp500", "tape", SILENT, refused=True).data.text
    assert "connecting" not in text
    assert "the vendor refuses it" in text


def test_of_many_symbols_the_first_are_named_and_the_others_counted() -> None:
    silent = Silent(tuple(f"S{i}" for i in range(100)), ("XNYS", "24/7"), 61, TIME, NEW_YORK)
    assert str(silent) == "no tick of S0, S1, S2, S3, S4 and 95 more for 1 min 1 s while XNYS and 24/7 trade"


def test_a_feed_that_is_back_says_after_how_long_and_what_is_still_missing() -> None:
    alert = back("sp500", "tape", RETURNED)
    assert alert.data.text == "Feed tape is back after 2 min 5 s"
    assert (alert.type, alert.data.severity) == ("tapewatch.feed.back", "info")
    but = back("sp500", "tape", Back(("BRK.A",), 3.9, TIME, NEW_YORK))
    assert but.data.text == "Feed tape is back after 3 s, but for BRK.A"


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.4, "0 s"), (59.9, "59 s"), (60, "1 min"), (3600, "1 h"), (63_000, "17 h 30 min"), (3605, "1 h")],
)
def test_lengths_of_time_have_two_units_at_most(seconds: float, words: str) -> None:
    assert spoken(seconds) == words


@pytest.mark.parametrize(
    "alert", [stale("sp500", "tape", SILENT), back("sp500", "tape", RETURNED)], ids=["stale", "back"]
)
def test_it_is_an_alert_of_the_schema_and_its_id_is_its_own(alert: Alert) -> None:
    jsonschema.Draft202012Validator(alert_schema()).validate(json.loads(encode(alert)))
    assert decode(encode(alert)) == alert
    assert alert.data.price is None
    assert alert.type in ALERT_TYPES
    again = stale("sp500", "tape", Silent(("SPX",), ("XNYS",), 30, TIME + 1, NEW_YORK))
    other = stale("sp500", "other", SILENT)
    assert len({alert.id, again.id, other.id}) == 3

"""Several alerts in one message: who leads, what is told of whom, and of when."""

import pytest
from sample_alerts import alert, later, told

from tapewatch.alerts.alert import Alert
from tapewatch.notify.message import Kind
from tapewatch.notify.render import facts, render
from tapewatch.notify.telling import capped

ZONE = {
    "rule": "resistance",
    "role": "resistance",
    "type": "tapewatch.zone.broke_above",
    "level": None,
    "low": 6950.0,
    "high": 6970.0,
    "severity": "info",
    "note": "The lid.",
    "next": "7,000",
    "text": "S&P 500 broke above 6,950–6,970, at 7,000.25",
}
DAY = 24 * 3600


def test_one_alert_is_told_as_ever() -> None:
    message, wording = told(alert()), render(alert())
    assert message.headline == wording.headline
    assert message.facts == wording.facts
    assert message.indicators == wording.indicators
    assert message.origin == wording.origin
    assert message.lines == []


def test_the_most_severe_leads_and_the_others_are_a_line_each() -> None:
    message = told(later(0, **ZONE), later(0.2), later(0.4, **ZONE | {"text": "S&P 500 is elsewhere"}))
    assert message.headline == "S&P 500 crossed above 7,000, at 7,000.25 · +2 more"
    assert (message.note, message.next) == ("Opens the way to the next target.", "7,100–7,200")
    assert message.lines == [
        "09:31:07 EST ▲ S&P 500 broke above 6,950–6,970, at 7,000.25",
        "09:31:07 EST ▲ S&P 500 is elsewhere",
    ]
    assert message.severity == "critical"
    assert message.origin.endswith(" and 2 more")


def test_of_equally_severe_ones_the_newest_has_the_last_word() -> None:
    below = later(0.5, direction="down", text="S&P 500 crossed below 7,000, at 6,999.00")
    message = told(later(0), below)
    assert message.headline.startswith("S&P 500 crossed below 7,000")
    assert (message.arrow, message.direction) == ("▼", "down")


def test_figures_are_the_newest_ones_and_no_other_rules_level_stands_below_the_headline() -> None:
    newest = later(1, **ZONE, price=7001.5, indicators={"rsi(14)@1d": 60.0})
    message = told(later(0), newest)
    labels = dict(message.facts)
    assert labels["Price"] == "7,001.50"
    assert labels["Exchange time"].startswith("2026-01-28 09:31:08 EST")
    assert {"Zone", "Level", "Distance"}.isdisjoint(labels)
    assert [fact.value for fact in message.indicators] == ["RSI(14) 60.0"]
    assert (
        told(newest, later(2)).facts == facts(later(2))[2:-3]
    )  # the leading one is the newest: all of its own


def test_a_digest_is_a_line_per_alert_with_its_time() -> None:
    alerts = [later(60 * minute, text=f"S&P 500 alert {minute}") for minute in range(40)]
    message = told(*alerts, kind=Kind.DIGEST)
    assert message.headline == "40 alerts from 09:31 to 10:10 EST"
    assert len(message.lines) == 40
    assert message.lines[3] == "09:34:07 EST ▲ S&P 500 alert 3"
    assert (message.note, message.facts, message.indicators) == (None, [], [])
    assert message.arrow == "●"


@pytest.mark.parametrize(
    ("alerts", "headline", "line"),
    [
        ([later(0), later(20)], "2 alerts of 09:31 EST", "09:31:07 EST ▲ S&P"),
        (
            [later(-DAY), later(0)],
            "2 alerts from 27 Jan 09:31 to 28 Jan 09:31 EST",
            "27 Jan 09:31:07 EST ▲ S&P",
        ),
        # Not in the order of their times, and each by the clock of its own exchange.
        (
            [later(120, subject="BTC/USD", zone="UTC"), later(0)],
            "2 alerts from 09:31 EST to 14:33 UTC",
            "14:33:07 UTC ▲ S&P",
        ),
        # Into summer time within the digest.
        (
            [later(39 * DAY), later(40 * DAY)],
            "2 alerts from 8 Mar 10:31 to 9 Mar 10:31 EDT",
            "8 Mar 10:31:07 EDT",
        ),
    ],
)
def test_when_a_digest_is_of(alerts: list[Alert], headline: str, line: str) -> None:
    message = told(*alerts, kind=Kind.DIGEST)
    assert message.headline == headline
    assert message.lines[0].startswith(line)


def test_a_digest_of_one_is_that_one_and_does_not_look_like_news() -> None:
    message = told(later(0), kind=Kind.DIGEST)
    assert message.headline == "28 Jan 09:31 EST: S&P 500 crossed above 7,000, at 7,000.25"
    assert message.facts == facts(later(0))[2:-3]
    assert message.lines == []


def test_a_digests_origin_names_the_first_symbols_and_how_many_more() -> None:
    alerts = [later(second, subject=f"S{second}") for second in range(8)]
    assert "S0, S1, S2, S3, S4 and 3 more" in told(*alerts, kind=Kind.DIGEST).origin


def test_a_summary_is_one_line_with_the_newest_figures() -> None:
    message = told(
        later(0, type="tapewatch.level.crossed_down", direction="down", price=6999.0),
        later(48, price=7003.5, distance=3.5),
        kind=Kind.SUMMARY,
    )
    assert message.headline == "S&P 500 crossed 7,000 twice in 48 s, now above"
    assert dict(message.facts)["Price"] == "7,003.50"
    assert message.lines == []
    assert message.indicators == []


def test_a_summary_of_one_is_that_one() -> None:
    assert told(later(0), kind=Kind.SUMMARY).headline == "S&P 500 crossed above 7,000, at 7,000.25"


def test_what_is_left_out_is_said() -> None:
    lines = [str(number) for number in range(1040)]
    assert capped(lines, 40) == [*lines[:40], "and 1,000 more: tapewatch log"]
    assert capped(lines, 1040) == lines

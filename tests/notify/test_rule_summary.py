"""The sentence that a rule's further alerts come to."""

from typing import Any

import pytest
from sample_alerts import alert, later

from tapewatch.alerts.alert import Alert
from tapewatch.alerts.feed_alert import RULE
from tapewatch.notify.summary import sentence, times

UP, DOWN = "tapewatch.level.crossed_up", "tapewatch.level.crossed_down"


def at_level(*types: str, apart: float = 16, **changes: Any) -> list[Alert]:
    return [later(number * apart, type=type_, **changes) for number, type_ in enumerate(types)]


def at_zone(*names: str) -> list[Alert]:
    zone = {"level": None, "low": 6950.0, "high": 6970.0, "rule": "resistance"}
    return at_level(*(f"tapewatch.zone.{name}" for name in names), **zone)


def test_a_level_says_how_often_in_how_long_and_which_side_price_is_on() -> None:
    assert sentence(at_level(DOWN, UP, DOWN, UP)) == "S&P 500 crossed 7,000 four times in 48 s, now above"
    assert sentence(at_level(UP, DOWN)) == "S&P 500 crossed 7,000 twice in 16 s, now below"


@pytest.mark.parametrize(
    ("names", "where"),
    [
        (("entered_from_below", "rejected_down", "entered_from_below"), "three times in 32 s, now inside"),
        (("entered_from_below", "broke_above"), "twice in 16 s, now above"),
        (("jumped_up", "jumped_down"), "twice in 16 s, now below"),
        (("entered_from_above", "rejected_up"), "twice in 16 s, now above"),
        (("entered_from_above", "broke_below"), "twice in 16 s, now below"),
    ],
)
def test_a_zone_says_where_price_is(names: tuple[str, ...], where: str) -> None:
    assert sentence(at_zone(*names)) == f"S&P 500 crossed the edges of 6,950–6,970 {where}"


def test_a_condition_is_called_by_its_name_and_told_by_its_last_words() -> None:
    fired = [
        later(90 * number, type="tapewatch.condition.fired", rule="overbought", level=None, text=text)
        for number, text in enumerate(
            ["S&P 500: RSI(14)@1h crossed above 70, at 70.8", "S&P 500: RSI(14)@1h crossed above 70, at 71.3"]
        )
    ]
    assert sentence(fired) == (
        "S&P 500: “overbought” fired twice in 1 min 30 s; last: RSI(14)@1h crossed above 70, at 71.3"
    )


def test_a_level_that_moves_is_called_by_its_name() -> None:
    crossed = [
        later(0, type=UP, level=6890.12, rule="50-day average"),
        later(9, type=DOWN, level=6890.2, rule="50-day average"),
    ]
    assert sentence(crossed) == "S&P 500 crossed “50-day average” twice in 9 s, now below"


def test_a_confirmation_among_passages_comes_after_them() -> None:
    text = "S&P 500: cross above 7,000 confirmed (1h close 7,004.50)"
    alerts = [*at_level(DOWN, UP), later(40, type="tapewatch.level.confirmed", text=text)]
    assert sentence(alerts) == (
        "S&P 500 crossed 7,000 twice in 16 s, now above; cross above 7,000 confirmed (1h close 7,004.50)"
    )
    assert sentence(alerts[1:]) == (
        "S&P 500 crossed above 7,000, at 7,000.25; cross above 7,000 confirmed (1h close 7,004.50)"
    )


def test_after_a_failure_price_is_not_where_the_last_passage_left_it() -> None:
    text = "S&P 500: cross below 7,000 failed (5m close 7,002.76)"
    alerts = [*at_level(UP, DOWN), later(40, type="tapewatch.level.failed", text=text)]
    assert sentence(alerts) == (
        "S&P 500 crossed 7,000 twice in 16 s; cross below 7,000 failed (5m close 7,002.76)"
    )


def test_a_feed_has_no_rule_to_name() -> None:
    about = {"rule": RULE, "title": "Feed tape", "price": None, "distance": None, "level": None}
    alerts = [
        later(0, type="tapewatch.feed.stale", text="Feed tape: no tick", **about),
        later(125, type="tapewatch.feed.back", text="Feed tape is back after 2 min 5 s", **about),
    ]
    assert sentence(alerts) == "Feed tape: 2 alerts in 2 min 5 s; last: Feed tape is back after 2 min 5 s"


@pytest.mark.parametrize(("apart", "words"), [(0, "twice, now"), (0.4, "twice within a second, now")])
def test_less_than_a_second_is_no_0_s(apart: float, words: str) -> None:
    assert words in sentence(at_level(DOWN, UP, apart=apart))


def test_words_for_numbers_to_ten() -> None:
    assert [times(count) for count in (2, 3, 10, 11, 250)] == [
        "twice", "three times", "ten times", "11 times", "250 times",
    ]  # fmt: skip


def test_what_was_missed_says_so() -> None:
    touched = {"type": "tapewatch.level.touched", "text": "While away: S&P 500 touched 7,000 and came back"}
    assert sentence([alert(**touched), later(5, **touched)]).endswith(
        "fired twice in 5 s; last: While away: S&P 500 touched 7,000 and came back"
    )

import pytest
from sample_alerts import HOSTILE, alert

from tapewatch.alerts.alert import Pivot
from tapewatch.notify.render import Fact, facts, level, oscillator, price, render


def fact(label: str, **changes: object) -> str:
    return dict(facts(alert(**changes)))[label]


def test_a_breakout_is_told_the_most_important_first() -> None:
    assert facts(alert()) == [
        Fact("Note", "Opens the way to the next target."),
        Fact("Next target", "7,100–7,200"),
        Fact("Price", "7,000.25"),
        Fact("Level", "7,000 (breakout)"),
        Fact("Distance", "0.25 points (<0.01%) above 7,000"),
        Fact("Exchange time", "2026-01-28 09:31:07 EST (14:31:07 UTC)"),
        Fact("1d", "RSI(14) 59.7\nMACD(12,26,9) 24.1 / signal 22.0 / hist 2.1\nSMA(50) 6,852.10"),
        Fact("1h (warming up)", "EMA(20) 6,970.00"),
        Fact("1m", "RSI(14) 71.2\nSMA(50) 6,994.50"),
    ]


@pytest.mark.parametrize(
    ("last", "distance", "words"),
    [
        (6982.5, 12.5, "12.50 points (0.18%) above 6,970"),
        (6789.9, -0.1, "0.10 points (<0.01%) below 6,790"),
        (7000.0, 0.0, "at 7,000"),
        (166.32, 0.32, "0.32 points (0.19%) above 166"),
    ],
)
def test_distance_names_points_percent_side_and_level(last: float, distance: float, words: str) -> None:
    assert fact("Distance", price=last, distance=distance) == words


def test_a_zone_shows_both_prices_and_the_edge_that_was_passed() -> None:
    changes = {
        "low": 6950.0,
        "high": 6970.0,
        "level": None,
        "role": "resistance",
        "price": 6949.5,
        "distance": -0.5,
    }
    assert fact("Zone", **changes) == "6,950–6,970 (resistance)"
    assert fact("Distance", **changes) == "0.50 points (0.01%) below 6,950"


def test_a_condition_without_level_tells_no_distance() -> None:
    labels = [label for label, _ in facts(alert(level=None, distance=None))]
    assert "Distance" not in labels
    assert "Level" not in labels


def test_a_divergence_shows_its_pivots_with_their_timeframe() -> None:
    pivots = (Pivot("2026-01-27T15:30:00Z", 6990.1, 72.9), Pivot("2026-01-28T14:30:00Z", 7010.25, 68.14))
    changes = {"pivots": pivots, "timeframe": "1h", "level": None, "distance": None}
    assert fact("Price pivots 1h", **changes) == "6,990.10 → 7,010.25"
    assert fact("Oscillator pivots 1h", **changes) == "72.9 → 68.1"


def test_what_to_mind_is_said() -> None:
    told = fact("Mind", gap="session", late=True, hours="extended", stage="forming")
    assert told == (
        "first price after a session break; reported late; extended hours; "
        "provisional: the bar is still forming"
    )


def test_an_indicator_without_timeframe_is_not_shown() -> None:
    assert render(alert(indicators={"rsi(14)": 59.7})).indicators == []


def test_bands_rates_and_averages_of_the_session_are_read_in_their_own_measure() -> None:
    values = {
        "bb(20,2.5).upper@1h": 7010.1,
        "bb(20,2.5).middle@1h": 6980.0,
        "bb(20,2.5).lower@1h": 6950.0,
        "macd(12,26,9).hist@1h": 0.42,
        "vwap@1h": 6981.104,
        "roc(10)@1h": 1.2345,
    }
    assert render(alert(indicators=values, cold=())).indicators == [
        Fact(
            "1h",
            "BB(20,2.5) upper 7,010.10 / middle 6,980.00 / lower 6,950.00\n"
            "MACD(12,26,9) hist 0.42\nVWAP 6,981.10\nROC(10) +1.23%",
        )
    ]


def test_a_change_is_told_with_its_span() -> None:
    assert fact("Change in 30m", indicators={"rsi(14)@1h": 59.7, "change(30m)": 1.5203}) == "+1.52%"


def test_an_alert_without_direction_points_nowhere() -> None:
    assert render(alert(direction=None)).arrow == "●"


def test_a_level_of_six_digits_keeps_them() -> None:
    assert fact("Level", level=1.08455, price=1.0846, distance=0.00005) == "1.08455 (breakout)"


@pytest.mark.parametrize(
    ("zone", "words"),
    [
        ("UTC", "2026-01-28 14:31:07 UTC"),
        ("Asia/Tokyo", "2026-01-28 23:31:07 JST (14:31:07 UTC)"),
        ("Pacific/Auckland", "2026-01-29 03:31:07 NZDT (2026-01-28 14:31:07 UTC)"),
    ],
)
def test_exchange_time_is_unambiguous(zone: str, words: str) -> None:
    assert fact("Exchange time", zone=zone) == words


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (6950.25, "6,950.25"),
        (6896.0, "6,896.00"),
        (45.125, "45.125"),
        (1.08453, "1.0845"),
        (0.0000123, "0.0000123"),
    ],
)
def test_prices(value: float, words: str) -> None:
    assert price(value) == words


@pytest.mark.parametrize(("value", "words"), [(7000.0, "7,000"), (166.5, "166.50"), (1234567.0, "1,234,567")])
def test_levels(value: float, words: str) -> None:
    assert level(value) == words


@pytest.mark.parametrize(
    ("value", "words"), [(59.71, "59.7"), (-2.1, "-2.1"), (0.0423, "0.042"), (0.0, "0.0")]
)
def test_oscillators_near_zero_keep_two_digits(value: float, words: str) -> None:
    assert oscillator(value) == words


def test_no_control_character_or_line_break_survives() -> None:
    wording = render(HOSTILE)
    for text in (wording.headline, wording.note or "", wording.next or "", wording.origin):
        assert text.isprintable()
    assert wording.origin == "sp500 · SPX · break out · critical · alert 9f0c2a51d7b84e6f8d1c3b5a79e0f246"

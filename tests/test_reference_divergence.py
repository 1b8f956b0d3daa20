"""The reference's divergences, by hand from design §4."""

import pytest

from reference.builders import at, watch
from reference.divergence import Divergences
from reference.judge import Judge
from reference.replay import reference_replay
from reference.ticks import NS, Bar, Tick, ticks_of_bars


def peaks(*summits: tuple[int, float]) -> list[float | None]:
    """An oscillator at 50 with summits at these bars, one point lower beside them."""
    values: list[float | None] = [50.0 - i / 1000 for i in range(80)]
    for i, height in summits:
        values[i] = height
    return values


def flat_bars(**highs: float) -> list[Bar]:
    bars = [Bar("1m", i, i + 1, 100, 100, 100, 100) for i in range(80)]
    for name, high in highs.items():
        bars[int(name[1:])].high = high
    return bars


@pytest.mark.parametrize(
    ("oscillator", "bars", "expected"),
    [
        (peaks((10, 72), (16, 70)), flat_bars(_10=101, _16=102), {21: "regular_bearish"}),
        (peaks((10, 70), (16, 72)), flat_bars(_10=102, _16=101), {21: "hidden_bearish"}),
        (peaks((10, 72), (71, 70)), flat_bars(_10=101, _71=102), {76: "regular_bearish"}),
        (peaks((10, 72), (72, 70)), flat_bars(_10=101, _72=102), {}),  # 62 bars apart
        (peaks((10, 72), (16, 70)), flat_bars(_10=102, _16=102), {}),  # no higher high
        (peaks((10, 70), (16, 70)), flat_bars(_10=101, _16=102), {}),  # no lower oscillator
        # the pivot before is the one at 20, whose high stands above: bar 30 makes a hidden one of it
        (peaks((10, 72), (20, 71), (30, 70)), flat_bars(_10=101, _20=103, _30=102), {25: "regular_bearish"}),
        # level with one of the five after is a pivot, level with one of the five before is none
        (peaks((10, 72), (20, 70), (22, 70)), flat_bars(_10=101, _20=102, _22=103), {25: "regular_bearish"}),
    ],
)
def test_bearish_divergence(
    oscillator: list[float | None], bars: list[Bar], expected: dict[int, str]
) -> None:
    assert Divergences(bars, oscillator, Judge()).confirmed == expected


@pytest.mark.parametrize(("kind", "lows"), [("regular", (99, 98)), ("hidden", (98, 99))])
def test_bullish_is_its_mirror(kind: str, lows: tuple[float, float]) -> None:
    heights = ((10, 72), (16, 70)) if kind == "regular" else ((10, 70), (16, 72))
    oscillator = [None if value is None else 100 - value for value in peaks(*heights)]
    bars = flat_bars()
    bars[10].low, bars[16].low = lows
    assert Divergences(bars, oscillator, Judge()).confirmed == {21: f"{kind}_bullish"}


def test_a_warning_compares_the_forming_bar_with_the_last_pivot_that_is_known() -> None:
    bars = flat_bars(_10=101)
    found = Divergences(bars, peaks((10, 72)), Judge())
    higher = Bar("1m", 16, 17, 100, 102, 100, 100)
    assert found.forming(15, higher, 70) == []  # bar 15 is the fifth after: nobody knows of the pivot yet
    assert found.forming(16, higher, 70) == [(10, "regular_bearish")]
    assert found.forming(71, higher, 70) == [(10, "regular_bearish")]
    assert found.forming(72, higher, 70) == []
    assert found.forming(16, higher, 72) == []
    assert found.forming(16, Bar("1m", 16, 17, 100, 100.5, 100, 100), 73) == [(10, "hidden_bearish")]


SIDEWAYS, STRAIGHT_UP = [7000, 7001, 7000, 7001, 7000, 7001, 7000, 7001], [7021]  # rsi(2) 98
DOWN, UP_BY_STEPS = [7018, 7015, 7012, 7009, 7006], [7014, 7013, 7022]  # rsi(2) 90
AFTER = [7018, 7014, 7010, 7006, 7002]


def bars_of(closes: list[int]) -> list[Bar]:
    begin = at("09:30:00")
    return [
        Bar("1m", begin + i * 60 * NS, begin + (i + 1) * 60 * NS, close, close, close, close)
        for i, close in enumerate(closes)
    ]


def test_a_divergence_is_told_at_the_close_of_the_fifth_bar_after() -> None:
    bars = bars_of([*SIDEWAYS, *STRAIGHT_UP, *DOWN, *UP_BY_STEPS, *AFTER])
    waning = watch(condition=[{"name": "waning", "when": "rsi(2)@1m diverges"}])
    (alert,) = reference_replay(ticks_of_bars(bars), waning, end=bars[-1].end).alerts
    assert (alert["type"], alert["direction"]) == ("tapewatch.divergence.regular_bearish", "down")
    assert (alert["time_ns"], alert["stage"]) == (at("09:30:00") + 22 * 60 * NS, "confirmed")
    assert alert["timeframe"] == "1m"


def test_the_early_warning_comes_with_the_first_tick_that_diverges_and_once_a_pivot() -> None:
    bars = bars_of([*SIDEWAYS, *STRAIGHT_UP, *DOWN, *UP_BY_STEPS[:2]])
    ticks = ticks_of_bars(bars)
    next_bar = bars[-1].end
    ticks += [
        Tick(next_bar + i * NS, price) for i, price in enumerate((7014.0, 7022.0, 7023.0, 7013.0, 7024.0))
    ]
    for words, expected in (("forming", [7022]), ("bullish forming", []), ("", [])):
        waning = watch(condition=[{"name": "waning", "when": f"rsi(2)@1m diverges {words}"}])
        alerts = reference_replay(ticks, waning).alerts
        assert [alert["price"] for alert in alerts] == expected, words
        assert {(alert["stage"], alert["type"]) for alert in alerts} <= {
            ("forming", "tapewatch.divergence.regular_bearish")
        }

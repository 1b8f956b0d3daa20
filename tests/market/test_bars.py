"""Bars as ticks (design §8), and what a timeframe is."""

import numpy as np
import pytest

from tapewatch.market.bars import BAR, bars_to_ticks, ratio
from tapewatch.market.timeframes import by_length, duration_ns

MINUTE = 60 * 10**9


def bar(open_: float, high: float, low: float, close: float) -> np.ndarray:
    return np.array([(0, MINUTE, open_, high, low, close, 500.0)], BAR)


@pytest.mark.parametrize(
    ("prices", "path"),
    [
        ((10, 12, 9, 11), [10, 9, 12, 11]),  # rose: the low comes first
        ((10, 12, 9, 10), [10, 9, 12, 10]),  # stood
        ((11, 12, 9, 10), [11, 12, 9, 10]),  # fell
    ],
)
def test_a_bar_is_four_ticks(prices: tuple[float, float, float, float], path: list[float]) -> None:
    ticks = bars_to_ticks(bar(*prices), symbol=3, timeframe="1m")
    assert ticks["price"].tolist() == path
    assert ticks["time"].tolist() == [0, MINUTE // 3, 2 * MINUTE // 3, MINUTE - 1]
    assert ticks["size"].tolist() == [0, 0, 0, 500]
    assert set(ticks["symbol"]) == {3}
    assert set(ticks["bar"]) == {60}


@pytest.mark.parametrize(("timeframe", "seconds"), [("5m", 300), ("1h", 3600), ("1d", 86400)])
def test_a_tick_says_how_long_its_bar_is(timeframe: str, seconds: int) -> None:
    assert set(bars_to_ticks(bar(10, 12, 9, 11), 0, timeframe)["bar"]) == {seconds}


def bars(*rows: tuple[int, float, float, float, float]) -> np.ndarray:
    """Minute, open, high, low, close."""
    return np.array([(m * MINUTE, (m + 1) * MINUTE, *prices, 500.0) for m, *prices in rows], BAR)


def test_a_ratio_has_the_bars_that_both_legs_have() -> None:
    first = bars((0, 100, 104, 98, 102), (1, 102, 102, 102, 102), (3, 102, 110, 90, 96))
    second = bars((0, 400, 416, 396, 400), (2, 400, 400, 400, 400), (3, 400, 420, 390, 400))
    assert ratio(first, second).tolist() == [
        (0, MINUTE, 0.25, 0.255, 0.25, 0.255, 0.0),
        (3 * MINUTE, 4 * MINUTE, 0.255, 0.255, 0.24, 0.24, 0.0),
    ]
    assert len(ratio(first[:0], second)) == 0


def test_timeframes_by_length() -> None:
    assert by_length({"1d", "1h", "90m", "5m", "1m"}) == ["1m", "5m", "1h", "90m", "1d"]


@pytest.mark.parametrize("text", ["", "1", "m", "0m", "-5m", "5s", "24h", "1.5h", "2d", "1D", "1440m"])
def test_what_is_no_timeframe_says_what_one_looks_like(text: str) -> None:
    with pytest.raises(ValueError, match="such as 1m, 5m, 1h, or 1d"):
        duration_ns(text)

"""Bars as ticks (design §8), and what a timeframe is."""

import numpy as np
import pytest

from tapewatch.market.bars import BAR, bars_to_ticks
from tapewatch.market.ticks import FROM_BAR
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
    ticks = bars_to_ticks(bar(*prices), symbol=3, frames=0b101)
    assert ticks["price"].tolist() == path
    assert ticks["time"].tolist() == [0, MINUTE // 3, 2 * MINUTE // 3, MINUTE - 1]
    assert ticks["size"].tolist() == [0, 0, 0, 500]
    assert set(ticks["symbol"]) == {3}
    assert set(ticks["flags"]) == {FROM_BAR}
    assert set(ticks["frames"]) == {0b101}


def test_timeframes_by_length() -> None:
    assert by_length({"1d", "1h", "90m", "5m", "1m"}) == ["1m", "5m", "1h", "90m", "1d"]


@pytest.mark.parametrize("text", ["", "1", "m", "0m", "-5m", "5s", "24h", "1.5h", "2d", "1D", "1440m"])
def test_what_is_no_timeframe_says_what_one_looks_like(text: str) -> None:
    with pytest.raises(ValueError, match="such as 1m, 5m, 1h, or 1d"):
        duration_ns(text)

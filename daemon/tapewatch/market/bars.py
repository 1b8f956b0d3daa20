"""Bars, the four ticks a bar is replayed as, and the bars of a composite."""

import numpy as np

from tapewatch.market.ticks import NS, empty_ticks
from tapewatch.market.timeframes import duration_ns

BAR = np.dtype(
    [
        ("start", "<i8"),  # ns UTC, inclusive
        ("end", "<i8"),  # ns UTC, exclusive
        ("open", "<f8"),
        ("high", "<f8"),
        ("low", "<f8"),
        ("close", "<f8"),
        ("volume", "<f8"),
    ],
    align=True,
)
"""One OHLCV bar, start inclusive, end exclusive."""


def bars_to_ticks(bars: np.ndarray, symbol: int, timeframe: str) -> np.ndarray:
    """The four ticks of each bar, in order of time.

    Open, low, high, close when the bar rose or stood (close ≥ open), else open, high, low, close; at its
    start, one third, two thirds and 1 ns before its end. The volume goes to the last.

    Args:
        bars: rows of `BAR`.
        symbol: the engine's row of the symbol.
        timeframe: of the bars; the ticks build it and its multiples.
    """
    n = len(bars)
    ticks = empty_ticks(4 * n)
    length = bars["end"] - bars["start"]
    rose = bars["close"] >= bars["open"]
    for i, (time, price) in enumerate(
        (
            (bars["start"], bars["open"]),
            (bars["start"] + length // 3, np.where(rose, bars["low"], bars["high"])),
            (bars["start"] + 2 * length // 3, np.where(rose, bars["high"], bars["low"])),
            (bars["end"] - 1, bars["close"]),
        )
    ):
        ticks["time"][i::4] = time
        ticks["price"][i::4] = price
    ticks["size"][3::4] = bars["volume"]
    ticks["symbol"] = symbol
    ticks["bar"] = duration_ns(timeframe) // NS
    return ticks


def ratio(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """The bars of one symbol's price divided by another's; both need a bar for there to be one.

    Open and close are the ratios of the two opens and of the two closes; high and low are the larger and the smaller
    of these. A bar does not say when its extremes were, so how far the ratio went between its open and its close
    nobody knows: its range, and so an ATR, comes out too small. A ratio has no volume.

    Args:
        first: rows of `BAR` of one timeframe, one a start.
        second: the same of the symbol that is divided by.
    """
    _, i, j = np.intersect1d(first["start"], second["start"], assume_unique=True, return_indices=True)
    bars = np.zeros(len(i), BAR)
    for edge in ("start", "end"):
        bars[edge] = first[edge][i]
    for price in ("open", "close"):
        bars[price] = first[price][i] / second[price][j]
    bars["high"] = np.maximum(bars["open"], bars["close"])
    bars["low"] = np.minimum(bars["open"], bars["close"])
    return bars

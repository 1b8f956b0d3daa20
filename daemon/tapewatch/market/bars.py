"""Bars, and the four ticks a bar is replayed as."""

import numpy as np

from tapewatch.market.ticks import FROM_BAR, empty_ticks

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


def bars_to_ticks(bars: np.ndarray, symbol: int, frames: int) -> np.ndarray:
    """The four ticks of each bar, in order of time.

    Open, low, high, close when the bar rose or stood (close ≥ open), else open, high, low, close; at its
    start, one third, two thirds and 1 ns before its end. The volume goes to the last.

    Args:
        bars: rows of `BAR`.
        symbol: the engine's row of the symbol.
        frames: which timeframes these ticks build, as `TICK["frames"]`.
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
    ticks["flags"] = FROM_BAR
    ticks["frames"] = frames
    return ticks

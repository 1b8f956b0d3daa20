"""talipp: `add` on a bar's first tick, `update` of that last value on the others. No levels.

Its objects keep every value that they ever had; they are not purged here, which a long run would have to do.
Its RSI is seeded over one change too few, and so comes to the others' value only as the seed is forgotten: after
250 bars it is within 1e-6.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from talipp.indicators import EMA, MACD, RSI, SMA  # type: ignore[import-untyped]

from peers.handles import ALL, BarEnds, Ticks
from tape import TIMEFRAMES, Market

_KINDS = {"ema": EMA, "macd": MACD, "rsi": RSI, "sma": SMA}


class _Book:
    __slots__ = ("ends", "frames", "next_end")

    def __init__(self, market: Market, symbol: int) -> None:
        self.next_end = 0
        self.ends: tuple[int, ...] = (0,) * len(TIMEFRAMES)
        self.frames: list[list[Any]] = [
            [
                _KINDS[own.kind](*own.periods, input_values=market.closes(symbol, timeframe).tolist())
                for name, own in ALL
                if name == timeframe
            ]
            for timeframe in TIMEFRAMES
        ]


class TalippIndicators:
    """talipp's indicators, driven tick by tick; timed as `Handles` is."""

    name = "talipp"
    rsi_tolerance = 1e-5
    has_provisional = True

    def __init__(self, market: Market) -> None:
        self.market = market
        self._ends = BarEnds(market)
        self._books = [_Book(market, k) for k in range(len(market.prices))]

    def prepare(self, ticks: NDArray[np.void]) -> Ticks:
        """Python numbers."""
        return list(
            zip(ticks["time"].tolist(), ticks["symbol"].tolist(), ticks["price"].tolist(), strict=True)
        )

    def run(self, work: Ticks) -> None:
        """The loop that a script would have."""
        books, ends = self._books, self._ends
        for time, symbol, price in work:
            book = books[symbol]
            if time < book.next_end:
                for frame in book.frames:
                    for own in frame:
                        own.update(price)
                continue
            for end, frame in zip(book.ends, book.frames, strict=True):
                for own in frame:
                    if time >= end:
                        own.add(price)
                    else:
                        own.update(price)
            book.ends = ends.at(time)
            book.next_end = book.ends[0]

    def values(self, symbol: int) -> dict[str, float]:
        """The last output of each."""
        found: dict[str, float] = {}
        flat = [own for frame in self._books[symbol].frames for own in frame]
        for (timeframe, indicator), own in zip(ALL, flat, strict=True):
            last = own[-1]
            outputs = (last.macd, last.signal, last.histogram) if indicator.kind == "macd" else (last,)
            names = [f"{output}@{timeframe}" for output in indicator.outputs]
            found |= dict(zip(names, outputs, strict=True))
        return found

    def crossings(self) -> None:
        """It watches no levels."""

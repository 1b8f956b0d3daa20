"""talipp: `add` on a bar's first tick, `update` of that last value on the others. No levels.

Its objects keep every value that they ever had; they are not purged here, which a long run would have to do.
Its RSI is seeded over one change too few, and so comes to the others' value only as the seed is forgotten: after
250 bars it is within 1e-6.
"""

from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray
from talipp.indicators import EMA, MACD, RSI, SMA  # type: ignore[import-untyped]

from peers.handles import ALL, BarEnds, Ticks, Watches
from tape import TIMEFRAMES, Market

_KINDS = {"ema": EMA, "macd": MACD, "rsi": RSI, "sma": SMA}


class Book:
    """The indicators of one symbol, opened on its history."""

    __slots__ = ("ends", "frames", "names", "next_end")

    def __init__(self, market: Market, symbol: int, watches: Watches = ALL) -> None:
        self.next_end = 0
        self.ends: tuple[int, ...] = (0,) * len(TIMEFRAMES)
        self.names = [[f"{name}@{timeframe}" for name in own.outputs] for timeframe, own in watches]
        self.frames: list[list[Any]] = [
            [
                _KINDS[own.kind](*own.periods, input_values=market.closes(symbol, timeframe).tolist())
                for name, own in watches
                if name == timeframe
            ]
            for timeframe in TIMEFRAMES
        ]

    def take(self, time: int, price: float, ends: BarEnds) -> None:
        """One tick."""
        if time < self.next_end:
            for frame in self.frames:
                for own in frame:
                    own.update(price)
            return
        for end, frame in zip(self.ends, self.frames, strict=True):
            for own in frame:
                if time >= end:
                    own.add(price)
                else:
                    own.update(price)
        self.ends = ends.at(time)
        self.next_end = self.ends[0]

    def values(self) -> dict[str, float]:
        """The last output of each."""
        found: dict[str, float] = {}
        for names, own in zip(self.names, chain.from_iterable(self.frames), strict=True):
            last = own[-1]
            outputs = (last.macd, last.signal, last.histogram) if len(names) == 3 else (last,)
            found |= dict(zip(names, outputs, strict=True))
        return found


class TalippIndicators:
    """talipp's indicators, driven tick by tick; timed as `Handles` is."""

    name = "talipp"
    rsi_tolerance = 1e-5
    has_provisional = True

    def __init__(self, market: Market) -> None:
        self.market = market
        self._ends = BarEnds(market)
        self._books = [Book(market, k) for k in range(len(market.prices))]

    def prepare(self, ticks: NDArray[np.void]) -> Ticks:
        """Python numbers."""
        return list(
            zip(ticks["time"].tolist(), ticks["symbol"].tolist(), ticks["price"].tolist(), strict=True)
        )

    def run(self, work: Ticks) -> None:
        """The loop that a script would have."""
        books, ends = self._books, self._ends
        for time, symbol, price in work:
            books[symbol].take(time, price, ends)

    def values(self, symbol: int) -> dict[str, float]:
        """The last output of each."""
        return self._books[symbol].values()

    def crossings(self) -> None:
        """It watches no levels."""

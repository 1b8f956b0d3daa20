"""Python code around a library's indicator objects: the loop that TA-Lib, wickra and plain Python share.

A handle is updated with the close when its bar closes and asked for its provisional value on every tick. Only the
close of a bar is kept: none of these indicators needs its open, high, low or volume, which the engine does keep.
"""

from collections.abc import Callable, Iterable, Sequence
from itertools import chain
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from peers.contender import TOLERANCE, Crossing
from tape import INDICATORS, TIMEFRAMES, Market
from tapewatch.engine.indicators import Indicator
from tapewatch.market.timeframes import DAY, duration_ns

Result = float | tuple[float, ...]
Watches = Sequence[tuple[str, Indicator]]
"""Timeframe and indicator of each handle of a symbol."""
ALL: Watches = tuple((timeframe, own) for timeframe in TIMEFRAMES for own in INDICATORS)
NEVER = 2**63 - 1


class Handle(NamedTuple):
    """One indicator on one series, opened on its history."""

    update: Callable[[float], Any]
    """Takes a close; returns the value."""
    peek: Callable[[float], Any]
    """The value if the bar closed at this price; keeps nothing."""
    value: Result
    """The value at the last bar of the history."""


Touch = Callable[[float], int]
"""A tick at a level: +1, -1 or 0 for crossed up, crossed down, neither."""
Ticks = list[tuple[int, int, float]]
"""Time, symbol and price of each."""


class BarEnds:
    """When the bars that hold a time end, in every timeframe; worked out once a minute for all symbols."""

    def __init__(self, market: Market) -> None:
        self._hours = market.sessions
        self._durations = [0 if name == DAY else duration_ns(name) for name in TIMEFRAMES]
        self._known: dict[int, tuple[int, ...]] = {}

    def at(self, time: int) -> tuple[int, ...]:
        """The ends, in the order of `TIMEFRAMES`."""
        minute = time // self._durations[0]
        ends = self._known.get(minute)
        if ends is None:
            ends = self._known[minute] = self._ends(time)
        return ends

    def _ends(self, time: int) -> tuple[int, ...]:
        i = int(np.searchsorted(self._hours.closes, time, side="right"))
        start, close = int(self._hours.opens[i]), int(self._hours.closes[i])
        return tuple(
            min(start + ((time - start) // length + 1) * length, close) if length else close
            for length in self._durations
        )


class Book:
    """What is kept of one symbol."""

    __slots__ = ("ends", "next_end", "peeks", "price", "touches", "updates", "values")

    def __init__(self, handles: Sequence[Handle], watches: Watches, touches: Sequence[Touch]) -> None:
        self.next_end = 0
        self.ends: tuple[int, ...] = (NEVER,) * len(TIMEFRAMES)
        self.price = 0.0
        self.peeks = [own.peek for own in handles]
        self.updates = [
            [own.update for own, (name, _) in zip(handles, watches, strict=True) if name == timeframe]
            for timeframe in TIMEFRAMES
        ]
        self.touches = list(touches)
        self.values: list[Result] = [own.value for own in handles]

    def close(self, time: int, ends: tuple[int, ...]) -> None:
        """Closes the bars that ended; `ends` are those of the bars that now begin or go on."""
        price = self.price
        for end, updates in zip(self.ends, self.updates, strict=True):
            if time >= end:
                for update in updates:
                    update(price)
        self.ends = ends
        self.next_end = ends[0]


class Handles:
    """A symbol's handles and levels, driven tick by tick.

    Timed: the loop over (time, symbol, price), bars, indicators, levels if there are any. Not timed: turning the
    tape into Python numbers.
    """

    rsi_tolerance = TOLERANCE
    has_provisional = True

    def __init__(
        self,
        name: str,
        market: Market,
        open_handle: Callable[[Indicator, NDArray[np.float64]], Handle],
        *,
        watches: Watches = ALL,
        touches: Callable[[Iterable[float]], Sequence[Touch]] | None = None,
    ) -> None:
        self.name = name
        self.market = market
        self._ends = BarEnds(market)
        self._names = [f"{output}@{timeframe}" for timeframe, own in watches for output in own.outputs]
        self._crossings: list[Crossing] | None = None if touches is None else []
        self._books = [
            Book(
                [open_handle(own, market.closes(k, timeframe)) for timeframe, own in watches],
                watches,
                touches(levels.tolist()) if touches else (),
            )
            for k, levels in enumerate(market.levels)
        ]

    def prepare(self, ticks: NDArray[np.void]) -> Ticks:
        """Python numbers."""
        return list(
            zip(ticks["time"].tolist(), ticks["symbol"].tolist(), ticks["price"].tolist(), strict=True)
        )

    def run(self, work: Ticks) -> None:
        """The loop that a script would have."""
        books, ends, crossings = self._books, self._ends, self._crossings
        for time, symbol, price in work:
            book = books[symbol]
            if time >= book.next_end:
                book.close(time, ends.at(time))
            book.price = price
            book.values = [peek(price) for peek in book.peeks]
            if crossings is not None:
                for i, touch in enumerate(book.touches):
                    crossed = touch(price)
                    if crossed:
                        crossings.append(Crossing(time, symbol, i, crossed > 0))

    def values(self, symbol: int) -> dict[str, float]:
        """What the last peeks said."""
        flat = chain.from_iterable(
            own if isinstance(own, tuple) else (own,) for own in self._books[symbol].values
        )
        return dict(zip(self._names, flat, strict=True))

    def crossings(self) -> list[Crossing] | None:
        """Levels crossed so far, if there are levels."""
        return self._crossings

"""Plain Python: the same indicators as small classes with `update` and `peek`, and the same level triggers.

What a careful programmer writes who knows no library: O(1) a tick, nothing recomputed, `__slots__`, no NumPy.
"""

from collections import deque
from collections.abc import Iterable, Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from peers.handles import Handle, Handles, Result, Touch
from tape import BAND, Market
from tapewatch.engine.indicators import Indicator


class Sma:
    """Simple moving average: sum of the last `period` - 1 closes and the price, over `period`."""

    __slots__ = ("closes", "period", "total")

    def __init__(self, period: int, closes: list[float]) -> None:
        self.period = period
        self.closes: deque[float] = deque(closes[-(period - 1) :])
        self.total = sum(self.closes)

    def peek(self, price: float) -> float:
        """The average if the bar closed here."""
        return (self.total + price) / self.period

    def update(self, close: float) -> float:
        """Takes a close."""
        value = self.peek(close)
        self.closes.append(close)
        self.total += close - self.closes.popleft()
        return value


class Ema:
    """Exponential moving average, seeded with the mean of the first `period` values."""

    __slots__ = ("alpha", "average")

    def __init__(self, period: int, closes: list[float]) -> None:
        self.alpha = 2 / (period + 1)
        self.average = sum(closes[:period]) / period
        for close in closes[period:]:
            self.update(close)

    def peek(self, price: float) -> float:
        """The average if the bar closed here."""
        return self.average + self.alpha * (price - self.average)

    def update(self, close: float) -> float:
        """Takes a close."""
        self.average = self.peek(close)
        return self.average


class Rsi:
    """Wilder's relative strength index, seeded with the mean of the first `period` gains and losses."""

    __slots__ = ("gain", "last", "loss", "period")

    def __init__(self, period: int, closes: list[float]) -> None:
        self.period = period
        changes = [after - before for before, after in pairwise(closes[: period + 1])]
        self.gain = sum(change for change in changes if change > 0) / period
        self.loss = -sum(change for change in changes if change < 0) / period
        self.last = closes[period]
        for close in closes[period + 1 :]:
            self.update(close)

    def _averages(self, price: float) -> tuple[float, float]:
        change = price - self.last
        kept = self.period - 1
        if change > 0:
            return (self.gain * kept + change) / self.period, self.loss * kept / self.period
        return self.gain * kept / self.period, (self.loss * kept - change) / self.period

    def peek(self, price: float) -> float:
        """The index if the bar closed here; 50 when nothing ever moved."""
        gain, loss = self._averages(price)
        moved = gain + loss
        return 100 * gain / moved if moved else 50.0

    def update(self, close: float) -> float:
        """Takes a close."""
        value = self.peek(close)
        self.gain, self.loss = self._averages(close)
        self.last = close
        return value


class Macd:
    """Fast EMA less slow EMA, seeded at the same bar; its EMA; the difference of the two."""

    __slots__ = ("fast", "signal", "slow")

    def __init__(self, fast: int, slow: int, signal: int, closes: list[float]) -> None:
        self.fast = Ema(fast, closes[slow - fast : slow])
        self.slow = Ema(slow, closes[:slow])
        lines = [self.fast.average - self.slow.average]
        lines += [self.fast.update(close) - self.slow.update(close) for close in closes[slow:]]
        self.signal = Ema(signal, lines)

    def peek(self, price: float) -> tuple[float, float, float]:
        """Line, signal and histogram if the bar closed here."""
        line = self.fast.peek(price) - self.slow.peek(price)
        signal = self.signal.peek(line)
        return line, signal, line - signal

    def update(self, close: float) -> tuple[float, float, float]:
        """Takes a close."""
        line = self.fast.update(close) - self.slow.update(close)
        signal = self.signal.update(line)
        return line, signal, line - signal


class Level:
    """A Schmitt trigger that is prompt on the first touch (design §4)."""

    __slots__ = ("above", "armed", "band", "price")

    def __init__(self, price: float) -> None:
        self.price = price
        self.band = BAND * price
        self.above: bool | None = None
        self.armed = True

    def touch(self, price: float) -> int:
        """One tick: +1, -1 or 0 for crossed up, crossed down, neither."""
        if self.above is None:
            self.above = price >= self.price
            return 0
        far_above = price >= self.price + self.band
        far_below = price <= self.price - self.band
        if self.above:
            if price < self.price if self.armed else far_below:
                self.above, self.armed = False, far_below
                return -1
            self.armed = self.armed or far_above
        else:
            if price >= self.price if self.armed else far_above:
                self.above, self.armed = True, far_above
                return 1
            self.armed = self.armed or far_below
        return 0


_KINDS = {"ema": Ema, "macd": Macd, "rsi": Rsi, "sma": Sma}


def _open(indicator: Indicator, closes: NDArray[np.float64]) -> Handle:
    *before, last = closes.tolist()
    own = _KINDS[indicator.kind](*indicator.periods, before)
    value: Result = own.update(last)
    return Handle(own.update, own.peek, value)


def _touches(levels: Iterable[float]) -> Sequence[Touch]:
    return [Level(price).touch for price in levels]


def plain_python(market: Market) -> Handles:
    """The same indicators, timeframes and levels as the engine."""
    return Handles("plain Python", market, _open, touches=_touches)

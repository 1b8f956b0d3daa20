"""What price did after alerts: NumPy alone, many alerts at once, and nothing but bars that begin after them.

An alert is a time, a price and a side (1 up, -1 down). A bar is after it if it begins at its time or later, so the bar
in which it fired never counts: its open, high and low may be from before. Changes are percent of the alert's own
price, signed in its direction: above 0 is in its favour.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

HORIZONS = (1, 5, 20)
"""After how many bars price is looked at."""

LONGEST = HORIZONS[-1]

_BINS = 20
_MOST_SHOWN = 95
"""Percentile of the changes up to which a distribution has bins of its own."""
_NARROWEST = 0.0001  # percent
_ROUND = (1.0, 2.0, 2.5, 5.0, 10.0)


@dataclass(frozen=True, eq=False)
class Bars:
    """Closed bars of one symbol and timeframe, oldest first; arrays of one length."""

    start: NDArray[np.int64]
    """ns UTC, inclusive."""
    end: NDArray[np.int64]
    """ns UTC, exclusive."""
    high: NDArray[np.float64]
    low: NDArray[np.float64]
    close: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.start)


@dataclass(frozen=True, eq=False)
class Fired:
    """Alerts that are looked at together; arrays of one length."""

    time: NDArray[np.int64]
    """Event time, ns UTC."""
    price: NDArray[np.float64]
    """At which it fired."""
    side: NDArray[np.int64]
    """1: up is in its favour; -1: down is."""


def changes(fired: Fired, bars: Bars, horizon: int) -> NDArray[np.float64]:
    """Change (percent) to the close of the `horizon`-th bar after each alert; NaN where there are not so many."""
    last = first_after(fired, bars) + horizon - 1
    there = last < len(bars)
    found = np.full(len(last), np.nan)
    close = bars.close[last[there]]
    found[there] = _percent(close, fired.price[there]) * fired.side[there]
    return found


def excursions(
    fired: Fired, bars: Bars, fine: Bars, horizon: int = LONGEST
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """How far price went in favour of each alert (percent, ≥ 0) and against it (≤ 0) by the end of so many bars.

    Args:
        fired: the alerts.
        bars: those that are counted; where there are not so many after an alert, both are NaN.
        fine: the finest bars there are, whose highs and lows are looked at from the first that begins after the alert.
        horizon: how many bars.
    """
    last = first_after(fired, bars) + horizon - 1
    there = last < len(bars)
    best, worst = np.full(len(last), np.nan), np.full(len(last), np.nan)
    begin = first_after(fired, fine)[there]
    stop = np.searchsorted(fine.end, bars.end[last[there]], side="right")
    price, up = fired.price[there], fired.side[there] > 0
    rise = np.maximum(_percent(_over_spans(np.maximum, fine.high, begin, stop), price), 0.0)
    fall = np.minimum(_percent(_over_spans(np.minimum, fine.low, begin, stop), price), 0.0)
    best[there] = np.where(up, rise, -fall) + 0.0  # + 0.0: no negative zeros
    worst[there] = np.where(up, fall, -rise) + 0.0
    return best, worst


def first_after(fired: Fired, bars: Bars) -> NDArray[np.int64]:
    """Index of the first bar that begins at each alert's time or later; the number of bars where none does."""
    return np.searchsorted(bars.start, fired.time, side="left")


def apart(first: NDArray[np.int64], horizon: int) -> int:
    """The most windows of `horizon` bars, each from its index in `first` on, no two of which share a bar."""
    count, free = 0, -1
    for begin in np.sort(first).tolist():
        if begin >= free:
            count, free = count + 1, begin + horizon
    return count


def of_any_bar(bars: Bars, horizon: int) -> NDArray[np.float64]:
    """Change (percent) from the close of each bar to that of the `horizon`-th after it: what price did anyway."""
    return _percent(bars.close[horizon:], bars.close[:-horizon])


def bins(values: NDArray[np.float64]) -> tuple[float, NDArray[np.int64]]:
    """How values are spread around 0: the width of a bin, and how many are in each of 20.

    Bin i is from (i − 10) widths to a width more, its lower edge included; the outermost two have all beyond, too.
    """
    reach = float(np.percentile(np.abs(values), _MOST_SHOWN)) if len(values) else 0.0
    width = _round_up(max(reach / (_BINS // 2), _NARROWEST))
    at = np.clip(np.floor(values / width).astype(np.int64) + _BINS // 2, 0, _BINS - 1)
    return width, np.bincount(at, minlength=_BINS)


def _over_spans(
    largest: np.ufunc, of: NDArray[np.float64], begin: NDArray[np.int64], stop: NDArray[np.int64]
) -> NDArray[np.float64]:
    """`largest` of each `of[begin:stop]`, none of which is empty."""
    if not len(begin):
        return np.empty(0)
    edges = np.column_stack((begin, stop)).ravel()
    found: NDArray[np.float64] = largest.reduceat(np.append(of, of[-1]), edges)[
        ::2
    ]  # the last edge may be the end
    return found


def _percent(price: NDArray[np.float64], of: NDArray[np.float64]) -> NDArray[np.float64]:
    return (price - of) / of * 100.0


def _round_up(width: float) -> float:
    """The next number that people count in: 0.1, 0.2, 0.25, 0.5, 1, …"""
    power = 10.0 ** np.floor(np.log10(width))
    return float(next(power * own for own in _ROUND if power * own >= width * (1 - 1e-12)))

"""What was missed, as bars say it: which of them count, and the ticks that they are offered as."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tapewatch.engine import plan as p
from tapewatch.engine.layout import Layout
from tapewatch.engine.watch import Watch
from tapewatch.market.bars import BAR, bars_to_ticks
from tapewatch.market.ticks import HISTORY

_PRICES = ("open", "high", "low", "close")


@dataclass(frozen=True, eq=False)
class Path:
    """What price did while it was missed."""

    ticks: NDArray[np.void]
    """Rows of `TICK`, oldest first."""
    starts: NDArray[np.int64]
    """Of each tick, the start (ns) of the bar that it was made of ..."""
    ends: NDArray[np.int64]
    """... and its end."""

    def leave(self, layout: Layout, whole: NDArray[np.int64]) -> None:
        """Where price is afterwards: the next tick that is admitted comes after an outage.

        Of a composite, the ticks of its legs go on after the last bar, too, and both must have come: what one of
        them was at before says nothing beside the other's of now.

        Args:
            layout: of the symbol.
            whole: its row as int64.
        """
        if not len(self.ticks):
            return
        if whole[p.GAP] == p.WITHIN:
            whole[p.GAP] = p.AFTER_OUTAGE
        legs = (layout.legs, layout.legs + p.SOURCE_FIELDS) if layout.legs >= 0 else ()
        for leg in legs:
            whole[leg + p.SESSION] = 0
            if whole[leg + p.PLACE_TIME] < self.ticks["time"][-1]:
                whole[leg + p.PLACE_TIME], whole[leg + p.PLACE_COUNT] = self.ticks["time"][-1], 0

    def shown(self, time: int, *, lasted: bool = False) -> int:
        """End of the bar that showed what happened at `time` (ns); what `lasted` may end where a bar does."""
        at = int(np.searchsorted(self.ticks["time"], time))
        if at == len(self.ticks) or self.starts[at] > time - lasted:
            return time
        return int(self.ends[at])

    def farthest(self, way: int, since: int, until: int) -> tuple[float, int] | None:
        """The highest price (`way` 1) or the lowest (-1) from `since` on and before `until`, and its bar's end."""
        first, end = np.searchsorted(self.ticks["time"], (since, until)).tolist()
        if first == end:
            return None
        at = first + int(np.argmax(way * self.ticks["price"][first:end]))
        return float(self.ticks["price"][at]), int(self.ends[at])


def missed(
    layout: Layout,
    row: NDArray[np.float64],
    symbol: int,
    place: int,
    bars: NDArray[np.void],
    interval: str,
) -> Path:
    """The ticks of what `bars` have beyond the place.

    A bar that began before the place gives its close alone; its high and low widen the bars that form at once.

    Args:
        layout, row, symbol: the symbol's; the row is written to.
        place: ns, up to which ticks have been offered.
        bars: rows of `BAR`, oldest first.
        interval: their timeframe.
    """
    bars = np.ascontiguousarray(bars, BAR)
    bars = bars[_usable(layout.watch, bars)]
    later = bars[bars["end"] - 1 > place]
    begun = 0
    if len(later) and later["start"][0] <= place:
        forming = list(_forming(layout, row, later[0]))
        later["volume"][0] = _not_counted(layout, row, forming, bars, int(later["end"][0]))
        if later["start"][0] < place:
            _widen(layout, row, forming, later[0])
            begun = 3
    ticks = bars_to_ticks(later, symbol, interval)[begun:]
    ticks["flags"] = HISTORY
    return Path(ticks, np.repeat(later["start"], 4)[begun:], np.repeat(later["end"], 4)[begun:])


def _usable(watch: Watch, bars: NDArray[np.void]) -> NDArray[np.bool_]:
    """Which bars lie in the watch's hours and have prices."""
    own = watch.sessions
    opens, closes = (own.extended_opens, own.extended_closes) if watch.extended else (own.opens, own.closes)
    session = np.minimum(np.searchsorted(closes, bars["start"], side="right"), len(closes) - 1)
    usable = (opens[session] <= bars["start"]) & (bars["start"] < closes[session])
    for name in _PRICES:
        usable &= np.isfinite(bars[name]) & (bars[name] > 0)
    return np.asarray(usable, np.bool_)


def _forming(layout: Layout, row: NDArray[np.float64], bar: np.void) -> Iterator[int]:
    """Indices of the timeframes, the shortest first, whose forming bar has `bar` in it."""
    n_frames = len(layout.watch.timeframes)
    whole = row.view(np.int64)
    for j in range(n_frames):
        start, end, closed = (
            whole[p.HEADER + field * n_frames + j] for field in (p.START, p.END, p.CLOSED_END)
        )
        if end > closed and start <= bar["start"] and bar["end"] <= end:
            yield j


def _not_counted(
    layout: Layout, row: NDArray[np.float64], forming: list[int], bars: NDArray[np.void], end: int
) -> float:
    """What the bars up to `end` have more of volume than the shortest of the forming bars that they are part of."""
    if not forming:
        return 0.0
    n_frames = len(layout.watch.timeframes)
    start = row.view(np.int64)[p.HEADER + p.START * n_frames + forming[0]]
    own = bars[(bars["start"] >= start) & (bars["end"] <= end)]
    counted = row[p.HEADER + p.VOLUME * n_frames + forming[0]]
    return max(0.0, float(np.nan_to_num(own["volume"]).sum() - counted))


def _widen(layout: Layout, row: NDArray[np.float64], forming: list[int], bar: np.void) -> None:
    n_frames = len(layout.watch.timeframes)
    for j in forming:
        high, low = (p.HEADER + field * n_frames + j for field in (p.BAR_HIGH, p.BAR_LOW))
        row[high] = max(row[high], bar["high"])
        row[low] = min(row[low], bar["low"])

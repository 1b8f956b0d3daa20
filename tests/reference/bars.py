"""Bars (design §4): anchored at the session's open, cut at its close, from regular hours alone.

A tick counts in the bar of its own span. One that comes too late for that (its span is over, or was passed
without a tick) counts in the bar that is forming, and in no bar where none is forming: a bar never begins
with a tick of another span, and a closed bar never changes.
"""

from dataclasses import dataclass, field
from math import inf

from reference.sessions import Calendar
from reference.ticks import Bar, Tick, duration


@dataclass
class Bars:
    timeframes: list[str]  # shortest first
    calendar: Calendar
    forming: dict[str, Bar] = field(default_factory=dict)
    closed_until: dict[str, int] = field(default_factory=dict)  # end of the last closed bar
    next_end: float = inf  # of the bars that form; most ticks close none
    counted: dict[str, int] = field(default_factory=dict)

    def close(self, now: int) -> list[Bar]:
        """Close every bar that ends at or before `now`: in order of end, then shorter timeframe first."""
        if now < self.next_end:
            return []
        due = [self.forming[name] for name in self.timeframes if name in self.forming]
        due = sorted((bar for bar in due if bar.end <= now), key=lambda bar: bar.end)  # a stable sort
        for bar in due:
            del self.forming[bar.timeframe]
            self.closed_until[bar.timeframe] = bar.end
        self.next_end = min((bar.end for bar in self.forming.values()), default=inf)
        return due

    def count(self, tick: Tick) -> dict[str, int]:
        """Count an admitted tick; returns the start of the forming bar it counts in, by timeframe."""
        session = self.calendar.session(tick.time)
        if session is None or not session.open <= tick.time < session.close:
            return {}
        counted = {}
        for timeframe in self.timeframes:
            if tick.made_of is not None and not feeds(tick.made_of, timeframe):
                continue
            bar = self.forming.get(timeframe)
            if bar is None:
                if tick.time < self.closed_until.get(timeframe, 0):
                    continue
                self._begin(timeframe, tick.time, tick.price)
                bar = self.forming[timeframe]
            bar.high = max(bar.high, tick.price)
            bar.low = min(bar.low, tick.price)
            bar.close = tick.price
            bar.volume += tick.size
            counted[timeframe] = bar.start
        if counted != self.counted:  # else the same object again: a tape has many ticks
            self.counted = counted
        return self.counted

    def merge(self, finer: Bar) -> dict[str, int]:
        """Count a whole bar of history, in its own timeframe and in those that are made of it; as `count`."""
        counted = {}
        for timeframe in self.timeframes:
            if not feeds(finer.timeframe, timeframe):
                continue
            if timeframe not in self.forming:
                self._begin(timeframe, finer.start, finer.open)
            bar = self.forming[timeframe]
            bar.high = max(bar.high, finer.high)
            bar.low = min(bar.low, finer.low)
            bar.close = finer.close
            bar.volume += finer.volume
            counted[timeframe] = bar.start
        return counted

    def _begin(self, timeframe: str, moment: int, price: float) -> None:
        session = self.calendar.session(moment)
        assert session is not None
        start, end = session.open, session.close
        if timeframe != "1d":
            length = duration(timeframe)
            start += (moment - session.open) // length * length
            end = min(start + length, session.close)
        self.next_end = min(self.next_end, end)
        self.forming[timeframe] = Bar(timeframe, start, end, price, price, price, price)


def feeds(finer: str, coarser: str) -> bool:
    """Whether bars of `coarser` can be made of bars of `finer`."""
    return coarser == "1d" or (finer != "1d" and duration(coarser) % duration(finer) == 0)

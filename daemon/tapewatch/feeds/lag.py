"""Knows how late a feed's ticks are, whatever the vendor's own delay is. No I/O and no clock: time comes in.

A tick's *difference* is this machine's monotonic clock less the tick's event time: a number that means nothing, but
grows by a second with each second that ticks wait somewhere. The smallest one lately is that of a tick which waited
for nobody. A clock that is set anew does not matter, as the monotonic one never is.

Differences are judged by slices of a second. In a slice, the smallest counts: one late print is not lag. Against it
stands the smallest of what was largest in each slice before: one tick stamped too early does not make all the others
late.
"""

from typing import NamedTuple

import numpy as np

from tapewatch.market.ticks import NS

BEHIND = NS
"""From so late on, it is said."""

SAID_EVERY = 10 * NS

SLICE = NS
"""How long ticks have to be late; what comes after as long a pause begins anew, since nothing waited meanwhile."""

SPAN = 60 * NS
"""The smallest difference is that of one to two spans."""

LONG_SPAN = 10 * SPAN
"""Instead of `SPAN` while the feed is behind: a lag that lasts is not to become the measure of itself."""

MOST_AHEAD = 5 * NS
"""An event time further ahead of the wall clock is a mistake; admission refuses the tick, too."""


class Behind(NamedTuple):
    """The feed's ticks are late."""

    seconds: float
    ticks: int
    """So many come in as many seconds, by their event times."""


class CaughtUp(NamedTuple):
    """They are no longer."""

    lasted: float
    """Seconds."""
    most: float
    """Seconds that they were late at most."""


class Lag:
    """Measures one connection after the other of one feed; all times are in ns."""

    def __init__(self) -> None:
        self.seconds = 0.0
        """How late ticks were when it was last judged."""
        self._least = _Least()
        self._slice: _Slice | None = None
        self._newest = 0  # event time of the slice before
        self._usual: int | None = None  # the smallest difference lately
        self._came = 0  # the last batch
        self._late = 0  # by so much more than usual
        self._rate = 0.0  # ticks a second of event time
        self._since: int | None = None  # behind
        self._until = 0
        self._most = 0
        self._said = 0

    def began(self) -> CaughtUp | None:
        """A new connection: its line may be a longer one, and nothing waits in it yet."""
        self._slice = None
        return self._forget()

    def standing_back(self, now: int) -> int:
        """By how much a clock that closes bars has to stand back at `now` (monotonic), to wait for ticks that are late.

        At once, not after a second; 0 where they are less than a second late, or none has come for a second.
        """
        return self._late if self._late >= BEHIND and now - self._came <= SLICE else 0

    def take(self, ticks: np.ndarray, now: int, wall: int) -> Behind | CaughtUp | None:
        """A batch has come; returns what there is to say.

        Args:
            ticks: rows of `TICK`, not empty.
            now: the monotonic clock.
            wall: the wall clock.
        """
        newest = _newest(ticks["time"], wall + MOST_AHEAD)
        if newest is None:
            return None
        self._came = now
        if self._usual is not None:
            self._late = now - newest - self._usual
        own = self._slice
        if own is None:
            self._slice = _Slice(now, newest)
            return None
        paused = now - own.last > SLICE
        if not paused:
            own.add(now, newest, len(ticks))
            if now - own.first < SLICE:
                return None
        self._slice = _Slice(now, newest)
        return self._judge(own, whole=not paused)

    def _judge(self, own: "_Slice", *, whole: bool) -> Behind | CaughtUp | None:
        """What a slice shows; one that a pause cut short shows no lag, only that there is none any more."""
        before, self._newest = self._newest, own.newest
        if own.newest < before - SLICE:  # what waits still comes in its order: the tape began anew
            return self._forget()
        least = self._least.with_value(own.high, own.last, SPAN if self._since is None else LONG_SPAN)
        self._usual = least
        late = max(own.low - least, 0)
        if late < BEHIND:
            self.seconds = late / NS
            return self._caught_up()
        return self._behind(own, late) if whole else None

    def _behind(self, own: "_Slice", late: int) -> Behind | None:
        self.seconds = late / NS
        self._rate = own.rate or self._rate
        if self._since is None:
            self._since, self._most, self._said = own.first, 0, own.last - SAID_EVERY
        self._until, self._most = own.last, max(self._most, late)
        if own.last - self._said < SAID_EVERY:
            return None
        self._said = own.last
        return Behind(self.seconds, round(self.seconds * self._rate))

    def _caught_up(self) -> CaughtUp | None:
        since, self._since = self._since, None
        return None if since is None else CaughtUp((self._until - since) / NS, self._most / NS)

    def _forget(self) -> CaughtUp | None:
        """What is known of the vendor's delay holds no longer."""
        self._least, self._newest, self._usual = _Least(), 0, None
        self.seconds, self._late = 0.0, 0
        return self._caught_up()


class _Slice:
    """The batches of a second."""

    __slots__ = ("_from", "_ticks", "first", "high", "last", "low", "newest")

    def __init__(self, now: int, newest: int) -> None:
        self.first = self.last = now
        self.low = self.high = now - newest
        self._from = self.newest = newest
        self._ticks = 0  # after those of the first batch

    def add(self, now: int, newest: int, ticks: int) -> None:
        self.last = now
        difference = now - newest
        self.low, self.high = min(self.low, difference), max(self.high, difference)
        self.newest = max(self.newest, newest)
        self._ticks += ticks

    @property
    def rate(self) -> float:
        """Ticks a second of event time; 0 where that stood still."""
        return self._ticks * NS / (self.newest - self._from) if self.newest > self._from else 0.0


class _Least:
    """The smallest number of the last one to two spans: one is being filled, the one before still counts."""

    def __init__(self) -> None:
        self._spans: tuple[int | None, int | None] = (None, None)
        self._began = 0

    def with_value(self, value: int, now: int, span: int) -> int:
        """Takes `value` in; returns the smallest, it included."""
        before, here = self._spans
        if now - self._began >= span:
            before, here = (here if now - self._began < 2 * span else None), None
            self._began = now
        here = value if here is None else min(here, value)
        self._spans = before, here
        return here if before is None else min(before, here)


def _newest(times: np.ndarray, latest: int) -> int | None:
    """The newest of `times`; those after `latest` are left out."""
    newest = int(times.max())
    if newest <= latest:
        return newest
    sane = times[times <= latest]
    return int(sane.max()) if len(sane) else None

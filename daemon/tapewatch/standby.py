"""What a process that stands by keeps of the feeds: the ticks of the last seconds, for when it leads."""

import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

KEPT = 30.0
"""Seconds for which ticks are kept."""

NOTHING_MISSED_AFTER = 10.0
"""Seconds of a connection that hold all that a leader cannot have committed yet: it commits every quarter second."""


class Listener(Protocol):
    """Who takes what comes over the feeds."""

    def ticks(self, feed: int, ticks: NDArray[np.void], at: int) -> None:
        """Ticks have come at `at`, ns UTC on this machine."""

    def subscribed(self, feed: int) -> None:
        """The vendor confirmed; ticks follow."""

    def lost(self, feed: int) -> None:
        """The connection is gone."""


class Intake:
    """What comes over the feeds goes to whoever listens now."""

    def __init__(self, listener: Listener) -> None:
        self.listener = listener

    def ticks(self, feed: int, ticks: NDArray[np.void]) -> None:
        """Hands them on, with the time at which they came."""
        self.listener.ticks(feed, ticks, time.time_ns())

    def subscribed(self, feed: int) -> None:
        """Hands it on."""
        self.listener.subscribed(feed)

    def lost(self, feed: int) -> None:
        """Hands it on."""
        self.listener.lost(feed)


class Frame(NamedTuple):
    """The ticks of a frame."""

    feed: int
    ticks: NDArray[np.void]
    at: int
    """When they came, ns UTC."""


@dataclass
class _Line:
    since: float | None = None
    """When it was subscribed (monotonic clock, s); None: it is not."""
    frames: deque[tuple[float, Frame]] = field(default_factory=deque)


class Standby:
    """Keeps the last ticks of each of `feeds` feeds, while their connections hold."""

    def __init__(self, feeds: int) -> None:
        self._lines = [_Line() for _ in range(feeds)]

    def ticks(self, feed: int, ticks: NDArray[np.void], at: int) -> None:
        """Keeps them for a while."""
        now, frames = time.monotonic(), self._lines[feed].frames
        frames.append((now, Frame(feed, ticks, at)))
        while now - frames[0][0] > KEPT:
            frames.popleft()

    def subscribed(self, feed: int) -> None:
        """From now on nothing is missed."""
        self._lines[feed] = _Line(time.monotonic())

    def lost(self, feed: int) -> None:
        """What was kept has an end that nobody knows the rest of."""
        self._lines[feed] = _Line()

    def connected(self, feed: int) -> bool:
        """Whether the feed's ticks come."""
        return self._lines[feed].since is not None

    def has_all(self, feed: int) -> bool:
        """Whether what is kept goes back to before anything that a leader may not have committed."""
        since = self._lines[feed].since
        return since is not None and time.monotonic() - since >= NOTHING_MISSED_AFTER

    def frames(self, feed: int) -> Iterator[Frame]:
        """What was kept, oldest first, with what comes meanwhile; then there is nothing left."""
        frames = self._lines[feed].frames
        while frames:
            yield frames.popleft()[1]

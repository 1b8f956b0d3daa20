"""What a process that stands by keeps of the feeds: the ticks of the last seconds, for when it leads."""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

KEPT = 30.0
"""Seconds for which ticks are kept."""

NOTHING_MISSED_AFTER = 10.0
"""Seconds of a connection after which a leader has committed what came before it: it does so every quarter second."""

_FRAMES_PER_TURN = 200


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
    unsure_until: int = 0
    """Highest event time (ns) of what is no longer kept, or came so soon that others missed may be as new; 0: none."""
    frames: deque[tuple[float, Frame]] = field(default_factory=deque)


class Standby:
    """Keeps the last ticks of each of `feeds` feeds, while their connections hold."""

    def __init__(self, feeds: int) -> None:
        self._lines = [_Line() for _ in range(feeds)]
        self._kept = KEPT

    def ticks(self, feed: int, ticks: NDArray[np.void], at: int) -> None:
        """Keeps them for a while."""
        now, line = time.monotonic(), self._lines[feed]
        line.frames.append((now, Frame(feed, ticks, at)))
        if line.since is None or now - line.since < NOTHING_MISSED_AFTER:
            line.unsure_until = max(line.unsure_until, int(ticks["time"].max()))
        while now - line.frames[0][0] > self._kept:
            _, gone = line.frames.popleft()
            line.unsure_until = max(line.unsure_until, int(gone.ticks["time"].max()))

    def subscribed(self, feed: int) -> None:
        """From now on nothing is missed."""
        self._lines[feed] = _Line(time.monotonic())

    def lost(self, feed: int) -> None:
        """What was kept has an end that nobody knows the rest of."""
        self._lines[feed] = _Line()

    def keep_all(self) -> None:
        """From now on nothing is dropped for its age: however long it takes until we lead, it is all still to come."""
        self._kept = float("inf")

    def connected(self, feed: int) -> bool:
        """Whether the feed's ticks come."""
        return self._lines[feed].since is not None

    def warm(self) -> bool:
        """Whether every feed has been heard for a while, so that a leader's ticks are known."""
        now = time.monotonic()
        return all(
            line.since is not None and now - line.since >= NOTHING_MISSED_AFTER for line in self._lines
        )

    def has_all_since(self, feed: int, place: int) -> bool:
        """Whether all is kept that a leader who was at event time `place` (ns) on that feed did not commit."""
        line = self._lines[feed]
        if line.since is None or (not line.frames and not line.unsure_until):
            return False
        return (line.unsure_until or int(line.frames[0][1].ticks["time"].min())) <= place

    def take(self) -> list[Frame]:
        """What was kept, in the order in which it came; then there is nothing left."""
        frames = sorted((kept for line in self._lines for kept in line.frames), key=lambda kept: kept[0])
        for line in self._lines:
            line.frames.clear()
        return [frame for _, frame in frames]


class Queue:
    """What comes while what was kept is played waits behind it, so that `listener` gets all of it in its order."""

    def __init__(self, listener: Listener, kept: Iterable[Frame]) -> None:
        self._listener = listener
        self._waiting: deque[Callable[[], None]] = deque(partial(listener.ticks, *frame) for frame in kept)

    def ticks(self, feed: int, ticks: NDArray[np.void], at: int) -> None:
        """Waits."""
        self._waiting.append(partial(self._listener.ticks, feed, ticks, at))

    def subscribed(self, feed: int) -> None:
        """Waits."""
        self._waiting.append(partial(self._listener.subscribed, feed))

    def lost(self, feed: int) -> None:
        """Waits."""
        self._waiting.append(partial(self._listener.lost, feed))

    async def play(self) -> None:
        """Returns when nothing waits any more."""
        count = 0
        while self._waiting:
            self._waiting.popleft()()
            count += 1
            if count % _FRAMES_PER_TURN == 0:
                await asyncio.sleep(0)

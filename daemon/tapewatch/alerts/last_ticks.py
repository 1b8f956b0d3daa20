"""The last ticks of a feed, kept so that an alert can say which ones it came of."""

import numpy as np
from numpy.typing import NDArray

from tapewatch.market.ticks import TICK

KEPT = 256
"""Ticks of a feed that are kept, at least, before those of its newest frame."""

_MOST = 4 * KEPT


class LastTicks:
    """Frames of ticks as they came, the last ones. Nothing is copied or looked into before something fires."""

    def __init__(self) -> None:
        self._frames: list[NDArray[np.void]] = []
        self._count = 0

    def add(self, ticks: NDArray[np.void]) -> None:
        """Keeps a frame (rows of `TICK`); nobody may write to it any more."""
        if new := len(ticks):
            self._frames.append(ticks)
            self._count += new
            if self._count > _MOST:
                self._shorten()

    def clear(self) -> None:
        """Forgets all, as where symbols are numbered anew."""
        self._frames, self._count = [], 0

    def ticks(self, least: int = KEPT) -> tuple[NDArray[np.void], int]:
        """The newest frame and at least so many ticks before it, if there are, oldest first; and where it begins."""
        if not self._frames:
            return np.zeros(0, TICK), 0
        # NumPy's own way to join structured arrays takes 7 µs for each.
        frames = self._frames[self._first(least) :]
        joined = np.frombuffer(b"".join([frame.tobytes() for frame in frames]), TICK)
        return joined, len(joined) - len(frames[-1])

    def _first(self, least: int) -> int:
        """The frame from which on there are so many ticks before the newest frame."""
        first = len(self._frames) - 1
        before = 0
        while first and before < least:
            first -= 1
            before += len(self._frames[first])
        return first

    def _shorten(self) -> None:
        del self._frames[: self._first(KEPT)]
        self._count = sum(map(len, self._frames))

"""What the engine refused, in the log: at once when it begins, then at most once a minute and kind."""

import asyncio
import time
from typing import Never

import numpy as np
import structlog
from numpy.typing import NDArray

from tapewatch.engine.engine import Engine
from tapewatch.engine.events import CONDITION, HOURS, REFUSALS, SEEN

log = structlog.get_logger(__name__)

LOOK_SECONDS = 1.0
LOG_INTERVAL = 60.0
"""Seconds between two lines of one symbol and kind."""

_EXPECTED = frozenset({CONDITION, HOURS, SEEN})
"""Every good tape has them; of the others someone should know."""


class RefusedLog:
    """Reads the engine's counts of refused ticks."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._logged: NDArray[np.int64] = engine.refused_before.copy()
        self._next = np.full(engine.refused.shape, -np.inf)

    async def run(self) -> Never:
        """Logs what is due until cancelled."""
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            self.write(time.monotonic())

    def write(self, now: float) -> None:
        """Logs what is due at `now` (monotonic clock, s); infinity for all that is not logged yet."""
        counts = self._engine.refused.copy()
        due = (counts > self._logged) & (now >= self._next)
        for row, reason in np.argwhere(due).tolist():
            layouts = self._engine.layouts
            symbol = layouts[row].watch.symbol if row < len(layouts) else None
            count = int(counts[row, reason] - self._logged[row, reason])
            write = log.info if reason in _EXPECTED else log.warning
            write("ticks.refused", symbol=symbol, reason=REFUSALS[reason], count=count)
        self._logged[due] = counts[due]
        self._next[due] = now + LOG_INTERVAL

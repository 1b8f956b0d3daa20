"""What a tick passes through inside the process: engine, alerts, writer. No await: a tick waits for nobody."""

import asyncio
import time
from collections import Counter
from typing import Never

import numpy as np
import structlog
from numpy.typing import NDArray

from tapewatch.alerts.alert import Alert
from tapewatch.alerts.build import AlertBuilder
from tapewatch.config import Feed
from tapewatch.engine.engine import Engine
from tapewatch.engine.events import Events
from tapewatch.store.writer import Writer

log = structlog.get_logger(__name__)

CLOCK_SECONDS = 0.25
"""How often a wall clock is told to the engine between ticks."""


class TickPath:
    """Offers ticks and time to the engine, and hands on what comes of them.

    Args:
        engine: restored or warmed.
        builder: turns its events into alerts.
        writer: commits alerts with the state that fired them.
        feeds: of the config, in its order.
    """

    def __init__(self, engine: Engine, builder: AlertBuilder, writer: Writer, feeds: list[Feed]) -> None:
        self.fired: Counter[str] = Counter()
        """Alerts since the start, by symbol."""
        self._engine = engine
        self._builder = builder
        self._writer = writer
        self._by_tape = [feed.clock == "tape" for feed in feeds]

    def ticks(self, feed: int, ticks: NDArray[np.void]) -> None:
        """Takes the ticks of a frame, in their order."""
        if self._by_tape[feed]:
            self._fire(self._engine.step(ticks, feed))
            self._fire(self._engine.advance(self._engine.clock(feed), feed))
        else:
            self._tell_time(feed)
            self._fire(self._engine.step(ticks, feed))

    async def keep_time(self) -> Never:
        """Tells the engine the time on feeds that live by the wall clock, ticks or none."""
        by_wall = [feed for feed, by_tape in enumerate(self._by_tape) if not by_tape]
        while True:
            for feed in by_wall:
                self._tell_time(feed)
            await asyncio.sleep(CLOCK_SECONDS)

    def _tell_time(self, feed: int) -> None:
        self._fire(self._engine.advance(time.time_ns(), feed))

    def _fire(self, events: Events) -> None:
        if not len(events):
            return
        try:
            alerts = self._builder.build(events)
        except Exception:
            self._writer.take_no_more()  # the state is past events that nobody has heard of
            raise
        self._writer.fired(alerts, self._engine.snapshot(np.unique(events.rows["symbol"]).tolist()))
        for alert in alerts:
            self.fired[alert.subject] += 1
            _log_fired(alert)


def _log_fired(alert: Alert) -> None:
    log.info(
        "alert.fired",
        alert=alert.id,
        symbol=alert.subject,
        rule=alert.data.rule,
        type=alert.type,
        text=alert.data.text,
    )

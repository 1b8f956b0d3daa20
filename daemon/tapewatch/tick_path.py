"""What a tick passes through inside the process: engine, alerts, writer. No await: a tick waits for nobody."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Never

import numpy as np
import structlog
from numpy.typing import NDArray

from tapewatch.alerts.alert import Alert, encode
from tapewatch.alerts.build import AlertBuilder
from tapewatch.alerts.last_ticks import LastTicks
from tapewatch.alerts.trace import TraceBuilder
from tapewatch.config import Feed
from tapewatch.engine.engine import Engine
from tapewatch.engine.events import Events
from tapewatch.engine.snapshot import Snapshot
from tapewatch.histogram import SECONDS, TICKS, Histogram
from tapewatch.store.commit import Fired
from tapewatch.store.writer import Writer

log = structlog.get_logger(__name__)

CLOCK_SECONDS = 0.25
"""How often a wall clock is told to the engine between ticks."""


STOPPED_SECONDS = 0.75

_SYMBOLS_AT_ONCE = 100
"""In one commit of write-behind, so that an alert, and the next tick, wait for no more than that."""


class TickPath:
    """Offers ticks and time to the engine, and hands on what comes of them.

    Args:
        engine: restored or warmed.
        builder: turns its events into alerts.
        writer: commits alerts with the state that fired them, and writes `changes` behind.
        feeds: of the config, in its order.
        standing_back: by how much (ns) the wall clock of a feed stands back, since its ticks are late: else it would
            close bars whose ticks still wait to be read.
        witness: hears of alerts right when they have fired, before the next tick.
    """

    def __init__(
        self,
        engine: Engine,
        builder: AlertBuilder,
        writer: Writer,
        feeds: Sequence[Feed],
        standing_back: Callable[[int], int] = lambda feed: 0,
        witness: Callable[[Sequence[Alert]], object] = lambda alerts: None,
    ) -> None:
        self.fired: Counter[str] = Counter()
        """Alerts since the start, by symbol."""
        self.by_rule: Counter[tuple[str, str]] = Counter()
        """The same by type and rule."""
        self.batches = Histogram(TICKS)
        """Ticks that the engine took at a time."""
        self.steps = Histogram(SECONDS)
        """Seconds that it took for each."""
        self.turned = time.monotonic()
        """When it last took ticks, or was told the time (monotonic clock, s)."""
        self._bars_before: Counter[str] = Counter()
        self._set(engine, builder)
        self._last = [LastTicks() for _ in feeds]
        self._writer = writer
        self._witness = witness
        self._standing_back = standing_back
        self._by_tape = [feed.clock == "tape" for feed in feeds]
        self._held: dict[int, list[tuple[int, NDArray[np.void]]]] = {}
        self._stopped: set[int] = set()

    def change(self, engine: Engine, builder: AlertBuilder) -> None:
        """From now on these; the engine goes on where the one before it is."""
        known = Counter(self.bars_closed())
        self._set(engine, builder)
        self._bars_before = known - Counter(engine.bars_closed())
        for last in self._last:  # its symbols had other numbers
            last.clear()

    def _set(self, engine: Engine, builder: AlertBuilder) -> None:
        self.engine, self._builder = engine, builder
        self._traces = TraceBuilder(engine.layouts, engine.instruments)
        self._feed_of = {own.watch.symbol: own.watch.feed for own in engine.layouts}

    def ticks(self, feed: int, ticks: NDArray[np.void], at: int) -> None:
        """Takes ticks in their order, which came at `at` (ns UTC); while the feed is held, they wait."""
        if (held := self._held.get(feed)) is not None:
            held.append((at, ticks))
        else:
            self._take(feed, ticks, at)

    def hold(self, feed: int) -> None:
        """The feed's ticks wait from now on, for `release`."""
        self._held.setdefault(feed, [])

    def release(self, feed: int) -> None:
        """What waited is taken, each frame at the time at which it came."""
        for now, ticks in self._held.pop(feed, ()):
            self._take(feed, ticks, now)

    def stop_clock(self, feed: int) -> None:
        """The engine hears no time of a feed that lives by the wall clock: its ticks are missing."""
        self._stopped.add(feed)

    def start_clock(self, feed: int) -> None:
        """It hears the time again."""
        self._stopped.discard(feed)

    def clock_of(self, alert: Alert) -> int:
        """The clock (ns UTC) of the feed that an alert came from; 0 before a tape told any."""
        feed = self._feed_of.get(alert.subject)
        if feed is None or not self._by_tape[feed]:
            return time.time_ns()
        return self.engine.clock(feed)

    def changes(self) -> Iterator[dict[str, Snapshot]]:
        """The state of the symbols that have changed, a few at a time, until another engine takes their place."""
        engine = self.engine
        parts = engine.changes(_SYMBOLS_AT_ONCE)
        while self.engine is engine and (part := next(parts, None)):
            yield part

    def bars_closed(self) -> dict[str, int]:
        """Bars closed by timeframe, those of history included, and those of symbols that are gone since."""
        closed = self.engine.bars_closed()
        return {name: closed.get(name, 0) + self._bars_before[name] for name in closed | self._bars_before}

    async def keep_time(self) -> Never:
        """Tells the engine the time on feeds that live by the wall clock, ticks or none."""
        by_wall = [feed for feed, by_tape in enumerate(self._by_tape) if not by_tape]
        while True:
            self.turned = time.monotonic()
            for feed in by_wall:
                if feed not in self._stopped:
                    self.fire(self.engine.advance(time.time_ns() - self._standing_back(feed), feed))
            while await _overslept(CLOCK_SECONDS):  # what has come meanwhile is read first
                pass

    def fire(self, events: Events) -> None:
        """Events become alerts, and are committed with the state that fired them."""
        if not len(events):
            return
        try:
            alerts = self._builder.build(events)
        except Exception:
            self._writer.take_no_more()  # the state is past events that nobody has heard of
            raise
        fired = [
            Fired(alert, encode(alert), trace)
            for alert, trace in zip(alerts, self._traced(events, alerts), strict=True)
        ]
        self._writer.fired(fired, self.engine.snapshot(list(dict.fromkeys(events.rows["symbol"].tolist()))))
        self._witness(alerts)
        for alert in alerts:
            self._note(alert)

    def announce(self, alert: Alert) -> None:
        """An alert that no state goes with, such as one about a feed."""
        self._writer.fired([Fired(alert, encode(alert))], {})
        self._note(alert)

    def _traced(self, events: Events, alerts: Sequence[Alert]) -> list[bytes]:
        """How each event came about; no alert is lost for want of that."""
        try:
            return self._traces.build(events, self._last)
        except Exception:
            log.error("alert.not_traced", alerts=[alert.id for alert in alerts], exc_info=True)
            return [b""] * len(events)

    def _note(self, alert: Alert) -> None:
        """Counts it at once, and logs it after the commit is on its way: a line takes as long as that."""
        self.fired[alert.subject] += 1
        self.by_rule[alert.type, alert.data.rule] += 1
        asyncio.get_running_loop().call_soon(_log, alert)

    def _take(self, feed: int, ticks: NDArray[np.void], now: int) -> None:
        self._last[feed].add(ticks)
        now = 0 if self._by_tape[feed] else now - self._standing_back(feed)
        began = self.turned = time.monotonic()
        events = self.engine.step(ticks, feed, now)
        self.steps.add(time.monotonic() - began)
        self.batches.add(len(ticks))
        self.fire(events)
        self.fire(self.engine.advance(self.engine.clock(feed), feed))


async def _overslept(seconds: float) -> bool:
    """Sleeps; whether this process was stopped meanwhile, or busy for long."""
    began = time.monotonic()
    await asyncio.sleep(seconds)
    return time.monotonic() - began > seconds + STOPPED_SECONDS


def _log(alert: Alert) -> None:
    data = alert.data
    log.info(
        "alert.fired", alert=alert.id, symbol=alert.subject, rule=data.rule, type=alert.type, text=data.text
    )

"""After an outage: what was missed is put in from history before the ticks that come now."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Never

import numpy as np
import structlog
from numpy.typing import NDArray

from tapewatch.alerts.build import iso_ns
from tapewatch.config import Feed
from tapewatch.engine.engine import Engine
from tapewatch.market.ticks import NS
from tapewatch.past import Past, Stretch
from tapewatch.tick_path import TickPath

log = structlog.get_logger(__name__)

FIRST_TICK_WITHIN = 2.0
"""Seconds to wait for a symbol's first tick after a subscription, which says whether anything was missed."""

HELD_AT_MOST = 10.0
"""Seconds that ticks wait for history."""

_MINUTE = 60 * NS
_SESSIONS_AT_MOST = 30
"""Missed sessions whose official daily bars are asked for."""


@dataclass
class _Feed:
    """Where one feed is."""

    by_tape: bool
    unsure: dict[int, int] = field(default_factory=dict)
    """Rows that may have missed ticks, with their place when that was asked."""
    asked: float = 0.0
    """When (monotonic clock, s)."""
    mending: bool = False


class Outages:
    """Mends what is missing on the tape of every feed.

    Args:
        path: takes ticks, and holds them.
        pasts: by row, where bars can be had; rows without are left alone.
        feeds: of the config, in its order.
    """

    def __init__(self, path: TickPath, pasts: Mapping[int, Past], feeds: Sequence[Feed]) -> None:
        self._path = path
        self._feeds = [_Feed(own.clock == "tape") for own in feeds]
        self.watch(pasts)
        for feed in range(len(feeds)):
            self.lost(feed)
        self._jobs: asyncio.TaskGroup | None = None

    def watch(self, pasts: Mapping[int, Past]) -> None:
        """Other watches from now on; what is not mended by then is done without."""
        self._pasts = {row: own for row, own in pasts.items() if own.has_any}
        for own in self._feeds:
            own.unsure.clear()

    async def run(self) -> Never:
        """Mends until cancelled."""
        try:
            async with asyncio.TaskGroup() as self._jobs:
                while True:
                    await asyncio.sleep(FIRST_TICK_WITHIN / 4)
                    self._look(time.monotonic())
        finally:
            self._jobs = None

    def lost(self, feed: int) -> None:
        """The feed is away: until its ticks are back, its time stands still for what history can mend."""
        if self._rows(feed):
            self._path.stop_clock(feed)

    def subscribed(self, feed: int) -> None:
        """The feed is back, or there for the first time: its first ticks say whether any were missed."""
        self._path.engine.missed(feed)
        own, places = self._feeds[feed], self._path.engine.places()
        own.unsure = {row: int(places[row]) for row in self._rows(feed) if places[row]}
        own.asked = time.monotonic()
        if not own.unsure and not own.mending:
            self._path.start_clock(feed)

    def ticks(self, feed: int, ticks: NDArray[np.void]) -> None:
        """Takes the ticks of a frame, in their order."""
        own = self._feeds[feed]
        if own.unsure:
            self._judge(feed, own, ticks)
        self._path.ticks(feed, ticks)

    def _rows(self, feed: int) -> list[int]:
        layouts = self._path.engine.layouts
        return [row for row in self._pasts if layouts[row].watch.feed == feed]

    def _judge(self, feed: int, own: _Feed, ticks: NDArray[np.void]) -> None:
        """A first tick that is older than the place: nothing was missed; one that is newer: something was."""
        engine, gap = self._path.engine, False
        for row, place in list(own.unsure.items()):
            legs = engine.layouts[row].watch.legs or (engine.layouts[row].watch.symbol,)
            times = ticks["time"][np.isin(ticks["symbol"], [engine.instruments[leg] for leg in legs])]
            if len(times) and times[0] <= place:
                del own.unsure[row]
            gap |= bool(len(times) and times[0] > place)
        if gap:
            self._mend(feed, own, int(ticks["time"][0]) if own.by_tape else time.time_ns())
        elif own.by_tape and len(own.unsure) < len(self._rows(feed)):
            own.unsure.clear()  # a tape that starts over does so for all
        if not own.unsure and not own.mending:
            self._path.start_clock(feed)

    def _look(self, now: float) -> None:
        """Symbols without a tick cannot say what they missed; on a wall clock they are asked about all the same."""
        for feed, own in enumerate(self._feeds):
            if own.unsure and not own.by_tape and now - own.asked > FIRST_TICK_WITHIN:
                self._mend(feed, own, time.time_ns())

    def _mend(self, feed: int, own: _Feed, until: int) -> None:
        engine = self._path.engine
        missing = {
            row: place for row, place in own.unsure.items() if _worth_asking(engine, row, place, until)
        }
        own.unsure = {}
        if missing and self._jobs is not None and not own.mending:
            own.mending = True
            self._path.hold(feed)
            self._jobs.create_task(self._fill(feed, own, missing, until))

    async def _fill(self, feed: int, own: _Feed, missing: dict[int, int], until: int) -> None:
        """Asks for every symbol's bars at once; what has not come in time is done without."""
        found: dict[int, _Missed] = {}
        try:
            async with asyncio.timeout(HELD_AT_MOST), asyncio.TaskGroup() as asking:
                for row, place in missing.items():
                    asking.create_task(self._ask(row, place, until, found))
        except TimeoutError:
            pass
        finally:
            for row, place in missing.items():
                self._put_in(row, place, found.get(row))
            own.mending = False
            self._path.start_clock(feed)
            self._path.release(feed)

    async def _ask(self, row: int, place: int, until: int, found: "dict[int, _Missed]") -> None:
        past, sessions = self._pasts[row], self._path.engine.layouts[row].watch.sessions
        stretches = await past.since(place, until)
        ended = (sessions.closes > place) & (sessions.closes <= until)
        officials = [
            await past.official(int(opened)) for opened in sessions.opens[ended][-_SESSIONS_AT_MOST:]
        ]
        found[row] = _Missed(stretches, [bar for bar in officials if bar is not None])

    def _put_in(self, row: int, place: int, missed: "_Missed | None") -> None:
        engine = self._path.engine
        symbol = engine.layouts[row].watch.symbol
        if missed is None or not missed.stretches:
            log.warning("outage.not_mended", symbol=symbol, since=iso_ns(place))
            return
        first, *others = missed.stretches
        events = engine.backfill(row, first.bars, first.interval, missed.officials)
        self._path.fire(events)
        with_a_hole = _take_from_history(engine, row, others) if others else []
        log.info(
            "outage.mended",
            symbol=symbol,
            since=iso_ns(place),
            bars=len(first.bars),
            interval=first.interval,
            late_alerts=len(events),
            with_a_hole=with_a_hole,
        )


@dataclass(frozen=True, eq=False)
class _Missed:
    stretches: list[Stretch]
    officials: list[Any]


def _worth_asking(engine: Engine, row: int, place: int, until: int) -> bool:
    """Whether a minute of the watch's hours ended in between."""
    own = engine.layouts[row].watch
    opens, closes = (
        (own.sessions.extended_opens, own.sessions.extended_closes)
        if own.extended
        else (own.sessions.opens, own.sessions.closes)
    )
    i = int(np.searchsorted(closes, place, side="right"))
    if i == len(closes):
        return False
    since = max(place, int(opens[i]))
    return until // _MINUTE * _MINUTE > since


def _take_from_history(engine: Engine, row: int, stretches: list[Stretch]) -> list[str]:
    """Timeframes that the missing bars cannot build go on with what history has for them; returns those it lacks."""
    alone = Engine([engine.layouts[row].watch])
    for own in stretches:
        alone.warm(0, own.bars, own.interval, own.timeframes)
    return engine.graft(row, alone, [name for own in stretches for name in own.timeframes])

"""After an outage: what was missed is put in from history before the ticks that come now."""

import asyncio
import time
from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Never

import numpy as np
import structlog
from numpy.typing import NDArray

from tapewatch.alerts.build import iso_ns
from tapewatch.config import Feed
from tapewatch.engine.engine import Engine
from tapewatch.market import spans
from tapewatch.market.ticks import NS
from tapewatch.market.timeframes import DAY
from tapewatch.past import Past, Stretch, take
from tapewatch.tick_path import TickPath

log = structlog.get_logger(__name__)

FIRST_TICK_WITHIN = 2.0
"""Seconds to wait for a symbol's first tick after a subscription, which says whether anything was missed."""

HELD_AT_MOST = 10.0
"""Seconds that ticks wait for history."""

ASKED_AT_ONCE = 16
"""Symbols: where there is no time for all, the first ones have all that they need."""

_MINUTE = 60 * NS

_Frames = list[tuple[NDArray[np.void], int]]
"""Ticks, and when they came."""


@dataclass
class _Unsure:
    """What may have missed ticks."""

    place: int
    """Where it was (ns) when that was asked; 0 of a symbol that is still to be warmed up."""
    silent: set[str]
    """Its legs, or the symbol, that have not said so far."""


@dataclass
class _Feed:
    """Where one feed is."""

    by_tape: bool
    away: bool = True
    unsure: dict[str, _Unsure] = field(default_factory=dict)
    """By symbol."""
    asked: float = 0.0
    """When (monotonic clock, s)."""
    mending: bool = False
    later: deque[_Frames] = field(default_factory=deque)
    """Of each connection that was made while that went on, what came over it."""


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
        self.runs = asyncio.Event()
        """What is found missing is mended: before, and after, it would not be."""
        self._jobs: asyncio.TaskGroup | None = None

    def watch(self, pasts: Mapping[int, Past]) -> None:
        """Other watches, and another engine, from now on; not while `mended` is waited for."""
        names = [own.watch.symbol for own in self._path.engine.layouts]
        self._rows = {names[row]: row for row, own in pasts.items() if own.has_any}
        self._pasts = {symbol: pasts[row] for symbol, row in self._rows.items()}
        for feed, own in enumerate(self._feeds):
            of_feed = set(self._of(feed))
            own.unsure = {symbol: it for symbol, it in own.unsure.items() if symbol in of_feed}
            self._go_on(feed, own)

    async def run(self) -> Never:
        """Mends until cancelled. What is not mended then is left to the next start, with the ticks that are held."""
        try:
            async with asyncio.TaskGroup() as self._jobs:
                self.runs.set()
                while True:
                    await asyncio.sleep(FIRST_TICK_WITHIN / 4)
                    self._look(time.monotonic())
        finally:
            self._jobs = None
            self.runs.clear()

    async def mended(self) -> None:
        """Returns when no tick is held."""
        while any(own.mending for own in self._feeds):  # noqa: ASYNC110 - ten seconds at most, at a SIGHUP
            await asyncio.sleep(0.05)

    def lost(self, feed: int) -> None:
        """The feed is away: until its ticks are back, its time stands still for what history can mend."""
        own = self._feeds[feed]
        own.away = True
        own.unsure.clear()
        if self._of(feed):
            self._path.stop_clock(feed)

    def subscribed(self, feed: int) -> None:
        """The feed is back, or there for the first time: its first ticks say whether any were missed."""
        own = self._feeds[feed]
        own.away = False
        if own.mending:  # what the connection before brought comes first
            own.later.append([])
        else:
            self._begin(feed, own)

    def uninterrupted(self, feed: int) -> None:
        """The feed is there, and nothing on it was missed: the ticks that come begin before where the symbols are."""
        self._path.engine.resume(feed)
        self._feeds[feed].away = False
        self._go_on(feed, self._feeds[feed])

    def ticks(self, feed: int, ticks: NDArray[np.void], at: int) -> None:
        """Takes the ticks of a frame, in their order, which came at `at` (ns UTC)."""
        own = self._feeds[feed]
        if own.later:
            own.later[-1].append((ticks, at))
        else:
            self._take(feed, own, ticks, at)

    def _of(self, feed: int) -> list[str]:
        """The feed's symbols of which bars can be had."""
        layouts = self._path.engine.layouts
        return [symbol for symbol, row in self._rows.items() if layouts[row].watch.feed == feed]

    def _begin(self, feed: int, own: _Feed) -> None:
        engine = self._path.engine
        engine.missed(feed)
        for symbol in self._of(feed):
            self._pasts[symbol].hope()
        places = engine.places()
        own.unsure = {
            symbol: _Unsure(int(places[row]), set(engine.layouts[row].watch.legs or (symbol,)))
            for symbol in self._of(feed)
            if places[row := self._rows[symbol]] or self._is_cold(symbol)
        }
        own.asked = time.monotonic()
        self._go_on(feed, own)

    def _is_cold(self, symbol: str) -> bool:
        """Whether nothing is known of it, as where its vendor could not be reached at the start."""
        price, place = self._path.engine.last(self._rows[symbol])
        return not price and not place and self._pasts[symbol].warms_up

    def _take(self, feed: int, own: _Feed, ticks: NDArray[np.void], at: int) -> None:
        if own.unsure:
            self._judge(feed, own, ticks, at)
        self._path.ticks(feed, ticks, at)

    def _go_on(self, feed: int, own: _Feed) -> None:
        """Time goes on where nothing that may be missing is waited for."""
        if not (own.away or own.unsure or own.mending):
            self._path.start_clock(feed)

    def _judge(self, feed: int, own: _Feed, ticks: NDArray[np.void], at: int) -> None:
        """A first tick that is older than the place: nothing was missed; one that is newer: something was."""
        numbers, index = np.unique(ticks["symbol"], return_index=True)
        first = dict(zip(numbers.tolist(), ticks["time"][index].tolist(), strict=True))
        instruments = self._path.engine.instruments
        gap = again = False
        for symbol, it in list(own.unsure.items()):
            came = {leg: first[instruments[leg]] for leg in it.silent if instruments[leg] in first}
            older = {leg for leg, since in came.items() if since <= it.place}
            gap |= len(came) > len(older)
            again |= bool(older)
            it.silent -= older
            if not it.silent:
                del own.unsure[symbol]
        if gap:
            self._mend(feed, own, int(ticks["time"][0]) if own.by_tape else at)
        elif again and own.by_tape:
            own.unsure.clear()  # a tape that starts over does so for all
        self._go_on(feed, own)

    def _look(self, now: float) -> None:
        """Symbols without a tick cannot say what they missed; on a wall clock they are asked about all the same."""
        for feed, own in enumerate(self._feeds):
            if own.unsure and not own.by_tape and now - own.asked > FIRST_TICK_WITHIN:
                self._mend(feed, own, time.time_ns())
                self._go_on(feed, own)

    def _mend(self, feed: int, own: _Feed, until: int) -> None:
        missing = {
            symbol: it.place
            for symbol, it in own.unsure.items()
            if _worth_asking(self._path.engine, self._rows[symbol], it.place, until)
        }
        own.unsure = {}
        if missing and self._jobs is not None:
            own.mending = True
            self._path.hold(feed)
            self._jobs.create_task(self._fill(feed, own, missing, until))

    async def _fill(self, feed: int, own: _Feed, missing: dict[str, int], until: int) -> None:
        """Asks for every symbol's bars; what has not come in time is done without."""
        found: dict[str, _Missed] = {}
        turns = asyncio.Semaphore(ASKED_AT_ONCE)
        with suppress(TimeoutError):
            async with asyncio.timeout(HELD_AT_MOST), asyncio.TaskGroup() as asking:
                for symbol, place in missing.items():
                    asking.create_task(self._ask(symbol, place, until, turns, found))
        for symbol, place in missing.items():
            self._put_in(symbol, place, found.get(symbol))
        own.mending = False
        self._path.release(feed)
        while own.later and not own.mending:
            frames = own.later.popleft()
            self._begin(feed, own)
            for ticks, at in frames:
                self._take(feed, own, ticks, at)
        self._go_on(feed, own)

    async def _ask(
        self, symbol: str, place: int, until: int, turns: asyncio.Semaphore, found: "dict[str, _Missed]"
    ) -> None:
        past, sessions = self._pasts[symbol], self._path.engine.layouts[self._rows[symbol]].watch.sessions
        async with turns:
            if not place:
                found[symbol] = _Missed(await past.warm_up(until), [])
                return
            stretches = await past.since(place, until)
            found[symbol] = _Missed(stretches, [])
            # A session that had ended at the place may not have been settled.
            on = spans.session_at(sessions, place)
            since = place if on else spans.last_end(sessions, DAY, place)
            found[symbol] = _Missed(stretches, await past.officials(since, until))

    def _put_in(self, symbol: str, place: int, missed: "_Missed | None") -> None:
        engine, row = self._path.engine, self._rows[symbol]
        if not place:
            bars = take(engine, row, missed.stretches if missed else ())
            log.info("state.warmed", symbol=symbol, bars=bars)
            return
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
            bars=int(np.count_nonzero(first.bars["end"] > place)),
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
    take(alone, 0, stretches)
    return engine.graft(row, alone, [name for own in stretches for name in own.timeframes])

"""What one watch needs of the past: which bars, from its files and from its feed's vendor, for which timeframes."""

import asyncio
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import structlog
from numpy.typing import NDArray

from tapewatch import history
from tapewatch.config import Watch
from tapewatch.engine.engine import Engine
from tapewatch.feeds.files import FileError
from tapewatch.feeds.history import HistorySource, HistoryUnavailableError
from tapewatch.feeds.watch_history import WatchHistory
from tapewatch.instruments import Names
from tapewatch.market import spans
from tapewatch.market.bars import BAR
from tapewatch.market.sessions import sessions
from tapewatch.market.ticks import NS
from tapewatch.market.timeframes import DAY, by_length, duration_ns

log = structlog.get_logger(__name__)

AUCTION = 5 * 60 * NS
"""How long (ns) after the close the closing auction may take to print."""
FILES = "files"
"""What `Found.source` calls them."""
OFFICIALS_AT_MOST = 30
"""Missed sessions whose official daily bars are asked for."""

_SEARCHES = 3  # a symbol that trades seldom has fewer bars than its hours have spans: look further back
_NO_BARS = np.zeros(0, BAR)

_Bars = NDArray[np.void]


@dataclass(frozen=True, eq=False)
class Stretch:
    """Bars, and what is to be built from them."""

    interval: str
    bars: _Bars
    """Rows of `BAR`, oldest first."""
    timeframes: list[str]
    """Of the watch, shortest first."""


@dataclass(frozen=True, eq=False)
class Found(Stretch):
    """A stretch, where it comes from, and what was wanted."""

    source: str
    """`files`, the vendor's name, or nothing."""
    start: int
    end: int
    """Bars were wanted from here to here (ns); files may give earlier ones too."""
    why: str = ""
    """Why the vendor gave none; empty: it was not asked, or gave what it has."""


def take(engine: Engine, row: int, stretches: Sequence[Stretch]) -> int:
    """Warms a symbol of the engine on what `Past.warm_up` found; returns how many bars that was."""
    for own in stretches:
        engine.warm(row, own.bars, own.interval, own.timeframes)
    return sum(len(own.bars) for own in stretches)


class Past:
    """The bars of one watch.

    Files are used where they have all that is wanted, the vendor for the rest; where the vendor fails, files as far as
    they go.

    Args:
        watch: whose.
        names: what it and its legs are called; the vendor knows each by the last.
        source: the vendor's bars; None: files alone.
        warm_up: bars of each timeframe that are wanted before the first tick; 0: the vendor is not asked for any.
    """

    def __init__(self, watch: Watch, names: Names, source: HistorySource | None, warm_up: int) -> None:
        self._watch = watch
        self._names = names
        self._vendor = WatchHistory(source, watch, names) if source else None
        self._wanted = warm_up
        self._timeframes = watch.all_timeframes()
        self._sessions = sessions(watch.calendar)
        self._told = ""

    @property
    def has_source(self) -> bool:
        """Whether a vendor can be asked."""
        return self._vendor is not None

    @property
    def has_any(self) -> bool:
        """Whether there is a vendor to ask, or a file."""
        return self.has_source or bool(self._watch.history)

    @property
    def warms_up(self) -> bool:
        """Whether a vendor is to be asked at the start."""
        return self.has_source and self._wanted > 0

    def hope(self) -> None:
        """The vendor's line is up: what it did not give a moment ago is asked for again."""
        if self._vendor is not None:
            self._vendor.source.hope()

    async def warm_up(self, now: int) -> list[Stretch]:
        """What the engine is to be warmed on, in this order.

        Coarse bars up to the open of the session that is on, the longest first, then the finest since; up to `now` (ns)
        if the exchange is shut.

        Raises:
            FileError, HistoryError: a file cannot be read, or does not fit the watch.
        """
        return [own for own in await self.found(now) if len(own.bars)]

    async def found(self, now: int) -> list[Found]:
        """The same, with the stretches of which there are no bars."""
        files = await self._read_files(now)
        on = spans.session_at(self._sessions, now)
        fine = await self._since_open(files, on[0], now) if on else []
        ends = {
            name: next((own.start for own in fine if history.builds(own.interval, name)), now)
            for name in self._timeframes
        }
        return [*await self._before(files, ends, now), *fine]

    async def since(self, place: int, now: int) -> list[Stretch]:
        """What was missed from `place` to `now`: bars that have ended, of the finest interval that reaches so far back,
        from the start of the watch's shortest bar that formed then; then, for timeframes that these do not build,
        what history has for them up to now.

        Empty if nobody has bars; where the vendor says that there was no trade, the first has none.
        """
        try:
            files = await self._read_files(now)
        except (FileError, history.HistoryError) as error:
            self._unavailable(str(error))
            files = {}
        interval = self._vendor.finest_since(place, now) if self._vendor else None
        bars, why = _NO_BARS, "no interval"
        if interval:
            start = self._formed_since(place) - duration_ns(interval)
            bars, why = await self._ask(interval, start, now, now, all_hours=True)
        if why:
            interval = next((own for own in by_length(set(files)) if files[own]["end"][-1] > place), None)
            if interval:
                bars = files[interval]
        if not interval:
            return []
        built = [name for name in self._timeframes if history.builds(interval, name)]
        ends = {name: now for name in self._timeframes if name not in built}
        further = await self._before(files, ends, now) if self._wanted else []
        return [
            Stretch(interval, bars[bars["end"] > self._formed_since(place)], built),
            *(own for own in further if len(own.bars)),
        ]

    def _formed_since(self, place: int) -> int:
        """When the watch's shortest bar began that formed at `place` (ns); the place if the exchange was shut."""
        on = spans.session_at(self._sessions, place)
        if on is None:
            return place
        shortest = self._timeframes[0]
        return on[0] if shortest == DAY else place - (place - on[0]) % duration_ns(shortest)

    async def official(self, session_open: int, now: int) -> np.void | None:
        """The vendor's daily bar (a row of `BAR`) of the session that opened then (ns); None: it is not there yet."""
        i = int(np.searchsorted(self._sessions.opens, session_open))
        bars = await self.officials(int(self._sessions.closes[i]), now)
        own = [bar for bar in bars if bar["start"] == session_open]
        return own[0] if own else None

    async def officials(self, since: int, now: int) -> list[np.void]:
        """The vendor's daily bars of the sessions that closed from `since` to `now` (ns), as far as they are there.

        Oldest first, `OFFICIALS_AT_MOST` of the newest.
        """
        if self._vendor is None:
            return []
        closes = self._sessions.closes
        closed = (closes >= since) & (closes + AUCTION <= self._vendor.known_until(DAY, now))
        opens = self._sessions.opens[closed][-OFFICIALS_AT_MOST:]
        if not len(opens) or not self._vendor.has_days(int(opens[0]), now):
            return []
        bars, _ = await self._ask(DAY, int(opens[0]), now, now)
        return list(bars[np.isin(bars["start"], opens)])

    async def _read_files(self, now: int) -> dict[str, _Bars]:
        """The watch's bars in its files that have ended by `now`, by timeframe."""
        if not self._watch.history:
            return {}
        files = await asyncio.to_thread(history.own, self._watch, self._names)
        known = history.bars_of(files, self._names)
        history.share_out(self._timeframes, files, set(known))
        return {name: own for name, bars in known.items() if len(own := history.until(bars, now))}

    async def _since_open(self, files: Mapping[str, _Bars], opened: int, now: int) -> list[Found]:
        """The finest bars of the session that is on, for all timeframes: as a rule one stretch.

        Where the vendor does not reach back to the open with its finest bars, the finest that do are followed by the
        finest of all.
        """
        of_files = [
            self._found(name, own, opened, now, FILES)
            for name in by_length(set(files))
            if name != DAY and len(own := files[name][files[name]["start"] >= opened])
        ][:1]
        if of_files and self._has_all(of_files[0].interval, of_files[0].bars, opened, now):
            return of_files
        of_vendor: list[Found] = []
        if self._vendor and self._wanted:
            for interval, start, end in self._vendor.rungs(opened, now):
                bars, why = await self._ask(interval, start, end, now)
                of_vendor.append(self._found(interval, bars, start, end, self._vendor.name, why))
        if of_files and all(own.why for own in of_vendor):
            return of_files
        return of_vendor

    async def _before(self, files: Mapping[str, _Bars], ends: Mapping[str, int], now: int) -> list[Found]:
        """For each timeframe the bars that are wanted before its end, the longest interval first."""
        of_files: defaultdict[tuple[str, int, str], list[str]] = defaultdict(list)
        of_vendor: defaultdict[tuple[str, int], list[str]] = defaultdict(list)
        for name, end in ends.items():
            start = self._start(name, end)
            known = history.longest(files, name) or ""
            at_vendor = self._interval(name, start, end)
            if at_vendor and not self._has_all(known, _until(files, known, end), start, end):
                of_vendor[at_vendor, end].append(name)
            else:
                of_files[known, end, ""].append(name)
        found = []
        for (interval, end), names in of_vendor.items():
            own = await self._of_vendor(interval, names, end, now)
            in_files = [history.longest(files, name) or "" for name in names]
            if own.why or (not len(own.bars) and any(in_files)):
                for name, other in zip(names, in_files, strict=True):
                    of_files[other, end, own.why or f"{own.source} has none"].append(name)
            else:
                found.append(own)
        for (interval, end, why), names in of_files.items():
            start = min(self._start(name, end) for name in names)
            source = FILES if interval else ""
            own = self._found(interval, _until(files, interval, end), start, end, source, why)
            found.append(replace(own, timeframes=names))
        return sorted(found, key=lambda own: duration_ns(own.interval) if own.interval else 0, reverse=True)

    async def _of_vendor(self, interval: str, names: Sequence[str], end: int, now: int) -> Found:
        """As many bars as are wanted of each timeframe, from further back where spans had no trade."""
        wanted, first = self._wanted, 0
        for _ in range(_SEARCHES):
            start = min(spans.start_of_last(self._sessions, name, wanted, end) for name in names)
            bars, why = await self._ask(interval, start, end, now)
            enough = all(spans.count(bars, self._sessions, name) >= self._wanted for name in names)
            if why or enough or (len(bars) and bars["start"][0] == first):
                break  # there are no more where they begin as before
            wanted, first = 2 * wanted, int(bars["start"][0]) if len(bars) else 0
        start = min(self._start(name, end) for name in names)
        source = self._vendor.name if self._vendor else ""
        return replace(self._found(interval, bars, start, end, source, why), timeframes=list(names))

    def _start(self, timeframe: str, end: int) -> int:
        return spans.start_of_last(self._sessions, timeframe, max(self._wanted, 1), end)

    def _found(self, interval: str, bars: _Bars, start: int, end: int, source: str, why: str = "") -> Found:
        built = [name for name in self._timeframes if interval and history.builds(interval, name)]
        return Found(interval, bars, built, source, start, end, why)

    def _has_all(self, interval: str, bars: _Bars, start: int, end: int) -> bool:
        """Whether `bars` begin at `start` or before, and the last that has ended by `end` is there."""
        if not len(bars):
            return False
        last = spans.last_end(self._sessions, interval, end)
        return bool(bars["start"][0] <= start and bars["end"][-1] >= last)

    def _interval(self, timeframe: str, start: int, end: int) -> str | None:
        """The vendor's longest interval that builds the timeframe; None if it is not to be asked, or has none."""
        if self._vendor is None or not self._wanted:
            return None
        return history.longest(self._vendor.intervals(start, end), timeframe)

    async def _ask(
        self, interval: str, start: int, end: int, now: int, *, all_hours: bool = False
    ) -> tuple[_Bars, str]:
        """The vendor's bars, or why there are none."""
        if self._vendor is None:
            return _NO_BARS, "there is no vendor to ask"
        try:
            bars = await self._vendor.bars(interval, start, end, now, all_hours=all_hours)
        except HistoryUnavailableError as error:
            self._unavailable(str(error))
            return _NO_BARS, str(error)
        self._told = ""
        return bars, ""

    def _unavailable(self, reason: str) -> None:
        """Says it once, until it works again."""
        if reason != self._told:
            self._told = reason
            log.warning("history.unavailable", symbol=self._watch.symbol, reason=reason)


def _until(files: Mapping[str, _Bars], interval: str, end: int) -> _Bars:
    return history.until(files[interval], end) if interval else _NO_BARS

"""A vendor's bars as one watch takes them: of its hours, on its sessions, a composite's from those of its legs."""

import numpy as np
from numpy.typing import NDArray

from tapewatch.config import Watch
from tapewatch.feeds.history import HistorySource
from tapewatch.instruments import Names
from tapewatch.market import spans
from tapewatch.market.bars import ratio
from tapewatch.market.sessions import sessions
from tapewatch.market.timeframes import DAY, duration_ns

LONGEST_OUTAGE = 20_000
"""Bars at most that are put in after an outage; of a longer one coarser bars are."""


class WatchHistory:
    """What a source has of one watch.

    Args:
        source: of the watch's feed.
        watch: whose.
        names: what it and its legs are called; the vendor knows each by the last.
    """

    def __init__(self, source: HistorySource, watch: Watch, names: Names) -> None:
        self.name = source.vendor.name
        self.source = source
        """Shared by the watches of a feed."""
        self._symbols = [own[-1] for own in names.legs or (names.own,)]
        self._sessions = sessions(watch.calendar)
        self._extended = watch.hours == "extended"

    def intervals(self, start: int, end: int, *, all_hours: bool = False) -> list[str]:
        """The vendor's intervals, shortest first, at whose edges all sessions from `start` to `end` (ns) begin and end.

        Args:
            start: of what is wanted.
            end: of what is wanted.
            all_hours: whether the watch's extended hours, if it has them, are wanted too.
        """
        extended = all_hours and self._extended
        fitting = [
            name
            for name in self.source.vendor.intervals
            if name != DAY and spans.fits(self._sessions, name, start, end, extended=extended)
        ]
        return [*fitting, *([DAY] if self.has_days(start, end) else [])]

    def has_days(self, start: int, end: int) -> bool:
        """Whether the vendor's daily bars are those of the sessions from `start` to `end` (ns)."""
        return self.source.vendor.exchange_days or spans.fits(self._sessions, DAY, start, end)

    def reaches(self, interval: str, start: int, now: int) -> bool:
        """Whether the vendor still has bars that begin at `start` (ns)."""
        return self.source.reaches(interval, now) <= start

    def known_until(self, interval: str, now: int) -> int:
        """Up to when (ns) the vendor lets us see."""
        return self.source.known_until(interval, now)

    def finest_since(self, place: int, now: int) -> str | None:
        """The finest interval that reaches back to `place` (ns), in all of the watch's hours, with few enough bars."""
        trading = spans.trading_time(self._sessions, place, now, extended=self._extended)
        for name in self.intervals(place, now, all_hours=True):
            length = duration_ns(name)
            few = trading <= LONGEST_OUTAGE * length
            if few and self.reaches(name, place // length * length, now):
                return name
        return None

    def rungs(self, opened: int, now: int) -> list[tuple[str, int, int]]:
        """Which intervals cover the time from the session's open (ns) to now, each with its start and end.

        As a rule the finest. Where that does not reach back so far, the finest that does, and from its last edge on
        the finest of all.
        """
        fitting = [name for name in self.intervals(opened, now) if name != DAY]
        if not fitting:
            return []
        coarse = next((name for name in fitting if self.reaches(name, opened, now)), fitting[-1])
        if coarse == fitting[0]:
            return [(coarse, opened, now)]
        edge = now // duration_ns(coarse) * duration_ns(coarse)
        return [(coarse, opened, edge), (fitting[0], edge, now)]

    async def bars(
        self, interval: str, start: int, end: int, now: int, *, all_hours: bool = False
    ) -> NDArray[np.void]:
        """Rows of `BAR` that begin from `start` on and have ended by `end` (ns), oldest first, of sessions alone.

        Args:
            interval: one of `intervals`.
            start: the earliest start.
            end: the latest end.
            now: what the time is.
            all_hours: whether bars of the watch's extended hours, if it has them, come too.

        Raises:
            HistoryUnavailableError: the vendor gives none, or not now.
        """
        begin = start // duration_ns(DAY) * duration_ns(DAY) if interval == DAY else start
        legs = [await self.source.bars(own, interval, begin, end, now) for own in self._symbols]
        bars = legs[0] if len(legs) == 1 else ratio(*legs)
        if interval == DAY:
            bars = spans.of_dates(bars, self._sessions)
            upto = min(end, self.known_until(DAY, now))
            return bars[(bars["start"] >= start) & (bars["end"] <= upto)]
        return spans.within(bars, self._sessions, extended=all_hours and self._extended)

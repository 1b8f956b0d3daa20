"""Sessions, from exchange_calendars directly; extended hours of New York from the words of the design."""

from bisect import bisect_right
from datetime import UTC, datetime, time
from functools import cache
from itertools import accumulate, pairwise
from typing import NamedTuple
from zoneinfo import ZoneInfo

import exchange_calendars

from reference.ticks import NS


class Session(NamedTuple):
    date: str  # ISO
    open: int  # regular hours, ns UTC
    close: int
    first: int  # the watch's hours: the same, or extended
    last: int


class Calendar:
    """The sessions of one exchange, under a watch's `hours`."""

    def __init__(self, sessions: list[Session], zone: ZoneInfo) -> None:
        self.sessions = sessions
        self.zone = zone
        self.firsts = [session.first for session in sessions]
        self.of_date = {session.date: session for session in sessions}
        self.recent = sessions[0]
        breaks = (before.last < after.first for before, after in pairwise(sessions))
        self.stretches = list(accumulate(breaks, initial=0))

    def session(self, moment: int) -> Session | None:
        """The session in whose hours `moment` lies."""
        if self.recent.first <= moment < self.recent.last:
            return self.recent
        i = bisect_right(self.firsts, moment) - 1
        if i < 0 or moment >= self.sessions[i].last:
            return None
        self.recent = self.sessions[i]
        return self.recent

    def stretch(self, session: Session) -> int:
        """A number that two sessions share if no break lies between them; it grows with time."""
        return self.stretches[bisect_right(self.firsts, session.first) - 1]

    def unbroken_until(self, session: Session) -> int:
        """The end of `session`, or of the last one that follows it without a break."""
        return self.sessions[bisect_right(self.stretches, self.stretch(session)) - 1].last

    def clock(self, moment: int) -> int:
        """ns after midnight on the exchange's clock."""
        seconds, ns = divmod(moment, NS)
        local = datetime.fromtimestamp(seconds, UTC).astimezone(self.zone)
        return (local.hour * 3600 + local.minute * 60 + local.second) * NS + ns


@cache
def calendar(name: str, hours: str) -> Calendar:
    known = exchange_calendars.get_calendar(name, start="1990-01-01")
    half_days = set(known.early_closes)
    sessions = []
    for day, opens, closes in zip(known.sessions, known.opens, known.closes, strict=True):
        open_, close = int(opens.timestamp()) * NS, int(closes.timestamp()) * NS
        first, last = open_, close
        if hours == "extended":
            first = _new_york(day, time(4))
            last = _new_york(day, time(17) if day in half_days else time(20))
        sessions.append(Session(day.date().isoformat(), open_, close, first, last))
    return Calendar(sessions, ZoneInfo(str(known.tz)))


def _new_york(day: datetime, clock: time) -> int:
    moment = datetime.combine(day.date(), clock, ZoneInfo("America/New_York"))
    return int(moment.timestamp()) * NS

"""What follows the calendar: the session's open and close, the daily summary, trimming the stream.

APScheduler calls; whether a session has opened or closed is asked of the feed's clock, so that a daemon on a
recorded tape keeps the tape's calendar.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import structlog
from apscheduler.schedulers.asyncio import AsyncIOScheduler

from tapewatch.market.sessions import Sessions

log = structlog.get_logger(__name__)

TURN_SECONDS = 1
TRIM_HOURS = 1


@dataclass
class Calendar:
    """One exchange's sessions as a feed's clock passes them."""

    sessions: Sessions
    clock: Callable[[], int]
    """The feed's clock, ns UTC; 0 while nobody knows the time."""
    on_close: Callable[[], None]
    """Called once when a session has closed: the daily summary."""
    _seen: int | None = field(default=None, init=False)
    """Opens and closes passed so far; None before the clock told the time."""

    def turn(self) -> None:
        """Says what the clock has passed since the last turn; of several sessions, the last."""
        now = self.clock()
        if not now:
            return
        i = int(self.sessions.closes.searchsorted(now, side="right"))
        opened = i < len(self.sessions.opens) and now >= self.sessions.opens[i]
        passed = 2 * i + int(opened)
        before, self._seen = self._seen, passed
        if before is None or passed <= before:
            return
        if passed // 2 > before // 2:
            log.info("session.closed", calendar=self.sessions.calendar)
            self.on_close()
        if opened:
            log.info("session.opened", calendar=self.sessions.calendar)


def scheduler(calendars: list[Calendar], trim: Callable[[], Awaitable[object]]) -> AsyncIOScheduler:
    """A scheduler, not yet started, that turns the calendars and trims the alert stream."""
    own = AsyncIOScheduler(timezone="UTC")
    for calendar in calendars:
        own.add_job(calendar.turn, "interval", seconds=TURN_SECONDS, coalesce=True, max_instances=1)
    own.add_job(trim, "interval", hours=TRIM_HOURS, coalesce=True, max_instances=1)
    return own

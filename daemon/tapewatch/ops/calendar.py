"""What follows the calendar: the session's open and close, the daily summary, trimming the stream.

APScheduler calls; whether a session has opened or closed is asked of the feed's clock, so that a daemon on a
recorded tape keeps the tape's calendar.
"""

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial

import structlog
from apscheduler.events import EVENT_JOB_ERROR, JobExecutionEvent
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


@contextmanager
def calendar_jobs(calendars: list[Calendar], trim: Callable[[], Awaitable[object]]) -> Iterator[None]:
    """Turns the calendars and trims the alert stream for as long as the context lasts.

    A job that fails is logged, and runs again when its time comes.
    """
    scheduler = AsyncIOScheduler(
        timezone="UTC",
        job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},  # late is not never
    )
    for calendar in calendars:
        name = f"calendar {calendar.sessions.calendar}"
        scheduler.add_job(calendar.turn, "interval", seconds=TURN_SECONDS, name=name)
    scheduler.add_job(trim, "interval", hours=TRIM_HOURS, name="trim the alert stream")
    scheduler.add_listener(partial(_log_failed, scheduler), EVENT_JOB_ERROR)
    scheduler.start()
    try:
        yield
    finally:
        scheduler.shutdown(wait=False)


def _log_failed(scheduler: AsyncIOScheduler, event: JobExecutionEvent) -> None:
    job = scheduler.get_job(event.job_id)
    log.error("job.failed", job=job.name if job else event.job_id, exc_info=event.exception)

"""The stage quiet: hours in which only critical alerts come."""

from collections.abc import Iterable
from datetime import datetime
from zoneinfo import ZoneInfo

from tapewatch.market.ticks import NS
from tapewatch.notify.delivery import Now
from tapewatch.notify.stages.queued import Queued
from tapewatch.values import clock_hours

MINUTE = 60.0


class Quiet:
    """Holds what comes in the quiet hours until they end.

    Whether it is quiet is asked of the clock on the wall of `zone`, minute by minute: when that is put forward or
    back, the hours stay those that people read there.
    """

    def __init__(self, hours: str | None, zone: str) -> None:
        """Quiet hours that hold nothing yet.

        Args:
            hours: such as `22:00-07:00`; None: it is never quiet.
            zone: time zone of `hours`.
        """
        self._hours = clock_hours(hours) if hours else None
        self._zone = ZoneInfo(zone)
        self._waiting: list[Queued] = []

    def is_on(self, now: Now) -> bool:
        """Whether it is quiet."""
        if self._hours is None:
            return False
        start, end = self._hours
        local = datetime.fromtimestamp(now.wall_ns // NS, self._zone)
        minute = 60 * local.hour + local.minute
        return start <= minute < end if start < end else minute >= start or minute < end

    def keeps(self, queued: Queued, now: Now) -> bool:
        """Whether it is to wait."""
        return not queued.is_critical and self.is_on(now)

    def hold(self, queued: Iterable[Queued]) -> None:
        """These wait until the hours end."""
        self._waiting += queued

    def due(self, now: Now) -> list[Queued]:
        """All that waited, in order, if the hours are over."""
        if not self._waiting or self.is_on(now):
            return []
        waited, self._waiting = self._waiting, []
        return sorted(waited)

    def wake(self, now: Now) -> float | None:
        """Seconds until the hours may be over; None: nothing waits.

        At most to the next minute: the clock on the wall may be put forward or back.
        """
        if not self._waiting:
            return None
        return MINUTE - now.wall_ns % (60 * NS) / NS if self.is_on(now) else 0.0

"""Under a service manager: it hears when the daemon is ready, what it does, and that its loop and engine go on."""

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager

from tapewatch.ops.readiness import readiness
from tapewatch.ops.status_line import StatusLine
from tapewatch.ops.systemd import Notifier
from tapewatch.vitals import Role, Vitals

LOOK_SECONDS = 1.0
UNREADY_LOOK_SECONDS = 0.1
"""Between two looks, and while somebody waits for us to be ready."""

STATUS_SECONDS = 5.0
"""Between two lines of status, though more may have changed."""

EXTEND_SECONDS = 60.0
EXTEND_AGAIN_SECONDS = 10.0
"""For how long a start may go on after we last said that it does, and how often we do: a feed may be away for hours."""


async def keep(notifier: Notifier, vitals: Vitals) -> None:
    """Tells the service manager how it goes until cancelled; returns at once when there is none."""
    if not notifier:
        return
    keeper = Keeper(notifier, vitals)
    pause = min(LOOK_SECONDS, notifier.period / 4) if notifier.period else LOOK_SECONDS
    while True:
        keeper.look(time.monotonic())
        await asyncio.sleep(pause if notifier.said_ready else UNREADY_LOOK_SECONDS)


@contextmanager
def reloading(notifier: Notifier) -> Iterator[None]:
    """While the config is read again, and taken over or not; a manager that waits for READY hears nothing of it."""
    if not notifier.said_ready:
        yield
        return
    notifier.reloading()
    try:
        yield
    finally:
        notifier.ready()


class Keeper:
    """What the manager was told, and when.

    Args:
        notifier: speaks to it.
        vitals: of the process.
    """

    def __init__(self, notifier: Notifier, vitals: Vitals) -> None:
        self._notifier = notifier
        self._vitals = vitals
        self._line = StatusLine()
        self._stopping = False
        self._told = ""
        self._told_at = self._fed_at = self._extended_at = float("-inf")

    def look(self, now: float) -> None:
        """Says what is to be said at `now` (monotonic clock, s)."""
        found = readiness(self._vitals, now)
        if not self._notifier.said_ready:
            self._start(found.ready, now)
        elif self._notifier.unheard:
            self._notifier.ready()
        if found.role is Role.STOPPING and not self._stopping:
            self._stopping = self._notifier.stopping()
        period = self._notifier.period
        # Once it is due and the engine stands still it is looked at again soon: a loop that was only late makes up.
        if period and now >= self._fed_at + period / 4 and goes_on(self._vitals, now, period):
            self._notifier.watchdog()
            self._fed_at = now
        if now >= self._told_at + STATUS_SECONDS:
            line = self._line.of(self._vitals, found, now)
            if line != self._told and self._notifier.status(line):
                self._told, self._told_at = line, now

    def _start(self, ready: bool, now: float) -> None:
        if ready and self._notifier.ready():
            return
        if now >= self._extended_at + EXTEND_AGAIN_SECONDS:
            self._notifier.extend(EXTEND_SECONDS)
            self._extended_at = now


def goes_on(vitals: Vitals, now: float, period: float) -> bool:
    """Whether the engine's clock goes on, where it must: a process that leads. That the loop does shows by asking.

    Args:
        vitals: of the process.
        now: monotonic clock, s.
        period: of the watchdog, s.
    """
    if vitals.role is not Role.LEADING or vitals.leading is None:
        return True
    return now - vitals.leading.path.turned < period / 2

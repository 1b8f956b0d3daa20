"""Repeats in the log are limited: of one event about one subject, so many lines a minute, then their number.

A line that names an alert is never left out, so that an alert's id tells its whole life. Of the others ten come out
in the minute that begins with the first; when it ends, or the process does, one line `log.repeated` says how many
more there were, and what the last of them said. So the last word on anything is in the log.
"""

import asyncio
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

import structlog

log = structlog.get_logger(__name__)

LINES = 10
"""Lines of one event and subject that come out within `SECONDS`."""
SECONDS = 60.0

SUBJECT = ("feed", "receiver", "symbol", "kind", "calendar", "job", "logger")
"""The keys that tell what a line is about. Their values are the config's, or ours: nobody outside makes up more."""

_GRACE = 0.05
"""Seconds by which a timer may come early."""

REPEATED = "log.repeated"

Key = tuple[str, ...]


@dataclass
class _Window:
    """A minute of one event and subject."""

    ends: float
    lines: int = 0
    last: structlog.typing.EventDict = field(default_factory=dict)
    """The last line that was left out."""

    @property
    def left_out(self) -> int:
        return max(0, self.lines - LINES)


class RepeatLimit:
    """A processor of structlog that drops repeats.

    Args:
        clock: monotonic, s.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._windows: OrderedDict[Key, _Window] = OrderedDict()  # the one that ends first comes first
        self._lock = threading.Lock()  # libraries log in threads of their own

    def __call__(
        self, _logger: object, _method: str, event: structlog.typing.EventDict
    ) -> structlog.typing.EventDict:
        """The event.

        Raises:
            structlog.DropEvent: it is one too many.
        """
        if "alert" in event or "alerts" in event or event["event"] == REPEATED:
            return event
        now = self._clock()
        self.tell(now)
        key = (event["event"], *(f"{name}={event[name]}" for name in SUBJECT if name in event))
        with self._lock:
            window = self._windows.get(key)
            if window is None:
                window = self._windows[key] = _Window(now + SECONDS)
            window.lines += 1
            if not window.left_out:
                return event
            window.last = event
        if window.left_out == 1:
            self._look_again_in(window.ends - now)
        raise structlog.DropEvent

    def tell(self, now: float = float("inf")) -> None:
        """Says what was left out in each minute that has ended by `now`; left out, in all: the process ends."""
        if not self._windows:
            return
        ended = []
        with self._lock:
            while self._windows and next(iter(self._windows.values())).ends <= now:
                ended.append(self._windows.popitem(last=False)[1])
        for window in ended:
            if window.left_out:
                _tell(window)

    def _look_again_in(self, seconds: float) -> None:
        """Where no loop runs, the next line, or the end of the process, will do."""
        with suppress(RuntimeError):
            asyncio.get_running_loop().call_later(seconds + _GRACE, lambda: self.tell(self._clock()))


def _tell(window: _Window) -> None:
    event = dict(window.last)
    write = getattr(log, event.pop("level"))
    of = event.pop("event")
    subject = {name: event.pop(name) for name in SUBJECT if name in event}
    write("log.repeated", of=of, **subject, count=window.left_out, last=event)

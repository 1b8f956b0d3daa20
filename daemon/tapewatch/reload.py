"""A config that has changed while the daemon runs: SIGHUP asks for it to be read again. Applied whole or not at all."""

import asyncio
import traceback
from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import structlog

from tapewatch import runner
from tapewatch.background import in_thread
from tapewatch.changes import Changes, needs_restart
from tapewatch.config import Config
from tapewatch.notify.receivers import Built

log = structlog.get_logger(__name__)

LINES_AT_MOST = 50
"""Of what changed, in the log; `tapewatch diff` has all of them."""

T = TypeVar("T")


class NeedsRestartError(ValueError):
    """What changed cannot be taken over; the message names each key."""

    def __init__(self, keys: list[str]) -> None:
        super().__init__(f"what changed needs a restart: {', '.join(keys)}")


@dataclass(frozen=True, eq=False)
class Checked:
    """A config that can be taken over, and what it differs in."""

    config: Config
    changes: Changes
    built: dict[str, Built]
    """All its receivers."""
    turned: dict[str, list[str]]
    """Receivers that stay as the config has them, while a secret or a file of theirs is another one: which."""

    def lines(self) -> list[str]:
        """A line each, what changes; never a secret."""
        own = [
            f"receiver {name}: its {', '.join(keys)} is another one now" for name, keys in self.turned.items()
        ]
        return [*self.changes.lines(), *own]


def _nothing(outcome: str, config: Config | None) -> None: ...


@dataclass
class Reload:
    """When the config is to be read again, and how."""

    read: Callable[[], Config]
    """Reads and checks it; raises ConfigError."""
    asked: asyncio.Event = field(default_factory=asyncio.Event)
    """Set by a signal."""
    latest: Config | None = None
    """The last one that was taken over."""
    during: Callable[[], AbstractContextManager[object]] = nullcontext
    """Around each reload, from its beginning to its end."""
    ended: Callable[[str, Config | None], object] = _nothing
    """Called with what became of it, `applied`, `refused` or `unchanged`; if applied, with the config."""

    async def attempt(
        self,
        config: Config,
        prepare: Callable[[Config], Awaitable[T | None]],
        put: Callable[[T], Awaitable[Checked]],
    ) -> Checked | None:
        """Takes the config over as it is now, whole or not at all; the log says which, and what changed or why not.

        Whatever is raised refuses it: a mistake in it, or in this program, is no reason to stop watching.

        Args:
            config: as it was taken over last.
            prepare: gets the new one ready, and changes nothing; None: there is nothing to do.
            put: puts it in place; where that fails, all is as it was before.
        """
        self.asked.clear()
        with self.during():
            try:
                new = await in_thread(self.read)
                if keys := needs_restart(config, new):
                    raise NeedsRestartError(keys)
                ready = await prepare(new)
                done = None if ready is None else await put(ready)
            except Exception as error:
                log.error("config.refused", reason=_reason(error))
                self.ended("refused", None)
                return None
            if done is None:
                log.info("config.unchanged")
                self.ended("unchanged", None)
                return None
            self.latest = done.config
            _tell(done)
            self.ended("applied", done.config)
            return done


def _tell(done: Checked) -> None:
    lines, changes = done.lines(), done.changes
    if len(lines) > LINES_AT_MOST:
        lines[LINES_AT_MOST:] = [f"and {len(lines) - LINES_AT_MOST} more"]
    log.info(
        "config.changed",
        added=changes.of_watches("added"),
        removed=changes.of_watches("removed"),
        changed=changes.of_watches("changed"),
        receivers=sorted({own.name for own in changes.receivers} | set(done.turned)),
        routes=bool(changes.routes),
        changes=lines,
    )


def _reason(error: Exception) -> str:
    """What people can act on, in its own words; of a mistake of ours its kind and place, as it may quote a secret."""
    if runner.is_for_people(error):
        return str(error) or type(error).__name__
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return f"unexpected {type(error).__name__} at {Path(frame.filename).name}:{frame.lineno}"

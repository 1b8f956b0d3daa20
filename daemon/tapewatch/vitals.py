"""What a running process tells of itself, to its health, its metrics and the service manager.

The parts keep their own counts, so that a tick waits for nobody; who wants to know reads them here.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from tapewatch.charting import Charts
from tapewatch.config import Config
from tapewatch.feeds.connection import Connection
from tapewatch.histogram import SECONDS, Histogram
from tapewatch.notify.silences import Silences
from tapewatch.notify.worker import Worker
from tapewatch.store.lease import Lease
from tapewatch.store.spool import Spool
from tapewatch.store.writer import Writer
from tapewatch.tick_path import TickPath
from tapewatch.vigil import Vigil


class Role(StrEnum):
    """What the process does at the moment."""

    STARTING = "starting"
    STANDING_BY = "standing by"
    LEADING = "leading"
    STOPPING = "stopping"


@dataclass(frozen=True, eq=False)
class Leading:
    """The parts that only a process has that leads."""

    path: TickPath
    writer: Writer
    workers: Mapping[str, Worker]
    """By receiver."""
    vigil: Vigil
    silences: Silences
    charts: Charts

    @property
    def redis_away_since(self) -> float | None:
        """Since when Redis does not answer (monotonic clock, s); None while it does.

        What is to be committed tells at once; where nothing is, who asks for silences each second does.
        """
        away = self.writer.away_since
        return self.silences.away_since if away is None else away


@dataclass(eq=False)
class Vitals:
    """A process, as it is now. The service keeps it up; all others only read."""

    config: Config
    """As it was taken over last."""
    role: Role = Role.STARTING
    spool: Spool | None = None
    connections: Sequence[Connection] = ()
    """In the config's order."""
    lease: Lease | None = None
    """None where nobody stands by."""
    leading: Leading | None = None
    """None unless it leads."""
    reloads: dict[str, int] = field(default_factory=lambda: {"applied": 0, "refused": 0, "unchanged": 0})
    """What became of each SIGHUP."""
    stalls: Histogram = field(default_factory=lambda: Histogram(SECONDS))
    """By how many seconds the event loop came late to what was due."""

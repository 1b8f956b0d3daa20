"""A delivery: one alert on its way to one receiver."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

from tapewatch.alerts.alert import Alert
from tapewatch.notify.message import Kind
from tapewatch.notify.outcome import Outcome


@dataclass(eq=False)
class Delivery:
    """One alert on its way to one receiver."""

    alert: Alert
    body: bytes
    """Its JSON as it stands in the stream, byte for byte."""
    entries: list[tuple[str, bytes]] = field(default_factory=list)
    """Stream and entry to be acknowledged once it is ended; none while it is in the spool alone."""
    resent: bool = False
    """A dead letter that somebody wants sent again: it passes no stage but limit and send."""
    since: float = 0.0
    """When it was known (monotonic clock, s)."""


class Outgoing(NamedTuple):
    """Deliveries that become one message."""

    kind: Kind
    deliveries: tuple[Delivery, ...]


class Ended(NamedTuple):
    """A delivery that went no further."""

    delivery: Delivery
    outcome: Outcome
    detail: str = ""


class Now(NamedTuple):
    """What time it is."""

    monotonic: float
    """Seconds; waits on this machine go by it."""
    wall_ns: int
    """ns UTC on this machine; people's hours and silences go by it."""
    clock: Callable[[Alert], int]
    """ns UTC by the clock of the feed that an alert came from; 0 before that feed told any."""

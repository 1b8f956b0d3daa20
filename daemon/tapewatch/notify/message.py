"""What goes out to a receiver at once: one alert, or several together."""

from dataclasses import dataclass
from enum import StrEnum

from tapewatch.alerts.alert import Alert


class Kind(StrEnum):
    """Why these alerts are together."""

    ALERTS = "alerts"
    """One alert, or those of one symbol within `group_wait`."""
    SUMMARY = "summary"
    """Those of one rule within `cooldown` of its last message: to be told in one line."""
    DIGEST = "digest"
    """Old ones, or those of the quiet hours, of any symbol: to be told in one line each."""


@dataclass(frozen=True)
class Message:
    """Alerts that are told together."""

    alerts: tuple[Alert, ...]
    """In the order in which they fired; at least one."""
    bodies: tuple[bytes, ...]
    """Of each its JSON as it stands in the stream, byte for byte."""
    kind: Kind = Kind.ALERTS
    answers: str | None = None
    """Receipt of the message that had the alert which this one `follows`."""

    @property
    def id(self) -> str:
        """The same for the same alerts: the first one's id."""
        return self.alerts[0].id

    @property
    def follows(self) -> str | None:
        """Id of the alert that this one confirms or fails; None of several: a digest would be lost in a thread."""
        return self.alerts[0].data.follows if len(self.alerts) == 1 else None

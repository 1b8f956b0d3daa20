"""What goes out to a receiver at once: one alert, or several together."""

from dataclasses import dataclass
from enum import StrEnum

from tapewatch.alerts.alert import Alert
from tapewatch.notify.spare import Spare

RANKS = ("info", "warning", "critical")
"""Severities, the least first."""


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
    picture: bytes | None = None
    """The chart (PNG) of the alert that leads; None of summaries and digests, and if it was not drawn in time."""
    spare: Spare | None = None
    """How long a receiver may hold it back, to bring the picture where it has to be first; None: not at all."""
    link: str | None = None
    """URL of the alert that leads on the live page, for people; None unless the config says where the page is."""

    @property
    def id(self) -> str:
        """The same for the same alerts: the first one's id."""
        return self.alerts[0].id

    @property
    def lead(self) -> Alert:
        """The most severe, of several such the newest: it has the last word on where price is."""
        return max(reversed(self.alerts), key=lambda each: RANKS.index(each.data.severity))

    @property
    def follows(self) -> str | None:
        """Id of the alert that this one confirms or fails; None of several: a digest would be lost in a thread."""
        return self.alerts[0].data.follows if len(self.alerts) == 1 else None

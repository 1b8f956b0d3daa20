"""The stage mute: alerts that a receiver never gets, whatever the routes say."""

from collections.abc import Sequence

from tapewatch.alerts.alert import Alert
from tapewatch.config import Match
from tapewatch.notify.matching import matches


def is_muted(mute: Sequence[Match], alert: Alert) -> bool:
    """Whether the receiver's `mute` names the alert."""
    return any(matches(match, alert) for match in mute)

"""The stage silence: alerts that somebody wants kept from all receivers for a while."""

from collections.abc import Sequence

from tapewatch.alerts.alert import Alert
from tapewatch.notify.silences import Silence


def silenced_by(silences: Sequence[Silence], alert: Alert, wall_ns: int) -> str | None:
    """Id of the first silence that keeps the alert back at `wall_ns` (ns UTC on this machine); None: no one does."""
    return next((each.id for each in silences if each.matches(alert, wall_ns)), None)

"""The Redis streams that a delivery worker reads and writes."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Streams:
    """Their keys; on a cluster, all in one slot."""

    alerts: str
    """The log of alerts."""
    resend: str
    """Dead letters of this receiver that somebody wants sent again: the fields of `dead`."""
    dead: str
    """Deliveries to this receiver that were given up: `id`, `json`, `reason`."""
    deliveries: str
    """What became of each alert at each receiver."""

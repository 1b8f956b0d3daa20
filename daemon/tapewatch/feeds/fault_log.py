"""Logs the faults of a feed, without a line for each."""

from collections import Counter

import structlog

from tapewatch.feeds.protocol import FaultKind, Faults

log = structlog.get_logger(__name__)

FAULT_LOG_INTERVAL = 60.0
"""Seconds between two log lines of the same kind of fault."""


class FaultLog:
    """Logs faults at once when they begin, then at most once a minute and kind, with how many there were."""

    def __init__(self, feed: str, total: Counter[FaultKind]) -> None:
        self.unlogged: Counter[FaultKind] = Counter()
        self._feed = feed
        self._total = total
        self._samples: dict[FaultKind, str] = {}
        self._logged: dict[FaultKind, float] = {}

    def take(self, faults: Faults, now: float) -> None:
        """Move `faults` into the total, and log what is due at `now` (monotonic clock, s)."""
        self._total.update(faults.counts)
        self.unlogged.update(faults.counts)
        self._samples.update(faults.samples)
        faults.clear()
        for kind in list(self.unlogged):
            if now - self._logged.get(kind, -FAULT_LOG_INTERVAL) >= FAULT_LOG_INTERVAL:
                self._logged[kind] = now
                count = self.unlogged.pop(kind)
                sample = self._samples[kind]
                log.warning("feed.fault", feed=self._feed, kind=str(kind), count=count, sample=sample)

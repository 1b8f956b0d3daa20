"""The stage stale: old alerts, as after an outage, go out together."""

from tapewatch.market.ticks import NS
from tapewatch.notify.delivery import Now
from tapewatch.notify.stages.queued import LARGEST_DIGEST, Queued, RuleKey
from tapewatch.values import span_ns

SHORTEST_WAIT = 1.0
"""Seconds without another old one, after which the digest goes out: a backlog is read in batches."""

LONGEST_WAIT = 10.0
"""Seconds that the first one of a digest waits at most."""


class Stale:
    """Gathers old alerts for a digest."""

    def __init__(self, stale_after: str, group_wait: str) -> None:
        """A digest that is empty yet.

        Args:
            stale_after: the age at which an alert is old, such as `15m`; `0s`: none ever is.
            group_wait: how long, after each, the digest waits for more.
        """
        self._age_ns = span_ns(stale_after)
        self._wait = min(max(span_ns(group_wait) / NS, SHORTEST_WAIT), LONGEST_WAIT)
        self._waiting: list[Queued] = []
        self._rules: set[RuleKey] = set()
        self._opened = 0.0
        self._deadline = 0.0

    def is_old(self, queued: Queued, now: Now) -> bool:
        """Whether it belongs here, by the clock of the feed that it came from."""
        return self._age_ns > 0 and now.clock(queued.alert) - queued.time_ns > self._age_ns

    def holds(self, rule: RuleKey) -> bool:
        """Whether an alert of that rule waits here."""
        return rule in self._rules

    def offer(self, queued: Queued, now: Now) -> list[Queued]:
        """Takes an old one.

        Returns:
            The digest, if it is full.
        """
        if not self._waiting:
            self._opened = now.monotonic
        self._waiting.append(queued)
        self._rules.add(queued.rule)
        self._deadline = min(now.monotonic + self._wait, self._opened + LONGEST_WAIT)
        return self.close() if len(self._waiting) == LARGEST_DIGEST else []

    def due(self, now: Now) -> list[Queued]:
        """The digest, if no more have come for a while."""
        return self.close() if self._waiting and now.monotonic >= self._deadline else []

    def close(self) -> list[Queued]:
        """The digest as it is."""
        digest, self._waiting = self._waiting, []
        self._rules.clear()
        return digest

    def wake(self, now: Now) -> float | None:
        """Seconds until the digest is due; None: there is none."""
        return self._deadline - now.monotonic if self._waiting else None

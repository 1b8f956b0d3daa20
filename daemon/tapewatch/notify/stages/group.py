"""The stage group: alerts of one symbol that come at the same time are one message."""

from collections import OrderedDict
from dataclasses import dataclass, field

from tapewatch.market.ticks import NS
from tapewatch.notify.delivery import Now
from tapewatch.notify.stages.queued import Queued, RuleKey
from tapewatch.values import span_ns

LARGEST = 20
"""Most alerts in one message; a group that has so many goes out at once."""


@dataclass(slots=True)
class _Open:
    """A group that still takes alerts."""

    deadline: float
    """When it goes out, in seconds of the monotonic clock."""
    waiting: list[Queued] = field(default_factory=list)


class Group:
    """Gathers the alerts of each symbol for `group_wait` from the first one on.

    An answer goes out alone, after what waits of its symbol: so it answers the message that had the alert it follows.
    """

    def __init__(self, group_wait: str) -> None:
        """No group is open yet.

        Args:
            group_wait: such as `1s`; `0s`: each alert goes out at once, alone.
        """
        self._wait = span_ns(group_wait) / NS
        self._open: OrderedDict[str, _Open] = OrderedDict()
        """By symbol, in the order of the deadlines."""

    def holds(self, rule: RuleKey) -> bool:
        """Whether an alert of that rule waits here."""
        group = self._open.get(rule[0])
        return group is not None and any(queued.rule == rule for queued in group.waiting)

    def offer(self, queued: Queued, now: Now) -> list[list[Queued]]:
        """Takes an alert.

        Returns:
            The groups that are complete, each in order.
        """
        if queued.is_answer:
            return [*self.close(queued.symbol), [queued]]
        if not self._wait:
            return [[queued]]
        group = self._open.setdefault(queued.symbol, _Open(now.monotonic + self._wait))
        group.waiting.append(queued)
        return self.close(queued.symbol) if len(group.waiting) == LARGEST else []

    def due(self, now: Now) -> list[list[Queued]]:
        """The groups whose time has come."""
        groups: list[list[Queued]] = []
        while self._open:
            symbol, group = next(iter(self._open.items()))
            if now.monotonic < group.deadline:
                break
            groups += self.close(symbol)
        return groups

    def close(self, symbol: str) -> list[list[Queued]]:
        """The group of that symbol as it is, if it is open."""
        group = self._open.pop(symbol, None)
        return [sorted(group.waiting)] if group else []

    def close_all(self) -> list[list[Queued]]:
        """All groups as they are."""
        return [group for symbol in list(self._open) for group in self.close(symbol)]

    def wake(self, now: Now) -> float | None:
        """Seconds until a group is due; None: none is open."""
        return next(iter(self._open.values())).deadline - now.monotonic if self._open else None

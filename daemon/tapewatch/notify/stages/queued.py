"""A delivery in a stage where deliveries wait."""

from typing import NamedTuple, TypeAlias

from tapewatch.alerts.alert import Alert
from tapewatch.notify.delivery import Delivery

RuleKey: TypeAlias = tuple[str, str]
"""A rule of a symbol: both names."""

LARGEST_DIGEST = 200
"""Most alerts in one digest."""


class Queued(NamedTuple):
    """A delivery, and what the stages ask of it."""

    order: int
    """How many were offered before it."""
    delivery: Delivery

    @property
    def alert(self) -> Alert:
        return self.delivery.alert

    @property
    def symbol(self) -> str:
        """The symbol, or the feed of what is about a feed."""
        return self.delivery.alert.subject

    @property
    def rule(self) -> RuleKey:
        """The rule that fired."""
        return self.delivery.alert.subject, self.delivery.alert.data.rule

    @property
    def time_ns(self) -> int:
        """Event time, ns UTC."""
        return int(self.delivery.alert.data.time_ns)

    @property
    def is_critical(self) -> bool:
        return self.delivery.alert.data.severity == "critical"

    @property
    def is_answer(self) -> bool:
        """Whether it confirms or fails an earlier alert."""
        return self.delivery.alert.data.follows is not None

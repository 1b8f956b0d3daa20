"""The stage limit: no more messages than the receiver takes."""

from collections import deque

from tapewatch.config import Receiver, Slack
from tapewatch.market.ticks import NS
from tapewatch.values import rate as parse_rate

SLACK_RATE = "1/s"
"""Slack takes one message a second, by a webhook and in a channel.

Source: https://docs.slack.dev/apis/web-api/rate-limits/ ("Posting messages")
"""


def limit_of(receiver: Receiver) -> "Limit":
    """The receiver's `rate`; left out, what its kind needs."""
    return Limit(receiver.rate or (SLACK_RATE if isinstance(receiver, Slack) else None))


class Limit:
    """Says how long to wait before a message, so that no span of time, wherever it begins, has more than `rate` says.

    Times are seconds of the monotonic clock.
    """

    def __init__(self, rate: str | None) -> None:
        """Nothing has been sent yet.

        Args:
            rate: such as `1/s` or `20/m`; None: no limit.
        """
        count, span_ns = parse_rate(rate) if rate else (0, 0)
        self._span = span_ns / NS
        self._sent: deque[float] = deque(maxlen=count)
        """When the last messages were sent, as many as the span may have; empty without a limit."""

    def pause(self, monotonic: float) -> float:
        """Seconds until the next message may be sent; 0.0: now."""
        if not self._sent or len(self._sent) < (self._sent.maxlen or 0):
            return 0.0
        return max(0.0, self._sent[0] + self._span - monotonic)

    def sent(self, monotonic: float) -> None:
        """A message was sent; an attempt that failed counts, since the receiver may count it too.

        Note it when the attempt is over, not when it begins: the receiver saw it in between.
        """
        self._sent.append(monotonic)

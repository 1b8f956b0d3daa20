"""How long to wait before the next attempt to connect."""

import random
from dataclasses import dataclass


@dataclass(frozen=True)
class Backoff:
    """Exponential backoff with full jitter; all times in seconds.

    Full jitter spreads clients that lost the same server over the whole interval:
    https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
    """

    base: float = 1
    """Longest wait before the first new attempt; it doubles with each further one."""
    cap: float = 60
    """Longest wait of all."""
    healthy_after: float = 60
    """How long data must have come before the next loss counts as the first: a server that lets us in and
    drops us at once is not asked again every second."""
    too_many: float = 60
    """Added to the wait when the vendor says that the key has too many connections (each new one closes
    another, which would come back just as fast), or that it was asked too often."""

    def delay(self, attempt: int) -> float:
        """Seconds to wait before new attempt number `attempt`, counted from 0."""
        longest = min(self.cap, self.base * 2.0 ** min(attempt, 32))
        return random.uniform(0, longest)  # noqa: S311

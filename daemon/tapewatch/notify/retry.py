"""How long to wait before the next attempt."""

import random
from dataclasses import dataclass


@dataclass(frozen=True)
class Retry:
    """Pauses between attempts, in seconds."""

    first: float = 1.0
    """Pause after the first failure; it doubles with each further one."""
    longest: float = 60.0
    """Longest pause of our own; a receiver's `Retry-After` may be longer."""

    def pause(self, failures: int) -> float:
        """Seconds to wait after that many failures in a row.

        The jitter, up to half of it, keeps many workers from coming back in the same instant.
        """
        pause = min(self.longest, self.first * 2.0 ** min(failures - 1, 30))
        return random.uniform(pause / 2, pause)  # noqa: S311


PAUSES = Retry()
"""Between attempts to reach a receiver."""

"""How long the messages of a receiver may wait for their pictures."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

MOST = 2.0
"""Seconds: pictures hold no alert back for longer, even where one waits behind many that have pictures, too."""


class Spare:
    """Seconds that are left for that, until no message waits behind another; then there are `MOST` again."""

    def __init__(self) -> None:
        self.left = MOST

    @contextmanager
    def spending(self, free: float = 0.0) -> Iterator[None]:
        """What the block takes longer than `free` seconds is taken from `left`, which is never negative."""
        began = time.monotonic()
        try:
            yield
        finally:
            self.take(max(0.0, time.monotonic() - began - free))

    def take(self, seconds: float) -> None:
        """So many are gone."""
        self.left = max(0.0, self.left - seconds)

    def fill_up(self) -> None:
        """No message waits."""
        self.left = MOST

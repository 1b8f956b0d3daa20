"""Admission (design §4): which ticks count.

The order of the refusals is the order in which the design names them; the first that holds is the reason:

1. price: not finite, or <= 0
2. hours: outside the watch's hours (the one refused tick that may still close a bar, see `tape.py`)
3. seen: the id is among the last 64 of its exchange, on the same UTC day. An id enters the ring here, whatever
   happens to its tick below: a second copy of a held tick must not join it.
4. condition: a sale condition that does not update the last price
5. late: before the end of the last closed bar of the shortest timeframe

Only then is the tick judged as a jump.
"""

import math
from collections import deque
from dataclasses import dataclass, field

from reference.sessions import Calendar
from reference.ticks import Tick

RING = 64
DAY = 86_400 * 1_000_000_000


@dataclass
class Admission:
    calendar: Calendar
    skip_conditions: set[str]
    max_jump: float | None  # None: off
    last: float | None = None  # last admitted price, or history's last close
    seen: dict[int, deque[tuple[int, int]]] = field(default_factory=dict)
    held: list[Tick] = field(default_factory=list)

    def refusal(self, tick: Tick, closed_until: int | None) -> str | None:
        """Why `tick` is refused; `closed_until` is the end of the shortest timeframe's last closed bar."""
        if not math.isfinite(tick.price) or tick.price <= 0:
            return "price"
        if self.calendar.session(tick.time) is None:
            return "hours"
        if tick.id is not None:
            ring = self.seen.setdefault(tick.exchange, deque(maxlen=RING))
            own = (tick.id, tick.time // DAY)
            if own in ring:
                return "seen"
            ring.append(own)
        if tick.condition in self.skip_conditions:
            return "condition"
        if closed_until is not None and tick.time < closed_until:
            return "late"
        return None

    def admit(self, tick: Tick) -> list[Tick]:
        """What a tick that nothing refuses lets in: itself, nothing (it is held), or three at once."""
        if tick.made_of is not None or self.last is None or not self._jump(tick.price, self.last):
            self.held = []
            admitted = [tick]
        elif self.held and not self._jump(tick.price, self.held[0].price):
            self.held.append(tick)
            admitted = self.held if len(self.held) == 3 else []
        else:
            self.held = [tick]
            admitted = []
        if admitted:
            self.held = []
            self.last = tick.price
        return admitted

    def _jump(self, price: float, base: float) -> bool:
        return self.max_jump is not None and abs(price / base - 1) > self.max_jump

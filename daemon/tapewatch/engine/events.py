"""What the engine says: events, and the bars that closed."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

NOTHING = -1
CROSSED_UP = 0
CROSSED_DOWN = 1
LEVEL_CONFIRMED = 2
LEVEL_FAILED = 3
ENTERED_FROM_BELOW = 4
ENTERED_FROM_ABOVE = 5
BROKE_ABOVE = 6
BROKE_BELOW = 7
REJECTED_DOWN = 8
REJECTED_UP = 9
JUMPED_UP = 10
JUMPED_DOWN = 11
ZONE_CONFIRMED = 12
ZONE_FAILED = 13
FIRED = 14
REGULAR_BEARISH = 15
REGULAR_BULLISH = 16
HIDDEN_BEARISH = 17
HIDDEN_BULLISH = 18
LEVEL_TOUCHED = 19
ZONE_TOUCHED = 20

TYPE_NAMES: tuple[str, ...] = (
    "level.crossed_up",
    "level.crossed_down",
    "level.confirmed",
    "level.failed",
    "zone.entered_from_below",
    "zone.entered_from_above",
    "zone.broke_above",
    "zone.broke_below",
    "zone.rejected_down",
    "zone.rejected_up",
    "zone.jumped_up",
    "zone.jumped_down",
    "zone.confirmed",
    "zone.failed",
    "condition.fired",
    "divergence.regular_bearish",
    "divergence.regular_bullish",
    "divergence.hidden_bearish",
    "divergence.hidden_bullish",
    "level.touched",
    "zone.touched",
)
"""Names of the types above, by number. The numbers stand in snapshots: a new type comes last."""

DIVERGENCES = (REGULAR_BEARISH, REGULAR_BULLISH, HIDDEN_BEARISH, HIDDEN_BULLISH)

BAR_VALUES: tuple[str, ...] = ("start", "open", "high", "low", "close", "volume", "forming")
"""Of each timeframe's bar with an event: its start in seconds, then figures; 1 if it forms, 0 if it is closed."""

NO_GAP, AFTER_SESSION, AFTER_OUTAGE = range(3)
"""What the tick that fired came right after: the one before it, a session break, an outage."""

MAX_PARTS = 8
"""Most parts of a condition."""

EVENT = np.dtype(
    [
        ("time", "<i8"),  # of the tick, or the end of the bar whose close fired it; ns UTC
        ("symbol", "<i4"),  # row of the engine's state
        ("rule", "<i4"),  # index among the symbol's rules
        ("type", "<i4"),
        ("before", "<i4"),  # how many such came before at that time
        ("price", "<f8"),
        ("level", "<f8"),  # where a level stood that moves, such as an average; else NaN
        ("follows", "<i4"),  # type of the event that this one confirms or fails, or NOTHING
        ("follows_before", "<i4"),
        ("follows_time", "<i8"),
        ("direction", "<i4"),  # +1 up, -1 down, 0 neither
        ("gap", "<i2"),  # NO_GAP, AFTER_SESSION or AFTER_OUTAGE
        ("late", "<i2"),  # 1: it was missed, and history says so
        ("extended", "<i4"),  # 1: fired outside regular hours
        ("frame", "<i4"),  # index of the timeframe at whose close it is checked, or -1
        ("forming", "<i4"),  # 1: a divergence of a bar that still forms
        ("lasted", "<i4"),  # 1: it has stayed true as long as its rule asks for
        ("pivot_times", "<i8", (2,)),  # a divergence's pivots: start of the bar, price, oscillator
        ("pivot_prices", "<f8", (2,)),
        ("pivot_values", "<f8", (2,)),
        (
            "operands",
            "<f8",
            (2 * MAX_PARTS,),
        ),  # left and right of each part of a condition; NaN where it has none
    ],
    align=True,
)
"""One event."""

CLOSED = np.dtype(
    [
        ("symbol", "<i4"),
        ("frame", "<i4"),  # index of the timeframe
        ("start", "<i8"),
        ("end", "<i8"),
        ("open", "<f8"),
        ("high", "<f8"),
        ("low", "<f8"),
        ("close", "<f8"),
        ("volume", "<f8"),
    ],
    align=True,
)
"""One bar that closed."""

REFUSALS: tuple[str, ...] = (
    "time",
    "unknown_symbol",
    "ahead_of_clock",
    "price",
    "duplicate_id",
    "sale_condition",
    "outside_hours",
    "late",
    "jump_dropped",
    "seen_before_restart",
)
"""Why a tick was not admitted, by number."""
TIME, UNKNOWN_SYMBOL, AHEAD, BAD_PRICE, DUPLICATE, CONDITION, HOURS, LATE, JUMP, SEEN = range(len(REFUSALS))


def values_width(n_values: int, n_frames: int) -> int:
    """How wide the row of values of a symbol with so many values and timeframes is."""
    return n_values + n_frames + 1 + len(BAR_VALUES) * n_frames


@dataclass(frozen=True, eq=False)
class Events:
    """Events in the order in which they happened, each with every value of its symbol at that instant."""

    rows: NDArray[np.void]
    """Rows of `EVENT`."""
    values: NDArray[np.float64]
    """One row an event: the symbol's values in the order of its plan; per timeframe 1 if it is warm, else 0; the
    range (points) that the rule's band is measured in, NaN if in none; per timeframe its bar, `BAR_VALUES`.
    """

    def each(self) -> list[dict[str, Any]]:
        """Each row by its fields' names, in Python's own numbers: a field of a NumPy row takes ten times as long."""
        names = self.rows.dtype.names or ()
        return [dict(zip(names, row, strict=True)) for row in self.rows.tolist()]

    def __len__(self) -> int:
        return len(self.rows)

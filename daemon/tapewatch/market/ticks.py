"""The tick as the engine takes it: one row of a structured array."""

import numpy as np

NS = 1_000_000_000
"""Nanoseconds in a second."""

NO_ID = np.iinfo(np.int64).min
"""`TICK["id"]` of a tick whose vendor numbers no trades (an index value, say)."""

UNKNOWN_SYMBOL = -1
"""`TICK["symbol"]` of a tick for a symbol nobody watches: the engine counts and refuses it."""

NOT_LAST = 1
"""Flag: the sale condition says that this trade does not update the last price."""

FIRST_LEG = 2
SECOND_LEG = 4
"""Flags: a tick of the symbol that a composite's price is divided from, or by. `Engine.step` sets them."""

HISTORY = 8
"""Flag: made of what a source of history says was missed: never late. `Engine.backfill` sets it."""

TICK = np.dtype(
    [
        ("time", "<i8"),  # event time, ns since 1970 UTC
        ("price", "<f8"),
        ("size", "<f8"),
        ("id", "<i8"),  # the vendor's trade id, or NO_ID
        ("symbol", "<i4"),  # row of the engine's state, or UNKNOWN_SYMBOL
        ("exchange", "<i4"),  # the vendor's exchange code; ids are unique within one
        ("flags", "<u4"),
        ("bar", "<u4"),  # seconds of the bar that the tick was made from (86,400: 1d); 0 for a real one
    ],
    align=True,
)
"""One trade or index value.

A tick made from a bar builds the bars of that length and its multiples alone, and `max_jump` does not judge it.
"""


def empty_ticks(n: int) -> np.ndarray:
    """`n` rows of `TICK` at the defaults of a plain trade: no id, exchange 0, not made from a bar."""
    ticks = np.zeros(n, TICK)
    ticks["id"] = NO_ID
    return ticks

"""The tick as the engine takes it: one row of a structured array."""

import numpy as np

NS = 1_000_000_000
"""Nanoseconds in a second."""

NO_ID = np.iinfo(np.int64).min
"""`TICK["id"]` of a tick whose vendor numbers no trades (an index value, say)."""

UNKNOWN_SYMBOL = -1
"""`TICK["symbol"]` of a tick for a symbol nobody watches: the engine counts and refuses it."""

FROM_BAR = 1
"""Flag: one of the four ticks made from a bar; `max_jump` does not judge it."""

NOT_LAST = 2
"""Flag: the sale condition says that this trade does not update the last price."""

ALL_TIMEFRAMES = 0xFFFFFFFF
"""`TICK["frames"]` of a real tick: it builds the bars of every timeframe."""

TICK = np.dtype(
    [
        ("time", "<i8"),  # event time, ns since 1970 UTC
        ("price", "<f8"),
        ("size", "<f8"),
        ("id", "<i8"),  # the vendor's trade id, or NO_ID
        ("symbol", "<i4"),  # row of the engine's state, or UNKNOWN_SYMBOL
        ("exchange", "<i4"),  # the vendor's exchange code; ids are unique within one
        ("flags", "<u4"),
        ("frames", "<u4"),  # bit j: builds the bars of the watch's j-th timeframe
    ],
    align=True,
)
"""One trade or index value."""


def empty_ticks(n: int) -> np.ndarray:
    """`n` rows of `TICK` at the defaults of a plain trade: no id, exchange 0, all timeframes."""
    ticks = np.zeros(n, TICK)
    ticks["id"] = NO_ID
    ticks["frames"] = ALL_TIMEFRAMES
    return ticks

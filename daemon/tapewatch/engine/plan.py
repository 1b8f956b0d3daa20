"""The plan: the tables that the kernels walk, and where each field stands in a symbol's row.

A symbol's row of the state `S` is float64; whole numbers (times, counts, bit fields) stand in it as int64 bits.
First the header, then the bar fields, then the indicators' state and values, then the rules' state, then what only
some symbols have: legs, and the daily close that may be taken back. Every field of bars and indicators is `n_frames`
wide: the timeframes of a field side by side. The row of `R` holds the rings: the last closes of each timeframe, the
closes minute by minute that a change looks back on, the last bars of each divergence.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tapewatch.market.ticks import NS

# The header.
NEXT_DUE = 0  # int: the earliest time at which a bar ends or a timer runs out; NEVER when nothing is due
SOURCE = 1  # what is known of the ticks that come in, see below
OPEN = 12  # int: the current session's regular hours ...
CLOSE = 13
EXTENDED_OPEN = 14  # int: ... and the hours in which ticks are admitted
EXTENDED_CLOSE = 15
GAP = 16  # int: one of the four below
GENERATION = 17  # int: counts the closes, that is the changes of the rings
BAR_SESSION = 18  # int: open of the session that the last bar opened in
TURNOVER = 19  # price x size, summed over the session's bar
PREVIOUS_OF = 20  # int: begin of the session that the next three come before
PREVIOUS_HIGH = 21
PREVIOUS_LOW = 22
PREVIOUS_CLOSE = 23
SETTLE_DUE = (
    24  # int: until when what is checked on the daily close waits for the official bar; 0: nothing waits
)
QUIET_LOW = 25  # between these two prices no fixed level or zone of the symbol has anything to do
QUIET_HIGH = 26
HEADER = 27

WITHIN = 0
AFTER_BREAK = 1  # no tick has been admitted since a session break
NOTHING_ADMITTED = 2  # no tick has been admitted at all
AFTER_OUTAGE = 3  # ticks were missed since the last one that was admitted

# A source of ticks: the symbol itself, or one leg of a composite.
SOURCE_LAST = 0  # last admitted price, or history's last close; 0 when there is none
PLACE_TIME = 1  # int: highest event time offered
PLACE_COUNT = 2  # int: ticks offered since the first at that time, it included
SESSION = 3  # int: of a leg, begin of the session that its last admitted tick belongs to; 0 before the first
HELD = 4  # int: how many ticks are held back, at most two
HELD_TIME = 5  # int, two
HELD_PRICE = 7  # two
HELD_SIZE = 9  # two
SOURCE_FIELDS = 11

LAST = SOURCE + SOURCE_LAST

# The bar fields; field f of timeframe j stands at HEADER + f * n_frames + j.
START = 0  # int
END = 1  # int: a bar forms while END > CLOSED_END
CLOSED_END = 2  # int: end of the last closed bar
BAR_OPEN = 3
BAR_HIGH = 4
BAR_LOW = 5
BAR_CLOSE = 6
VOLUME = 7
COUNT = 8  # int: bars closed
PREVIOUS = 9  # the last bar's close
WARM_AT = 10  # int: how many closed bars make its indicators warm
BAR_FIELDS = 11

WARM_BARS = 250
"""Bars after which an indicator that never forgets its first bars is warm."""

# A rule's state, from its offset on.
MEMORY = 0  # int: the trigger's bits, or what was true at the last check
FIRED = 1  # of a level or zone: what it fired last, see below
FIRED_TIMES = 4  # int, so many triples: event time, and eight 16-bit counts in two words, one a type
FIRED_FIELDS = 3 * FIRED_TIMES
FIRED_END = FIRED + FIRED_FIELDS
PENDING_TIME = FIRED_END  # int: with `confirm`, the alert to be confirmed ...
PENDING = PENDING_TIME + 1  # int: ... its type + 1, and from bit 8 on how many such came before; 0: none
PENDING_END = PENDING + 1
TIMER_EVENT = (
    1  # int, after when it runs out (0: it stands still): 1 + type of the event that must last, 0: none ...
)
TIMER_WAY = 2  # int: ... and its direction
TIMER_FIELDS = 3
# Of a divergence, each pivot: its bar's number (int) and start (int), price, oscillator, the start warned of (int).
HIGH_PIVOT = 0
LOW_PIVOT = 5
PIVOTS_END = 10
WARNED = 4

PIVOT_SPAN = 5
"""Bars on either side of a pivot."""
WINDOW = 2 * PIVOT_SPAN + 1
"""Bars a divergence's ring holds: per bar oscillator, high, low, start."""
PIVOT_NEAREST = 6
PIVOT_FARTHEST = 61
"""Two pivots are compared if they are this many bars apart (TradingView: 5 to 60 bars between them)."""

SMA, EMA, RSI, MACD, ATR, BB, ROC, VWAP, CHANGE = range(9)
KINDS = {
    "sma": SMA,
    "ema": EMA,
    "rsi": RSI,
    "macd": MACD,
    "atr": ATR,
    "bb": BB,
    "roc": ROC,
    "vwap": VWAP,
}
OP_STATE = {"sma": 1, "ema": 1, "rsi": 2, "macd": 3, "atr": 1, "bb": 3, "roc": 1, "vwap": 0}
"""Fields of state an indicator keeps, each `n_frames` wide."""
CHANGE_STATE = 3
"""Fields of a change: the price it is measured from, the last minute in its ring (int), its session (int)."""

LEVEL, ZONE, CONDITION = range(3)
UP = 1
DOWN = 2
"""Bits of the directions a rule reports."""
POINTS, FRACTION, RANGES = range(3)
"""A band in points; in parts of a level that moves; in average true ranges."""

PRICE_CROSS, PRICE_ZONE, EDGE, DIVERGENCE = range(4)
"""What makes a condition fire: price at a level or a zone, something that becomes true, a divergence."""
STEADY, OF_PREVIOUS, OF_SESSION = range(3)
"""What a level is tied to: no session, the previous one, or the one that it is."""
ALWAYS, ONCE_PER_BAR, ONCE_PER_SESSION, ONCE = range(4)
FREQUENCIES = {
    "always": ALWAYS,
    "once per bar": ONCE_PER_BAR,
    "once per session": ONCE_PER_SESSION,
    "once": ONCE,
}
OVER, AT_LEAST, UNDER, AT_MOST, NEAR, INSIDE = range(6)
SIGNS = {">": OVER, ">=": AT_LEAST, "<": UNDER, "<=": AT_MOST}
"""What a part says of its left."""

NEVER = np.iinfo(np.int64).max
DAY_NS = 24 * 3600 * NS

SYMBOL = np.dtype(  # 64 bytes: one cache line
    [
        ("frames", "<i4"),  # first row in the table of timeframes
        ("ops", "<i4"),  # rows in the table of indicators
        ("ops_end", "<i4"),
        ("rules", "<i4"),  # rows in the table of rules
        ("rules_end", "<i4"),
        ("sessions", "<i4"),  # rows in the table of sessions
        ("sessions_end", "<i4"),
        ("values", "<i4"),  # offset of the values in the row
        ("legs", "<i4"),  # offset of a composite's two sources in the row, or -1
        ("undo", "<i4"),  # offset of what a daily close may be taken back with, or -1
        ("settle_after", "<i4"),  # seconds
        ("n_values", "<i2"),  # how many values there are, and how many of them one a timeframe
        ("n_wide", "<i2"),
        ("ring", "<i2"),  # closes kept per timeframe
        ("fixed", "<i2"),  # how many of its rules, the first ones, are levels and zones that never move
        ("n_frames", "<i1"),
        ("day", "<i1"),  # index of 1d, or -1
        ("timers", "<i1"),  # whether any rule has one
        ("extended", "<i1"),
        ("max_jump", "<f8"),
    ],
    align=True,
)
OP = np.dtype(
    [
        ("kind", "<i4"),
        ("state", "<i4"),  # offset in the row
        ("value", "<i4"),
        ("p1", "<i4"),
        ("p2", "<i4"),
        ("p3", "<i4"),
        ("ring", "<i4"),  # offset of a change's ring in the row of R
        ("a1", "<f8"),  # the share of the newest value in an average of p1 values, and so on
        ("a2", "<f8"),
        ("a3", "<f8"),
    ],
    align=True,
)
RULE = np.dtype(
    [
        ("kind", "<i4"),
        ("state", "<i4"),  # offset in the row
        ("frame", "<i4"),  # index of the timeframe at whose close it is checked or confirmed, or -1
        ("on_ticks", "<i4"),  # whether it is checked on ticks
        ("condition", "<i4"),  # row in the table of conditions, or -1
        ("right", "<i4"),  # offset of a moving level in the row, or -1
        ("band", "<i4"),  # how the bands are to be read: POINTS, FRACTION or RANGES
        (
            "range",
            "<i4",
        ),  # offset of the ATR that a band of RANGES is measured in, and of its timeframe's count
        ("range_count", "<i4"),
        ("low", "<f8"),  # the level (low == high), or the zone
        ("high", "<f8"),
        ("band_low", "<f8"),
        ("band_high", "<f8"),
    ],
    align=True,
)
CONDITIONS = np.dtype(
    [
        ("kind", "<i4"),
        ("parts", "<i4"),  # rows in the table of parts, the event first
        ("states", "<i4"),
        ("parts_end", "<i4"),
        ("directions", "<i4"),  # UP: it fires when it comes true, or upwards; DOWN: when false, or downwards
        ("way", "<i4"),  # 1: what comes true goes up; -1: down; 0: neither
        ("about_price", "<i4"),  # whether it is checked in extended hours
        ("anchor", "<i4"),  # whether its level jumps from session to session, see below
        ("hidden", "<i4"),  # of a divergence
        (
            "oscillator",
            "<i4",
        ),  # offset of a divergence's oscillator in the row, and of its ring in the row of R
        ("ring", "<i4"),
        ("fired", "<i4"),  # offset of what it fired last in the row, or -1: it is checked on closes alone
        ("timer", "<i4"),  # offset of the timer in the row, or -1
        ("last_fired", "<i4"),  # offset of the last bar or session it fired in, or -1
        ("frequency", "<i4"),
        ("bar", "<i8"),  # ns, of ONCE_PER_BAR; 0: the session
        ("lasting", "<i8"),  # ns
        ("expires", "<i8"),  # ns
        ("first", "<i8"),  # ns after midnight at which its hours begin
        ("hours", "<i8"),  # how long they are, ns; 0: always
    ],
    align=True,
)
PART = np.dtype(
    [
        ("kind", "<i4"),
        ("left", "<i4"),  # offset of a value in the row
        ("right", "<i4"),  # the same, or -1
        ("unknown", "<i4"),  # what holds while a side has no value: UNKNOWN, or 0: not
        ("low", "<f8"),  # the number on the right, or the lower edge
        ("high", "<f8"),
        ("distance", "<f8"),  # points
        ("share", "<f8"),  # parts of the right
    ],
    align=True,
)
UNKNOWN = -1


# Columns of the table of sessions; extended hours stand two further on than regular ones.
OPENS = 0  # ns
CLOSES = 1  # ns
REGULAR = 0
EXTENDED = 2
OPEN_TIME = 4  # time of day in the exchange's zone, ns after midnight


class Tables(NamedTuple):
    """What the kernels walk."""

    symbols: NDArray[np.void]
    frames: NDArray[np.int64]
    """Length of each timeframe, ns; 0: 1d."""
    ops: NDArray[np.void]
    rules: NDArray[np.void]
    conditions: NDArray[np.void]
    parts: NDArray[np.void]
    sessions: NDArray[np.int64]
    """A row a session: regular and extended hours, and the time of day at which it opens."""

"""Changes inside the kernels: how far price went over the last so many trading minutes.

Each keeps a ring of one close a minute of the session: of a minute without a tick, the last one before.
"""

import numpy as np

from tapewatch.engine import plan as p
from tapewatch.engine.jit import helper, hot
from tapewatch.market.ticks import NS

MINUTE = 60 * NS
NONE_YET = -1


@hot
def change(base, price):
    """How far `price` is from `base`, percent.

    To nine decimals, so that a round move of decimal prices, such as from 100 to 100.1, is as round.
    """
    return np.rint((price - base) * 100.0 / base * 1e9) / 1e9


@helper
def open_minute(S, R, I, tables, k, start, session):
    """The 1m bar at `start` opens: every change of the symbol is measured from another price from here on."""
    if not _has_changes(tables, k):
        return
    minute = (start - session) // MINUTE
    for o in range(tables.symbols[k].ops, tables.symbols[k].ops_end):
        if tables.ops[o].kind != p.CHANGE:
            continue
        s, ring, span = tables.ops[o].state, tables.ops[o].ring, tables.ops[o].p1
        if I[k, s + 2] != session:
            I[k, s + 2] = session
            I[k, s + 1] = NONE_YET
            for i in range(span):
                R[k, ring + i] = np.nan
        last = I[k, s + 1]
        then = min(minute - span, last)
        S[k, s] = R[k, ring + then % span] if then >= 0 else np.nan


@helper
def keep_minute(S, R, I, tables, k, start, close):
    """The 1m bar at `start` closed at `close`."""
    if not _has_changes(tables, k):
        return
    minute = (start - I[k, p.BAR_SESSION]) // MINUTE
    for o in range(tables.symbols[k].ops, tables.symbols[k].ops_end):
        if tables.ops[o].kind != p.CHANGE:
            continue
        s, ring, span = tables.ops[o].state, tables.ops[o].ring, tables.ops[o].p1
        last = I[k, s + 1]
        before = R[k, ring + last % span] if last >= 0 else np.nan
        for i in range(max(last + 1, minute - span + 1), minute):
            R[k, ring + i % span] = before
        R[k, ring + minute % span] = close
        I[k, s + 1] = minute


@helper
def _has_changes(tables, k):
    """Whether the symbol has changes at all; they come last among its indicators, and 1m is its timeframe 0."""
    symbol = tables.symbols[k]
    return symbol.n_values > symbol.n_wide

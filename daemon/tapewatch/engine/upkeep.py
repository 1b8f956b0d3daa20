"""The kernels beside the one that takes ticks: time, history, the official daily bar."""

import numpy as np
from numba import boolean, int64, njit, void

from tapewatch.engine import plan as p
from tapewatch.engine.admission import find_session
from tapewatch.engine.bars import (
    CLOSE_AFTER,
    check_settled,
    close_due,
    close_values,
    form,
    hand_out,
    take_back,
    turn_session,
)
from tapewatch.engine.jit import BARS, EVENTS, FLAGS, INT_1D, OUTPUT, STATE, TABLES, rows
from tapewatch.market.bars import BAR
from tapewatch.market.ticks import TICK


@njit(int64(*STATE, TABLES, int64, INT_1D, INT_1D, int64, int64, OUTPUT), cache=True, **FLAGS)
def advance(S, R, I, tables, now, members, dirty, first, room, out):
    """Does, for the symbols `members[first:]`, all that was due 2 s or more before `now`."""
    due = now - CLOSE_AFTER
    for m in range(first, len(members)):
        k = members[m]
        if I[k, p.NEXT_DUE] > due:
            continue
        if out.used[EVENTS] + room > len(out.events) or (
            len(out.bars) and out.used[BARS] + room > len(out.bars)
        ):
            return m
        close_due(S, R, I, tables, k, due, np.bool_(True), out)
        dirty[k] = 1
    return len(members)


@njit(void(*STATE, TABLES, int64, rows(TICK), int64, int64, OUTPUT), cache=True, **FLAGS)
def warm(S, R, I, tables, k, ticks, mask, until, out):
    """History of symbol `k` up to `until` (ns) into the timeframes of `mask`; fires nothing, sets no side."""
    for i in range(len(ticks)):
        time = ticks[i].time
        if not find_session(I, tables, k, time):
            continue
        close_due(S, R, I, tables, k, time, np.bool_(False), out)
        if I[k, p.PREVIOUS_OF] != I[k, p.EXTENDED_OPEN]:
            turn_session(S, I, tables, k)
        if I[k, p.OPEN] <= time < I[k, p.CLOSE]:
            form(S, R, I, tables, k, time, ticks[i].price, ticks[i].size, mask)
            S[k, p.LAST] = ticks[i].price
    close_due(S, R, I, tables, k, until, np.bool_(False), out)


@njit(boolean(*STATE, TABLES, int64, rows(BAR), OUTPUT), cache=True, **FLAGS)
def settle(S, R, I, tables, k, bars, out):
    """Puts the official daily bar, the only row of `bars`, in the place of the one that closed last.

    Returns:
        False if that is another session's, or if the next session has begun.
    """
    bar = bars[0]
    close_due(S, R, I, tables, k, bar.end, np.bool_(True), out)
    day = np.int64(tables.symbols[k].day)
    nf = tables.symbols[k].n_frames
    base = p.HEADER + day
    undo = np.int64(tables.symbols[k].undo)
    if undo < 0 or I[k, undo] == 0 or I[k, undo] != I[k, base + p.COUNT * nf]:
        return False
    if I[k, base + p.END * nf] != bar.end or I[k, base + p.CLOSED_END * nf] != bar.end:
        return False
    take_back(S, R, I, tables, k, day)
    if S[k, base + p.VOLUME * nf] > 0.0:
        S[k, p.TURNOVER] *= bar.volume / S[k, base + p.VOLUME * nf]  # the average price stays
    S[k, base + p.BAR_OPEN * nf] = bar.open
    S[k, base + p.BAR_HIGH * nf] = bar.high
    S[k, base + p.BAR_LOW * nf] = bar.low
    S[k, base + p.BAR_CLOSE * nf] = bar.close
    S[k, base + p.VOLUME * nf] = bar.volume
    close_values(S, R, I, tables, k, day)
    hand_out(S, I, tables, k, day, out)
    if I[k, p.PREVIOUS_OF] >= bar.end:
        turn_session(S, I, tables, k)
    check_settled(S, R, I, tables, k, np.bool_(I[k, p.SETTLE_DUE] > 0), out)
    return True

"""The kernel that takes ticks, walking the plan's tables. It neither allocates nor raises."""

import numpy as np
from numba import boolean, int32, int64, njit, types

from tapewatch.engine import events as ev
from tapewatch.engine import plan as p
from tapewatch.engine.admission import (
    RUNNING,
    enter_session,
    find_session,
    held_back,
    hours_of,
    no_break_between,
    of_its_day,
    seen,
    session_at,
    skips,
    source_of,
)
from tapewatch.engine.bars import CLOSE_AFTER, close_due, form, turn_session
from tapewatch.engine.conditions import check_ticks
from tapewatch.engine.jit import (
    BARS,
    EACH_OUTPUT,
    EACH_TABLE,
    EVENTS,
    FLAGS,
    INT_1D,
    INT_2D,
    POOL_USED,
    STATE,
    Output,
    helper,
    hot,
    rows,
)
from tapewatch.market.ticks import FIRST_LEG, HISTORY, NO_ID, NOT_LAST, NS, SECOND_LEG, TICK

LATEST = 7_258_118_400 * NS
"""The year 2200: no tick comes from later, and no clock goes there."""
AHEAD = 5 * NS
"""A tick further ahead of a wall clock is refused."""

# Below, np.int64(…) and np.bool_(…) give what is handed on the same type everywhere: numba compiles a helper anew
# for every type it meets, and a literal True is one of its own.


@hot
def _take(S, R, I, tables, k, time, price, size, mask, gap, out):
    """An admitted tick: bars that it closes, the bars it is in, the rules."""
    if time >= I[k, p.NEXT_DUE]:
        close_due(S, R, I, tables, k, time, np.bool_(True), out)
    session = I[k, p.EXTENDED_OPEN]
    stray = time < session  # held since an earlier session, whose hours are its own
    if stray:
        enter_session(I, tables, k, session_at(tables, k, time))
    elif I[k, p.PREVIOUS_OF] != session:
        turn_session(S, I, tables, k)
    regular = I[k, p.OPEN] <= time < I[k, p.CLOSE]
    if regular:
        form(S, R, I, tables, k, time, price, size, mask)
    S[k, p.LAST] = price
    if stray:
        gap = np.int64(ev.NO_GAP)
    check_ticks(S, I, tables, k, time, price, regular, gap, out)
    if stray:
        enter_session(I, tables, k, session_at(tables, k, session))


@hot
def _gap(I, k):
    """What the next admitted tick comes after."""
    if I[k, p.GAP] == p.AFTER_BREAK:
        return np.int64(ev.AFTER_SESSION)
    return np.int64(ev.AFTER_OUTAGE if I[k, p.GAP] == p.AFTER_OUTAGE else ev.NO_GAP)


@helper
def _built_from(tables, k, bar):
    """The timeframes of a symbol that are built from bars of `bar` seconds, as a mask: it and its multiples."""
    mask = np.int64(0)
    for j in range(tables.symbols[k].n_frames):
        duration = tables.frames[tables.symbols[k].frames + j]
        if duration == 0 or (bar * NS < p.DAY_NS and duration % (bar * NS) == 0):
            mask |= np.int64(1) << j
    return mask


@helper
def _ratio(S, I, tables, k, leg, time, price):
    """The price of a composite after an admitted tick of one leg; NaN until both have ticked since the last break."""
    own = source_of(tables, k, leg)
    other = source_of(tables, k, 3 - leg)
    S[k, own + p.SOURCE_LAST] = price
    begins = I[k, p.EXTENDED_OPEN]
    if time < begins:  # held since an earlier session
        begins = tables.sessions[session_at(tables, k, time), hours_of(tables, k) + p.OPENS]
    I[k, own + p.SESSION] = begins
    theirs = I[k, other + p.SESSION]
    if theirs == 0:
        return np.nan
    if begins != theirs and not no_break_between(tables, k, min(begins, theirs), max(begins, theirs)):
        return np.nan
    first, second = (own, other) if leg == 1 else (other, own)
    return S[k, first + p.SOURCE_LAST] / S[k, second + p.SOURCE_LAST]


@njit(
    int64(
        *STATE, *EACH_TABLE, INT_2D, types.Array(int32, 2, "C"), INT_1D, int64, boolean,
        INT_2D, INT_1D, INT_2D, rows(TICK), int64, int64, *EACH_OUTPUT,
    ),
    cache=True,
    **FLAGS,
)  # fmt: skip
def step(
    S, R, I, symbols, frames, ops, rules, conditions, parts, sessions, pool, rings, clocks, feed, tape,
    resume, dirty, refused, ticks, first, room, used, events, values, bars, bar_values,
):  # fmt: skip
    """Offers `ticks[first:]` to the engine.

    It takes tables and output one by one: to take named tuples apart costs half a microsecond a call.

    Args:
        S, R, I: the state, its rings, and the state as int64; a row a symbol.
        symbols, frames, ops, rules, conditions, parts, sessions: the plan, `Tables`.
        pool, rings: rings of trade ids, and each symbol's rows in it.
        clocks, feed, tape: every feed's clock (ns, 0 when it has not been told), the feed that these ticks come
            from, and whether its tape makes its clock.
        resume, dirty: per symbol (and source), see above; 1 once its state changed.
        refused: counts per symbol (the last row: unknown ones) and reason.
        ticks, first: rows of `TICK`, and where to begin.
        room: most events (and closed bars) that one tick can make.
        used, events, values, bars, bar_values: what happened, `Output`.

    Returns:
        The number of ticks offered so far; fewer than there are when the output ran out of room.
    """
    tables = p.Tables(symbols, frames, ops, rules, conditions, parts, sessions)
    out = Output(used, events, values, bars, bar_values)
    for i in range(first, len(ticks)):
        if (
            out.used[EVENTS] + room > len(out.events)
            or (len(out.bars) and out.used[BARS] + room > len(out.bars))
            or out.used[POOL_USED] == len(pool)
        ):
            return i
        k = np.int64(ticks[i].symbol)
        time = ticks[i].time
        if not 0 < time < LATEST:
            refused[k, ev.TIME] += 1  # of an unknown symbol, too: its row is the last
            continue
        clock = clocks[feed]
        if tape and time > clock:
            clocks[feed] = time
        if k < 0:
            refused[len(refused) - 1, ev.UNKNOWN_SYMBOL] += 1
            continue
        leg = (ticks[i].flags & (FIRST_LEG | SECOND_LEG)) // FIRST_LEG
        source = source_of(tables, k, leg)
        if resume[k, leg] != RUNNING and skips(I, resume, k, leg, source, time):
            refused[k, ev.SEEN] += 1
            continue
        if not tape and clock and time > clock + AHEAD:
            refused[k, ev.AHEAD] += 1
            continue
        dirty[k] = 1
        if tape and I[k, p.NEXT_DUE] <= clock - CLOSE_AFTER:
            close_due(S, R, I, tables, k, clock - CLOSE_AFTER, np.bool_(True), out)
        if time > I[k, source + p.PLACE_TIME]:
            I[k, source + p.PLACE_TIME] = time
            I[k, source + p.PLACE_COUNT] = 1
        else:
            I[k, source + p.PLACE_COUNT] += 1
        price = ticks[i].price
        if not (price > 0.0 and price < np.inf):
            refused[k, ev.BAD_PRICE] += 1
            continue
        if not find_session(I, tables, k, time):
            close_due(S, R, I, tables, k, time, np.bool_(True), out)
            refused[k, ev.HOURS] += 1
            continue
        if ticks[i].id != NO_ID and seen(
            pool, rings, k, np.int64(ticks[i].exchange) * 4 + leg, of_its_day(ticks[i].id, time), out
        ):
            refused[k, ev.DUPLICATE] += 1
            continue
        if ticks[i].flags & NOT_LAST:
            refused[k, ev.CONDITION] += 1
            continue
        closed = I[k, p.HEADER + p.CLOSED_END * tables.symbols[k].n_frames]
        if time < closed and not ticks[i].flags & HISTORY:
            refused[k, ev.LATE] += 1
            continue
        size = ticks[i].size
        if not (size >= 0.0 and size < np.inf):
            size = 0.0
        gap = _gap(I, k)
        mask = np.int64(-1)
        if ticks[i].bar:
            mask = _built_from(tables, k, np.int64(ticks[i].bar))
            refused[k, ev.JUMP] += I[k, source + p.HELD]
            I[k, source + p.HELD] = 0
        else:
            held, dropped = held_back(S, I, k, source, time, price, size, tables.symbols[k].max_jump)
            refused[k, ev.JUMP] += dropped
            if held:
                continue
        for h in range(I[k, source + p.HELD] + 1):  # those held back before it, then the tick itself
            own = h == I[k, source + p.HELD]
            own_time = time if own else I[k, source + p.HELD_TIME + h]
            own_price = price if own else S[k, source + p.HELD_PRICE + h]
            own_size = size if own else S[k, source + p.HELD_SIZE + h]
            if leg:
                own_price, own_size = _ratio(S, I, tables, k, np.int64(leg), own_time, own_price), 0.0
                if np.isnan(own_price):
                    continue
            _take(S, R, I, tables, k, own_time, own_price, own_size, mask, gap, out)
            if own_time >= I[k, p.EXTENDED_OPEN]:  # one held since before the break does not end it
                I[k, p.GAP] = p.WITHIN
        I[k, source + p.HELD] = 0
    return len(ticks)

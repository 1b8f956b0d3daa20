"""The kernels that the engine calls, walking the plan's tables: ticks, time, history.

Nothing here allocates or raises.
"""

import numpy as np
from numba import boolean, int32, int64, njit, types, void

from tapewatch.engine import events as ev
from tapewatch.engine import plan as p
from tapewatch.engine.admission import (
    RUNNING,
    enter_session,
    find_session,
    held_back,
    seen,
    session_at,
    skips,
)
from tapewatch.engine.bars import close_due, form
from tapewatch.engine.jit import (
    BARS,
    EVENTS,
    FLAGS,
    INT_1D,
    INT_2D,
    OUTPUT,
    PLAN,
    POOL_USED,
    STATE,
    hot,
    rows,
)
from tapewatch.engine.rules import check_ticks
from tapewatch.market.ticks import FROM_BAR, NO_ID, NOT_LAST, NS, TICK

CLOSE_AFTER = 2 * NS
"""The clock closes a bar this long after its end."""
LATEST = 7_258_118_400 * NS
"""The year 2200: no tick comes from later, and no clock goes there."""
AHEAD = 5 * NS
"""A tick further ahead of a wall clock is refused."""

# Below, np.int64(…) and np.bool_(…) give what is handed on the same type everywhere: numba compiles a helper anew
# for every type it meets, and a literal True is one of its own.


@hot
def _take(
    S, R, I, symbols, frames, ops, rules, sessions, k, time, price, size, mask, after_break,
    out, events, values, bars, bar_values,
):  # fmt: skip
    """An admitted tick: bars that it closes, the bars it is in, the rules."""
    if time >= I[k, p.NEXT_END]:
        close_due(
            S, R, I, symbols, frames, ops, rules, k, time, np.bool_(True), out,
            events, values, bars, bar_values,
        )  # fmt: skip
    session = I[k, p.EXTENDED_OPEN]
    stray = time < session  # held since an earlier session, whose hours are its own
    if stray:
        enter_session(I, symbols, sessions, k, session_at(symbols, sessions, k, time))
    regular = I[k, p.OPEN] <= time < I[k, p.CLOSE]
    if regular:
        form(S, I, symbols, frames, ops, k, time, price, size, mask)
    S[k, p.LAST] = price
    gap = after_break and not stray
    check_ticks(S, I, symbols, rules, k, time, price, regular, gap, out, events, values)
    if stray:
        enter_session(I, symbols, sessions, k, session_at(symbols, sessions, k, session))


@njit(
    int64(
        *STATE, INT_2D, types.Array(int32, 2, "C"), *PLAN, INT_1D, int64, boolean,
        INT_1D, INT_1D, INT_2D, rows(TICK), int64, int64, *OUTPUT,
    ),
    cache=True,
    **FLAGS,
)  # fmt: skip
def step(
    S, R, I, pool, rings, symbols, frames, ops, rules, sessions, clocks, feed, tape,
    resume, dirty, refused, ticks, first, room, out, events, values, bars, bar_values,
):  # fmt: skip
    """Offers `ticks[first:]` to the engine.

    Args:
        S, R, I: the state, its rings, and the state as int64; a row a symbol.
        pool, rings: rings of trade ids, and each symbol's rows in it.
        symbols, frames, ops, rules, sessions: the plan.
        clocks, feed, tape: every feed's clock (ns, 0 when it has not been told), the feed that these ticks come
            from, and whether its tape makes its clock.
        resume, dirty: per symbol, see above; 1 once its state changed.
        refused: counts per symbol (the last row: unknown ones) and reason.
        ticks, first: rows of `TICK`, and where to begin.
        room: most events (and closed bars) that one tick can make.
        out, events, values, bars, bar_values: what happened.

    Returns:
        The number of ticks offered so far; fewer than there are when the output ran out of room.
    """
    for i in range(first, len(ticks)):
        if (
            out[EVENTS] + room > len(events)
            or (len(bars) and out[BARS] + room > len(bars))
            or out[POOL_USED] == len(pool)
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
        if resume[k] != RUNNING and skips(I, resume, k, time):
            refused[k, ev.SEEN] += 1
            continue
        if not tape and clock and time > clock + AHEAD:
            refused[k, ev.AHEAD] += 1
            continue
        dirty[k] = 1
        if tape and I[k, p.NEXT_END] <= clock - CLOSE_AFTER:
            close_due(
                S, R, I, symbols, frames, ops, rules, k, clock - CLOSE_AFTER, np.bool_(True),
                out, events, values, bars, bar_values,
            )  # fmt: skip
        if time > I[k, p.PLACE_TIME]:
            I[k, p.PLACE_TIME] = time
            I[k, p.PLACE_COUNT] = 1
        else:
            I[k, p.PLACE_COUNT] += 1
        price = ticks[i].price
        if not (price > 0.0 and price < np.inf):
            refused[k, ev.BAD_PRICE] += 1
            continue
        if not find_session(I, symbols, sessions, k, time):
            close_due(
                S, R, I, symbols, frames, ops, rules, k, time, np.bool_(True),
                out, events, values, bars, bar_values,
            )  # fmt: skip
            refused[k, ev.HOURS] += 1
            continue
        if ticks[i].id != NO_ID and seen(pool, rings, k, ticks[i].exchange, ticks[i].id, out):
            refused[k, ev.DUPLICATE] += 1
            continue
        if ticks[i].flags & NOT_LAST:
            refused[k, ev.CONDITION] += 1
            continue
        if time < I[k, p.HEADER + p.CLOSED_END * symbols[k].n_frames]:
            refused[k, ev.LATE] += 1
            continue
        size = ticks[i].size
        if not (size >= 0.0 and size < np.inf):
            size = 0.0
        after_break = I[k, p.GAP] == p.AFTER_BREAK
        if ticks[i].flags & FROM_BAR:
            refused[k, ev.JUMP] += I[k, p.HELD]
            I[k, p.HELD] = 0
        else:
            held, dropped = held_back(S, I, k, time, price, size, symbols[k].max_jump)
            refused[k, ev.JUMP] += dropped
            if held:
                continue
        for h in range(I[k, p.HELD] + 1):  # those held back before it, then the tick itself
            own = h == I[k, p.HELD]
            _take(
                S, R, I, symbols, frames, ops, rules, sessions, k,
                time if own else I[k, p.HELD_TIME + h],
                price if own else S[k, p.HELD_PRICE + h],
                size if own else S[k, p.HELD_SIZE + h],
                ticks[i].frames, after_break, out, events, values, bars, bar_values,
            )  # fmt: skip
        I[k, p.HELD] = 0
        I[k, p.GAP] = p.WITHIN
    return len(ticks)


@njit(
    int64(
        *STATE, *PLAN, int64, INT_1D, INT_1D, int64, int64, *OUTPUT
    ),
    cache=True,
    **FLAGS,
)  # fmt: skip
def advance(
    S, R, I, symbols, frames, ops, rules, sessions, now, members, dirty, first, room,
    out, events, values, bars, bar_values,
):  # fmt: skip
    """Closes, for the symbols `members[first:]`, every bar whose end is 2 s or more before `now`."""
    due = now - CLOSE_AFTER
    for m in range(first, len(members)):
        k = members[m]
        if I[k, p.NEXT_END] > due:
            continue
        if out[EVENTS] + room > len(events) or (len(bars) and out[BARS] + room > len(bars)):
            return m
        close_due(
            S, R, I, symbols, frames, ops, rules, k, due, np.bool_(True), out,
            events, values, bars, bar_values,
        )  # fmt: skip
        dirty[k] = 1
    return len(members)


@njit(void(*STATE, *PLAN, int64, rows(TICK), int64, *OUTPUT), cache=True, **FLAGS)
def warm(
    S, R, I, symbols, frames, ops, rules, sessions, k, ticks, until, out, events, values, bars, bar_values
):  # fmt: skip
    """History of symbol `k` up to `until` (ns): bars and indicators alone; fires nothing, sets no side."""
    for i in range(len(ticks)):
        time = ticks[i].time
        if not find_session(I, symbols, sessions, k, time):
            continue
        close_due(
            S, R, I, symbols, frames, ops, rules, k, time, np.bool_(False), out,
            events, values, bars, bar_values,
        )  # fmt: skip
        if I[k, p.OPEN] <= time < I[k, p.CLOSE]:
            form(S, I, symbols, frames, ops, k, time, ticks[i].price, ticks[i].size, ticks[i].frames)
            S[k, p.LAST] = ticks[i].price
    close_due(
        S, R, I, symbols, frames, ops, rules, k, until, np.bool_(False), out, events, values, bars, bar_values
    )

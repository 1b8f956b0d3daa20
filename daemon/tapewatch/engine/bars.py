"""Bars and indicators inside the kernels: open, form, close."""

import numpy as np

from tapewatch.engine import arithmetic as math
from tapewatch.engine import plan as p
from tapewatch.engine.changes import change, keep_minute, open_minute
from tapewatch.engine.conditions import check_on_close, diverge, fire_timer, take_sides_anew
from tapewatch.engine.jit import BARS, helper, hot
from tapewatch.engine.rules import confirm
from tapewatch.market.ticks import NS

CLOSE_AFTER = 2 * NS
"""The clock closes a bar this long after its end."""


@hot
def form(S, R, I, tables, k, time, price, size, mask):
    """The tick into the forming bar of every timeframe of `mask`, and the provisional values."""
    symbol = tables.symbols[k]
    nf = np.int64(symbol.n_frames)  # see kernels.py
    formed = 0
    for j in range(nf):
        if not (mask >> j) & 1:
            continue
        base = p.HEADER + j
        if I[k, base + p.END * nf] <= I[k, base + p.CLOSED_END * nf] and not _open_bar(
            S, R, I, tables, k, j, time, price
        ):
            continue
        if price > S[k, base + p.BAR_HIGH * nf]:
            S[k, base + p.BAR_HIGH * nf] = price
        if price < S[k, base + p.BAR_LOW * nf]:
            S[k, base + p.BAR_LOW * nf] = price
        S[k, base + p.BAR_CLOSE * nf] = price
        S[k, base + p.VOLUME * nf] += size
        formed |= 1 << j
    if symbol.day >= 0 and (formed >> symbol.day) & 1:
        S[k, p.TURNOVER] += price * size
    j = np.int64(0)
    while j < nf:  # as a rule all timeframes in one go
        upto = nf if formed == (1 << nf) - 1 else j + 1
        if (formed >> j) & 1:
            _provisional(S, I, tables, k, j, upto, price)
        j = upto


@hot
def _provisional(S, I, tables, k, first, upto, price):
    """Every indicator of the timeframes from `first` up to `upto`, with `price` as the close."""
    ops = tables.ops
    nf = tables.symbols[k].n_frames
    counts = p.HEADER + p.COUNT * nf
    previous = p.HEADER + p.PREVIOUS * nf
    for o in range(tables.symbols[k].ops, tables.symbols[k].ops_end):
        kind = ops[o].kind
        s = ops[o].state
        v = ops[o].value
        p1 = ops[o].p1
        a1 = ops[o].a1
        if kind == p.SMA:
            for j in range(first, upto):
                S[k, v + j] = math.sma(S[k, s + j], price, I[k, counts + j], p1)
        elif kind == p.EMA:
            for j in range(first, upto):
                _, S[k, v + j] = math.ema(S[k, s + j], price, I[k, counts + j], p1, a1)
        elif kind == p.RSI:
            for j in range(first, upto):
                _, _, S[k, v + j] = math.rsi(
                    S[k, s + j], S[k, s + nf + j], S[k, previous + j], price, I[k, counts + j], p1, a1
                )
        elif kind == p.MACD:
            p2, p3, a2, a3 = ops[o].p2, ops[o].p3, ops[o].a2, ops[o].a3
            for j in range(first, upto):
                _, _, _, S[k, v + j], S[k, v + nf + j], S[k, v + 2 * nf + j] = math.macd(
                    S[k, s + j], S[k, s + nf + j], S[k, s + 2 * nf + j], price, I[k, counts + j],
                    p1, p2, p3, a1, a2, a3,
                )  # fmt: skip
        else:
            _provisional_others(S, I, tables, k, o, first, upto, price)


@helper
def _provisional_others(S, I, tables, k, o, first, upto, price):
    """The same for one of the less usual indicators."""
    op = tables.ops[o]
    s, v = op.state, op.value
    nf = tables.symbols[k].n_frames
    counts = p.HEADER + p.COUNT * nf
    if op.kind == p.CHANGE:
        if first == 0:
            S[k, v] = change(S[k, s], price)
        return
    for j in range(first, upto):
        n = I[k, counts + j]
        if op.kind == p.ATR:
            high, low = S[k, p.HEADER + p.BAR_HIGH * nf + j], S[k, p.HEADER + p.BAR_LOW * nf + j]
            previous = S[k, p.HEADER + p.PREVIOUS * nf + j]
            _, S[k, v + j] = math.atr(S[k, s + j], previous, high, low, n, op.p1, op.a1)
        elif op.kind == p.BB:
            S[k, v + j], S[k, v + nf + j], S[k, v + 2 * nf + j] = math.bollinger(
                S[k, s + j], S[k, s + nf + j], S[k, s + 2 * nf + j], price, n, op.p1, op.a2
            )
        elif op.kind == p.ROC:
            S[k, v + j] = math.roc(S[k, s + j], price, n, op.p1)
        else:
            S[k, v + j] = _vwap(S, tables, k)


@hot
def _vwap(S, tables, k):
    """The session's volume-weighted average price; NaN before its first size."""
    symbol = tables.symbols[k]
    return S[k, p.TURNOVER] / S[k, p.HEADER + p.VOLUME * symbol.n_frames + symbol.day]


@helper
def _open_bar(S, R, I, tables, k, j, time, price):
    """Opens the bar of timeframe `j` that holds `time`; returns whether it may: a closed bar never opens again."""
    nf = tables.symbols[k].n_frames
    base = p.HEADER + j
    session = I[k, p.OPEN]
    close = I[k, p.CLOSE]
    if time < I[k, base + p.CLOSED_END * nf]:
        return False
    duration = tables.frames[tables.symbols[k].frames + j]
    if duration == 0:
        start, end = session, close
        S[k, p.TURNOVER] = 0.0
        take_sides_anew(S, I, tables, k, np.int64(p.OF_SESSION))
    else:
        start = session + (time - session) // duration * duration
        end = min(start + duration, close)
    I[k, base + p.START * nf] = start
    I[k, base + p.END * nf] = end
    S[k, base + p.BAR_OPEN * nf] = price
    S[k, base + p.BAR_HIGH * nf] = price
    S[k, base + p.BAR_LOW * nf] = price
    S[k, base + p.VOLUME * nf] = 0.0
    I[k, p.BAR_SESSION] = session
    I[k, p.NEXT_DUE] = min(I[k, p.NEXT_DUE], end)
    if j == 0:
        open_minute(S, R, I, tables, k, start, session)
    return True


@helper
def close_due(S, R, I, tables, k, time, fire, out):
    """Does all that is due at or before `time`, the earliest first: bars close, the shorter timeframe first; then
    what waited for the official daily bar is checked, and timers run out.
    """
    symbol = tables.symbols[k]
    nf = np.int64(symbol.n_frames)
    ends = p.HEADER + p.END * nf
    closed = p.HEADER + p.CLOSED_END * nf
    while I[k, p.NEXT_DUE] <= time:
        due = I[k, p.NEXT_DUE]
        following = p.NEVER
        for j in range(nf):
            end = I[k, ends + j]
            if end > I[k, closed + j]:
                if end == due:
                    _close_bar(S, R, I, tables, k, j, fire, out)
                elif end < following:
                    following = end
        if I[k, p.SETTLE_DUE] == due:
            check_settled(S, R, I, tables, k, fire, out)
        elif 0 < I[k, p.SETTLE_DUE] < following:
            following = I[k, p.SETTLE_DUE]
        if symbol.timers:
            for r in range(symbol.rules, symbol.rules_end):
                c = tables.rules[r].condition
                if c < 0 or tables.conditions[c].timer < 0:
                    continue
                if I[k, tables.conditions[c].timer] == due:
                    fire_timer(S, I, tables, k, r, out)
                elif 0 < I[k, tables.conditions[c].timer] < following:
                    following = I[k, tables.conditions[c].timer]
        I[k, p.NEXT_DUE] = following


@hot
def _close_bar(S, R, I, tables, k, j, fire, out):
    """Closes the forming bar of timeframe `j`: indicators, rings, then what is checked on the close."""
    nf = tables.symbols[k].n_frames
    base = p.HEADER + j
    waits = j == tables.symbols[k].day and tables.symbols[k].settle_after > 0 and fire
    if waits:
        _remember(S, R, I, tables, k, j)
    close_values(S, R, I, tables, k, j)
    end = I[k, base + p.END * nf]
    I[k, base + p.CLOSED_END * nf] = end
    hand_out(S, I, tables, k, j, out)
    if waits:
        I[k, p.SETTLE_DUE] = end + tables.symbols[k].settle_after * NS
    else:
        _check_close(S, R, I, tables, k, j, fire, out)


@helper
def hand_out(S, I, tables, k, j, out):
    """The bar of timeframe `j` that has closed, with its values, to whoever wants to know."""
    if len(out.bars) == 0:
        return
    nf = tables.symbols[k].n_frames
    base = p.HEADER + j
    row = out.used[BARS]
    out.used[BARS] = row + 1
    bar = out.bars[row]
    bar.symbol = k
    bar.frame = j
    bar.start = I[k, base + p.START * nf]
    bar.end = I[k, base + p.END * nf]
    bar.open = S[k, base + p.BAR_OPEN * nf]
    bar.high = S[k, base + p.BAR_HIGH * nf]
    bar.low = S[k, base + p.BAR_LOW * nf]
    bar.close = S[k, base + p.BAR_CLOSE * nf]
    bar.volume = S[k, base + p.VOLUME * nf]
    first = tables.symbols[k].values + j
    for i in range(tables.symbols[k].n_wide // nf):
        out.bar_values[row, i] = S[k, first + i * nf]


@hot
def close_values(S, R, I, tables, k, j):
    """The close of the bar of timeframe `j`, whose prices stand in the row, as the indicators and rings take it."""
    nf = tables.symbols[k].n_frames
    base = p.HEADER + j
    close = S[k, base + p.BAR_CLOSE * nf]
    n = I[k, base + p.COUNT * nf]
    _confirmed(S, I, tables, k, j, close)
    _push_close(S, R, tables, k, j, n, close)
    if j == 0:
        keep_minute(S, R, I, tables, k, I[k, base + p.START * nf], close)
    S[k, base + p.PREVIOUS * nf] = close
    I[k, base + p.COUNT * nf] = n + 1
    I[k, p.GENERATION] += 1


@hot
def _check_close(S, R, I, tables, k, j, fire, out):
    """What is checked on the close of timeframe `j`."""
    rules = tables.rules
    for r in range(tables.symbols[k].rules, tables.symbols[k].rules_end):
        if rules[r].frame != j:
            continue
        if rules[r].kind != p.CONDITION:
            confirm(S, I, tables, k, r, out)
        elif tables.conditions[rules[r].condition].kind == p.DIVERGENCE:
            diverge(S, R, I, tables, k, r, fire, out)
        else:
            check_on_close(S, I, tables, k, r, fire, out)


@helper
def check_settled(S, R, I, tables, k, fire, out):
    """What is checked on the daily close, once the official bar has come or is not waited for any longer."""
    I[k, p.SETTLE_DUE] = 0
    _check_close(S, R, I, tables, k, np.int64(tables.symbols[k].day), fire, out)


@helper
def _remember(S, R, I, tables, k, j):
    """What the close of timeframe `j` is going to change, so that `take_back` can undo it."""
    u = np.int64(tables.symbols[k].undo)
    nf = tables.symbols[k].n_frames
    ring = tables.symbols[k].ring
    n = I[k, p.HEADER + p.COUNT * nf + j]
    I[k, u] = n + 1  # which close it is good for
    S[k, u + 1] = S[k, p.HEADER + p.PREVIOUS * nf + j]
    S[k, u + 2] = R[k, j * ring + n % ring]
    u += 3
    for o in range(tables.symbols[k].ops, tables.symbols[k].ops_end):
        for field in range(_fields(tables.ops[o].kind)):
            S[k, u] = S[k, tables.ops[o].state + field * nf + j]
            u += 1


@helper
def take_back(S, R, I, tables, k, j):
    """The state before the last close of timeframe `j`."""
    u = np.int64(tables.symbols[k].undo)
    nf = tables.symbols[k].n_frames
    ring = tables.symbols[k].ring
    n = I[k, u] - 1
    I[k, p.HEADER + p.COUNT * nf + j] = n
    S[k, p.HEADER + p.PREVIOUS * nf + j] = S[k, u + 1]
    R[k, j * ring + n % ring] = S[k, u + 2]
    u += 3
    for o in range(tables.symbols[k].ops, tables.symbols[k].ops_end):
        for field in range(_fields(tables.ops[o].kind)):
            S[k, tables.ops[o].state + field * nf + j] = S[k, u]
            u += 1


@hot
def _fields(kind):
    """Fields of state that an indicator keeps per timeframe, as `plan.OP_STATE`."""
    if kind == p.MACD or kind == p.BB:
        return 3
    if kind == p.RSI:
        return 2
    return 0 if kind == p.VWAP or kind == p.CHANGE else 1


@hot
def _confirmed(S, I, tables, k, j, close):
    """Every indicator of timeframe `j` at the close of its bar: the values, and the state that is kept."""
    nf = tables.symbols[k].n_frames
    base = p.HEADER + j
    n = I[k, base + p.COUNT * nf]
    for o in range(tables.symbols[k].ops, tables.symbols[k].ops_end):
        op = tables.ops[o]
        s = op.state + j
        v = op.value + j
        previous = S[k, base + p.PREVIOUS * nf]
        if op.kind == p.SMA:
            S[k, v] = math.sma(S[k, s], close, n, op.p1)
        elif op.kind == p.EMA:
            S[k, s], S[k, v] = math.ema(S[k, s], close, n, op.p1, op.a1)
        elif op.kind == p.RSI:
            S[k, s], S[k, s + nf], S[k, v] = math.rsi(S[k, s], S[k, s + nf], previous, close, n, op.p1, op.a1)
        elif op.kind == p.MACD:
            S[k, s], S[k, s + nf], S[k, s + 2 * nf], S[k, v], S[k, v + nf], S[k, v + 2 * nf] = math.macd(
                S[k, s], S[k, s + nf], S[k, s + 2 * nf], close, n, op.p1, op.p2, op.p3, op.a1, op.a2, op.a3
            )
        elif op.kind == p.ATR:
            high, low = S[k, base + p.BAR_HIGH * nf], S[k, base + p.BAR_LOW * nf]
            S[k, s], S[k, v] = math.atr(S[k, s], previous, high, low, n, op.p1, op.a1)
        elif op.kind == p.BB:
            S[k, v], S[k, v + nf], S[k, v + 2 * nf] = math.bollinger(
                S[k, s], S[k, s + nf], S[k, s + 2 * nf], close, n, op.p1, op.a2
            )
        elif op.kind == p.ROC:
            S[k, v] = math.roc(S[k, s], close, n, op.p1)
        elif op.kind == p.VWAP:
            S[k, v] = _vwap(S, tables, k)


@hot
def _push_close(S, R, tables, k, j, n, close):
    """The `n`-th close into the ring of timeframe `j`, and what is kept of the ring beside it."""
    ops = tables.ops
    nf = tables.symbols[k].n_frames
    ring = tables.symbols[k].ring
    first = j * ring
    slot = n % ring
    for o in range(tables.symbols[k].ops, tables.symbols[k].ops_end):
        kept = ops[o].p1 - 1
        s = ops[o].state + j
        if ops[o].kind == p.SMA and kept > 0:
            S[k, s] += close
            if n >= kept:
                S[k, s] -= R[k, first + (n - kept) % ring]
        elif ops[o].kind == p.BB:
            if n == 0:
                S[k, s + 2 * nf] = close
            new = close - S[k, s + 2 * nf]
            S[k, s] += new
            S[k, s + nf] += new * new
            if n >= kept:
                old = R[k, first + (n - kept) % ring] - S[k, s + 2 * nf]
                S[k, s] -= old
                S[k, s + nf] -= old * old
    R[k, first + slot] = close
    for o in range(tables.symbols[k].ops, tables.symbols[k].ops_end):
        if ops[o].kind == p.ROC and n + 1 >= ops[o].p1:
            S[k, ops[o].state + j] = R[k, first + (n + 1 - ops[o].p1) % ring]
        elif (ops[o].kind == p.SMA or ops[o].kind == p.BB) and (n + 1) % ops[o].p1 == 0:
            _sum_anew(S, R, tables, k, j, o, n, close)


@helper
def _sum_anew(S, R, tables, k, j, o, n, close):
    """What an average keeps of the last closes, the `n`-th included, added up anew: rounding does not build up."""
    nf = tables.symbols[k].n_frames
    ring = tables.symbols[k].ring
    s = tables.ops[o].state + j
    total = 0.0
    squares = 0.0
    anchor = close if tables.ops[o].kind == p.BB else 0.0
    for i in range(n + 2 - tables.ops[o].p1, n + 1):
        x = R[k, j * ring + i % ring] - anchor
        total += x
        squares += x * x
    S[k, s] = total
    if tables.ops[o].kind == p.BB:
        S[k, s + nf], S[k, s + 2 * nf] = squares, anchor


@helper
def turn_session(S, I, tables, k):
    """The session has begun that the row is in: the one that closed last is the previous one from now on."""
    I[k, p.PREVIOUS_OF] = I[k, p.EXTENDED_OPEN]
    day = tables.symbols[k].day
    nf = tables.symbols[k].n_frames
    if day >= 0 and I[k, p.HEADER + p.COUNT * nf + day] > 0:
        S[k, p.PREVIOUS_HIGH] = S[k, p.HEADER + p.BAR_HIGH * nf + day]
        S[k, p.PREVIOUS_LOW] = S[k, p.HEADER + p.BAR_LOW * nf + day]
        S[k, p.PREVIOUS_CLOSE] = S[k, p.HEADER + p.BAR_CLOSE * nf + day]
    take_sides_anew(S, I, tables, k, np.int64(p.OF_PREVIOUS))

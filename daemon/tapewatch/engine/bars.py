"""Bars and indicators inside the kernels: open, form, close."""

import numpy as np

from tapewatch.engine import arithmetic as math
from tapewatch.engine import plan as p
from tapewatch.engine.jit import BARS, NEVER, helper, hot
from tapewatch.engine.rules import confirm, cross_values, diverge


@hot
def form(S, I, symbols, frames, ops, k, time, price, size, mask):
    """The tick into the forming bar of every timeframe of `mask`, and the provisional values."""
    nf = symbols[k].n_frames
    formed = 0
    for j in range(nf):
        if not (mask >> j) & 1:
            continue
        base = p.HEADER + j
        if I[k, base + p.END * nf] <= I[k, base + p.CLOSED_END * nf] and not _open_bar(
            S, I, symbols, frames, k, j, time, price
        ):
            continue
        if price > S[k, base + p.BAR_HIGH * nf]:
            S[k, base + p.BAR_HIGH * nf] = price
        if price < S[k, base + p.BAR_LOW * nf]:
            S[k, base + p.BAR_LOW * nf] = price
        S[k, base + p.BAR_CLOSE * nf] = price
        S[k, base + p.VOLUME * nf] += size
        formed |= 1 << j
    j = np.int64(0)  # see kernels.py
    while j < nf:  # as a rule all timeframes in one go
        upto = nf if formed == (1 << nf) - 1 else j + 1
        if (formed >> j) & 1:
            _provisional(S, I, symbols, ops, k, j, upto, price)
        j = upto


@hot
def _provisional(S, I, symbols, ops, k, first, upto, price):
    """Every indicator of the timeframes from `first` up to `upto`, with `price` as the close."""
    nf = symbols[k].n_frames
    counts = p.HEADER + p.COUNT * nf
    previous = p.HEADER + p.PREVIOUS * nf
    highs = p.HEADER + p.BAR_HIGH * nf
    lows = p.HEADER + p.BAR_LOW * nf
    for o in range(symbols[k].ops, symbols[k].ops_end):
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
        elif kind == p.ATR:
            for j in range(first, upto):
                _, S[k, v + j] = math.atr(
                    S[k, s + j], S[k, previous + j], S[k, highs + j], S[k, lows + j], I[k, counts + j], p1, a1
                )
        else:
            p2, p3, a2, a3 = ops[o].p2, ops[o].p3, ops[o].a2, ops[o].a3
            for j in range(first, upto):
                _, _, _, S[k, v + j], S[k, v + nf + j], S[k, v + 2 * nf + j] = math.macd(
                    S[k, s + j], S[k, s + nf + j], S[k, s + 2 * nf + j], price, I[k, counts + j],
                    p1, p2, p3, a1, a2, a3,
                )  # fmt: skip


@helper
def _open_bar(S, I, symbols, frames, k, j, time, price):
    """Opens the bar of timeframe `j` that holds `time`; returns whether it may: a closed bar never opens again."""
    nf = symbols[k].n_frames
    base = p.HEADER + j
    session = I[k, p.OPEN]
    close = I[k, p.CLOSE]
    if time < I[k, base + p.CLOSED_END * nf]:
        return False
    duration = frames[symbols[k].frames + j]
    if duration == 0:
        start, end = session, close
    else:
        start = session + (time - session) // duration * duration
        end = min(start + duration, close)
    I[k, base + p.START * nf] = start
    I[k, base + p.END * nf] = end
    S[k, base + p.BAR_OPEN * nf] = price
    S[k, base + p.BAR_HIGH * nf] = price
    S[k, base + p.BAR_LOW * nf] = price
    S[k, base + p.VOLUME * nf] = 0.0
    I[k, p.NEXT_END] = min(I[k, p.NEXT_END], end)
    return True


@helper
def close_due(S, R, I, symbols, frames, ops, rules, k, time, fire, out, events, values, bars, bar_values):
    """Closes every forming bar that ends at or before `time`: the earliest end first, then the shorter timeframe."""
    nf = symbols[k].n_frames
    ends = p.HEADER + p.END * nf
    closed = p.HEADER + p.CLOSED_END * nf
    while I[k, p.NEXT_END] <= time:
        due = I[k, p.NEXT_END]
        following = NEVER
        for j in range(nf):
            end = I[k, ends + j]
            if end > I[k, closed + j]:
                if end == due:
                    _close_bar(
                        S,
                        R,
                        I,
                        symbols,
                        frames,
                        ops,
                        rules,
                        k,
                        j,
                        fire,
                        out,
                        events,
                        values,
                        bars,
                        bar_values,
                    )
                elif end < following:
                    following = end
        I[k, p.NEXT_END] = following


@helper
def _close_bar(S, R, I, symbols, frames, ops, rules, k, j, fire, out, events, values, bars, bar_values):
    """Closes the forming bar of timeframe `j`: indicators, rings, then what is checked on the close."""
    nf = symbols[k].n_frames
    base = p.HEADER + j
    close = S[k, base + p.BAR_CLOSE * nf]
    end = I[k, base + p.END * nf]
    n = I[k, base + p.COUNT * nf]
    _confirmed(S, I, symbols, ops, k, j, close)
    _push_close(S, R, symbols, ops, k, j, n, close)
    S[k, base + p.PREVIOUS * nf] = close
    I[k, base + p.COUNT * nf] = n + 1
    I[k, base + p.CLOSED_END * nf] = end
    I[k, p.GENERATION] += 1
    if len(bars) and fire:
        row = out[BARS]
        out[BARS] = row + 1
        bars[row].symbol = k
        bars[row].frame = j
        bars[row].start = I[k, base + p.START * nf]
        bars[row].end = end
        bars[row].open = S[k, base + p.BAR_OPEN * nf]
        bars[row].high = S[k, base + p.BAR_HIGH * nf]
        bars[row].low = S[k, base + p.BAR_LOW * nf]
        bars[row].close = close
        bars[row].volume = S[k, base + p.VOLUME * nf]
        first = symbols[k].values + j
        for i in range(symbols[k].n_values // nf):
            bar_values[row, i] = S[k, first + i * nf]
    for r in range(symbols[k].rules, symbols[k].rules_end):
        if rules[r].frame != j:
            continue
        kind = rules[r].kind
        if kind == p.VALUE_CROSS:
            cross_values(S, I, symbols, rules, k, r, close, end, fire, out, events, values)
        elif kind == p.DIVERGENCE:
            diverge(S, R, I, symbols, rules, k, r, end, fire, out, events, values)
        else:
            confirm(S, I, symbols, rules, k, r, close, end, out, events, values)


@helper
def _confirmed(S, I, symbols, ops, k, j, close):
    """Every indicator of timeframe `j` at the close of its bar: the values, and the state that is kept."""
    nf = symbols[k].n_frames
    base = p.HEADER + j
    n = I[k, base + p.COUNT * nf]
    for o in range(symbols[k].ops, symbols[k].ops_end):
        kind = ops[o].kind
        s = ops[o].state + j
        v = ops[o].value + j
        if kind == p.SMA:
            S[k, v] = math.sma(S[k, s], close, n, ops[o].p1)
        elif kind == p.EMA:
            S[k, s], S[k, v] = math.ema(S[k, s], close, n, ops[o].p1, ops[o].a1)
        elif kind == p.RSI:
            previous = S[k, base + p.PREVIOUS * nf]
            S[k, s], S[k, s + nf], S[k, v] = math.rsi(
                S[k, s], S[k, s + nf], previous, close, n, ops[o].p1, ops[o].a1
            )
        elif kind == p.ATR:
            previous = S[k, base + p.PREVIOUS * nf]
            high, low = S[k, base + p.BAR_HIGH * nf], S[k, base + p.BAR_LOW * nf]
            S[k, s], S[k, v] = math.atr(S[k, s], previous, high, low, n, ops[o].p1, ops[o].a1)
        else:
            S[k, s], S[k, s + nf], S[k, s + 2 * nf], S[k, v], S[k, v + nf], S[k, v + 2 * nf] = math.macd(
                S[k, s], S[k, s + nf], S[k, s + 2 * nf], close, n,
                ops[o].p1, ops[o].p2, ops[o].p3, ops[o].a1, ops[o].a2, ops[o].a3,
            )  # fmt: skip


@helper
def _push_close(S, R, symbols, ops, k, j, n, close):
    """The `n`-th close into the ring of timeframe `j`, and the sums that the SMAs keep of it."""
    ring = symbols[k].ring
    first = j * ring
    slot = n % ring
    for o in range(symbols[k].ops, symbols[k].ops_end):
        if ops[o].kind == p.SMA:
            kept = ops[o].p1 - 1
            s = ops[o].state + j
            if kept > 0:
                S[k, s] += close
                if n >= kept:
                    S[k, s] -= R[k, first + (n - kept) % ring]
    R[k, first + slot] = close
    if slot == ring - 1:  # once round: sum anew, so that rounding does not add up
        for o in range(symbols[k].ops, symbols[k].ops_end):
            if ops[o].kind == p.SMA:
                total = 0.0
                for i in range(ring - (ops[o].p1 - 1), ring):
                    total += R[k, first + i]
                S[k, ops[o].state + j] = total

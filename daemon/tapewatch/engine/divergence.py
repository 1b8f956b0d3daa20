"""Divergence inside the kernels: pivots of an oscillator, and what price and oscillator did between two of them.

Source: TradingView's built-in "RSI Divergence Indicator" (`ta.pivothigh(osc, 5, 5)`).
"""

import numpy as np

from tapewatch.engine import events as ev
from tapewatch.engine import plan as p
from tapewatch.engine.jit import helper, hot
from tapewatch.market.ticks import NS

SAME = 1e-9
"""Two values of an oscillator that differ by this part of themselves, or less, are level."""


@helper
def remember_bar(S, R, I, tables, k, r):
    """The bar that just closed, into the ring of the divergence; returns its number."""
    condition = tables.conditions[tables.rules[r].condition]
    nf = tables.symbols[k].n_frames
    base = p.HEADER + tables.rules[r].frame
    bar = I[k, base + p.COUNT * nf] - 1
    row = condition.ring + 4 * (bar % p.WINDOW)
    R[k, row] = S[k, condition.oscillator]
    R[k, row + 1] = S[k, base + p.BAR_HIGH * nf]
    R[k, row + 2] = S[k, base + p.BAR_LOW * nf]
    R[k, row + 3] = I[k, base + p.START * nf] // NS  # whole seconds fit a float64 exactly
    return bar


@helper
def is_pivot(R, k, ring, bar):
    """Whether the oscillator of a bar is a high (-1: bearish) or a low (+1) among the five on either side, or 0.

    A pivot is strictly beyond the five before it and at least level with the five after.
    """
    value = R[k, ring + 4 * (bar % p.WINDOW)]
    high = low = not np.isnan(value)
    for i in range(1, p.PIVOT_SPAN + 1):
        before = R[k, ring + 4 * ((bar - i) % p.WINDOW)]
        after = R[k, ring + 4 * ((bar + i) % p.WINDOW)]
        high = high and _over(value, before) and not _over(after, value)
        low = low and _over(before, value) and not _over(value, after)
    if high:
        return -1
    return 1 if low else 0


@hot
def _over(a, b):
    """Whether an oscillator at `a` is over one at `b`, and not by rounding alone: of a close that did not move it
    stays where it was. False where either has no value.
    """
    return a - b > SAME * max(abs(a), abs(b))


@helper
def divergence_of(S, I, condition, k, pivot, side, bar, price, value):
    """The type of the divergence between the last pivot of a side and bar number `bar`, or NOTHING.

    Args:
        condition: says which kind and which sides are asked for.
        pivot: offset of the last pivot.
        side: -1 for highs (bearish), 1 for lows.
        price: the later bar's high or low.
        value: its oscillator.
    """
    apart = bar - I[k, pivot]
    if I[k, pivot + 1] == 0 or not p.PIVOT_NEAREST <= apart <= p.PIVOT_FARTHEST:
        return ev.NOTHING
    if not condition.directions & (p.DOWN if side < 0 else p.UP):
        return ev.NOTHING
    further = (price - S[k, pivot + 2]) * -side  # higher than a high, lower than a low
    last = S[k, pivot + 3]
    stronger = _over(value, last) if side < 0 else _over(last, value)
    weaker = _over(last, value) if side < 0 else _over(value, last)
    if condition.hidden:
        if further < 0.0 and stronger:
            return ev.HIDDEN_BEARISH if side < 0 else ev.HIDDEN_BULLISH
    elif further > 0.0 and weaker:
        return ev.REGULAR_BEARISH if side < 0 else ev.REGULAR_BULLISH
    return ev.NOTHING


@helper
def take_pivot(S, I, k, pivot, bar, start, price, value):
    """The newest pivot of a side: the number of its bar, its start (s), price and oscillator."""
    I[k, pivot] = bar
    I[k, pivot + 1] = start
    S[k, pivot + 2] = price
    S[k, pivot + 3] = value

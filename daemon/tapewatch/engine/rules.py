"""The rules inside the kernels: what fires on a tick, and what on the close of a bar."""

import numpy as np
from numba import njit

from tapewatch.engine import events as ev
from tapewatch.engine import plan as p
from tapewatch.engine import triggers as tr
from tapewatch.engine.indicators import RANGE
from tapewatch.engine.jit import EVENTS, helper, hot
from tapewatch.engine.watch import NO_RANGE_BAND
from tapewatch.market.ticks import NS

RANGE_PERIOD = RANGE.periods[0]


@njit(inline="always")
def _fires(I, k, state, kind, time):
    """How many events of this type the rule fired at `time` before; counts this one.

    The last few event times are remembered, the newest first, for ticks that come out of order.
    """
    first = state + p.FIRED
    at = 0
    while at < p.FIRED_TIMES - 1 and I[k, first + 3 * at] != time:
        at += 1
    counts = I[k, first + 3 * at + 1], I[k, first + 3 * at + 2]
    if I[k, first + 3 * at] != time:
        counts = np.int64(0), np.int64(0)
    for i in range(at, 0, -1):
        for field in range(3):
            I[k, first + 3 * i + field] = I[k, first + 3 * (i - 1) + field]
    I[k, first], I[k, first + 1], I[k, first + 2] = time, counts[0], counts[1]
    word = first + 1 + ((kind >> 2) & 1)
    shift = 16 * (kind & 3)
    before = (I[k, word] >> shift) & 0xFFFF
    I[k, word] += np.int64(1) << shift
    return before


@helper
def _emit(S, I, symbols, k, rule, kind, time, price, direction, frame, out, events, values):
    """Writes an event with every value of the symbol; returns its index, for what only some events have."""
    n = out[EVENTS]
    out[EVENTS] = n + 1
    event = events[n]
    event.time = time
    event.symbol = k
    event.rule = rule
    event.type = kind
    event.before = 0
    event.price = price
    event.level = np.nan
    event.follows = ev.NOTHING
    event.follows_before = 0
    event.follows_time = 0
    event.direction = direction
    event.gap = 0
    event.extended = 0
    event.frame = frame
    for i in range(2):
        event.pivot_times[i] = 0
        event.pivot_prices[i] = 0.0
        event.pivot_values[i] = 0.0
    first = symbols[k].values
    n_values = symbols[k].n_values
    for i in range(n_values):
        values[n, i] = S[k, first + i]
    n_frames = symbols[k].n_frames
    counts = p.HEADER + p.COUNT * n_frames
    for j in range(n_frames):
        values[n, n_values + j] = I[k, counts + j]
    return n


@hot
def check_ticks(S, I, symbols, rules, k, time, price, regular, gap, out, events, values):
    """Every rule that is checked on ticks."""
    for r in range(symbols[k].rules, symbols[k].rules_end):
        kind = rules[r].kind
        s = rules[r].state
        level = np.nan
        event = ev.NOTHING
        if kind == p.ZONE:
            low, high = rules[r].low, rules[r].high
            band_low, band_high = rules[r].band_low, rules[r].band_high
            if rules[r].band == p.RANGES:
                band_low = min(_in_ranges(S, I, rules, k, r, low), (high - low) / 2)
                band_high = min(_in_ranges(S, I, rules, k, r, high), (high - low) / 2)
            I[k, s], event = tr.zone(I[k, s], price, low, high, band_low, band_high)
        elif kind == p.LEVEL or kind == p.PRICE_CROSS:
            band = rules[r].band_low
            level = rules[r].low
            if kind == p.PRICE_CROSS:
                level = S[k, rules[r].right]
                if np.isnan(level):
                    continue
                if rules[r].band == p.FRACTION:
                    band *= level
            if rules[r].band == p.RANGES:
                band = _in_ranges(S, I, rules, k, r, level)
            I[k, s], crossed = tr.trigger(I[k, s], price, level, band, price >= level)
            if crossed > 0 and rules[r].directions & p.UP:
                event = ev.CROSSED_UP
            elif crossed < 0 and rules[r].directions & p.DOWN:
                event = ev.CROSSED_DOWN
        if event == ev.NOTHING:
            continue
        before = _fires(I, k, s, event, time)
        up = event in (ev.CROSSED_UP, ev.ENTERED_FROM_BELOW, ev.BROKE_ABOVE, ev.REJECTED_UP, ev.JUMPED_UP)
        rule = r - symbols[k].rules
        n = _emit(S, I, symbols, k, rule, event, time, price, 1 if up else -1, -1, out, events, values)
        events[n].before = before
        events[n].level = level
        events[n].gap = gap
        events[n].extended = 1 if symbols[k].extended and not regular else 0
        if rules[r].frame >= 0 and regular and _is_forming(I, symbols, k, rules[r].frame):
            I[k, s + p.PENDING] = (before << 8) | (event + 1)
            I[k, s + p.PENDING_TIME] = time


@njit(inline="always")
def _in_ranges(S, I, rules, k, r, level):
    """A band in average true ranges of the last daily close; a part of the level until there is one."""
    if I[k, rules[r].range_count] <= RANGE_PERIOD:
        return level * NO_RANGE_BAND
    return rules[r].band_low * S[k, rules[r].range]


@njit(inline="always")
def _is_forming(I, symbols, k, j):
    """Whether a bar of timeframe `j` forms; a held tick may come when its bar has closed."""
    base = p.HEADER + j
    nf = symbols[k].n_frames
    return I[k, base + p.END * nf] > I[k, base + p.CLOSED_END * nf]


@helper
def confirm(S, I, symbols, rules, k, r, close, end, out, events, values):
    """Follows the last alert of the bar that closed with `confirmed` or `failed`."""
    s = rules[r].state
    pending = I[k, s + p.PENDING]
    if pending == 0:
        return
    I[k, s + p.PENDING] = 0
    kind = (pending & 255) - 1
    good = tr.holds(kind, close, rules[r].low, rules[r].high)
    if rules[r].kind == p.LEVEL:
        result = ev.LEVEL_CONFIRMED if good else ev.LEVEL_FAILED
    else:
        result = ev.ZONE_CONFIRMED if good else ev.ZONE_FAILED
    direction = (
        -1
        if kind in (ev.CROSSED_DOWN, ev.ENTERED_FROM_ABOVE, ev.BROKE_BELOW, ev.REJECTED_DOWN, ev.JUMPED_DOWN)
        else 1
    )
    rule = r - symbols[k].rules
    n = _emit(S, I, symbols, k, rule, result, end, close, direction, rules[r].frame, out, events, values)
    events[n].follows = kind
    events[n].follows_before = pending >> 8
    events[n].follows_time = I[k, s + p.PENDING_TIME]


@helper
def cross_values(S, I, symbols, rules, k, r, close, end, fire, out, events, values):
    """At a close: is the one value across the other, and was it not at the close before?"""
    left = S[k, rules[r].left]
    right = rules[r].low if rules[r].right < 0 else S[k, rules[r].right]
    if np.isnan(left) or np.isnan(right):
        return
    s = rules[r].state
    before = I[k, s + p.MEMORY]
    above = left >= right
    I[k, s + p.MEMORY] = tr.KNOWN | (tr.ABOVE if above else 0)
    if not before or ((before & tr.ABOVE) != 0) == above or not fire:
        return
    if rules[r].directions & (p.UP if above else p.DOWN):
        direction = 1 if above else -1
        rule = r - symbols[k].rules
        _emit(S, I, symbols, k, rule, ev.FIRED, end, close, direction, rules[r].frame, out, events, values)


@helper
def diverge(S, R, I, symbols, rules, k, r, end, fire, out, events, values):
    """At a close: the bar five back may now be known as a pivot of the oscillator.

    A pivot is strictly beyond the five before it and at least level with the five after.
    Source: TradingView's built-in "RSI Divergence Indicator" (`ta.pivothigh(osc, 5, 5)`).
    """
    nf = symbols[k].n_frames
    base = p.HEADER + rules[r].frame
    bar = I[k, base + p.COUNT * nf] - 1  # the number of the bar that just closed
    ring = rules[r].ring
    row = ring + 4 * (bar % p.WINDOW)
    R[k, row] = S[k, rules[r].left]
    R[k, row + 1] = S[k, base + p.BAR_HIGH * nf]
    R[k, row + 2] = S[k, base + p.BAR_LOW * nf]
    R[k, row + 3] = I[k, base + p.START * nf] // NS  # whole seconds fit a float64 exactly
    if bar < p.WINDOW - 1:
        return
    middle = bar - p.PIVOT_SPAN
    at = ring + 4 * (middle % p.WINDOW)
    value = R[k, at]
    high = low = not np.isnan(value)
    for i in range(1, p.PIVOT_SPAN + 1):
        before = R[k, ring + 4 * ((middle - i) % p.WINDOW)]
        after = R[k, ring + 4 * ((middle + i) % p.WINDOW)]
        high = high and value > before and value >= after
        low = low and value < before and value <= after
    close = S[k, base + p.BAR_CLOSE * nf]
    if high or low:
        side = -1 if high else 1
        _compare_pivot(S, R, I, symbols, rules, k, r, middle, at, side, close, end, fire, out, events, values)


@helper
def _compare_pivot(S, R, I, symbols, rules, k, r, bar, row, side, close, end, fire, out, events, values):
    """Takes the bar in `row` of the ring as the newest pivot; fires if it diverges from the one before."""
    s = rules[r].state + (p.HIGH_PIVOT if side < 0 else p.LOW_PIVOT)
    price = R[k, row + (1 if side < 0 else 2)]
    value = R[k, row]
    start = np.int64(R[k, row + 3])
    apart = bar - I[k, s]
    if I[k, s + 1] != 0 and p.PIVOT_NEAREST <= apart <= p.PIVOT_FARTHEST and fire:
        past_price, past_value = S[k, s + 2], S[k, s + 3]
        diverges = (price - past_price) * side < 0.0 < (value - past_value) * side
        if diverges and rules[r].directions & (p.DOWN if side < 0 else p.UP):
            kind = ev.REGULAR_BEARISH if side < 0 else ev.REGULAR_BULLISH
            rule = r - symbols[k].rules
            n = _emit(S, I, symbols, k, rule, kind, end, close, side, rules[r].frame, out, events, values)
            events[n].pivot_times[0] = I[k, s + 1] * NS
            events[n].pivot_times[1] = start * NS
            events[n].pivot_prices[0] = past_price
            events[n].pivot_prices[1] = price
            events[n].pivot_values[0] = past_value
            events[n].pivot_values[1] = value
    I[k, s] = bar
    I[k, s + 1] = start
    S[k, s + 2] = price
    S[k, s + 3] = value

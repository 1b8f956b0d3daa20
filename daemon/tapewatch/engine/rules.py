"""Levels and zones inside the kernels: what fires on a tick, what confirms it at a close, how events are made."""

import numpy as np

from tapewatch.engine import events as ev
from tapewatch.engine import plan as p
from tapewatch.engine import triggers as tr
from tapewatch.engine.indicators import RANGE
from tapewatch.engine.jit import EVENTS, helper, hot
from tapewatch.engine.watch import NO_RANGE_BAND
from tapewatch.market.ticks import NS

RANGE_PERIOD = RANGE.periods[0]
BAR_WIDTH = len(ev.BAR_VALUES)


@hot
def _is_forming(I, tables, k, j):
    """Whether a bar of timeframe `j` forms; a held tick may come when its bar has closed."""
    base = p.HEADER + j
    nf = tables.symbols[k].n_frames
    return I[k, base + p.END * nf] > I[k, base + p.CLOSED_END * nf]


@helper
def _bars_as_they_are(S, I, tables, k, r, values, n):
    """What the rule's band is measured in, and the bars of all timeframes, into row `n` of the values."""
    symbol = tables.symbols[k]
    nf = symbol.n_frames
    at = symbol.n_values + nf
    values[n, at] = np.nan
    rule = tables.rules[r]
    if rule.band == p.RANGES and I[k, rule.range_count] > RANGE_PERIOD:
        values[n, at] = S[k, rule.range]
    for j in range(nf):
        base = p.HEADER + j
        at = symbol.n_values + nf + 1 + BAR_WIDTH * j
        values[n, at] = I[k, base + p.START * nf] // NS
        for field in range(p.BAR_OPEN, p.VOLUME + 1):
            values[n, at + 1 + field - p.BAR_OPEN] = S[k, base + field * nf]
        values[n, at + BAR_WIDTH - 1] = 1.0 if _is_forming(I, tables, k, j) else 0.0


@helper
def emit(S, I, tables, k, r, kind, time, price, direction, out):
    """Writes an event with every value of the symbol; returns its index, for what only some events have."""
    symbol = tables.symbols[k]
    n = out.used[EVENTS]
    out.used[EVENTS] = n + 1
    event = out.events[n]
    event.time = time
    event.symbol = k
    event.rule = r - symbol.rules
    event.type = kind
    event.before = 0
    event.price = price
    event.level = np.nan
    event.follows = ev.NOTHING
    event.follows_before = 0
    event.follows_time = 0
    event.direction = direction
    event.gap = ev.NO_GAP
    event.late = 0
    event.extended = 0
    event.frame = -1
    event.forming = 0
    event.lasted = 0
    for i in range(2):
        event.pivot_times[i] = 0
        event.pivot_prices[i] = 0.0
        event.pivot_values[i] = 0.0
    for i in range(2 * ev.MAX_PARTS):
        event.operands[i] = np.nan
    for i in range(symbol.n_values):
        out.values[n, i] = S[k, symbol.values + i]
    nf = symbol.n_frames
    for j in range(nf):
        warm = I[k, p.HEADER + p.COUNT * nf + j] >= I[k, p.HEADER + p.WARM_AT * nf + j]
        out.values[n, symbol.n_values + j] = 1.0 if warm else 0.0
    _bars_as_they_are(S, I, tables, k, r, out.values, n)
    return n


@hot
def count_fired(I, k, first, kind, time):
    """How many events of this type the rule fired at `time` before; counts this one.

    The last few event times are remembered from offset `first` on, the newest first, for ticks out of order.
    """
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


@hot
def level_event(crossed):
    """The type of a crossing: +1, -1 or 0, as the trigger says it."""
    if crossed == 0:
        return ev.NOTHING
    return ev.CROSSED_UP if crossed > 0 else ev.CROSSED_DOWN


@hot
def way_of(event):
    """Which way a level's or zone's event names: 1 up, -1 down."""
    up = event in (ev.CROSSED_UP, ev.ENTERED_FROM_BELOW, ev.BROKE_ABOVE, ev.REJECTED_UP, ev.JUMPED_UP)
    return 1 if up else -1


@hot
def at_level(S, I, tables, k, r, price, level):
    """The trigger of rule `r` sees a price; returns +1, -1 or 0 for crossed up, down or not."""
    rule = tables.rules[r]
    band = rule.band_low
    if rule.band == p.FRACTION:
        band *= level
    elif rule.band == p.RANGES:
        band = _in_ranges(S, I, tables, k, r, level)
    I[k, rule.state], crossed = tr.trigger(I[k, rule.state], price, level, band, price >= level)
    return crossed


@hot
def at_zone(S, I, tables, k, r, price):
    """The zone of rule `r` sees a price; returns the type of the event, or NOTHING."""
    rule = tables.rules[r]
    low, high = rule.low, rule.high
    band_low, band_high = rule.band_low, rule.band_high
    if rule.band == p.RANGES:
        band_low = min(_in_ranges(S, I, tables, k, r, low), (high - low) / 2)
        band_high = min(_in_ranges(S, I, tables, k, r, high), (high - low) / 2)
    I[k, rule.state], event = tr.zone(I[k, rule.state], price, low, high, band_low, band_high)
    return event


@hot
def _in_ranges(S, I, tables, k, r, level):
    """A band in average true ranges of the last daily close; a part of the level until there is one."""
    rule = tables.rules[r]
    if I[k, rule.range_count] <= RANGE_PERIOD:
        return level * NO_RANGE_BAND
    return rule.band_low * S[k, rule.range]


@helper
def price_fired(S, I, tables, k, r, event, time, price, regular, gap, out):
    """A level or zone fired on a tick; if it is to be confirmed, the bar that forms is going to."""
    rule = tables.rules[r]
    before = count_fired(I, k, rule.state + p.FIRED, event, time)
    n = emit(S, I, tables, k, r, event, time, price, way_of(event), out)
    out.events[n].before = before
    out.events[n].gap = gap
    out.events[n].extended = 1 if tables.symbols[k].extended and not regular else 0
    if rule.frame >= 0 and regular and _is_forming(I, tables, k, rule.frame):
        I[k, rule.state + p.PENDING] = (before << 8) | (event + 1)
        I[k, rule.state + p.PENDING_TIME] = time


@helper
def confirm(S, I, tables, k, r, out):
    """Follows the last alert of the bar that closed with `confirmed` or `failed`."""
    rule = tables.rules[r]
    pending = I[k, rule.state + p.PENDING]
    if pending == 0:
        return
    I[k, rule.state + p.PENDING] = 0
    nf = tables.symbols[k].n_frames
    close = S[k, p.HEADER + p.BAR_CLOSE * nf + rule.frame]
    end = I[k, p.HEADER + p.CLOSED_END * nf + rule.frame]
    followed = (pending & 255) - 1
    good = tr.holds(followed, close, rule.low, rule.high)
    if rule.kind == p.LEVEL:
        event = ev.LEVEL_CONFIRMED if good else ev.LEVEL_FAILED
    else:
        event = ev.ZONE_CONFIRMED if good else ev.ZONE_FAILED
    n = emit(S, I, tables, k, r, event, end, close, way_of(followed), out)
    out.events[n].frame = rule.frame
    out.events[n].follows = followed
    out.events[n].follows_before = pending >> 8
    out.events[n].follows_time = I[k, rule.state + p.PENDING_TIME]

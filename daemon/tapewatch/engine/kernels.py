"""The kernels: what a tick does, walked over the plan's tables. Nothing here allocates or raises.

Kernels index `S[k, j]` directly (row views cost three times as much) and read whole numbers from `I`, the same
memory as int64. `out` carries how many events and closed bars were written.
"""

import numpy as np
from numba import boolean, from_dtype, int32, int64, njit, types, void

import tapewatch.engine.compiled  # noqa: F401  before the first kernel: says where they are kept
from tapewatch.engine import arithmetic as math
from tapewatch.engine import events as ev
from tapewatch.engine import plan as p
from tapewatch.engine import triggers as tr
from tapewatch.market.ticks import FROM_BAR, NO_ID, NOT_LAST, NS, TICK

NEVER = np.iinfo(np.int64).max

CLOSE_AFTER = 2 * NS
"""The clock closes a bar this long after its end."""
AHEAD = 5 * NS
"""A tick further ahead of a wall clock is refused."""

IDS = 64
"""Trade ids remembered per symbol and exchange; a row of the pool: exchange, next slot, ids."""
EXCHANGES = 32
"""Exchanges told apart per symbol; further ones share the last ring."""

# `out`: how many rows were written, and what stopped a run before its end.
EVENTS = 0
BARS = 1
POOL_USED = 2

# `resume[k]`: what to do with ticks after a restore; a positive number is that many ticks to skip.
RUNNING = 0
FIRST_AFTER_RESTORE = -1
SKIP_TO_PLACE = -2

_FLAGS = {"error_model": "numpy", "_nrt": False}
"""Without numba's runtime no kernel can allocate, and none counts references to its arguments: 300 ns a tick."""
_helper = njit(**_FLAGS)
_hot = njit(forceinline=True, **_FLAGS)

_array = types.Array
_f64 = types.float64
_S = _array(_f64, 2, "C")
_I = _array(int64, 2, "C")


def _rows(dtype: np.dtype) -> types.Array:
    return _array(from_dtype(dtype), 1, "C")


_TABLES = (_rows(p.SYMBOL), _array(int64, 1, "C"), _rows(p.OP), _rows(p.RULE), _array(int64, 2, "C"))
_OUT = (_array(int64, 1, "C"), _rows(ev.EVENT), _S, _rows(ev.CLOSED), _S)


@njit(inline="always")
def _fires(I, k, state, kind, time):
    """How many events of this type the rule fired at `time` before; counts this one.

    Two event times are remembered, for ticks that come out of order.
    """
    a = state + p.FIRED
    if I[k, a] != time:
        I[k, a], I[k, a + 2] = I[k, a + 2], I[k, a]
        I[k, a + 1], I[k, a + 3] = I[k, a + 3], I[k, a + 1]
        if I[k, a] != time:
            I[k, a] = time
            I[k, a + 1] = 0
    shift = 8 * (kind & 7)
    before = (I[k, a + 1] >> shift) & 255
    if before < 255:
        I[k, a + 1] += np.int64(1) << shift
    return before


@_helper
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
    first = symbols[k].values
    n_values = symbols[k].n_values
    for i in range(n_values):
        values[n, i] = S[k, first + i]
    n_frames = symbols[k].n_frames
    counts = p.HEADER + p.COUNT * n_frames
    for j in range(n_frames):
        values[n, n_values + j] = I[k, counts + j]
    return n


@_hot
def _run_indicators(S, I, symbols, ops, k, j, price, closes):
    """Every indicator of timeframe `j` with `price` in its place; a close keeps the state, too."""
    nf = symbols[k].n_frames
    base = p.HEADER + j
    n = I[k, base + p.COUNT * nf]
    previous = S[k, base + p.PREVIOUS * nf]
    for o in range(symbols[k].ops, symbols[k].ops_end):
        kind = ops[o].kind
        s = ops[o].state + j
        v = ops[o].value + j
        if kind == p.SMA:
            S[k, v] = math.sma(S[k, s], price, n, ops[o].p1)
        elif kind == p.EMA:
            state, S[k, v] = math.ema(S[k, s], price, n, ops[o].p1, ops[o].a1)
            if closes:
                S[k, s] = state
        elif kind == p.RSI:
            gain, loss, S[k, v] = math.rsi(S[k, s], S[k, s + nf], previous, price, n, ops[o].p1)
            if closes:
                S[k, s] = gain
                S[k, s + nf] = loss
        else:
            fast, slow, signal, line, average, histogram = math.macd(
                S[k, s], S[k, s + nf], S[k, s + 2 * nf], price, n,
                ops[o].p1, ops[o].p2, ops[o].p3, ops[o].a1, ops[o].a2, ops[o].a3,
            )  # fmt: skip
            S[k, v] = line
            S[k, v + nf] = average
            S[k, v + 2 * nf] = histogram
            if closes:
                S[k, s] = fast
                S[k, s + nf] = slow
                S[k, s + 2 * nf] = signal


@_helper
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


@_helper
def _confirm(S, I, symbols, rules, k, r, close, end, out, events, values):
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
    direction = -1 if kind in (ev.CROSSED_DOWN, ev.ENTERED_FROM_ABOVE, ev.BROKE_BELOW, ev.REJECTED_DOWN, ev.JUMPED_DOWN) else 1
    rule = r - symbols[k].rules
    n = _emit(S, I, symbols, k, rule, result, end, close, direction, rules[r].frame, out, events, values)
    events[n].follows = kind
    events[n].follows_before = pending >> 8
    events[n].follows_time = I[k, s + p.PENDING_TIME]


@_helper
def _cross_values(S, I, symbols, rules, k, r, close, end, fire, out, events, values):
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
        count = _fires(I, k, s, ev.FIRED, end)
        direction = 1 if above else -1
        rule = r - symbols[k].rules
        n = _emit(S, I, symbols, k, rule, ev.FIRED, end, close, direction, rules[r].frame, out, events, values)
        events[n].before = count


@_helper
def _compare_pivot(S, R, I, symbols, rules, k, r, bar, row, side, close, end, fire, out, events, values):
    """Takes the bar in `row` of the ring as the newest pivot; fires if it diverges from the one before."""
    s = rules[r].state + (p.HIGH_PIVOT if side < 0 else p.LOW_PIVOT)
    price = R[k, row + (1 if side < 0 else 2)]
    value = R[k, row]
    start = np.int64(R[k, row + 3])
    apart = bar - I[k, s]
    if I[k, s + 1] != 0 and p.PIVOT_NEAREST <= apart <= p.PIVOT_FARTHEST and fire:
        past_price, past_value = S[k, s + 2], S[k, s + 3]
        if side < 0:
            diverges = price > past_price and value < past_value
        else:
            diverges = price < past_price and value > past_value
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


@_helper
def _diverge(S, R, I, symbols, rules, k, r, end, fire, out, events, values):
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
    if high:
        _compare_pivot(S, R, I, symbols, rules, k, r, middle, at, -1, close, end, fire, out, events, values)
    elif low:
        _compare_pivot(S, R, I, symbols, rules, k, r, middle, at, 1, close, end, fire, out, events, values)


@_helper
def _close_bar(S, R, I, symbols, frames, ops, rules, k, j, fire, out, events, values, bars, bar_values):
    """Closes the forming bar of timeframe `j`: indicators, rings, then what is checked on the close."""
    nf = symbols[k].n_frames
    base = p.HEADER + j
    close = S[k, base + p.BAR_CLOSE * nf]
    end = I[k, base + p.END * nf]
    n = I[k, base + p.COUNT * nf]
    _run_indicators(S, I, symbols, ops, k, j, close, True)
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
            _cross_values(S, I, symbols, rules, k, r, close, end, fire, out, events, values)
        elif kind == p.DIVERGENCE:
            _diverge(S, R, I, symbols, rules, k, r, end, fire, out, events, values)
        else:
            _confirm(S, I, symbols, rules, k, r, close, end, out, events, values)


@_helper
def _close_due(S, R, I, symbols, frames, ops, rules, k, time, fire, out, events, values, bars, bar_values):
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
                        S, R, I, symbols, frames, ops, rules, k, j, fire, out, events, values, bars, bar_values
                    )
                elif end < following:
                    following = end
        I[k, p.NEXT_END] = following


@_helper
def _open_bar(S, I, symbols, frames, k, j, time, price):
    """Opens the bar of timeframe `j` that holds `time`; the next one if that bar has closed already.

    Returns whether there is such a bar in this session.
    """
    nf = symbols[k].n_frames
    base = p.HEADER + j
    session = I[k, p.OPEN]
    close = I[k, p.CLOSE]
    time = max(time, I[k, base + p.CLOSED_END * nf])
    if time >= close:
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


@_hot
def _form(S, I, symbols, frames, ops, k, time, price, size, mask):
    """The tick into the forming bar of every timeframe of `mask`, and the provisional values."""
    nf = symbols[k].n_frames
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
        _run_indicators(S, I, symbols, ops, k, j, price, False)


@_hot
def _check_ticks(S, I, symbols, rules, k, time, price, regular, gap, out, events, values):
    """Every rule that is checked on ticks."""
    for r in range(symbols[k].rules, symbols[k].rules_end):
        kind = rules[r].kind
        s = rules[r].state
        level = np.nan
        event = ev.NOTHING
        if kind == p.ZONE:
            I[k, s], event = tr.zone(
                I[k, s], price, rules[r].low, rules[r].high, rules[r].band_low, rules[r].band_high
            )
        elif kind == p.LEVEL or kind == p.PRICE_CROSS:
            band = rules[r].band_low
            level = rules[r].low
            if kind == p.PRICE_CROSS:
                level = S[k, rules[r].right]
                if np.isnan(level):
                    continue
                if rules[r].relative:
                    band *= level
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
        events[n].extended = 0 if regular else 1
        if rules[r].frame >= 0 and regular:
            I[k, s + p.PENDING] = (before << 8) | (event + 1)
            I[k, s + p.PENDING_TIME] = time


@_hot
def _take(
    S, R, I, symbols, frames, ops, rules, k, time, price, size, mask, gap, out, events, values, bars, bar_values
):
    """An admitted tick: bars that it closes, the bars it is in, the rules."""
    if time >= I[k, p.NEXT_END]:
        _close_due(S, R, I, symbols, frames, ops, rules, k, time, True, out, events, values, bars, bar_values)
    regular = I[k, p.OPEN] <= time < I[k, p.CLOSE]
    if regular:
        _form(S, I, symbols, frames, ops, k, time, price, size, mask)
    S[k, p.LAST] = price
    _check_ticks(S, I, symbols, rules, k, time, price, regular, gap, out, events, values)


@_hot
def _find_session(I, symbols, sessions, k, time):
    """Whether `time` is within the watch's hours; a new session is entered into the row."""
    if I[k, p.EXTENDED_OPEN] <= time < I[k, p.EXTENDED_CLOSE]:
        return True
    hours = 2 if symbols[k].extended else 0
    low, high = symbols[k].sessions, symbols[k].sessions_end
    while low < high:  # the first session that closes after `time`
        middle = (low + high) // 2
        if sessions[middle, hours + 1] <= time:
            low = middle + 1
        else:
            high = middle
    if low == symbols[k].sessions_end or time < sessions[low, hours]:
        return False
    if sessions[low, hours] > I[k, p.EXTENDED_CLOSE]:  # a market that never shuts has no breaks
        I[k, p.GAP] = 1
    I[k, p.OPEN] = sessions[low, 0]
    I[k, p.CLOSE] = sessions[low, 1]
    I[k, p.EXTENDED_OPEN] = sessions[low, hours]
    I[k, p.EXTENDED_CLOSE] = sessions[low, hours + 1]
    return True


@_hot
def _skips(I, resume, k, time):
    """After a restore: whether this tick was offered before, by the place on the tape."""
    place = I[k, p.PLACE_TIME]
    if resume[k] == FIRST_AFTER_RESTORE:
        resume[k] = SKIP_TO_PLACE if time < place else RUNNING
    if resume[k] == SKIP_TO_PLACE:
        if time < place:
            return True
        resume[k] = I[k, p.PLACE_COUNT] if time == place else RUNNING
    if resume[k] > 0 and time <= place:
        resume[k] -= 1
        return True
    resume[k] = RUNNING
    return False


@_hot
def _seen(pool, rings, k, exchange, trade, out):
    """Whether the vendor's trade id is among the last 64 of its exchange; it is remembered."""
    slot = 0
    while slot < EXCHANGES - 1 and rings[k, slot] >= 0 and pool[rings[k, slot], 0] != exchange:
        slot += 1
    ring = rings[k, slot]
    if ring < 0:
        ring = out[POOL_USED]
        out[POOL_USED] = ring + 1
        rings[k, slot] = ring
        pool[ring, 0] = exchange
        pool[ring, 1] = 0
        for i in range(2, 2 + IDS):
            pool[ring, i] = NO_ID
    for i in range(2, 2 + IDS):
        if pool[ring, i] == trade:
            return True
    pool[ring, 2 + pool[ring, 1]] = trade
    pool[ring, 1] = (pool[ring, 1] + 1) % IDS
    return False


@_hot
def _held_back(S, I, k, time, price, size, max_jump):
    """Whether a tick waits for two more like it, and how many that waited were dropped."""
    last = S[k, p.LAST]
    if last == 0.0 or abs(price / last - 1.0) <= max_jump:
        dropped = I[k, p.HELD]
        I[k, p.HELD] = 0
        return False, dropped
    held = I[k, p.HELD]
    dropped = 0
    if held and abs(price / S[k, p.HELD_PRICE] - 1.0) > max_jump:
        dropped = held
        held = 0
    if held < 2:
        I[k, p.HELD_TIME + held] = time
        S[k, p.HELD_PRICE + held] = price
        S[k, p.HELD_SIZE + held] = size
    I[k, p.HELD] = min(held + 1, 2)
    return held < 2, dropped


@njit(
    int64(
        _S, _S, _I, _array(int64, 2, "C"), _array(int32, 2, "C"), *_TABLES, _array(int64, 1, "C"), int64, boolean,
        _array(int64, 1, "C"), _array(int64, 1, "C"), _array(int64, 2, "C"), _rows(TICK), int64, int64, *_OUT,
    ),
    cache=True,
    **_FLAGS,
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
        k = ticks[i].symbol
        time = ticks[i].time
        clock = clocks[feed]
        if tape and time > clock:
            clocks[feed] = time
        if k < 0:
            refused[len(refused) - 1, ev.UNKNOWN_SYMBOL] += 1
            continue
        if resume[k] != RUNNING and _skips(I, resume, k, time):
            refused[k, ev.SEEN] += 1
            continue
        if not tape and clock and time > clock + AHEAD:
            refused[k, ev.AHEAD] += 1
            continue
        dirty[k] = 1
        if tape and I[k, p.NEXT_END] <= clock - CLOSE_AFTER:
            _close_due(
                S, R, I, symbols, frames, ops, rules, k, clock - CLOSE_AFTER, True,
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
        if ticks[i].id != NO_ID and _seen(pool, rings, k, ticks[i].exchange, ticks[i].id, out):
            refused[k, ev.DUPLICATE] += 1
            continue
        if ticks[i].flags & NOT_LAST:
            refused[k, ev.CONDITION] += 1
            continue
        if not _find_session(I, symbols, sessions, k, time):
            _close_due(
                S, R, I, symbols, frames, ops, rules, k, time, True, out, events, values, bars, bar_values
            )
            refused[k, ev.HOURS] += 1
            continue
        if time < I[k, p.HEADER + p.CLOSED_END * symbols[k].n_frames]:
            refused[k, ev.LATE] += 1
            continue
        size = ticks[i].size
        if not (size >= 0.0 and size < np.inf):
            size = 0.0
        gap = I[k, p.GAP]
        if not ticks[i].flags & FROM_BAR:
            held, dropped = _held_back(S, I, k, time, price, size, symbols[k].max_jump)
            refused[k, ev.JUMP] += dropped
            if held:
                continue
        for h in range(I[k, p.HELD] + 1):  # those held back before it, then the tick itself
            own = h == I[k, p.HELD]
            _take(
                S, R, I, symbols, frames, ops, rules, k,
                time if own else I[k, p.HELD_TIME + h],
                price if own else S[k, p.HELD_PRICE + h],
                size if own else S[k, p.HELD_SIZE + h],
                ticks[i].frames, gap, out, events, values, bars, bar_values,
            )  # fmt: skip
        I[k, p.HELD] = 0
        I[k, p.GAP] = 0
    return len(ticks)


@njit(
    int64(
        _S, _S, _I, *_TABLES, int64, _array(int64, 1, "C"), _array(int64, 1, "C"), int64, int64, *_OUT
    ),
    cache=True,
    **_FLAGS,
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
        _close_due(S, R, I, symbols, frames, ops, rules, k, due, True, out, events, values, bars, bar_values)
        dirty[k] = 1
    return len(members)


@njit(void(_S, _S, _I, *_TABLES, int64, _rows(TICK), int64, *_OUT), cache=True, **_FLAGS)
def warm(
    S, R, I, symbols, frames, ops, rules, sessions, k, ticks, until, out, events, values, bars, bar_values
):  # fmt: skip
    """History of symbol `k` up to `until` (ns): bars and indicators alone; fires nothing, sets no side."""
    for i in range(len(ticks)):
        time = ticks[i].time
        if not _find_session(I, symbols, sessions, k, time):
            continue
        _close_due(S, R, I, symbols, frames, ops, rules, k, time, False, out, events, values, bars, bar_values)
        if I[k, p.OPEN] <= time < I[k, p.CLOSE]:
            _form(S, I, symbols, frames, ops, k, time, ticks[i].price, ticks[i].size, ticks[i].frames)
            S[k, p.LAST] = ticks[i].price
    _close_due(S, R, I, symbols, frames, ops, rules, k, until, False, out, events, values, bars, bar_values)

"""Conditions inside the kernels: when they are checked, what makes them fire, how long and how often."""

import numpy as np

from tapewatch.engine import events as ev
from tapewatch.engine import plan as p
from tapewatch.engine import triggers as tr
from tapewatch.engine.admission import hours_of, session_at
from tapewatch.engine.divergence import divergence_of, is_pivot, remember_bar, take_pivot
from tapewatch.engine.jit import helper, hot
from tapewatch.engine.rules import at_level, at_zone, count_fired, emit, level_event, price_fired, way_of
from tapewatch.market.ticks import NS


@hot
def check_ticks(S, I, tables, k, time, price, regular, gap, out):
    """Every rule that is checked on ticks; while price stays between two levels, those are passed over."""
    rules = tables.rules
    fixed = tables.symbols[k].rules + tables.symbols[k].fixed
    quiet = S[k, p.QUIET_LOW] < price < S[k, p.QUIET_HIGH]
    for r in range(fixed if quiet else tables.symbols[k].rules, tables.symbols[k].rules_end):
        if not rules[r].on_ticks:
            continue
        if rules[r].kind == p.LEVEL:
            event = level_event(at_level(S, I, tables, k, r, price, rules[r].low))
            if event != ev.NOTHING:
                price_fired(S, I, tables, k, r, event, time, price, regular, gap, out)
        elif rules[r].kind == p.ZONE:
            event = at_zone(S, I, tables, k, r, price)
            if event != ev.NOTHING:
                price_fired(S, I, tables, k, r, event, time, price, regular, gap, out)
        else:
            _check_on_tick(S, I, tables, k, r, time, price, regular, gap, out)
    if not quiet and fixed > tables.symbols[k].rules:
        _find_quiet(S, tables, k, price)


@helper
def _find_quiet(S, tables, k, price):
    """The prices around this one between which the fixed levels and zones have nothing to do.

    What a trigger does depends on which side of three prices price is: the level, and the band beyond it either
    way. A second price on the same sides changes nothing.
    """
    rules = tables.rules
    low, high = 0.0, np.inf
    first = tables.symbols[k].rules
    for r in range(first, first + tables.symbols[k].fixed):
        for edge in range(2):
            level = rules[r].high if edge else rules[r].low
            band = rules[r].band_high if edge else rules[r].band_low
            for side in range(-1, 2):
                threshold = level + side * band
                if threshold <= price:
                    low = max(low, threshold)
                if threshold >= price:
                    high = min(high, threshold)
    S[k, p.QUIET_LOW] = low
    S[k, p.QUIET_HIGH] = high


@helper
def _check_on_tick(S, I, tables, k, r, time, price, regular, gap, out):
    condition = tables.conditions[tables.rules[r].condition]
    if not regular and not condition.about_price:
        return
    if condition.kind == p.DIVERGENCE:
        warn_of_divergence(S, I, tables, k, r, time, price, gap, out)
        return
    n = _check(S, I, tables, k, r, time, price, np.int64(0), I[k, p.OPEN], np.bool_(True), out)
    if n >= 0:
        out.events[n].gap = gap
        out.events[n].extended = 1 if tables.symbols[k].extended and not regular else 0


@helper
def check_on_close(S, I, tables, k, r, fire, out):
    """A condition that is checked on the close of the timeframe that just closed."""
    j = tables.rules[r].frame
    nf = tables.symbols[k].n_frames
    close = S[k, p.HEADER + p.BAR_CLOSE * nf + j]
    end = I[k, p.HEADER + p.CLOSED_END * nf + j]
    n = _check(S, I, tables, k, r, end, close, np.int64(1), I[k, p.BAR_SESSION], fire, out)
    if n >= 0:
        out.events[n].frame = j


@helper
def _check(S, I, tables, k, r, time, price, at_close, session, fire, out):
    """Checks a condition at an instant; returns the index of the event if it fired, else -1.

    Args:
        at_close: 1 if the instant is the end of a bar, which belongs to the bar; else 0.
        session: open of the session (ns).
        fire: False in the warm-up: nothing fires.
    """
    c = tables.rules[r].condition
    condition = tables.conditions[c]
    if not _is_checked(tables, k, condition, time, at_close):
        return -1
    holding = _all_hold(S, tables, k, condition.states, condition.parts_end)
    if holding == p.UNKNOWN:
        return -1
    event, wanted = ev.NOTHING, False
    way = np.int64(0)
    level = np.nan
    has_event = condition.states > condition.parts or condition.kind != p.EDGE
    if condition.kind == p.EDGE:
        truth = _holds(S, tables, k, condition.parts) if has_event else holding
        if truth == p.UNKNOWN:
            return -1
        state = tables.rules[r].state
        if I[k, state] != 0 and I[k, state] != 1 + truth:
            event = ev.FIRED
        I[k, state] = 1 + truth
        way = condition.way if truth else -condition.way
        wanted = (condition.directions & (p.UP if truth else p.DOWN)) != 0
        holding = holding or not has_event
    else:
        if condition.kind == p.PRICE_CROSS:
            level = _level(S, tables, k, r)
            if np.isnan(level):
                return -1
            event = level_event(at_level(S, I, tables, k, r, price, level))
            wanted = (condition.directions & (p.UP if event == ev.CROSSED_UP else p.DOWN)) != 0
        else:
            event = at_zone(S, I, tables, k, r, price)
            entered = event in (ev.ENTERED_FROM_BELOW, ev.ENTERED_FROM_ABOVE)
            jumped = event in (ev.JUMPED_UP, ev.JUMPED_DOWN)
            wanted = not jumped and (condition.directions & (p.UP if entered else p.DOWN)) != 0
        way = way_of(event)
    fires = event != ev.NOTHING and wanted and holding and fire
    if condition.timer >= 0:
        if event != ev.NOTHING:
            I[k, condition.timer] = 0
            I[k, condition.timer + p.TIMER_EVENT] = 1 + event if fires else 0
            I[k, condition.timer + p.TIMER_WAY] = way
        if I[k, condition.timer + p.TIMER_EVENT] != 0:
            if not holding or not _is_so(S, I, tables, k, r, price):
                I[k, condition.timer] = 0
            elif I[k, condition.timer] == 0:
                _start_timer(I, tables, k, c, time, at_close)
        return -1
    if not fires or not _may_fire(I, condition, k, time, at_close, session):
        return -1
    return _emit_condition(S, I, tables, k, r, event, time, price, way, level, out)


@helper
def _is_checked(tables, k, condition, time, at_close):
    """Whether an instant is before the condition expires, and in its hours; a close belongs to what it ends."""
    if time >= condition.expires:
        return False
    if condition.hours == 0:
        return True
    session = session_at(tables, k, time - at_close)
    if session < 0:
        return False
    time_of_day = time - at_close - tables.sessions[session, p.OPENS] + tables.sessions[session, p.OPEN_TIME]
    return (time_of_day - condition.first) % p.DAY_NS < condition.hours


@hot
def _level(S, tables, k, r):
    """Where the level of `price crosses X` stands now; NaN while X has no value."""
    return tables.rules[r].low if tables.rules[r].right < 0 else S[k, tables.rules[r].right]


@helper
def _all_hold(S, tables, k, first, end):
    """Whether every part holds: 1, 0, or UNKNOWN while one cannot be told."""
    all_ = 1
    for q in range(first, end):
        holds = _holds(S, tables, k, q)
        if holds == p.UNKNOWN:
            return p.UNKNOWN
        all_ &= holds
    return all_


@helper
def _holds(S, tables, k, q):
    """Whether a part holds: 1, 0, or UNKNOWN while one of its sides has no value."""
    part = tables.parts[q]
    left = S[k, part.left]
    right = part.low if part.right < 0 else S[k, part.right]
    if np.isnan(left) or np.isnan(right):
        return np.int64(part.unknown)
    if part.kind == p.OVER:
        holds = left > right
    elif part.kind == p.AT_LEAST:
        holds = left >= right
    elif part.kind == p.UNDER:
        holds = left < right
    elif part.kind == p.AT_MOST:
        holds = left <= right
    elif part.kind == p.INSIDE:
        holds = right <= left <= part.high
    else:
        distance = part.distance if np.isnan(part.share) else part.share * abs(right)
        holds = abs(left - right) <= distance
    return np.int64(1) if holds else np.int64(0)


@helper
def _may_fire(I, condition, k, time, at_close, session):
    """Whether its frequency lets the condition fire now; it is taken to do so."""
    if condition.frequency == p.ALWAYS:
        return True
    span = session
    if condition.frequency == p.ONCE_PER_BAR and condition.bar > 0:
        span += (time - at_close - session) // condition.bar * condition.bar
    elif condition.frequency == p.ONCE:
        span = np.int64(1)
    if I[k, condition.last_fired] == span:
        return False
    I[k, condition.last_fired] = span
    return True


@helper
def _emit_condition(S, I, tables, k, r, event, time, price, way, level, out):
    """Writes the event of a condition, with what its parts were about; returns its index."""
    rule = tables.rules[r]
    condition = tables.conditions[rule.condition]
    n = emit(S, I, tables, k, r, event, time, price, way, out)
    out.events[n].level = level
    if condition.fired >= 0:
        out.events[n].before = count_fired(I, k, condition.fired, event, time)
    at = 1 if condition.kind == p.DIVERGENCE else 0
    for q in range(condition.parts, condition.parts_end):
        part = tables.parts[q]
        out.events[n].operands[2 * at] = S[k, part.left]
        out.events[n].operands[2 * at + 1] = part.low if part.right < 0 else S[k, part.right]
        at += 1
    return n


@helper
def _is_so(S, I, tables, k, r, price):
    """Whether price is where the event said that must last; what else is true or not the check has found already."""
    condition = tables.conditions[tables.rules[r].condition]
    event = I[k, condition.timer + p.TIMER_EVENT] - 1
    if condition.kind == p.PRICE_CROSS:
        level = _level(S, tables, k, r)
        return tr.holds(event, price, level, level)
    return condition.kind == p.EDGE or tr.holds(event, price, tables.rules[r].low, tables.rules[r].high)


@helper
def _start_timer(I, tables, k, c, time, at_close):
    """The condition must stay true from now on; no timer runs past the end of the session, unless trade goes on."""
    condition = tables.conditions[c]
    sessions = tables.sessions
    session = session_at(tables, k, time - at_close)
    if session < 0:
        return
    hours = hours_of(tables, k) if condition.about_price else p.REGULAR
    end = sessions[session, hours + p.CLOSES]
    due = time + condition.lasting
    following = session + 1
    goes_on = following < tables.symbols[k].sessions_end and sessions[following, hours + p.OPENS] == end
    if due > end and not goes_on:
        return
    I[k, condition.timer] = due
    I[k, p.NEXT_DUE] = min(I[k, p.NEXT_DUE], due)


@helper
def fire_timer(S, I, tables, k, r, out):
    """The condition has stayed true as long as it must."""
    condition = tables.conditions[tables.rules[r].condition]
    due = I[k, condition.timer]
    I[k, condition.timer] = 0
    at_close = np.int64(0) if tables.rules[r].on_ticks else np.int64(1)
    if not _is_checked(tables, k, condition, due, np.int64(1)):  # it has lasted until then, not from then on
        return
    event, way = I[k, condition.timer + p.TIMER_EVENT] - 1, I[k, condition.timer + p.TIMER_WAY]
    I[k, condition.timer + p.TIMER_EVENT] = 0
    session = session_at(tables, k, due - 1)
    opens = tables.sessions[session, p.OPENS]
    if not _may_fire(I, condition, k, due, at_close, opens):
        return
    level = _level(S, tables, k, r)
    n = _emit_condition(S, I, tables, k, r, event, due, S[k, p.LAST], way, level, out)
    out.events[n].lasted = 1
    out.events[n].frame = tables.rules[r].frame
    regular = opens <= due - 1 < tables.sessions[session, p.CLOSES]
    out.events[n].extended = 0 if regular else 1


@helper
def diverge(S, R, I, tables, k, r, fire, out):
    """At a close: the bar five back may now be known as a pivot of the oscillator, and diverge from the one before."""
    condition = tables.conditions[tables.rules[r].condition]
    j = tables.rules[r].frame
    bar = remember_bar(S, R, I, tables, k, r)
    if bar < p.WINDOW - 1:
        return
    side = is_pivot(R, k, condition.ring, bar - p.PIVOT_SPAN)
    if side == 0:
        return
    row = condition.ring + 4 * ((bar - p.PIVOT_SPAN) % p.WINDOW)
    pivot = tables.rules[r].state + (p.HIGH_PIVOT if side < 0 else p.LOW_PIVOT)
    price = R[k, row + (1 if side < 0 else 2)]
    value = R[k, row]
    start = np.int64(R[k, row + 3])
    event = divergence_of(S, I, condition, k, pivot, side, bar - p.PIVOT_SPAN, price, value)
    nf = tables.symbols[k].n_frames
    end = I[k, p.HEADER + p.CLOSED_END * nf + j]
    if (
        event != ev.NOTHING
        and fire
        and _may_diverge(S, I, tables, k, condition, end, np.int64(1), I[k, p.BAR_SESSION])
    ):
        close = S[k, p.HEADER + p.BAR_CLOSE * nf + j]
        _emit_divergence(S, I, tables, k, r, event, end, close, side, pivot, start, price, value, out)
    take_pivot(S, I, k, pivot, bar - p.PIVOT_SPAN, start, price, value)


@helper
def warn_of_divergence(S, I, tables, k, r, time, price, gap, out):
    """On a tick: the forming bar may diverge from the last pivot of either kind, once each."""
    condition = tables.conditions[tables.rules[r].condition]
    nf = tables.symbols[k].n_frames
    base = p.HEADER + tables.rules[r].frame
    if I[k, base + p.END * nf] <= I[k, base + p.CLOSED_END * nf]:
        return
    value = S[k, condition.oscillator]
    start = I[k, base + p.START * nf] // NS
    for side in (-1, 1):
        pivot = tables.rules[r].state + (p.HIGH_PIVOT if side < 0 else p.LOW_PIVOT)
        extreme = S[k, base + (p.BAR_HIGH if side < 0 else p.BAR_LOW) * nf]
        event = divergence_of(S, I, condition, k, pivot, side, I[k, base + p.COUNT * nf], extreme, value)
        if event == ev.NOTHING or I[k, pivot + p.WARNED] == I[k, pivot + 1]:
            continue
        if not _may_diverge(S, I, tables, k, condition, time, np.int64(0), I[k, p.OPEN]):
            continue
        I[k, pivot + p.WARNED] = I[k, pivot + 1]
        n = _emit_divergence(S, I, tables, k, r, event, time, price, side, pivot, start, extreme, value, out)
        out.events[n].forming = 1
        out.events[n].gap = gap


@helper
def _may_diverge(S, I, tables, k, condition, time, at_close, session):
    return (
        _is_checked(tables, k, condition, time, at_close)
        and _all_hold(S, tables, k, condition.states, condition.parts_end) == 1
        and _may_fire(I, condition, k, time, at_close, session)
    )


@helper
def _emit_divergence(S, I, tables, k, r, event, time, price, side, pivot, start, extreme, value, out):
    """Writes a divergence: the pivot before and the one that diverges from it, or the bar that may become one."""
    n = _emit_condition(S, I, tables, k, r, event, time, price, side, np.nan, out)
    out.events[n].frame = tables.rules[r].frame
    out.events[n].pivot_times[0] = I[k, pivot + 1] * NS
    out.events[n].pivot_times[1] = start * NS
    out.events[n].pivot_prices[0] = S[k, pivot + 2]
    out.events[n].pivot_prices[1] = extreme
    out.events[n].pivot_values[0] = S[k, pivot + 3]
    out.events[n].pivot_values[1] = value
    return n


@helper
def take_sides_anew(S, I, tables, k, anchor):
    """Levels that jump with the session are seen from the last price before it, or, of the session itself, from its
    first tick: price did not cross them.
    """
    for r in range(tables.symbols[k].rules, tables.symbols[k].rules_end):
        c = tables.rules[r].condition
        if c < 0 or tables.conditions[c].anchor != anchor:
            continue
        state = tables.rules[r].state
        level = _level(S, tables, k, r)
        seen = I[k, state] != 0 and anchor == p.OF_PREVIOUS and not np.isnan(level)
        above = tr.ABOVE if S[k, p.LAST] >= level else 0
        I[k, state] = tr.KNOWN | tr.ARMED | above if seen else 0
        if tables.conditions[c].timer >= 0:
            I[k, tables.conditions[c].timer] = 0
            I[k, tables.conditions[c].timer + p.TIMER_EVENT] = 0

"""Admission inside the kernels: sessions, the place on the tape, trade ids, jumps."""

import numpy as np

from tapewatch.engine import plan as p
from tapewatch.engine.jit import POOL_USED, helper, hot
from tapewatch.market.ticks import NO_ID

IDS = 64
"""Trade ids remembered per symbol, leg and exchange; a row of the pool: exchange and leg, next slot, ids."""
EXCHANGES = 32
"""Exchanges told apart per symbol; further ones share the last ring."""

# `resume[k, source]`: what to do with ticks after a restore or an outage; a positive number is that many ticks to skip.
RUNNING = 0
FIRST_AFTER_RESTORE = -1
SKIP_TO_PLACE = -2
FIRST_OF_A_BUFFER = -3


@hot
def source_of(tables, k, leg):
    """Offset of what is known of a symbol's own ticks (leg 0), or of those of one of a composite's legs."""
    return p.SOURCE if leg == 0 else tables.symbols[k].legs + (leg - 1) * p.SOURCE_FIELDS


@hot
def hours_of(tables, k):
    """The columns of the hours in which the watch admits ticks."""
    return p.EXTENDED if tables.symbols[k].extended else p.REGULAR


@hot
def find_session(I, tables, k, time):
    """Whether `time` is within the watch's hours; a new session is entered into the row."""
    if I[k, p.EXTENDED_OPEN] <= time < I[k, p.EXTENDED_CLOSE]:
        return True
    session = session_at(tables, k, time)
    if session < 0:
        return False
    opens = tables.sessions[session, hours_of(tables, k) + p.OPENS]
    if opens > I[k, p.EXTENDED_OPEN]:  # else it is out of order, and the row stays with the newer session
        # A market that never shuts has no breaks, and before the first tick there was nothing to break.
        if I[k, p.GAP] != p.NOTHING_ADMITTED and opens > I[k, p.EXTENDED_CLOSE]:
            I[k, p.GAP] = p.AFTER_BREAK
        enter_session(I, tables, k, session)
    return True


@helper
def session_at(tables, k, time):
    """The row of the session in whose hours `time` is, or -1."""
    hours = hours_of(tables, k)
    low, end = tables.symbols[k].sessions, tables.symbols[k].sessions_end
    high = end
    while low < high:  # the first session that closes after `time`
        middle = (low + high) // 2
        if tables.sessions[middle, hours + p.CLOSES] <= time:
            low = middle + 1
        else:
            high = middle
    return low if low < end and time >= tables.sessions[low, hours + p.OPENS] else -1


@helper
def no_break_between(tables, k, earlier, later):
    """Whether trade went on from the session that begins at `earlier` until the one that begins at `later`."""
    hours = hours_of(tables, k)
    session = session_at(tables, k, earlier)
    while tables.sessions[session, hours + p.OPENS] < later:
        if tables.sessions[session, hours + p.CLOSES] != tables.sessions[session + 1, hours + p.OPENS]:
            return False
        session += 1
    return True


@helper
def enter_session(I, tables, k, session):
    """Writes the hours of a session into the row."""
    hours = hours_of(tables, k)
    I[k, p.OPEN] = tables.sessions[session, p.OPENS]
    I[k, p.CLOSE] = tables.sessions[session, p.CLOSES]
    I[k, p.EXTENDED_OPEN] = tables.sessions[session, hours + p.OPENS]
    I[k, p.EXTENDED_CLOSE] = tables.sessions[session, hours + p.CLOSES]


@hot
def skips(I, resume, k, leg, source, time):
    """After a restore or an outage: whether this tick was offered before, by the place on the tape.

    The first tick decides: if it is not newer than the place, nothing was missed.
    """
    place = I[k, source + p.PLACE_TIME]
    if resume[k, leg] == FIRST_AFTER_RESTORE or resume[k, leg] == FIRST_OF_A_BUFFER:
        after_restore = resume[k, leg] == FIRST_AFTER_RESTORE
        resume[k, leg] = SKIP_TO_PLACE if time <= place else RUNNING
        # Of what never ticked nothing was missed, and neither was what a buffer holds.
        if after_restore and resume[k, leg] == RUNNING and place > 0:
            _note_outage(I, resume, k, leg, source)
    if resume[k, leg] == SKIP_TO_PLACE:
        if time < place:
            return True
        resume[k, leg] = I[k, source + p.PLACE_COUNT] if time == place else RUNNING
    if resume[k, leg] > 0 and time <= place:
        resume[k, leg] -= 1
        return True
    resume[k, leg] = RUNNING
    return False


@hot
def _note_outage(I, resume, k, leg, source):
    """Ticks were missed. A price that another leg had before says nothing beside this leg's of now."""
    if I[k, p.GAP] == p.WITHIN:
        I[k, p.GAP] = p.AFTER_OUTAGE
    if leg and resume[k, 3 - leg] == FIRST_AFTER_RESTORE:
        other = source + (3 - 2 * np.int64(leg)) * p.SOURCE_FIELDS
        I[k, other + p.SESSION] = 0


@hot
def of_its_day(trade, time):
    """A trade id with the UTC day of its trade in it: some exchanges begin with 1 every day."""
    return trade ^ ((time // p.DAY_NS) << 40)


@hot
def seen(pool, rings, k, exchange, trade, out):
    """Whether the trade's id is among the last 64 of its exchange; it is remembered."""
    slot = 0
    while slot < EXCHANGES - 1 and rings[k, slot] >= 0 and pool[rings[k, slot], 0] != exchange:
        slot += 1
    ring = rings[k, slot]
    if ring < 0:
        ring = out.used[POOL_USED]
        out.used[POOL_USED] = ring + 1
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


@hot
def held_back(S, I, k, source, time, price, size, max_jump):
    """Whether a tick waits for two more like it, and how many that waited were dropped."""
    last = S[k, source + p.SOURCE_LAST]
    if last == 0.0 or abs(price / last - 1.0) <= max_jump:
        dropped = I[k, source + p.HELD]
        I[k, source + p.HELD] = 0
        return False, dropped
    held = I[k, source + p.HELD]
    dropped = 0
    if held and abs(price / S[k, source + p.HELD_PRICE] - 1.0) > max_jump:
        dropped = held
        held = 0
    if held < 2:
        I[k, source + p.HELD_TIME + held] = time
        S[k, source + p.HELD_PRICE + held] = price
        S[k, source + p.HELD_SIZE + held] = size
    I[k, source + p.HELD] = min(held + 1, 2)
    return held < 2, dropped

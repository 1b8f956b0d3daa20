"""Admission inside the kernels: sessions, the place on the tape, trade ids, jumps."""

from tapewatch.engine import plan as p
from tapewatch.engine.jit import POOL_USED, helper, hot
from tapewatch.market.ticks import NO_ID

IDS = 64
"""Trade ids remembered per symbol and exchange; a row of the pool: exchange, next slot, ids."""
EXCHANGES = 32
"""Exchanges told apart per symbol; further ones share the last ring."""

# `resume[k]`: what to do with ticks after a restore; a positive number is that many ticks to skip.
RUNNING = 0
FIRST_AFTER_RESTORE = -1
SKIP_TO_PLACE = -2


@hot
def find_session(I, symbols, sessions, k, time):
    """Whether `time` is within the watch's hours; a new session is entered into the row."""
    if I[k, p.EXTENDED_OPEN] <= time < I[k, p.EXTENDED_CLOSE]:
        return True
    session = session_at(symbols, sessions, k, time)
    if session < 0:
        return False
    opens = sessions[session, 2 if symbols[k].extended else 0]
    if opens > I[k, p.EXTENDED_OPEN]:  # else it is out of order, and the row stays with the newer session
        # A market that never shuts has no breaks, and before the first tick there was nothing to break.
        if I[k, p.GAP] != p.NOTHING_ADMITTED and opens > I[k, p.EXTENDED_CLOSE]:
            I[k, p.GAP] = p.AFTER_BREAK
        enter_session(I, symbols, sessions, k, session)
    return True


@helper
def session_at(symbols, sessions, k, time):
    """The row of the session in whose hours `time` is, or -1."""
    hours = 2 if symbols[k].extended else 0
    low, end = symbols[k].sessions, symbols[k].sessions_end
    high = end
    while low < high:  # the first session that closes after `time`
        middle = (low + high) // 2
        if sessions[middle, hours + 1] <= time:
            low = middle + 1
        else:
            high = middle
    return low if low < end and time >= sessions[low, hours] else -1


@helper
def enter_session(I, symbols, sessions, k, session):
    """Writes the hours of a session into the row."""
    hours = 2 if symbols[k].extended else 0
    I[k, p.OPEN] = sessions[session, 0]
    I[k, p.CLOSE] = sessions[session, 1]
    I[k, p.EXTENDED_OPEN] = sessions[session, hours]
    I[k, p.EXTENDED_CLOSE] = sessions[session, hours + 1]


@hot
def skips(I, resume, k, time):
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


@hot
def seen(pool, rings, k, exchange, trade, out):
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


@hot
def held_back(S, I, k, time, price, size, max_jump):
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

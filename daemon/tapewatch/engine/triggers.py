"""Levels and zones: Schmitt triggers that are prompt on the first touch.

A trigger's memory is three bits: whether it has a side at all, whether that side is above, and whether it is armed,
that is whether price has been at least the band beyond the level on that side since.
"""

from tapewatch.engine.events import (
    BROKE_ABOVE,
    BROKE_BELOW,
    CROSSED_UP,
    ENTERED_FROM_ABOVE,
    ENTERED_FROM_BELOW,
    JUMPED_DOWN,
    JUMPED_UP,
    NOTHING,
    REJECTED_DOWN,
    REJECTED_UP,
)
from tapewatch.engine.jit import hot

KNOWN = 1
ABOVE = 2
ARMED = 4

EDGE_BITS = 3
"""A zone keeps its low edge in the lowest three bits, its high edge in the next three, then how it was entered."""
EDGE = 7
ENTRY_SHIFT = 6
FROM_START = 0
FROM_BELOW = 1
FROM_ABOVE = 2


@hot
def trigger(memory, price, level, band, passed):
    """One tick at a level: the trigger's new memory, and +1, -1 or 0 for crossed up, down or not.

    Args:
        memory: the three bits.
        price: the tick's.
        level: where the trigger stands.
        band: the re-arm band, points.
        passed: whether price counts as above: at or over a level, over a zone's high edge.
    """
    if not memory & KNOWN:
        return KNOWN | ARMED | (ABOVE if passed else 0), 0
    far_above = price >= level + band
    far_below = price <= level - band
    if memory & ABOVE:
        if not passed if memory & ARMED else far_below:
            return KNOWN | (ARMED if far_below else 0), -1
        return memory | (ARMED if far_above else 0), 0
    if passed if memory & ARMED else far_above:
        return KNOWN | ABOVE | (ARMED if far_above else 0), 1
    return memory | (ARMED if far_below else 0), 0


@hot
def zone(memory, price, low, high, band_low, band_high):
    """One tick at a zone: its new memory, and the type of the event or NOTHING.

    Whoever leaves by the edge opposite to the one it came in by, or was inside from the start, broke it.
    """
    low_before = memory & EDGE
    high_before = (memory >> EDGE_BITS) & EDGE
    entry = memory >> ENTRY_SHIFT
    low_after, at_low = trigger(low_before, price, low, band_low, price >= low)
    high_after, at_high = trigger(high_before, price, high, band_high, price > high)
    event = NOTHING
    if at_low > 0 and at_high > 0:
        event = JUMPED_UP
    elif at_low < 0 and at_high < 0:
        event = JUMPED_DOWN
    elif at_low > 0:
        event, entry = ENTERED_FROM_BELOW, FROM_BELOW
    elif at_high < 0:
        event, entry = ENTERED_FROM_ABOVE, FROM_ABOVE
    elif at_high > 0:
        event = REJECTED_UP if entry == FROM_ABOVE else BROKE_ABOVE
    elif at_low < 0:
        event = REJECTED_DOWN if entry == FROM_BELOW else BROKE_BELOW
    return (entry << ENTRY_SHIFT) | (high_after << EDGE_BITS) | low_after, event


@hot
def holds(event, close, low, high):
    """Whether a close is on the side, or in the place, that a level's (low == high) or a zone's event named."""
    if event in (ENTERED_FROM_BELOW, ENTERED_FROM_ABOVE):
        return low <= close <= high
    if event in (BROKE_ABOVE, REJECTED_UP, JUMPED_UP):
        return close > high
    if event in (BROKE_BELOW, REJECTED_DOWN, JUMPED_DOWN):
        return close < low
    return close >= low if event == CROSSED_UP else close < low


def first_sight(price: float, low: float, high: float | None = None) -> int:
    """The memory of a level at `low`, or of a zone, that has seen one price."""
    if high is None:
        return KNOWN | ARMED | (ABOVE if price >= low else 0)
    at_high = KNOWN | ARMED | (ABOVE if price > high else 0)
    return at_high << EDGE_BITS | first_sight(price, low)

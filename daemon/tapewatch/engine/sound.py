"""Whether a state that came back from a store may be given to the kernels.

They check no bounds, and a store may be hostile. So numbers that say where to read or write, or how often, or that
Python makes a name or a time of, are looked at here. What all others say may be wrong, and harms no memory.
"""

import struct
import zlib
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from tapewatch.engine import plan as p
from tapewatch.engine.admission import EXCHANGES, IDS
from tapewatch.engine.events import NOTHING, TYPE_NAMES
from tapewatch.engine.layout import Layout

NONSENSE = (ArithmeticError, LookupError, RecursionError, TypeError, ValueError, struct.error, zlib.error)
"""What reading bytes may raise that no engine wrote."""

_LATEST = 7_258_118_400
"""The year 2200, s."""
_MOST_HELD = 2
_MOST_BEFORE = 0xFFFF


def faults(
    layout: Layout, tables: p.Tables, symbol: int, row: NDArray[np.float64], rings: NDArray[np.float64]
) -> Iterator[str]:
    """What in a symbol's state no engine would have written.

    Args:
        layout: the symbol's.
        tables: the engine's plan.
        symbol: its number.
        row, rings: its state.
    """
    whole = row.view(np.int64)
    sessions = layout.watch.sessions
    opens = sessions.extended_opens if layout.watch.extended else sessions.opens
    legs = (layout.legs, layout.legs + p.SOURCE_FIELDS) if layout.legs >= 0 else ()
    for source in (p.SOURCE, *legs):
        if not 0 <= whole[source + p.HELD] <= _MOST_HELD:
            yield "the ticks held back"
        if source in legs and whole[source + p.SESSION] and whole[source + p.SESSION] not in opens:
            yield "a leg's session"
    own = tables.symbols[symbol]
    rules = tables.rules[own["rules"] : own["rules_end"]]
    conditional = rules["kind"] == p.CONDITION
    yield from _of_levels(rules[~conditional & (rules["frame"] >= 0)], whole)
    for rule in rules[conditional]:
        condition = tables.conditions[rule["condition"]]
        if condition["timer"] >= 0:
            yield from _of_timer(int(condition["timer"]), whole)
        if condition["kind"] == p.DIVERGENCE:
            yield from _of_divergence(int(rule["state"]), int(condition["ring"]), whole, rings)


def _of_levels(confirmed: NDArray[np.void], whole: NDArray[np.int64]) -> Iterator[str]:
    """Of levels and zones that wait for a close."""
    for pending in whole[confirmed["state"] + p.PENDING].tolist():
        if not _is_event((pending & 0xFF) - 1) or not 0 <= pending >> 8 <= _MOST_BEFORE:
            yield "what a close is to confirm"


def _of_timer(timer: int, whole: NDArray[np.int64]) -> Iterator[str]:
    if not _is_event(int(whole[timer + p.TIMER_EVENT]) - 1) or not -1 <= whole[timer + p.TIMER_WAY] <= 1:
        yield "what a timer is for"


def _of_divergence(
    state: int, ring: int, whole: NDArray[np.int64], rings: NDArray[np.float64]
) -> Iterator[str]:
    starts = rings[ring + 3 : ring + 4 * p.WINDOW : 4]
    pivots = whole[[state + p.HIGH_PIVOT + 1, state + p.LOW_PIVOT + 1]]
    known = [*starts[~np.isnan(starts)].tolist(), *pivots.tolist()]
    if not all(0 <= start < _LATEST for start in known):
        yield "a pivot's time"


def id_faults(ids: NDArray[np.int64]) -> Iterator[str]:
    """What in the rings of trade ids no engine would have written; rows of the pool."""
    if len(ids) > EXCHANGES:
        yield "the number of exchanges"
    if ((ids[:, 1] < 0) | (ids[:, 1] >= IDS)).any():
        yield "the next slot of a ring"


def _is_event(number: int) -> bool:
    return number == NOTHING or 0 <= number < len(TYPE_NAMES)

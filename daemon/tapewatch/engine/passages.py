"""The net of what price did at a level or zone: where it was before against where it is after.

Price is in one of three places: below, inside (of a zone alone), above. How it went from one to the other matters
only if both are the same.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from tapewatch.engine import events as ev
from tapewatch.engine import plan as p
from tapewatch.engine import triggers as tr
from tapewatch.engine.backfill import Path
from tapewatch.engine.rules import way_of

BELOW, INSIDE, ABOVE = -1, 0, 1

_FROM_TO = {
    ev.CROSSED_UP: (BELOW, ABOVE),
    ev.CROSSED_DOWN: (ABOVE, BELOW),
    ev.ENTERED_FROM_BELOW: (BELOW, INSIDE),
    ev.ENTERED_FROM_ABOVE: (ABOVE, INSIDE),
    ev.BROKE_ABOVE: (INSIDE, ABOVE),
    ev.BROKE_BELOW: (INSIDE, BELOW),
    ev.REJECTED_UP: (INSIDE, ABOVE),
    ev.REJECTED_DOWN: (INSIDE, BELOW),
    ev.JUMPED_UP: (BELOW, ABOVE),
    ev.JUMPED_DOWN: (ABOVE, BELOW),
}
_ENTRIES = frozenset({ev.ENTERED_FROM_BELOW, ev.ENTERED_FROM_ABOVE})
_EXITS = frozenset({ev.BROKE_ABOVE, ev.BROKE_BELOW, ev.REJECTED_UP, ev.REJECTED_DOWN})
_CAME_FROM = {BELOW: tr.FROM_BELOW, ABOVE: tr.FROM_ABOVE}
_EDGES = (1 << tr.ENTRY_SHIFT) - 1


@dataclass(frozen=True)
class Trigger:
    """A level or zone, or a condition that is one."""

    zone: bool
    low: float
    high: float
    says: frozenset[int]
    """Types that it reports."""
    lasting: bool = False
    """Whether it fires when a `for` is over."""


@dataclass(frozen=True)
class Passage:
    """What is reported of one rule."""

    of: int
    """Index of the event that it is made from."""
    kind: int
    way: int
    price: float
    time: int


def trigger_of(rule: np.void, condition: np.void | None) -> Trigger | None:
    """The trigger of a row of `RULE` and its row of `CONDITIONS`; None: it is not about where price is."""
    edges = float(rule["low"]), float(rule["high"])
    if condition is None:
        return Trigger(rule["kind"] == p.ZONE, *edges, frozenset(_FROM_TO))
    ways, lasting = int(condition["directions"]), bool(condition["timer"] >= 0)
    if condition["kind"] == p.PRICE_CROSS:
        sides = {ev.CROSSED_UP: p.UP, ev.CROSSED_DOWN: p.DOWN}
        return Trigger(False, *edges, frozenset(kind for kind, way in sides.items() if ways & way), lasting)
    if condition["kind"] == p.PRICE_ZONE:
        return Trigger(True, *edges, _ENTRIES if ways & p.UP else _EXITS, lasting)
    return None


def net(
    own: Trigger, fired: NDArray[np.void], before: int | None, after: int | None, path: Path, until: int
) -> Passage | None:
    """What is reported of all that a trigger fired, if anything.

    Args:
        own: the trigger.
        fired: rows of `EVENT`, at least one, in their order.
        before: its memory before the outage; None if it was taken anew meanwhile.
        after: the same afterwards.
        path: what price did meanwhile.
        until: ns, when its level ceased to be.
    """
    first, last = (_FROM_TO[int(fired["type"][i])] for i in (0, -1))
    was, is_ = _place(own, before, first[0]), _place(own, after, last[1])
    there = [i for i, kind in enumerate(fired["type"].tolist()) if _FROM_TO[kind][1] == is_]
    if there and (was != is_ or own.lasting):
        row = fired[there[-1]]
        kind = int(row["type"]) if was == is_ else _leading(own, was, is_, before)
        lasted = bool(row["lasted"])
        time = int(row["time"])
        if lasted or row["frame"] < 0:
            time = path.shown(time, lasted=lasted)
        passage = Passage(there[-1], kind, int(way_of.py_func(kind)), float(row["price"]), time)
        return passage if kind in own.says else None
    gone = [i for i, kind in enumerate(fired["type"].tolist()) if _FROM_TO[kind][0] == was]
    return _touched(own, fired, gone, was, path, until) if gone and was == is_ else None


def entry_kept(own: Trigger, fired: NDArray[np.void], before: int | None, after: int) -> int:
    """The memory of a zone afterwards, its entry as it was reported: from where price was before the outage."""
    was = _place(own, before, _FROM_TO[int(fired["type"][0])][0])
    if not own.zone or _place(own, after, INSIDE) != INSIDE:
        return after
    entry = _CAME_FROM.get(was, (before or 0) >> tr.ENTRY_SHIFT)
    return (after & _EDGES) | entry << tr.ENTRY_SHIFT


def _place(own: Trigger, memory: int | None, otherwise: int) -> int:
    if memory is None or not memory & tr.KNOWN:
        return otherwise
    if own.zone and memory >> tr.EDGE_BITS & tr.ABOVE:
        return ABOVE
    over_low = INSIDE if own.zone else ABOVE
    return over_low if memory & tr.ABOVE else BELOW


def _leading(own: Trigger, was: int, is_: int, memory: int | None) -> int:
    """The type that leads from one place to another."""
    up = is_ > was
    if not own.zone:
        return ev.CROSSED_UP if up else ev.CROSSED_DOWN
    if is_ == INSIDE:
        return ev.ENTERED_FROM_BELOW if up else ev.ENTERED_FROM_ABOVE
    if was != INSIDE:
        return ev.JUMPED_UP if up else ev.JUMPED_DOWN
    entry = (memory or 0) >> tr.ENTRY_SHIFT
    if up:
        return ev.REJECTED_UP if entry == tr.FROM_ABOVE else ev.BROKE_ABOVE
    return ev.REJECTED_DOWN if entry == tr.FROM_BELOW else ev.BROKE_BELOW


def _touched(
    own: Trigger, fired: NDArray[np.void], gone: list[int], was: int, path: Path, until: int
) -> Passage:
    """Price left its place and came back: how far it went, and when."""
    row = fired[gone[0]]
    since = 0 if own.lasting else int(row["time"])
    kind = ev.ZONE_TOUCHED if own.zone else ev.LEVEL_TOUCHED
    here = Passage(gone[-1], kind, 0, float(row["price"]), int(row["time"]))
    ways = []
    for way in (1, -1) if was == INSIDE else (-was,):
        price, time = path.farthest(way, since, until) or (here.price, here.time)
        if way * here.price > way * price:  # a close that crossed; the ticks after it went less far
            price, time = here.price, here.time
        ways.append(replace(here, way=way, price=price, time=time))
    return max(ways, key=lambda end: end.price - own.high if end.way > 0 else own.low - end.price)

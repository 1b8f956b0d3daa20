"""What is reported of all that fired on history: of each rule at most one thing (docs/design.md, Outages).

Beside it a close may confirm, or fail, what a rule had said before the outage. The rest is forgotten: nothing
follows it later, and it used up no frequency.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tapewatch.engine import events as ev
from tapewatch.engine import plan as p
from tapewatch.engine.backfill import Path
from tapewatch.engine.events import EVENT, Events
from tapewatch.engine.layout import Layout
from tapewatch.engine.passages import entry_kept, net, trigger_of
from tapewatch.engine.rules import count_fired, way_of
from tapewatch.engine.triggers import holds


class _Told(NamedTuple):
    of: int
    """Index of the event that it is made from."""
    row: np.void


class Late:
    """Nets what fires on the history of one symbol. It is made before that is put in.

    Args:
        layout: of the symbol.
        tables: the engine's plan.
        whole: the engine's state as int64, a row a symbol; what is not reported is forgotten in it.
        symbol: its row.
        path: what price did meanwhile.
    """

    def __init__(
        self, layout: Layout, tables: p.Tables, whole: NDArray[np.int64], symbol: int, path: Path
    ) -> None:
        self._sessions, self._path = layout.watch.sessions, path
        self._whole, self._symbol = whole, symbol
        self._row = whole[symbol]
        self._before = self._row.copy()
        own = tables.symbols[symbol]
        self._rules = tables.rules[own["rules"] : own["rules_end"]]
        self._conditions = tables.conditions

    def net(self, raw: Events) -> Events:
        """What is to be reported of all that fired, in the order of time."""
        told = sorted(self._told(raw.rows), key=lambda own: int(own.row["time"]))
        rows = np.array([own.row for own in told], EVENT)
        rows["gap"], rows["late"] = ev.AFTER_OUTAGE, 1
        return Events(rows, raw.values[[own.of for own in told]])

    def _told(self, raw: NDArray[np.void]) -> Iterator[_Told]:
        follows = raw["follows"] != ev.NOTHING
        for r in range(len(self._rules)):
            of_rule = raw["rule"] == r
            happened = np.flatnonzero(of_rule & ~follows)
            if len(happened):
                yield from self._happened(r, raw, happened)
            yield from self._confirmed(r, raw, np.flatnonzero(of_rule & follows))

    def _happened(self, r: int, raw: NDArray[np.void], happened: NDArray[np.int64]) -> Iterator[_Told]:
        """The one thing that is reported of a rule; the engine remembers to have said that, and nothing else."""
        rule = self._rules[r]
        condition = None if rule["condition"] < 0 else self._conditions[rule["condition"]]
        fired = rule["state"] + p.FIRED if condition is None else condition["fired"]
        counts = slice(fired, fired + p.FIRED_FIELDS) if fired >= 0 else slice(0)
        self._row[counts] = self._before[counts]
        told = self._passage(rule, condition, raw, happened)
        if told is not None:
            touched = told.row["type"] in (ev.LEVEL_TOUCHED, ev.ZONE_TOUCHED)
            told.row["before"] = 0 if fired < 0 or touched else self._count(fired, told.row)
            yield told
        elif condition is not None and condition["last_fired"] >= 0:
            self._row[condition["last_fired"]] = self._before[condition["last_fired"]]

    def _passage(
        self, rule: np.void, condition: np.void | None, raw: NDArray[np.void], happened: NDArray[np.int64]
    ) -> _Told | None:
        """The net of a level or zone; of any other condition what fired last."""
        own = trigger_of(rule, condition)
        if own is None:
            at = int(happened[-1])
            row = raw[at].copy()
            if row["forming"] or row["lasted"] or row["frame"] < 0:
                row["time"] = self._path.shown(int(row["time"]), lasted=bool(row["lasted"]))
            return _Told(at, row)
        before: int | None = int(self._before[rule["state"]])
        after: int | None = int(self._row[rule["state"]])
        until = p.NEVER
        if condition is not None and condition["anchor"] != p.STEADY:
            sessions = np.array([self._sessions.at(int(raw["time"][i]) - 1) for i in happened])
            happened, before = happened[sessions == sessions[-1]], None
            until = int(self._sessions.extended_closes[sessions[-1]])
            if int(self._path.ends[-1]) > until:
                after = None
        fired = raw[happened]
        if after is not None:
            self._row[rule["state"]] = entry_kept(own, fired, before, after)
        passage = net(own, fired, before, after, self._path, until)
        if passage is None:
            return None
        row = fired[passage.of].copy()
        if passage.kind in (ev.LEVEL_TOUCHED, ev.ZONE_TOUCHED):
            row["frame"], row["lasted"] = -1, 0
        row["type"], row["direction"] = passage.kind, passage.way
        row["price"], row["time"] = passage.price, passage.time
        return _Told(int(happened[passage.of]), row)

    def _count(self, fired: int, row: np.void) -> int:
        """How many such the rule said at that time before."""
        return int(count_fired.py_func(self._whole, self._symbol, fired, int(row["type"]), int(row["time"])))

    def _confirmed(self, r: int, raw: NDArray[np.void], followed: NDArray[np.int64]) -> Iterator[_Told]:
        """The first close looks at what was said before the outage, whatever happened in that bar since."""
        rule = self._rules[r]
        if rule["kind"] == p.CONDITION or rule["frame"] < 0:
            return
        at = slice(rule["state"] + p.PENDING_TIME, rule["state"] + p.PENDING_END)
        time, pending = self._before[at].tolist()
        self._row[at] = (0, 0) if len(followed) else (time, pending)
        if not pending or not len(followed):
            return
        first = int(followed[0])
        row, said = raw[first].copy(), (pending & 255) - 1
        good = holds.py_func(said, float(row["price"]), float(rule["low"]), float(rule["high"]))
        if rule["kind"] == p.LEVEL:
            row["type"] = ev.LEVEL_CONFIRMED if good else ev.LEVEL_FAILED
        else:
            row["type"] = ev.ZONE_CONFIRMED if good else ev.ZONE_FAILED
        row["direction"] = way_of.py_func(said)
        row["follows"], row["follows_before"], row["follows_time"] = said, pending >> 8, time
        yield _Told(first, row)

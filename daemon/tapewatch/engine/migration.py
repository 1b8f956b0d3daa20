"""From the state of one layout to that of another: what a changed watch left as it was keeps its bits.

A new indicator is computed from the closes that are still known; a new level takes its side from the last price.
"""

from collections.abc import Sequence
from math import nan

import numpy as np
from numpy.typing import NDArray

from tapewatch.engine import arithmetic, plan, shape, triggers
from tapewatch.engine.indicators import REMEMBERS, Indicator, parse_indicator
from tapewatch.engine.layout import Layout
from tapewatch.engine.parts import Crosses, Enters, Leaves, Price
from tapewatch.engine.sections import Numbers, Sections, bars, closes, rule_name, values
from tapewatch.engine.watch import ConditionRule, LevelRule, Rule, ZoneRule
from tapewatch.market.timeframes import DAY


class Migration:
    """Carries one symbol's state over.

    Args:
        layout: the new layout.
        sections: its sections.
        row, rings: the new state, as of a symbol of which nothing is known; it is written to.
    """

    def __init__(self, layout: Layout, sections: Sections, row: Numbers, rings: Numbers) -> None:
        self._layout = layout
        self._sections = sections
        self._row = row
        self._rings = rings

    def run(self, sections: Sections, row: Numbers, rings: Numbers) -> list[str]:
        """Takes what it can from the state `row`, `rings` of other `sections`.

        Returns:
            Names of what begins anew and can only come from history: `1h`, a whole timeframe; `atr(14)@1d`.
        """
        for name, stretch in self._sections.stretches.items():
            old = sections.stretches.get(name)
            if old is not None and old.fields == stretch.fields:
                stretch.of(self._row, self._rings)[:] = old.of(row, rings)
        self._find_anew()
        watch = self._layout.watch
        kept = [own for own in watch.timeframes if bars(own) in sections.stretches]
        for timeframe in kept:
            old_closes = sections.stretches[closes(timeframe)].of(row, rings)
            self._rearrange_closes(timeframe, old_closes)
        self._enter_hours()
        self._take_sides([rule for rule in watch.rules if rule_name(rule) not in sections.stretches])
        missing = [own for own in watch.timeframes if own not in kept]
        for timeframe in kept:
            for own in watch.indicators:
                name = f"{own}@{timeframe}"
                if values(name) not in sections.stretches and not self._seed(own, timeframe):
                    missing.append(name)
        return missing

    def _find_anew(self) -> None:
        """What depends on all rules and timeframes at once is found by the next tick."""
        self._row[plan.QUIET_LOW] = self._row[plan.QUIET_HIGH] = 0.0
        numbers = self._row.view(np.int64)
        numbers[plan.NEXT_DUE] = 1
        if DAY not in self._layout.watch.timeframes:
            numbers[plan.SETTLE_DUE] = 0

    def graft(self, name: str, row: Numbers, rings: Numbers) -> bool:
        """Takes a timeframe, or an indicator of one, from another state of this layout; False if that has none."""
        indicator, _, timeframe = name.rpartition("@")
        if not indicator:
            taken = self._graft_timeframe(timeframe, row, rings)
        else:
            taken = self._graft_indicator(parse_indicator(indicator), timeframe, row, rings)
        self._find_anew()
        return taken

    def _graft_timeframe(self, timeframe: str, row: Numbers, rings: Numbers) -> bool:
        for name, stretch in self._sections.stretches.items():
            if name.rstrip("=").endswith(f"@{timeframe}"):
                stretch.of(self._row, self._rings)[:] = stretch.of(row, rings)
        if timeframe == DAY:
            of_session = [plan.TURNOVER, plan.PREVIOUS_HIGH, plan.PREVIOUS_LOW, plan.PREVIOUS_CLOSE]
            self._row[of_session] = row[of_session]
        return bool(self._field(timeframe, plan.COUNT)[0] or self._field(timeframe, plan.END)[0])

    def _graft_indicator(self, own: Indicator, timeframe: str, row: Numbers, rings: Numbers) -> bool:
        """Only if both states have closed the same bar last, and enough of them."""
        there = self._sections.stretches[bars(timeframe)].of(row, rings).view(np.int64)
        count, closed_end = (self._field(timeframe, field)[0] for field in (plan.COUNT, plan.CLOSED_END))
        if closed_end != there[plan.CLOSED_END] or min(there[plan.COUNT], count) < shape.bars_needed(own):
            return False
        for name in (f"{own}@{timeframe}", values(f"{own}@{timeframe}")):
            stretch = self._sections.stretches[name]
            stretch.of(self._row, self._rings)[:] = stretch.of(row, rings)
        self._fill_closes(timeframe, int(there[plan.COUNT]), row, rings)
        self._cool(own, timeframe, int(there[plan.COUNT]))
        return True

    def _fill_closes(self, timeframe: str, count: int, row: Numbers, rings: Numbers) -> None:
        """Closes that are not known here, from the other state, which has closed `count` bars, the last one too."""
        there = self._sections.stretches[closes(timeframe)].of(row, rings)
        here = self._sections.stretches[closes(timeframe)].of(self._row, self._rings)
        own_count = int(self._field(timeframe, plan.COUNT)[0])
        for back in range(1, min(len(here), count, own_count) + 1):
            slot = (own_count - back) % len(here)
            if np.isnan(here[slot]):
                here[slot] = there[(count - back) % len(there)]

    def _cool(self, own: Indicator, timeframe: str, seen: int) -> None:
        """A new indicator that has seen so many bars may not be warm yet, where the others are."""
        if own.kind in REMEMBERS:
            warm_at = self._field(timeframe, plan.WARM_AT)
            count = int(self._field(timeframe, plan.COUNT)[0])
            warm_at[0] = max(int(warm_at[0]), count + plan.WARM_BARS - seen)

    def _field(self, timeframe: str, field: int) -> NDArray[np.int64]:
        """A whole number among a timeframe's bar fields, as a view of one."""
        stretch = self._sections.stretches[bars(timeframe)]
        return stretch.of(self._row, self._rings).view(np.int64)[field : field + 1]

    def _rearrange_closes(self, timeframe: str, old: Numbers) -> None:
        """The last closes into a ring of another size; those that the old one did not hold are not numbers."""
        new = self._sections.stretches[closes(timeframe)].of(self._row, self._rings)
        if len(new) == len(old):
            return
        count = int(self._field(timeframe, plan.COUNT)[0])
        for n in range(max(0, count - len(new)), count):
            new[n % len(new)] = old[n % len(old)] if n >= count - len(old) else nan

    def _known_closes(self, timeframe: str) -> list[float]:
        """The last closes without a gap, oldest first."""
        ring = self._sections.stretches[closes(timeframe)].of(self._row, self._rings)
        count = int(self._field(timeframe, plan.COUNT)[0])
        found: list[float] = []
        for n in range(count - 1, max(0, count - len(ring)) - 1, -1):
            if np.isnan(close := float(ring[n % len(ring)])):
                break
            found.insert(0, close)
        return found

    def _seed(self, own: Indicator, timeframe: str) -> bool:
        """Computes a new indicator from the closes that are known; False if they do not suffice."""
        known = self._known_closes(timeframe)
        count = int(self._field(timeframe, plan.COUNT)[0])
        if own.kind == "vwap":
            return True
        state = self._sections.stretches[f"{own}@{timeframe}"].of(self._row, self._rings)
        if own.kind == "atr" or (len(known) < count and len(known) < shape.bars_needed(own)):
            state[:] = nan
            return count == 0
        state[:] = seeded(own, known)
        self._cool(own, timeframe, len(known))
        return True

    def _enter_hours(self) -> None:
        """The hours of the session that the row is in: regular or extended, as the watch has it now."""
        hours = self._row.view(np.int64)
        own = self._layout.watch.sessions
        i = int(np.searchsorted(own.opens, hours[plan.OPEN]))
        if i == len(own.opens) or own.opens[i] != hours[plan.OPEN]:
            return
        extended = self._layout.watch.extended
        opens, ends = (own.extended_opens, own.extended_closes) if extended else (own.opens, own.closes)
        if hours[plan.PREVIOUS_OF] == hours[plan.EXTENDED_OPEN]:
            hours[plan.PREVIOUS_OF] = opens[i]
        hours[plan.EXTENDED_OPEN], hours[plan.EXTENDED_CLOSE] = opens[i], ends[i]

    def _take_sides(self, rules: Sequence[Rule]) -> None:
        """New levels and zones take their sides from the last price, as from a first tick."""
        last = float(self._row[plan.LAST])
        for rule in rules if last else ():
            edges = self._edges(rule)
            if edges:
                state = self._sections.stretches[rule_name(rule)].of(self._row, self._rings)
                state.view(np.int64)[plan.MEMORY] = triggers.first_sight(last, *edges)

    def _edges(self, rule: Rule) -> tuple[float, ...]:
        """Where a rule's level stands, or its zone's edges; empty if it is about neither, or has no value."""
        match rule:
            case LevelRule():
                return (rule.price,)
            case ZoneRule():
                return rule.low, rule.high
            case ConditionRule(event=Crosses(Price(), _, float(level))):
                return (level,)
            case ConditionRule(event=Enters(Price(), low, high) | Leaves(Price(), low, high)):
                return low, high
        return ()


def seeded(own: Indicator, known: Sequence[float]) -> list[float]:
    """The state that an indicator of closes alone has after `known`, as if they were all there ever were."""
    period = int(own.periods[0])
    match own.kind:
        case "sma":
            return [sum(known[len(known) - min(period - 1, len(known)) :])]
        case "roc":
            return [known[-period] if len(known) >= period else 0.0]
        case "bb":
            last = known[len(known) - min(period - 1, len(known)) :]
            anchor = last[-1] if last else 0.0
            return [sum(x - anchor for x in last), sum((x - anchor) ** 2 for x in last), anchor]
    state = [0.0] * plan.OP_STATE[own.kind]
    periods = tuple(int(number) for number in own.periods)
    shares = [shape.share_of_newest(own.kind, number) for number in periods]
    previous = nan
    for n, close in enumerate(known):
        if own.kind == "ema":
            state[0], _ = arithmetic.ema(state[0], close, n, period, shares[0])
        elif own.kind == "rsi":
            *state, _ = arithmetic.rsi(*state, previous, close, n, period, shares[0])
        else:
            *state, _, _, _ = arithmetic.macd(*state, close, n, *periods, *shares)
        previous = close
    return state

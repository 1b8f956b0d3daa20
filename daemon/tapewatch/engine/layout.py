"""Watches compiled to the tables that the kernels walk, and where each one's state stands."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile
from math import inf, nan
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tapewatch.engine import parts as say
from tapewatch.engine import plan as p
from tapewatch.engine.indicators import RANGE, Indicator, Value
from tapewatch.engine.shape import Piece, Shape, shape_of
from tapewatch.engine.watch import Band, ConditionRule, LevelRule, Rule, Watch, ZoneRule
from tapewatch.market.ticks import NS
from tapewatch.market.timeframes import DAY, duration_ns


@dataclass(frozen=True, eq=False)
class Layout:
    """Where things stand in one symbol's row, for the code outside the kernels."""

    watch: Watch
    shape: Shape
    rule_starts: NDArray[np.int32]
    """Where each rule's state begins in the row, and in the rings; a last line says where the last one ends."""
    width: int
    ring_width: int
    legs: int
    undo: int

    @property
    def value_names(self) -> tuple[str, ...]:
        """`rsi(14)@1m` and so on, in the order in which the values stand in the row."""
        return self.shape.value_names

    @property
    def values(self) -> int:
        """Offset of the values in the row."""
        return self.shape.values

    def rule(self, index: int) -> Piece:
        """What belongs to a rule."""
        (state, ring), (state_end, ring_end) = self.rule_starts[index : index + 2].tolist()
        return Piece(state, state_end, ring, ring_end)


def compile_watches(watches: Sequence[Watch]) -> tuple[p.Tables, tuple[Layout, ...]]:
    """The tables and layouts of `watches`, one symbol each, in their order."""
    symbols = np.zeros(len(watches), p.SYMBOL)
    frames: list[int] = []
    ops: list[tuple[float, ...]] = []
    rules: list[tuple[float, ...]] = []
    conditions: list[tuple[float, ...]] = []
    parts: list[tuple[float, ...]] = []
    layouts: list[Layout] = []
    shapes: dict[Shape, tuple[int, int, int]] = {}
    calendars: dict[str, tuple[int, int]] = {}
    sessions: list[NDArray[np.int64]] = []
    for row, watch in zip(symbols, watches, strict=True):
        builder = _Builder(watch, len(conditions), len(parts))
        if builder.shape not in shapes:
            shapes[builder.shape] = (len(frames), len(ops), len(ops) + len(builder.shape.ops))
            frames += [0 if name == DAY else duration_ns(name) for name in watch.timeframes]
            ops += builder.shape.ops
        calendar = watch.sessions.calendar
        if calendar not in calendars:
            start = sum(map(len, sessions))
            calendars[calendar] = (start, start + len(watch.sessions.opens))
            sessions.append(_session_rows(watch))
        row["frames"], row["ops"], row["ops_end"] = shapes[builder.shape]
        row["rules"], row["rules_end"] = len(rules), len(rules) + len(builder.rules)
        row["sessions"], row["sessions_end"] = calendars[calendar]
        builder.fill(row)
        rules += builder.rules
        conditions += builder.conditions
        parts += builder.parts
        layouts.append(builder.layout())
    tables = p.Tables(
        symbols,
        np.array(frames, np.int64),
        np.array(ops, p.OP),
        np.array(rules, p.RULE),
        np.array(conditions, p.CONDITIONS),
        np.array(parts, p.PART),
        np.ascontiguousarray(np.concatenate(sessions)),
    )
    return tables, tuple(layouts)


def _session_rows(watch: Watch) -> NDArray[np.int64]:
    own = watch.sessions
    hours = [own.opens, own.closes, own.extended_opens, own.extended_closes, own.open_times]
    return np.stack(hours, axis=1)


class _Builder:
    """Lays out one watch: its rules as table rows, its offsets in the state.

    Args:
        watch: the watch.
        first_condition, first_part: rows that the tables have already.
    """

    def __init__(self, watch: Watch, first_condition: int, first_part: int) -> None:
        self.watch = watch
        self.shape = shape_of(watch.timeframes, watch.indicators, _spans(watch))
        self.n_frames = len(watch.timeframes)
        self.first_condition = first_condition
        self.first_part = first_part
        self.width, self.ring_width = self.shape.width, self.shape.ring_width
        self.conditions: list[tuple[float, ...]] = []
        self.parts: list[tuple[float, ...]] = []
        self.starts: list[tuple[int, int]] = []
        self.rules = [self._rule(rule) for rule in watch.rules]
        self.starts.append((self.width, self.ring_width))
        self.legs = self._take(2 * p.SOURCE_FIELDS) if watch.legs else -1
        self.undo = -1
        if watch.settle_after and DAY in watch.timeframes:
            self.undo = self._take(3 + sum(p.OP_STATE[own.kind] for own in watch.indicators))

    def fill(self, row: np.void) -> None:
        """What the layout says, into the symbol's row of the plan."""
        watch, shape = self.watch, self.shape
        row["n_frames"] = self.n_frames
        row["values"], row["n_values"] = shape.values, len(shape.value_names)
        row["n_wide"] = len(shape.value_names) - len(shape.changes)
        row["ring"] = shape.ring
        row["day"] = self._frame(DAY) if DAY in watch.timeframes else -1
        row["legs"], row["undo"] = self.legs, self.undo
        row["fixed"] = self._fixed_rules()
        row["timers"] = any(isinstance(rule, ConditionRule) and rule.lasting for rule in watch.rules)
        row["extended"], row["max_jump"] = watch.extended, watch.max_jump
        row["settle_after"] = watch.settle_after // NS if self.undo >= 0 else 0

    def _fixed_rules(self) -> int:
        """How many of the first rules are levels and zones that never move, nor their bands."""
        first = takewhile(lambda rule: isinstance(rule, LevelRule | ZoneRule), self.watch.rules)
        return sum(1 for _ in takewhile(lambda rule: rule.band.unit != "atr", first))

    def layout(self) -> Layout:
        """The layout, for the code outside the kernels."""
        starts = np.array(self.starts, np.int32)
        return Layout(self.watch, self.shape, starts, self.width, self.ring_width, self.legs, self.undo)

    def _take(self, fields: int) -> int:
        offset = self.width
        self.width += fields
        return offset

    def _take_ring(self, fields: int) -> int:
        offset = self.ring_width
        self.ring_width += fields
        return offset

    def _frame(self, timeframe: str | None) -> int:
        return -1 if timeframe is None else self.watch.timeframes.index(timeframe)

    def _offset(self, operand: say.Operand) -> int:
        """Where an operand stands in the row."""
        match operand:
            case say.Price():
                return p.LAST
            case say.BarValue(field, timeframe):
                names = {
                    "open": p.BAR_OPEN,
                    "high": p.BAR_HIGH,
                    "low": p.BAR_LOW,
                    "close": p.BAR_CLOSE,
                    "volume": p.VOLUME,
                }
                return p.HEADER + names[field] * self.n_frames + self._frame(timeframe)
            case say.Previous(field):
                return {"high": p.PREVIOUS_HIGH, "low": p.PREVIOUS_LOW, "close": p.PREVIOUS_CLOSE}[field]
        return self.shape.values + self.shape.value_names.index(str(operand))

    def _rule(self, rule: Rule) -> tuple[float, ...]:
        state = self.width
        self.starts.append((state, self.ring_width))
        match rule:
            case LevelRule(_, price, band, confirm):
                self._take(p.PENDING_END if confirm else p.FIRED_END)
                place = {"frame": self._frame(confirm), "low": price, "high": price}
                return _row(p.LEVEL, state, on_ticks=1, **place, **self._bands(band, price))
            case ZoneRule(_, low, high, band, confirm):
                self._take(p.PENDING_END if confirm else p.FIRED_END)
                place = {"frame": self._frame(confirm), "low": low, "high": high}
                return _row(p.ZONE, state, on_ticks=1, **place, **self._bands(band, low, high))
            case ConditionRule():
                return self._condition(rule, state)

    def _condition(self, rule: ConditionRule, state: int) -> tuple[float, ...]:
        event = rule.event
        divergence = isinstance(event, say.Diverges)
        on_ticks = rule.on is None or (isinstance(event, say.Diverges) and event.forming)
        each_bar = (
            rule.frequency == "once per bar" and rule.bar == rule.on and not on_ticks
        )  # as it is checked
        frequency = p.ALWAYS if each_bar else p.FREQUENCIES[rule.frequency]
        self._take(p.PIVOTS_END if divergence else 1)
        first = self.first_part + len(self.parts)
        self.parts += [self._part(part) for part in rule.parts if not isinstance(part, say.Diverges)]
        states = first + (event is not None and not divergence)
        fields: dict[str, float] = {
            "parts": first,
            "states": states,
            "parts_end": self.first_part + len(self.parts),
            "fired": self._take(p.FIRED_FIELDS) if on_ticks else -1,
            "frequency": frequency,
            "bar": 0 if rule.bar == DAY else duration_ns(rule.bar),
            "lasting": rule.lasting,
            "timer": self._take(p.TIMER_FIELDS) if rule.lasting else -1,
            "last_fired": -1 if frequency == p.ALWAYS else self._take(1),
            "expires": p.NEVER if rule.expires is None else rule.expires,
            "first": rule.hours[0] if rule.hours else 0,
            "hours": rule.hours[1] - rule.hours[0] if rule.hours else 0,
        }
        index = self.first_condition + len(self.conditions)
        own, place = self._event(rule)
        self.conditions.append(tuple((_NO_CONDITION | fields | own).values()))
        return _row(
            p.CONDITION, state, frame=self._frame(rule.on), on_ticks=on_ticks, condition=index, **place
        )

    def _event(self, rule: ConditionRule) -> tuple[dict[str, float], dict[str, float]]:
        """What fires a condition: fields of its row in the table of conditions, and of the one of rules."""
        match rule.event:
            case say.Crosses(say.Price(), direction, right):
                own: dict[str, float] = {
                    "kind": p.PRICE_CROSS,
                    "about_price": 1,
                    "directions": _bits(direction),
                }
                if isinstance(right, float):
                    return own, {"low": right, "high": right, **self._bands(rule.band, right)}
                own["anchor"] = _anchor(right)
                return own, {"right": self._offset(right), **self._bands(rule.band)}
            case say.Enters(say.Price(), low, high) | say.Leaves(say.Price(), low, high):
                enters = isinstance(rule.event, say.Enters)
                own = {"kind": p.PRICE_ZONE, "about_price": 1, "directions": p.UP if enters else p.DOWN}
                return own, {"low": low, "high": high, **self._bands(rule.band, low, high)}
            case say.Crosses(_, direction, _):
                return {"directions": _bits(direction), "way": 1}, {}
            case say.Enters():
                return {"directions": p.UP}, {}
            case say.Leaves():
                return {"directions": p.DOWN}, {}
            case say.Diverges(value, kind, side, _):
                own = {
                    "kind": p.DIVERGENCE,
                    "directions": _bits({"bullish": "up", "bearish": "down", None: None}[side]),
                    "hidden": kind == "hidden",
                    "oscillator": self._offset(value),
                    "ring": self._take_ring(4 * p.WINDOW),
                }
                return own, {}
        return {"directions": p.UP, "way": _way(rule.states[0])}, {}

    def _part(self, part: say.Event | say.State) -> tuple[float, ...]:
        match part:
            case say.Crosses(left, _, right):
                return self._compared(p.AT_LEAST, left, right)
            case say.Compare(left, sign, right):
                return self._compared(p.SIGNS[sign], left, right)
            case say.Moves(direction, percent, _):
                up = direction == "up"
                return self._compared(p.AT_LEAST if up else p.AT_MOST, part.left, percent if up else -percent)
            case say.Within(left, distance, percent, right):
                near = {"distance": nan, "share": distance / 100} if percent else {"distance": distance}
                return self._compared(p.NEAR, left, right, **near)
            case say.Enters(left, low, high) | say.Leaves(left, low, high):
                return self._compared(p.INSIDE, left, low, high=high)
        raise TypeError(part)

    def _compared(
        self, kind: int, left: say.Operand, right: say.Operand | float, **more: float
    ) -> tuple[float, ...]:
        changes = isinstance(left, say.Change) or isinstance(right, say.Change)
        fields: dict[str, float] = {
            "kind": kind,
            "left": self._offset(left),
            "right": -1 if isinstance(right, float) else self._offset(right),
            "unknown": 0 if changes else p.UNKNOWN,
            "low": right if isinstance(right, float) else nan,
        }
        return tuple((_NO_PART | fields | more).values())

    def _bands(self, band: Band, low: float | None = None, high: float | None = None) -> dict[str, float]:
        """How wide the bands of a level, or of a zone's edges, are; of a level that moves, in its own measure."""
        if band.unit == "atr":
            day = self._frame(DAY)
            return {
                "band": p.RANGES,
                "band_low": band.size,
                "band_high": band.size,
                "range": self.shape.op_states[self.watch.indicators.index(RANGE)] + day,
                "range_count": p.HEADER + p.COUNT * self.n_frames + day,
            }
        if low is None:
            return {"band": p.FRACTION if band.unit == "fraction" else p.POINTS, "band_low": band.size}
        widest = inf if high is None else (high - low) / 2
        bands = [min(band.points(edge), widest) for edge in (low, low if high is None else high)]
        return {"band": p.POINTS, "band_low": bands[0], "band_high": bands[1]}


def _spans(watch: Watch) -> tuple[str, ...]:
    """The spans of the changes that its conditions read, each once."""
    operands = [
        operand
        for rule in watch.rules
        if isinstance(rule, ConditionRule)
        for part in rule.parts
        for operand in say.operands(part)
    ]
    return tuple(dict.fromkeys(own.span for own in operands if isinstance(own, say.Change)))


_NO_ROW: dict[str, float] = dict.fromkeys(p.RULE.names or (), nan) | {
    "frame": -1,
    "on_ticks": 0,
    "condition": -1,
    "right": -1,
    "band": p.POINTS,
    "range": -1,
    "range_count": -1,
}
_NO_CONDITION: dict[str, Any] = dict.fromkeys(p.CONDITIONS.names or (), 0) | {
    "kind": p.EDGE,
    "oscillator": -1,
    "ring": -1,
    "fired": -1,
    "timer": -1,
    "last_fired": -1,
    "expires": p.NEVER,
}
_NO_PART: dict[str, float] = dict.fromkeys(p.PART.names or (), nan)


def _row(kind: int, state: int, **fields: float) -> tuple[float, ...]:
    """A row of `p.RULE`; what is not named stands for none."""
    return tuple((_NO_ROW | {"kind": kind, "state": state} | fields).values())


def _bits(direction: str | None) -> int:
    return {"up": p.UP, "down": p.DOWN, None: p.UP | p.DOWN}[direction]


def _anchor(operand: say.Operand) -> int:
    """What a moving level is tied to."""
    match operand:
        case say.Previous():
            return p.OF_PREVIOUS
        case say.BarValue(_, "1d") | Value(Indicator("vwap")):
            return p.OF_SESSION
    return p.STEADY


def _way(state: say.State) -> int:
    """Which way price or an indicator went when a state came to hold."""
    match state:
        case say.Compare(_, sign, _):
            return 1 if sign in (">", ">=") else -1
        case say.Moves(direction, _, _):
            return 1 if direction == "up" else -1
    return 0

"""How near a rule that never fired came to it, as far as closed bars tell."""

from collections.abc import Callable, Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from tapewatch.alerts.build import iso_ns
from tapewatch.alerts.numbers import place
from tapewatch.backtest.figures import Nearest
from tapewatch.backtest.run import Closed
from tapewatch.engine import watch as spec
from tapewatch.engine.indicators import Value
from tapewatch.engine.parts import (
    BarValue,
    Compare,
    Crosses,
    Enters,
    Event,
    Leaves,
    Operand,
    Price,
    State,
    Within,
)

_Floats = NDArray[np.float64]

_HOLDS: dict[str, Callable[[_Floats, _Floats], NDArray[np.bool_]]] = {
    ">": np.greater,
    ">=": np.greater_equal,
    "<": np.less,
    "<=": np.less_equal,
}


def nearest(rule: spec.Rule, closed: Mapping[str, Closed]) -> list[Nearest]:
    """How near price came to a level or zone, or each part of a condition to what it asks for.

    Args:
        rule: the rule.
        closed: the watch's bars by timeframe, shortest first, none of them empty.
    """
    if not closed:
        return []
    finest = next(iter(closed.values()))
    match rule:
        case spec.LevelRule(price=price):
            return [_of_place(place(price, price), finest, price, price)]
        case spec.ZoneRule(low=low, high=high):
            return [_of_place(place(low, high), finest, low, high)]
        case spec.ConditionRule(on=on):
            checked = closed.get(on, finest) if on else finest
            return [own for part in rule.parts for own in _of_part(part, checked, finest, closed)]


def _of_place(name: str, bars: Closed, low: float, high: float) -> Nearest:
    """From the bar whose high or low came nearest."""
    below, above = low - bars.bars["high"], bars.bars["low"] - high
    distance = np.maximum(np.maximum(below, above), 0.0)
    at = int(np.argmin(distance))
    if below[at] > 0:
        value, beside = bars.bars["high"][at], low
    elif above[at] > 0:
        value, beside = bars.bars["low"][at], high
    else:
        value = beside = float(np.clip(bars.bars["close"][at], low, high))
    return _nearest(name, bars, at, value, beside, None)


def _of_part(
    part: Event | State, checked: Closed, finest: Closed, closed: Mapping[str, Closed]
) -> Iterator[Nearest]:
    """Of a part both of whose sides closed bars know; of others nothing."""
    name = str(part)
    match part:
        case Crosses(Price(), _, float() as level):
            yield _of_place(name, finest, level, level)
        case Enters(Price(), low, high) | Leaves(Price(), low, high):
            yield _of_place(name, finest, low, high)
        case Enters(left, low, high) | Leaves(left, low, high):
            if (values := _series(left, checked, closed)) is not None:
                edge = np.where(values - low < high - values, low, high)
                yield from _compared(name, checked, values, edge, None)
        case Crosses(left, _, right) | Compare(left, _, right) | Within(left, _, _, right):
            values, others = _series(left, checked, closed), _series(right, checked, closed)
            if values is not None and others is not None:
                yield from _compared(name, checked, values, others, _held(part, values, others))


def _held(part: Event | State, left: _Floats, right: _Floats) -> NDArray[np.bool_] | None:
    """At which closes a state held; None of what is no state."""
    match part:
        case Compare(sign=sign):
            return _HOLDS[sign](left, right)
        case Within(distance=distance, percent=percent):
            reach = np.abs(right) * distance / 100 if percent else distance
            return np.asarray(np.abs(left - right) <= reach)
    return None


def _series(operand: Operand | float, checked: Closed, closed: Mapping[str, Closed]) -> _Floats | None:
    """What an operand was at each close at which the rule is checked; NaN where it had no value yet."""
    ends = checked.bars["end"]
    match operand:
        case float():
            return np.full(len(ends), operand)
        case Price():
            close: _Floats = checked.bars["close"]
            return close
        case BarValue(field, timeframe) if closed.get(timeframe) is checked:
            own: _Floats = checked.bars[field]
            return own
        case Value(indicator, _, timeframe) if timeframe in closed:
            of = checked if indicator.kind == "vwap" else closed[timeframe]  # the same on every timeframe
            return _as_of(ends, of, of.values[str(operand).partition("@")[0]])
    return None


def _as_of(ends: NDArray[np.int64], of: Closed, values: _Floats) -> _Floats:
    """The value of the last bar that had closed at each end."""
    last = np.searchsorted(of.bars["end"], ends, side="right") - 1
    found: _Floats = np.where(last >= 0, values[np.maximum(last, 0)], np.nan)
    return found


def _compared(
    name: str, bars: Closed, left: _Floats, right: _Floats, held: NDArray[np.bool_] | None
) -> Iterator[Nearest]:
    distance = np.abs(left - right)
    if np.isnan(distance).all():
        yield Nearest(part=name, value=None, beside=None, distance=None, time=None, held=None, bars=0)
        return
    if held is not None:
        distance = np.where(held, 0.0, distance)
    at = int(np.nanargmin(distance))
    known = int(np.count_nonzero(~np.isnan(left - right)))
    yield _nearest(name, bars, at, left[at], right[at], held, known, float(distance[at]))


def _nearest(
    name: str,
    bars: Closed,
    at: int,
    value: float,
    beside: float,
    held: NDArray[np.bool_] | None,
    known: int | None = None,
    distance: float | None = None,
) -> Nearest:
    return Nearest(
        part=name,
        value=round(float(value), 6),
        beside=round(float(beside), 6),
        distance=round(abs(float(value) - float(beside)) if distance is None else distance, 6),
        time=iso_ns(int(bars.bars["end"][at])),
        held=None if held is None else int(np.count_nonzero(held)),
        bars=len(bars.bars) if known is None else known,
    )

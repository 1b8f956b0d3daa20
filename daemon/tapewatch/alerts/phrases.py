"""How the parts of a condition are said: `RSI(14)@1h`, `crossed above 70`, `above SMA(50)@1d (6,890.12)`."""

import math
from typing import NamedTuple

from tapewatch.alerts.numbers import amount, percent, price, reading, spoken, written
from tapewatch.engine.indicators import Value
from tapewatch.engine.parts import (
    BarValue,
    Change,
    Compare,
    Crosses,
    Enters,
    Leaves,
    Moves,
    Operand,
    Previous,
    Price,
    State,
    Within,
)
from tapewatch.market.timeframes import DAY

_SIGNS = {">": "above", ">=": "at or above", "<": "below", "<=": "at or below"}


class Phrase(NamedTuple):
    """One part of a condition that came true."""

    subject: str
    """What it is about: `price`, `RSI(14)@1h`."""
    what: str
    """What it did or does: `crossed above 70`, `within 1 of 0`, `up 1.52% in 30m`."""
    at: str
    """Where it is; empty where `what` says all, or nothing is known."""

    @property
    def clause(self) -> str:
        """`price above 7,000`."""
        return f"{self.subject} {self.what}"


def happened(part: Crosses | Enters | Leaves, up: bool, left: float, right: float) -> Phrase:
    """An event of what is not the price.

    Args:
        part: the event.
        up: which way, if it crosses.
        left: value of its left operand.
        right: value of its right one; of no matter where that is a number.
    """
    subject = called(part.left)
    if isinstance(part, Crosses):
        against = _against(part.right, right)
        what = f"crossed {'above' if up else 'below'} {_told(part.right, against, part.left, left)}"
        return Phrase(subject, what, read(part.left, left, against))
    verb = "entered" if isinstance(part, Enters) else "left"
    edge = nearest(left, (part.low, part.high))
    return Phrase(subject, f"{verb} {_span(part)}", read(part.left, left, edge))


def holds(part: State, left: float, right: float, last: float) -> Phrase:
    """A state; arguments as of `happened`, and the last price."""
    if isinstance(part, Moves):
        signed = part.percent if part.direction == "up" else -part.percent
        share = percent(left / 100, signed / 100).lstrip("+-")
        return Phrase(str(Price()), f"{part.direction} {share} in {part.span}", price(last))
    against = _against(part.right, right)
    other = _told(part.right, against, part.left, left)
    relation = _SIGNS[part.sign] if isinstance(part, Compare) else f"within {_distance(part)} of"
    return Phrase(called(part.left), f"{relation} {other}", read(part.left, left, against))


def called(operand: Operand) -> str:
    """An operand's name: `RSI(14)@1h`, `session high`, `previous session's close`, `volume@5m`."""
    match operand:
        case BarValue(field, timeframe) if timeframe == DAY and field != "close":
            return f"session {field}"
        case Previous(field):
            return f"previous session's {field}"
        case Change(over):
            return f"change in {over}"
        case Value():
            return spoken(str(operand))
    return str(operand)


def other_side(operand: Operand, value: float, left: Operand, beside: float) -> str:
    """What stands on the right, and what it is at: `the session high (7,010.25)`, `its signal line (2.1)`.

    Args:
        operand: on the right.
        value: what it is at.
        left: what it is compared with.
        beside: what that is at.
    """
    name = called(operand)
    if name == f"{called(left)} signal line":
        name = "its signal line"
    elif name.startswith(("session ", "previous ", "change ")):
        name = f"the {name}"
    at = read(operand, value, beside)
    return f"{name} ({at})" if at else name


def read(operand: Operand, value: float, beside: float | None = None) -> str:
    """The value of an operand, in its own measure; `beside` as for `numbers.price`.

    Empty where it has none: VWAP may lose it at the open, while a `for` that began before it runs on.
    """
    if math.isnan(value):
        return ""
    match operand:
        case Value() | Change():
            return reading(str(operand), value, beside)
        case BarValue("volume"):
            return amount(value, beside)
    return price(value, beside)


def nearest(own: float, edges: tuple[float, ...]) -> float:
    """The edge that is nearest to a value."""
    return min(edges, key=lambda edge: abs(edge - own))


def passed(own: float, up: bool, edges: tuple[float, ...]) -> float:
    """Of two edges the last that was passed on the way up, or down, to a value."""
    low, high = edges
    if up:
        return high if own > high else low
    return low if own < low else high


def _against(right: Operand | float, value: float) -> float:
    return right if isinstance(right, float) else value


def _told(right: Operand | float, value: float, left: Operand, beside: float) -> str:
    """The right side, where it may be a number: that as it was written."""
    if isinstance(right, float):
        return f"{written(right)}{_unit(left)}"
    return other_side(right, value, left, beside)


def _span(part: Enters | Leaves) -> str:
    """`30–70`, `-1 to 1`, `1–2%`."""
    return f"{written(part.low)}{' to ' if part.low < 0 else '–'}{written(part.high)}{_unit(part.left)}"


def _unit(operand: Operand) -> str:
    """What its numbers are in; points need no word."""
    rate = isinstance(operand, Change) or (isinstance(operand, Value) and operand.indicator.kind == "roc")
    return "%" if rate else ""


def _distance(part: Within) -> str:
    """`5`, `0.5%`; of what is in percent itself, `0.1 points`."""
    if part.percent:
        return f"{written(part.distance)}%"
    return f"{written(part.distance)}{' points' if _unit(part.left) else ''}"

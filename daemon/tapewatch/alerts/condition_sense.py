"""Parts of a condition that are well said and never hold: two that exclude each other, a price below its own low."""

from collections.abc import Iterable
from dataclasses import dataclass
from math import inf

from tapewatch.engine.parts import BarValue, Compare, Crosses, Event, Moves, Operand, Price, State


def excluded(part: Event | State, others: Iterable[State]) -> State | None:
    """The first of `others` that says of the same operand what never holds together with `part`; None: none does."""
    own = _range(part)
    ranges = ((other, _range(other)) for other in others)
    return next((other for other, their in ranges if own and their and not own.meets(their)), None)


def why_never(part: Event | State) -> str | None:
    """Why `part` never comes true in regular hours, and what would; None: it may.

    There the high and the low of a bar count the price of this very tick. In extended hours they do not.
    """
    match part:
        case Compare(Price(), "<", BarValue("low") as low):
            return f"{low} counts this price too, so price is never below it: write price <= {low}"
        case Compare(Price(), ">", BarValue("high") as high):
            return f"{high} counts this price too, so price is never above it: write price >= {high}"
        case Crosses(Price(), _, BarValue("low") as low):
            return f"{low} counts this price too, so price never crosses it: write price <= {low}"
    return None


@dataclass(frozen=True)
class _Range:
    """The numbers that an operand must be between for a comparison to hold."""

    operand: Operand
    low: float
    high: float
    edges: bool
    """Whether `low` and `high` are such numbers themselves."""

    def meets(self, other: "_Range") -> bool:
        """Whether both may hold at once; what is about another operand always may."""
        low, high = max(self.low, other.low), min(self.high, other.high)
        at_edge = low == high and self._holds(low) and other._holds(low)
        return self.operand != other.operand or low < high or at_edge

    def _holds(self, number: float) -> bool:
        return self.low < number < self.high or (self.edges and number in (self.low, self.high))


def _range(part: Event | State) -> _Range | None:
    """None unless the part compares with a number."""
    match part:
        case Compare(operand, (">" | ">=") as sign, float(number)):
            return _Range(operand, number, inf, sign == ">=")
        case Compare(operand, sign, float(number)):
            return _Range(operand, -inf, number, sign == "<=")
        case Moves("up", percent):
            return _Range(part.left, percent, inf, edges=True)
        case Moves("down", percent):
            return _Range(part.left, -inf, -percent, edges=True)
    return None

"""The grammar of conditions, and what its trees mean in the parts of `engine.parts`.

To add a form: a rule in `_GRAMMAR`, a dataclass in `engine.parts`, and the method of `Reader` that is named like
the rule.
"""

from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar

from tapewatch.alerts.condition_operands import OperandReader, word_of
from tapewatch.alerts.condition_sense import excluded
from tapewatch.engine.events import MAX_PARTS
from tapewatch.engine.indicators import Value
from tapewatch.engine.parts import (
    BarValue,
    Change,
    Compare,
    Crosses,
    Direction,
    Diverges,
    Enters,
    Event,
    Kind,
    Leaves,
    Moves,
    Operand,
    Price,
    Side,
    Sign,
    State,
    Within,
)

if TYPE_CHECKING:  # lark takes 40 ms to import: only who parses a condition pays for it
    from lark import Lark

_GRAMMAR = r"""
condition  : _part ("and" _part)*
_part      : crosses | enters | leaves | diverges | compare | within | moves

crosses    : operand "crosses" [direction] _target
enters     : operand "enters" number "to" number
leaves     : operand "leaves" number "to" number
diverges   : operand "diverges" trait*
compare    : operand "is"? sign _target
within     : operand "is"? "within" (number | percentage) "of" _target
moves      : operand "is"? way percentage "in" span

!direction : "above" | "below"
!sign      : SIGN | "above" | "below"
!trait     : "regular" | "hidden" | "bullish" | "bearish" | "forming"
!way       : "up" | "down"

_target    : operand | number | percentage
number     : NUMBER
percentage : NUMBER "%"
span       : TIMEFRAME
operand    : WORD [arguments] ["." output] ["@" timeframe]
arguments  : "(" ARGUMENT ("," ARGUMENT)* ")"
output     : WORD
timeframe  : TIMEFRAME

SIGN       : /[<>]=?/
WORD       : /[a-z]+/
ARGUMENT   : /[0-9a-z.]{1,12}/
NUMBER     : /-?[0-9]+(\.[0-9]+)?/
TIMEFRAME  : /[0-9a-z]+/
%ignore /\s+/
"""

_OSCILLATORS = {"rsi": "", "macd": ".hist"}
"""Per kind of indicator that price may diverge from, which of its values."""

_SCALES = {"sma": "price", "ema": "price", "bb": "price", "vwap": "price", "roc": "percent"}
"""What kinds of indicators are measured in, where it is not a scale of their own: only like compares with like."""


_DIRECTIONS: dict[str, Direction] = {"above": "up", "below": "down"}
_OPPOSITE: dict[Direction | None, Direction | None] = {"up": "down", "down": "up", None: None}
_SIGNS: dict[str, Sign] = {">": ">", ">=": ">=", "<": "<", "<=": "<=", "above": ">", "below": "<"}
_TURNED: dict[Sign, Sign] = {">": "<", ">=": "<=", "<": ">", "<=": ">="}
_KINDS: dict[str, Kind] = {"regular": "regular", "hidden": "hidden"}
_SIDES: dict[str, Side] = {"bullish": "bullish", "bearish": "bearish"}

_Between = TypeVar("_Between", Enters, Leaves)
_Pair = TypeVar("_Pair", Crosses, Compare, Within)


@cache
def parser() -> "Lark":
    """What turns a text in lower case into a tree for `Reader`."""
    from lark import Lark

    return Lark(_GRAMMAR, start="condition", parser="lalr", propagate_positions=True, maybe_placeholders=True)


class Reader(OperandReader):
    """Turns the tree of one text into parts; each method reads the rule of the grammar that is named like it.

    Every method raises ConditionError for what is well formed but means nothing.
    """

    def condition(self, tree: Any) -> tuple[Event | None, tuple[State, ...]]:
        """The event, if there is one, and the states in their order."""
        event: Event | None = None
        states: list[State] = []
        for i, part_tree in enumerate(tree.children):
            if i == MAX_PARTS:
                raise self.mistake(part_tree, f"a condition has at most {MAX_PARTS} parts")
            part = getattr(self, part_tree.data)(part_tree)
            if (other := excluded(part, states)) is not None:
                raise self.mistake(part_tree, f"{part} and {other} are never both true")
            if not isinstance(part, Event):
                states.append(part)
            elif event is None:
                event = part
            else:
                raise self.mistake(
                    part_tree, f"there is one event already, {event}: write a state here, such as > or <"
                )
        return event, tuple(states)

    def crosses(self, tree: Any) -> Crosses:
        left, direction, right = tree.children
        towards = _DIRECTIONS[word_of(direction)] if direction else None
        own = self.operand(left)
        return self.meaningful(Crosses(own, towards, self.target(right, own)), right)

    def compare(self, tree: Any) -> Compare:
        left, sign, right = tree.children
        own = self.operand(left)
        return self.meaningful(Compare(own, _SIGNS[word_of(sign)], self.target(right, own)), right)

    def within(self, tree: Any) -> Within:
        left, distance, right = tree.children
        own, far, percent = self.operand(left), self.number(distance), distance.data == "percentage"
        if far < 0:
            raise self.mistake(distance, "a distance is not negative")
        if percent and _scale(own) == "percent":
            raise self.mistake(distance, f"{own} is in percent itself: write {word_of(distance)} without %")
        part = self.meaningful(Within(own, far, percent, self.target(right, own)), right)
        if percent and part.right == 0:
            raise self.mistake(distance, "percent of 0 is 0: write a distance in points, without %")
        return part

    def enters(self, tree: Any) -> Enters:
        return self.between(Enters, tree)

    def leaves(self, tree: Any) -> Leaves:
        return self.between(Leaves, tree)

    def between(self, form: type[_Between], tree: Any) -> _Between:
        operand, low, high = tree.children
        part = form(self.operand(operand), self.number(low), self.number(high))
        for edge, number in ((low, part.low), (high, part.high)):
            self.check_number(edge, part.left, number, ends=True)
        if part.low >= part.high:
            raise self.mistake(high, "the second number is more than the first, such as 6950 to 6970")
        return part

    def diverges(self, tree: Any) -> Diverges:
        oscillator, *traits = tree.children
        value = self.operand(oscillator)
        if not isinstance(value, Value) or _OSCILLATORS.get(value.indicator.kind) != value.output:
            known = " and ".join(kind + output for kind, output in _OSCILLATORS.items())
            raise self.mistake(oscillator, f"price may diverge from {known}, not from {value}")
        words = [word_of(trait) for trait in traits]
        for sort in (_KINDS, _SIDES, ("forming",)):
            alike = [trait for trait in traits if word_of(trait) in sort]
            if len(alike) > 1:
                raise self.mistake(alike[1], f"write {' or '.join(sort)} once, or not at all")
        kind = next((_KINDS[word] for word in words if word in _KINDS), _KINDS["regular"])
        side = next((_SIDES[word] for word in words if word in _SIDES), None)
        return Diverges(value, kind, side, "forming" in words)

    def moves(self, tree: Any) -> Moves:
        operand, way, number, span = tree.children
        direction: Direction = "up" if word_of(way) == "up" else "down"
        percent = self.number(number)
        if not isinstance(self.operand(operand), Price):
            right = f"price {direction} {word_of(number)}% in {word_of(span)}"
            raise self.mistake(operand, f"this is said of the price alone: write {right}")
        if percent <= 0:
            raise self.mistake(number, "write more than 0: up and down say which way")
        if direction == "down" and percent >= 100:
            raise self.mistake(number, "price cannot fall by as much: write less than 100")
        return Moves(direction, percent, self.span(span, word_of(span)))

    def target(self, tree: Any, left: Operand) -> Operand | float:
        """What stands on the right: 1.5% only where the left is measured so."""
        if tree.data == "operand":
            return self.operand(tree)
        if tree.data == "percentage" and _scale(left) != "percent":
            raise self.mistake(tree, f"{left} is not in percent: write {word_of(tree)}")
        return self.number(tree)

    def meaningful(self, part: _Pair, spot: Any) -> _Pair:
        """`part`, unless its two sides, of which `spot` is the right one, have nothing to say to each other."""
        left, right = part.left, part.right
        if isinstance(right, float):
            self.check_number(spot, left, right, ends=isinstance(part, Within))
        elif left == right:
            raise self.mistake(
                spot, f"{right} stands on both sides: it cannot cross itself, nor be over or under itself"
            )
        elif _scale(left) != _scale(right):
            raise self.mistake(spot, f"{left} and {right} are not on one scale")
        elif isinstance(right, Price):
            raise self.mistake(spot, f"price stands on the left: write {_turned(part)}")
        return part

    def check_number(self, spot: Any, operand: Operand, number: float, *, ends: bool) -> None:
        """What an operand can never be is a mistake; `ends`: 0 and 100 are numbers for an RSI, too."""
        match _scale(operand):
            case "price" if number <= 0:
                raise self.mistake(spot, f"{operand} is always more than 0")
            case "rsi" if not 0 <= number <= 100 or (number in (0, 100) and not ends):
                raise self.mistake(spot, "RSI is between 0 and 100, such as 30 or 70")
            case "volume" | "atr" if number < 0:
                raise self.mistake(spot, f"{operand} is never less than 0")
            case "percent" if number <= -100:
                raise self.mistake(spot, f"{operand} is always more than -100")


def _scale(operand: Operand) -> str:
    match operand:
        case Value():
            return _SCALES.get(operand.indicator.kind, operand.indicator.kind)
        case BarValue(field="volume"):
            return "volume"
        case Change():
            return "percent"
    return "price"


def _turned(part: Crosses | Compare | Within) -> Crosses | Compare | Within:
    """The same with the price, which stands on the right, on the left."""
    match part:
        case Crosses():
            return Crosses(Price(), _OPPOSITE[part.direction], part.left)
        case Compare():
            return Compare(Price(), _TURNED[part.sign], part.left)
        case Within():
            return Within(Price(), part.distance, part.percent, part.left)

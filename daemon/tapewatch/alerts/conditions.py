"""The condition language: `rsi(14)@1d crosses above 70`, `price crosses sma(50)@1d`, `rsi(14)@1h diverges`.

`parse` reads a condition into frozen dataclasses; `str` writes one back in its full form. A mistake is a
`ConditionError` that shows the text with a caret under the spot.

To add a form: a rule with an alias in `_GRAMMAR`, a dataclass, and the method of `_Reader` that is named
like the alias.
"""

import re
from dataclasses import dataclass
from decimal import Decimal
from difflib import get_close_matches
from functools import cache
from math import isfinite
from typing import TYPE_CHECKING, Any, Literal, NoReturn

from tapewatch.engine.indicators import OUTPUTS, PERIODS, Indicator, Value, indicator
from tapewatch.market.timeframes import duration_ns

if TYPE_CHECKING:  # lark takes 40 ms to import: only who parses a condition pays for it
    from lark import Lark, Token, Tree, UnexpectedInput

_GRAMMAR = r"""
?condition: _operand CROSSES [direction] _target -> crosses
          | value DIVERGES [REGULAR] [side]       -> diverges
direction : ABOVE | BELOW
side      : BULLISH | BEARISH
_operand  : price | value
_target   : value | number
price     : PRICE
number    : NUMBER
value     : WORD [periods] ["." output] ["@" timeframe]
periods   : "(" INT ("," INT)* ")"
output    : WORD
timeframe : TIMEFRAME

PRICE     : "price"
CROSSES   : "crosses"
DIVERGES  : "diverges"
ABOVE     : "above"
BELOW     : "below"
REGULAR   : "regular"
BULLISH   : "bullish"
BEARISH   : "bearish"
WORD      : /[a-z]+/
INT       : /[0-9]{1,6}/
NUMBER    : /-?[0-9]+(\.[0-9]+)?/
TIMEFRAME : /[0-9a-z]+/
%ignore /\s+/
"""

_KEYWORDS = ("price", "crosses", "diverges", "above", "below", "regular", "bullish", "bearish")
_OUTPUT_WORDS = ("signal", "hist")
_AS_PEOPLE_SAY = {
    "WORD": "an indicator such as rsi(14)@1d",
    "NUMBER": "a number",
    "INT": "a period",
    "TIMEFRAME": "a timeframe such as 1d",
    "$END": "the end",
    "<END-OF-FILE>": "the end",
    "LPAR": "(",
    "RPAR": ")",
    "COMMA": ",",
    "DOT": ".",
    "AT": "@",
}
"""Names of the grammar's terminals that are not their own word in lower case."""

_EXAMPLES = "rsi(14)@1d crosses above 70, price crosses sma(50)@1d or rsi(14)@1h diverges"

_WORD = re.compile(r"(?<![0-9a-z@])[a-z]+")
_THOUSANDS = re.compile(r"[0-9]{1,3}(,[0-9]{3})+")

_OSCILLATORS = {"rsi": "", "macd": ".hist"}
"""Per kind of indicator that price may diverge from, which of its values."""

_SCALES = {"sma": "price", "ema": "price", "rsi": "rsi", "macd": "macd", "atr": "atr"}
"""Kinds of indicators by what they are measured in: only like may cross like."""

Direction = Literal["up", "down"]
Side = Literal["bullish", "bearish"]
_DIRECTIONS: dict[str, Direction] = {"above": "up", "below": "down"}
_SIDES: dict[str, Side] = {"bullish": "bullish", "bearish": "bearish"}


@dataclass(frozen=True)
class Price:
    """The price itself, checked on ticks. All instances are equal."""

    def __str__(self) -> str:
        return "price"


@dataclass(frozen=True)
class Crosses:
    """The left goes across the right: upwards, downwards, or either way (None)."""

    left: Price | Value
    direction: Direction | None
    right: float | Value

    def __str__(self) -> str:
        words = {"up": "crosses above", "down": "crosses below", None: "crosses"}
        right = _plain(self.right) if isinstance(self.right, float) else self.right
        return f"{self.left} {words[self.direction]} {right}"

    @property
    def values(self) -> tuple[Value, ...]:
        """The indicator values it reads."""
        return tuple(side for side in (self.left, self.right) if isinstance(side, Value))


@dataclass(frozen=True)
class Diverges:
    """Price and an oscillator part: confirmed regular divergence, of one side or either (None)."""

    value: Value
    side: Side | None

    def __str__(self) -> str:
        return f"{self.value} diverges" + (f" {self.side}" if self.side else "")

    @property
    def values(self) -> tuple[Value, ...]:
        """The indicator values it reads."""
        return (self.value,)


Condition = Crosses | Diverges


class ConditionError(ValueError):
    """A condition that cannot be read; the message shows where, and what would be right."""

    def __init__(self, text: str, start: int, length: int, reason: str) -> None:
        self.reason = reason
        """What is wrong, in one line."""
        shown = re.sub(r"\s", " ", text)
        super().__init__(f"{reason}\n  {shown}\n  {' ' * start}{'^' * max(length, 1)}")


def parse(text: str) -> Condition:
    """The condition that `text` says; upper and lower case are the same.

    Raises:
        ConditionError: it says none.
    """
    from lark import UnexpectedInput

    lower = "".join(c.lower() if c.isascii() else c for c in text)  # str.lower() may change the length
    try:
        tree = _parser().parse(lower)
    except UnexpectedInput as error:
        raise _misread(text, lower, error) from None
    condition: Condition = getattr(_Reader(text), tree.data)(tree)
    return condition


@cache
def _parser() -> "Lark":
    from lark import Lark

    return Lark(_GRAMMAR, start="condition", parser="lalr", propagate_positions=True, maybe_placeholders=True)


class _Reader:
    """Turns the tree of one text into dataclasses; each method reads one rule of the grammar."""

    def __init__(self, text: str) -> None:
        self.text = text

    def crosses(self, tree: Any) -> Crosses:
        left_tree, _, direction, right_tree = tree.children
        left = Price() if left_tree.data == "price" else self.value(left_tree)
        right = self.value(right_tree) if right_tree.data == "value" else self.number(right_tree)
        if left == right:
            self.fail(right_tree, f"{right} cannot cross itself")
        self.check_scale(left, right, right_tree)
        return Crosses(left, _DIRECTIONS[_word(direction)] if direction else None, right)

    def diverges(self, tree: Any) -> Diverges:
        value_tree, _, _, side = tree.children
        value = self.value(value_tree)
        if _OSCILLATORS.get(value.indicator.kind) != value.output:
            oscillators = " and ".join(kind + output for kind, output in _OSCILLATORS.items())
            self.fail(value_tree, f"price may diverge from {oscillators}, not from {value}")
        return Diverges(value, _SIDES[_word(side)] if side else None)

    def number(self, tree: "Tree[Token]") -> float:
        number = float(_word(tree))
        if not isfinite(number):
            self.fail(tree, "this number is too large")
        return number

    def value(self, tree: Any) -> Value:
        kind, periods, output, timeframe = tree.children
        named = self.indicator(kind, periods)
        suffix = self.output(named, output) if output else ""
        if timeframe is None:
            self.fail(tree, f"an indicator names its timeframe: write {named}{suffix}@1d")
        try:
            duration_ns(_word(timeframe))
        except ValueError as error:
            self.fail(timeframe, str(error))
        return Value(named, suffix, _word(timeframe))

    def indicator(self, kind: "Token", periods: Any) -> Indicator:
        if kind == "price":  # a word like any other where the grammar takes no price
            self.fail(kind, "price stands on the left: write price crosses sma(50)@1d")
        if kind not in OUTPUTS:
            self.fail(kind, _unknown(kind, OUTPUTS, f"there is no indicator {str(kind)!r}"))
        if periods is None and kind != "macd":
            self.fail(kind, f"{kind} names its period: write {Indicator(kind, PERIODS[kind])}")
        try:
            numbers = tuple(int(period) for period in periods.children) if periods else PERIODS["macd"]
            return indicator(str(kind), numbers)
        except ValueError as error:
            self.fail(periods, str(error))

    def output(self, named: Indicator, output: "Tree[Token]") -> str:
        outputs = [suffix[1:] for suffix in OUTPUTS[named.kind] if suffix]
        if _word(output) not in outputs:
            reason = f"{named.kind} has no {_word(output)!r}"
            self.fail(output, _unknown(_word(output), outputs, reason) if outputs else reason)
        return f".{_word(output)}"

    def check_scale(self, left: Price | Value, right: Value | float, spot: Any) -> None:
        """What can never cross is a mistake of the writer."""
        scale = _scale(left)
        if isinstance(right, Value):
            if _scale(right) != scale:
                self.fail(spot, f"{left} and {right} are not on one scale, so they never cross")
        elif scale == "price" and right <= 0:
            self.fail(spot, f"{left} is always more than 0")
        elif scale == "rsi" and not 0 < right < 100:
            self.fail(spot, "RSI is between 0 and 100, such as 30 or 70")

    def fail(self, spot: Any, reason: str) -> NoReturn:
        where = spot if hasattr(spot, "start_pos") else spot.meta
        raise ConditionError(self.text, where.start_pos, where.end_pos - where.start_pos, reason)


def _word(tree: Any) -> str:
    return str(tree.children[0])


def _scale(operand: Price | Value) -> str:
    return _SCALES[operand.indicator.kind] if isinstance(operand, Value) else "price"


def _plain(number: float) -> str:
    """As a trader writes it: 70, not 70.0; never with an exponent, which the grammar does not read."""
    return f"{Decimal(repr(number)):f}".removesuffix(".0")


def _unknown(word: str, known: Any, reason: str) -> str:
    near = get_close_matches(word, list(known), 1)
    return f"{reason}: did you mean {near[0]}?" if near else f"{reason}; there is {', '.join(known)}"


def _misread(text: str, lower: str, error: "UnexpectedInput") -> ConditionError:
    """Why the grammar does not take it: a mistake traders make, an unknown word, else what would fit."""
    from lark import UnexpectedToken

    token = error.token if isinstance(error, UnexpectedToken) else None
    if token is not None and token.type == "$END":
        end = len(text.rstrip())
        word = _unknown_word(text, lower, end)
        return word or ConditionError(
            text, end, 1, f"the condition ends too soon: expected {_expected(error)}"
        )
    start = error.pos_in_stream or 0
    length = 1 if token is None else len(token)
    for number in _THOUSANDS.finditer(lower):
        if number.start() <= start < number.end():
            right = number[0].replace(",", "")
            return ConditionError(text, *_span(number), f"write numbers without commas: {right}")
    reason = f"{text[start : start + length]!r} does not fit here: expected {_expected(error)}"
    return _unknown_word(text, lower, start + length) or ConditionError(text, start, length, reason)


def _unknown_word(text: str, lower: str, end: int) -> ConditionError | None:
    """The first word before `end` that the language does not have; the grammar often trips only after it."""
    for word in _WORD.finditer(lower, 0, end):
        if word[0] in (*_KEYWORDS, *OUTPUTS, *_OUTPUT_WORDS):
            continue
        near = get_close_matches(word[0], (*_KEYWORDS, *OUTPUTS), 1)
        right = f"did you mean {near[0]}?" if near else f"a condition is such as {_EXAMPLES}"
        return ConditionError(text, *_span(word), f"unknown word {word[0]!r}: {right}")
    return None


def _span(match: re.Match[str]) -> tuple[int, int]:
    return match.start(), match.end() - match.start()


def _expected(error: "UnexpectedInput") -> str:
    from lark import UnexpectedCharacters, UnexpectedToken

    names: set[str] = set()
    if isinstance(error, UnexpectedToken):
        names = set(error.accepts or error.expected)
    elif isinstance(error, UnexpectedCharacters):
        names = set(error.allowed or ())
    words = [_AS_PEOPLE_SAY.get(name, name.lower()) for name in sorted(names)]
    return " or ".join(filter(None, (", ".join(words[:-1]), words[-1]))) if words else "a condition"

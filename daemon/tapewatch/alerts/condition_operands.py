"""What the operands of a condition mean: `rsi(14)@1h`, `session.high`, `change(30m)`, numbers.

The trees are those of the grammar in `condition_reader`; a method takes the subtrees of `operand`: its first word,
then its arguments, output and timeframe, each None when it is not there.
"""

from collections.abc import Callable, Iterable
from typing import Any, Literal, get_args

from tapewatch.alerts.condition_mistakes import OPERANDS, ConditionError, right_word
from tapewatch.engine.indicators import OUTPUTS, PERIODS, Indicator, Value, parse_indicator
from tapewatch.engine.parts import BarValue, Change, Field, Operand, Previous, Price
from tapewatch.market.timeframes import DAY, duration_ns

HIGHEST_NUMBER = 1e12
"""Beyond it, and beyond it below 0, is no market's number."""

_LONGEST_SPAN = "23h"

_FIELDS: dict[str, Field] = {field: field for field in get_args(Field)}
_OF_PREVIOUS: dict[str, Literal["high", "low", "close"]] = {"high": "high", "low": "low", "close": "close"}


class OperandReader:
    """Turns the trees of one text into operands and numbers; raises ConditionError for what can be none.

    Args:
        text: as it was written; mistakes show it.
    """

    def __init__(self, text: str) -> None:
        self.text = text

    def number(self, tree: Any) -> float:
        number = float(word_of(tree))
        if abs(number) > HIGHEST_NUMBER:
            raise self.mistake(tree, f"this number is too large: {HIGHEST_NUMBER:g} is the most")
        return number

    def span(self, tree: Any, written: str) -> str:
        """A span of trading minutes, such as 30m."""
        try:
            if written != DAY and duration_ns(written) <= duration_ns(_LONGEST_SPAN):
                return written
        except ValueError:
            pass
        raise self.mistake(tree, f"a span is whole minutes or hours, from 1m to {_LONGEST_SPAN}, such as 30m")

    def operand(self, tree: Any) -> Operand:
        """Whatever its first word says."""
        name, *rest = tree.children
        named: dict[str, Callable[..., Operand]] = {
            "price": self.price,
            "session": self.session,
            "previous": self.previous,
            "change": self.change,
        }
        if name in named:
            return named[name](name, *rest)
        if name in _FIELDS:
            return self.bar_value(name, *rest)
        if name in OUTPUTS:
            return self.value(tree)
        right = right_word(str(name), OPERANDS) or f"there is {', '.join(OPERANDS)}"
        raise self.mistake(name, f"there is no {str(name)!r}: {right}")

    def price(self, _: Any, arguments: Any, output: Any, timeframe: Any) -> Price:
        self.refuse(
            arguments or output or timeframe, "price stands alone, the last one; of a bar it is close@1d"
        )
        return Price()

    def session(self, name: Any, arguments: Any, output: Any, timeframe: Any) -> BarValue:
        right = "write session.high, or high@1h for another timeframe"
        self.refuse(arguments or timeframe, f"session is the day's own: {right}")
        return BarValue(_FIELDS[self.field(name, output, _FIELDS)], DAY)

    def previous(self, name: Any, arguments: Any, output: Any, timeframe: Any) -> Previous:
        self.refuse(arguments or timeframe, "previous is the session before: write previous.high")
        return Previous(_OF_PREVIOUS[self.field(name, output, _OF_PREVIOUS)])

    def change(self, name: Any, arguments: Any, output: Any, timeframe: Any) -> Change:
        self.refuse(output or timeframe, "change is the price's, in no timeframe: write change(30m)")
        if arguments is None:
            raise self.mistake(name, "change names its span: write change(30m)")
        return Change(self.span(arguments, ",".join(map(str, arguments.children))))

    def bar_value(self, name: Any, arguments: Any, output: Any, timeframe: Any) -> BarValue:
        self.refuse(arguments or output, f"{name} names its bar's timeframe alone: write {name}@1d")
        if timeframe is None:
            raise self.mistake(name, f"{name} names its bar's timeframe: write {name}@1d")
        return BarValue(_FIELDS[name], self.timeframe(timeframe))

    def field(self, name: Any, field: Any, known: Iterable[str]) -> str:
        """The word after the dot of `session` and `previous`."""
        if field is None:
            raise self.mistake(name, f"{name} names one of its prices: write {name}.high")
        if word_of(field) not in known:
            right = right_word(word_of(field), known) or f"there is {', '.join(known)}"
            raise self.mistake(field, f"{name} has no {word_of(field)!r}: {right}")
        return word_of(field)

    def value(self, tree: Any) -> Value:
        kind, periods, output, timeframe = tree.children
        named = self.indicator(kind, periods)
        suffix = self.output(named, output or kind, f".{word_of(output)}" if output else "")
        if timeframe is not None:
            return Value(named, suffix, self.timeframe(timeframe))
        if named.kind != "vwap":  # of the session: the same on every timeframe
            raise self.mistake(tree, f"an indicator names its timeframe: write {named}{suffix}@1d")
        return Value(named, suffix, DAY)

    def indicator(self, kind: Any, periods: Any) -> Indicator:
        if periods is None:
            example = Indicator(str(kind), PERIODS[kind])
            if example.periods and kind != "macd":
                raise self.mistake(kind, f"{kind} names its period: write {example}")
            return example
        try:
            return parse_indicator(f"{kind}({','.join(map(str, periods.children))})")
        except ValueError as error:
            raise self.mistake(periods, str(error)) from None

    def output(self, named: Indicator, spot: Any, suffix: str) -> str:
        known = OUTPUTS[named.kind]
        if suffix in known:
            return suffix
        if not suffix:
            raise self.mistake(spot, f"{named.kind} has {', '.join(known)}: write {named}{known[0]}")
        words = [each[1:] for each in known if each]
        right = right_word(suffix[1:], words) or (f"there is {', '.join(words)}" if words else "")
        raise self.mistake(spot, f"{named.kind} has no {suffix[1:]!r}" + (f": {right}" if right else ""))

    def timeframe(self, tree: Any) -> str:
        try:
            duration_ns(word_of(tree))
        except ValueError as error:
            raise self.mistake(tree, str(error)) from None
        return word_of(tree)

    def refuse(self, spot: Any, reason: str) -> None:
        """What may not stand there; None if nothing does."""
        if spot is not None:
            raise self.mistake(spot, reason)

    def mistake(self, spot: Any, reason: str) -> ConditionError:
        where = spot if hasattr(spot, "start_pos") else spot.meta
        return ConditionError(self.text, where.start_pos, where.end_pos - where.start_pos, reason)


def word_of(tree: Any) -> str:
    """The one word, or number, of a tree."""
    return str(tree.children[0])

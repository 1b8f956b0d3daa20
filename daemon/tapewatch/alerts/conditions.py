"""The condition language: `rsi(14)@1d crosses above 70 and price > vwap`, `price up 1.5% in 30m`.

`parse` reads a condition; `str` writes one back in its full form. A mistake is a `ConditionError` that shows
the text with a caret under the spot. What fires when is in docs/design.md.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

from tapewatch.alerts.condition_mistakes import ConditionError, misread
from tapewatch.alerts.condition_reader import Reader, parser
from tapewatch.engine.parts import (
    Change,
    Diverges,
    Event,
    Frequency,
    Operand,
    Price,
    State,
    operands,
    timeframe_of,
)
from tapewatch.market.timeframes import duration_ns

__all__ = ["Condition", "ConditionError", "parse"]


@dataclass(frozen=True)
class Condition:
    """Comes true when its event happens and every state holds; without an event, when all states begin to hold."""

    event: Event | None
    states: tuple[State, ...]
    """In the order in which they were written."""

    def __str__(self) -> str:
        return " and ".join(map(str, self.parts))

    @property
    def parts(self) -> tuple[Event | State, ...]:
        """The event, if there is one, then the states."""
        return (*((self.event,) if self.event else ()), *self.states)

    @property
    def operands(self) -> tuple[Operand, ...]:
        """What it reads, each once, in the order of its parts."""
        return tuple(dict.fromkeys(_operands(self.parts)))

    @property
    def is_passage(self) -> bool:
        """Whether its event is about the price: a level that it crosses, or a zone that it enters or leaves."""
        return self.event is not None and isinstance(_subject(self.event), Price)

    @property
    def shortest(self) -> str | None:
        """The shortest timeframe that it names; None: it names none."""
        return _shortest(timeframe_of(operand) for operand in self.operands)

    @property
    def bar(self) -> str | None:
        """The timeframe of `once per bar`: the shortest, a change counting as long as its span; None: it names none."""
        return _shortest(
            operand.span if isinstance(operand, Change) else timeframe_of(operand)
            for operand in self.operands
        )

    @property
    def frequency(self) -> Frequency:
        """How often it fires unless said otherwise. A passage has a band to guard it, a divergence its pivot."""
        guarded = self.is_passage or isinstance(self.event, Diverges)
        return "always" if guarded else "once per bar"

    def checked_at(self, on: str | None = None) -> str | None:
        """The timeframe at whose close it is checked; None: on every tick.

        Args:
            on: "tick", "close" or a timeframe, as the config says it; None: it says nothing.
        """
        if on == "tick":
            return None
        if on is not None:
            return self.shortest if on == "close" else on
        deciding = (self.event,) if self.event else self.states
        prompt = Price if self.event else Price | Change
        if all(isinstance(_subject(part), prompt) for part in deciding):
            return None
        return _shortest(timeframe_of(operand) for operand in _operands(deciding))


@cache  # ten thousand watches repeat the same few texts
def parse(text: str) -> Condition:
    """The condition that `text` says; upper and lower case are the same.

    Raises:
        ConditionError: it says none.
    """
    from lark import UnexpectedInput

    lower = "".join(c.lower() if c.isascii() else c for c in text)  # str.lower() may change the length
    try:
        tree = parser().parse(lower)
    except UnexpectedInput as error:
        raise misread(text, lower, error) from None
    return Condition(*Reader(text).condition(tree))


def _operands(parts: Iterable[Event | State]) -> Iterable[Operand]:
    return (operand for part in parts for operand in operands(part))


def _subject(part: Event | State) -> Operand:
    """What a part is about: what stands on its left."""
    return operands(part)[0]


def _shortest(timeframes: Iterable[str | None]) -> str | None:
    return min((each for each in timeframes if each), key=duration_ns, default=None)

"""Conditions as a trader writes them (design §4), one string each."""

import re
from dataclasses import dataclass

from reference.indicators import Values, parse

_NUMBER = re.compile(r"-?[\d,]*\.?\d+")
_VALUE = re.compile(r"(\w+)(\([\d,\s]+\))?(\.\w+)?(?:@(\w+))?")
_FORM = re.compile(r"(.+?)\s+crosses(?:\s+(above|below))?\s+(.+)|(.+?)\s+diverges")


@dataclass(frozen=True)
class Operand:
    """A number, the price, or an indicator's value in a timeframe."""

    number: float | None = None
    name: str | None = None  # `rsi(14)`, `macd(12,26,9).hist`; None: a number, or the price
    timeframe: str | None = None

    @property
    def indicator(self) -> str:
        """Name of the indicator, without which of its values."""
        assert self.name is not None
        return self.name.split(").")[0].rstrip(")") + ")"

    @property
    def is_price(self) -> bool:
        return self.number is None and self.name is None


@dataclass(frozen=True)
class Crosses:
    left: Operand
    right: Operand
    only: str | None  # "up", "down", or None for both

    @property
    def on_ticks(self) -> bool:
        return self.left.is_price

    @property
    def timeframe(self) -> str | None:
        return self.left.timeframe or self.right.timeframe


@dataclass(frozen=True)
class Diverges:
    oscillator: Operand

    on_ticks = False

    @property
    def timeframe(self) -> str | None:
        return self.oscillator.timeframe


def parse_condition(when: str) -> Crosses | Diverges:
    form = _FORM.fullmatch(when.strip())
    assert form is not None, when
    if form[4]:
        return Diverges(_operand(form[4]))
    only = {"above": "up", "below": "down", None: None}[form[2]]
    return Crosses(_operand(form[1]), _operand(form[3]), only)


def _operand(text: str) -> Operand:
    text = text.strip()
    if text == "price":
        return Operand()
    if _NUMBER.fullmatch(text):
        return Operand(number=float(text.replace(",", "")))
    form = _VALUE.fullmatch(text)
    assert form is not None, text
    kind, periods = parse(form[1] + (form[2] or "(12,26,9)"))  # `macd` alone is short for macd(12,26,9)
    return Operand(name=f"{kind}({','.join(map(str, periods))}){form[3] or ''}", timeframe=form[4])


def crossings(left: Values, right: Values) -> dict[int, str]:
    """Per index of a closed bar, `up` or `down`: above is >=, below is <, this bar against the one before."""
    found = {}
    for i in range(1, len(left)):
        a, b, c, d = left[i - 1], right[i - 1], left[i], right[i]
        if a is None or b is None or c is None or d is None:
            continue
        if a < b and c >= d:
            found[i] = "up"
        if a >= b and c < d:
            found[i] = "down"
    return found

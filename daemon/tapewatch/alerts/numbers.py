"""Numbers and names as people read them, the same in a sentence, a message, a table and a terminal."""

import math
import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import NamedTuple

_MOST_DECIMALS = 12
_LEVEL_DIGITS = 6
"""Traders hardly write a level with more digits (`1.08455`, `150.125`); what is computed mostly has more."""

_PRICES = ("sma", "ema", "atr", "bb", "vwap")
_PERCENTS = ("roc", "change")
_OUTPUTS = {
    "signal": "signal line",
    "hist": "histogram",
    "upper": "upper band",
    "middle": "middle band",
    "lower": "lower band",
}
_CHANGE = re.compile(r"change\((\d+[mh])\)")
_NAMED = re.compile(r"([a-z]+(?:\([\d.,]+\))?)(?:\.([a-z]+))?@(\d+[mhd])")


class Named(NamedTuple):
    """An indicator's value by what its name says."""

    indicator: str
    """`macd(12,26,9)`."""
    output: str
    """`hist`; empty for the indicator's own."""
    timeframe: str

    @property
    def kind(self) -> str:
        """`macd`."""
        return self.indicator.partition("(")[0]


def named(name: str) -> Named | None:
    """What `macd(12,26,9).hist@1d` names; None where there is no timeframe."""
    form = _NAMED.fullmatch(name)
    return Named(form[1], form[2] or "", form[3]) if form else None


def price(value: float, beside: float | None = None) -> str:
    """A price: `6,950.25`; five digits where it is small (`1.0845`), two decimals at least.

    Args:
        value: the price.
        beside: a level it is read against: `165.9999` beside 166 is not `166.00`.
    """
    return _stripped(value, _telling(value, beside, _decimals(value)), 2)


def points(value: float, at: float) -> str:
    """A distance in points, as fine as a price of `at`: `12.50`; what is not nothing is not `0.00`."""
    return _stripped(value, _telling(value, 0.0, _decimals(at)), 2)


def written(number: float, decimals: int = 0) -> str:
    """A number of the config with all its digits: `7,000`, `0.1725`, `1,000,000`, never an exponent.

    Args:
        number: as it was written.
        decimals: how many there are at least, unless it is whole: `166.50`.
    """
    whole, _, fraction = f"{Decimal(repr(number)):,f}".partition(".")
    return f"{whole}.{fraction.ljust(decimals, '0')}" if fraction.strip("0") else whole


def level(value: float) -> str:
    """A level as a trader writes it, `7,000`, `166.50`, `1.08455`; one that was computed as a price."""
    digits = Decimal(repr(value)).normalize().as_tuple().digits
    return written(value, 2) if value == round(value) or len(digits) <= _LEVEL_DIGITS else price(value)


def place(low: float, high: float) -> str:
    """A level, or a zone with an en dash: `7,000`, `6,950–6,970`."""
    return level(low) if low == high else f"{level(low)}–{level(high)}"


def percent(share: float, beside: float | None = None) -> str:
    """A fraction with its sign: 0.0018 is `+0.18%`; `beside` as for `price`."""
    decimals = _telling(100 * share, None if beside is None else 100 * beside, 2)
    return f"{100 * share:+.{decimals}f}%"


def amount(value: float, beside: float | None = None) -> str:
    """A volume: `1,234,567`; with decimals where it is small (`12.5`); `beside` as for `price`."""
    decimals = max(0, min(3 - math.floor(math.log10(value)), _MOST_DECIMALS)) if value else 0
    return _stripped(value, _telling(value, beside, decimals), 0)


def oscillator(value: float, beside: float | None = None) -> str:
    """A value that is no price: `59.7`; two digits where it is near zero (`0.042`); `beside` as for `price`."""
    near_zero = value and abs(value) < 1
    decimals = min(1 - math.floor(math.log10(abs(value))), _MOST_DECIMALS) if near_zero else 1
    return f"{value:,.{_telling(value, beside, decimals)}f}"


def reading(name: str, value: float, beside: float | None = None) -> str:
    """The value of the indicator `name`: averages, bands and ranges are prices, rates of change are percent."""
    if name.startswith(_PRICES):
        return price(value, beside)
    if name.startswith(_PERCENTS):
        return percent(value / 100, None if beside is None else beside / 100)
    return oscillator(value, beside)


def changes(values: Mapping[str, float]) -> Iterator[tuple[str, str]]:
    """Of each `change(30m)` among `values` its span and what it is: `30m`, `+1.52%`."""
    for name, value in values.items():
        if form := _CHANGE.fullmatch(name):
            yield form[1], reading(name, value)


def spoken(name: str) -> str:
    """An indicator's value as people write it, with its timeframe: `macd(12,26,9).hist@1d` is
    `MACD(12,26,9)@1d histogram`; as it is where it has none.
    """
    form = named(name)
    if form is None:
        return name
    output = f" {_OUTPUTS[form.output]}" if form.output else ""
    return f"{form.indicator.upper()}@{form.timeframe}{output}"


def _decimals(value: float) -> int:
    digits = 4 - math.floor(math.log10(abs(value))) if value else 2
    return max(2, min(digits, _MOST_DECIMALS))


def _stripped(value: float, decimals: int, least: int) -> str:
    """Without zeros at the end, but for so many decimals at least."""
    whole, _, fraction = f"{value:,.{decimals}f}".partition(".")
    fraction = fraction.rstrip("0").ljust(least, "0")
    return f"{whole}.{fraction}" if fraction else whole


def _telling(value: float, beside: float | None, decimals: int) -> int:
    """So many decimals, at least, that `value` and another number beside it do not look the same."""
    if beside is None or beside == value:
        return decimals
    while decimals < _MOST_DECIMALS and round(value, decimals) == round(beside, decimals):
        decimals += 1
    return decimals

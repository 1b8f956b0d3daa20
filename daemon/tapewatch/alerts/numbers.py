"""Numbers and names as people read them, the same in a sentence, a message, a table and a terminal."""

import math

_MOST_DECIMALS = 8


def price(value: float, beside: float | None = None) -> str:
    """A price: `6,950.25`; five digits where it is small (`1.0845`), two decimals at least.

    Args:
        value: the price.
        beside: a level it is read against: `165.9999` beside 166 is not `166.00`.
    """
    return _stripped(value, _telling(value, beside, _decimals(value)))


def points(value: float, at: float) -> str:
    """A distance in points, as fine as a price of `at`: `12.50`; what is not nothing is not `0.00`."""
    return _stripped(value, _telling(value, 0.0, _decimals(at)))


def level(value: float) -> str:
    """A level as a trader writes it: `7,000`, `166.50`."""
    return f"{value:,.0f}" if value == round(value) else price(value)


def place(low: float, high: float) -> str:
    """A level, or a zone with an en dash: `7,000`, `6,950–6,970`."""
    return level(low) if low == high else f"{level(low)}–{level(high)}"


def percent(share: float) -> str:
    """A fraction with its sign: 0.0018 is `+0.18%`."""
    return f"{100 * share:+.2f}%"


def oscillator(value: float, beside: float | None = None) -> str:
    """A value that is no price: `59.7`; two digits where it is near zero (`0.042`); `beside` as for `price`."""
    near_zero = value and abs(value) < 1
    decimals = min(1 - math.floor(math.log10(abs(value))), _MOST_DECIMALS) if near_zero else 1
    return f"{value:,.{_telling(value, beside, decimals)}f}"


def reading(name: str, value: float, beside: float | None = None) -> str:
    """The value of the indicator `name`: averages and ranges are prices."""
    own = price if name.startswith(("sma", "ema", "atr")) else oscillator
    return own(value, beside)


def spoken(name: str) -> str:
    """An indicator's value as people write it, with its timeframe: `macd(12,26,9).hist@1d` is
    `MACD(12,26,9)@1d histogram`.
    """
    own, _, timeframe = name.partition("@")
    indicator, _, output = own.partition(".")
    words = {"": "", "signal": " signal", "hist": " histogram"}
    return f"{indicator.upper()}@{timeframe}{words[output]}"


def _decimals(value: float) -> int:
    digits = 4 - math.floor(math.log10(abs(value))) if value else 2
    return max(2, min(digits, _MOST_DECIMALS))


def _stripped(value: float, decimals: int) -> str:
    """Without zeros at the end, but for two decimals."""
    whole, _, fraction = f"{value:,.{decimals}f}".partition(".")
    return f"{whole}.{fraction.rstrip('0'):0<2}"


def _telling(value: float, beside: float | None, decimals: int) -> int:
    """So many decimals, at least, that `value` and another number beside it do not look the same."""
    if beside is None or beside == value:
        return decimals
    while decimals < _MOST_DECIMALS and round(value, decimals) == round(beside, decimals):
        decimals += 1
    return decimals

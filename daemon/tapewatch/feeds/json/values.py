"""What stands in a trade as JSON, read as the engine takes it; numbers come as int or as the text of their digits.

Each reader raises ValueError or ArithmeticError for what is none.
"""

from decimal import Decimal
from typing import Any

from tapewatch.feeds.ids import trade_id
from tapewatch.feeds.times import iso_ns

PLACES = {"s": 9, "ms": 6, "us": 3, "ns": 0}
"""How many decimal places of a unit of time are nanoseconds."""

_LONGEST = 64
"""Characters; what is longer is no number of a trade."""

_INT64 = 2**63


def number(value: Any) -> float:
    """A price or a size: a number, or text that is one."""
    return float(_digits(value))


def instant(value: Any, unit: str) -> int:
    """A time as ns since 1970 UTC, exact to the nanosecond: 1769610600.123456789 s loses nothing."""
    if unit == "iso":
        if not isinstance(value, str):
            raise ValueError("no text")
        return iso_ns(value)
    digits = _digits(value)
    if isinstance(digits, int):
        time: int | Decimal = digits * 10 ** PLACES[unit]
    else:
        time = Decimal(digits).scaleb(PLACES[unit])
    if not -_INT64 <= time < _INT64:
        raise ValueError("beyond int64 ns")
    return int(time)


def text(value: Any) -> str:
    """A symbol; some vendors number them."""
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if not isinstance(value, str):
        raise ValueError("no text")
    return value


def identity(value: Any) -> int:
    """A trade's id, a number or text."""
    own = text(value)
    if not own:
        raise ValueError("an empty id")
    return trade_id(own)


def _digits(value: Any) -> int | str:
    """A number of JSON, or text, as far as Python's readers take what vendors mean: `1_000` they do not."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if not isinstance(value, str) or len(value) > _LONGEST or not value.isascii() or "_" in value:
        raise ValueError("no number")
    return value

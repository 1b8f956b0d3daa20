"""A vendor's time as text, RFC 3339, to int64 ns: https://www.rfc-editor.org/rfc/rfc3339#section-5.6."""

import re
from datetime import datetime
from functools import lru_cache

import numpy as np

from tapewatch.market.ticks import NS

_FORM = re.compile(r"(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d:\d\d)(?:\.(\d+))?([Zz]|[+-]\d\d:\d\d)", re.ASCII)
_LAST_SECOND = np.iinfo(np.int64).max // NS - 1


def iso_ns(text: str) -> int:
    """`2026-04-07T14:30:02.789012Z` as ns since 1970 UTC, exactly; digits beyond the ninth are cut.

    Offsets (`+02:00`), a space for the `T`, and seconds without a fraction are read too.

    Raises:
        ValueError: no such time, or one that int64 does not hold.
    """
    digits = text[20:-1]
    if text[19:20] == "." and text[-1] == "Z" and digits.isdigit() and digits.isascii():
        # Ticks come many in a second, and parsing it is what costs.
        return _second_ns(text[:19]) + int(digits[:9].ljust(9, "0"))
    form = _FORM.fullmatch(text)
    if form is None:
        raise ValueError(f"no RFC 3339 time: {text[:40]!r}")
    date, time, fraction, offset = form.groups("")
    return _second_ns(f"{date}T{time}", offset.upper()) + int(fraction[:9].ljust(9, "0"))


@lru_cache(maxsize=64)
def _second_ns(text: str, offset: str = "Z") -> int:
    if _FORM.fullmatch(text + offset) is None:  # else the standard library takes weeks and more
        raise ValueError(f"no RFC 3339 time: {text[:40]!r}")
    second = datetime.fromisoformat(text + offset).timestamp()  # exact: a whole number far below 2^53
    if abs(second) > _LAST_SECOND:
        raise ValueError(f"beyond int64 ns: {text}")
    return int(second) * NS

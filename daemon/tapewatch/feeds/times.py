"""A vendor's time as text, RFC 3339, to int64 ns: https://www.rfc-editor.org/rfc/rfc3339#section-5.6."""

import re
from datetime import datetime

import numpy as np

from tapewatch.market.ticks import NS

_FORM = re.compile(r"(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d:\d\d)(?:\.(\d+))?([Zz]|[+-]\d\d:\d\d)", re.ASCII)
_LAST_SECOND = np.iinfo(np.int64).max // NS - 1

_last = ("", 0)
"""The second read last, up to its point, and its ns: ticks come many in a second, and parsing it is what costs."""


def iso_ns(text: str) -> int:
    """`2026-04-07T14:30:02.789012Z` as ns since 1970 UTC, exactly; digits beyond the ninth are cut.

    Offsets (`+02:00`), a space for the `T`, and seconds without a fraction are read too.

    Raises:
        ValueError: no such time, or one that int64 does not hold.
    """
    second, since = _last
    digits = text[20:-1]
    if text[:20] == second and text[-1] == "Z" and digits.isdigit() and digits.isascii():
        return since + int(digits[:9].ljust(9, "0"))
    return _of_any_form(text)


def _of_any_form(text: str) -> int:
    global _last
    form = _FORM.fullmatch(text)
    if form is None:  # asked first, since the standard library takes weeks and more
        raise ValueError(f"no RFC 3339 time: {text[:40]!r}")
    date, time, fraction, offset = form.groups("")
    whole = datetime.fromisoformat(f"{date}T{time}{offset.upper()}").timestamp()  # exact: far below 2^53
    if abs(whole) > _LAST_SECOND:
        raise ValueError(f"beyond int64 ns: {text}")
    since = int(whole) * NS
    if offset == "Z":
        _last = (f"{date}T{time}.", since)
    return since + int(fraction[:9].ljust(9, "0"))

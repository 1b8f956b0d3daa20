"""Timeframes: `1m`, `5m`, `15m`, `1h`, `1d` and any other whole number of minutes or hours."""

import re

from tapewatch.market.ticks import NS

DAY = "1d"
"""The timeframe whose bar is the whole session."""

_SECONDS = {"m": 60, "h": 3600}
_FORM = re.compile(r"([1-9]\d*)([mh])")


def duration_ns(timeframe: str) -> int:
    """Length of a bar of `timeframe` in ns; 24 hours for `1d`, whose real length is its session's.

    Raises:
        ValueError: `timeframe` is no timeframe; the message says what one looks like.
    """
    if timeframe == DAY:
        return 24 * 3600 * NS
    form = _FORM.fullmatch(timeframe)
    if form is None or int(form[1]) * _SECONDS[form[2]] >= 24 * 3600:
        raise ValueError(f"{timeframe!r} is no timeframe: write minutes or hours, such as 1m, 5m, 1h, or 1d")
    return int(form[1]) * _SECONDS[form[2]] * NS


def by_length(timeframes: set[str]) -> list[str]:
    """`timeframes`, shortest first."""
    return sorted(timeframes, key=duration_ns)

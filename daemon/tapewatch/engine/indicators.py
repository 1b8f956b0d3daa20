"""Which indicators there are, and how they are named: `rsi(14)`, `macd(12,26,9).hist`, `sma(50)@1d`.

The arithmetic is in `kernels.py`; this is what config, conditions and the engine's plan share.
"""

import re
from dataclasses import dataclass

OUTPUTS: dict[str, tuple[str, ...]] = {
    "sma": ("",),
    "ema": ("",),
    "rsi": ("",),
    "macd": ("", ".signal", ".hist"),
    "atr": ("",),
}
"""Per kind of indicator the suffixes of its values, in the order in which the engine keeps them."""

PERIODS: dict[str, tuple[int, ...]] = {
    "sma": (50,),
    "ema": (20,),
    "rsi": (14,),
    "macd": (12, 26, 9),
    "atr": (14,),
}
"""Per kind, periods as an example (and how many there are)."""

MAX_PERIOD = 1000
"""Longest period: the ring of closes holds as many bars."""

_FORM = re.compile(r"([a-z]+)\(\s*(\d+(?:\s*,\s*\d+)*)\s*\)")


@dataclass(frozen=True, order=True)
class Indicator:
    """An indicator with its periods, on no timeframe yet."""

    kind: str
    periods: tuple[int, ...]

    def __str__(self) -> str:
        return f"{self.kind}({','.join(map(str, self.periods))})"

    @property
    def outputs(self) -> list[str]:
        """Names of its values: `macd(12,26,9)`, `macd(12,26,9).signal`, `macd(12,26,9).hist`."""
        return [f"{self}{suffix}" for suffix in OUTPUTS[self.kind]]


@dataclass(frozen=True, order=True)
class Value:
    """One value of an indicator in one timeframe, such as `macd(12,26,9).hist@1d`."""

    indicator: Indicator
    output: str
    """One of `OUTPUTS[indicator.kind]`: empty, `.signal` or `.hist`."""
    timeframe: str

    def __str__(self) -> str:
        return f"{self.indicator}{self.output}@{self.timeframe}"


RANGE = Indicator("atr", (14,))
"""The average true range that re-arm bands are measured in, at the last daily close."""


def indicator(kind: str, periods: tuple[int, ...]) -> Indicator:
    """The indicator `kind` with `periods`, once they make sense.

    Raises:
        ValueError: no such kind, or periods it cannot have; the message says what would be right.
    """
    if kind not in OUTPUTS:
        raise ValueError(f"there is no indicator {kind!r}; there are {', '.join(sorted(OUTPUTS))}")
    if len(periods) != len(PERIODS[kind]):
        example = Indicator(kind, PERIODS[kind])
        raise ValueError(f"{kind} takes {len(PERIODS[kind])} period(s), such as {example}")
    lowest = 2 if kind == "rsi" else 1
    for period in periods:
        if not lowest <= period <= MAX_PERIOD:
            raise ValueError(
                f"a period of {kind} is a whole number from {lowest} to {MAX_PERIOD}, not {period}"
            )
    if kind == "macd" and periods[0] >= periods[1]:
        raise ValueError(
            f"macd takes fast, slow, signal, and fast is less than slow: {periods[0]} is not less than {periods[1]}"
        )
    return Indicator(kind, periods)


def parse_indicator(text: str) -> Indicator:
    """`"rsi(14)"` as an `Indicator`.

    Raises:
        ValueError: it is none; the message says what would be right.
    """
    form = _FORM.fullmatch(text.strip().lower())
    if form is None:
        raise ValueError(
            f"{text!r} is no indicator: write its kind and periods, such as rsi(14) or macd(12,26,9)"
        )
    return indicator(form[1], tuple(int(period) for period in form[2].split(",")))

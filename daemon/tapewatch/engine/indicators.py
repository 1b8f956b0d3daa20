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
    "bb": (".upper", ".middle", ".lower"),
    "roc": ("",),
    "vwap": ("",),
}
"""Per kind of indicator the suffixes of its values, in the order in which the engine keeps them."""

PERIODS: dict[str, tuple[float, ...]] = {
    "sma": (50,),
    "ema": (20,),
    "rsi": (14,),
    "macd": (12, 26, 9),
    "atr": (14,),
    "bb": (20, 2),
    "roc": (10,),
    "vwap": (),
}
"""Per kind, periods as an example (and how many there are); the second of Bollinger bands is standard deviations."""

REMEMBERS = frozenset({"rsi", "ema", "macd", "atr"})
"""Kinds that never forget their first bars: their values settle only after many."""

MAX_PERIOD = 1000
"""Longest period: the ring of closes holds as many bars."""

MAX_DEVIATIONS = 10

_NUMBER = r"\d+(?:\.\d+)?"
_FORM = re.compile(rf"([a-z]+)(?:\(\s*({_NUMBER}(?:\s*,\s*{_NUMBER})*)\s*\))?")


@dataclass(frozen=True, order=True)
class Indicator:
    """An indicator with its periods, on no timeframe yet."""

    kind: str
    periods: tuple[float, ...]
    """Whole numbers, but for the deviations of Bollinger bands."""

    def __str__(self) -> str:
        return f"{self.kind}({','.join(map(str, self.periods))})" if self.periods else self.kind

    @property
    def outputs(self) -> list[str]:
        """Names of its values: `macd(12,26,9)`, `macd(12,26,9).signal`, `macd(12,26,9).hist`."""
        return [f"{self}{suffix}" for suffix in OUTPUTS[self.kind]]


@dataclass(frozen=True, order=True)
class Value:
    """One value of an indicator in one timeframe, such as `macd(12,26,9).hist@1d`."""

    indicator: Indicator
    output: str
    """One of `OUTPUTS[indicator.kind]`: empty, `.signal`, `.upper` and so on."""
    timeframe: str

    def __str__(self) -> str:
        return f"{self.indicator}{self.output}@{self.timeframe}"


RANGE = Indicator("atr", (14,))
"""The average true range that re-arm bands are measured in, at the last daily close."""


def indicator(kind: str, periods: tuple[float, ...]) -> Indicator:
    """The indicator `kind` with `periods`, once they make sense.

    Raises:
        ValueError: no such kind, or periods it cannot have; the message says what would be right.
    """
    if kind not in OUTPUTS:
        raise ValueError(f"there is no indicator {kind!r}; there are {', '.join(sorted(OUTPUTS))}")
    if len(periods) != len(PERIODS[kind]):
        example = Indicator(kind, PERIODS[kind])
        count = f"takes {len(PERIODS[kind])} period(s), such as" if PERIODS[kind] else "takes no periods:"
        raise ValueError(f"{kind} {count} {example}")
    if kind == "bb":
        return _bollinger(*periods)
    lowest = 2 if kind == "rsi" else 1
    whole = tuple(_period(kind, period, lowest) for period in periods)
    if kind == "macd" and whole[0] >= whole[1]:
        raise ValueError(
            f"macd takes fast, slow, signal, and fast is less than slow: {whole[0]} is not less than {whole[1]}"
        )
    return Indicator(kind, whole)


def _bollinger(period: float, deviations: float) -> Indicator:
    if not 0 < deviations <= MAX_DEVIATIONS:
        raise ValueError(
            f"bb takes a period and standard deviations, such as bb(20,2): more than 0, at most {MAX_DEVIATIONS}, "
            f"not {deviations:g}"
        )
    width = int(deviations) if deviations == int(deviations) else deviations
    return Indicator("bb", (_period("bb", period, 2), width))


def _period(kind: str, period: float, lowest: int) -> int:
    if not lowest <= period <= MAX_PERIOD or period != int(period):
        raise ValueError(
            f"a period of {kind} is a whole number from {lowest} to {MAX_PERIOD}, not {period:g}"
        )
    return int(period)


def parse_indicator(text: str) -> Indicator:
    """`"rsi(14)"` as an `Indicator`.

    Raises:
        ValueError: it is none; the message says what would be right.
    """
    form = _FORM.fullmatch(text.strip().lower())
    if form is None or (form[2] is None and form[1] in OUTPUTS and PERIODS[form[1]]):
        raise ValueError(
            f"{text!r} is no indicator: write its kind and periods, such as rsi(14) or macd(12,26,9)"
        )
    numbers = form[2].split(",") if form[2] else []
    return indicator(form[1], tuple(map(float, numbers)))

"""Indicators bar by bar, as TA-Lib defines and seeds them; None before its first index.

Each can be asked what it would be if a bar closed now as it stands (`of`), which is its value on a forming
bar, and told that it did (`close`).
"""

import math
import re
from collections.abc import Sequence
from functools import cache

from reference.ticks import Bar

Values = list[float | None]


class Smoothed:
    """The mean of the first `period` inputs; from then on each input pulls it along."""

    def __init__(self, period: int) -> None:
        self.period = period
        self.first: list[float] = []
        self.mean: float | None = None

    def of(self, x: float) -> float | None:
        if self.mean is not None:
            return self.pulled(self.mean, x)
        inputs = [*self.first, x]
        return math.fsum(inputs) / self.period if len(inputs) == self.period else None

    def close(self, x: float) -> float | None:
        self.mean = self.of(x)
        self.first.append(x)
        return self.mean

    def pulled(self, mean: float, x: float) -> float:
        raise NotImplementedError


class Exponential(Smoothed):
    def pulled(self, mean: float, x: float) -> float:
        return mean + (x - mean) * 2 / (self.period + 1)


class Wilder(Smoothed):
    def pulled(self, mean: float, x: float) -> float:
        return (mean * (self.period - 1) + x) / self.period


class Indicator:
    outputs: Sequence[str] = ("",)

    def __init__(self) -> None:
        self.closes: list[float] = []

    def of(self, bar: Bar) -> tuple[float | None, ...]:
        """Its values if `bar` closed now."""
        raise NotImplementedError

    def close(self, bar: Bar) -> tuple[float | None, ...]:
        values = self.of(bar)
        self.closes.append(bar.close)
        return values

    def last_closes(self, n: int, bar: Bar) -> list[float] | None:
        """The closes of the last `n` bars, `bar` the last of them; None where there are not so many."""
        if len(self.closes) + 1 < n:
            return None
        return [*self.closes[len(self.closes) + 1 - n :], bar.close]


class Sma(Indicator):
    def __init__(self, period: int) -> None:
        super().__init__()
        self.period = period

    def of(self, bar: Bar) -> tuple[float | None]:
        closes = self.last_closes(self.period, bar)
        return (None if closes is None else math.fsum(closes) / self.period,)


class Ema(Indicator):
    def __init__(self, period: int) -> None:
        super().__init__()
        self.smoothed = Exponential(period)

    def of(self, bar: Bar) -> tuple[float | None]:
        return (self.smoothed.of(bar.close),)

    def close(self, bar: Bar) -> tuple[float | None, ...]:
        return (self.smoothed.close(bar.close),)


class Rsi(Indicator):
    """Wilder: of the means of gains and losses; 50 when nothing moved."""

    def __init__(self, period: int) -> None:
        super().__init__()
        self.gain, self.loss = Wilder(period), Wilder(period)

    def of(self, bar: Bar) -> tuple[float | None]:
        if not self.closes:
            return (None,)
        up, down = self.move(bar)
        gain, loss = self.gain.of(up), self.loss.of(down)
        if gain is None or loss is None:
            return (None,)
        return (100 * gain / (gain + loss) if gain + loss > 0 else 50.0,)

    def close(self, bar: Bar) -> tuple[float | None, ...]:
        values = self.of(bar)
        if self.closes:
            up, down = self.move(bar)
            self.gain.close(up)
            self.loss.close(down)
        self.closes.append(bar.close)
        return values

    def move(self, bar: Bar) -> tuple[float, float]:
        change = bar.close - self.closes[-1]
        return max(change, 0.0), max(-change, 0.0)


class Macd(Indicator):
    """Line, signal and histogram; all three exist from index slow + signal - 2 on.

    Both averages have their first value at index slow - 1, so the fast one is seeded with the last `fast` of
    the first `slow` closes; the signal with the first `signal` values of the line.
    """

    outputs = ("", ".signal", ".hist")

    def __init__(self, fast: int, slow: int, signal: int) -> None:
        super().__init__()
        self.fast, self.slow, self.signal = map(Exponential, (fast, slow, signal))
        self.late = slow - fast  # how many closes the fast average leaves out

    def of(self, bar: Bar) -> tuple[float | None, ...]:
        line = self.line(bar)
        signal = None if line is None else self.signal.of(line)
        if line is None or signal is None:
            return None, None, None
        return line, signal, line - signal

    def line(self, bar: Bar) -> float | None:
        fast = self.fast.of(bar.close) if len(self.closes) >= self.late else None
        slow = self.slow.of(bar.close)
        return None if fast is None or slow is None else fast - slow

    def close(self, bar: Bar) -> tuple[float | None, ...]:
        values, line = self.of(bar), self.line(bar)
        if len(self.closes) >= self.late:
            self.fast.close(bar.close)
        self.slow.close(bar.close)
        if line is not None:
            self.signal.close(line)
        self.closes.append(bar.close)
        return values


class Atr(Indicator):
    """Wilder's mean of true ranges; the first bar has none, for want of a close before it."""

    def __init__(self, period: int) -> None:
        super().__init__()
        self.range = Wilder(period)

    def of(self, bar: Bar) -> tuple[float | None]:
        return (self.range.of(self.true_range(bar)) if self.closes else None,)

    def close(self, bar: Bar) -> tuple[float | None, ...]:
        values = self.of(bar)
        if self.closes:
            self.range.close(self.true_range(bar))
        self.closes.append(bar.close)
        return values

    def true_range(self, bar: Bar) -> float:
        before = self.closes[-1]
        return max(bar.high, before) - min(bar.low, before)


class Bb(Indicator):
    """Bollinger bands: so many of the population's standard deviations on either side of the mean."""

    outputs = (".upper", ".middle", ".lower")

    def __init__(self, period: int, deviations: float) -> None:
        super().__init__()
        self.period, self.deviations = period, deviations

    def of(self, bar: Bar) -> tuple[float | None, ...]:
        closes = self.last_closes(self.period, bar)
        if closes is None:
            return None, None, None
        mean = math.fsum(closes) / self.period
        variance = math.fsum((close - mean) ** 2 for close in closes) / self.period
        reach = self.deviations * math.sqrt(variance)
        return mean + reach, mean, mean - reach


class Roc(Indicator):
    """Percent from the close so many bars before."""

    def __init__(self, period: int) -> None:
        super().__init__()
        self.period = period

    def of(self, bar: Bar) -> tuple[float | None]:
        closes = self.last_closes(self.period + 1, bar)
        return (None if closes is None else (closes[-1] / closes[0] - 1) * 100,)


KINDS: dict[str, type[Indicator]] = {
    "sma": Sma,
    "ema": Ema,
    "rsi": Rsi,
    "macd": Macd,
    "atr": Atr,
    "bb": Bb,
    "roc": Roc,
}


@cache
def parse(name: str) -> tuple[str, tuple[float, ...]]:
    """`"bb( 20, 2.5 )"`: its kind and periods."""
    form = re.fullmatch(r"(\w+)\(([\d.,\s]+)\)", name.strip())
    assert form is not None, name
    numbers = [number.strip() for number in form[2].split(",")]
    return form[1], tuple(float(number) if "." in number else int(number) for number in numbers)


@cache
def plain(name: str) -> str:
    """The indicator's name as alerts have it: `bb(20,2)`."""
    kind, periods = parse(name)
    return f"{kind}({','.join(map(str, periods))})"


def indicator(name: str) -> Indicator:
    kind, periods = parse(name)
    return KINDS[kind](*periods)


@cache
def names(name: str) -> list[str]:
    """Of all its values: `macd(12,26,9)`, `macd(12,26,9).signal`, `macd(12,26,9).hist`."""
    return [plain(name) + output for output in KINDS[parse(name)[0]].outputs]


def compute(name: str, bars: Sequence[Bar]) -> dict[str, Values]:
    """Every value of the indicator over all of `bars`, by the name `--bars` gives it."""
    own = indicator(name)
    rows = [own.close(bar) for bar in bars]
    return {value: [row[i] for row in rows] for i, value in enumerate(names(name))}

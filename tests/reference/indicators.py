"""Indicators over a whole list of closes, as TA-Lib defines and seeds them; None before its first index."""

import math
import re
from itertools import pairwise

Values = list[float | None]


def sma(closes: list[float], period: int) -> Values:
    values: Values = []
    for i in range(len(closes)):
        enough = i + 1 >= period
        values.append(math.fsum(closes[i + 1 - period : i + 1]) / period if enough else None)
    return values


def ema(closes: list[float], period: int) -> Values:
    """Seeded with the mean of the first `period` closes; k = 2 / (period + 1)."""
    values: Values = []
    value = 0.0
    for i, close in enumerate(closes):
        if i + 1 == period:
            value = math.fsum(closes[:period]) / period
        elif i + 1 > period:
            value += (close - value) * 2 / (period + 1)
        values.append(value if i + 1 >= period else None)
    return values


def rsi(closes: list[float], period: int) -> Values:
    """Wilder: means of the first `period` gains and losses, then smoothed; 50 when nothing moved."""
    values: Values = [None] * min(period, len(closes))
    changes = [after - before for before, after in pairwise(closes)]
    gains = [max(change, 0.0) for change in changes]
    losses = [max(-change, 0.0) for change in changes]
    gain = loss = 0.0
    for i in range(period - 1, len(changes)):
        if i == period - 1:
            gain, loss = math.fsum(gains[:period]) / period, math.fsum(losses[:period]) / period
        else:
            gain = (gain * (period - 1) + gains[i]) / period
            loss = (loss * (period - 1) + losses[i]) / period
        values.append(100 * gain / (gain + loss) if gain + loss > 0 else 50.0)
    return values


def macd(closes: list[float], fast: int, slow: int, signal: int) -> tuple[Values, Values, Values]:
    """Line, signal and histogram; all three exist from index slow + signal - 2 on.

    Both EMAs have their first value at index slow - 1, so the fast one is seeded with the last `fast` of the
    first `slow` closes; the signal with the first `signal` values of the line.
    """
    slow_ema = ema(closes, slow)[slow - 1 :]
    fast_ema = ema(closes[slow - fast :], fast)[fast - 1 :]
    line = [f - s for f, s in zip(fast_ema, slow_ema, strict=True) if f is not None and s is not None]
    lines: Values = [None] * len(closes)
    signals: Values = [None] * len(closes)
    hists: Values = [None] * len(closes)
    for i, smooth in enumerate(ema(line, signal)):
        if smooth is not None:
            at = slow - 1 + i
            lines[at], signals[at], hists[at] = line[i], smooth, line[i] - smooth
    return lines, signals, hists


def compute(name: str, closes: list[float]) -> dict[str, Values]:
    """Every value of the indicator `name` (`rsi(14)`, `macd(12,26,9)`), by the name `--bars` gives it."""
    kind, periods = parse(name)
    name = f"{kind}({','.join(map(str, periods))})"
    if kind == "macd":
        line, signal, hist = macd(closes, *periods)
        return {name: line, f"{name}.signal": signal, f"{name}.hist": hist}
    return {name: {"sma": sma, "ema": ema, "rsi": rsi}[kind](closes, *periods)}


def parse(name: str) -> tuple[str, tuple[int, ...]]:
    form = re.fullmatch(r"(\w+)\(([\d,\s]+)\)", name.strip())
    assert form is not None, name
    return form[1], tuple(int(period) for period in form[2].split(","))


def forming_average(
    kind: str, period: int, closes: list[float], averages: Values, price: float
) -> float | None:
    """SMA or EMA with `price` as the forming bar's close; `averages` are those of the closed bars."""
    if len(closes) + 1 < period:
        return None
    if kind == "sma" or len(closes) + 1 == period:  # an EMA begins as the mean
        return math.fsum([*closes[len(closes) + 1 - period :], price]) / period
    last = averages[len(closes) - 1]
    assert last is not None
    return last + (price - last) * 2 / (period + 1)

"""A tick, and a bar as the four ticks of design §8."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

NS = 1_000_000_000


class Tick(NamedTuple):
    time: int  # ns UTC
    price: float
    size: float = 0.0
    condition: str = ""
    id: int | None = None
    exchange: int = 0
    made_of: str | None = None  # timeframe of the bar that it was made from; None: a real tick
    leg: int | None = None  # of a composite: 0 the symbol that is divided, 1 the one it is divided by


@dataclass
class Bar:
    timeframe: str
    start: int  # ns UTC, inclusive
    end: int  # ns UTC, exclusive
    open: float
    high: float
    low: float
    close: float
    volume: float = 0.0


class Settlement(NamedTuple):
    """The exchange's daily bar, as it comes in between two ticks."""

    bar: Bar


def duration(timeframe: str) -> int:
    """Length in ns; of `1d` a whole day, which is longer than any session but one of 24/7."""
    unit = {"s": 1, "m": 60, "h": 3600, "d": 86_400}[timeframe[-1]]
    return int(timeframe[:-1]) * unit * NS


def ticks_of_bars(bars: Iterable[Bar]) -> list[Tick]:
    """Open, low, high, close when close >= open, else open, high, low, close."""
    ticks = []
    for bar in bars:
        length = bar.end - bar.start
        second, third = (bar.low, bar.high) if bar.close >= bar.open else (bar.high, bar.low)
        ticks.append(Tick(bar.start, bar.open, made_of=bar.timeframe))
        ticks.append(Tick(bar.start + length // 3, second, made_of=bar.timeframe))
        ticks.append(Tick(bar.start + 2 * length // 3, third, made_of=bar.timeframe))
        ticks.append(Tick(bar.end - 1, bar.close, bar.volume, made_of=bar.timeframe))
    return ticks

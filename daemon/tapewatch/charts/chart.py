"""A chart as data: what the page, the terminal and a picture draw. No I/O."""

from typing import Literal

import msgspec


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """A level, a zone, or a condition that is a level, as it stands now."""

    name: str
    role: str | None
    """`support`, `resistance`, `breakout`, `target`, or null."""
    low: float
    high: float
    """Of a level the same as `low`."""


class Mark(msgspec.Struct, frozen=True, kw_only=True):
    """An alert at the bar in which it fired."""

    id: str
    time: int
    """Event time, s since 1970 UTC."""
    price: float
    type: str
    """`tapewatch.level.crossed_up` and so on."""
    rule: str
    direction: Literal["up", "down"] | None
    severity: Literal["info", "warning", "critical"]
    text: str


class Join(msgspec.Struct, frozen=True, kw_only=True):
    """The two pivots of a divergence, which are joined on the price and on the oscillator."""

    id: str
    """The alert's."""
    oscillator: str
    """`rsi(14)` or `macd(12,26,9).hist`, without its timeframe."""
    kind: str
    """`regular_bearish` and so on."""
    stage: Literal["confirmed", "forming"]
    times: tuple[int, int]
    """Starts of the two bars, s since 1970 UTC."""
    prices: tuple[float, float]
    values: tuple[float, float]


class Chart(msgspec.Struct, frozen=True, kw_only=True):
    """The newest bars of one symbol in one timeframe, and what is drawn over them.

    The lists of bars are equally long, the oldest bar first. NaN is what is not known; JSON has null for it.
    """

    symbol: str
    title: str
    zone: str
    """The exchange's time zone, such as `America/New_York`."""
    timeframe: str
    timeframes: list[str]
    """All of the watch, shortest first."""
    time: list[int]
    """Start of each bar, s since 1970 UTC; of 1d the session's open."""
    open: list[float]
    high: list[float]
    low: list[float]
    close: list[float]
    volume: list[float]
    values: dict[str, list[float]]
    """Every indicator of this timeframe by its name without it: `rsi(14)`, `macd(12,26,9).hist`, `sma(50)`."""
    forming: bool
    """Whether the last bar still forms; its values are provisional then."""
    places: list[Place]
    """The highest first."""
    marks: list[Mark]
    """Alerts within these bars, the oldest first."""
    joins: list[Join]
    """Divergences both of whose pivots are within these bars, the oldest first."""

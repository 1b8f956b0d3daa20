"""What the engine is asked to watch, in its own terms: config and conditions compile to this."""

from dataclasses import dataclass
from math import inf
from typing import Literal

from tapewatch.engine.indicators import Indicator, Value
from tapewatch.market.sessions import Sessions

Direction = Literal["up", "down"]


NO_RANGE_BAND = 0.001
"""Band, as a fraction of the level, until there is an average true range."""


@dataclass(frozen=True)
class Band:
    """A re-arm band."""

    size: float
    unit: Literal["points", "fraction", "atr"]
    """Points; parts of the level itself; or average true ranges, ATR(14)@1d."""

    def points(self, level: float) -> float:
        """The band at `level` in points, where no average true range is needed to tell."""
        return self.size * level if self.unit == "fraction" else self.size


@dataclass(frozen=True)
class LevelRule:
    """Fires when price crosses `price`, checked on ticks."""

    name: str
    price: float
    band: Band
    confirm: str | None = None
    """Timeframe at whose close the crossing is confirmed or failed."""


@dataclass(frozen=True)
class ZoneRule:
    """Fires when price enters, leaves, breaks or jumps over low to high, checked on ticks."""

    name: str
    low: float
    high: float
    band: Band
    """Of each edge; at most half the zone's width."""
    confirm: str | None = None


@dataclass(frozen=True)
class PriceCrossRule:
    """A level that stands where an indicator's provisional value is: `price crosses sma(50)@1d`."""

    name: str
    value: Value
    band: Band
    direction: Direction | None = None
    """None: both ways."""


@dataclass(frozen=True)
class LevelCrossRule:
    """A level written as a condition: `price crosses above 7000`."""

    name: str
    price: float
    band: Band
    direction: Direction | None = None


@dataclass(frozen=True)
class ValueCrossRule:
    """Fires when an indicator is across a number or another one at a close, and was not at the close before."""

    name: str
    left: Value
    right: Value | float
    direction: Direction | None = None


@dataclass(frozen=True)
class DivergenceRule:
    """Confirmed regular divergence of price from an oscillator."""

    name: str
    value: Value
    side: Literal["bullish", "bearish"] | None = None
    """None: both."""


Rule = LevelRule | ZoneRule | PriceCrossRule | LevelCrossRule | ValueCrossRule | DivergenceRule


@dataclass(frozen=True)
class Watch:
    """One symbol: when it trades, what is computed and what is watched for."""

    symbol: str
    sessions: Sessions
    timeframes: tuple[str, ...]
    """Shortest first; every timeframe that a rule names is among them."""
    indicators: tuple[Indicator, ...]
    """Every indicator that a rule names is among them."""
    rules: tuple[Rule, ...] = ()
    """Levels, then zones, then conditions: the order in which one tick's events come out."""
    extended: bool = False
    """Levels and zones fire in extended hours too."""
    max_jump: float = inf
    """Largest |price / last - 1| of a tick that is not held back."""
    feed: int = 0
    """Which feed's clock it lives by."""

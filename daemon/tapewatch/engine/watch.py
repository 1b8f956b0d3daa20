"""What the engine is asked to watch, in its own terms: config and conditions compile to this."""

from dataclasses import dataclass
from math import inf
from typing import Literal

from tapewatch.engine.indicators import Indicator
from tapewatch.engine.parts import Event, Frequency, State
from tapewatch.market.sessions import Sessions
from tapewatch.market.timeframes import DAY

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
class ConditionRule:
    """Fires when its event happens and every state holds; without an event, when all states begin to hold."""

    name: str
    event: Event | None
    states: tuple[State, ...]
    band: Band
    """Re-arm band, where price crosses, enters or leaves something."""
    on: str | None
    """Timeframe at whose close it is checked; None: on every tick."""
    lasting: int = 0
    """How long (ns) it must stay true before it fires."""
    frequency: Frequency = "always"
    bar: str = DAY
    """The timeframe of `once per bar`; it need not be the watch's."""
    expires: int | None = None
    """From this event time (ns) on it is not checked any more."""
    hours: tuple[int, int] | None = None
    """It is checked in these hours alone: ns after midnight in the exchange's zone; None: all of the watch's."""

    @property
    def parts(self) -> tuple[Event | State, ...]:
        """The event, if there is one, then the states."""
        return (*((self.event,) if self.event else ()), *self.states)


Rule = LevelRule | ZoneRule | ConditionRule


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
    legs: tuple[str, str] | None = None
    """Of a composite such as `XLC/SPY`: the symbols whose prices are divided."""
    settle_after: int = 0
    """How long (ns) after a session's end the official daily bar is waited for; 0: there is none."""

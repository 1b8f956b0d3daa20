"""Levels and zones (design §4): Schmitt triggers that are prompt on the first touch."""

from dataclasses import dataclass, field
from functools import cache

from reference.judge import Judge

DIRECTION = {
    "crossed_up": "up",
    "crossed_down": "down",
    "entered_from_below": "up",
    "entered_from_above": "down",
    "broke_above": "up",
    "broke_below": "down",
    "rejected_down": "down",
    "rejected_up": "up",
    "jumped_up": "up",
    "jumped_down": "down",
}

NO_RANGE = 0.001
"""Of the level: the band that is in average true ranges, until there is one."""


@cache
def fraction(percentage: str) -> float:
    return float(percentage.strip().rstrip("%")) / 100


def band_of(rearm: float | str, level: float, average_range: float | None) -> float:
    """Points: `rearm` is a number of them, `"0.1%"` of the level, or `"0.1 atr"`."""
    if not isinstance(rearm, str):
        return rearm
    if not rearm.endswith("atr"):
        return level * fraction(rearm)
    if average_range is None:
        return level * NO_RANGE
    return float(rearm.removesuffix("atr")) * average_range


@dataclass
class Edge:
    """A level. `upper` is the upper edge of a zone: price on it is not above it."""

    judge: Judge
    upper: bool = False
    above: bool | None = None  # the side last reported; None before the first tick
    armed: bool = True

    def see(self, price: float, level: float, band: float) -> str | None:
        """`crossed_up`, `crossed_down` or None."""
        over = self.judge.over(price, level) if self.upper else self.judge.at_least(price, level)
        if self.above is None:
            self.above = over
            return None
        if over == self.above:
            self.armed = self.armed or self.far(over, price, level, band)
            return None
        if not self.armed and not self.far(over, price, level, band):
            return None
        self.above, self.armed = over, self.far(over, price, level, band)
        return "crossed_up" if over else "crossed_down"

    def far(self, over: bool, price: float, level: float, band: float) -> bool:
        """Whether price is at least the band beyond the level."""
        if over:
            return self.judge.at_least(price, level + band)
        return self.judge.at_least(level - band, price)


@dataclass
class Zone:
    low: float
    high: float
    rearm: float | str
    judge: Judge
    lower: Edge = field(init=False)
    upper: Edge = field(init=False)
    place: str | None = None
    came_from: str | None = None  # None: inside from the start

    def __post_init__(self) -> None:
        self.lower, self.upper = Edge(self.judge), Edge(self.judge, upper=True)

    def see(self, price: float, average_range: float | None) -> str | None:
        """The passage that this price makes, or None."""
        half = (self.high - self.low) / 2
        self.lower.see(price, self.low, min(band_of(self.rearm, self.low, average_range), half))
        self.upper.see(price, self.high, min(band_of(self.rearm, self.high, average_range), half))
        place = "above" if self.upper.above else "inside" if self.lower.above else "below"
        before, self.place = self.place, place
        if before in (None, place):
            return None
        if place == "inside":
            self.came_from = before
            return f"entered_from_{before}"
        if before == "inside":
            if self.came_from == place:
                return "rejected_up" if place == "above" else "rejected_down"
            return f"broke_{place}"
        return "jumped_up" if place == "above" else "jumped_down"


def level_holds(passage: str, close: float, level: float) -> bool:
    """Whether `close` is on the side that the crossing named."""
    return close >= level if passage == "crossed_up" else close < level


def zone_holds(passage: str, close: float, low: float, high: float) -> bool:
    """Whether `close` is in the place that the passage named."""
    if passage.startswith("entered"):
        return low <= close <= high
    return close > high if DIRECTION[passage] == "up" else close < low

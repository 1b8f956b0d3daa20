"""Levels and zones (design §4): Schmitt triggers that are prompt on the first touch."""

from dataclasses import dataclass, field

from reference.tape import fraction

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


def band_of(rearm: float | str, level: float) -> float:
    return level * fraction(rearm) if isinstance(rearm, str) else rearm


@dataclass
class Edge:
    """A level. `upper` is the upper edge of a zone: price on it is not above it."""

    upper: bool = False
    above: bool | None = None  # the side last reported; None before the first tick
    armed: bool = True

    def see(self, price: float, level: float, band: float) -> str | None:
        """`crossed_up`, `crossed_down` or None."""
        over = price > level if self.upper else price >= level
        if self.above is None:
            self.above = over
            return None
        if self.above:
            fired = not over if self.armed else price <= level - band
        else:
            fired = over if self.armed else price >= level + band
        if fired:
            self.above = not self.above
            self.armed = False
        if (price >= level + band) if self.above else (price <= level - band):
            self.armed = True
        if not fired:
            return None
        return "crossed_up" if self.above else "crossed_down"


@dataclass
class Zone:
    low: float
    high: float
    rearm: float | str
    lower: Edge = field(default_factory=Edge)
    upper: Edge = field(default_factory=lambda: Edge(upper=True))
    place: str | None = None
    came_from: str | None = None  # None: inside from the start

    def see(self, price: float) -> str | None:
        """The passage that this price makes, or None."""
        half = (self.high - self.low) / 2
        self.lower.see(price, self.low, min(band_of(self.rearm, self.low), half))
        self.upper.see(price, self.high, min(band_of(self.rearm, self.high), half))
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

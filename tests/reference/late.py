"""What an outage is told as (docs/design.md, Outages): the side before against the side after.

A plain walk over the prices of the bars: live prices up to the place, then four prices a bar, the close alone of a bar
that began before. Nothing here nets events: it looks at where price was, where it is, and where it has been.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from reference.judge import Judge
from reference.levels import Edge, Zone


class Bar(NamedTuple):
    start: int
    end: int
    open: float
    high: float
    low: float
    close: float


class Late(NamedTuple):
    kind: str
    direction: str
    price: float
    end: int


@dataclass
class Place:
    """Price at a level (`low` is `high`) or a zone: below, inside or above."""

    low: float
    high: float
    rearm: float

    def __post_init__(self) -> None:
        judge = Judge()
        self.is_zone = self.low != self.high
        self.edge = Edge(judge)
        self.zone = Zone(self.low, self.high, self.rearm, judge)

    def see(self, price: float) -> str:
        if self.is_zone:
            self.zone.see(price, None)
            return str(self.zone.place)
        self.edge.see(price, self.low, self.rearm)
        return "above" if self.edge.above else "below"


def late(before: Sequence[float], bars: Sequence[Bar], place: int, own: Place) -> Late | None:
    """What is told of bars that were missed after the prices `before`, the last of them at `place`."""
    for price in before:
        was = own.see(price)
    entry = own.zone.came_from
    seen = [(price, own.see(price), bar.end) for bar in bars for price in _prices(bar, place)]
    if not seen:
        return None
    now = seen[-1][1]
    if now == was:
        return _touched(was, seen, own)
    arrived = max(i for i in range(len(seen)) if seen[i][1] == now and (i == 0 or seen[i - 1][1] != now))
    price, _, end = seen[arrived]
    kind, direction = _leads(was, now, entry, own.is_zone)
    return Late(kind, direction, price, end)


def _prices(bar: Bar, place: int) -> Iterator[float]:
    if bar.end - 1 <= place:
        return
    if bar.start < place:
        yield bar.close
        return
    rose = bar.close >= bar.open
    yield from (bar.open, bar.low, bar.high, bar.close) if rose else (bar.open, bar.high, bar.low, bar.close)


def _leads(was: str, now: str, entry: str | None, is_zone: bool) -> tuple[str, str]:
    order = ("below", "inside", "above")
    direction = "up" if order.index(now) > order.index(was) else "down"
    if not is_zone:
        return f"level.crossed_{direction}", direction
    if now == "inside":
        return f"zone.entered_from_{was}", direction
    if was == "inside":
        return (f"zone.rejected_{direction}" if entry == now else f"zone.broke_{now}"), direction
    return f"zone.jumped_{direction}", direction


def _touched(was: str, seen: list[tuple[float, str, int]], own: Place) -> Late | None:
    """The extreme of all prices, if any was somewhere else; of a zone that it was in, the one farther out."""
    if all(there == was for _, there, _ in seen):
        return None
    first = next(i for i in range(len(seen)) if seen[i][1] != was)
    since = seen[first:]
    top, bottom = max(price for price, _, _ in since), min(price for price, _, _ in since)
    up = was == "below" or (was == "inside" and top - own.high >= own.low - bottom)
    extreme = top if up else bottom
    end = next(end for price, _, end in since if price == extreme)
    return Late("zone.touched" if own.is_zone else "level.touched", "up" if up else "down", extreme, end)

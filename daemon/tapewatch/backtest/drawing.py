"""The report's charts as geometry: where each bar, line and mark stands. The template writes the SVG."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from tapewatch.alerts.alert import Alert
from tapewatch.alerts.numbers import level, place
from tapewatch.backtest import words
from tapewatch.backtest.figures import Distribution
from tapewatch.config import Level, Zone
from tapewatch.market.sessions import Sessions
from tapewatch.market.ticks import NS

SMALL_WIDTH, SMALL_HEIGHT = 360, 130
"""Of the charts of one rule, in user units of their view box."""
WIDTH, HEIGHT = 960, 320
"""Of the chart of the price."""

_BOTTOM, _TOP = 18, 14
_MARGIN = 16
"""Left and right of a small chart, for the labels of its axis."""
_INNER = SMALL_WIDTH - 2 * _MARGIN
_LEFT, _RIGHT = 66, 8
_COLUMNS = WIDTH - _LEFT - _RIGHT
_MARK_SPAN = 6
"""Alerts of one direction as near as this, in user units, share a mark."""
_LABEL_HEIGHT = 13
_MOST_TICKS = 7
_FEW_SESSIONS = 3
_STEPS = (1.0, 2.0, 2.5, 5.0, 10.0)


@dataclass(frozen=True)
class Bar:
    """One bar of a histogram."""

    x: float
    y: float
    width: float
    height: float
    css: Literal["all", "for", "against"]
    label: str
    """What it counts, in words."""


@dataclass(frozen=True)
class Tick:
    """A label on an axis, and where."""

    at: float
    text: str


@dataclass(frozen=True)
class Histogram:
    """Bars that stand on the line `base`."""

    bars: list[Bar]
    ticks: list[Tick]
    base: float
    most: int
    """What the highest bar counts."""
    label: str
    """The whole chart in a sentence."""


@dataclass(frozen=True)
class Mark:
    """One alert, or some that are too near to each other to be told apart."""

    x: float
    y: float
    css: Literal["up", "down", "none"]
    label: str


@dataclass(frozen=True)
class Stripe:
    """A level (no height) or a zone."""

    y: float
    height: float
    label: str
    named: bool
    """Whether there is room for its name."""


@dataclass(frozen=True)
class PriceChart:
    """The price over the whole tape, with what fired on it."""

    range: str
    """Path around the lows and highs."""
    closes: str
    """Path along the closes."""
    marks: list[Mark]
    stripes: list[Stripe]
    prices: list[Tick]
    times: list[Tick]
    left: float
    right: float
    bottom: float
    outside: list[str]
    """Levels and zones that are too far away to be drawn."""


def hours(own: Mapping[str, int], shown: Sequence[str]) -> Histogram:
    """Alerts by the half hours `shown`."""
    base, most = SMALL_HEIGHT - _BOTTOM, max(own.values(), default=1)
    width = _INNER / max(len(shown), 1)
    bars = [
        Bar(
            _unit(_MARGIN + at * width + width * 0.1),
            _unit(base - own.get(hour, 0) / most * (base - _TOP)),
            _unit(width * 0.8),
            _unit(own.get(hour, 0) / most * (base - _TOP)),
            "all",
            f"{hour}: {words.count(own.get(hour, 0), 'alert')}",
        )
        for at, hour in enumerate(shown)
        if own.get(hour)
    ]
    every = max(1, -(-len(shown) // _MOST_TICKS))
    ticks = [
        Tick(_unit(_MARGIN + (at + 0.5) * width), hour)
        for at, hour in enumerate(shown)
        if at % every == every // 2
    ]
    label = f"Alerts by half hour of the exchange's day; most from {words.busiest(own)} on: {most:,}"
    return Histogram(bars, ticks, base, most, label)


def spread(own: Distribution, after: str) -> Histogram:
    """How changes after so many bars are spread; `after`: such as `20 bars of 1m`."""
    base, most = SMALL_HEIGHT - _BOTTOM, max(max(own.alerts), 1)
    half, width = len(own.alerts) // 2, _INNER / len(own.alerts)
    bars = [
        Bar(
            _unit(_MARGIN + at * width + width * 0.06),
            _unit(base - count / most * (base - _TOP)),
            _unit(width * 0.88),
            _unit(count / most * (base - _TOP)),
            "for" if at >= half else "against",
            f"{_edges(at - half, own.width, half)}: {words.count(count, 'alert')}",
        )
        for at, count in enumerate(own.alerts)
        if count
    ]
    ticks = [
        Tick(
            _unit(_MARGIN + (half + at) * width),
            words.change(at * own.width).removesuffix("%").replace("0.00", "0") + "%",
        )
        for at in (-half // 2, half // 2)
    ]
    ticks.insert(1, Tick(SMALL_WIDTH / 2, "0"))
    rest = sum(own.alerts[:half]), sum(own.alerts[half:])
    label = f"Changes after {after}: {rest[1]:,} at 0 or in favour of the alert, {rest[0]:,} against it"
    return Histogram(bars, ticks, base, most, label)


def prices(
    bars: NDArray[np.void], alerts: Sequence[Alert], places: Sequence[Level | Zone], calendar: Sessions
) -> PriceChart:
    """The chart of the price.

    Args:
        bars: the finest that closed (rows of `CLOSED`), oldest first, one at least.
        alerts: what fired.
        places: the watch's levels and zones.
        calendar: its sessions.
    """
    scale = _Scale(bars)
    edges = [(own.price, own.price) if isinstance(own, Level) else (own.low, own.high) for own in places]
    inside = [
        (low, high, own) for (low, high), own in zip(edges, places, strict=True) if scale.shows(low, high)
    ]
    return PriceChart(
        range=_path([*scale.line("high"), *reversed(scale.line("low"))]) + "Z",
        closes=_path(scale.line("close")),
        marks=list(_marks(alerts, scale)),
        stripes=list(_stripes(inside, scale)),
        prices=[Tick(scale.y(own), level(own)) for own in _round_prices(scale.low, scale.high)],
        times=list(_times(bars["start"], scale, calendar)),
        left=_LEFT,
        right=WIDTH - _RIGHT,
        bottom=HEIGHT - _BOTTOM,
        outside=[
            f"{own.name} ({place(low, high)})"
            for (low, high), own in zip(edges, places, strict=True)
            if not scale.shows(low, high)
        ],
    )


class _Scale:
    """From bars and prices to places in the chart; many bars share a column."""

    def __init__(self, bars: NDArray[np.void]) -> None:
        self.starts = bars["start"]
        first = np.unique(
            np.linspace(0, len(bars), min(len(bars), _COLUMNS), endpoint=False).astype(np.int64)
        )
        last = np.append(first[1:], len(bars)) - 1
        self._columns = {
            "high": np.maximum.reduceat(bars["high"], first),
            "low": np.minimum.reduceat(bars["low"], first),
            "close": bars["close"][last],
        }
        self._middle = (first + last + 1) / 2
        lowest, highest = float(bars["low"].min()), float(bars["high"].max())
        room = (highest - lowest) * 0.06 or highest * 0.001
        self.low, self.high = lowest - room, highest + room

    def x(self, bar: float) -> float:
        """Of a bar by its number, or between two."""
        return _unit(_LEFT + bar / len(self.starts) * _COLUMNS)

    def y(self, own: float) -> float:
        share = (own - self.low) / (self.high - self.low)
        return _unit(HEIGHT - _BOTTOM - share * (HEIGHT - _BOTTOM - _TOP))

    def bar_at(self, time: int) -> float:
        """The number of the bar in which `time` (ns) falls, or after which it does."""
        return max(int(np.searchsorted(self.starts, time, side="right")) - 1, 0) + 0.5

    def shows(self, low: float, high: float) -> bool:
        return high >= self.low and low <= self.high

    def line(self, field: str) -> list[tuple[float, float]]:
        pairs = zip(self._middle.tolist(), self._columns[field].tolist(), strict=True)
        return [(self.x(bar), self.y(own)) for bar, own in pairs]


def _marks(alerts: Sequence[Alert], scale: _Scale) -> Iterator[Mark]:
    shared: dict[tuple[int, str, int], list[tuple[float, float, Alert]]] = {}
    for alert in alerts:
        if alert.data.price is not None:
            x, y = scale.x(scale.bar_at(int(alert.data.time_ns))), scale.y(alert.data.price)
            near = (int(x // _MARK_SPAN), alert.data.direction or "none", int(y // _MARK_SPAN))
            shared.setdefault(near, []).append((x, y, alert))
    for (_, direction, _), own in shared.items():
        x, y, first = own[0]
        more = f", and {len(own) - 1:,} more" if len(own) > 1 else ""
        label = f"{first.data.exchange_time[:16].replace('T', ' ')}: {first.data.text}{more}"
        yield Mark(x, y, "up" if direction == "up" else "down" if direction == "down" else "none", label)


def _stripes(inside: Sequence[tuple[float, float, Level | Zone]], scale: _Scale) -> Iterator[Stripe]:
    last = float("-inf")
    for low, high, own in sorted(inside, key=lambda each: -each[1]):
        top = max(scale.y(high), _TOP)
        named = top - last >= _LABEL_HEIGHT
        last = top if named else last
        bottom = min(scale.y(low), HEIGHT - _BOTTOM)
        yield Stripe(top, _unit(max(bottom - top, 0)), f"{own.name} {place(low, high)}", named)


def _round_prices(low: float, high: float) -> list[float]:
    """Four to eight round prices between the two."""
    rough = (high - low) / 6
    power = 10.0 ** np.floor(np.log10(rough))
    step = next(own * power for own in _STEPS if own * power >= rough)
    first = int(np.ceil(low / step))
    return [float(f"{step * at:.10g}") for at in range(first, int(high // step) + 1)]


def _times(starts: NDArray[np.int64], scale: _Scale, calendar: Sessions) -> Iterator[Tick]:
    """Dates at the sessions' first bars; of few sessions hours, too."""
    session = np.searchsorted(calendar.closes, starts, side="right")
    first = np.flatnonzero(np.diff(session, prepend=-1))
    if len(first) > _FEW_SESSIONS:
        every = -(-len(first) // _MOST_TICKS)
        for at in first[::every].tolist():
            yield Tick(scale.x(at), _local(starts[at], calendar, "%Y-%m-%d"))
        return
    hour = np.array([_local(own, calendar, "%H") for own in starts.tolist()])
    changes = np.flatnonzero(hour[1:] != hour[:-1]) + 1
    every = 1 if len(first) == 1 else len(first)
    begins = set(first.tolist())
    for at in sorted(begins | set(changes[::every].tolist())):
        form = "%Y-%m-%d" if at in begins else "%H:%M"
        if at in begins or all(abs(scale.x(at) - scale.x(own)) > 80 for own in begins):
            yield Tick(scale.x(at), _local(starts[at], calendar, form))


def _local(time: int, calendar: Sessions, form: str) -> str:
    return datetime.fromtimestamp(int(time) // NS, UTC).astimezone(calendar.zone).strftime(form)


def _edges(at: int, width: float, half: int) -> str:
    """What a bin holds: `+0.10% to +0.20%`, `+0.90% or more`."""
    if at == -half:
        return f"{words.change((at + 1) * width)} or less"
    if at == half - 1:
        return f"{words.change(at * width)} or more"
    return f"{words.change(at * width)} to {words.change((at + 1) * width)}"


def _path(points: Sequence[tuple[float, float]]) -> str:
    return "M" + "L".join(f"{x:g} {y:g}" for x, y in points)


def _unit(number: float) -> float:
    """A place in the chart, to a tenth."""
    return round(float(number), 1)

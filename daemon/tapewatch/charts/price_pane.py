"""The candles, with averages, levels and zones, pivots and alerts."""

import math
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection, PolyCollection
from numpy.typing import NDArray

from tapewatch.alerts import numbers
from tapewatch.charts import letters
from tapewatch.charts.chart import Mark
from tapewatch.charts.look import BODY, DASHES, Dash, Look
from tapewatch.charts.series import Floats, Line, Series, bar_of
from tapewatch.charts.sheet import Box, Sheet
from tapewatch.charts.ticks import times

Bars = NDArray[np.intp]
"""Their positions."""

_NEAR = 0.15
"""A place, or an average, so much of the bars' range beyond them is brought into sight."""
_NEAR_FOCUS = 1.0
"""The same of what the alert is about; what is farther away is named at the edge."""
_MARGIN = 0.07
_LEAST = 2e-4
"""The scale spans so much of the price at least."""
_BODY = 0.7
"""Width of a candle's body, in bars."""


def price_range(own: Series) -> tuple[float, float]:
    """The lowest and the highest price of the pane, never the same."""
    prices = np.concatenate([own.low, own.high, own.open, own.close])
    prices = prices[np.isfinite(prices)]
    low, high = (float(prices.min()), float(prices.max())) if len(prices) else _around_places(own)
    span = max(high - low, _LEAST * max(abs(low), abs(high))) or 1.0
    missing = (span - (high - low)) / 2
    low, high = low - missing, high + missing
    focus = [own.place.low, own.place.high] if own.place else []
    focus += [own.mark.price] if own.mark else []
    seen = [low, high]
    seen += _between(focus, low - _NEAR_FOCUS * span, high + _NEAR_FOCUS * span)
    seen += _between(_others(own), low - _NEAR * span, high + _NEAR * span)
    low, high = min(seen), max(seen)
    margin = _MARGIN * max(high - low, span)
    points = own.mark.direction if own.mark else None  # at the alert, a large triangle below or above its bar
    return low - margin * (2.5 if points == "up" else 1), high + margin * (2.5 if points == "down" else 1)


def _others(own: Series) -> Iterator[float]:
    for place in own.chart.places:
        yield from (place.low, place.high)
    for line in own.over_price:
        yield from map(float, line.values)


def _between(values: Iterable[float], low: float, high: float) -> Iterator[float]:
    return (value for value in values if low <= value <= high)


def _around_places(own: Series) -> tuple[float, float]:
    """Of a chart without bars: all of its places, or nothing in particular."""
    edges = [edge for place in own.chart.places for edge in (place.low, place.high) if math.isfinite(edge)]
    return (min(edges), max(edges)) if edges else (0.0, 1.0)


def styles(lines: Sequence[Line], look: Look) -> list[tuple[str, Dash]]:
    """Colour and dashes of each; the bands of an indicator look alike."""
    kinds = list(dict.fromkeys(line.name.indicator for line in lines))
    places = [kinds.index(line.name.indicator) for line in lines]
    return [(look.lines[at % len(look.lines)], DASHES[at % len(DASHES)]) for at in places]


def draw(sheet: Sheet, pane: Axes, box: Box, own: Series) -> None:
    """Everything but scale and names."""
    _places(sheet, pane, own)
    _candles(sheet, pane, box, own)
    for line, (color, dash) in zip(own.over_price, styles(own.over_price, sheet.look), strict=True):
        pane.plot(line.values, color=color, linestyle=dash, linewidth=sheet.px(3), zorder=4, gid="average")
    for join in own.chart.joins:
        joined(sheet, pane, own, join.id, join.times, join.prices, dashed=join.stage == "forming")
    _marks(sheet, pane, box, own)


def _places(sheet: Sheet, pane: Axes, own: Series) -> None:
    low, high = pane.get_ylim()
    for place in own.chart.places:
        if place.low > high or place.high < low:
            continue
        focus = place is own.place
        color = sheet.look.ink if focus else sheet.look.place
        if place.low != place.high:
            pane.axhspan(
                place.low, place.high, color=color, alpha=0.16 if focus else 0.1, linewidth=0, zorder=1
            )
        for edge in {place.low, place.high}:
            width = sheet.px(4.5 if focus else 1.8)
            pane.axhline(edge, color=color, linewidth=width, zorder=3 if focus else 2, gid="place")


def _candles(sheet: Sheet, pane: Axes, box: Box, own: Series) -> None:
    """Hollow where the close is not below the open."""
    whole = np.isfinite(own.open) & np.isfinite(own.high) & np.isfinite(own.low) & np.isfinite(own.close)
    slot = box.width / float(np.diff(pane.get_xlim())[0])
    stroke = min(max(slot * 0.2, sheet.px(1)), sheet.px(3))
    for rises, color in ((True, sheet.look.rise), (False, sheet.look.fall)):
        at = np.flatnonzero(whole & ((own.close >= own.open) == rises))
        if not len(at):
            continue
        bottom, top = np.minimum(own.open, own.close)[at], np.maximum(own.open, own.close)[at]
        wicks = [*_vertical(at, own.low[at], bottom), *_vertical(at, top, own.high[at])]
        pane.add_collection(LineCollection(wicks, colors=color, linewidths=stroke, zorder=5), autolim=False)
        pane.add_collection(
            PolyCollection(
                _bodies(at, bottom, top),
                facecolors=sheet.look.ground if rises else color,
                edgecolors=color,
                linewidths=stroke,
                zorder=5,
                gid="rise" if rises else "fall",
            ),
            autolim=False,
        )


def _vertical(at: Bars, low: Floats, high: Floats) -> list[list[tuple[float, float]]]:
    return [[(x, a), (x, b)] for x, a, b in zip(at, low, high, strict=True)]


def _bodies(at: Bars, low: Floats, high: Floats) -> list[list[tuple[float, float]]]:
    half = _BODY / 2
    return [
        [(x - half, a), (x + half, a), (x + half, b), (x - half, b)]
        for x, a, b in zip(at, low, high, strict=True)
    ]


def joined(
    sheet: Sheet,
    pane: Axes,
    own: Series,
    id_: str,
    starts: tuple[int, int],
    values: tuple[float, float],
    *,
    dashed: bool,
) -> None:
    """A line between the two pivots, from the bar that starts at one time to that which starts at the other."""
    if not (set(starts) <= set(own.chart.time) and all(map(math.isfinite, values))):
        return
    focus = own.join is not None and own.join.id == id_
    size = sheet.px(13 if focus else 7)
    pane.plot(
        [own.chart.time.index(start) for start in starts],
        values,
        color=sheet.look.alert,
        linewidth=sheet.px(6 if focus else 2.5),
        linestyle=(0, (3, 1.5)) if dashed else "-",
        marker="o",
        markersize=size,
        markerfacecolor=sheet.look.ground,
        markeredgewidth=sheet.px(4 if focus else 2),
        zorder=8 if focus else 6,
        gid="join",
    )


def _marks(sheet: Sheet, pane: Axes, box: Box, own: Series) -> None:
    for mark in own.chart.marks:
        bar = bar_of(own.chart, mark)
        if bar is None or not math.isfinite(mark.price):
            continue
        if mark is own.mark:
            _focus(sheet, pane, box, own, mark, bar)
        else:
            _mark(sheet, pane, own, mark, bar, 20)


def _mark(sheet: Sheet, pane: Axes, own: Series, mark: Mark, bar: int, size: float) -> None:
    """Below the bar what points up, above it what points down, at the price what points nowhere."""
    shape = {"up": "^", "down": "v"}.get(mark.direction or "", "D")
    edge = {"^": own.low[bar], "v": own.high[bar]}.get(shape, mark.price)
    away = {"^": -1, "v": 1}.get(shape, 0) * sheet.px(size * 0.5 + 8)
    x, y = pane.transData.transform((bar, edge if edge == edge else mark.price))
    pane.plot(
        *pane.transData.inverted().transform((x, y + away)),
        marker=shape,
        markersize=sheet.px(size),
        color=sheet.look.alert,
        markeredgecolor=sheet.look.ground,
        markeredgewidth=sheet.px(2),
        linestyle="",
        clip_on=False,
        zorder=9,
        gid="alert",
    )


def _focus(sheet: Sheet, pane: Axes, box: Box, own: Series, mark: Mark, bar: int) -> None:
    """The alert that the picture is about: large, with price and time beside it."""
    _mark(sheet, pane, own, mark, bar, 34)
    at = times([mark.time], own.chart.zone)[0]
    edges = (own.place.low, own.place.high) if own.place else ()
    beside = min(edges, key=lambda edge: abs(edge - mark.price), default=None)
    words = f"{at:%H:%M}  {numbers.price(mark.price, beside)}"
    size = sheet.px(BODY)
    wide, high = letters.width(words, size, bold=True) + sheet.px(28), size + sheet.px(20)
    x, y = pane.transData.transform((bar, min(max(mark.price, pane.get_ylim()[0]), pane.get_ylim()[1])))
    y = sheet.height - y
    place = min(_places_for(sheet, box, x, y, wide, high), key=lambda each: _hidden(sheet, pane, own, each))
    sheet.line(
        (x, min(max(x, place.left), place.right)),
        (y, min(max(y, place.top), place.bottom)),
        color=sheet.look.alert,
        linewidth=sheet.px(3.5),
    )
    sheet.bubble(place, sheet.look.ground, sheet.look.alert).set_gid("callout")
    sheet.text(
        place.left + sheet.px(14), (place.top + place.bottom) / 2, words, size, sheet.look.ink, bold=True
    )


def _places_for(sheet: Sheet, box: Box, x: float, y: float, wide: float, high: float) -> Iterator[Box]:
    """Where a callout may stand, the best first: left and right of its point, and all the way up and down."""
    step = sheet.px(30)
    for away in range(2, 14):
        for side in (-1, 1):
            for direction in (-1, 1):
                left = x + side * sheet.px(60) - (wide if side < 0 else 0)
                top = y + direction * away * step - high / 2
                if box.left <= left <= box.right - wide and box.top <= top <= box.bottom - high:
                    yield Box(left, top, left + wide, top + high)
    left = min(max(x - wide - sheet.px(60), box.left), box.right - wide)
    top = min(max(y - high / 2, box.top), box.bottom - high)
    yield Box(left, top, left + wide, top + high)


def _hidden(sheet: Sheet, pane: Axes, own: Series, box: Box) -> float:
    """How much of the candles would be hidden behind it, px of their height."""
    to_data = pane.transData.inverted()
    left, low = to_data.transform((box.left, sheet.height - box.bottom))
    right, high = to_data.transform((box.right, sheet.height - box.top))
    first, end = max(math.floor(left), 0), max(math.ceil(right) + 1, 0)
    over = np.minimum(own.high[first:end], high) - np.maximum(own.low[first:end], low)
    return float(np.nansum(np.maximum(over, 0)))

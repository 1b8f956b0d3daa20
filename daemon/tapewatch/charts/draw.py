"""A chart as a picture: candles, levels, averages, RSI and MACD, pivots and alerts, for the width of a phone."""

import io
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

from tapewatch.alerts import numbers
from tapewatch.charts import legend, letters, oscillator_panes, price_pane, tags
from tapewatch.charts.chart import Chart
from tapewatch.charts.look import BODY, DARK, DESIGN, EDGE, HEADLINE, LABEL, LIGHT, ROW
from tapewatch.charts.series import Line, Series, last, said, series
from tapewatch.charts.sheet import Box, Sheet
from tapewatch.charts.ticks import breaks, day_name, price_ticks, spaced, time_ticks, times, zone_name
from tapewatch.market.timeframes import DAY

_FEWEST = 24
"""A chart is as wide as so many bars at least."""
_HEADLINE_ROW = 56.0
_PANE = 112.0
"""Height of RSI or MACD, and above it of a row; px of the design, as all of these."""
_GAP = 12.0
_APART = 125.0
"""From one time of the axis to the next."""
_COLORS = 256


def png(
    chart: Chart, *, dark: bool, width: int = DESIGN[0], height: int = DESIGN[1], focus: str | None = None
) -> bytes:
    """The chart as a PNG of so many pixels.

    Args:
        chart: what is drawn.
        dark: light on dark, else dark on light.
        width: px.
        height: px.
        focus: id of the alert that the picture is about.
    """
    return packed(figure(chart, dark=dark, width=width, height=height, focus=focus))


def packed(own: Figure) -> bytes:
    """A figure as a PNG of few colours, which takes a third of the room."""
    canvas: Any = FigureCanvasAgg(own)
    canvas.draw()
    image = Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB")
    buffer = io.BytesIO()
    image.quantize(_COLORS, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE).save(buffer, "PNG")
    return buffer.getvalue()


def figure(
    chart: Chart, *, dark: bool, width: int = DESIGN[0], height: int = DESIGN[1], focus: str | None = None
) -> Figure:
    """The same before it is pixels."""
    own = series(chart, focus)
    sheet = Sheet(width, height, DARK if dark else LIGHT)
    top = _legend(sheet, own, _header(sheet, own))
    low, high = price_pane.price_range(own)
    rows = _rows(sheet, own, top)
    ticks = list(price_ticks(low, high, int((rows[0][1] - rows[0][0]) / sheet.px(1.6 * ROW))))
    named = tags.tags(sheet, own, low, high)
    left = _left(sheet, own, [label for _, label in ticks])
    price, *others = [Box(left, top, sheet.width - tags.room(sheet, named), bottom) for top, bottom in rows]
    span = (own.bars - max(own.bars, _FEWEST) - 0.5, own.bars - 0.5)
    pane = sheet.pane(price, span, (low, high))
    _scale(sheet, pane, price, ticks, grid=True)
    panes = [_lower_pane(sheet, own, box, span, lines) for box, lines in zip(others, own.panes, strict=True)]
    _time_axis(sheet, own, [pane, *panes], [price, *others])
    price_pane.draw(sheet, pane, price, own)
    tags.draw(sheet, price, named, low, high)
    if not own.bars:
        _say_no_bars(sheet, price)
    return sheet.figure


def _say_no_bars(sheet: Sheet, pane: Box) -> None:
    """In the middle, and no level goes through the words."""
    words, size = "no bars yet", sheet.px(HEADLINE)
    x, y = (pane.left + pane.right) / 2, (pane.top + pane.bottom) / 2
    wide, high = letters.width(words, size) / 2 + sheet.px(_GAP), size / 2 + sheet.px(_GAP)
    sheet.box(Box(x - wide, y - high, x + wide, y + high), sheet.look.ground, linewidth=0)
    sheet.text(x, y, words, size, sheet.look.soft, align="center")


def _header(sheet: Sheet, own: Series) -> float:
    """Symbol, timeframe, price and time, and what the alert says; returns where that ends."""
    edge, y, look = sheet.px(EDGE), sheet.px(_HEADLINE_ROW / 2 + 6), sheet.look
    right = sheet.width - edge
    moment = _moment(own)
    sheet.text(right, y, moment, sheet.px(LABEL), look.soft, align="right")
    right -= letters.width(moment, sheet.px(LABEL)) + 2 * edge
    size, close = sheet.px(HEADLINE), last(own.close)
    parts = [(own.chart.timeframe, look.soft, False)]
    parts += [(numbers.price(close), look.ink, True)] if close == close else []
    room = right - edge - sum(letters.width(text, size, bold=bold) + edge for text, _, bold in parts)
    x = edge
    for text, color, bold in [
        (letters.fitted(own.chart.title, room, size, bold=True), look.ink, True),
        *parts,
    ]:
        sheet.text(x, y, text, size, color, bold=bold)
        x += letters.width(text, size, bold=bold) + edge
    return _sentence(sheet, own, sheet.px(_HEADLINE_ROW + 6))


def _moment(own: Series) -> str:
    """When the alert fired; else when the last bar began, and whether it forms still."""
    chart = own.chart
    if not chart.time:
        return ""
    at = times([own.mark.time if own.mark else chart.time[-1]], chart.zone)[0]
    clock = f" {at:%H:%M} {zone_name(at)}" if own.mark or chart.timeframe != DAY else ""
    return f"{day_name(at)}{clock}" + (" · forming" if chart.forming and not own.mark else "")


def _sentence(sheet: Sheet, own: Series, top: float) -> float:
    """What the alert says, in two lines at most."""
    if own.mark is None:
        return top
    edge, size, row = sheet.px(EDGE), sheet.px(BODY), sheet.px(ROW)
    lines = letters.wrapped(own.mark.text, sheet.width - 3 * edge, 2, size)
    for number, line in enumerate(lines):
        sheet.text(2 * edge, top + (number + 0.5) * row, line, size, sheet.look.ink)
    bar = Box(edge, top + sheet.px(2), edge + sheet.px(8), top + len(lines) * row - sheet.px(2))
    sheet.box(bar, sheet.look.alert, linewidth=0)
    return top + len(lines) * row + sheet.px(6)


def _legend(sheet: Sheet, own: Series, top: float) -> float:
    """Names of averages and bands, each once; returns where that ends."""
    lines = zip(own.over_price, price_pane.styles(own.over_price, sheet.look), strict=True)
    entries = dict.fromkeys(legend.Entry(said(line), "", *style) for line, style in lines)
    return legend.draw(sheet, list(entries), top, rows=2)


def _rows(sheet: Sheet, own: Series, top: float) -> list[tuple[float, float]]:
    """Top and bottom of the price's pane and of those below it."""
    bottom = sheet.height - sheet.px(ROW + 4)
    found: list[tuple[float, float]] = []
    for _ in own.panes:
        found.insert(0, (bottom - sheet.px(_PANE), bottom))
        bottom -= sheet.px(_PANE + ROW)
    return [(top + sheet.px(4), bottom), *found]


def _left(sheet: Sheet, own: Series, labels: Sequence[str]) -> float:
    """Where the panes begin: right of all numbers."""
    others = [label for lines in own.panes for _, label in oscillator_panes.scale(lines)]
    widest = max((letters.width(label, sheet.px(LABEL)) for label in [*labels, *others]), default=0.0)
    return sheet.px(EDGE + _GAP) + widest


def _scale(
    sheet: Sheet, pane: Axes, box: Box, scale: Sequence[tuple[float, str]], *, grid: bool = False
) -> None:
    """The numbers left of the pane."""
    low, high = pane.get_ylim()
    for value, label in scale:
        y, room = box.bottom - (value - low) / (high - low) * box.height, sheet.px(ROW / 3)
        if box.top + room <= y <= box.bottom - room:  # else it would reach into the row above or below
            sheet.text(box.left - sheet.px(_GAP), y, label, sheet.px(LABEL), sheet.look.soft, align="right")
        if grid:
            pane.axhline(value, color=sheet.look.grid, linewidth=sheet.px(1.5), zorder=0)


def _lower_pane(
    sheet: Sheet, own: Series, box: Box, span: tuple[float, float], lines: Sequence[Line]
) -> Axes:
    """RSI or MACD, with its title."""
    pane = sheet.pane(box, span, oscillator_panes.value_range(lines))
    _scale(sheet, pane, box, oscillator_panes.scale(lines))
    oscillator_panes.draw(sheet, pane, lines, own)
    legend.draw(sheet, oscillator_panes.entries(sheet, lines), box.top - sheet.px(ROW), rows=1)
    return pane


def _time_axis(sheet: Sheet, own: Series, panes: Sequence[Axes], boxes: Sequence[Box]) -> None:
    """Times below the last pane, lines at them through all, and where a session begins."""
    chart, box = own.chart, boxes[-1]
    first, end = panes[0].get_xlim()
    slot = box.width / (end - first)
    most = int(1.4 * box.width / sheet.px(_APART))  # at a session's start some fall away
    ticks = time_ticks(chart.time, chart.timeframe, chart.zone, most)
    for tick in spaced(ticks, math.ceil(sheet.px(_APART) / slot)):
        x = box.left + (tick.bar - first) * slot
        wide = letters.width(tick.label, sheet.px(LABEL), bold=tick.starts)
        x = min(max(x - (wide / 2 if tick.bar else 0), box.left), box.right - wide / 2)
        y = box.bottom + sheet.px(ROW / 2 + 2)
        color = sheet.look.ink if tick.starts else sheet.look.soft
        sheet.text(x, y, tick.label, sheet.px(LABEL), color, bold=tick.starts)
        for pane in panes if tick.bar else ():
            pane.axvline(tick.bar, color=sheet.look.grid, linewidth=sheet.px(1.5), zorder=0)
    for bar in breaks(chart.time, chart.timeframe, chart.zone):
        for pane in panes:
            pane.axvline(
                bar - 0.5,
                color=sheet.look.place,
                linewidth=sheet.px(2),
                linestyle=(0, (4, 4)),
                zorder=1,
                gid="session",
            )

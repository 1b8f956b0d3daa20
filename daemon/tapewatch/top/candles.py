"""A chart of candles in a terminal's characters, two steps of price to a line.

Bars that rose are thin and blue, those that fell full and orange: they differ without colour, too.
Colours: Okabe and Ito, Color Universal Design (2008), https://jfly.uni-koeln.de/color/.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from itertools import groupby, pairwise
from zoneinfo import ZoneInfo

from rich.cells import cell_len
from rich.text import Text

from tapewatch.alerts.numbers import place as place_text
from tapewatch.alerts.numbers import price as price_text
from tapewatch.charts.chart import Chart, Place
from tapewatch.notify.render import one_line

UP, DOWN = "#56b4e9", "#e69f00"
_LEVEL, _ZONE, _AXIS = "#8f8f8f", "#6f6f6f", "dim"
_PRICE = "bold"

SPACED = 90
"""From so many columns on there is room for a gap between bars."""

_LEAST_PLOT = 10
"""Columns without which there is nothing to see."""

_WICKS = {(1, 1): "│", (1, 0): "╵", (0, 1): "╷"}
_BODIES = {
    True: {(2, 2): "┃", (2, 0): "╹", (0, 2): "╻", (1, 2): "╽", (2, 1): "╿"},
    False: {(2, 2): "█", (2, 0): "▀", (0, 2): "▄", (1, 2): "▄", (2, 1): "▀"},
}
_MARKS = {"up": "▲", "down": "▼", None: "●"}
_DAY, _MONTH = 86_400, 28 * 86_400
_STEPS = (
    60,
    300,
    600,
    900,
    1800,
    3600,
    7200,
    14_400,
    _DAY,
    7 * _DAY,
    14 * _DAY,
    _MONTH,
    3 * _MONTH,
    12 * _MONTH,
)
"""Seconds that may lie between two times of the axis; a month is one of the calendar."""


@dataclass(frozen=True)
class Scale:
    """Which price stands where."""

    low: float
    high: float
    rows: int

    def half(self, price: float) -> int:
        """The half of a line, counted from the top; what is outside stands at the edge."""
        share = (self.high - price) / (self.high - self.low)
        return min(max(math.floor(share * 2 * self.rows), 0), 2 * self.rows - 1)

    def row(self, price: float) -> int | None:
        """The line; None: outside."""
        return self.half(price) // 2 if self.low <= price <= self.high else None


@dataclass
class _Grid:
    """Characters and their styles, by line and column."""

    width: int
    rows: int
    cells: dict[tuple[int, int], tuple[str, str]] = field(default_factory=dict)

    def put(self, row: int, column: int, character: str, style: str) -> None:
        self.cells[row, column] = character, style

    def line(self, row: int) -> Text:
        """Neighbours of one style together."""
        text = Text(no_wrap=True)
        cells = (self.cells.get((row, column), (" ", "")) for column in range(self.width))
        for style, own in groupby(cells, key=lambda cell: cell[1]):
            text.append("".join(character for character, _ in own), style)
        return text


def candles(chart: Chart, width: int, rows: int) -> list[Text]:
    """The chart, as many lines as asked for and each as wide; the last has the times.

    Args:
        chart: with as many bars as there are; those that do not fit are left out, the oldest first.
        width: columns, names of levels included.
        rows: lines, at least three.
    """
    names = _names_width(chart, width, rows)
    plot = width - names
    step = 2 if plot >= SPACED else 1
    bars = _bars(chart, plot // step)
    if not bars or rows < 3 or plot < _LEAST_PLOT:
        return [Text(" " * width) for _ in range(rows)]
    scale = _scale(chart, bars, rows - 1)
    columns = {bar: plot - (len(bars) - i) * step for i, bar in enumerate(bars)}
    grid = _Grid(plot, rows)
    _draw_places(grid, chart.places, scale)
    for bar, column in columns.items():
        _draw_bar(grid, chart, bar, column, scale)
    _draw_marks(grid, chart, columns, scale)
    _draw_times(grid, chart, columns)
    labels = _labels(chart, scale, bars[-1])
    return [grid.line(row).append_text(_fitted(labels.get(row, Text()), names)) for row in range(rows)]


def _bars(chart: Chart, most: int) -> list[int]:
    """The newest bars that are whole numbers of a price."""
    prices = zip(chart.open, chart.high, chart.low, chart.close, strict=True)
    good = [i for i, own in enumerate(prices) if all(map(math.isfinite, own))]
    return good[-most:] if most > 0 else []


def _scale(chart: Chart, bars: Sequence[int], rows: int) -> Scale:
    """From the lowest to the highest price, and to the next level on either side if it is not further than that."""
    low, high = min(chart.low[i] for i in bars), max(chart.high[i] for i in bars)
    reach = high - low
    edges = [edge for own in chart.places for edge in (own.low, own.high) if math.isfinite(edge)]
    top = min((own for own in edges if high < own <= high + reach), default=high)
    bottom = max((own for own in edges if low - reach <= own < low), default=low)
    margin = (top - bottom) / (2 * rows) or abs(high) / 1000 or 1.0
    return Scale(bottom - margin, top + margin, rows)


def _draw_places(grid: _Grid, places: Sequence[Place], scale: Scale) -> None:
    for own in places:
        if not _finite(own):
            continue
        if own.low == own.high:
            if (row := scale.row(own.low)) is not None:
                _fill(grid, row, "─", _LEVEL)
        elif own.high >= scale.low and own.low <= scale.high:
            for row in range(scale.half(own.high) // 2, scale.half(own.low) // 2 + 1):
                _fill(grid, row, "░", _ZONE)


def _fill(grid: _Grid, row: int, character: str, style: str) -> None:
    for column in range(grid.width):
        if grid.cells.get((row, column), ("░",))[0] == "░":  # a level within a zone stays
            grid.put(row, column, character, style)


def _draw_bar(grid: _Grid, chart: Chart, bar: int, column: int, scale: Scale) -> None:
    begin, end = chart.open[bar], chart.close[bar]
    rose = end >= begin
    top, bottom = scale.half(chart.high[bar]), scale.half(chart.low[bar])
    body_top, body_bottom = scale.half(max(begin, end)), scale.half(min(begin, end))

    def part(half: int) -> int:
        return 2 if body_top <= half <= body_bottom else 1 if top <= half <= bottom else 0

    for row in range(top // 2, bottom // 2 + 1):
        halves = part(2 * row), part(2 * row + 1)
        character = _WICKS.get(halves) or _BODIES[rose].get(halves)
        if character:
            grid.put(row, column, character, UP if rose else DOWN)


def _draw_marks(grid: _Grid, chart: Chart, columns: dict[int, int], scale: Scale) -> None:
    """Alerts: those that look up stand below their bar, others above it."""
    for mark in chart.marks:
        bar = max((i for i in columns if chart.time[i] <= mark.time), default=None)
        if bar is None:
            continue
        below = mark.direction == "up"
        row = scale.half(chart.low[bar] if below else chart.high[bar]) // 2 + (1 if below else -1)
        if 0 <= row < scale.rows:
            grid.put(row, columns[bar], _MARKS[mark.direction], "bold")


def _draw_times(grid: _Grid, chart: Chart, columns: dict[int, int]) -> None:
    """Times of the exchange at bars where a new hour, day or so begins; the date where the day is a new one."""
    zone = ZoneInfo(chart.zone)
    bars = list(columns)
    step = _time_step(chart, columns)
    free, day = 0, None
    for before, bar in zip([None, *bars], bars, strict=False):
        now = datetime.fromtimestamp(chart.time[bar], zone)
        if before is not None and _slot(chart.time[before], step, zone) == _slot(chart.time[bar], step, zone):
            continue
        text = f"{now:%d %b}" if step >= _DAY or now.date() != day else f"{now:%H:%M}"
        if step >= _MONTH:
            text = f"{now:%b %Y}"
        column = min(columns[bar], grid.width - len(text))
        if column < free:
            continue
        for i, character in enumerate(text):
            grid.put(grid.rows - 1, column + i, character, _AXIS)
        free, day = column + len(text) + 2, now.date()


def _time_step(chart: Chart, columns: dict[int, int]) -> int:
    """Seconds between two times of the axis, so that they have twelve columns or so each."""
    bars = list(columns)
    if len(bars) < 2:
        return _STEPS[0]
    gaps = sorted(chart.time[b] - chart.time[a] for a, b in pairwise(bars))
    a_column = gaps[len(gaps) // 2] / (columns[bars[1]] - columns[bars[0]])
    return next((own for own in _STEPS if own >= 12 * a_column), _STEPS[-1])


def _slot(time: int, step: int, zone: tzinfo) -> int:
    """The same for times that lie between the same two marks of the axis."""
    there = datetime.fromtimestamp(time, zone)
    if step >= _MONTH:
        return (12 * there.year + there.month - 1) // (step // _MONTH)
    offset = there.utcoffset()
    return int(time + (offset.total_seconds() if offset else 0)) // step


def _labels(chart: Chart, scale: Scale, newest: int) -> dict[int, Text]:
    """By line, the levels there and the price; that stands for the price of a level that it is at."""
    at = scale.half(chart.close[newest]) // 2
    labels = {at: Text.assemble(" ", (f"◀{price_text(chart.close[newest])}", _PRICE))}
    named: set[int] = set()
    for row, own in _places_by_row(chart, scale):
        name = one_line(own.name)
        text = name if row == at else f"{place_text(own.low, own.high)} {name}"
        labels.setdefault(row, Text()).append(f"{',' if row in named else ''} {text}", _LEVEL)
        named.add(row)
    return labels


def _places_by_row(chart: Chart, scale: Scale) -> Iterator[tuple[int, Place]]:
    for own in chart.places:
        if _finite(own) and own.low <= scale.high and own.high >= scale.low:
            middle = (max(own.low, scale.low) + min(own.high, scale.high)) / 2
            yield scale.half(middle) // 2, own


def _names_width(chart: Chart, width: int, rows: int) -> int:
    """Columns that the price and the names of levels take, of those that can be seen; a third of all at most."""
    bars = _bars(chart, width)
    if not bars:
        return 0
    price = len(price_text(chart.close[bars[-1]])) + 2
    longest = price
    for _, own in _places_by_row(chart, _scale(chart, bars, max(rows - 1, 1))):
        name = cell_len(one_line(own.name)) + 1
        longest = max(longest, 1 + len(place_text(own.low, own.high)) + name, price + name)
    return min(longest, width // 3)


def _finite(own: Place) -> bool:
    return math.isfinite(own.low) and math.isfinite(own.high)


def _fitted(text: Text, width: int) -> Text:
    """Cut or filled to `width`."""
    text.truncate(width, overflow="ellipsis", pad=True)
    return text

"""Which line is which: a stroke of each, its name, and its last value where that is told."""

from collections.abc import Sequence
from typing import NamedTuple

from tapewatch.charts import letters
from tapewatch.charts.look import EDGE, LABEL, ROW, Dash
from tapewatch.charts.sheet import Sheet

_STROKE = 52.0
_GAP = 12.0
_BETWEEN = 34.0
"""Px of the design."""


class Entry(NamedTuple):
    """One line of a pane."""

    name: str
    value: str
    color: str
    dash: Dash | None
    """None: it needs no stroke to be known by."""


def draw(sheet: Sheet, entries: Sequence[Entry], top: float, rows: int) -> float:
    """Writes them from left to right, in at most so many rows; returns where the last row ends."""
    left, right, row = sheet.px(EDGE), sheet.width - sheet.px(EDGE), sheet.px(ROW)
    x = left
    for entry in entries:
        wide = _wide(sheet, entry)
        if x > left and x + wide > right:
            if rows == 1:
                break
            x, top, rows = left, top + row, rows - 1
        _draw(sheet, entry, x, top + row / 2, right)
        x += wide + sheet.px(_BETWEEN)
    return top + row if entries else top


def _wide(sheet: Sheet, entry: Entry) -> float:
    size, gap = sheet.px(LABEL), sheet.px(_GAP)
    stroke = sheet.px(_STROKE) + gap if entry.dash else 0
    value = letters.width(entry.value, size, bold=True) + gap if entry.value else 0
    return stroke + letters.width(entry.name, size) + value


def _draw(sheet: Sheet, entry: Entry, x: float, y: float, right: float) -> None:
    size, gap, stroke = sheet.px(LABEL), sheet.px(_GAP), sheet.px(_STROKE)
    if entry.dash:
        sheet.line((x, x + stroke), (y, y), color=entry.color, linestyle=entry.dash, linewidth=sheet.px(5))
        x += stroke + gap
    name = letters.fitted(entry.name, right - x, size)
    sheet.text(x, y, name, size, sheet.look.soft)
    sheet.text(x + letters.width(name, size) + gap, y, entry.value, size, sheet.look.ink, bold=True)

"""RSI and MACD below the price."""

import math
from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection

from tapewatch.charts.legend import Entry
from tapewatch.charts.look import DASHES, Dash
from tapewatch.charts.price_pane import joined
from tapewatch.charts.series import Line, Series, holds, now, said
from tapewatch.charts.sheet import Sheet

STRETCHED = (30.0, 70.0)
"""RSI below and above which a market is called oversold and overbought (Wilder 1978, p. 68)."""

_MARGIN = 0.08
_OUTPUTS = {"signal": "signal", "hist": "histogram"}


def value_range(lines: Sequence[Line]) -> tuple[float, float]:
    """Of the scale: an RSI's shows the band at least, a MACD's shows zero."""
    values = np.concatenate([line.values for line in lines])
    low, high = float(np.nanmin(values)), float(np.nanmax(values))
    if lines[0].name.kind == "rsi":
        low, high = min(low, STRETCHED[0] - 8), max(high, STRETCHED[1] + 8)
    else:
        low, high = min(low, 0.0), max(high, 0.0)
    margin = _MARGIN * (high - low) or 1.0
    return low - margin, high + margin


def entries(sheet: Sheet, lines: Sequence[Line]) -> list[Entry]:
    """The pane's title: `RSI(14) 5m 59.7`, `MACD(12,26,9) 5m 1.2 signal 0.9 histogram 0.3`."""
    alone = len(lines) == 1
    return [
        Entry(_OUTPUTS.get(line.name.output, said(line)), now(line), color, None if alone else dash)
        for line, (color, dash) in zip(lines, _styles(sheet, lines), strict=True)
    ]


def _styles(sheet: Sheet, lines: Sequence[Line]) -> list[tuple[str, Dash | None]]:
    """Colour and dashes of each; a histogram has no dashes."""
    colors = sheet.look.lines
    drawn = [(colors[at % len(colors)], DASHES[at % len(DASHES)]) for at in range(len(lines))]
    return [
        (color, None if line.name.output == "hist" else dash)
        for line, (color, dash) in zip(lines, drawn, strict=True)
    ]


def scale(lines: Sequence[Line]) -> list[tuple[float, str]]:
    """The numbers at the left edge."""
    return [(edge, f"{edge:.0f}") for edge in STRETCHED] if lines[0].name.kind == "rsi" else [(0.0, "0")]


def draw(sheet: Sheet, pane: Axes, lines: Sequence[Line], own: Series) -> None:
    """The lines, and between them the pivots of divergences."""
    if lines[0].name.kind == "rsi":
        pane.axhspan(*STRETCHED, color=sheet.look.lines[0], alpha=0.09, linewidth=0, zorder=1)
    for edge, _ in scale(lines):
        pane.axhline(edge, color=sheet.look.place, linewidth=sheet.px(1.8), linestyle=(0, (3, 3)), zorder=2)
    for line, (color, dash) in zip(lines, _styles(sheet, lines), strict=True):
        if dash is None:
            _histogram(sheet, pane, line)
        else:
            pane.plot(
                line.values, color=color, linestyle=dash, linewidth=sheet.px(3), zorder=4, gid="oscillator"
            )
    for join in own.chart.joins:
        if holds(list(lines), join):
            joined(sheet, pane, own, join.id, join.times, join.values, dashed=join.stage == "forming")


def _histogram(sheet: Sheet, pane: Axes, line: Line) -> None:
    """Hollow above zero, filled below, as candles are."""
    for above, color in ((True, sheet.look.rise), (False, sheet.look.fall)):
        bars = [
            [(x - 0.35, 0.0), (x + 0.35, 0.0), (x + 0.35, value), (x - 0.35, value)]
            for x, value in enumerate(line.values.tolist())
            if math.isfinite(value) and (value >= 0) == above
        ]
        pane.add_collection(
            PolyCollection(
                bars,
                facecolors=sheet.look.ground if above else color,
                edgecolors=color,
                linewidths=sheet.px(1.5),
                zorder=3,
            ),
            autolim=False,
        )

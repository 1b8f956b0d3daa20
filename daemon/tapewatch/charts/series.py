"""A chart as arrays, and what of its indicators is drawn where."""

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tapewatch.alerts.numbers import Named, named, reading
from tapewatch.charts.chart import Chart, Join, Mark, Place

Floats = NDArray[np.float64]

_OVER_PRICE = ("sma", "ema", "bb", "vwap")

MOST_PANES = 2
"""Panes below the price; more would leave it no room."""


class Line(NamedTuple):
    """One value of an indicator, bar by bar."""

    name: Named
    values: Floats


@dataclass(frozen=True)
class Series:
    """What is drawn; infinite numbers are NaN."""

    chart: Chart
    open: Floats
    high: Floats
    low: Floats
    close: Floats
    lines: tuple[Line, ...]
    """Those that have a value in sight."""
    mark: Mark | None
    """The alert that the picture is about."""
    join: Join | None
    """Its divergence."""
    place: Place | None
    """The level or zone that it is about."""

    @property
    def bars(self) -> int:
        """How many there are."""
        return len(self.chart.time)

    @property
    def over_price(self) -> list[Line]:
        """Averages, bands and VWAP."""
        return [line for line in self.lines if line.name.kind in _OVER_PRICE]

    @property
    def panes(self) -> list[list[Line]]:
        """All RSIs in one, each MACD in its own; that of the divergence is among them if there are too many."""
        strengths = [line for line in self.lines if line.name.kind == "rsi"]
        others: dict[str, list[Line]] = {}
        for line in self.lines:
            if line.name.kind == "macd":
                others.setdefault(line.name.indicator, []).append(line)
        found = [*([strengths] if strengths else []), *others.values()]
        ranked = sorted(found, key=lambda pane: not (self.join and holds(pane, self.join)))[:MOST_PANES]
        return [pane for pane in found if pane in ranked]


def series(chart: Chart, focus: str | None) -> Series:
    """The chart, about the alert with the id `focus` if there is one."""
    mark = next((own for own in chart.marks if own.id == focus), None)
    return Series(
        chart=chart,
        open=_finite(chart.open),
        high=_finite(chart.high),
        low=_finite(chart.low),
        close=_finite(chart.close),
        lines=tuple(_lines(chart)),
        mark=mark,
        join=next((own for own in chart.joins if own.id == focus), None),
        place=next((own for own in chart.places if mark and own.name == mark.rule), None),
    )


def last(values: Floats) -> float:
    """The newest value; NaN where the newest bar has none."""
    return float(values[-1]) if len(values) else float("nan")


def said(line: Line) -> str:
    """The indicator's name for people: `SMA(50) 5m`."""
    return f"{line.name.indicator.upper()} {line.name.timeframe}"


def now(line: Line) -> str:
    """Its last value, as alerts say it; a dash where there is none."""
    value = last(line.values)
    return reading(line.name.indicator, value) if value == value else "–"


def holds(pane: list[Line], join: Join) -> bool:
    """Whether the oscillator of that divergence is drawn there."""
    return any(_spelled(line) == join.oscillator for line in pane)


def bar_of(chart: Chart, mark: Mark) -> int | None:
    """The bar in which the alert fired; None: before the first.

    What a close fires bears the time at which the next bar begins.
    """
    bar = bisect_right(chart.time, mark.time) - 1
    if bar > 0 and chart.time[bar] == mark.time and chart.close[bar - 1] == mark.price:
        return bar - 1
    return bar if bar >= 0 else None


def _lines(chart: Chart) -> Iterator[Line]:
    for name, values in chart.values.items():
        form = named(f"{name}@{chart.timeframe}")
        own = _finite(values)
        if form and np.isfinite(own).any():
            yield Line(form, own)


def _finite(values: list[float]) -> Floats:
    own = np.asarray(values, np.float64)
    return np.where(np.isfinite(own), own, np.nan)


def _spelled(line: Line) -> str:
    return f"{line.name.indicator}.{line.name.output}" if line.name.output else line.name.indicator

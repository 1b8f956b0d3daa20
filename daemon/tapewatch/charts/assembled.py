"""A chart from its parts. No I/O."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

import numpy as np

from tapewatch.alerts.alert import TYPE_PREFIX, Alert
from tapewatch.charts.archive import Bars
from tapewatch.charts.chart import Chart, Join, Mark, Place
from tapewatch.config import Watch
from tapewatch.engine.parts import Diverges
from tapewatch.market.sessions import sessions
from tapewatch.market.ticks import NS

_DIVERGENCE = f"{TYPE_PREFIX}divergence."


class Forming(NamedTuple):
    """The forming bar."""

    start: int
    """ns UTC."""
    prices: Sequence[float]
    """Open, high, low, close, volume."""
    values: dict[str, float]
    """Its provisional indicators, by their names without the timeframe."""


def assembled(
    watch: Watch,
    timeframe: str,
    bars: Bars,
    forming: Forming | None,
    places: Sequence[tuple[str, str | None, float, float]],
    alerts: Sequence[Alert],
) -> Chart:
    """The chart.

    Args:
        watch: its symbol, words and rules.
        timeframe: of the bars.
        bars: those that have closed.
        forming: the one after them.
        places: name, role, lower and upper edge of whatever price may cross.
        alerts: of the symbol, within these bars, the oldest first.
    """
    start = [*bars.start.tolist(), *([forming.start] if forming else [])]
    rows = [*bars.prices.tolist(), *([list(forming.prices)] if forming else [])]
    columns = np.array(rows, np.float64).reshape(-1, 5).T.tolist()
    open_, high, low, close, volume = columns
    places_ = [Place(name=name, role=role, low=low, high=high) for name, role, low, high in places]
    seconds = [own // NS for own in start]
    return Chart(
        symbol=watch.symbol,
        title=watch.title or watch.symbol,
        zone=str(sessions(watch.calendar).zone),
        timeframe=timeframe,
        timeframes=watch.all_timeframes(),
        time=seconds,
        open=open_,
        high=high,
        low=low,
        close=close,
        volume=volume,
        values=_values(bars, forming),
        forming=forming is not None,
        places=sorted(places_, key=lambda own: (-own.high, -own.low)),
        marks=[_mark(own) for own in alerts if own.data.price is not None],
        joins=_joins(watch, timeframe, set(seconds), alerts),
    )


def _values(bars: Bars, forming: Forming | None) -> dict[str, list[float]]:
    """Of what the watch computes now, where something forms; else of what it last did."""
    last = forming.values if forming else {}
    names = last or bars.values
    nothing = np.full(len(bars), np.nan)
    return {
        name: [*bars.values.get(name, nothing).tolist(), *([last[name]] if name in last else [])]
        for name in names
    }


def _mark(alert: Alert) -> Mark:
    data = alert.data
    return Mark(
        id=alert.id,
        time=int(data.time_ns) // NS,
        price=data.price or 0.0,
        type=alert.type,
        rule=data.rule,
        direction=data.direction,
        severity=data.severity,
        text=data.text,
    )


def _joins(watch: Watch, timeframe: str, starts: set[int], alerts: Sequence[Alert]) -> list[Join]:
    """The divergences among the alerts that this timeframe shows, and whose rule the watch still has."""
    events = {own.name: own.parsed.event for own in watch.condition}
    found = []
    for alert in alerts:
        event, pivots = events.get(alert.data.rule), alert.data.pivots
        if not isinstance(event, Diverges) or not isinstance(pivots, tuple):
            continue
        times = (_seconds(pivots[0].time), _seconds(pivots[1].time))
        if event.value.timeframe != timeframe or not starts.issuperset(times):
            continue
        found.append(
            Join(
                id=alert.id,
                oscillator=str(event.value).partition("@")[0],
                kind=alert.type.removeprefix(_DIVERGENCE),
                stage=alert.data.stage or "confirmed",
                times=times,
                prices=(pivots[0].price, pivots[1].price),
                values=(pivots[0].value, pivots[1].value),
            )
        )
    return found


def _seconds(time: str) -> int:
    return int(datetime.fromisoformat(time).timestamp())

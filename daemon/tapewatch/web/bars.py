"""What changes in a chart that a page shows: the bar that forms, bars that close, or all of it."""

from collections.abc import Iterator
from typing import Any

from tapewatch.charting import Charts
from tapewatch.charts.chart import Chart
from tapewatch.web.events import event

_CLOSED_AT_ONCE = 5
"""Bars that are looked at once one has closed; where there are more of them, the whole chart is sent."""


class Bars:
    """The chart of one page.

    Args:
        symbol: of a watch.
        timeframe: of its bars.
    """

    def __init__(self, symbol: str, timeframe: str) -> None:
        self._symbol = symbol
        self._timeframe = timeframe
        self._newest = -1  # start of the newest bar that was told, s
        self._forming = False  # and whether it formed then
        self._told = b""  # that bar

    async def chart(self, charts: Charts) -> bytes:
        """All of it.

        Raises:
            NoChartError: it is not watched any more.
        """
        chart = await charts.chart(self._symbol, self._timeframe)
        last = len(chart.time) - 1
        self._newest, self._forming = (chart.time[last], chart.forming) if last >= 0 else (-1, False)
        self._told = _bar(chart, last) if last >= 0 else b""
        return event("chart", chart)

    def moved(self, charts: Charts) -> bytes | None:
        """The forming bar if it has changed, else nothing; None: another one forms, so that `closed` is to be asked.

        Raises:
            NoChartError: it is not watched any more.
        """
        forming = charts.forming(self._symbol, self._timeframe)
        if forming is None:
            return None if self._forming else b""
        if forming.time[0] != self._newest or not self._forming:
            return None
        return self._tell(forming, 0)

    async def closed(self, charts: Charts) -> bytes:
        """The bars that have ended since, and the one that forms now.

        Raises:
            NoChartError: it is not watched any more.
        """
        chart = await charts.chart(self._symbol, self._timeframe, _CLOSED_AT_ONCE)
        if not chart.time or chart.time[0] > self._newest:
            return await self.chart(charts)
        told = b"".join(self._tell(chart, own) for own in self._since(chart))
        self._newest, self._forming = chart.time[-1], chart.forming
        return told

    def _since(self, chart: Chart) -> Iterator[int]:
        """The bars from the newest known one on."""
        return (number for number, time in enumerate(chart.time) if time >= self._newest)

    def _tell(self, chart: Chart, number: int) -> bytes:
        own = _bar(chart, number)
        if own == self._told:
            return b""
        self._told = own
        return own


def _bar(chart: Chart, number: int) -> bytes:
    bar: dict[str, Any] = {
        "time": chart.time[number],
        "open": chart.open[number],
        "high": chart.high[number],
        "low": chart.low[number],
        "close": chart.close[number],
        "volume": chart.volume[number],
        "closed": not (chart.forming and number == len(chart.time) - 1),
        "values": {name: values[number] for name, values in chart.values.items()},
    }
    return event("bar", bar)

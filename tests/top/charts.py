"""Charts made by hand."""

from typing import Any

from tapewatch.charts.chart import Chart

NEW_YORK = "America/New_York"
OPEN = 1_769_610_600
"""28 January 2026, 9:30 in New York."""


def chart(*bars: tuple[float, float, float, float], step: int = 60, **more: Any) -> Chart:
    """Bars as open, high, low, close."""
    columns = list(zip(*bars, strict=True)) or [(), (), (), ()]
    keys: dict[str, Any] = {
        "symbol": "SPX",
        "title": "S&P 500",
        "zone": NEW_YORK,
        "timeframe": "1m",
        "timeframes": ["1m"],
        "time": [OPEN + step * i for i in range(len(bars))],
        "open": list(columns[0]),
        "high": list(columns[1]),
        "low": list(columns[2]),
        "close": list(columns[3]),
        "volume": [1.0] * len(bars),
        "values": {},
        "forming": True,
        "places": [],
        "marks": [],
        "joins": [],
    }
    return Chart(**(keys | more))

"""The same picture by mplfinance: candles, averages, levels, RSI and MACD.

Source: https://github.com/matplotlib/mplfinance
"""

import io

import mplfinance
import pandas as pd

from tapewatch.charts.chart import Chart

_PANELS = {"rsi(14)": 1, "macd(12,26,9)": 2, "macd(12,26,9).signal": 2, "macd(12,26,9).hist": 2}


def png(chart: Chart) -> bytes:
    """The chart as a PNG of 1200 by 800 pixels; without names of levels, alerts and sessions."""
    prices = {name: getattr(chart, name.lower()) for name in ("Open", "High", "Low", "Close")}
    lines = [
        mplfinance.make_addplot(
            values,
            panel=_PANELS.get(name, 0),
            type="bar" if name.endswith(".hist") else "line",
            secondary_y=False,
        )
        for name, values in chart.values.items()
    ]
    file = io.BytesIO()
    mplfinance.plot(
        pd.DataFrame(prices, index=pd.to_datetime(chart.time, unit="s")),
        type="candle",
        addplot=lines,
        hlines=[own.low for own in chart.places],
        title=chart.title,
        figsize=(12, 8),
        savefig={"fname": file, "dpi": 100},
    )
    return file.getvalue()

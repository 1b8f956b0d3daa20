"""How long a picture takes from its order to its bytes, and how many those are, beside mplfinance.

Wall clock: 90 bars with four averages and bands, RSI, MACD, four levels and an alert, at 1200 by 800 pixels. Ours goes
through the painter's child, at low priority; the peer draws in this process. Before the first, three are drawn.
"""

import asyncio
from collections.abc import Sequence
from statistics import quantiles
from time import perf_counter

import numpy as np

from figures import Figure
from tapewatch.charts.chart import Chart, Mark, Place
from tapewatch.charts.painter import Painter

PEER = "mplfinance"
WARM = 3
BARS = 90
ALERT = "alert"


def measure(count: int = 60) -> list[Figure]:
    """Time and size, each with the peer's."""
    chart = tape()
    start, own, size = asyncio.run(_own(chart, count))
    theirs, their_size = _theirs(chart, count)
    (p50, p95), (their_p50, their_p95) = _percentiles(own), _percentiles(theirs)
    return [
        Figure("picture, p50", p50, "ms", max(own), PEER, their_p50 / p50, "≤ 400 ms"),
        Figure("picture, p95", p95, "ms", max(own), PEER, their_p95 / p95, "≤ 400 ms"),
        Figure("picture, size", size / 1e3, "KB", None, PEER, their_size / size, "≤ 120 KB"),
        Figure("picture, start of the child", start, "ms"),
    ]


def tape(bars: int = BARS) -> Chart:
    """A random walk with every kind of line over and under it."""
    close = 6950 + np.cumsum(np.random.default_rng(1).normal(0, 4, bars))
    open_ = np.concatenate([[6950.0], close[:-1]])
    swing = np.sin(np.arange(bars) / 9)
    values = {f"sma({period})": close - period / 5 for period in (20, 50, 200)} | {
        "bb(20,2).upper": close + 20,
        "bb(20,2).lower": close - 20,
        "rsi(14)": 50 + 25 * swing,
        "macd(12,26,9)": swing,
        "macd(12,26,9).signal": np.roll(swing, 3),
        "macd(12,26,9).hist": swing - np.roll(swing, 3),
    }
    level = float(close[-1])
    return Chart(
        symbol="SPX",
        title="S&P 500",
        zone="America/New_York",
        timeframe="5m",
        timeframes=["5m"],
        time=[1_573_137_000 + 300 * bar for bar in range(bars)],
        open=open_.tolist(),
        high=(np.maximum(open_, close) + 2).tolist(),
        low=(np.minimum(open_, close) - 2).tolist(),
        close=close.tolist(),
        volume=[0.0] * bars,
        values={name: own.tolist() for name, own in values.items()},
        forming=True,
        places=[
            Place(name=f"level {i}", role=None, low=level + 8 * i, high=level + 8 * i) for i in (2, 1, 0, -1)
        ],
        marks=[
            Mark(
                id=ALERT,
                time=1_573_137_000 + 300 * bars - 60,
                price=level,
                type="tapewatch.level.crossed_up",
                rule="level 0",
                direction="up",
                severity="critical",
                text="S&P 500 crossed above its level",
            )
        ],
        joins=[],
    )


async def _own(chart: Chart, count: int) -> tuple[float, list[float], int]:
    """Start of the child, pictures (ms), and bytes of one."""
    painter, size, taken = Painter(), 0, []
    try:
        began = perf_counter()
        await painter.warm_up()
        start = perf_counter() - began
        for _ in range(WARM + count):
            began = perf_counter()
            size = len(await painter.png(chart, focus=ALERT) or b"")
            taken.append(1e3 * (perf_counter() - began))
    finally:
        await painter.close()
    if not size:
        raise RuntimeError("the painter drew nothing")
    return 1e3 * start, taken[WARM:], size


def _theirs(chart: Chart, count: int) -> tuple[list[float], int]:
    from peers.mplfinance_picture import (
        png,
    )  # it takes a second to import, which no other figure should wait for

    size, taken = 0, []
    for _ in range(WARM + count):
        began = perf_counter()
        size = len(png(chart))
        taken.append(1e3 * (perf_counter() - began))
    return taken[WARM:], size


def _percentiles(taken: Sequence[float]) -> tuple[float, float]:
    """The 50th and the 95th."""
    steps = quantiles(taken, n=20, method="inclusive")
    return steps[9], steps[18]

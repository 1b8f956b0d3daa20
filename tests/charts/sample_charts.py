"""Charts to draw: a tape made by a formula, with what a watch puts over it."""

import math
from datetime import datetime
from typing import Any, Literal, TypeVar
from zoneinfo import ZoneInfo

import msgspec

from tapewatch.charts.chart import Chart, Join, Mark, Place

T = TypeVar("T", bound=msgspec.Struct)

NEW_YORK = "America/New_York"
ALERT = "9f0c2a51d3b14c6e9f0c2a51d3b14c6e"
HOSTILE = (
    r"$\frac{1}{0}$ <b>&amp;</b>"
    + "\n\x1b[31m\u202eevil\u2066 שלום عليكم 指数 😀👨‍👩‍👧 Z̴̡̢̛̗̘̙̜̝̞̟̠a\u0000l\ufffe"
    + " very" * 200
)

BREAKOUT = Place(name="breakout", role="breakout", low=7000.0, high=7000.0)
RESISTANCE = Place(name="resistance", role="resistance", low=6950.0, high=6970.0)
SUPPORT = Place(name="support", role="support", low=6900.0, high=6900.0)


def starts(bars: int, first: str = "2019-11-07 13:00", zone: str = NEW_YORK, minutes: int = 5) -> list[int]:
    """Of bars of New York's regular hours, in seconds; the night between two sessions has none."""
    time = int(datetime.fromisoformat(first).replace(tzinfo=ZoneInfo(zone)).timestamp())
    found: list[int] = []
    while len(found) < bars:
        at = datetime.fromtimestamp(time, ZoneInfo(zone))
        if zone != NEW_YORK or 9 * 60 + 30 <= at.hour * 60 + at.minute < 16 * 60:
            found.append(time)
        time += minutes * 60
    return found


def tape(
    bars: int = 90,
    *,
    middle: float = 6960.0,
    width: float = 40.0,
    zone: str = NEW_YORK,
    timeframe: str = "5m",
) -> Chart:
    """Prices that swing around `middle` and rise at the end, with indicators of every kind."""
    closes = [
        middle + width * (math.sin(i / 9) + 0.2 * math.sin(2.1 * i) + (i / max(bars, 1)) ** 4)
        for i in range(bars)
    ]
    opens = [middle, *closes][:bars]
    lines = {
        "sma(50)": [own - width / 4 for own in closes],
        "ema(20)": [own - width / 9 for own in closes],
        "bb(20,2).upper": [own + width / 2 for own in closes],
        "bb(20,2).middle": [own + 1 for own in closes],
        "bb(20,2).lower": [own - width / 2 for own in closes],
        "vwap": [middle + width * i / 200 for i in range(bars)],
        "rsi(14)": [50 + 25 * math.sin(i / 9) for i in range(bars)],
        "macd(12,26,9)": [math.sin(i / 9) for i in range(bars)],
        "macd(12,26,9).signal": [math.sin(i / 9 - 0.4) for i in range(bars)],
        "macd(12,26,9).hist": [math.sin(i / 9) - math.sin(i / 9 - 0.4) for i in range(bars)],
        "atr(14)": [width / 9 for _ in range(bars)],
        "roc(10)": [0.1 for _ in range(bars)],
    }
    return Chart(
        symbol="SPX",
        title="S&P 500",
        zone=zone,
        timeframe=timeframe,
        timeframes=["1m", timeframe],
        time=starts(bars, zone=zone),
        open=opens,
        high=[max(pair) + width / 20 for pair in zip(opens, closes, strict=True)],
        low=[min(pair) - width / 20 for pair in zip(opens, closes, strict=True)],
        close=closes,
        volume=[0.0] * bars,
        values=lines,
        forming=False,
        places=[],
        marks=[],
        joins=[],
    )


def fired(
    chart: Chart,
    rule: str,
    *,
    bar: int = -1,
    direction: Literal["up", "down"] | None = "up",
    id_: str = ALERT,
) -> Mark:
    """An alert two minutes into a bar, at its close."""
    return Mark(
        id=id_,
        time=chart.time[bar] + 120,
        price=chart.close[bar],
        type="tapewatch.level.crossed_up",
        rule=rule,
        direction=direction,
        severity="critical",
        text=f"S&P 500 crossed above 7,000, at {chart.close[bar]:,.2f}",
    )


def joined(chart: Chart, first: int, second: int, oscillator: str = "rsi(14)", id_: str = ALERT) -> Join:
    """A bearish divergence of two bars' highs."""
    return Join(
        id=id_,
        oscillator=oscillator,
        kind="regular_bearish",
        stage="confirmed",
        times=(chart.time[first], chart.time[second]),
        prices=(chart.high[first], chart.high[second]),
        values=(chart.values[oscillator][first], chart.values[oscillator][second]),
    )


def crossing() -> Chart:
    """The S&P 500 through 7,000, with a zone and a support, and two alerts before."""
    chart = tape()
    marks = [
        fired(chart, "support", bar=20, direction="down", id_="a"),
        fired(chart, "overbought", bar=50, direction=None, id_="b"),
        fired(chart, "breakout"),
    ]
    return changed(chart, places=[BREAKOUT, RESISTANCE, SUPPORT], marks=marks)


def diverging() -> Chart:
    """A divergence that RSI confirms, and an older one on the MACD's histogram."""
    chart = tape()
    joins = [joined(chart, 10, 34, "macd(12,26,9).hist", "a"), joined(chart, 14, 71)]
    return changed(chart, joins=joins, marks=[fired(chart, "bearish divergence", direction="down")])


def hostile() -> Chart:
    """Everything that has a name has a bad one."""
    chart = crossing()
    return changed(
        chart,
        title=HOSTILE,
        symbol=HOSTILE,
        zone="No/Such\x00Zone",
        places=[changed(chart.places[0]), *(changed(own, name=HOSTILE) for own in chart.places[1:])],
        marks=[changed(own, text=HOSTILE) for own in chart.marks],
    )


def crowded() -> Chart:
    """More levels than names have room."""
    chart = crossing()
    levels = [
        Place(name=f"level {i}", role=None, low=own, high=own) for i in range(40) if (own := 6990.0 - 3 * i)
    ]
    return changed(chart, places=[*chart.places, *levels])


def changed(own: T, **fields: Any) -> T:
    """A copy with other fields."""
    return msgspec.structs.replace(own, **fields)

"""The picture of `tapewatch top`: the simulated breakout, as a terminal shows it at one moment. Used by `make.py`."""

import asyncio
import re
from typing import Any

import numpy as np

from tapewatch.alerts.alert import Alert
from tapewatch.alerts.build import iso_ns
from tapewatch.charts.chart import Chart, Mark, Place
from tapewatch.market.ticks import NS
from tapewatch.replay import Replay
from tapewatch.status import status_of
from tapewatch.top.app import Top
from tapewatch.top.client import Client
from tapewatch.top.state import BARS, State
from tapewatch.top.wire import (
    Check,
    Delivery,
    Entry,
    FeedHealth,
    Found,
    Health,
    LeaseHealth,
    Listed,
    RedisHealth,
    Waiting,
)

TIMEFRAME = "5m"
WIDTH, HEIGHT = 124, 40
"""Of the terminal."""

_WEB_FONT = re.compile(r"@font-face \{.*?\}\s*", re.DOTALL)
_LINE_CLIP = re.compile(
    r' clip-path="url\(#top-line-\d+\)"|<clipPath id="top-line-\d+">.*?</clipPath>\s*', re.DOTALL
)


class Still(Top):
    """Asks nobody."""

    def listen(self) -> None:
        """What is to be shown is there already."""


def state(replay: Replay, fired: list[Alert], bars: tuple[Any, Any], timeframe: str = TIMEFRAME) -> State:
    """What a daemon would have told at the end of a replay.

    Args:
        replay: of one watch, at its end.
        fired: its alerts.
        bars: as its engine's `closed_bars` gave them.
        timeframe: which is shown.
    """
    watch = replay.config.watch[0]
    price, time_ns = replay.engine.last(0)
    now = {name: str(value) for name, value in replay.engine.values(0).items() if value == value}
    now |= {
        "price": str(price),
        "time": iso_ns(time_ns),
        "time_ns": str(time_ns),
        "feed": "massive",
        "feed_state": "subscribed",
    }
    status = status_of(watch, now)
    listed = Listed(watch.symbol, watch.title or watch.symbol, list(watch.timeframes), price)
    own = State(Found("sp500", 1, 1, [listed]), watch.symbol, timeframe)
    own.chart = chart(replay, fired, bars, timeframe, status)
    own.status = status
    own.health = Health(
        role="leading",
        ready=True,
        checks=[Check("role", True, "")],
        instance="sp500",
        feeds=[FeedHealth("massive", "massive", "subscribed", False, 118.0, 0.2)],
        redis=RedisHealth(True),
        receivers=[Waiting("desk", 0), Waiting("mail", 1)],
        lease=LeaseHealth("nyc-1", True),
    )
    for i, alert in enumerate(fired):
        told = [Delivery("desk", "sent")] + ([Delivery("mail", "sent")] if i < len(fired) - 1 else [])
        own.take_entry(Entry(alert, told, [] if i < len(fired) - 1 else ["mail"]))
    return own


def chart(
    replay: Replay, fired: list[Alert], bars: tuple[Any, Any], timeframe: str, status: dict[str, Any]
) -> Chart:
    """The newest closed bars of one timeframe."""
    layout = replay.engine.layouts[0]
    frames = list(layout.watch.timeframes)
    rows = bars[0][bars[0]["frame"] == frames.index(timeframe)]
    rows = np.concatenate([rows, _forming(bars[0][bars[0]["frame"] == 0], rows, status["price"])])[-BARS:]
    places = [
        Place(name=own["name"], role=own["role"], low=own["low"], high=own["high"])
        for own in status["levels"]
    ]
    return Chart(
        symbol=layout.watch.symbol,
        title=status["title"],
        zone="America/New_York",
        timeframe=timeframe,
        timeframes=list(layout.watch.timeframes),
        time=(rows["start"] // NS).tolist(),
        **{
            name: rows[name].astype(np.float64).tolist()
            for name in ("open", "high", "low", "close", "volume")
        },
        values={},
        forming=True,
        places=sorted(places, key=lambda own: -own.high),
        marks=[_mark(own) for own in fired],
        joins=[],
    )


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


def _forming(minutes: Any, rows: Any, price: float) -> Any:
    """The bar that has not closed yet, of the minutes in it and the price after them."""
    minutes = minutes[minutes["start"] >= rows["end"][-1]]
    if not len(minutes):
        return rows[:0]
    bar = rows[-1:].copy()
    bar["start"], bar["open"], bar["close"] = minutes["start"][0], minutes["open"][0], price
    bar["high"], bar["low"] = max(minutes["high"].max(), price), min(minutes["low"].min(), price)
    return bar


def picture(state: State, width: int = WIDTH, height: int = HEIGHT) -> str:
    """The screen, SVG, that loads nothing from elsewhere."""
    svg = asyncio.run(_screen(state, width, height))
    svg = re.sub(r"terminal-\d+-?|terminal-", "top-", svg)
    svg = _WEB_FONT.sub("", svg).replace("Fira Code", "DejaVu Sans Mono, Menlo, Consolas")
    return _LINE_CLIP.sub("", svg).replace("font-size: 20px", "font-size: 21px")


async def _screen(state: State, width: int, height: int) -> str:
    app = Still(Client("http://127.0.0.1:8790", None), state)
    async with app.run_test(size=(width, height)) as pilot:
        await pilot.pause()
        return app.export_screenshot(title="tapewatch top")

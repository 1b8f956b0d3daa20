"""What the demo shows: on a terminal a picture that moves, elsewhere a line an alert; at the end what receivers get."""

import asyncio
from collections import deque
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from redis.asyncio import Redis
from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.live import Live
from rich.panel import Panel
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from tapewatch import example
from tapewatch.alerts.alert import Alert
from tapewatch.alerts.numbers import percent, price
from tapewatch.config import Config, state_dir
from tapewatch.demo import samples
from tapewatch.demo.chart import chart
from tapewatch.feeds.scenario import Scenario
from tapewatch.market.ticks import NS
from tapewatch.status import Fields, exchange_time, now_fields, status_of
from tapewatch.status_view import indicator_table, ladder
from tapewatch.store.keys import Keys
from tapewatch.store.server import connect_redis
from tapewatch.tail import alert_line, published, short_line
from tapewatch.terminal import Terminal

REFRESH_SECONDS = 0.1
ALERTS_KEPT = 100
TEXT_WIDTH = 76
"""Columns of what is shown at the end."""

_LEAST_ALERTS = 6
"""Lines that alerts take at least."""
_CHART_ROWS = range(4, 15)
"""Lines that the chart may take."""

_ANY_WIDTH = 1000


class View:
    """The demo on the terminal.

    Args:
        config: of the daemon.
        scenario: what is played.
        seconds: about how long it takes.
    """

    def __init__(self, config: Config, scenario: Scenario, seconds: float) -> None:
        self._folder = state_dir(config)
        self._keys = Keys(config.name)
        self._watch = config.watch[0]
        self._page = f"http://{config.http.listen}"
        self._scenario = scenario
        self._seconds = seconds
        self._console = Terminal()
        self._moves = self._console.is_terminal and not self._console.is_dumb_terminal
        self._alerts: deque[Alert] = deque(maxlen=ALERTS_KEPT)
        self._count = 0
        self._sample: Alert | None = None
        self._now: Fields = {}
        self._path: dict[int, float] = {}

    async def show(self, over: asyncio.Event) -> None:
        """Reads the daemon's Redis and shows it until `over`."""
        async with connect_redis(None, self._folder) as redis, asyncio.TaskGroup() as group:
            if not self._moves:
                self._console.print(self._introduction(), soft_wrap=True)
                group.create_task(self._follow(redis, over))
                group.create_task(self._say_first_price(redis, over))
                return
            with Live(self, console=self._console, screen=True, auto_refresh=False) as live:
                following = group.create_task(self._follow(redis, over))
                while not over.is_set():
                    self.take(await now_fields(redis, self._keys, self._watch.symbol))
                    live.refresh()
                    await asyncio.sleep(REFRESH_SECONDS)
                await following

    async def _follow(self, redis: Redis, over: asyncio.Event) -> None:
        async for alert in published(redis, self._keys.channels, over):
            self.tell(alert)
            if not self._moves:
                self._console.print(alert_line(alert), soft_wrap=True)

    async def _say_first_price(self, redis: Redis, over: asyncio.Event) -> None:
        while "price" not in self._now and not over.is_set():
            await asyncio.sleep(REFRESH_SECONDS)
            self.take(await now_fields(redis, self._keys, self._watch.symbol))
        self._console.print(self._headline(), soft_wrap=True)

    def take(self, now: Fields) -> None:
        """Takes what the symbol is at, unless it knows better: an alert comes at once, the hash once a second."""
        if int(now.get("time_ns", 0)) < int(self._now.get("time_ns", 0)):
            return
        self._now |= now
        if "price" in now:
            self._path[int(np.searchsorted(self._scenario.time, int(now["time_ns"])))] = float(now["price"])

    def tell(self, alert: Alert) -> None:
        """Takes an alert."""
        self._alerts.append(alert)
        self._count += 1
        if alert.data.rule == "breakout" and self._sample is None:
            self._sample = alert
        if alert.data.price is not None:  # what is about the feed says nothing of the symbol
            self.take(_fields_of(alert))

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """The picture, as high as the terminal."""
        yield from self._picture(console, options.max_width, console.height)

    def _picture(self, console: Console, width: int, height: int) -> Iterator[RenderableType]:
        status = status_of(self._watch, self._now)
        tables = _side_by_side(console, status, width)
        high = len(console.render_lines(tables, console.options.update(width=width, height=None), pad=False))
        room = height - high - 5
        rows = min(room - _LEAST_ALERTS, _CHART_ROWS[-1])
        yield self._headline()
        if rows in _CHART_ROWS and self._path:
            room -= rows
            levels = [edge for level in status["levels"] for edge in (level["low"], level["high"])]
            done = len(self._scenario.time)
            yield from chart({i / done: own for i, own in self._path.items()}, levels, width, rows)
        yield self._progress(width)
        yield Rule(style="dim")
        yield tables
        yield Rule(f"[bold]alerts: {self._count}[/]", align="left", style="dim")
        yield _newest([short_line(alert) for alert in self._alerts], room)
        yield Text.assemble(
            (self._page, "cyan"),
            (" is the live page. Simulated prices. Ctrl-C ends it.", "dim"),
            end="",
            no_wrap=True,
            overflow="ellipsis",
        )

    def _headline(self) -> Text:
        line = Text(self._watch.title or self._watch.symbol, "bold")
        if "price" not in self._now:
            return line.append("  waiting for the first tick", "dim")
        own, first = float(self._now["price"]), float(self._scenario.price[0])
        line.append(f"  {price(own)}", "bold cyan")
        line.append(f"  {percent(own / first - 1)}", "green" if own >= first else "red")
        return line.append(f"  {exchange_time(self._watch, int(self._now['time_ns']))}", "dim")

    def _progress(self, width: int) -> Text:
        """How far the tape has come."""
        done = max(self._path, default=0) / len(self._scenario.time)
        label = f" {100 * done:3.0f}% of the tape"
        bar = width - len(label)
        full = round(done * bar)
        return Text.assemble(("━" * full, "cyan"), ("─" * (bar - full), "dim"), (label, "dim"))

    def _introduction(self) -> str:
        first, last = (_date(int(self._scenario.time[i])) for i in (0, -1))
        return (
            f"{self._watch.title}, {first} to {last} in about {self._seconds:g} s: "
            "Redis, a simulated feed and the daemon run on this machine, and end with the demo. "
            f"Live page: {self._page}"
        )

    def finish(self) -> None:
        """What was critical, what receivers would have got of it, and how to go on."""
        critical = [alert for alert in self._alerts if alert.data.severity == "critical"]
        if self._moves and critical:
            lines = _newest([short_line(alert) for alert in critical], len(critical))
            self._print_panel(lines, f"critical, of {self._count} alerts")
        sample = self._sample or (self._alerts[-1] if self._alerts else None)
        if sample is not None:
            self._print_panel(samples.as_slack(sample), f"what Slack would show of “{sample.data.rule}”")
            self._print_panel(samples.as_email(sample), "and what an email would say")
        self._console.print(
            f"{self._count} alerts, all of a simulated tape. To watch the market itself: make "
            f"{_from_here(example.config())} your own, then tapewatch check and tapewatch run.",
            soft_wrap=not self._moves,
        )

    def _print_panel(self, what: RenderableType, title: str) -> None:
        width = min(self._console.width, TEXT_WIDTH)
        self._console.print(Panel(what, title=title, title_align="left", width=width, border_style="dim"))


def _from_here(path: Path) -> Path:
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path


def _side_by_side(console: Console, status: dict[str, Any], width: int) -> Table:
    """Ladder and indicators, with as many columns as fit."""
    for roles, percents, timeframes in (
        (True, True, None),
        (False, True, None),
        (False, True, 2),
        (False, False, 2),
        (False, False, 1),
    ):
        both = Table.grid(padding=(0, 2, 0, 0))
        both.add_row(
            ladder(status, roles=roles, percents=percents), indicator_table(status["indicators"], timeframes)
        )
        if console.measure(both, options=console.options.update(width=_ANY_WIDTH)).maximum <= width:
            break
    return both


def _newest(lines: list[Text], room: int) -> Group:
    """The newest lines that fit, each cut to the width, and blank ones below them."""
    shown = lines[-room:] if room > 0 else []
    for line in shown:
        line.no_wrap, line.overflow = True, "ellipsis"
    return Group(*shown, *[Text()] * (room - len(shown)))


def _fields_of(alert: Alert) -> Fields:
    """An alert as the `now` hash would have it."""
    values = {name: str(value) for name, value in alert.data.indicators.items()}
    return {"price": str(alert.data.price), "time": alert.time, "time_ns": alert.data.time_ns} | values


def _date(time: int) -> str:
    return f"{datetime.fromtimestamp(time // NS, UTC):%d %b %Y}"

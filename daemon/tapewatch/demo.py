"""`tapewatch demo`: the whole product on this machine, on a simulated tape.

A Redis of its own, the simulator, the daemon and a terminal that reads what any program may read: the `now` hash
and the pub/sub channel. Nothing is left running, and nothing is left behind.
"""

import asyncio
import os
import tempfile
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from redis.asyncio import Redis
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.markup import escape
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from tapewatch import service
from tapewatch.alerts.alert import Alert
from tapewatch.alerts.wording import number
from tapewatch.check import load
from tapewatch.config import Config, Feed
from tapewatch.feeds.played import SCENARIO_SYMBOL, Played
from tapewatch.feeds.scenario import Scenario, sp500_7000
from tapewatch.feeds.simulator import Simulator
from tapewatch.feeds.vendors import VENDORS
from tapewatch.market.sessions import sessions
from tapewatch.market.ticks import NS
from tapewatch.notify import email, slack
from tapewatch.ops import logs
from tapewatch.status import indicator_table, level_table, status_of
from tapewatch.store.keys import Keys
from tapewatch.store.server import connect_redis
from tapewatch.tail import alert_line, published

REFRESH_SECONDS = 0.25
LINGER_SECONDS = 1.5
"""After the last tick, so that what it fired is seen."""
ALERTS_SHOWN = 12


async def run_demo(stop: asyncio.Event, seconds: float) -> None:
    """Plays the scenario in about `seconds`, or until `stop`."""
    os.environ.pop("TAPEWATCH_REDIS_URL", None)  # the demo's alerts have no business in anybody's Redis
    logs.configure(level="error")
    scenario = sp500_7000(sessions("XNYS"))
    with tempfile.TemporaryDirectory(prefix="tapewatch-") as folder:
        async with _simulated(scenario, seconds) as simulator:
            config = _config(scenario, Path(folder), simulator.port)
            view = View(config)
            await _play(config, simulator, view, stop)
    view.finish()


@asynccontextmanager
async def _simulated(scenario: Scenario, seconds: float) -> AsyncIterator[Simulator]:
    tape = scenario.tape()
    played = Played(tape.rows({scenario.symbol: 0}), [SCENARIO_SYMBOL])
    simulator = Simulator(
        VENDORS["massive"].server, played.ticks, played.symbols, from_start=True, speed=1, longest_gap=60
    )
    simulator.speed = simulator.length / seconds
    async with simulator.serve():
        yield simulator


def _config(scenario: Scenario, folder: Path, port: int) -> Config:
    """The default watch, on the simulated feed, with the scenario's history, its title and a folder of its own."""
    scenario.write(folder)
    key = folder / "feed.key"
    key.write_text("demo")
    base = load(default_config())
    watch = base.watch[0].model_copy(
        update={
            "title": scenario.title,
            "history": [folder / f"{scenario.symbol}-{timeframe}.csv" for timeframe in scenario.history],
        }
    )
    feed = Feed(
        name=base.feed[0].name, vendor="massive", url=f"ws://127.0.0.1:{port}", clock="tape", key_file=key
    )
    return base.model_copy(
        update={
            "name": "demo",
            "state_dir": folder / "state",
            "feed": [feed],
            "watch": [watch],
            "receiver": [],
            "route": [],
        }
    )


def default_config() -> Path:
    """The default watch: inside the installed package, or in the checkout."""
    inside = Path(__file__).parent / "defaults" / "sp500.toml"
    return inside if inside.exists() else Path(__file__).parents[2] / "config" / "sp500.toml"


async def _play(config: Config, simulator: Simulator, view: "View", stop: asyncio.Event) -> None:
    """Daemon and view, until the tape has ended or `stop`."""
    ready, over = asyncio.Event(), asyncio.Event()
    async with asyncio.TaskGroup() as group:
        daemon = group.create_task(service.run(config, over, ready=ready.set))
        await _first(ready.wait(), stop.wait())
        showing = group.create_task(view.show(over))
        await _first(_ended(simulator), stop.wait())
        over.set()
        await asyncio.wait([daemon, showing])


async def _ended(simulator: Simulator) -> None:
    await simulator.finished.wait()
    await asyncio.sleep(LINGER_SECONDS)


async def _first(*waits) -> None:  # type: ignore[no-untyped-def]
    tasks = [asyncio.ensure_future(wait) for wait in waits]
    await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in tasks:
        task.cancel()


class View:
    """What the demo shows: on a terminal a picture that moves, elsewhere a line an alert."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._watch = config.watch[0]
        self._console = Console()
        self._alerts: deque[Alert] = deque(maxlen=ALERTS_SHOWN)
        self._sample: Alert | None = None
        self._count = 0
        self._now: dict[str, str] = {}

    async def show(self, over: asyncio.Event) -> None:
        """Reads the daemon's Redis and shows it until `over`."""
        assert self._config.state_dir is not None
        async with connect_redis(None, self._config.state_dir) as redis:
            if not self._console.is_terminal:
                await self._follow(redis, over, None)
                return
            with Live(self.picture(), console=self._console, auto_refresh=False) as live:
                async with asyncio.TaskGroup() as group:
                    group.create_task(self._follow(redis, over, live))
                    group.create_task(self._watch_price(redis, over, live))

    async def _follow(self, redis: Redis, over: asyncio.Event, live: Live | None) -> None:
        async for alert in published(redis, Keys(self._config.name).channels, over):
            self._alerts.append(alert)
            self._count += 1
            if alert.data.rule == "breakout" and self._sample is None:
                self._sample = alert
            if live is None:
                self._console.print(alert_line(alert), highlight=False, soft_wrap=True)

    async def _watch_price(self, redis: Redis, over: asyncio.Event, live: Live) -> None:
        key = Keys(self._config.name).now(self._watch.symbol)
        while not over.is_set():
            fields = await redis.hgetall(key)
            self._now = {name.decode(): value.decode() for name, value in fields.items()}
            live.update(self.picture(), refresh=True)
            await asyncio.sleep(REFRESH_SECONDS)

    def picture(self) -> RenderableType:
        """Price against levels, indicators, and the newest alerts."""
        status = status_of(self._watch, self._now)
        tables = Table.grid(padding=(0, 4))
        tables.add_row(level_table(status), indicator_table(status["indicators"]))
        alerts = Text.from_markup("\n".join(alert_line(alert) for alert in self._alerts) or "no alert yet")
        alerts.no_wrap, alerts.overflow = True, "ellipsis"
        return Group(
            self._headline(status["price"]),
            Panel(tables, title="levels and indicators", title_align="left"),
            Panel(alerts, title=f"alerts: {self._count}", title_align="left"),
        )

    def _headline(self, price: float | None) -> Text:
        when = ""
        if "time_ns" in self._now:
            zone = sessions(self._watch.calendar).zone
            at = datetime.fromtimestamp(int(self._now["time_ns"]) // NS, UTC).astimezone(ZoneInfo(str(zone)))
            when = f"{at:%a %d %b %Y %H:%M:%S %Z}"
        shown = "waiting for the first tick" if price is None else f"{price:,.2f}"
        return Text.from_markup(
            f"[bold]{escape(self._watch.title or '')}[/]  [bold cyan]{shown}[/]  [dim]{when}[/]"
        )

    def finish(self) -> None:
        """What the receivers would have got for the breakout, and how to go on."""
        if self._sample is not None:
            self._console.print(
                Panel(_as_slack(self._sample), title="the breakout in Slack", title_align="left")
            )
            mail = email.message(self._sample, "tapewatch@example.com", ["trader@example.com"])
            body = mail.get_body(("plain",))
            text = f"Subject: {mail['Subject']}\n\n{body.get_content() if body else ''}"
            self._console.print(Panel(Text(text.rstrip()), title="and as an email", title_align="left"))
        self._console.print(f"{number(self._count)} alerts, all of a simulated tape. Next: config/sp500.toml")


def _as_slack(alert: Alert) -> RenderableType:
    """The blocks of the Slack message, as a terminal can show them."""
    lines: list[Text] = []
    for block in slack.message(alert)["blocks"]:
        parts = [
            *block.get("fields", ()),
            *block.get("elements", ()),
            *([block["text"]] if "text" in block else []),
        ]
        style = {"header": "bold", "context": "dim"}.get(block["type"], "")
        lines += [Text(slack.unescape(part["text"]), style) for part in parts]
    return Group(*lines)

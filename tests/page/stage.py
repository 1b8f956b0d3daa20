"""A daemon whose page is open in Chromium, with the tape in the test's hand."""

import asyncio
import json
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from playwright.async_api import Browser, BrowserContext, ConsoleMessage, Page, Route, async_playwright
from redis.asyncio import Redis

from e2e.processes import ROOT, Program, environment
from page.reel import OTHER, Reel
from tapewatch import example
from tapewatch.store.keys import Keys
from tapewatch.store.server import socket_path

CHROMIUM = shutil.which("chromium")
LIBRARY = ROOT / "daemon/tapewatch/web/static/vendor/lightweight-charts.js"
AXE = ROOT / "node_modules/axe-core/axe.min.js"
TOKEN = "page-sesame"
HOSTILE = "<img/src=x/onerror=hostile=1>"
"""What a feed or a config could hold."""

HOSTILE_WATCH = f"""
[[watch]]
symbol = {json.dumps(HOSTILE)}
title = {json.dumps("Hostile " + HOSTILE)}
feed = "tape"
feed_symbol = "{OTHER}"
calendar = "XNYS"
timeframes = ["1m"]
indicators = ["rsi(14)"]
max_jump = "off"
rearm = "0.1%"

[[watch.level]]
name = {json.dumps("level " + HOSTILE)}
price = 100
note = {json.dumps("note " + HOSTILE)}

[[watch.zone]]
name = {json.dumps("zone " + HOSTILE)}
low = 120
high = 130
"""

_FLAGS = (
    "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking"
    " --disable-component-update --disable-sync"
)


class Stage:
    """The daemon, its feed and its receivers.

    Args:
        folder: holds config and state.
        reel: its feed.
        receivers: tables of the config.
        others: whether there is a symbol whose every name is hostile, too.
        env: further settings.
    """

    def __init__(
        self, folder: Path, reel: Reel, receivers: str = "", *, others: bool = True, **env: str
    ) -> None:
        self.reel = reel
        self.state = folder / "state"
        self.config = folder / "config.toml"
        self.url = ""
        self.daemon: Program | None = None
        self._env = environment(TAPEWATCH_HTTP_TOKEN=TOKEN, **env)
        reel.scenario.write(folder)
        self.config.write_text(
            _config(folder, self.state, reel, (HOSTILE_WATCH if others else "") + receivers)
        )

    async def start(self, port: int = 0) -> None:
        """Runs the daemon until it has subscribed."""
        self.config.write_text(self.config.read_text().replace('"127.0.0.1:0"', f'"127.0.0.1:{port}"'))
        self.daemon = await Program.start(
            "run", "--config", self.config, "--log-format", "json", env=self._env
        )
        self.url = str((await self.daemon.logged("http.listening"))["url"])
        await self.reel.listened()

    async def stop(self) -> None:
        if self.daemon is not None:
            if self.daemon.process.returncode is None:
                await self.daemon.stop()
            self.daemon = None

    @asynccontextmanager
    async def redis(self) -> AsyncIterator[Redis]:
        async with Redis(unix_socket_path=str(socket_path(self.state))) as redis:
            yield redis

    async def newest(self, redis: Redis, other_than: str | None = None) -> str | None:
        """The id of the newest alert; None while there is none, or it is that one."""
        for _, fields in await redis.xrevrange(Keys("page").alerts, count=1):
            id_ = str(json.loads(fields[b"json"])["id"])
            return None if id_ == other_than else id_
        return None

    async def committed(self, id: str) -> float:
        """When the alert came into its stream, s since 1970."""
        async with self.redis() as redis:
            for entry, fields in await redis.xrevrange(Keys("page").alerts, count=200):
                if json.loads(fields[b"json"])["id"] == id:
                    return int(entry.partition(b"-")[0]) / 1000
        raise AssertionError(f"no alert {id}")


class Viewer:
    """A page, and what its browser complained about.

    Args:
        page: of a context of its own.
    """

    def __init__(self, page: Page) -> None:
        self.page = page
        self.complaints: list[str] = []
        page.on("console", self._console)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def _console(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(message.text)

    async def violations(self) -> list[str]:
        """What axe-core finds, a line each."""
        await self.page.evaluate(
            AXE.read_text()
        )  # not as a script of the page, which its policy would refuse
        found = await self.page.evaluate("axe.run({resultTypes: ['violations']})")
        return [f"{own['id']}: {own['help']} {own['nodes'][0]['html']}" for own in found["violations"]]


@asynccontextmanager
async def chromium() -> AsyncIterator[Browser]:
    """Headless; it reaches nothing but loopback, as nothing else is asked for."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=_FLAGS.split())
        yield browser
        await browser.close()


@asynccontextmanager
async def viewer(
    browser: Browser,
    stage: Stage,
    path: str = "/",
    *,
    library: bool = True,
    log_in: bool = True,
    **options: Any,
) -> AsyncIterator[Viewer]:
    """The page as somebody in Berlin sees it.

    Args:
        browser: in which.
        stage: whose page.
        path: of it.
        library: whether the chart library was built.
        log_in: whether to have the cookie first.
        options: of the browser's context, such as `viewport`.
    """
    wide = {"width": 1400, "height": 1000}
    context = await browser.new_context(
        **{"base_url": stage.url, "timezone_id": "Europe/Berlin", "viewport": wide} | options
    )
    try:
        if log_in:
            await _log_in(context, stage.url)
        if not library:
            await context.route("**/static/vendor/*", _missing)
        own = Viewer(await context.new_page())
        await own.page.goto(path)
        yield own
    finally:
        await context.close()


async def _log_in(context: BrowserContext, url: str) -> None:
    answer = await context.request.post(
        f"{url}/login", form={"token": TOKEN}, headers={"Origin": url}, max_redirects=0
    )
    assert answer.status == 303, await answer.text()


async def _missing(route: Route) -> None:
    await route.fulfill(status=404)


def _config(folder: Path, state: Path, reel: Reel, more: str) -> str:
    """The default watch on the reel, with the scenario's history."""
    text = example.config().read_text()
    history = [str(folder / f"SPX-{timeframe}.csv") for timeframe in reel.scenario.history]
    watches = text[text.index("[[watch]]") :].partition("[[receiver]]")[0]
    watches = watches.replace('title = "S&P 500"', f'title = "S&P 500"\nhistory = {json.dumps(history)}', 1)
    return f"""
name = "page"
state_dir = {json.dumps(str(state))}
http.listen = "127.0.0.1:0"

[[feed]]
name = "tape"
vendor = "massive"
url = "ws://127.0.0.1:{reel.port}"
clock = "tape"

{watches}
{more}
"""


async def until(holds: Any, what: str, seconds: float = 20.0) -> Any:
    """What `holds()` gives once it is true."""
    try:
        async with asyncio.timeout(seconds):
            while not (found := await holds()):  # noqa: ASYNC110
                await asyncio.sleep(0.02)
    except TimeoutError:
        raise AssertionError(f"never: {what}") from None
    return found

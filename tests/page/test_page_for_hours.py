"""A page that is open for long: it does not grow, and it knows a connection that is dead from one that is quiet."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from copy import copy
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, CDPSession, expect

from notify.receiver_servers import redis_server
from page.reel import OTHER, Reel
from page.stage import Stage, viewer

pytestmark = [pytest.mark.long, pytest.mark.asyncio(loop_scope="session")]

MINUTES = float(os.environ.get("TAPEWATCH_PAGE_MINUTES", "30"))
TICKS_PER_SECOND = 20_000
PACE = 180
"""Three bars a second."""

LOOKS = 20

WATCH = f"""
[[watch]]
symbol = "OTHER"
feed = "tape"
feed_symbol = "{OTHER}"
calendar = "24/7"
timeframes = ["1m", "5m"]
indicators = ["rsi(14)", "macd(12,26,9)", "sma(50)", "ema(20)"]
max_jump = "off"
rearm = "0.1%"

[[watch.level]]
name = "round"
price = 100
"""


@pytest_asyncio.fixture(loop_scope="session")
async def flooded(browser: Browser, tmp_path: Path) -> AsyncIterator[Stage]:
    async with Reel().open() as reel:
        stage = Stage(tmp_path, reel, WATCH, others=False)
        try:
            await stage.start()
            yield stage
        finally:
            await stage.stop()


@pytest.mark.timeout(60 * MINUTES + 120)
async def test_a_page_holds_its_memory(browser: Browser, flooded: Stage, library: None) -> None:
    flood = asyncio.create_task(flooded.reel.flood(TICKS_PER_SECOND, 60 * MINUTES, PACE))
    async with viewer(browser, flooded, "/?symbol=OTHER&timeframe=1m") as own:
        await expect(own.page.locator("#connection")).to_have_text("Live")
        tools = await own.page.context.new_cdp_session(own.page)
        await tools.send("Performance.enable")
        sizes = []
        for _ in range(LOOKS):
            await asyncio.sleep(60 * MINUTES / LOOKS)
            sizes.append(await size(tools))
            await expect(own.page.locator("#connection")).to_have_text("Live")
        print("heap (MB), nodes, listeners:", [(f"{heap / 1e6:.2f}", *rest) for heap, *rest in sizes])
        heaps = [heap for heap, _, _ in sizes]
        early, late = min(heaps[LOOKS // 2 : 3 * LOOKS // 4]), min(heaps[3 * LOOKS // 4 :])
        assert late < early * 1.05 + 200_000, (
            sizes
        )  # of the second half: by then lists are as long as they get
        assert sizes[-1][1] < 60_000, sizes
        assert own.complaints == []
    flood.cancel()


async def size(tools: CDPSession) -> tuple[int, int, int]:
    """The JavaScript heap (bytes) without garbage, the nodes of the page, and its listeners."""
    await tools.send("HeapProfiler.collectGarbage")
    found = await tools.send("Performance.getMetrics")
    named = {own["name"]: int(own["value"]) for own in found["metrics"]}
    return named["JSHeapUsedSize"], named["Nodes"], named["JSEventListeners"]


async def test_a_process_that_stands_by_says_so_until_it_leads(browser: Browser, tmp_path: Path) -> None:
    (tmp_path / "r").mkdir()
    async with Reel().open() as reel, redis_server(tmp_path / "r") as path:
        first = Stage(tmp_path, reel, others=False, TAPEWATCH_REDIS_URL=f"unix://{path}")
        first.config.write_text(f"ha = true\n{first.config.read_text()}")
        second = copy(first)
        try:
            await first.start()
            await second.start()
            async with viewer(browser, second) as own:
                banners, price = own.page.locator("#banners"), own.page.locator("#price")
                await expect(banners).to_contain_text("This process stands by")
                await reel.play(500)
                await expect(price).not_to_have_text("–")  # as the one that leads has written it
                await first.stop()
                await expect(banners).to_be_empty(timeout=30_000)
                await reel.play(520)
                await expect(own.page.locator("#chart")).to_have_attribute("aria-busy", "false")
        finally:
            await first.stop()
            await second.stop()


async def test_a_connection_on_which_nothing_comes_is_given_up(browser: Browser, flooded: Stage) -> None:
    async with viewer(browser, flooded) as own:
        connection = own.page.locator("#connection")
        await expect(connection).to_have_text("Live")
        assert flooded.daemon is not None
        flooded.daemon.process.send_signal(signal.SIGSTOP)
        try:
            await expect(connection).to_have_text("Disconnected", timeout=45_000)
        finally:
            flooded.daemon.process.send_signal(signal.SIGCONT)
        await expect(connection).to_have_text("Live", timeout=30_000)

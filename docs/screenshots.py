"""Takes the pictures of the live page: `python docs/screenshots.py` writes `docs/pictures/page-*.png`.

A real daemon on the simulated tape, its page in Chromium, as the tests have it. It needs `chromium` and `make page`.
"""

import asyncio
import io
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.async_api import Browser, Locator, Page, expect

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests"))

from notify.receiver_servers import Endpoint, http_server  # noqa: E402
from page.reel import Reel  # noqa: E402
from page.stage import Stage, chromium, viewer  # noqa: E402

PICTURES = ROOT / "docs/pictures"
MOST = 200_000
"""Bytes that a picture may have."""

WIDE = {"width": 1400, "height": 1360}
PHONE = {"viewport": {"width": 360, "height": 780}, "device_scale_factor": 2, "has_touch": True}

RECEIVERS = """
[[receiver]]
name = "desk"
kind = "webhook"
url = "{url}"

[[receiver]]
name = "critical"
kind = "webhook"
url = "{url}"

[[route]]
receivers = ["desk"]

[[route]]
match = {{ severity = "critical" }}
receivers = ["critical"]
"""


async def main() -> None:
    """Takes all of them."""
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        reel = await stack.enter_async_context(Reel().open())
        url = await stack.enter_async_context(http_server(Endpoint()))
        secrets = {f"TAPEWATCH_RECEIVER_{name}_SECRET": "sesame" for name in ("DESK", "CRITICAL")}
        stage = Stage(folder, reel, RECEIVERS.format(url=url), others=False, **secrets)
        stack.push_async_callback(stage.stop)
        await stage.start()
        await reel.play(reel.first_at(7000) - 40)
        browser = await stack.enter_async_context(chromium())
        await _all(browser, stage)


async def _all(browser: Browser, stage: Stage) -> None:
    async with _shown(browser, stage) as page:
        await _take(page, "light")
        await stage.reel.play(stage.reel.first_at(7000) + 12)
        await expect(page.locator("#alerts")).to_contain_text("crossed above 7,000")
        await _take(page, "alert", page.locator(".alerts"), 420)
        await page.locator("#alerts button", has_text="Silence").first.click()
        await page.get_by_label("Why").fill("I have seen it")
        await page.locator("#silence button").click()
        await expect(page.locator("#silences li")).to_have_count(1)
        await page.mouse.move(0, 0)
        await _take(page, "silences", page.locator(".silences"))
    await stage.reel.play(len(stage.reel.scenario.time) - 6000)
    async with _shown(browser, stage, "/?symbol=SPX&timeframe=1h", color_scheme="dark") as page:
        await _take(page, "dark")
    async with _shown(browser, stage, **PHONE) as page:
        await _take(page, "phone")
    async with _shown(browser, stage, library=False) as page:
        await expect(page.locator("#picture img")).to_be_visible()
        await _take(page, "picture")
    async with viewer(browser, stage, log_in=False, viewport={"width": 720, "height": 480}) as own:
        await _take(own.page, "login")
    async with _shown(browser, stage) as page:
        await stage.stop()
        await expect(page.locator("#banners")).to_contain_text("Disconnected")
        await _take(page, "disconnected")


@asynccontextmanager
async def _shown(browser: Browser, stage: Stage, path: str = "/", **options: Any) -> AsyncIterator[Page]:
    async with viewer(browser, stage, path, **({"viewport": WIDE} | options)) as own:
        await expect(own.page.locator("#connection")).to_have_text("Live")
        await expect(own.page.locator("#chart")).to_have_attribute("aria-busy", "false")
        await expect(own.page.locator("#health dd").nth(1)).to_contain_text("ticks/s")
        yield own.page


async def _take(page: Page, name: str, part: Locator | None = None, height: int = 2000) -> None:
    """Of the window, or of a part of the page, so high at most."""
    await page.wait_for_timeout(500)  # the chart draws in frames of its own
    clip = None
    if part is not None:
        await page.evaluate("document.querySelector('header').style.position = 'static'")
        await page.evaluate("scrollTo(0, 0)")
        box = await part.bounding_box()
        if box is None:
            raise SystemExit(f"{name} is not on the page")
        clip = {**box, "height": min(box["height"], height)}
    shot = await page.screenshot(animations="disabled", full_page=part is not None, clip=clip)
    path = PICTURES / f"page-{name}.png"
    picture = Image.open(io.BytesIO(shot)).convert("RGB").quantize(256, dither=Image.Dither.NONE)
    picture.save(path, optimize=True)
    size = path.stat().st_size
    print(f"{path.relative_to(ROOT)}: {size:,} bytes")
    if size > MOST:
        raise SystemExit(f"{path} is too large: {MOST:,} bytes are the most")


if __name__ == "__main__":
    asyncio.run(main())

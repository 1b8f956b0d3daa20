"""One browser, and one daemon on the simulated tape, for all tests of the page."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import Browser

from notify.receiver_servers import Endpoint, http_server
from page.reel import Reel
from page.stage import AXE, CHROMIUM, LIBRARY, Stage, chromium

RECEIVER = """
[[receiver]]
name = "hook"
kind = "webhook"
url = "{url}"

[[route]]
receivers = ["hook"]
"""


@pytest.fixture(scope="session")
def library() -> None:
    """A test that needs the chart library asks for this."""
    if not LIBRARY.exists():
        pytest.skip("the chart library is not built: make page")


@pytest.fixture(scope="session")
def axe() -> None:
    """A test that needs axe-core asks for this."""
    if not AXE.exists():
        pytest.skip("axe-core is not installed: npm ci")


@pytest.fixture(scope="session")
def hook() -> Endpoint:
    """Gets every alert."""
    return Endpoint()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("no chromium here")
    async with chromium() as browser:
        yield browser


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def stage(
    browser: Browser, hook: Endpoint, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Stage]:
    """Two hours of the tape are out."""
    async with Reel().open() as reel, http_server(hook) as url:
        stage = Stage(tmp_path_factory.mktemp("page"), reel, RECEIVER.format(url=url))
        try:
            await stage.start()
            await reel.play(1000)
            yield stage
        finally:
            await stage.stop()

"""A connection that runs against a server of our own, and what came over it."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from itertools import pairwise

import numpy as np
from websockets.asyncio.server import ServerConnection, serve

from tapewatch.config import MassiveFeed
from tapewatch.feeds.backoff import Backoff
from tapewatch.feeds.connection import Connection
from tapewatch.feeds.massive.protocol import Massive
from tapewatch.feeds.massive.server import MassiveServer
from tapewatch.feeds.protocol import Credentials
from tapewatch.feeds.simulator import Simulator
from tapewatch.market.ticks import NS, empty_ticks

KEY = "key-that-nobody-may-see"
FEED = MassiveFeed(name="tape", vendor="massive")
SOON = Backoff(base=0.001, cap=0.005, too_many=0.01)


def tape(count: int, step_ms: int = 1000) -> np.ndarray:
    ticks = empty_ticks(count)
    ticks["time"] = 1_769_610_600 * NS + np.arange(count) * step_ms * 1_000_000
    ticks["price"] = np.round(6900 + np.arange(count) / 100, 2)
    ticks["size"] = 100
    return ticks


class Watcher:
    """A connection that runs; `instruments` are SPY alone unless said otherwise."""

    def __init__(self, url: str, instruments: dict[str, int] | None = None, feed=FEED, **options) -> None:
        self.frames: list[np.ndarray] = []
        self.came = asyncio.Event()
        options = {"backoff": SOON} | options
        self.connection = Connection(
            feed,
            url,
            partial(Massive, Credentials(KEY)),
            {"SPY": 0} if instruments is None else instruments,
            self._take,
            **options,
        )
        self.task = asyncio.create_task(self.connection.run())

    def _take(self, ticks: np.ndarray) -> None:
        self.frames.append(ticks)
        self.came.set()

    @property
    def ticks(self) -> np.ndarray:
        return np.concatenate(self.frames) if self.frames else empty_ticks(0)

    async def until(self, reached: Callable[[], bool], every: float = 0.005) -> None:
        """Wait until `reached`; what ended the connection ends the waiting."""
        async with asyncio.timeout(10):
            while not reached():
                if self.task.done():
                    await self.task
                await asyncio.sleep(every)

    async def stop(self) -> None:
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)


@asynccontextmanager
async def watcher(url: str | Simulator, **options):
    one = Watcher(url if isinstance(url, str) else f"ws://127.0.0.1:{url.port}", **options)
    try:
        yield one
    finally:
        await one.stop()


@asynccontextmanager
async def vendor(handler: Callable[[ServerConnection], Awaitable[None]], **options):
    """A server of our own, for what the simulator does not do; gives its URL."""
    async with serve(handler, "127.0.0.1", 0, **options) as server:
        yield f"ws://127.0.0.1:{next(iter(server.sockets)).getsockname()[1]}"


async def let_in(websocket: ServerConnection) -> MassiveServer:
    session = MassiveServer(["SPY"], False)
    for message in session.open("/", {}):
        await websocket.send(message)
    while not session.wanted.any():
        for answer in session.receive(await websocket.recv()):
            await websocket.send(answer)
    return session


@dataclass(frozen=True)
class Noted(Backoff):
    """Notes how long it has asked for."""

    base: float = 0.02
    cap: float = 0.1
    waits: list[float] = field(default_factory=list)

    def delay(self, attempt: int) -> float:
        self.waits.append(super().delay(attempt))
        return self.waits[-1]


class Calls:
    """When a server was called."""

    def __init__(self) -> None:
        self.times: list[float] = []

    def __call__(self, *_: object) -> None:
        self.times.append(time.monotonic())

    def never_before(self, waits: list[float], more: float = 0) -> bool:
        """Whether each call came when the backoff had let it, or later; `more` seconds were to be added."""
        gaps = [after - before for before, after in pairwise(self.times)]
        return bool(gaps) and all(gap >= wait + more for gap, wait in zip(gaps, waits, strict=False))


def reasons(logs: list) -> list[str]:
    return [entry["reason"] for entry in logs if entry["event"] == "feed.lost"]

"""A vendor that sends the simulated tape `sp500-7000` as far as a test wants it, when it wants it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import numpy as np
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from tapewatch.feeds.massive.server import MassiveServer
from tapewatch.feeds.scenario import Scenario, sp500_7000
from tapewatch.market.sessions import sessions
from tapewatch.market.ticks import NS, empty_ticks

SPX = "I:SPX"
OTHER = "I:OTHER"
"""A second symbol, whose ticks a test makes up."""

FRAME = 200


class Reel:
    """Its place on the tape is `at`: so many ticks are out."""

    def __init__(self) -> None:
        self.scenario: Scenario = sp500_7000(sessions("XNYS"))
        self.at = 0
        self.port = 0
        self._clients: dict[ServerConnection, MassiveServer] = {}
        self._ids = 0

    @asynccontextmanager
    async def open(self) -> AsyncIterator["Reel"]:
        async with serve(self._client, "127.0.0.1", 0, compression=None, close_timeout=1) as server:
            self.port = next(iter(server.sockets)).getsockname()[1]
            yield self

    async def _client(self, websocket: ServerConnection) -> None:
        session = MassiveServer((SPX, OTHER), False)
        with suppress(ConnectionClosed):
            for answer in session.open("/", {}):
                await websocket.send(answer)
            self._clients[websocket] = session
            async for message in websocket:
                for answer in session.receive(message):
                    await websocket.send(answer)
        self._clients.pop(websocket, None)

    async def listened(self) -> None:
        """Returns when somebody has subscribed."""
        async with asyncio.timeout(60):
            while not any(session.wanted.any() for session in self._clients.values()):  # noqa: ASYNC110
                await asyncio.sleep(0.01)

    def first_at(self, price: float, *, after: int = 0) -> int:
        """The place of the first tick from `after` on that is at `price` or above."""
        return after + int(np.argmax(self.scenario.price[after:] >= price))

    async def play(self, until: int) -> None:
        """Sends the tape up to that place, at once."""
        while self.at < until:
            last = min(self.at + FRAME, until)
            await self._send(SPX, self.scenario.time[self.at : last], self.scenario.price[self.at : last])
            self.at = last
            await asyncio.sleep(0)

    async def run(self, ticks_per_second: float) -> None:
        """Goes on with the tape until cancelled, or to its end."""
        while self.at < len(self.scenario.time):
            await self.play(self.at + 1)
            await asyncio.sleep(1 / ticks_per_second)

    async def other(self, *prices: float) -> None:
        """Trades of the other symbol, at the time at which the tape is then: it goes on by a tick."""
        await self.play(self.at + 1)
        time = int(self.scenario.time[self.at - 1]) + np.arange(len(prices)) * 1_000_000
        await self._send(OTHER, time, np.array(prices))

    async def flood(self, ticks_per_second: int, seconds: float, pace: float) -> None:
        """The other symbol swings about 100, so many ticks a second, its clock `pace` times as fast as ours.

        Args:
            ticks_per_second: on the average.
            seconds: for so long.
            pace: seconds of tape a second.
        """
        loop = asyncio.get_running_loop()
        started, sent = loop.time(), 0
        while (passed := loop.time() - started) < seconds:
            due = int(passed * ticks_per_second)
            for first in range(sent, due, FRAME):
                at = np.arange(first, min(first + FRAME, due)) / ticks_per_second
                time = int(self.scenario.time[0]) + (at * pace * NS).astype(np.int64)
                await self._send(OTHER, time, np.round(100 + 2 * np.sin(at / 2) + np.sin(at * 50), 2))
            sent = due
            await asyncio.sleep(0.05)

    async def _send(self, symbol: str, time: np.ndarray, price: np.ndarray) -> None:
        ticks = empty_ticks(len(time))
        ticks["time"], ticks["price"], ticks["symbol"] = time, price, (SPX, OTHER).index(symbol)
        ids = self._ids + 1 + np.arange(len(time))
        self._ids += len(time)
        for websocket, session in list(self._clients.items()):
            with suppress(ConnectionClosed):
                await websocket.send(session.frame(ticks, ids), text=True)

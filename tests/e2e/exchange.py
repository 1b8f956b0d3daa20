"""An exchange that trades now: Kraken's websocket, and its bars over HTTP, on loopback."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import numpy as np
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from feeds.bar_servers import Market
from feeds.bar_servers import serve as bars_served
from tapewatch.feeds.kraken.server import KrakenServer
from tapewatch.market.ticks import empty_ticks


class Exchange:
    """Sends what `trade` is told to everybody who subscribed."""

    def __init__(self, *symbols: str, market: Market | None = None) -> None:
        self.symbols = symbols
        self.port = 0
        self.connections = 0
        self.bars_url = ""
        self.market = market
        self.asked: list[str] = []
        """What clients sent."""
        self._clients: dict[ServerConnection, KrakenServer] = {}
        self._number = 0

    @asynccontextmanager
    async def open(self) -> AsyncIterator["Exchange"]:
        async with serve(self._client, "127.0.0.1", 0, compression=None, close_timeout=1) as server:
            self.port = next(iter(server.sockets)).getsockname()[1]
            if self.market is None:
                yield self
            else:
                async with bars_served(self.market) as self.bars_url:
                    yield self

    async def _client(self, websocket: ServerConnection) -> None:
        self.connections += 1
        session = KrakenServer(self.symbols, False)
        with suppress(ConnectionClosed):
            for answer in session.open("/", {}):
                await websocket.send(answer)
            self._clients[websocket] = session
            async for message in websocket:
                self.asked.append(str(message))
                for answer in session.receive(message):
                    await websocket.send(answer)
        self._clients.pop(websocket, None)

    async def listened(self, symbol: str | None = None) -> None:
        """Returns when some client has subscribed."""
        place = self.symbols.index(symbol or self.symbols[0])
        async with asyncio.timeout(30):
            while not any(session.wanted[place] for session in self._clients.values()):  # noqa: ASYNC110
                await asyncio.sleep(0.01)

    async def trade(self, *prices: float, symbol: str | None = None, ago: float = 0.0) -> int:
        """Trades, the last of them so many seconds ago; returns the time (ns) of that."""
        place = self.symbols.index(symbol or self.symbols[0])
        ticks = empty_ticks(len(prices))
        last = (time.time_ns() - int(ago * 1e9)) // 1000 * 1000
        ticks["time"] = last + np.arange(1 - len(prices), 1) * 1_000_000
        ticks["price"], ticks["size"], ticks["symbol"] = prices, 1.0, place
        ids = self._number + 1 + np.arange(len(prices))
        self._number += len(prices)
        for websocket, session in list(self._clients.items()):
            if session.wanted[place]:
                with suppress(ConnectionClosed):
                    await websocket.send(session.frame(ticks, ids), text=True)
        return last

    async def hang_up(self) -> None:
        """Ends every connection."""
        for websocket in list(self._clients):
            await websocket.close(1001)

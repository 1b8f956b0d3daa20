"""The usual script: websockets, json, talipp, and an awaited HSET for each tick, as most people would write it first.

Its levels are those of the engine, and it runs on uvloop, as the daemon does. It checks no admission and keeps nothing
that it could go on from.
"""

import json
import sys
from typing import Any

import uvloop
from redis.asyncio import Redis
from websockets.asyncio.client import ClientConnection, connect

from peers.handles import ALL, BarEnds, Watches
from peers.plain import Level
from peers.talib_streams import FOUR
from peers.talipp_indicators import Book
from sender import MARK_LEVEL, SYMBOLS
from tape import build

WATCHES: dict[str, Watches] = {"four": FOUR, "all": ALL}
"""RSI, MACD and two averages on one timeframe, with which design §10 has measured it; or all that the daemon has."""


class Script:
    """All that it keeps."""

    def __init__(self, watches: Watches, redis: Redis) -> None:
        market = build(SYMBOLS, rate=1, rounds=1)
        self._redis = redis
        self._ends = BarEnds(market)
        self._books = {f"S{k}": Book(market, k, watches) for k in range(SYMBOLS)}
        self._levels = {
            f"S{k}": [Level(price) for price in market.levels[k].tolist()] for k in range(SYMBOLS)
        }
        self._levels["MARK"] = [Level(MARK_LEVEL)]

    async def run(self, websocket: ClientConnection) -> None:
        """Takes what comes until the server hangs up."""
        async for message in websocket:
            for event in json.loads(message):
                if event["ev"] == "T":
                    await self._take(event)
                elif event["status"] == "connected":
                    await websocket.send(json.dumps({"action": "auth", "params": "key"}))
                elif event["status"] == "auth_success":
                    await websocket.send(json.dumps({"action": "subscribe", "params": "T.*"}))

    async def _take(self, trade: dict[str, Any]) -> None:
        symbol, price, time = trade["sym"], trade["p"], trade["t"] * 1_000_000
        state = {"price": price, "time": time}
        if symbol in self._books:
            self._books[symbol].take(time, price, self._ends)
            state |= self._books[symbol].values()
        for level in self._levels[symbol]:
            if level.touch(price):
                alert = {"symbol": symbol, "level": level.price, "price": price}
                await self._redis.publish(f"tapewatch:bench:alerts:{symbol}", json.dumps(alert))
        await self._redis.hset(f"state:{symbol}", mapping=state)


async def main(url: str, redis_socket: str, watches: Watches) -> None:
    """Runs until the server hangs up."""
    async with Redis(unix_socket_path=redis_socket) as redis:
        script = Script(watches, redis)
        async with connect(url, close_timeout=1) as websocket:
            await script.run(websocket)


if __name__ == "__main__":
    uvloop.run(main(sys.argv[1], sys.argv[2], WATCHES[sys.argv[3]]))

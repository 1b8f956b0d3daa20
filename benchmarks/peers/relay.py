"""The least that can be done in Python between a tick and a subscriber: each trade of `MARK` is published as it comes.

websockets, json and redis on uvloop, as the daemon has them; no symbol but that one, no indicator, no rule, no state.
"""

import asyncio
import json
import sys

import uvloop
from redis.asyncio import Redis
from websockets.asyncio.client import connect

from sender import CHANNEL


async def main(port: str, socket: str) -> None:
    """Relays until the server hangs up."""
    first = True  # from where it is to cross: no alert of anybody's
    async with Redis(unix_socket_path=socket) as redis, connect(f"ws://127.0.0.1:{port}") as websocket:
        async for message in websocket:
            for event in json.loads(message):
                if event["ev"] == "status" and event["status"] == "connected":
                    await websocket.send(json.dumps({"action": "auth", "params": "key"}))
                elif event["ev"] == "status" and event["status"] == "auth_success":
                    await websocket.send(json.dumps({"action": "subscribe", "params": "T.*"}))
                elif event["ev"] == "T" and event["sym"] == "MARK":
                    if not first:
                        await publish(redis, event["t"])
                    first = False


async def publish(redis: Redis, ms: int) -> None:
    """With the time by which the market knows it again."""
    await redis.publish(CHANNEL, json.dumps({"data": {"time_ns": str(ms * 1_000_000)}}))


if __name__ == "__main__":
    asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
    asyncio.run(main(*sys.argv[1:3]))

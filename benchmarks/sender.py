"""The market's side of the whole-daemon benchmark, a process of its own: the sender of ticks, and Redis.

It speaks as Massive to one client. Frames are made beforehand, so that sending them costs next to nothing. Each round
ends with a tick of `MARK` that crosses its level; when the alert of it comes back through Redis, the client has
taken and judged every tick before it.
"""

import asyncio
import json
import logging
import signal
import socket
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

import numpy as np
import structlog
from numpy.typing import NDArray
from redis.asyncio import Redis
from websockets.frames import Frame, Opcode
from websockets.http11 import Request
from websockets.server import ServerProtocol

from tape import build
from tapewatch.feeds.massive.server import MassiveServer
from tapewatch.market.ticks import empty_ticks
from tapewatch.store.child import child_server
from timing import move_elsewhere

SYMBOLS = 100
ROUNDS = 4
"""The first is for warming up."""
NAMES = [*(f"S{k}" for k in range(SYMBOLS)), "MARK"]
MARK = SYMBOLS
MARK_LEVEL = 100.0
_MARK_PRICES = (99.6, 100.4)
"""Beyond the re-arm band on either side, so that each is an alert."""
CHANNEL = "tapewatch:bench:alerts:MARK"

BETWEEN = 0.5
"""Seconds between two rounds, in which the client writes what it still has to write."""
PATIENCE = 60.0
"""Seconds to wait for a client, or for an alert, before something must be wrong."""


def rounds(rate: int, per_frame: int) -> list[tuple[int, bytes]]:
    """How many ticks each round has, and its websocket frames as bytes on the wire."""
    market = build(SYMBOLS, rate=rate, rounds=ROUNDS)
    session = MassiveServer(NAMES, refuse_login=False)
    found, number = [], 0
    for place, walk in enumerate(market.rounds):
        first = [_mark(walk[:1], _MARK_PRICES[0])] if place == 0 else []  # from there it crosses
        ticks = np.concatenate([*first, walk, _mark(walk[-1:], _MARK_PRICES[1 - place % 2])])
        ids = number + np.arange(1, len(ticks) + 1)
        number += len(ticks)
        wire = bytearray()
        for i in range(0, len(ticks), per_frame):
            text = session.frame(ticks[i : i + per_frame], ids[i : i + per_frame])
            wire += Frame(Opcode.TEXT, text).serialize(mask=False)
        found.append((len(ticks), bytes(wire)))
    return found


def _mark(at: NDArray[np.void], price: float) -> NDArray[np.void]:
    tick = empty_ticks(1)
    tick["time"], tick["symbol"], tick["price"], tick["size"] = at["time"], MARK, price, 100
    return tick


async def serve(listening: socket.socket, redis: Redis, own: list[tuple[int, bytes]]) -> list[float]:
    """Seconds from the first frame of each round to the alert of its last tick."""
    loop = asyncio.get_running_loop()
    async with redis.pubsub(ignore_subscribe_messages=True) as channel:
        await channel.subscribe(CHANNEL)
        alerts = channel.listen()
        async with asyncio.timeout(PATIENCE):
            client, _ = await loop.sock_accept(listening)
        with client:
            client.setblocking(False)
            await let_in(client)
            taken = []
            for _, wire in own:
                await asyncio.sleep(BETWEEN)
                began = time.perf_counter()
                await loop.sock_sendall(client, wire)
                async with asyncio.timeout(PATIENCE):
                    await anext(alerts)
                taken.append(time.perf_counter() - began)
        return taken


async def let_in(client: socket.socket) -> ServerProtocol:
    """The websocket's handshake, and Massive's."""
    loop = asyncio.get_running_loop()
    websocket, session = ServerProtocol(), MassiveServer(NAMES, refuse_login=False)
    while not session.wanted.all():
        websocket.receive_data(await loop.sock_recv(client, 65_536))
        for event in websocket.events_received():
            if isinstance(event, Request):
                websocket.send_response(websocket.accept(event))
                answers = session.open(event.path, event.headers)
            else:
                answers = session.receive(event.data)
            for answer in answers:
                websocket.send_text(answer if isinstance(answer, bytes) else answer.encode())
        await loop.sock_sendall(client, b"".join(websocket.data_to_send()))
    return websocket


async def main(rate: int, per_frame: int) -> None:
    """Says where it is, serves one client, says what was measured; a JSON line each."""
    move_elsewhere()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    own = rounds(rate, per_frame)
    task = asyncio.current_task()
    assert task is not None
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)  # and Redis is stopped, too
    with tempfile.TemporaryDirectory() as folder, socket.create_server(("127.0.0.1", 0)) as listening:
        listening.setblocking(False)
        async with child_server(Path(folder)) as path, Redis(unix_socket_path=str(path)) as redis:
            print(json.dumps({"port": listening.getsockname()[1], "redis": str(path)}), flush=True)
            taken = await serve(listening, redis, own)
    print(json.dumps({"ticks": [count for count, _ in own], "seconds": taken}), flush=True)


if __name__ == "__main__":
    with suppress(asyncio.CancelledError):
        asyncio.run(main(int(sys.argv[1]), int(sys.argv[2])))

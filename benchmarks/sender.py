"""The market's side of the whole-daemon benchmark, a process of its own: the sender of ticks, and Redis.

It speaks as Massive to one client. Frames are made beforehand, so that sending them costs next to nothing. Each round
ends with a tick of `MARK` that crosses its level; when the alert of it comes back through Redis, the client has
taken and judged every tick before it.
"""

import asyncio
import json
import logging
import socket
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import structlog
from numpy.typing import NDArray
from redis import Redis
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
PATIENCE = 120.0


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


def serve(listening: socket.socket, redis_socket: Path, own: list[tuple[int, bytes]]) -> list[float]:
    """Seconds from the first frame of each round to the alert of its last tick."""
    with Redis(unix_socket_path=str(redis_socket)) as redis, redis.pubsub() as channel:
        channel.subscribe(CHANNEL)
        assert channel.get_message(timeout=PATIENCE), "Redis answers a subscription"
        client, _ = listening.accept()
        with client:
            _let_in(client)
            taken = []
            for _, wire in own:
                time.sleep(BETWEEN)
                began = time.perf_counter()
                client.sendall(wire)
                assert channel.get_message(timeout=PATIENCE), "the alert of the round's last tick never came"
                taken.append(time.perf_counter() - began)
        return taken


def _let_in(client: socket.socket) -> None:
    """The websocket's handshake, and Massive's."""
    websocket, session = ServerProtocol(), MassiveServer(NAMES, refuse_login=False)
    while not session.wanted.all():
        websocket.receive_data(client.recv(65_536))
        for event in websocket.events_received():
            if isinstance(event, Request):
                websocket.send_response(websocket.accept(event))
                answers = session.open(event.path, event.headers)
            else:
                answers = session.receive(event.data)
            for answer in answers:
                websocket.send_text(answer if isinstance(answer, bytes) else answer.encode())
        client.sendall(b"".join(websocket.data_to_send()))


async def main(rate: int, per_frame: int) -> None:
    """Says where it is, serves one client, says what was measured; a JSON line each."""
    move_elsewhere()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    own = rounds(rate, per_frame)
    with tempfile.TemporaryDirectory() as folder, socket.create_server(("127.0.0.1", 0)) as listening:
        async with child_server(Path(folder)) as redis_socket:
            print(json.dumps({"port": listening.getsockname()[1], "redis": str(redis_socket)}), flush=True)
            taken = await asyncio.to_thread(serve, listening, redis_socket, own)
    print(json.dumps({"ticks": [count for count, _ in own], "seconds": taken}), flush=True)


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), int(sys.argv[2])))

"""A market on the wall clock, a process of its own: a sender of ticks at a steady rate, Redis, and a subscriber.

It speaks as Massive to one client. A hundred symbols tick all the while and cross nothing; now and then a tick of
`MARK` crosses its level. When it was sent and when its alert came back through Redis is told by one clock, in one
thread, which does nothing else. Frames are made beforehand but for the time in them, so that they cost next to nothing.

It says where it is (a JSON line), sends once the first alert has come back, says what came of it, and keeps Redis until
it is told to end. What the client does not read waits here: nothing is dropped.
"""

import asyncio
import json
import logging
import random
import select
import signal
import socket
import sys
import tempfile
import time
from collections import deque
from dataclasses import asdict, dataclass, field
from itertools import cycle
from pathlib import Path

import hiredis
import numpy as np
import structlog
from websockets.frames import Frame, Opcode
from websockets.protocol import State
from websockets.server import ServerProtocol

from sender import CHANNEL, MARK, NAMES, PATIENCE, SYMBOLS, let_in
from tapewatch.feeds.massive.server import MassiveServer
from tapewatch.market.ticks import empty_ticks
from tapewatch.store.child import child_server
from timing import move_elsewhere

MARK_PRICES = (99.6, 100.4)
"""On either side of its level, beyond the re-arm band: each is an alert."""
CENTRE = 100.0
SWING = 0.002
"""How far the other symbols go from there, as a part of it; their levels stand further away."""

LOST_AFTER = 15.0
"""Seconds; less than a daemon waits before it takes the feed for mute."""

_TEMPLATE = 20_000
"""Ticks made beforehand; they come round and round. An id comes back after more than the last 64 of a symbol."""
_THEN = 1_000_000_000_000
"""The time in the templates, ms, with as many digits as now."""
_MS = 1_000_000


@dataclass(frozen=True)
class Plan:
    """What is sent."""

    rate: int
    """Ticks a second."""
    per_frame: int
    seconds: float
    alert_every: float
    """Seconds from one tick of `MARK` to the next, on average; a frame of its own each."""
    regular: bool = False
    """Just so many seconds; else half to one and a half times, so that they meet whatever else the client does."""
    pause: float = 0.0
    """Seconds between two looks at the clock, at least; what is due by then is sent in one go."""
    after: float = 0.0
    """Seconds that it goes on at a tenth of the rate, once the last alert was heard."""


@dataclass
class Outcome:
    """What came of it."""

    ticks: int = 0
    """Sent, the first one of `MARK` included."""
    in_time: int = 0
    """Of them, those before the rate went down."""
    seconds: float = 0.0
    """That took so long to send."""
    expected: list[int] = field(default_factory=list)
    """Event time (ns) of every tick that is an alert."""
    heard: list[tuple[int, float, float]] = field(default_factory=list)
    """Of each alert the event time of its tick, when it came (wall clock, s), and how long after it was sent (s)."""


class Market:
    """The one who sends, and listens.

    Args:
        plan: what.
        client: connected, not blocking.
        websocket: its session, once it was let in.
        pubsub: a connection to Redis.
    """

    def __init__(
        self, plan: Plan, client: socket.socket, websocket: ServerProtocol, pubsub: socket.socket
    ) -> None:
        self.outcome = Outcome()
        self._websocket = websocket
        self._plan = plan
        self._client = client
        self._pubsub = pubsub
        self._replies = hiredis.Reader()
        self._waits: deque[memoryview] = deque()
        self._sent: dict[int, int] = {}  # by event time, ns: when (monotonic, ns)
        self._session = MassiveServer(NAMES, refuse_login=False)
        self._frames = cycle(self._templates())
        self._then = str(_THEN).encode()
        self._marks = 0
        self._dice = random.Random(20240603)

    def run(self) -> Outcome:
        """Sends all, and waits for the last alert."""
        plan = self._plan
        self._send(b"")
        self._mark()  # from there it crosses; the first one is none
        self.outcome.expected.clear()
        self._turn(0.5)
        self._mark()
        self._until_heard(1)
        self._turn(1.0)
        first = time.perf_counter()
        self._flow(first, plan.seconds, plan.rate)
        self.outcome.seconds, self.outcome.in_time = time.perf_counter() - first, self.outcome.ticks
        self._until_heard(len(self.outcome.expected))
        self._flow(time.perf_counter(), plan.after, plan.rate / 10)
        self._until_heard(len(self.outcome.expected))
        return self.outcome

    def _flow(self, first: float, seconds: float, rate: float) -> None:
        interval = self._plan.per_frame / rate
        frames, next_mark = 0, first + self._next_mark()
        while (now := time.perf_counter()) < first + seconds:
            due = int((now - first) / interval) + 1
            if due > frames:
                self._ordinary(due - frames)
                frames = due
            if now >= next_mark:
                self._mark()
                next_mark += self._next_mark()
            wake = min(first + frames * interval, next_mark)
            self._turn(max(wake - time.perf_counter(), self._plan.pause))

    def _next_mark(self) -> float:
        every = self._plan.alert_every
        return every if self._plan.regular else every * self._dice.uniform(0.5, 1.5)

    def _until_heard(self, alerts: int) -> None:
        """One that does not come for so long is lost, and does not come at all."""
        heard, since = -1, 0.0
        while len(self.outcome.heard) < alerts:
            if len(self.outcome.heard) > heard:
                heard, since = len(self.outcome.heard), time.monotonic()
            elif time.monotonic() - since > LOST_AFTER:
                return
            self._turn(0.1)

    def _ordinary(self, count: int) -> None:
        """Frames of the templates, with the time of now."""
        now = str(time.time_ns() // _MS).encode()
        parts = [next(self._frames).replace(self._then, now) for _ in range(count)]
        self.outcome.ticks += len(parts) * self._plan.per_frame
        self._send(b"".join(parts))

    def _mark(self) -> None:
        """A tick that crosses the level, later than the one before."""
        last = self.outcome.expected[-1] if self.outcome.expected else 0
        at = max(time.time_ns(), last + _MS) // _MS * _MS
        tick = empty_ticks(1)
        tick["time"], tick["symbol"], tick["price"], tick["size"] = at, MARK, MARK_PRICES[self._marks % 2], 1
        self._marks += 1
        self.outcome.ticks += 1
        self.outcome.expected.append(at)
        frame = _wire(self._session.frame(tick, np.array([self._marks])))
        self._sent[at] = time.perf_counter_ns()
        self._send(frame)

    def _send(self, data: bytes) -> None:
        if data:
            self._waits.append(memoryview(data))
        while self._waits:
            try:
                n = self._client.send(self._waits[0])
            except BlockingIOError:
                return
            if n == len(self._waits[0]):
                self._waits.popleft()
            else:
                self._waits[0] = self._waits[0][n:]

    def _turn(self, seconds: float) -> None:
        """Waits so long; hears and sends on meanwhile."""
        until = time.perf_counter() + seconds
        while True:
            left = until - time.perf_counter()
            blocked = [self._client] if self._waits else []
            said, free, _ = select.select([self._pubsub, self._client], blocked, [], max(left, 0))
            if self._pubsub in said:
                self._hear()
            if self._client in said:
                self._answer()
            if free:
                self._send(b"")
            if left <= 0:
                return

    def _hear(self) -> None:
        data = self._pubsub.recv(1 << 18)
        now, wall = time.perf_counter_ns(), time.time()
        if not data:
            raise ConnectionError("Redis is gone")
        self._replies.feed(data)
        while (message := self._replies.gets()) is not False:
            if message[0] == b"message":
                event = int(json.loads(message[2])["data"]["time_ns"])
                self.outcome.heard.append((event, wall, (now - self._sent[event]) / 1e9))

    def _answer(self) -> None:
        """A ping is answered, after what waits; and the client may close."""
        self._websocket.receive_data(self._client.recv(1 << 16))
        self._websocket.events_received()
        if self._websocket.state is not State.OPEN:
            raise ConnectionError("the client is gone")
        for data in self._websocket.data_to_send():
            self._send(data)

    def _templates(self) -> list[bytes]:
        """A swing there and back of every symbol, in frames."""
        plan = self._plan
        count = -(-_TEMPLATE // (SYMBOLS * plan.per_frame)) * SYMBOLS * plan.per_frame
        ticks = empty_ticks(count)
        ticks["time"] = _THEN * _MS
        ticks["symbol"] = np.arange(count) % SYMBOLS
        turn = np.arange(count) // SYMBOLS * SYMBOLS / count
        ticks["price"] = np.round(CENTRE * (1 + SWING * np.sin(2 * np.pi * turn)), 2)
        ticks["size"] = 1
        ids = np.arange(1, count + 1)
        parts = [slice(i, i + plan.per_frame) for i in range(0, count, plan.per_frame)]
        return [_wire(self._session.frame(ticks[part], ids[part])) for part in parts]


def _wire(text: bytes) -> bytes:
    return Frame(Opcode.TEXT, text).serialize(mask=False)


async def main(plan: Plan) -> None:
    """One client, one plan."""
    move_elsewhere()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    loop = asyncio.get_running_loop()
    with tempfile.TemporaryDirectory() as folder, socket.create_server(("127.0.0.1", 0)) as listening:
        listening.setblocking(False)
        async with child_server(Path(folder)) as path:
            print(json.dumps({"port": listening.getsockname()[1], "redis": str(path)}), flush=True)
            async with asyncio.timeout(PATIENCE):
                client, _ = await loop.sock_accept(listening)
            with client, socket.socket(socket.AF_UNIX) as pubsub:
                client.setblocking(False)
                client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                websocket = await let_in(client)
                pubsub.connect(str(path))
                pubsub.sendall(f"SUBSCRIBE {CHANNEL}\r\n".encode())
                outcome = Market(plan, client, websocket, pubsub).run()
                print(json.dumps(asdict(outcome)), flush=True)
                await asyncio.Event().wait()


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())  # and Redis is stopped, too
    asyncio.run(main(Plan(**json.loads(sys.argv[1]))))

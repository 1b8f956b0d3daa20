"""The server of `tapewatch simulate`: plays a tape in a vendor's protocol to anybody's client."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import structlog
from numpy.typing import NDArray
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from tapewatch.market.ticks import NS

log = structlog.get_logger(__name__)

FRAME_TICKS = 50
"""Ticks in a frame, at most."""

HEARTBEAT_SECONDS = 1.0
"""Between two heartbeats of a vendor that sends any."""

STEP = 0.02
"""Seconds between looks at the clock when a tape plays at a given speed."""

_POLICY_VIOLATION = 1008
_GARBAGE = (b"this is not JSON", b'[{"ev":', b'{"hello":"world"}', b'[{"ev":"?"},17]')


class VendorServer(Protocol):
    """The server's side of a vendor's protocol, for one client; no I/O."""

    wanted: NDArray[np.bool_]
    """Per symbol of the tape: has the client subscribed to it?"""
    refused: bool
    """The client was refused: send what is to be sent, then hang up."""
    binary: bool
    """Frames go out as binary messages, not as text."""

    def open(self, path: str, headers: Mapping[str, str]) -> list[str | bytes]:
        """Messages to send once a client has connected with this path (its query included) and these headers."""

    def receive(self, message: str | bytes) -> list[str | bytes]:
        """Answers to a message of the client."""

    def heartbeat(self) -> list[str | bytes]:
        """What the vendor sends every second to a client that subscribed, whether there are trades or not."""

    def frame(self, ticks: np.ndarray, ids: np.ndarray) -> bytes:
        """The frame that carries `ticks` with these trade ids."""


@dataclass(frozen=True)
class Trouble:
    """What goes wrong on request; probabilities from 0 to 1, seconds from the client's subscription."""

    mute_after: float | None = None
    """Send nothing more after so many seconds, and keep the line open."""
    drop_every: float | None = None
    """Cut the line after so many seconds, each time."""
    garbage: float = 0
    """Probability, per frame, of a frame before it that no client can read."""
    reorder: float = 0
    """Probability, per tick, of changing places with the next one of its frame."""
    duplicate: float = 0
    """Probability, per tick, of coming twice."""
    refuse_login: bool = False
    seed: int = 0
    """Of all these dice."""


class Simulator:
    """Plays a tape to every client that subscribes.

    Without `from_start` the tape runs on while nobody listens, as a market does; at no given speed it has
    come as far as the fastest client has read. At its end the line stays open and silent.

    Args:
        server_factory: makes the vendor's side for a client from the symbols and `refuse_login`.
        ticks: the tape, rows of `TICK`; `symbol` is a place in `symbols`. The trade ids sent are their
            numbers, from 1.
        symbols: the vendor's names.
        speed: tape seconds per second; None for as fast as the client reads.
        from_start: begin anew for each client that subscribes.
        longest_gap: tape seconds; a longer pause between ticks (a night, say) is played as this long.
        trouble: what goes wrong.

    Raises:
        ValueError: a speed that is none, or a tick whose symbol has no place in `symbols`.
    """

    def __init__(
        self,
        server_factory: Callable[[Sequence[str], bool], VendorServer],
        ticks: np.ndarray,
        symbols: Sequence[str],
        *,
        speed: float | None = 1,
        from_start: bool = False,
        longest_gap: float = float("inf"),
        trouble: Trouble | None = None,
    ) -> None:
        if speed is not None and not 0 < speed < float("inf"):
            raise ValueError(
                f"speed is a number above 0, or None for as fast as the client reads, not {speed}"
            )
        if not ((ticks["symbol"] >= 0) & (ticks["symbol"] < len(symbols))).all():
            raise ValueError("every tick of the tape needs a symbol that has a vendor's name")
        self.port = 0
        """Where `serve` listens."""
        self.finished = asyncio.Event()
        """Some client has been sent the end of the tape."""
        self.logins_refused = 0
        self.speed = speed
        """Tape seconds per second; may be set until `serve`."""
        self._server_factory = server_factory
        self._ticks = ticks
        self._symbols = symbols
        self._from_start = from_start
        self._trouble = trouble or Trouble()
        self._release = _release_times(ticks["time"], longest_gap)
        self._started = 0.0
        self._furthest = 0
        self._players = 0

    @property
    def length(self) -> float:
        """How long the tape plays, in tape seconds."""
        return float(self._release[-1]) if len(self._release) else 0

    @asynccontextmanager
    async def serve(self, host: str = "127.0.0.1", port: int = 0) -> AsyncIterator["Simulator"]:
        """Listen, and start the tape; port 0 takes a free one, `self.port` says which."""
        async with serve(self._client, host, port, compression=None, close_timeout=1) as server:
            self.port = next(iter(server.sockets)).getsockname()[1]
            self._started = time.monotonic()
            log.info("simulator.listening", host=host, port=self.port, ticks=len(self._ticks))
            yield self

    async def _client(self, websocket: ServerConnection) -> None:
        server = self._server_factory(self._symbols, self._trouble.refuse_login)
        playing: list[asyncio.Task[None]] = []
        async with asyncio.TaskGroup() as tasks:
            with suppress(ConnectionClosed):
                if (request := websocket.request) is not None:  # never None once the handshake is over
                    await self._answer(websocket, server, server.open(request.path, request.headers))
                while not server.wanted.any():  # a client may want all before it has said a word
                    await self._answer(websocket, server, server.receive(await websocket.recv()))
                playing += [
                    tasks.create_task(self._play(websocket, server)),
                    tasks.create_task(_beat(websocket, server)),
                ]
                async for message in websocket:
                    await self._answer(websocket, server, server.receive(message))
            for task in playing:
                task.cancel()

    async def _answer(
        self, websocket: ServerConnection, server: VendorServer, answers: Sequence[str | bytes]
    ) -> None:
        for answer in answers:
            await websocket.send(answer)
        if server.refused:
            self.logins_refused += 1
            await websocket.close(_POLICY_VIOLATION)

    async def _play(self, websocket: ServerConnection, server: VendorServer) -> None:
        self._players += 1
        dice = np.random.default_rng((self._trouble.seed, self._players))
        if self._trouble.drop_every is not None:
            asyncio.get_running_loop().call_later(self._trouble.drop_every, websocket.transport.abort)
        with suppress(ConnectionClosed, TimeoutError):
            async with asyncio.timeout(self._trouble.mute_after):
                await self._stream(websocket, server, dice)

    async def _stream(
        self, websocket: ServerConnection, server: VendorServer, dice: np.random.Generator
    ) -> None:
        origin = time.monotonic() if self._from_start else self._started
        place = 0 if self._from_start else self._now_at()
        while place < len(self._ticks):
            due = self._due(origin)
            while place < due:
                following = min(place + FRAME_TICKS, due)
                await self._send(websocket, server, place, following, dice)
                place = following
                self._furthest = max(self._furthest, place)
                await asyncio.sleep(0)  # `send` gives nobody a turn while the socket takes all
            if place < len(self._ticks):
                await asyncio.sleep(STEP)
        self.finished.set()

    def _now_at(self) -> int:
        return self._furthest if self.speed is None else self._due(self._started)

    def _due(self, origin: float) -> int:
        """How many ticks of a tape that started at `origin` (monotonic clock, s) are out by now."""
        if self.speed is None:
            return len(self._ticks)
        return int(np.searchsorted(self._release, (time.monotonic() - origin) * self.speed, side="right"))

    async def _send(
        self,
        websocket: ServerConnection,
        server: VendorServer,
        first: int,
        last: int,
        dice: np.random.Generator,
    ) -> None:
        """Send what the client wants of the ticks from `first` up to `last`, with the trouble asked for."""
        trouble = self._trouble
        rows = np.arange(first, last)[server.wanted[self._ticks["symbol"][first:last]]]
        if trouble.duplicate:
            rows = np.repeat(rows, 1 + (dice.random(len(rows)) < trouble.duplicate))
        if trouble.reorder:
            for k in np.flatnonzero(dice.random(max(len(rows) - 1, 0)) < trouble.reorder):
                rows[k], rows[k + 1] = rows[k + 1], rows[k]
        if not len(rows):
            return
        if trouble.garbage and dice.random() < trouble.garbage:
            await websocket.send(_GARBAGE[dice.integers(len(_GARBAGE))], text=True)
        await websocket.send(server.frame(self._ticks[rows], rows + 1), text=not server.binary)


async def _beat(websocket: ServerConnection, server: VendorServer) -> None:
    """A vendor's heartbeats go on when its trades do not, as those of a mute line would."""
    with suppress(ConnectionClosed):
        while True:
            for message in server.heartbeat():
                await websocket.send(message)
            await asyncio.sleep(HEARTBEAT_SECONDS)


def _release_times(times: NDArray[np.int64], longest_gap: float) -> NDArray[np.float64]:
    """When each tick goes out, in tape seconds from the first; a late one right after those before it."""
    in_order = np.maximum.accumulate(times)
    gaps = np.diff(in_order, prepend=in_order[:1]) / NS
    return np.cumsum(np.minimum(gaps, longest_gap))

"""A TCP proxy that refuses, goes silent, cuts, and loses answers."""

import asyncio
import random
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

_CHUNK = 1 << 16
_PORTS = range(10_000, 32_000)
"""Below those that systems give to outgoing connections: who gives a port up for a while gets it back."""

Loses = Callable[[bytes, bytes], bool]
"""Is this answer (the second) to what was asked (the first) to be lost?"""


def free_port() -> int:
    """A port of the loopback on which nobody listens."""
    while True:
        port = random.choice(_PORTS)
        with socket.socket() as probe, suppress(OSError):
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", port))
            return port


class Proxy:
    """Between a client and the server at `target`, both on loopback."""

    def __init__(self, target: int) -> None:
        self.port = free_port()
        self.lost = 0
        """Answers that never arrived."""
        self._target = target
        self._server: asyncio.Server | None = None
        self._flows = asyncio.Event()
        self._flows.set()
        self._lines: set[_Line] = set()
        self._loses: Loses | None = None
        self._news = asyncio.Event()

    @asynccontextmanager
    async def open(self) -> AsyncIterator["Proxy"]:
        await self._listen()
        try:
            yield self
        finally:
            self.refuse()

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(self._client, "127.0.0.1", self.port)

    def refuse(self) -> None:
        """Cuts all connections; new ones are refused."""
        if self._server is not None:
            self._server.close()
            self._server = None
        self.cut()

    def cut(self) -> None:
        for line in list(self._lines):
            line.cut()

    def silence(self) -> None:
        """From now on nothing comes through, and nobody is told."""
        self._flows.clear()

    async def heal(self, resume: bool = False) -> None:
        """Everything works again; what was silenced goes on where it was (as TCP does), or is cut."""
        if not resume:
            self.cut()
        self._flows.set()
        if self._server is None:
            await self._listen()

    async def lose(self, loses: Loses) -> None:
        """Cuts the connection on which the next such answer comes, in its place; returns then."""
        self._loses = loses
        self._news.clear()
        await self._news.wait()

    def _is_lost(self, asked: bytes, answer: bytes) -> bool:
        if self._loses is None or not self._loses(asked, answer):
            return False
        self._loses = None
        self.lost += 1
        self._news.set()
        return True

    async def _client(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await self._flows.wait()  # who connects to a silent line waits
        try:
            there = await asyncio.open_connection("127.0.0.1", self._target)
        except OSError:
            writer.transport.abort()
            return
        line = _Line((reader, writer), there)
        self._lines.add(line)
        try:
            async with asyncio.TaskGroup() as pumps:
                pumps.create_task(self._ask(line))
                pumps.create_task(self._answer(line))
        finally:
            line.cut()
            self._lines.discard(line)

    async def _ask(self, line: "_Line") -> None:
        with suppress(OSError):
            while data := await line.near[0].read(_CHUNK):
                await self._flows.wait()
                line.asked += data
                line.far[1].write(data)
                await line.far[1].drain()
        line.end()

    async def _answer(self, line: "_Line") -> None:
        with suppress(OSError):
            while data := await line.far[0].read(_CHUNK):
                await self._flows.wait()
                if self._is_lost(bytes(line.asked), data):
                    break
                line.asked.clear()
                line.near[1].write(data)
                await line.near[1].drain()
        line.cut()


class _Line:
    """One connection through the proxy."""

    def __init__(
        self,
        near: tuple[asyncio.StreamReader, asyncio.StreamWriter],
        far: tuple[asyncio.StreamReader, asyncio.StreamWriter],
    ) -> None:
        self.near, self.far = near, far
        self.asked = bytearray()
        """What was asked since the last answer."""

    def end(self) -> None:
        """The client has no more to say."""
        with suppress(OSError):
            self.far[1].write_eof()

    def cut(self) -> None:
        for _, writer in (self.near, self.far):
            writer.transport.abort()

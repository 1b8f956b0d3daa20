"""A Redis server as a process that can be killed, stopped and paused."""

import asyncio
import os
import signal
import time
from contextlib import suppress
from pathlib import Path

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from chaos.proxy import free_port
from tapewatch.store.child import find_server

_SAMPLE_SECONDS = 0.1


class RedisProcess:
    """Redis with AOF everysec, on a port of its own."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self.ends = 0
        """How often it ended."""
        self._folder = folder
        self._process: asyncio.subprocess.Process | None = None
        self._sizes: list[tuple[float, int]] = []
        self._sampling: asyncio.Task[None] | None = None

    def client(self) -> Redis:
        """A client past all proxies, which does not wait for a Redis that is away."""
        return Redis(host="127.0.0.1", port=self.port, retry=Retry(NoBackoff(), 0))

    async def start(self) -> None:
        """Returns when it answers."""
        self._folder.mkdir(exist_ok=True)
        options = {
            "port": self.port,
            "bind": "127.0.0.1",
            "dir": self._folder,
            "save": "",
            "appendonly": "yes",
        }
        options |= {"appendfsync": "everysec", "loglevel": "warning"}
        with (self._folder / "redis.log").open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                find_server(),
                *(str(word) for name, value in options.items() for word in (f"--{name}", value)),
                stdout=log,
                stderr=log,
            )
        async with asyncio.timeout(20), self.client() as client:
            while not await _answers(client):
                assert self._process.returncode is None, (self._folder / "redis.log").read_text()
                await asyncio.sleep(0.01)
        self._sampling = asyncio.create_task(self._sample())

    async def stop(self) -> None:
        """Ends it as an operator would."""
        await self._end(signal.SIGTERM)

    async def kill(self) -> None:
        await self._end(signal.SIGKILL)

    async def lose_power(self) -> None:
        """Kills it, and takes from its file what an AOF that is synced each second may lack: the last second."""
        log = self._log()
        lost_from = time.monotonic() - 1.0
        kept = [size for at, size in self._sizes if at <= lost_from]
        await self.kill()
        os.truncate(log, kept[-1] if kept else self._sizes[0][1])

    async def _end(self, number: signal.Signals) -> None:
        if self._sampling:
            self._sampling.cancel()
        if self._process is not None and self._process.returncode is None:
            self.go_on()  # SIGTERM does not wake a stopped process
            self._process.send_signal(number)
            await self._process.wait()
            self.ends += 1

    def pause(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def _log(self) -> Path:
        """The append-only file; Redis 7 has a folder of them, of which it writes to the last."""
        return max(
            self._folder.rglob("*.aof"), key=lambda path: (path.suffixes[-2:-1] == [".incr"], path.name)
        )

    async def _sample(self) -> None:
        while True:
            self._sizes.append((time.monotonic(), self._log().stat().st_size))
            await asyncio.sleep(_SAMPLE_SECONDS)


async def _answers(client: Redis) -> bool:
    with suppress(RedisError):
        return bool(await client.ping())
    return False

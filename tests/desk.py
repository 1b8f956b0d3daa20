"""A desk with a Redis of its own, on which commands work while no daemon runs."""

import asyncio
import subprocess
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import redis as blocking
from redis.asyncio import Redis

from tapewatch.alerts.alert import Alert, encode
from tapewatch.store.child import find_server
from tapewatch.store.commit import Commit, Fired, Store
from tapewatch.store.keys import Keys

CONFIG = """
name = "sp500"
state_dir = "state"
redis.url = "unix://{socket}"

[[feed]]
name = "tape"
vendor = "massive"

[[watch]]
symbol = "SPX"
title = "S&P 500"
feed = "tape"
feed_symbol = "I:SPX"

[[watch.level]]
name = "breakout"
price = 7000

[[watch]]
symbol = "NDX"
feed = "tape"
feed_symbol = "I:NDX"

[[watch.zone]]
name = "resistance"
low = 25900
high = 26000

[[receiver]]
name = "desk"
kind = "console"

[[receiver]]
name = "mail"
kind = "console"

[[route]]
receivers = ["desk"]

[[route]]
match = {{ symbol = "SPX" }}
receivers = ["mail"]
"""

T = TypeVar("T")


class Desk:
    """A config, and the Redis that it names."""

    keys = Keys("sp500")

    def __init__(self, folder: Path) -> None:
        self.config = folder / "sp500.toml"
        self.socket = folder / "redis.sock"

    @contextmanager
    def open(self) -> Iterator["Desk"]:
        """While its Redis runs."""
        self.config.write_text(CONFIG.format(socket=self.socket), encoding="utf-8")
        args = (find_server(), "--port", "0", "--unixsocket", str(self.socket), "--save", "")
        with subprocess.Popen(args, cwd=self.socket.parent, stdout=subprocess.DEVNULL) as server:
            try:
                self._wait()
                yield self
            finally:
                server.kill()

    def __call__(self, work: Callable[[Redis], Awaitable[T]]) -> T:
        """What `work` makes of the Redis."""

        async def run() -> T:
            async with Redis(unix_socket_path=str(self.socket)) as redis:
                return await work(redis)

        return asyncio.run(run())

    def commit(self, *alerts: Alert) -> None:
        """The alerts fire, as the daemon writes them."""

        async def work(redis: Redis) -> None:
            store = Store(redis, "sp500")
            sequence = (await store.open()).sequence + 1
            await store.commit(Commit(sequence, {}, [Fired(alert, encode(alert)) for alert in alerts]))

        self(work)

    def _wait(self) -> None:
        with blocking.Redis(unix_socket_path=str(self.socket)) as redis:
            for _ in range(500):
                try:
                    redis.ping()
                    return
                except blocking.ConnectionError:
                    time.sleep(0.02)
        raise TimeoutError("Redis did not start")

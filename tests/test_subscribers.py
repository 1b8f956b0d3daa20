"""The subscribers of docs/examples, each as a process, on a Redis that goes away in between."""

import asyncio
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path

import msgspec
import pytest
from redis.asyncio import Redis

import make
from tapewatch.alerts.alert import encode
from tapewatch.store.commit import Commit, Fired, Store
from tapewatch.store.server import open_redis

DOCS = Path(__file__).parents[1] / "docs"
EXAMPLES = DOCS / "examples"
PATIENCE = 30
NODE = shutil.which("node")


def has_node() -> bool:
    """Whether the example for Node can run here."""
    if NODE is None or not (EXAMPLES / "node_modules/redis").exists():
        return False
    version = subprocess.run([NODE, "--version"], capture_output=True, text=True, check=True).stdout
    return int(version[1:].partition(".")[0]) >= 20


PROGRAMS = [
    pytest.param((sys.executable, EXAMPLES / "subscriber.py"), id="python"),
    pytest.param(
        (NODE, EXAMPLES / "subscriber.mjs"),
        id="node",
        marks=pytest.mark.skipif(
            not has_node(), reason="Node 20, or npm's packages of docs/examples, are not here: make examples"
        ),
    ),
]


def fired(price: int) -> Fired:
    """An alert that the programs show by its price."""
    alert = make.alert()
    data = msgspec.structs.replace(alert.data, price=float(price))
    alert = msgspec.structs.replace(alert, id=f"{price:032x}", data=data)
    return Fired(alert, encode(alert))


class Subscriber:
    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process

    async def shows(self, price: int) -> None:
        """Its next line is of that alert."""
        assert self.process.stdout
        async with asyncio.timeout(PATIENCE):
            line = (await self.process.stdout.readline()).decode()
        form = rf"2026-01-28T15:12:44\.976000000Z SPX tapewatch\.level\.crossed_up {price}(\.0)?\n"
        assert re.fullmatch(form, line), line

    async def end(self, number: signal.Signals) -> str:
        """Ends it; gives what it said of Redis."""
        self.process.send_signal(number)
        async with asyncio.timeout(PATIENCE):
            out, err = await self.process.communicate()
        assert (self.process.returncode, out) == (0, b""), err.decode()
        lines = err.decode().splitlines()
        assert all(line.startswith("Redis is away: ") for line in lines), err.decode()
        return err.decode()


class Desk:
    """Where the programs listen, and what tapewatch does there."""

    def __init__(self, folder: Path, stack: AsyncExitStack) -> None:
        self.folder = folder
        self.seen = folder / "seen.txt"
        self._stack = stack

    @asynccontextmanager
    async def redis(self) -> AsyncIterator[Redis]:
        """While it runs; what it holds is there the next time, but for users."""
        async with open_redis(None, self.folder) as redis:
            await redis.execute_command(*reader().split())
            yield redis

    async def start(self, program: tuple[str, Path], mode: str, *more: Path) -> Subscriber:
        url = f"unix://tapewatch-reader:sesame@{self.folder / 'redis/redis.sock'}"
        process = await asyncio.create_subprocess_exec(
            *map(str, (*program, mode, url, "sp500", *more)),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        self._stack.push_async_callback(killed, process)
        return Subscriber(process)


async def killed(process: asyncio.subprocess.Process) -> None:
    with suppress(ProcessLookupError):
        process.kill()
    await process.wait()


def reader() -> str:
    """The user that docs/alerts.md gives such a program."""
    (rule,) = re.findall(r"^ACL SETUSER .*$", (DOCS / "alerts.md").read_text(encoding="utf-8"), re.MULTILINE)
    return rule.replace("PASSWORD", "sesame")


async def listened(redis: Redis) -> None:
    """Returns when somebody subscribes."""
    async with asyncio.timeout(PATIENCE):
        while not await redis.pubsub_numpat():  # noqa: ASYNC110 - Redis tells nobody
            await asyncio.sleep(0.02)


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    async with AsyncExitStack() as stack:
        yield Desk(tmp_path, stack)


@pytest.mark.parametrize("program", PROGRAMS)
async def test_a_subscriber_gets_each_alert_once_though_redis_goes_away(
    program: tuple[str, Path], desk: Desk
) -> None:
    async with desk.redis() as redis:
        store = Store(redis, "sp500")
        await store.open()
        await store.commit(Commit(1, {}, [fired(7001)]))
        every = await desk.start(program, "all", desk.seen)
        live = await desk.start(program, "live")
        await every.shows(7001)  # of before it was there
        await listened(redis)
        await store.commit(Commit(2, {}, [fired(7002)]))
        await live.shows(7002)
        await every.shows(7002)

    async with desk.redis() as redis:
        store = Store(redis, "sp500")
        await store.open()
        await store.commit(Commit(3, {}, [fired(7003)]))
        await every.shows(7003)  # whenever it was back
        await listened(redis)
        await store.commit(Commit(4, {}, [fired(7004)]))
        await live.shows(7004)
        await every.shows(7004)
        assert all(await asyncio.gather(live.end(signal.SIGINT), every.end(signal.SIGTERM)))

        await store.commit(Commit(5, {}, [fired(7005)]))  # while nobody listens
        await redis.flushall()  # and Redis loses it, and all before
        await store.open()
        await store.commit(Commit(1, {}, [fired(7004), fired(7005), fired(7006)]))
        every = await desk.start(program, "all", desk.seen)
        await every.shows(7005)
        await every.shows(7006)
        assert await every.end(signal.SIGTERM) == ""


@pytest.mark.parametrize("program", PROGRAMS)
async def test_a_subscriber_that_waits_for_redis_ends_when_asked(
    program: tuple[str, Path], desk: Desk
) -> None:
    waiting = [await desk.start(program, "live"), await desk.start(program, "all", desk.seen)]
    for own in waiting:
        assert own.process.stderr
        async with asyncio.timeout(PATIENCE):
            assert (await own.process.stderr.readline()).startswith(b"Redis is away: ")
    await asyncio.gather(*(own.end(signal.SIGTERM) for own in waiting))

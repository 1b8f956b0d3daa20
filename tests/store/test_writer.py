import asyncio
import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, closing, suppress
from pathlib import Path
from time import time

import pytest
from crossings import fired
from redis.asyncio import Redis
from structlog.testing import capture_logs

from frozen_redis import frozen, pid_of
from tapewatch.engine.snapshot import Snapshot
from tapewatch.store.commit import Store
from tapewatch.store.errors import FencedError, GapError
from tapewatch.store.spool import Spool
from tapewatch.store.writer import Writer

NEVER = 3600.0
"""A period of write-behind that no test lives to see end."""


class Engine(dict[str, Snapshot]):
    """Symbols that changed, until they are collected."""

    def changes(self) -> Iterator[dict[str, Snapshot]]:
        for symbols in batched(list(self), 100):
            yield {symbol: self.pop(symbol) for symbol in symbols}


def batched(symbols: list[str], size: int) -> Iterator[list[str]]:
    for first in range(0, len(symbols), size):
        yield symbols[first : first + size]


@pytest.fixture
def spool(tmp_path: Path) -> Iterator[Spool]:
    with closing(Spool(tmp_path)) as spool:
        yield spool


@pytest.fixture
def engine() -> Engine:
    return Engine()


def hot(part: bytes) -> Snapshot:
    return Snapshot(part, None)


async def logged(redis: Redis, store: Store) -> list[str]:
    """Ids in the alert stream."""
    return [fields[b"id"].decode() for _, fields in await redis.xrange(store.keys.alerts)]


@asynccontextmanager
async def running(writer: Writer) -> AsyncIterator[asyncio.Task[None]]:
    task = asyncio.create_task(writer.run())
    try:
        yield task
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def comes_true(condition: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(20):
        while not await condition():  # noqa: ASYNC110
            await asyncio.sleep(0.005)


async def test_an_alert_and_its_state_are_committed_at_once(
    store: Store, redis: Redis, engine: Engine, spool: Spool
) -> None:
    writer = Writer(store, spool, engine.changes, period=NEVER)
    async with running(writer):
        await asyncio.sleep(0)
        writer.fired(fired("1"), {"SPX": hot(b"fired")})

        async def there() -> bool:
            return await logged(redis, store) == ["1"]

        await comes_true(there)
        assert (await store.load()).snapshots == {"SPX": hot(b"fired")}


async def test_what_changed_is_written_behind_each_symbol_once(
    store: Store, redis: Redis, engine: Engine, spool: Spool
) -> None:
    symbols = {f"S{i}": Snapshot(b"%d" % i, b"rings") for i in range(250)}
    engine.update(symbols)
    async with running(Writer(store, spool, engine.changes, period=0.01)):

        async def there() -> bool:
            return (await store.load()).snapshots == symbols

        await comes_true(there)
        written = (await store.load()).sequence
        await asyncio.sleep(0.05)
        assert (await store.load()).sequence == written  # nothing changed: nothing is written


async def test_what_comes_while_a_commit_is_on_its_way_is_merged(
    store: Store, redis: Redis, engine: Engine, spool: Spool
) -> None:
    writer = Writer(store, spool, engine.changes, period=NEVER)
    async with running(writer):
        with frozen(await pid_of(redis)):
            for n in range(1, 101):
                writer.fired(fired(f"{n:03}"), {"SPX": Snapshot(b"%d" % n, b"rings" if n == 50 else None)})
                await asyncio.sleep(0)
        await writer.drain(within=10)

    state = await store.load()
    assert state.snapshots == {"SPX": Snapshot(b"100", b"rings")}
    assert await logged(redis, store) == [f"{n:03}" for n in range(1, 101)]
    assert state.sequence <= 3


async def test_a_part_of_a_round_is_as_of_when_it_is_written(
    store: Store, redis: Redis, spool: Spool
) -> None:
    """Else the state after an alert would be followed by the one before it."""
    state = [0]

    def changes() -> Iterator[dict[str, Snapshot]]:
        for symbol in ("SPX", "SPY"):
            yield {symbol: hot(b"%d" % state[0])}
            if symbol == "SPX":
                state[0] = 1
                writer.fired(fired("1"), {"SPY": hot(b"1")})

    writer = Writer(store, spool, changes, period=NEVER)
    await writer.drain(within=10)
    assert (await store.load()).snapshots == {"SPX": hot(b"0"), "SPY": hot(b"1")}
    assert await logged(redis, store) == ["1"]


async def test_alerts_outlive_a_redis_that_is_killed(
    store: Store, redis: Redis, engine: Engine, spool: Spool
) -> None:
    writer = Writer(store, spool, engine.changes, period=0.01)
    with capture_logs() as logs:
        async with running(writer):
            for n in range(150):
                if n == 50:
                    os.kill(await pid_of(redis), signal.SIGKILL)
                writer.fired(fired(f"{n:03}"), {"SPX": hot(b"%d" % n)})
                engine["SPY"] = hot(b"%d" % n)
                await asyncio.sleep(0.002)
            await writer.drain(within=20)

    assert await logged(redis, store) == [f"{n:03}" for n in range(150)]
    assert (await store.load()).snapshots == {"SPX": hot(b"149"), "SPY": hot(b"149")}
    events = [entry["event"] for entry in logs]
    assert events.count("store.away") == events.count("store.back") == 1


async def test_a_commit_cancelled_on_its_way_is_done_once(
    store: Store, redis: Redis, engine: Engine, spool: Spool
) -> None:
    writer = Writer(store, spool, engine.changes, period=NEVER)
    async with running(writer) as task:
        with frozen(await pid_of(redis)):
            writer.fired(fired("1"), {"SPX": hot(b"1")})
            await asyncio.sleep(0.05)  # it is sent, and not answered
            task.cancel()
            await asyncio.wait([task])
    writer.fired(fired("2"), {"SPX": hot(b"2")})
    await writer.drain(within=10)

    assert await logged(redis, store) == ["1", "2"]
    assert (await store.load()).sequence == 2


async def test_draining_writes_the_last_state_of_every_symbol(
    store: Store, redis: Redis, engine: Engine, spool: Spool
) -> None:
    writer = Writer(store, spool, engine.changes, period=NEVER)
    async with running(writer):
        await asyncio.sleep(0.01)
        writer.fired(fired("1"), {"SPX": hot(b"1")})
        engine.update({f"S{i}": hot(b"last") for i in range(250)})
        engine["SPX"] = hot(b"last")
        await writer.drain(within=10)

    assert set((await store.load()).snapshots.values()) == {hot(b"last")}
    assert await logged(redis, store) == ["1"]


async def test_state_whose_alert_could_not_be_made_is_not_written(
    store: Store, redis: Redis, engine: Engine, spool: Spool
) -> None:
    writer = Writer(store, spool, engine.changes, period=NEVER)
    engine["SPX"] = hot(b"before")
    await writer.drain(5)
    engine["SPX"] = hot(b"past an alert that is missing")
    writer.take_no_more()
    await writer.drain(5)
    assert await redis.hget(store.keys.snapshot, "SPX") == b"before"


async def test_draining_without_redis_says_what_is_not_written(
    store: Store, redis: Redis, engine: Engine, spool: Spool
) -> None:
    writer = Writer(store, spool, engine.changes, period=NEVER)
    writer.fired(fired("1", "2"), {"SPX": hot(b"1")})
    engine["SPY"] = hot(b"1")
    with (
        frozen(await pid_of(redis)),
        pytest.raises(TimeoutError, match="2 alerts are neither in Redis nor in the spool"),
    ):
        await writer.drain(within=0.05)


async def test_the_writer_of_a_replaced_process_stops(
    store: Store, redis: Redis, engine: Engine, spool: Spool
) -> None:
    writer = Writer(store, spool, engine.changes)
    await Store(redis, "sp500").open()
    writer.fired(fired("1"), {"SPX": hot(b"1")})
    with pytest.raises(FencedError):
        await writer.run()


async def test_a_new_process_goes_on_where_the_last_one_stopped(
    store: Store, redis: Redis, engine: Engine, spool: Spool
) -> None:
    writer = Writer(store, spool, engine.changes)
    writer.fired(fired("1"), {"SPX": hot(b"1")})
    await writer.drain(within=10)

    successor = Store(redis, "sp500")
    await successor.open()
    writer = Writer(successor, spool, engine.changes)
    writer.fired(fired("2"), {"SPX": hot(b"2")})
    await writer.drain(within=10)

    assert (await store.load()).sequence == 2
    assert await logged(redis, store) == ["1", "2"]


async def test_commits_that_redis_forgot_are_sent_again(
    store: Store, redis: Redis, engine: Engine, spool: Spool
) -> None:
    """A power loss takes the last second of an AOF that is flushed every second."""
    writer = Writer(store, spool, engine.changes)
    keys = store.keys
    writer.fired(fired("1"), {"SPX": hot(b"1"), "SPY": hot(b"1")})
    await writer.drain(within=10)
    flushed = {key: await redis.dump(key) for key in (keys.commit, keys.snapshot, keys.alerts, keys.ids)}
    for n in (2, 3):
        writer.fired(fired(str(n)), {"SPX": Snapshot(b"%d" % n, b"rings of %d" % n)})
        await writer.drain(within=10)

    for key, value in flushed.items():
        await redis.restore(key, 0, value, replace=True)
    writer.fired(fired("4"), {"SPX": hot(b"4")})
    await writer.drain(within=10)

    assert await logged(redis, store) == ["1", "2", "3", "4"]
    assert (await store.load()).snapshots == {"SPX": Snapshot(b"4", b"rings of 3"), "SPY": hot(b"1")}
    writer.fired(fired("5"), {"SPX": hot(b"5")})
    await writer.drain(within=10)
    assert await logged(redis, store) == ["1", "2", "3", "4", "5"]


async def test_a_redis_that_forgot_even_that_we_opened_it_gets_all_since_then(
    store: Store, redis: Redis, spool: Spool
) -> None:
    writer = Writer(store, spool, lambda: iter(()), period=NEVER)
    await redis.delete(store.keys.commit)
    for n in (1, 2):
        writer.fired(fired(str(n)), {"SPX": hot(b"%d" % n)})
        await writer.drain(within=10)
    assert await store.place() == (1, 2)
    successor = Store(redis, "sp500")
    await successor.open()
    writer.fired(fired("3"), {})
    with pytest.raises(FencedError):
        await writer.drain(within=10)


async def test_a_redis_that_forgot_more_than_is_kept_is_an_error(
    store: Store, redis: Redis, engine: Engine, spool: Spool
) -> None:
    before = Writer(store, spool, engine.changes)
    before.fired(fired("1"), {"SPX": hot(b"1")})
    await before.drain(within=10)
    restarted = Store(redis, "sp500")
    await restarted.open()
    await redis.hset(store.keys.commit, "sequence", 0)

    writer = Writer(restarted, spool, engine.changes)
    writer.fired(fired("2"), {"SPX": hot(b"2")})
    with pytest.raises(GapError, match="commit 2 does not follow commit 0"):
        await writer.run()


async def test_slow_write_behind_makes_room_and_alerts_do_not_wait_for_it(
    store: Store, redis: Redis, spool: Spool
) -> None:
    rounds: list[float] = []

    def changes() -> Iterator[dict[str, Snapshot]]:
        rounds.append(time())
        if len(rounds) == 1:
            asyncio.get_running_loop().call_soon(writer.fired, fired("1"), {"SPY": hot(b"fired")})
        yield {"SPX": hot(b"%d" % len(rounds))}

    async def second_round_begun() -> bool:
        return len(rounds) > 1

    writer = Writer(store, spool, changes, period=0.01)
    await redis.client_pause(50, all=False)
    with capture_logs() as logs:
        async with running(writer):
            await comes_true(second_round_begun)

    ((entry, _),) = await redis.xrange(store.keys.alerts)
    alerted = int(entry.split(b"-")[0]) / 1000
    assert rounds[1] - rounds[0] > 0.3  # the first took almost 50 ms
    assert alerted < rounds[1]
    assert logs[0]["event"] == "store.behind"

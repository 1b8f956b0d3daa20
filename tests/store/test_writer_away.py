"""While Redis is away: the spool, what may be sent from it, and what happens when Redis is back."""

import asyncio
import signal
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, closing, contextmanager, suppress
from pathlib import Path

import pytest
from crossings import fired
from redis.asyncio import Redis
from structlog.testing import capture_logs

from frozen_redis import frozen, pid_of
from tapewatch.background import cancel
from tapewatch.engine.snapshot import Snapshot
from tapewatch.store.commit import Fired, Store
from tapewatch.store.errors import FencedError
from tapewatch.store.recovery import commit_spool
from tapewatch.store.spool import Record, Spool
from tapewatch.store.writer import Writer

NEVER = 3600.0


def hot(part: bytes) -> Snapshot:
    return Snapshot(part, None)


@pytest.fixture
def spool(tmp_path: Path) -> Iterator[Spool]:
    with closing(Spool(tmp_path / "own")) as spool:
        yield spool


class Sent(list[str]):
    """Ids of the alerts that could be sent, and their receivers."""

    def take(self, alerts: Sequence[Fired]) -> None:
        self += [own.alert.id for own in alerts]

    def having(self, id_: str) -> list[str]:
        return ["desk"] if id_ in self else []


@pytest.fixture
def sent() -> Sent:
    return Sent()


def a_writer(store: Store, spool: Spool, sent: Sent) -> Writer:
    return Writer(store, spool, lambda: iter(()), spooled=sent.take, having=sent.having, period=NEVER)


@asynccontextmanager
async def running(writer: Writer) -> AsyncIterator[asyncio.Task[None]]:
    task = asyncio.create_task(writer.run())
    await asyncio.sleep(0)
    try:
        yield task
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def comes_true(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.005)


async def entries(redis: Redis, store: Store) -> list[tuple[str, str]]:
    """Id and receivers that have it, of each alert of the stream."""
    return [
        (fields[b"id"].decode(), fields.get(b"delivered", b"").decode())
        for _, fields in await redis.xrange(store.keys.alerts)
    ]


def ids(spool: Spool) -> list[str]:
    return [own.alert.id for record in spool.records() for own in record.commit.alerts]


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A Redis that does not answer is given up soon."""
    monkeypatch.setattr("tapewatch.store.writer.ANSWER_SECONDS", 0.2)


@pytest.mark.usefixtures("impatient")
async def test_what_fires_while_redis_is_away_is_on_disk_and_may_be_sent(
    store: Store, redis: Redis, spool: Spool, sent: Sent
) -> None:
    writer = a_writer(store, spool, sent)
    async with running(writer):
        with frozen(await pid_of(redis)), capture_logs() as logs:
            for n in range(1, 6):
                writer.fired(fired(str(n)), {"SPX": hot(b"%d" % n)})
                await comes_true(lambda n=n: sent == [str(i) for i in range(1, n + 1)])  # type: ignore[misc]
                assert ids(spool) == sent
        await writer.drain(within=10)

    assert [entry["event"] for entry in logs] == ["store.away", *5 * ["spool.kept"]]
    assert [id_ for entry in logs[1:] for id_ in entry["alerts"]] == sent
    # The first commit was in doubt: the server had it, and may have done it before it was asked again.
    first, *others = await entries(redis, store)
    assert first in (("1", ""), ("1", "desk"))
    assert others == [(str(n), "desk") for n in range(2, 6)]
    assert (await store.load()).snapshots == {"SPX": hot(b"5")}
    assert spool.empty


@pytest.mark.usefixtures("impatient")
async def test_what_a_process_left_in_the_spool_is_committed_by_the_next_one(
    store: Store, redis: Redis, spool: Spool, sent: Sent
) -> None:
    writer = a_writer(store, spool, sent)
    writer.fired(fired("0"), {"SPX": hot(b"0")})
    await writer.drain(within=10)
    async with running(writer):
        with frozen(await pid_of(redis)):
            for n in range(1, 4):
                writer.fired(fired(str(n)), {"SPX": hot(b"%d" % n)})
                await comes_true(lambda n=n: len(sent) == n)  # type: ignore[misc]
            left = list(spool.records())
    # The process ended here; Redis may have done the first of these or not.
    for record in left:
        if record.commit.sequence > 2:
            assert record.token == store.token
    successor = Store(redis, "sp500")
    await commit_spool(successor, spool, sent.having)
    state = await successor.open()
    assert [id_ for id_, _ in await entries(redis, store)] == ["0", "1", "2", "3"]
    assert state.snapshots == {"SPX": hot(b"3")}
    assert state.sequence == 4
    assert spool.empty


async def spooled(store: Store, spool: Spool, sent: Sent, *names: str) -> None:
    """A process that has these in its spool alone."""
    writer = Writer(store, spool, lambda: iter(()), spooled=sent.take, period=NEVER)
    writer._away_since = 0.0  # as if Redis had not answered
    for name in names:
        writer.fired(fired(name), {"SPX": hot(name.encode())})
        await writer._to_disk()


async def test_the_spool_of_a_process_that_was_replaced_is_dropped_and_its_alerts_named(
    store: Store, redis: Redis, spool: Spool, sent: Sent
) -> None:
    await spooled(store, spool, sent, "1", "2")
    await Store(redis, "sp500").open()
    with capture_logs() as logs:
        await commit_spool(Store(redis, "sp500"), spool, sent.having)
    assert [entry["alert"] for entry in logs if entry["event"] == "spool.dropped"] == ["1", "2"]
    assert await entries(redis, store) == []
    assert spool.empty


async def test_a_redis_that_lost_everything_gets_the_spool(
    store: Store, redis: Redis, spool: Spool, sent: Sent
) -> None:
    await spooled(store, spool, sent, "1", "2")
    await redis.flushall()
    await commit_spool(Store(redis, "sp500"), spool, sent.having)
    assert [id_ for id_, _ in await entries(redis, store)] == ["1", "2"]


async def test_records_that_redis_has_are_passed_over(
    store: Store, redis: Redis, spool: Spool, sent: Sent
) -> None:
    await spooled(store, spool, sent, "1", "2", "3")
    for record in list(spool.records())[:2]:
        await store.commit(record.commit)
    await commit_spool(Store(redis, "sp500"), spool, sent.having)
    assert await entries(redis, store) == [("1", ""), ("2", ""), ("3", "desk")]


async def test_redis_that_forgot_commits_gets_them_before_the_spool(
    store: Store, redis: Redis, spool: Spool, sent: Sent
) -> None:
    writer = a_writer(store, spool, sent)
    keys = store.keys
    writer.fired(fired("1"), {"SPX": hot(b"1")})
    await writer.drain(within=10)
    flushed = {key: await redis.dump(key) for key in (keys.commit, keys.snapshot, keys.alerts, keys.ids)}
    writer.fired(fired("2"), {"SPX": hot(b"2")})
    await writer.drain(within=10)
    for key, value in flushed.items():
        await redis.restore(key, 0, value, replace=True)
    async with running(writer):
        await redis.config_set("maxmemory", 1)  # it takes nothing for a while
        writer.fired(fired("3"), {"SPX": hot(b"3")})
        await comes_true(lambda: sent == ["3"])
        writer.fired(fired("4"), {"SPX": hot(b"4")})
        await comes_true(lambda: sent == ["3", "4"])
        await redis.config_set("maxmemory", 0)
        await writer.drain(within=10)
    assert [id_ for id_, _ in await entries(redis, store)] == ["1", "2", "3", "4"]
    assert (await store.load()).sequence == 4


async def test_a_process_that_finds_itself_replaced_keeps_its_spool_for_the_next_start_to_judge(
    store: Store, redis: Redis, spool: Spool, sent: Sent
) -> None:
    writer = a_writer(store, spool, sent)
    with pytest.raises(FencedError):  # noqa: PT012
        async with running(writer) as task:
            await redis.config_set("maxmemory", 1)
            writer.fired(fired("1"), {"SPX": hot(b"1")})
            await comes_true(lambda: sent == ["1"])
            await redis.config_set("maxmemory", 0)
            await Store(redis, "sp500").open()
            await asyncio.wait([task], timeout=10)
    with capture_logs() as logs:
        await commit_spool(Store(redis, "sp500"), spool, sent.having)
    assert {entry["event"] for entry in logs} == {"spool.dropped"}


async def test_a_full_disk_sends_nothing_and_loses_nothing(
    store: Store, redis: Redis, tmp_path: Path, sent: Sent
) -> None:
    folder = tmp_path / "full"
    with closing(Spool(folder)) as spool:
        (folder / "spool").unlink(missing_ok=True)
        writer = a_writer(store, spool, sent)
        with capture_logs() as logs, full(spool):
            async with running(writer):
                await redis.config_set("maxmemory", 1)
                writer.fired(fired("1"), {"SPX": hot(b"1")})
                await comes_true(lambda: any(entry["event"] == "spool.full" for entry in logs))
                writer.fired(fired("2"), {"SPX": hot(b"2")})
                await asyncio.sleep(0.1)
                assert sent == []
                await redis.config_set("maxmemory", 0)
                await writer.drain(within=10)
    assert [entry["alerts"] for entry in logs if entry["event"] == "spool.full"] == [["1"]]
    assert [id_ for id_, _ in await entries(redis, store)] == ["1", "2"]


async def test_who_ends_the_writer_has_the_spool_to_himself(
    store: Store, redis: Redis, spool: Spool, sent: Sent, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process that has lost the lease empties it while it stands by."""
    slow, begun = spool.append, asyncio.Event()
    loop = asyncio.get_running_loop()

    def slowly(record: Record) -> None:
        loop.call_soon_threadsafe(begun.set)
        time.sleep(0.7)
        slow(record)

    monkeypatch.setattr(spool, "append", slowly)
    writer = a_writer(store, spool, sent)
    async with running(writer) as task:
        await redis.config_set("maxmemory", 1)
        writer.fired(fired("1"), {"SPX": hot(b"1")})
        await begun.wait()
        await cancel({task})
    assert ids(spool) == ["1"]


@contextmanager
def full(spool: Spool) -> Iterator[None]:
    """The process may write no file that is longer than a few bytes."""
    import resource

    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    old = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (8, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, old)

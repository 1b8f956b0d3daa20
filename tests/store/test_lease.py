"""Who leads: one at most at any instant, by its own clock."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

import pytest
from redis.asyncio import Redis
from structlog.testing import capture_logs

from frozen_redis import frozen, pid_of
from tapewatch.store import lease as module
from tapewatch.store.commit import Store
from tapewatch.store.errors import FencedError, LeaseLostError
from tapewatch.store.keys import Keys
from tapewatch.store.lease import SECONDS, Lease

KEYS = Keys("sp500")


@pytest.fixture(autouse=True)
def quicker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SECONDS", 0.9)
    monkeypatch.setattr(module, "RENEW_SECONDS", 0.3)
    monkeypatch.setattr(module, "LOOK_SECONDS", 0.1)


@asynccontextmanager
async def standing_by(redis: Redis, name: str) -> AsyncIterator[tuple[Lease, asyncio.Task[None]]]:
    lease = Lease(redis, KEYS, name)
    task = asyncio.create_task(lease.run())
    try:
        yield lease, task
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError, LeaseLostError):
            await task


async def within(seconds: float, wait: Awaitable[object]) -> None:
    async with asyncio.timeout(seconds):
        await wait


async def comes_true(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.005)


def test_a_lease_is_short_enough_for_a_takeover_within_five_seconds() -> None:
    assert SECONDS + 0.5 < 5


async def test_the_first_one_leads_and_the_second_waits_for_as_long_as_it_renews(redis: Redis) -> None:
    async with standing_by(redis, "a") as (first, _):
        await within(1, first.taken.wait())
        async with standing_by(redis, "b") as (second, _):
            for _ in range(30):
                await asyncio.sleep(0.05)
                assert first.held()
                assert not second.held()
            assert second.leader == "a"


async def test_one_that_is_gone_is_followed(redis: Redis) -> None:
    async with standing_by(redis, "b") as (second, _):
        async with standing_by(redis, "a") as (first, _):
            await comes_true(lambda: first.held() or second.held())
        # Whichever led: if it was the first, its lease runs out.
        await within(2, second.taken.wait())


async def test_a_lease_that_is_given_up_is_taken_at_once(redis: Redis) -> None:
    async with standing_by(redis, "a") as (first, task):
        await within(1, first.taken.wait())
        async with standing_by(redis, "b") as (second, _):
            await comes_true(lambda: second.leader == "a")
            task.cancel()
            began = time.monotonic()
            await first.give_up()
            assert not first.held()
            await within(1, second.taken.wait())
            assert time.monotonic() - began < 0.4


async def test_one_that_is_deleted_is_not_taken_before_its_time(redis: Redis) -> None:
    async with standing_by(redis, "a") as (first, task):
        await within(1, first.taken.wait())
        async with standing_by(redis, "b") as (second, _):
            await comes_true(lambda: second.leader == "a")
            task.cancel()
            await redis.delete(KEYS.lease)
            while first.held():
                assert not second.held()
                await asyncio.sleep(0.002)
            await within(1, second.taken.wait())


async def test_a_leader_that_was_frozen_does_not_hold_it_and_is_told(redis: Redis) -> None:
    async with standing_by(redis, "a") as (first, _):
        await within(1, first.taken.wait())
        async with standing_by(redis, "b") as (second, _):
            await comes_true(lambda: second.leader == "a")
            time.sleep(1.0)  # noqa: ASYNC251 - the whole loop stands still, the lease's time goes on
            assert not first.held()
            # Either may have it now; never both.
            await comes_true(lambda: first.held() or second.held())
            assert first.held() != second.held()


async def test_a_lease_of_anothers_ends_the_leader(redis: Redis) -> None:
    async with standing_by(redis, "a") as (lease, task):
        await within(1, lease.taken.wait())
        await redis.set(KEYS.lease, "b", px=5000)
        await asyncio.wait([task], timeout=2)
        with pytest.raises(LeaseLostError):
            task.result()
        assert lease.lost
        assert not lease.held()


async def test_while_redis_is_away_it_runs_out_and_is_regained(redis: Redis) -> None:
    store = Store(redis, "sp500")
    async with standing_by(redis, "a") as (lease, _):
        await within(1, lease.taken.wait())
        await store.open("a")
        lease.token = store.token
        pid = await pid_of(redis)
        with capture_logs() as logs:
            with frozen(pid):
                await comes_true(lambda: not lease.held())
                await comes_true(lambda: bool(logs))
                assert lease.cut_off
            await comes_true(lease.held)
    assert [entry["event"] for entry in logs] == ["lease.ran_out", "lease.regained"]


async def test_it_is_not_regained_once_another_has_opened_the_instance(redis: Redis) -> None:
    store = Store(redis, "sp500")
    async with standing_by(redis, "a") as (lease, task):
        await within(1, lease.taken.wait())
        await store.open("a")
        lease.token = store.token
        await Store(redis, "sp500").open()
        await redis.delete(KEYS.lease)
        await asyncio.wait([task], timeout=2)
        with pytest.raises(LeaseLostError):
            task.result()


async def test_a_standby_that_was_cut_off_lets_the_leader_come_first(redis: Redis) -> None:
    """It may have a spool to commit."""
    async with standing_by(redis, "b") as (second, _):
        await within(1, second.taken.wait())
    await redis.delete(KEYS.lease)
    await redis.set(KEYS.lease, "a", px=1300)
    pid = await pid_of(redis)
    async with standing_by(redis, "c") as (third, _):
        await comes_true(lambda: third.leader == "a")
        with frozen(pid):
            await asyncio.sleep(1.2)
        back = time.monotonic()
        await within(4, third.taken.wait())
        assert time.monotonic() - back > 0.5


async def test_who_has_not_heard_the_last_ticks_lets_those_that_have_come_first(
    redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "OTHERS_FIRST_SECONDS", 0.3)
    cold, warm = Lease(redis, KEYS, "cold", lambda: False), Lease(redis, KEYS, "warm")
    await redis.set(KEYS.lease, "", px=5000)
    assert not await cold._look()
    assert await warm._look()
    await warm.give_up()
    assert not await cold._look()
    await asyncio.sleep(0.31)
    assert await cold._look()  # nobody came


async def test_only_the_holder_of_the_lease_opens_the_instance(redis: Redis) -> None:
    await redis.set(KEYS.lease, "b")
    store = Store(redis, "sp500")
    with pytest.raises(LeaseLostError):
        await store.open("a")
    assert await store.place() == (0, 0)
    await redis.set(KEYS.lease, "a")
    await store.open("a")
    assert store.token == 1


async def test_an_old_leader_is_fenced(redis: Redis) -> None:
    from crossings import commit, crossing

    old, new = Store(redis, "sp500"), Store(redis, "sp500")
    await old.open()
    await new.open()
    with pytest.raises(FencedError):
        await old.commit(commit(1, {}, [crossing("1")]))

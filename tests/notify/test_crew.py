"""Workers come and go while alerts fire: each alert comes once, whatever is changed how fast."""

import asyncio
from pathlib import Path

import pytest
from receiver_servers import Endpoint
from redis.asyncio import Redis
from redis.exceptions import ResponseError
from running_workers import Post, fire, ids, pending, program, running, streams, worker
from starlette.responses import Response

from frozen_redis import frozen, pid_of
from tapewatch.background import background
from tapewatch.crew import Crew
from tapewatch.notify.ledger import Ledger
from tapewatch.notify.worker import Worker


async def test_three_changes_at_once_leave_the_last_worker_and_double_nothing(
    redis: Redis, desk: Post, endpoint: Endpoint, tmp_path: Path
) -> None:
    ledger = Ledger(tmp_path / "sent" / "desk")

    async def one() -> Worker:
        own = worker(redis, desk, tmp_path, program(rate="1000/s"))
        own._ledger = ledger  # one a process, as `Receivers.ledger` has it
        await own.prepare()
        return own

    crew = Crew({"desk": await one()})
    async with background(crew.run()):
        await fire(redis, "1", "2")
        await endpoint.has(2)
        others = [await one() for _ in range(3)]
        await fire(redis, *map(str, range(3, 40)))
        for other in others:
            crew.change([], {"desk": other})
            await asyncio.sleep(0)
        await fire(redis, *map(str, range(40, 60)))
        await endpoint.has(59)
        assert await crew.drain(5) == []
        assert sorted(ids(endpoint.received), key=int) == [str(number) for number in range(1, 60)]
        crew.change(["desk"], {})
        assert crew.workers == {}
        crew.change([], {"desk": await one()})  # it is back before it has gone
        await fire(redis, "60")
        await endpoint.has(60)
        assert await crew.drain(5) == []
        assert ids(endpoint.received).count("60") == 1
        assert await pending(redis) == 0


async def test_who_leaves_makes_no_other_attempt_while_redis_is_waited_for(
    redis: Redis, desk: Post, endpoint: Endpoint, tmp_path: Path
) -> None:
    """Cut off in the middle, it would come again."""
    own = worker(redis, desk, tmp_path, program(give_up_after="1m"))
    await own.prepare()
    pid = await pid_of(redis)
    async with running(own):
        await fire(redis, "1", "2")
        endpoint.answers = [Response("taken"), *(Response("no", 503) for _ in range(1000))]
        await endpoint.has(1)
        with frozen(pid):  # that the first is done cannot be written
            await endpoint.has(3)
            leaving = asyncio.create_task(own.leave(5))
            await asyncio.sleep(0.1)
            had = len(endpoint.received)
            await leaving
            assert len(endpoint.received) == had


async def test_a_worker_that_fails_ends_it(redis: Redis, desk: Post, tmp_path: Path) -> None:
    own = worker(redis, desk, tmp_path)
    await own.prepare()
    await redis.set(streams().alerts, "no stream")
    with pytest.raises(ExceptionGroup) as raised:
        async with asyncio.timeout(10):
            await Crew({"desk": own}).run()
    assert raised.group_contains(ResponseError)

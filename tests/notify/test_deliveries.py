"""What became of alerts: what a worker's endings note, and how it is read."""

import asyncio
import time
from typing import Any

import structlog
from redis.asyncio import Redis

from tapewatch.notify import deliveries
from tapewatch.notify.endings import Ending, Endings
from tapewatch.notify.outcome import Outcome
from tapewatch.notify.patience import Patience
from tapewatch.notify.streams import Streams

STREAMS = Streams("alerts", "dead:desk", "resend:desk", "deliveries")


async def note(redis: Redis, id: str, outcome: Outcome, detail: str = "", receipt: str = "") -> None:
    """As the desk's worker does."""
    await redis.xgroup_create(STREAMS.alerts, "desk", "0", mkstream=True)
    entry: Any = await redis.xadd(STREAMS.alerts, {"id": id, "json": "{}"})
    await redis.xreadgroup("desk", "member-1", {STREAMS.alerts: ">"})
    endings = Endings(Patience(structlog.get_logger()), redis, STREAMS, "desk", lambda *_: None)
    endings.add(Ending(id, b"{}", ((STREAMS.alerts, entry),), outcome, detail, receipt))
    task = asyncio.create_task(endings.run())
    async with asyncio.timeout(10):
        while endings.waiting:  # noqa: ASYNC110 - it tells nobody
            await asyncio.sleep(0.01)
    task.cancel()


async def test_what_a_worker_noted_is_read_back(redis: Redis) -> None:
    before = time.time_ns() // 1_000_000
    await note(redis, "a1", Outcome.GAVE_UP, detail="HTTP 500")
    (told,) = (await deliveries.read(redis, "deliveries", before, {"a1"}))["a1"]
    assert told[:4] == ("desk", "gave_up", "HTTP 500", "")
    assert before <= told.at_ns / 1e6 < before + 10_000


async def plain(redis: Redis, id: str, receiver: str, outcome: str, entry: str = "*") -> None:
    await redis.xadd("deliveries", {"id": id, "receiver": receiver, "outcome": outcome}, id=entry)


async def test_only_what_was_asked_for_is_kept_and_in_order(redis: Redis) -> None:
    for outcome in ("gave_up", "sent"):
        await plain(redis, "a1", "desk", outcome)
    await plain(redis, "a1", "mail", "sent")
    await plain(redis, "a2", "mail", "sent")
    found = await deliveries.read(redis, "deliveries", 0, {"a1", "a3"})
    assert {id: [own[:2] for own in told] for id, told in found.items()} == {
        "a1": [("desk", "gave_up"), ("desk", "sent"), ("mail", "sent")]
    }


async def test_what_was_noted_before_is_not_looked_at(redis: Redis) -> None:
    for ms in (1000, 2000, 3000):
        await plain(redis, "a1", "desk", "sent", f"{ms}-0")
    found = await deliveries.read(redis, "deliveries", 2000, {"a1"})
    assert [own.at_ns for own in found["a1"]] == [2_000_000_000, 3_000_000_000]


async def test_a_long_stream_is_read_to_its_end(redis: Redis) -> None:
    async with redis.pipeline(transaction=False) as pipe:
        for number in range(1234):
            pipe.xadd("deliveries", {"id": str(number), "receiver": "desk", "outcome": "sent"})
        await pipe.execute()
    found = await deliveries.read(redis, "deliveries", 0, {"0", "499", "500", "501", "1000", "1233"})
    assert sorted(found, key=int) == ["0", "499", "500", "501", "1000", "1233"]
    assert all(len(told) == 1 for told in found.values())


async def test_without_deliveries_there_are_none(redis: Redis) -> None:
    assert await deliveries.read(redis, "deliveries", 0, {"a1"}) == {}

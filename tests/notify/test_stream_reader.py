import asyncio
from pathlib import Path

import pytest
from receiver_servers import Endpoint, redis_server
from redis.asyncio import Redis
from running_workers import (
    Post,
    client,
    fire,
    ids,
    letters,
    losing_answers,
    pending,
    running,
    streams,
    worker,
)
from sample_alerts import alert
from starlette.responses import Response

from tapewatch.alerts.alert import encode
from tapewatch.notify import stream_reader
from tapewatch.notify import worker as worker_module
from tapewatch.notify.worker import Worker

STREAM, RESEND = streams().alerts, streams().resend


async def test_more_than_a_batch_is_delivered_once_each(
    redis: Redis, subject: Worker, endpoint: Endpoint
) -> None:
    many = [f"a{i}" for i in range(250)]
    await fire(redis, *many)
    async with running(subject):
        assert await subject.drain(20)
    assert ids(endpoint.received) == many


async def test_a_stream_trimmed_under_a_pending_alert_is_told(redis: Redis, subject: Worker) -> None:
    await fire(redis, "a1", "a2")
    await redis.xreadgroup("desk", "member-1", {STREAM: ">"}, count=1)
    await redis.xreadgroup("desk", "member-2", {STREAM: ">"})
    await redis.xtrim(STREAM, maxlen=0, approximate=False)
    async with running(subject):
        assert await subject.drain(5)
    assert [b"trimmed" in letter[b"reason"] for letter in await letters(redis)] == [True, True]
    assert await pending(redis) == 0


async def test_a_lost_group_goes_on_where_it_was(redis: Redis, subject: Worker, endpoint: Endpoint) -> None:
    await fire(redis, "a1")
    async with running(subject):
        assert await subject.drain(5)
        await redis.xgroup_destroy(STREAM, "desk")
        await fire(redis, "a2")
        await endpoint.has(2)
        await redis.flushall()
        await fire(redis, "a3")
        await endpoint.has(3)
    assert ids(endpoint.received) == ["a1", "a2", "a3"]


async def test_it_outlives_a_redis_that_goes_away(tmp_path: Path, desk: Post, endpoint: Endpoint) -> None:
    durable = ("--appendonly", "yes", "--appendfsync", "always")
    async with redis_server(tmp_path, *durable) as path, client(path) as redis:
        subject = worker(redis, desk, tmp_path)
        await subject.prepare()
        task = asyncio.create_task(subject.run())
        await fire(redis, "a1")
        await endpoint.has(1)
        assert await subject.drain(5)
    async with redis_server(tmp_path, *durable) as path, client(path) as redis:
        await fire(redis, "a2")
        await endpoint.has(2)
        assert await subject.drain(5)
        task.cancel()
        await asyncio.wait([task])
    assert ids(endpoint.received) == ["a1", "a2"]


async def test_a_key_of_another_kind_is_an_error(redis: Redis, subject: Worker) -> None:
    await redis.delete(STREAM)
    await redis.set(STREAM, "no stream")
    with pytest.raises(ExceptionGroup, match="unhandled errors"):
        async with asyncio.timeout(5):
            await subject.run()


async def test_entries_whose_reading_was_lost_are_delivered(
    redis: Redis,
    redis_socket: Path,
    desk: Post,
    tmp_path: Path,
    endpoint: Endpoint,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(stream_reader, "CHECK_SECONDS", 0.2)  # redis-py asks again once by itself
    async with losing_answers(redis_socket, b"\r\n>\r\n") as path, client(path) as unlucky:
        subject = worker(unlucky, desk, tmp_path)
        await subject.prepare()
        await fire(redis, "a1", "a2")
        async with running(subject):
            assert await subject.drain(10)
            await fire(redis, "a3")
            assert await subject.drain(10)
    assert ids(endpoint.received) == ["a1", "a2", "a3"]
    assert await pending(redis) == 0


async def test_it_takes_over_what_another_process_left(
    redis: Redis, subject: Worker, endpoint: Endpoint
) -> None:
    many = [f"a{i}" for i in range(230)]
    await fire(redis, *many)
    await redis.xreadgroup("desk", "desk", {STREAM: ">"}, count=60)  # as consumers were called once
    await redis.xreadgroup("desk", "member-2", {STREAM: ">"}, count=140)
    async with running(subject):
        assert await subject.drain(20)
    assert ids(endpoint.received) == many
    assert await pending(redis) == 0


async def test_it_takes_over_what_another_reads_while_it_runs(
    redis: Redis, subject: Worker, endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream_reader, "CHECK_SECONDS", 0.2)
    endpoint.answers = [Response("ok"), None]
    await fire(redis, "a1", "a2")
    async with running(subject):
        await endpoint.has(2)  # a2 is in flight, and stays so
        async with redis.pipeline(transaction=True) as pipe:
            pipe.xadd(RESEND, {"id": "r1", "json": encode(alert(id="r1"))})
            pipe.xadd(STREAM, {"id": "a3", "json": encode(alert(id="a3"))})
            pipe.xreadgroup("desk", "member-2", {STREAM: ">", RESEND: ">"})
            await pipe.execute()
        assert not await subject.drain(1)
        assert {own["name"]: own["pending"] for own in await redis.xinfo_consumers(STREAM, "desk")} == {
            b"member-1": 2,
            b"member-2": 0,
        }
        assert await pending(redis, RESEND) == 1
    async with running(subject):  # the one that hung is tried again
        assert await subject.drain(5)
    assert sorted(ids(endpoint.received)) == ["a1", "a2", "a2", "a3", "r1"]


async def test_no_more_is_read_than_may_wait(
    redis: Redis, subject: Worker, endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream_reader, "BATCH", 4)
    monkeypatch.setattr(worker_module, "IN_FLIGHT", 10)
    endpoint.answers = [None]
    many = [f"a{i}" for i in range(50)]
    await fire(redis, *many)
    async with running(subject):
        await endpoint.has(1)
        assert not await subject.drain(0.3)
        assert await pending(redis) == 12
    async with running(subject):
        assert await subject.drain(10)
    assert ids(endpoint.received) == ["a0", *many]

"""Alerts that come twice, from the spool and from the stream, or to two processes; Redis away; letters sent again."""

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
    outcomes,
    pending,
    program,
    running,
    streams,
    until,
    worker,
)
from sample_alerts import alert
from starlette.responses import Response
from structlog.testing import capture_logs

from frozen_redis import frozen, pid_of
from tapewatch.alerts.alert import Alert, encode
from tapewatch.notify import patience, stream_reader
from tapewatch.notify.ledger import Ledger
from tapewatch.notify.silences import Silence
from tapewatch.notify.worker import Worker

STREAM, RESEND = streams().alerts, streams().resend
DURABLE = ("--appendonly", "yes", "--appendfsync", "always")


def spooled(*names: str) -> list[tuple[Alert, bytes]]:
    return [(alert(id=id_), encode(alert(id=id_))) for id_ in names]


async def resend(redis: Redis, *names: str) -> None:
    """As `tapewatch dead resend` does."""
    for id_ in names:
        await redis.xadd(RESEND, {"id": id_, "json": encode(alert(id=id_)), "reason": "HTTP 404"})


async def test_the_spool_is_sent_while_redis_is_away_and_once(
    tmp_path: Path, desk: Post, endpoint: Endpoint
) -> None:
    async with redis_server(tmp_path, *DURABLE) as path:
        redis = client(path)
        subject = worker(redis, desk, tmp_path)
        await subject.prepare()
    with capture_logs() as logs:
        async with running(subject):
            subject.spooled(spooled("a1", "a2"))
            await endpoint.has(2)
            subject.spooled(spooled("a2", "a3"))
            await endpoint.has(3)
            await until(lambda: any(each["event"] == "notify.redis_away" for each in logs))
            async with redis_server(tmp_path, *DURABLE), redis:
                await fire(redis, "a1", "a2", "a3", "a4")
                assert await subject.drain(10)
                assert await pending(redis) == 0
                assert [what for _, what in await outcomes(redis)] == ["had_already"] * 3 + ["sent"]
    assert ids(endpoint.received) == ["a1", "a2", "a3", "a4"]


async def test_an_alert_that_comes_with_the_stream_while_it_is_sent_from_the_spool(
    redis: Redis, subject: Worker, endpoint: Endpoint
) -> None:
    endpoint.answers = [Response(status_code=429, headers={"Retry-After": "1"})]
    async with running(subject):
        subject.spooled(spooled("a1", "a2"))
        await endpoint.has(1)
        await fire(redis, "a1", "a2")
        subject.spooled(spooled("a1"))
        assert await subject.drain(5)
    assert ids(endpoint.received) == ["a1", "a1", "a2"]
    assert await outcomes(redis) == [("a1", "sent"), ("a2", "sent")]
    assert await pending(redis) == 0


async def test_what_was_sent_from_the_spool_before_a_crash_is_not_sent_again(
    redis: Redis, subject: Worker, desk: Post, endpoint: Endpoint, tmp_path: Path
) -> None:
    async with running(subject):
        subject.spooled(spooled("a1"))
        await endpoint.has(1)
        await until(lambda: Ledger(tmp_path / "sent" / "desk").had("a1"))
    await fire(redis, "a1", "a2")
    after = worker(redis, desk, tmp_path)
    async with running(after):
        after.spooled(spooled("a1"))
        assert await after.drain(5)
    assert ids(endpoint.received) == ["a1", "a2"]
    assert await outcomes(redis) == [("a1", "had_already"), ("a2", "sent")]


async def test_what_was_silenced_in_the_spool_is_not_sent_once_the_silence_is_over(
    redis: Redis, desk: Post, endpoint: Endpoint, tmp_path: Path
) -> None:
    own = Silence(id="0a1b2c3d", rule="breakout", since_ns=0, until_ns=2**62, by="ops")
    silences = [own]
    subject = worker(redis, desk, tmp_path, silences=lambda: silences)
    await subject.prepare()
    async with running(subject):
        subject.spooled(spooled("a1"))
        silences.clear()
        subject.spooled(spooled("a1"))
        await fire(redis, "a1", "a2")
        assert await subject.drain(5)
    assert ids(endpoint.received) == ["a2"]
    assert await outcomes(redis) == [("a1", "silenced"), ("a2", "sent")]


async def test_what_failed_for_good_in_the_spool_is_a_dead_letter_once_it_is_in_the_stream(
    redis: Redis, subject: Worker, endpoint: Endpoint
) -> None:
    endpoint.answers = [Response(status_code=404), Response("ok"), Response(status_code=404)]
    with capture_logs() as logs:
        async with running(subject):
            subject.spooled(spooled("a1", "a2"))
            await endpoint.has(2)
            assert await subject.drain(5)
            assert (await letters(redis), await outcomes(redis)) == ([], [])
            await fire(redis, "a1", "a2")
            assert await subject.drain(5)
    assert ids(endpoint.received) == ["a1", "a2", "a1"]
    assert [letter[b"id"] for letter in await letters(redis)] == [b"a1"]
    events = [(each["event"], each.get("alert")) for each in logs if each["log_level"] != "info"]
    assert events == [("notify.waits_for_redis", "a1"), ("notify.dead", "a1")]


async def test_what_was_read_is_sent_while_redis_is_away_and_acknowledged_when_it_is_back(
    tmp_path: Path, desk: Post, endpoint: Endpoint
) -> None:
    endpoint.answers = [
        Response(status_code=500, headers={"Retry-After": "1"}),
        Response(status_code=404),
    ]
    async with redis_server(tmp_path, *DURABLE) as path:
        redis = client(path)
        subject = worker(redis, desk, tmp_path, program(give_up_after="10s"))
        await subject.prepare()
        await fire(redis, "a1", "a2", "a3")
        task = asyncio.create_task(subject.run())
        await endpoint.has(1)
    await endpoint.has(4)
    assert ids(endpoint.received) == ["a1", "a1", "a2", "a3"]
    async with redis_server(tmp_path, *DURABLE), redis:
        assert await subject.drain(10)
        assert await outcomes(redis) == [("a1", "refused"), ("a2", "sent"), ("a3", "sent")]
        assert [letter[b"id"] for letter in await letters(redis)] == [b"a1"]
        assert await pending(redis) == 0
        task.cancel()
        await asyncio.wait([task])
    assert len(endpoint.received) == 4


async def test_a_redis_that_hangs_stops_no_delivery(
    redis: Redis, subject: Worker, endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (patience, stream_reader):
        monkeypatch.setattr(module, "ANSWER_SECONDS", 0.2)
    await fire(redis, "a1")
    pid = await pid_of(redis)
    async with running(subject):
        assert await subject.drain(5)
        with frozen(pid):
            subject.spooled(spooled("a2"))
            await endpoint.has(2)
            assert not await subject.drain(1)
        await fire(redis, "a2", "a3")
        assert await subject.drain(10)
    assert ids(endpoint.received) == ["a1", "a2", "a3"]
    assert await outcomes(redis) == [("a1", "sent"), ("a2", "had_already"), ("a3", "sent")]


async def test_an_acknowledgement_whose_answer_was_lost_is_written_once(
    redis: Redis, redis_socket: Path, desk: Post, tmp_path: Path, endpoint: Endpoint
) -> None:
    endpoint.answers = [Response(status_code=404)]
    async with losing_answers(redis_socket, b"EVALSHA") as path, client(path) as unlucky:
        subject = worker(unlucky, desk, tmp_path)
        await subject.prepare()
        await fire(redis, "a1")
        async with running(subject):
            assert await subject.drain(10)
    assert [letter[b"id"] for letter in await letters(redis)] == [b"a1"]
    assert await outcomes(redis) == [("a1", "refused")]


async def test_who_may_not_send_sends_nothing_and_loses_nothing(
    redis: Redis, desk: Post, tmp_path: Path, endpoint: Endpoint
) -> None:
    leads = False
    subject = worker(redis, desk, tmp_path, may_send=lambda: leads)
    await subject.prepare()
    await fire(redis, "a2")
    async with running(subject):
        subject.spooled(spooled("a1"))
        await asyncio.sleep(0.3)
        assert endpoint.received == []
        assert await pending(redis) == 0  # it is left to the one that leads
        leads = True
        assert await subject.drain(5)
    assert ids(endpoint.received) == ["a1", "a2"]


async def test_a_lease_that_runs_out_between_two_attempts(
    redis: Redis, desk: Post, tmp_path: Path, endpoint: Endpoint
) -> None:
    leads = True
    subject = worker(redis, desk, tmp_path, may_send=lambda: leads)
    await subject.prepare()
    await fire(redis, "a1")
    endpoint.answers = [Response(status_code=503)] * 2
    async with running(subject):
        await endpoint.has(1)
        leads = False
        await asyncio.sleep(0.3)
        tried = len(endpoint.received)
        await asyncio.sleep(0.3)
        assert len(endpoint.received) == tried <= 2
        leads = True
        assert await subject.drain(5)
    assert await outcomes(redis) == [("a1", "sent")]


async def test_a_dead_letter_is_sent_again_whatever_is_known_of_it(
    redis: Redis, desk: Post, tmp_path: Path, endpoint: Endpoint
) -> None:
    Ledger(tmp_path / "sent" / "desk").note(["a1"], None)
    subject = worker(redis, desk, tmp_path, wants=lambda _: False)
    await resend(redis, "a1")  # before there was a worker
    await subject.prepare()
    endpoint.answers = [Response("ok"), Response(status_code=410)]
    async with running(subject):
        await resend(redis, "a2", "a3")
        assert await subject.drain(5)
    assert ids(endpoint.received) == ["a1", "a2", "a3"]
    assert await outcomes(redis) == [("a1", "sent"), ("a2", "refused"), ("a3", "sent")]
    assert [(letter[b"id"], letter[b"reason"]) for letter in await letters(redis)] == [(b"a2", b"HTTP 410")]
    assert await redis.xlen(RESEND) == 0
    assert await pending(redis, RESEND) == 0

import asyncio
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

import httpx
import pytest
from receiver_servers import Endpoint, http_server
from redis.asyncio import Redis
from running_workers import (
    Post,
    fire,
    ids,
    letters,
    outcomes,
    pending,
    program,
    running,
    streams,
    worker,
)
from sample_alerts import alert
from starlette.responses import Response
from structlog.testing import capture_logs

from tapewatch.alerts.alert import encode
from tapewatch.notify import endings
from tapewatch.notify.outcome import Outcome
from tapewatch.notify.retry import Retry
from tapewatch.notify.worker import Worker

STREAM = streams().alerts


async def test_alerts_arrive_in_order_and_are_acknowledged(
    redis: Redis, desk: Post, tmp_path: Path, endpoint: Endpoint
) -> None:
    await fire(redis, "a0")  # before the receiver was there: not for it
    subject = worker(redis, desk, tmp_path)
    await subject.prepare()
    await fire(redis, "a1", "a2")
    with capture_logs() as logs:
        async with running(subject):
            await fire(redis, "a3")
            assert await subject.drain(5)
    assert ids(endpoint.received) == ["a1", "a2", "a3"]
    assert endpoint.received[0].body == encode(alert(id="a1"))
    assert await pending(redis) == 0
    assert await outcomes(redis) == [("a1", "sent"), ("a2", "sent"), ("a3", "sent")]
    assert (subject.counts.outcomes, subject.counts.retried) == ({Outcome.SENT: 3}, 0)
    assert subject.counts.seconds.count == 3
    sent = {"event": "notify.sent", "log_level": "info", "receiver": "desk"}
    assert logs == [sent | {"alerts": [id_]} for id_ in ("a1", "a2", "a3")]


async def test_what_comes_while_it_waits_is_sent_at_once(
    redis: Redis, subject: Worker, endpoint: Endpoint
) -> None:
    async with running(subject):
        assert await subject.drain(1)
        await fire(redis, "a1")
        await endpoint.has(1)


async def test_a_restart_goes_on_where_it_was(
    redis: Redis, desk: Post, tmp_path: Path, endpoint: Endpoint
) -> None:
    for id_ in ("a1", "a2"):
        subject = worker(redis, desk, tmp_path)
        await subject.prepare()
        await fire(redis, id_)
        async with running(subject):
            assert await subject.drain(5)
        await fire(redis, id_ + "-while-away")
    assert ids(endpoint.received) == ["a1", "a1-while-away", "a2"]


KILLED = """
import asyncio, sys
from pathlib import Path
from redis.asyncio import Redis
from running_workers import Post, worker
from tapewatch.notify.http import http_client

async def main(socket, url, state):
    subject = worker(Redis(unix_socket_path=socket), Post(url, http_client()), Path(state))
    await subject.prepare()
    await subject.run()

asyncio.run(main(*sys.argv[1:]))
"""


async def test_killed_between_send_and_answer_it_sends_again(
    redis: Redis, redis_socket: Path, desk: Post, endpoint: Endpoint, url: str, tmp_path: Path
) -> None:
    await worker(redis, desk, tmp_path).prepare()
    await fire(redis, "a1", "a2")
    endpoint.answers = [Response("ok"), None]  # a2 arrives, but its answer does not come back
    killed = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        KILLED,
        *(str(redis_socket), url, str(tmp_path)),
        env=os.environ | {"PYTHONPATH": ":".join(sys.path)},
    )
    await endpoint.has(2)
    killed.send_signal(signal.SIGKILL)
    await killed.wait()
    assert await pending(redis) > 0
    subject = worker(redis, desk, tmp_path)
    async with running(subject):
        assert await subject.drain(5)
    assert ids(endpoint.received) == ["a1", "a2", "a2"]
    assert await redis.exists(streams().dead) == 0


async def test_killed_between_answer_and_acknowledgement_it_does_not_send_again(
    redis: Redis, desk: Post, tmp_path: Path, endpoint: Endpoint
) -> None:
    before = worker(redis, desk, tmp_path)
    await before.prepare()
    await redis.execute_command("ACL", "SETUSER", "default", "-evalsha")
    await fire(redis, "a1")
    task = asyncio.create_task(before.run())
    await asyncio.wait([task], timeout=5)
    assert task.done()  # what it sent it may not acknowledge
    await redis.execute_command("ACL", "SETUSER", "default", "+evalsha")
    assert await pending(redis) == 1
    subject = worker(redis, desk, tmp_path)
    async with running(subject):
        assert await subject.drain(5)
    assert ids(endpoint.received) == ["a1"]
    assert await outcomes(redis) == [("a1", "had_already")]
    assert await pending(redis) == 0


async def test_cancelled_in_mid_send_it_acknowledges_nothing(
    redis: Redis, subject: Worker, endpoint: Endpoint
) -> None:
    await fire(redis, "a1")
    endpoint.answers = [None]
    async with running(subject):
        await endpoint.has(1)
        assert not await subject.drain(0.05)
    assert await pending(redis) == 1


async def test_a_passing_failure_is_tried_again(redis: Redis, subject: Worker, endpoint: Endpoint) -> None:
    await fire(redis, "a1", "a2")
    endpoint.answers = [Response(status_code=500), Response(status_code=503)]
    with capture_logs() as logs:
        async with running(subject):
            assert await subject.drain(5)
    assert ids(endpoint.received) == ["a1", "a1", "a1", "a2"]
    assert (subject.counts.outcomes, subject.counts.retried) == ({Outcome.SENT: 2}, 2)
    retries = [entry for entry in logs if entry["event"] == "notify.retry"]
    assert [(entry["alerts"], entry["reason"]) for entry in retries] == [
        (["a1"], "HTTP 500"),
        (["a1"], "HTTP 503"),
    ]
    assert "sesame" not in str(logs)


async def test_retry_after_is_honoured(redis: Redis, desk: Post, tmp_path: Path, endpoint: Endpoint) -> None:
    subject = worker(
        redis, desk, tmp_path, program(give_up_after="60s"), retry=Retry(first=0.001, longest=0.001)
    )
    await subject.prepare()
    await fire(redis, "a1")
    endpoint.answers = [Response(status_code=429, headers={"Retry-After": "1"})]
    async with running(subject):
        await endpoint.has(2)
        assert await subject.drain(5)
    assert endpoint.received[1].at - endpoint.received[0].at >= 1


async def test_a_rate_is_kept_and_attempts_count(
    redis: Redis, desk: Post, tmp_path: Path, endpoint: Endpoint
) -> None:
    subject = worker(redis, desk, tmp_path, program(rate="2/s"))
    await subject.prepare()
    await fire(redis, "a1", "a2")
    endpoint.answers = [Response(status_code=500)]
    async with running(subject):
        assert await subject.drain(5)
    assert ids(endpoint.received) == ["a1", "a1", "a2"]
    assert endpoint.received[2].at - endpoint.received[0].at >= 1


async def test_a_permanent_failure_is_a_dead_letter_and_the_next_alert_goes_out(
    redis: Redis, subject: Worker, endpoint: Endpoint
) -> None:
    await fire(redis, "a1", "a2")
    endpoint.answers = [Response(status_code=404)]
    with capture_logs() as logs:
        async with running(subject):
            assert await subject.drain(5)
    assert ids(endpoint.received) == ["a1", "a2"]
    assert await letters(redis) == [{b"id": b"a1", b"json": encode(alert(id="a1")), b"reason": b"HTTP 404"}]
    assert await outcomes(redis) == [("a1", "refused"), ("a2", "sent")]
    assert subject.counts.outcomes == {Outcome.REFUSED: 1, Outcome.SENT: 1}
    (dead,) = [entry for entry in logs if entry["event"] == "notify.dead"]
    assert (dead["alert"], dead["receiver"], dead["reason"]) == ("a1", "desk", "HTTP 404")


async def test_it_gives_up_in_the_end(redis: Redis, subject: Worker, endpoint: Endpoint) -> None:
    await fire(redis, "a1", "a2")
    endpoint.answers = [Response(status_code=500, headers={"Retry-After": "3600"}) for _ in range(3)]
    started = time.monotonic()
    async with running(subject):
        assert await subject.drain(5)
    assert time.monotonic() - started >= 1
    # Each has its own time, from its first attempt on; the last attempt is made when it is over.
    assert ids(endpoint.received) == ["a1", "a1", "a2", "a2"]
    assert [letter[b"reason"] for letter in await letters(redis)] == [b"gave up after 1 s: HTTP 500"]
    assert await outcomes(redis) == [("a1", "gave_up"), ("a2", "sent")]


async def test_a_receiver_that_is_never_mended_does_not_fill_redis(
    redis: Redis, subject: Worker, endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(endings, "LETTERS_KEPT", 100)
    endpoint.answers = [Response(status_code=404)] * 350
    await fire(redis, *(f"a{number}" for number in range(350)))
    async with running(subject):
        assert await subject.drain(10)
    kept = [letter[b"id"] for letter in await letters(redis)]
    assert 100 <= len(kept) < 250
    assert kept[-1] == b"a349"


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"id": "a1", "json": "{"}, b"the entry holds no alert"),
        ({"id": "a1", "json": b"\xff"}, b"the entry holds no alert"),
        ({"id": "a1", "json": '{"id": "a1"}'}, b"missing required field"),
        ({"id": "a1"}, b"holds no json"),
        ({"id": "a1", "json": '{"no":' + "[" * 100_000}, b"nested too deep"),
    ],
)
async def test_an_entry_that_is_no_alert_is_a_dead_letter(
    fields: dict[str, Any], reason: bytes, redis: Redis, subject: Worker, endpoint: Endpoint
) -> None:
    await redis.xadd(STREAM, fields)
    await fire(redis, "a2")
    async with running(subject):
        assert await subject.drain(5)
    assert ids(endpoint.received) == ["a2"]
    (letter,) = await letters(redis)
    assert letter[b"id"] == b"a1"
    assert reason in letter[b"reason"]
    assert await outcomes(redis) == [("a1", "unreadable"), ("a2", "sent")]


async def test_an_alert_that_breaks_its_sender_is_a_dead_letter_too(
    redis: Redis, subject: Worker, endpoint: Endpoint
) -> None:
    await fire(redis, "☠", "a2")  # an id that no HTTP header can hold
    async with running(subject):
        assert await subject.drain(5)
    assert ids(endpoint.received) == ["a2"]
    (letter,) = await letters(redis)
    assert letter[b"reason"].startswith(b"unexpected UnicodeEncodeError at ")


async def test_who_has_an_alert_already_is_not_sent_it_again(
    redis: Redis, subject: Worker, endpoint: Endpoint
) -> None:
    await fire(redis, "a1", delivered="risk,desk")
    await fire(redis, "a2", delivered="desktop,risk")
    async with running(subject):
        assert await subject.drain(5)
    assert ids(endpoint.received) == ["a2"]
    assert await outcomes(redis) == [("a1", "had_already"), ("a2", "sent")]
    assert await pending(redis) == 0


async def test_what_no_route_brings_here_is_acknowledged_and_not_sent(
    redis: Redis, desk: Post, tmp_path: Path, endpoint: Endpoint
) -> None:
    subject = worker(redis, desk, tmp_path, wants=lambda each: each.id == "a2")
    await subject.prepare()
    await fire(redis, "a1", "a2")
    async with running(subject):
        assert await subject.drain(5)
        subject.wants = lambda each: each.id == "a3"  # the config changed
        await fire(redis, "a3", "a4")
        assert await subject.drain(5)
    assert ids(endpoint.received) == ["a2", "a3"]
    assert subject.counts.outcomes[Outcome.SENT] == 2
    assert await pending(redis) == 0


async def test_a_hanging_receiver_does_not_delay_another(
    redis: Redis, subject: Worker, endpoint: Endpoint, http: httpx.AsyncClient, tmp_path: Path
) -> None:
    stuck = Endpoint()
    stuck.answers = [None] * 5
    async with http_server(stuck) as url:
        hanging = worker(redis, Post(url, http), tmp_path, program(name="stuck"))
        await hanging.prepare()
        async with running(hanging, subject):
            await fire(redis, *(f"a{i}" for i in range(50)))
            await stuck.has(1)
            assert await subject.drain(5)
            assert not await hanging.drain(0.1)
    assert len(endpoint.received) == 50
    assert len(stuck.received) == 1


async def test_a_cancellation_is_never_lost(redis: Redis, subject: Worker) -> None:
    # redis-py loses one that comes while a command is being sent (Python before 3.12).
    for steps in range(60):
        await fire(redis, f"a{steps}")
        task = asyncio.create_task(subject.run())
        for _ in range(steps):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task], timeout=5)
        assert task.cancelled()


async def test_what_was_interrupted_goes_on_with_the_same_worker(
    redis: Redis, subject: Worker, endpoint: Endpoint
) -> None:
    many = [f"a{i}" for i in range(40)]
    await fire(redis, *many)
    for steps in range(40):
        task = asyncio.create_task(subject.run())
        for _ in range(steps):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task], timeout=5)
    async with running(subject):
        assert await subject.drain(5)
    assert (
        list(dict.fromkeys(ids(endpoint.received))) == many
    )  # one may come again, if its answer was not read
    assert [id_ for id_, _ in await outcomes(redis)] == many
    assert await pending(redis) == 0


def test_pauses_double_up_to_the_longest_with_jitter() -> None:
    retry = Retry(first=1, longest=60)
    for failures, full in [(1, 1), (2, 2), (3, 4), (7, 60), (500, 60)]:
        pauses = {retry.pause(failures) for _ in range(50)}
        assert all(full / 2 <= pause <= full for pause in pauses)
        assert len(pauses) > 1

import asyncio
import os
import signal
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from receiver_servers import Endpoint, Received, http_server, redis_server
from redis.asyncio import Redis
from sample_alerts import alert
from starlette.responses import Response
from structlog.testing import capture_logs

from tapewatch.alerts.alert import Alert, decode, encode
from tapewatch.notify.sender import Sender
from tapewatch.notify.webhook import Webhook
from tapewatch.notify.worker import Retry, Worker

STREAM = "tapewatch:{test}:alerts"
DEAD = "tapewatch:{test}:dead:desk"
QUICK = Retry(first=0.01, longest=0.05, give_up_after=0.3)


def everything(_: Alert) -> bool:
    return True


def worker(redis: Redis, sender: Sender, retry: Retry = QUICK, **keys: Any) -> Worker:
    return Worker(redis, STREAM, "desk", sender, everything, dead_key=DEAD, retry=retry, **keys)


async def fire(redis: Redis, *ids: str, **fields: str) -> None:
    """Writes alerts as the commit does."""
    for id_ in ids:
        await redis.xadd(STREAM, {"id": id_, "json": encode(alert(id=id_)), **fields})


@asynccontextmanager
async def running(*workers: Worker) -> AsyncIterator[None]:
    tasks = [asyncio.create_task(each.run()) for each in workers]
    yield
    for task in tasks:
        assert not task.done(), task.exception()
        task.cancel()
    await asyncio.wait(tasks)


def ids(received: list[Received]) -> list[str]:
    return [decode(request.body).id for request in received]


async def pending(redis: Redis) -> int:
    (group,) = await redis.xinfo_groups(STREAM)
    return int(group["pending"])


@pytest.fixture
def desk(url: str, http: httpx.AsyncClient) -> Webhook:
    return Webhook(url, "sesame", http)


async def test_alerts_arrive_in_order_and_are_acknowledged(
    redis: Redis, desk: Webhook, endpoint: Endpoint
) -> None:
    await fire(redis, "a0")  # before the receiver was there: not for it
    subject = worker(redis, desk)
    await subject.prepare()
    await fire(redis, "a1", "a2")
    with capture_logs() as logs:
        async with running(subject):
            await fire(redis, "a3")
            assert await subject.drain(5)
    assert ids(endpoint.received) == ["a1", "a2", "a3"]
    assert endpoint.received[0].body == encode(alert(id="a1"))
    assert await pending(redis) == 0
    assert (subject.counts.sent, subject.counts.retried, subject.counts.failed) == (3, 0, 0)
    sent = {"event": "notify.sent", "log_level": "info", "receiver": "desk"}
    assert logs == [sent | {"alert": id_} for id_ in ("a1", "a2", "a3")]


async def test_what_comes_while_it_waits_is_sent_at_once(
    redis: Redis, desk: Webhook, endpoint: Endpoint
) -> None:
    subject = worker(redis, desk)
    await subject.prepare()
    async with running(subject):
        assert await subject.drain(1)
        await fire(redis, "a1")
        await endpoint.has(1)


async def test_a_restart_goes_on_where_it_was(redis: Redis, desk: Webhook, endpoint: Endpoint) -> None:
    for id_ in ("a1", "a2"):
        subject = worker(redis, desk)
        await subject.prepare()
        await fire(redis, id_)
        async with running(subject):
            assert await subject.drain(5)
        await fire(redis, id_ + "-while-away")
    assert ids(endpoint.received) == ["a1", "a1-while-away", "a2"]


KILLED = """
import asyncio, sys
from redis.asyncio import Redis
from tapewatch.notify.http import http_client
from tapewatch.notify.webhook import Webhook
from tapewatch.notify.worker import Worker

async def main(socket, url, stream, dead):
    sender = Webhook(url, "sesame", http_client())
    redis = Redis(unix_socket_path=socket)
    await Worker(redis, stream, "desk", sender, lambda alert: True, dead_key=dead).run()

asyncio.run(main(*sys.argv[1:]))
"""


async def test_killed_between_send_and_acknowledgement_it_sends_again(
    redis: Redis, redis_socket: Path, desk: Webhook, endpoint: Endpoint, url: str
) -> None:
    subject = worker(redis, desk)
    await subject.prepare()
    await fire(redis, "a1", "a2")
    endpoint.answers = [Response("ok"), None]  # a2 arrives, but its answer does not come back
    killed = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        KILLED,
        str(redis_socket),
        url,
        STREAM,
        DEAD,
        env=os.environ | {"PYTHONPATH": ":".join(sys.path)},
    )
    await endpoint.has(2)
    killed.send_signal(signal.SIGKILL)
    await killed.wait()
    assert await pending(redis) == 1
    async with running(subject):
        assert await subject.drain(5)
    assert ids(endpoint.received) == ["a1", "a2", "a2"]
    assert await redis.exists(DEAD) == 0


async def test_cancelled_in_mid_send_it_acknowledges_nothing(
    redis: Redis, desk: Webhook, endpoint: Endpoint
) -> None:
    subject = worker(redis, desk)
    await subject.prepare()
    await fire(redis, "a1")
    endpoint.answers = [None]
    async with running(subject):
        await endpoint.has(1)
        assert not await subject.drain(0.05)
    assert await pending(redis) == 1


async def test_a_passing_failure_is_tried_again(redis: Redis, desk: Webhook, endpoint: Endpoint) -> None:
    subject = worker(redis, desk)
    await subject.prepare()
    await fire(redis, "a1", "a2")
    endpoint.answers = [Response(status_code=500), Response(status_code=503)]
    with capture_logs() as logs:
        async with running(subject):
            assert await subject.drain(5)
    assert ids(endpoint.received) == ["a1", "a1", "a1", "a2"]
    assert (subject.counts.sent, subject.counts.retried, subject.counts.failed) == (2, 2, 0)
    retries = [entry for entry in logs if entry["event"] == "notify.retry"]
    assert [(entry["alert"], entry["reason"]) for entry in retries] == [
        ("a1", "HTTP 500"),
        ("a1", "HTTP 503"),
    ]
    assert "sesame" not in str(logs)


async def test_retry_after_is_honoured(redis: Redis, desk: Webhook, endpoint: Endpoint) -> None:
    subject = worker(redis, desk, Retry(first=0.001, longest=0.001, give_up_after=60))
    await subject.prepare()
    await fire(redis, "a1")
    endpoint.answers = [Response(status_code=429, headers={"Retry-After": "1"})]
    async with running(subject):
        await endpoint.has(2)
        assert await subject.drain(5)
    assert endpoint.received[1].at - endpoint.received[0].at >= 1


async def letters(redis: Redis) -> list[dict[bytes, bytes]]:
    return [fields for _, fields in await redis.xrange(DEAD)]


async def test_a_permanent_failure_is_a_dead_letter_and_the_next_alert_goes_out(
    redis: Redis, desk: Webhook, endpoint: Endpoint
) -> None:
    subject = worker(redis, desk)
    await subject.prepare()
    await fire(redis, "a1", "a2")
    endpoint.answers = [Response(status_code=404)]
    with capture_logs() as logs:
        async with running(subject):
            assert await subject.drain(5)
    assert ids(endpoint.received) == ["a1", "a2"]
    assert await letters(redis) == [{b"id": b"a1", b"json": encode(alert(id="a1")), b"reason": b"HTTP 404"}]
    assert (subject.counts.sent, subject.counts.failed) == (1, 1)
    (dead,) = [entry for entry in logs if entry["event"] == "notify.dead"]
    assert (dead["alert"], dead["receiver"], dead["reason"]) == ("a1", "desk", "HTTP 404")


async def test_it_gives_up_in_the_end(redis: Redis, desk: Webhook, endpoint: Endpoint) -> None:
    subject = worker(redis, desk)
    await subject.prepare()
    await fire(redis, "a1", "a2")
    endpoint.answers = [Response(status_code=500, headers={"Retry-After": "3600"}) for _ in range(3)]
    started = time.monotonic()
    async with running(subject):
        assert await subject.drain(5)
    assert time.monotonic() - started >= QUICK.give_up_after
    # Both were read together: when the first one's time is up, so is the second's, after one attempt.
    assert ids(endpoint.received) == ["a1", "a1", "a2"]
    assert [letter[b"reason"] for letter in await letters(redis)] == [b"gave up after 0.3 s: HTTP 500"] * 2


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"id": "a1", "json": "{"}, b"the entry holds no alert"),
        ({"id": "a1", "json": b"\xff"}, b"the entry holds no alert"),
        ({"id": "a1", "json": '{"id": "a1"}'}, b"missing required field"),
        ({"id": "a1"}, b"holds no json"),
    ],
)
async def test_an_entry_that_is_no_alert_is_a_dead_letter(
    fields: dict[str, Any], reason: bytes, redis: Redis, desk: Webhook, endpoint: Endpoint
) -> None:
    subject = worker(redis, desk)
    await subject.prepare()
    await redis.xadd(STREAM, fields)
    await fire(redis, "a2")
    async with running(subject):
        assert await subject.drain(5)
    assert ids(endpoint.received) == ["a2"]
    (letter,) = await letters(redis)
    assert letter[b"id"] == b"a1"
    assert reason in letter[b"reason"]


async def test_an_alert_that_breaks_its_sender_is_a_dead_letter_too(
    redis: Redis, desk: Webhook, endpoint: Endpoint
) -> None:
    subject = worker(redis, desk)
    await subject.prepare()
    await fire(redis, "☠", "a2")  # an id that no HTTP header can hold
    async with running(subject):
        assert await subject.drain(5)
    assert ids(endpoint.received) == ["a2"]
    (letter,) = await letters(redis)
    assert letter[b"reason"].startswith(b"unexpected UnicodeEncodeError at ")


async def test_who_has_an_alert_already_is_not_sent_it_again(
    redis: Redis, desk: Webhook, endpoint: Endpoint
) -> None:
    subject = worker(redis, desk)
    await subject.prepare()
    await fire(redis, "a1", delivered="risk,desk")
    await fire(redis, "a2", delivered="desktop,risk")
    async with running(subject):
        assert await subject.drain(5)
    assert ids(endpoint.received) == ["a2"]
    assert await pending(redis) == 0


async def test_what_no_route_brings_here_is_acknowledged_and_not_sent(
    redis: Redis, desk: Webhook, endpoint: Endpoint
) -> None:
    subject = Worker(redis, STREAM, "desk", desk, lambda each: each.id == "a2", dead_key=DEAD)
    await subject.prepare()
    await fire(redis, "a1", "a2")
    async with running(subject):
        assert await subject.drain(5)
    assert ids(endpoint.received) == ["a2"]
    assert subject.counts.sent == 1


async def test_a_hanging_receiver_does_not_delay_another(
    redis: Redis, desk: Webhook, endpoint: Endpoint, http: httpx.AsyncClient
) -> None:
    stuck = Endpoint()
    stuck.answers = [None] * 5
    async with http_server(stuck) as url:
        hanging = Worker(redis, STREAM, "stuck", Webhook(url, "s", http), everything, dead_key=DEAD + "2")
        prompt = worker(redis, desk)
        await hanging.prepare()
        await prompt.prepare()
        async with running(hanging, prompt):
            await fire(redis, *(f"a{i}" for i in range(50)))
            await stuck.has(1)
            assert await prompt.drain(5)
            assert not await hanging.drain(0)
    assert len(endpoint.received) == 50
    assert len(stuck.received) == 1


async def test_more_than_a_batch_is_delivered_once_each(
    redis: Redis, desk: Webhook, endpoint: Endpoint
) -> None:
    subject = worker(redis, desk)
    await subject.prepare()
    many = [f"a{i}" for i in range(250)]
    await fire(redis, *many)
    async with running(subject):
        assert await subject.drain(20)
    assert ids(endpoint.received) == many


async def test_a_stream_trimmed_under_a_pending_alert_is_told(redis: Redis, desk: Webhook) -> None:
    subject = worker(redis, desk)
    await subject.prepare()
    await fire(redis, "a1")
    await redis.xreadgroup("desk", "desk", {STREAM: ">"})
    await redis.xtrim(STREAM, maxlen=0, approximate=False)
    async with running(subject):
        assert await subject.drain(5)
    assert b"trimmed" in (await letters(redis))[0][b"reason"]


async def test_a_lost_group_goes_on_where_it_was(redis: Redis, desk: Webhook, endpoint: Endpoint) -> None:
    subject = worker(redis, desk)
    await subject.prepare()
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


async def test_it_outlives_a_redis_that_goes_away(tmp_path: Path, desk: Webhook, endpoint: Endpoint) -> None:
    durable = ("--appendonly", "yes", "--appendfsync", "always")
    async with redis_server(tmp_path, *durable) as path, Redis(unix_socket_path=str(path)) as client:
        subject = worker(client, desk)
        await subject.prepare()
        task = asyncio.create_task(subject.run())
        await fire(client, "a1")
        await endpoint.has(1)
        assert await subject.drain(5)
    async with redis_server(tmp_path, *durable) as path, Redis(unix_socket_path=str(path)) as client:
        await fire(client, "a2")
        await endpoint.has(2)
        assert await subject.drain(5)
        task.cancel()
        await asyncio.wait([task])
    assert ids(endpoint.received) == ["a1", "a2"]


async def test_a_cancellation_is_never_lost(redis: Redis, desk: Webhook) -> None:
    # redis-py loses one that comes while a command is being sent (Python before 3.12).
    subject = worker(redis, desk)
    await subject.prepare()
    for steps in range(60):
        await fire(redis, f"a{steps}")
        task = asyncio.create_task(subject.run())
        for _ in range(steps):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task], timeout=5)
        assert task.cancelled()


def test_pauses_double_up_to_the_longest_with_jitter() -> None:
    retry = Retry(first=1, longest=60)
    for failures, full in [(1, 1), (2, 2), (3, 4), (7, 60), (500, 60)]:
        pauses = {retry.pause(failures) for _ in range(50)}
        assert all(full / 2 <= pause <= full for pause in pauses)
        assert len(pauses) > 1

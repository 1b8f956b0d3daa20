"""Receivers that people read: what waits, and what is one message."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

from receiver_servers import Endpoint
from redis.asyncio import Redis
from running_workers import (
    Post,
    fire,
    ids,
    letters,
    no_clock,
    outcomes,
    pending,
    running,
    streams,
    until,
    worker,
)
from sample_alerts import alert
from starlette.responses import Response

from tapewatch.alerts.alert import encode
from tapewatch.config import Console
from tapewatch.notify.ledger import Ledger
from tapewatch.notify.message import Message
from tapewatch.notify.outcome import Outcome
from tapewatch.notify.worker import Worker

STREAM, RESEND = streams().alerts, streams().resend


async def test_a_drain_sends_what_waits_for_company(
    redis: Redis, desk: Post, tmp_path: Path, endpoint: Endpoint
) -> None:
    people = Console(kind="console", name="desk", group_wait="1h", cooldown="1h")
    subject = worker(redis, desk, tmp_path, people)
    await subject.prepare()
    async with running(subject):
        await fire(redis, "a1")
        async with asyncio.timeout(5):
            while not await pending(redis):  # noqa: ASYNC110 - Redis tells nobody
                await asyncio.sleep(0.01)
        subject.spooled([(alert(id="a2", rule="support"), encode(alert(id="a2", rule="support")))])
        assert await subject.drain(5)
    assert [sorted(ids([request])) for request in endpoint.received] == [["a1", "a2"]]
    assert await outcomes(redis) == [("a1", "sent")]
    assert await pending(redis) == 0
    known = Ledger(tmp_path / "sent" / "desk")
    assert (known.had("a1"), known.had("a2")) == (True, True)


async def test_a_message_that_is_refused_is_a_letter_for_each_of_its_alerts(
    redis: Redis, desk: Post, tmp_path: Path, endpoint: Endpoint
) -> None:
    subject = worker(redis, desk, tmp_path, Console(kind="console", name="desk", cooldown="0s"))
    await subject.prepare()
    endpoint.answers = [Response(status_code=404)]
    await fire(redis, "a1", "a2")
    async with running(subject):
        assert await subject.drain(5)
    assert [ids([request]) for request in endpoint.received] == [["a1", "a2"]]
    assert [letter[b"id"] for letter in await letters(redis)] == [b"a1", b"a2"]
    assert subject.counts.outcomes == {Outcome.REFUSED: 2}


async def test_a_drain_leaves_what_waits_for_the_quiet_hours_to_end(
    redis: Redis, desk: Post, tmp_path: Path, endpoint: Endpoint
) -> None:
    now = datetime.now(UTC)
    quiet = f"{now - timedelta(hours=1):%H:%M}-{now + timedelta(hours=2):%H:%M}"
    people = Console(kind="console", name="desk", quiet=quiet)
    subject = worker(redis, desk, tmp_path, people)
    await subject.prepare()
    await redis.xadd(STREAM, {"id": "a1", "json": encode(alert(id="a1", severity="info"))})
    await fire(redis, "a2")  # critical
    async with running(subject):
        assert await subject.drain(5)
    assert ids(endpoint.received) == ["a2"]
    assert await pending(redis) == 1
    after = worker(redis, desk, tmp_path, Console(kind="console", name="desk"))  # tomorrow, say
    async with running(after):
        assert await after.drain(5)
    assert ids(endpoint.received) == ["a2", "a1"]
    assert await pending(redis) == 0


async def test_a_confirmation_answers_the_message_that_had_what_it_confirms(
    redis: Redis, subject: Worker, desk: Post, endpoint: Endpoint, tmp_path: Path
) -> None:
    endpoint.answers = [Response("ok", headers={"receipt": "1769610667.000100"})]
    await fire(redis, "a1")
    async with running(subject):
        assert await subject.drain(5)
    (entry,) = await redis.xrange(streams().deliveries)
    assert entry[1][b"receipt"] == b"1769610667.000100"
    after = worker(redis, desk, tmp_path)  # a restart between
    for id_, follows in (("a2", "a1"), ("a3", "a0")):
        await redis.xadd(STREAM, {"id": id_, "json": encode(alert(id=id_, follows=follows))})
    async with running(after):
        assert await after.drain(5)
    assert [request.headers["answers"] for request in endpoint.received] == ["", "1769610667.000100", ""]


async def test_a_digest_does_not_hide_in_the_thread_of_what_its_first_alert_confirms(
    redis: Redis, desk: Post, tmp_path: Path, endpoint: Endpoint
) -> None:
    Ledger(tmp_path / "sent" / "desk").note(["a1"], "1769610667.000100")
    fired_at = int(alert().data.time_ns)
    people = Console(kind="console", name="desk")
    subject = worker(redis, desk, tmp_path, people, clock=lambda _: fired_at + 20 * 60 * 10**9)
    await subject.prepare()
    await redis.xadd(STREAM, {"id": "a2", "json": encode(alert(id="a2", follows="a1"))})
    await fire(redis, "a3")
    async with running(subject):
        assert await subject.drain(5)
    (request,) = endpoint.received
    assert (request.headers["kind"], request.headers["answers"]) == ("digest", "")


async def test_the_clock_of_the_alerts_feed_says_what_is_old(
    redis: Redis, desk: Post, tmp_path: Path, endpoint: Endpoint
) -> None:
    fired_at = int(alert().data.time_ns)
    for clock, kind in ((no_clock, "alerts"), (lambda _: fired_at + 20 * 60 * 10**9, "digest")):
        people = Console(kind="console", name=f"desk-{kind}", group_wait="0s")
        subject = worker(redis, desk, tmp_path, people, clock=clock)
        await subject.prepare()
        await fire(redis, kind)
        async with running(subject):
            assert await subject.drain(5)
        assert endpoint.received[-1].headers["kind"] == kind


class SlowPost:
    """A receiver that takes its time, and has what it was sent from the beginning."""

    pictures = False

    def __init__(self) -> None:
        self.had: list[str] = []

    async def send(self, message: Message) -> None:
        self.had.append(message.id)
        await asyncio.sleep(0.4)


async def test_at_a_stop_the_message_that_is_on_its_way_gets_there_and_no_other_is_begun(
    redis: Redis, tmp_path: Path
) -> None:
    """Cut off in the midst, it would come again after the next start."""
    slow = SlowPost()
    first = worker(redis, slow, tmp_path)
    await first.prepare()
    async with running(first):
        await fire(redis, "a1", "a2", "a3", "a4")
        await until(lambda: bool(slow.had))
        assert not await first.drain(1.0)
    assert len(slow.had) < 4
    again = worker(redis, slow, tmp_path)
    await again.prepare()
    async with running(again):
        assert await again.drain(20)
    assert slow.had == ["a1", "a2", "a3", "a4"]

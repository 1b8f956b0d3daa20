"""Dead letters: listed, found by their ids, moved to where they are sent again, dropped."""

import asyncio
from pathlib import Path
from typing import Any

import httpx
import pytest
from receiver_servers import Endpoint
from redis.asyncio import Redis
from running_workers import Post, fire, ids, outcomes, running, streams, until, worker
from sample_alerts import alert
from starlette.responses import Response

from tapewatch.alerts.alert import encode
from tapewatch.notify.dead import DeadLetters, NoLetterError, receivers

DEAD, RESEND = "tapewatch:{sp500}:dead:desk", "tapewatch:{sp500}:resend:desk"
A, B, C = "9f0c2a51" + 24 * "0", "9f0c2b77" + 24 * "1", "1122aabb" + 24 * "2"


@pytest.fixture
def letters(redis: Redis) -> DeadLetters:
    return DeadLetters(redis, DEAD, RESEND)


async def bury(redis: Redis, *ids: str, reason: str = "HTTP 500") -> None:
    for id in ids:
        await redis.xadd(DEAD, {"id": id, "json": encode(alert(id=id)), "reason": reason})


async def ids_in(redis: Redis, key: str) -> list[str]:
    entries: Any = await redis.xrange(key)
    return [fields[b"id"].decode() for _, fields in entries]


async def test_a_letter_has_its_alert_and_the_reason(redis: Redis, letters: DeadLetters) -> None:
    await bury(redis, A, reason="gave up after 900 s: HTTP 500")
    (own,) = [letter async for letter in letters.letters()]
    assert (own.id, own.reason, own.alert) == (A, "gave up after 900 s: HTTP 500", alert(id=A))
    assert own.body == encode(alert(id=A))


async def test_one_that_holds_no_alert_is_listed_by_its_entry(redis: Redis, letters: DeadLetters) -> None:
    entry: Any = await redis.xadd(DEAD, {"id": "", "json": "", "reason": "the stream was trimmed"})
    (own,) = [letter async for letter in letters.letters()]
    assert (own.id, own.alert) == (entry.decode(), None)
    (found,) = await letters.find([own.id])
    assert not found.readable


@pytest.mark.parametrize(
    ("given", "meant"),
    [([A], [A]), (["9f0c2a"], [A]), (["1122AABB"], [C]), ([C, "9f0c2b77"], [B, C]), (None, [A, B, C, A])],
)
async def test_letters_are_found_by_their_ids(
    redis: Redis, letters: DeadLetters, given: list[str] | None, meant: list[str]
) -> None:
    await bury(redis, A, B, C)
    if given is None:  # given up twice
        await bury(redis, A)
    assert [own.id for own in await letters.find(given)] == meant


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("9f0c2", "no dead letter has the id '9f0c2': give 6 digits of it at least"),
        ("9f0c2c", "no dead letter has an id that begins with '9f0c2c'"),
        ("9f0c2a", f"'9f0c2a' may be any of 2: {A}, {A[:-1]}f"),
    ],
)
async def test_an_id_that_will_not_do_is_told(
    redis: Redis, letters: DeadLetters, given: str, said: str
) -> None:
    await bury(redis, A, A[:-1] + "f")
    with pytest.raises(NoLetterError) as error:
        await letters.find([A, given])
    assert str(error.value) == said


async def test_what_is_to_be_sent_again_moves_whole(redis: Redis, letters: DeadLetters) -> None:
    await bury(redis, A, B, C)
    before: Any = await redis.xrange(DEAD)
    assert await letters.resend(await letters.find([B, C])) == 2
    after: Any = await redis.xrange(RESEND)
    assert [fields for _, fields in after] == [fields for _, fields in before[1:]]
    assert await ids_in(redis, DEAD) == [A]


async def test_two_who_resend_at_once_double_nothing(redis: Redis, letters: DeadLetters) -> None:
    many = [f"{number:032x}" for number in range(1200)]
    await bury(redis, *many)
    found = await letters.find(None)
    moved = await asyncio.gather(*(letters.resend(found) for _ in range(3)))
    assert sum(moved) == 1200
    assert sorted(await ids_in(redis, RESEND)) == many
    assert await letters.count() == 0


async def test_what_died_again_meanwhile_stays(redis: Redis, letters: DeadLetters) -> None:
    await bury(redis, A)
    found = await letters.find(None)
    await bury(redis, A, reason="HTTP 404")
    assert await letters.resend(found) == 1
    assert [own.reason async for own in letters.letters()] == ["HTTP 404"]


async def test_what_is_dropped_is_gone(redis: Redis, letters: DeadLetters) -> None:
    await bury(redis, A, B)
    found = await letters.find([A])
    assert [await letters.drop(found), await letters.drop(found)] == [1, 0]
    assert await ids_in(redis, DEAD) == [B]
    assert not await redis.exists(RESEND)


async def test_receivers_with_letters_are_found(redis: Redis, letters: DeadLetters) -> None:
    await bury(redis, A)
    await redis.xadd("tapewatch:{sp500}:dead:old.pager", {"id": A})
    await redis.xadd("tapewatch:{other}:dead:theirs", {"id": A})
    emptied: Any = await redis.xadd("tapewatch:{sp500}:dead:empty", {"id": A})
    await redis.xdel("tapewatch:{sp500}:dead:empty", emptied)
    await redis.set("tapewatch:{sp500}:dead:nonsense", "1")
    assert await receivers(redis, "tapewatch:{sp500}:dead:*") == ["desk", "old.pager"]


@pytest.mark.parametrize("daemon_runs", [True, False])
async def test_what_a_worker_buried_it_sends_again(
    redis: Redis, endpoint: Endpoint, url: str, http: httpx.AsyncClient, tmp_path: Path, daemon_runs: bool
) -> None:
    endpoint.answers = [Response(status_code=404)]
    first, keys = worker(redis, Post(url, http), tmp_path), streams()
    letters = DeadLetters(redis, keys.dead, keys.resend)
    await first.prepare()
    await fire(redis, A, B)
    async with running(first):
        assert await first.drain(5)
        if daemon_runs:
            assert await letters.resend(await letters.find(None)) == 1
            await until(lambda: len(endpoint.received) == 3)
            assert await first.drain(5)
    if not daemon_runs:
        assert await letters.resend(await letters.find(None)) == 1
        second = worker(redis, Post(url, http), tmp_path)
        await second.prepare()
        async with running(second):
            await until(lambda: len(endpoint.received) == 3)
            assert await second.drain(5)
    assert ids(endpoint.received) == [A, B, A]
    assert await outcomes(redis) == [(A, "refused"), (B, "sent"), (A, "sent")]
    assert [await letters.count(), await redis.xlen(keys.resend)] == [0, 0]

"""Silences: what they match, how long they are kept, what a daemon knows of them."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from receiver_servers import redis_server
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from sample_alerts import alert
from structlog.testing import capture_logs

from tapewatch.market.ticks import NS
from tapewatch.notify.silences import Silence, Silences, new_id

KEY = "tapewatch:{sp500}:silences"
HOUR = 3600 * NS


def silence(**changes: Any) -> Silence:
    """Of the hour from 1000 s on, by anna."""
    fields = {"id": new_id(), "since_ns": 1000 * NS, "until_ns": 1000 * NS + HOUR, "by": "anna"}
    return Silence(**(fields | changes))


@pytest.mark.parametrize(
    ("patterns", "fits"),
    [
        ({}, True),
        ({"symbol": "SP?", "rule": "break*"}, True),
        ({"type": "level.*"}, True),
        ({"type": "tapewatch.level.crossed_up", "severity": "critical"}, True),
        ({"symbol": "spx"}, False),  # case counts
        ({"symbol": "SPX", "rule": "support"}, False),
        ({"severity": "info"}, False),
    ],
)
def test_all_that_is_named_must_fit(patterns: dict[str, str], fits: bool) -> None:
    assert silence(**patterns).matches(alert(), 2000 * NS) is fits


def test_it_holds_from_its_begin_up_to_its_end() -> None:
    own = silence(symbol="SPX")
    seconds = (999, 1000, 4599, 4600)
    assert [own.matches(alert(), at * NS) for at in seconds] == [False, True, True, False]


async def test_what_was_added_is_listed_by_its_end_until_it_is_lifted(redis: Redis) -> None:
    silences, now = Silences(redis, KEY), time.time_ns()
    long = silence(symbol="SPX", why="Fed day", until_ns=now + 2 * HOUR)
    short = silence(rule="breakout", until_ns=now + HOUR)
    for own in (long, short):
        await silences.add(own)
    assert await silences.all() == [short, long]
    assert await silences.lift(short.id)
    assert not await silences.lift(short.id)
    assert await silences.all() == [long]


async def test_one_that_ended_is_listed_for_a_day_and_then_removed(redis: Redis) -> None:
    silences, now = Silences(redis, KEY), time.time_ns()
    just_over, long_over = silence(until_ns=now - 23 * HOUR), silence(until_ns=now - 25 * HOUR)
    for own in (just_over, long_over):
        await silences.add(own)
    assert await silences.all() == [just_over]
    assert await redis.hkeys(KEY) == [just_over.id.encode()]


async def test_what_cannot_be_read_is_named_once_and_hides_nothing(redis: Redis) -> None:
    silences, good = Silences(redis, KEY), silence(until_ns=time.time_ns() + HOUR)
    await silences.add(good)
    torn = {
        "torn": '{"id": "to',
        "bytes": b"\xff\xfe",
        "no-end": '{"id": "no-end"}',
        "deep": '{"no":' * 50_000,
    }
    await redis.hset(KEY, mapping=torn)
    with capture_logs() as logs:
        assert [await silences.all() for _ in range(2)] == [[good]] * 2
    assert sorted(own["silence"] for own in logs) == ["bytes", "deep", "no-end", "torn"]
    assert {own["event"] for own in logs} == {"silences.unreadable"}
    assert await redis.hlen(KEY) == 5


async def test_fields_of_a_later_version_do_no_harm(redis: Redis) -> None:
    until = time.time_ns() + HOUR
    await redis.hset(KEY, "1", f'{{"id":"1","since_ns":1,"until_ns":{until},"by":"anna","moon":"full"}}')
    assert [own.id for own in await Silences(redis, KEY).all()] == ["1"]


@asynccontextmanager
async def kept(silences: Silences) -> AsyncIterator[None]:
    task = asyncio.create_task(silences.keep())
    yield
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


async def knows(silences: Silences, *ids: str) -> None:
    """Returns once these are known, and no others."""
    async with asyncio.timeout(10):
        while [own.id for own in silences.known] != [*ids]:  # noqa: ASYNC110 - it tells nobody
            await asyncio.sleep(0.02)


async def test_a_daemon_learns_what_others_add_and_lift(redis: Redis) -> None:
    at_the_desk, silences = Silences(redis, KEY), Silences(redis, KEY)
    own = silence(until_ns=time.time_ns() + HOUR)
    async with kept(silences):
        await at_the_desk.add(own)
        await knows(silences, own.id)
        await at_the_desk.lift(own.id)
        await knows(silences)


async def test_while_redis_is_away_what_was_known_holds_on(tmp_path: Path) -> None:
    own = silence(until_ns=time.time_ns() + HOUR)
    async with redis_server(tmp_path) as socket:
        redis = Redis(unix_socket_path=str(socket), retry=Retry(NoBackoff(), 1))
        silences = Silences(redis, KEY)
        await silences.add(own)
        await silences.refresh()
    with capture_logs() as logs:
        async with kept(silences):
            await asyncio.sleep(2.2)  # three looks
            assert [known.id for known in silences.known] == [own.id]
            async with redis_server(tmp_path):  # without its data
                await knows(silences)
    assert [entry["event"] for entry in logs] == ["silences.not_read"]
    await redis.aclose()

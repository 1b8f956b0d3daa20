"""Two processes with one config: one leads; when it cannot, the other goes on and loses or doubles no alert."""

import asyncio
import signal
import time

import pytest
from house import KEYS, House, alerts_reach, day_seconds, stream
from processes import Program
from redis.asyncio import Redis

TAKEN_OVER_WITHIN = 5.0
"""Seconds, as issue and design have it; plus what a loaded machine takes to start things."""

SLACK = 3.0
DAY_TAKES = 8.0


async def two(house: House, ha: str = "true", day_takes: float = DAY_TAKES) -> tuple[Redis, Program, Program]:
    """The one that leads, and the one that stands by."""
    redis = await house.own_redis()
    house.write((await house.feed(speed=day_seconds(house) / day_takes)).port)
    house.config.write_text(f"ha = {ha}\n{house.config.read_text()}")
    first = await house.daemon()
    await first.logged("daemon.ready")
    second = await house.daemon()
    await second.logged("daemon.standing_by")
    return redis, first, second


async def leads(redis: Redis) -> bytes | None:
    return await redis.get(KEYS.lease)


async def goes_on(house: House, redis: Redis, wanted: list[bytes]) -> None:
    await house.played(redis)
    assert await stream(redis) == wanted


async def test_a_leader_that_is_killed_is_followed_within_seconds(house: House, expected) -> None:
    wanted = (await expected(house.case)).lines
    await house.receivers()
    redis, first, second = await two(house)
    await alerts_reach(redis, len(wanted) // 3, first)
    await first.kill()
    killed = time.monotonic()
    await second.logged("daemon.ready")
    assert time.monotonic() - killed < TAKEN_OVER_WITHIN + SLACK
    await goes_on(house, redis, wanted)
    got = [request.body for request in house.hook.received]
    assert set(got) >= set(wanted)
    assert await second.stop() == 0, second.everything()


async def test_a_leader_that_was_frozen_finds_itself_fenced_and_stands_by(house: House, expected) -> None:
    wanted = (await expected(house.case)).lines
    await house.receivers()
    redis, first, second = await two(house)
    await alerts_reach(redis, len(wanted) // 3, first)
    first.process.send_signal(signal.SIGSTOP)
    await second.logged("daemon.ready")
    await asyncio.sleep(1)
    first.process.send_signal(signal.SIGCONT)
    await first.logged("lease.lost")
    await first.logged("daemon.standing_by", 2)
    await goes_on(house, redis, wanted)
    assert await first.stop() == 0, first.everything()
    assert await second.stop() == 0, second.everything()


async def test_a_leader_that_stops_lets_the_other_lead_at_once(house: House, expected) -> None:
    wanted = (await expected(house.case)).lines
    redis, first, second = await two(house)
    await alerts_reach(redis, 2, first)
    assert await first.stop() == 0, first.everything()
    stopped = time.monotonic()
    await second.logged("daemon.ready")
    assert time.monotonic() - stopped < 2.0 + SLACK
    await goes_on(house, redis, wanted)


@pytest.mark.long
async def test_two_leaders_do_not_come_to_pass_where_the_lease_is_deleted(house: House, expected) -> None:
    wanted = (await expected(house.case)).lines
    redis, first, second = await two(house)
    await alerts_reach(redis, 2, first)
    leader = await leads(redis)
    for _ in range(3):
        await redis.delete(KEYS.lease)
        await asyncio.sleep(0.4)
    await asyncio.sleep(1.5)
    assert await leads(redis) == leader  # its own renewal came first
    await redis.set(KEYS.lease, "somebody", px=1500)
    await first.logged("lease.lost")
    async with asyncio.timeout(20):  # whichever comes first
        while len(first.events("daemon.ready")) + len(second.events("daemon.ready")) < 2:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    await goes_on(house, redis, wanted)


async def test_a_cold_standby_connects_when_it_leads(house: House, expected) -> None:
    wanted = (await expected(house.case)).lines
    redis, first, second = await two(house, ha='"cold"')
    await alerts_reach(redis, 2, first)
    assert not second.events("feed.connected")
    await first.kill()
    await second.logged("daemon.ready")
    await second.logged("feed.connected")
    await goes_on(house, redis, wanted)


async def test_a_standby_keeps_its_line_when_the_config_is_as_before_or_wrong(house: House) -> None:
    """With the line it would give up the ticks that it kept."""
    _, __, second = await two(house)
    await second.logged("feed.subscribed")
    second.process.send_signal(signal.SIGHUP)
    await second.logged("config.unchanged")
    text = house.config.read_text()
    house.config.write_text("wrong = 1\n" + text)
    second.process.send_signal(signal.SIGHUP)
    await second.logged("config.refused")
    assert len(second.events("feed.connected")) == len(second.events("daemon.standing_by")) == 1
    assert await second.stop() == 0, second.everything()


async def test_it_needs_a_redis_that_all_reach(house: House) -> None:
    house.write(1)
    house.config.write_text(f"ha = true\n{house.config.read_text()}")
    alone = await house.daemon()
    assert await alone.ended() == 2
    assert "ha needs a Redis that all its processes reach" in alone.err[-1]

"""Whatever is killed, whenever: each alert is in the stream once, and the indicators come out the same."""

import asyncio
import os
import random
import signal

import pytest
from house import House, alerts_reach, day_seconds, indicators, stream

LONGEST_DELAY = 0.15
"""Seconds from an alert to the kill, at most: some kills come amid delivery, others amid ticks."""


async def test_killed_daemon_starts_again_on_a_synthetic_day(house: House, expected) -> None:
    await killed_again_and_again(house, expected, kills=3, day_takes=2.0)


@pytest.mark.long
@pytest.mark.timeout(600)
async def test_killed_daemon_starts_again_on_spys_day(spy_house: House, expected) -> None:
    await killed_again_and_again(spy_house, expected, kills=10, day_takes=12.0)


async def killed_again_and_again(house: House, expected, kills: int, day_takes: float) -> None:
    wanted = await expected(house.case)
    dice = random.Random(20131008)
    moments = sorted(dice.sample(range(1, len(wanted.lines)), kills))
    await house.receivers()
    house.write((await house.feed(speed=day_seconds(house) / day_takes)).port)

    daemon = await house.daemon()
    await daemon.logged("daemon.ready")
    redis = await house.child_redis()
    for moment in moments:
        await alerts_reach(redis, moment, daemon)
        await asyncio.sleep(dice.uniform(0, LONGEST_DELAY))
        await daemon.kill()
        assert daemon.process.returncode == -signal.SIGKILL, daemon.everything()
        daemon = await house.daemon()
    await daemon.logged("daemon.ready")

    now = await house.played(redis)
    assert await stream(redis) == wanted.lines
    assert indicators(now) == wanted.indicators
    await house.delivered(wanted.lines)
    assert await daemon.stop() == 0, daemon.everything()


async def test_killed_redis_starts_again(house: House, expected) -> None:
    wanted = await expected(house.case)
    await house.receivers()
    house.write((await house.feed(speed=day_seconds(house) / 3)).port)
    daemon = await house.daemon()
    await daemon.logged("daemon.ready")
    redis = await house.child_redis()
    for moment in (len(wanted.lines) // 4, len(wanted.lines) // 2):
        await alerts_reach(redis, moment, daemon)
        os.kill((await redis.info("server"))["process_id"], signal.SIGKILL)
    await daemon.logged("redis.started", 3)

    now = await house.played(redis)
    assert await stream(redis) == wanted.lines
    assert indicators(now) == wanted.indicators
    await house.delivered(wanted.lines)
    assert await daemon.stop() == 0, daemon.everything()
    assert daemon.events("store.back")
    assert "Traceback" not in daemon.everything()

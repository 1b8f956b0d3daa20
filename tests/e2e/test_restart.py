"""Stopped and started again: nothing is lost, and the indicators go on to the last bit."""

import asyncio
import json
import os
import signal
import time

import pytest
from house import KEYS, House, alerts_reach, day_seconds, indicators, stream

from tapewatch.store.commit import Store
from tapewatch.store.server import open_redis

STOPS_WITHIN = 5.0


async def test_a_restart_in_mid_session_goes_on_with_the_same_indicators(house: House, expected) -> None:
    wanted = await expected(house.case)
    redis = await house.own_redis()
    feed = await house.feed(speed=day_seconds(house) / 2)
    house.write(feed.port)
    first = await house.daemon()
    await alerts_reach(redis, len(wanted.lines) // 2, first)
    assert await first.stop() == 0, first.everything()
    before = await redis.hgetall(KEYS.now(house.case.symbol))
    assert before[b"feed_state"] == b"stopped"
    assert int(before[b"time_ns"]) < house.case.last

    house.write(port=1)  # nobody is there: what is shown comes from the snapshot alone
    await redis.delete(KEYS.now(house.case.symbol))
    second = await house.daemon()
    await second.logged("feed.lost")
    after = await shown(redis, house)
    assert await second.stop() == 0, second.everything()
    own = (b"feed_state",)
    assert {k: v for k, v in after.items() if k not in own} == {
        k: v for k, v in before.items() if k not in own
    }
    assert b"rsi(14)@1m" in after

    house.write(feed.port)
    third = await house.daemon()
    assert indicators(await house.played(redis)) == wanted.indicators
    assert await stream(redis) == wanted.lines
    assert await third.stop() == 0, third.everything()


async def shown(redis, house: House) -> dict[bytes, bytes]:
    async with asyncio.timeout(5):
        while not (now := await redis.hgetall(KEYS.now(house.case.symbol))):  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    return now


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_ends_it_at_once_with_everything_committed(
    house: House, expected, number: signal.Signals
) -> None:
    await house.receivers()
    house.hook.answers = [None] * 1000  # it takes requests and never answers: no reason to wait for it
    house.write((await house.feed(speed=day_seconds(house) / 2)).port)
    daemon = await house.daemon()
    server = (await daemon.logged("redis.started"))["pid"]
    await daemon.logged("alert.fired", 5)
    asked = time.monotonic()
    assert await daemon.stop(number) == 0, daemon.everything()
    assert time.monotonic() - asked < STOPS_WITHIN
    assert "Traceback" not in daemon.everything()
    assert [event["receiver"] for event in daemon.events("notify.undelivered")] == ["hook"]
    with pytest.raises(ProcessLookupError):
        os.kill(server, 0)
    fired = [event["alert"] for event in daemon.events("alert.fired")]
    assert daemon.events("daemon.stopped")[0]["fired"] == len(fired)
    async with open_redis(None, house.state) as redis:
        assert await stream(redis) == (await expected(house.case)).lines[: len(fired)]
        assert (await Store(redis, "e2e").load()).snapshots.keys() == {house.case.symbol}


async def test_a_stop_while_redis_is_away_says_what_was_not_written(house: House) -> None:
    redis = await house.own_redis()
    house.write((await house.feed(speed=1)).port)
    daemon = await house.daemon()
    await daemon.logged("feed.subscribed")
    await redis.shutdown(nosave=True)
    await daemon.logged("store.away")
    asked = time.monotonic()
    assert await daemon.stop() == 1, daemon.everything()
    assert time.monotonic() - asked < STOPS_WITHIN
    assert daemon.err[-1].startswith(
        "error: Redis is away: what changed last is not written; what fired is in the spool"
    )
    assert "Traceback" not in daemon.everything()


async def test_a_changed_config_keeps_what_it_left_as_it_was(house: House, expected) -> None:
    wanted = await expected(house.case)
    redis = await house.own_redis()
    feed = await house.feed(speed=day_seconds(house) / 2)
    house.write(feed.port, watch=house.case.watch.replace('"ema(20)"', '"ema(30)", "sma(7)"'))
    first = await house.daemon()
    await alerts_reach(redis, 5, first)
    assert await first.stop() == 0, first.everything()

    house.write(feed.port)
    second = await house.daemon()
    assert await second.logged("state.restored")
    own = indicators(await house.played(redis))
    kept = {name for name in wanted.indicators if not name.startswith(b"ema")}
    assert {name: own[name] for name in kept} == {name: wanted.indicators[name] for name in kept}
    assert own.keys() == wanted.indicators.keys()
    assert await second.stop() == 0, second.everything()
    assert [json.loads(line)["id"] for line in await stream(redis)] == wanted.ids

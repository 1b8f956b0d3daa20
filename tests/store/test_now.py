import asyncio
import os
import signal

import numpy as np
from redis.asyncio import Redis
from redis.exceptions import RedisError

from tapewatch.store.keys import Keys
from tapewatch.store.now import NowBoard

KEYS = Keys("sp500")


async def test_prices_and_indicators_are_written_as_people_read_them(redis: Redis) -> None:
    board = NowBoard(redis, KEYS)
    await board.write(
        {"SPX": {"price": np.float64(6950.25), "time": "2026-01-28T14:31:07Z", "rsi(14)@1d": 72.9}}
    )
    assert await redis.hgetall("tapewatch:{sp500}:now:SPX") == {
        b"price": b"6950.25",
        b"time": b"2026-01-28T14:31:07Z",
        b"rsi(14)@1d": b"72.9",
    }


async def test_every_symbol_has_a_hash_of_its_own(redis: Redis) -> None:
    await NowBoard(redis, KEYS).write({f"S{i}": {"price": i} for i in range(250)})
    for i in (0, 99, 100, 249):
        assert await redis.hget(f"tapewatch:{{sp500}}:now:S{i}", "price") == b"%d" % i


async def test_it_is_due_once_a_period_and_not_while_it_writes(redis: Redis) -> None:
    board = NowBoard(redis, KEYS, period=3600)
    now = asyncio.get_running_loop().time()
    assert board.due(now)
    writing = asyncio.create_task(board.write({"SPX": {"price": 1}}))
    await asyncio.sleep(0)
    assert not board.due(now + 7200)
    await writing
    assert not board.due(now)
    assert board.due(now + 7200)


async def test_while_redis_is_away_it_is_silent(redis: Redis) -> None:
    board = NowBoard(redis, KEYS, period=0)
    os.kill((await redis.info("server"))["process_id"], signal.SIGKILL)
    await board.write({"SPX": {"price": 1}})
    async with asyncio.timeout(20):
        while not await redis_answers(redis):  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    await board.write({"SPX": {"price": 2}})
    assert await redis.hget(KEYS.now("SPX"), "price") == b"2"


async def redis_answers(redis: Redis) -> bool:
    try:
        return bool(await redis.ping())
    except RedisError:
        return False

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
    fields = {"price": np.float64(6950.25), "time": "2026-01-28T14:31:07Z", "rsi(14)@1d": 72.9}
    await board.write([("SPX", fields)])
    assert await redis.hgetall("tapewatch:{sp500}:now:SPX") == {
        b"price": b"6950.25",
        b"time": b"2026-01-28T14:31:07Z",
        b"rsi(14)@1d": b"72.9",
    }


async def test_an_indicator_that_the_config_dropped_goes(redis: Redis) -> None:
    board = NowBoard(redis, KEYS)
    await board.write([("SPX", {"price": 6950.25, "sma(50)@1d": 6900.0})])
    await board.write([("SPX", {"price": 6950.5})])
    assert await redis.hgetall(KEYS.now("SPX")) == {b"price": b"6950.5"}


async def test_every_symbol_has_a_hash_of_its_own(redis: Redis) -> None:
    await NowBoard(redis, KEYS).write((f"S{i}", {"price": i}) for i in range(250))
    for i in (0, 99, 100, 249):
        assert await redis.hget(f"tapewatch:{{sp500}}:now:S{i}", "price") == b"%d" % i


async def test_it_says_whether_redis_has_it(redis: Redis) -> None:
    board = NowBoard(redis, KEYS)
    os.kill((await redis.info("server"))["process_id"], signal.SIGKILL)
    assert not await board.write([("SPX", {"price": 1})])
    async with asyncio.timeout(20):
        while not await redis_answers(redis):  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    assert await board.write([("SPX", {"price": 2})])
    assert await redis.hget(KEYS.now("SPX"), "price") == b"2"


async def redis_answers(redis: Redis) -> bool:
    try:
        return bool(await redis.ping())
    except RedisError:
        return False

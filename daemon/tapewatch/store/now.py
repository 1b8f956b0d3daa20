"""The `now` hashes: what every symbol does at this moment, for people and other programs."""

import asyncio
from collections.abc import Iterable, Mapping
from itertools import islice

from redis.asyncio import Redis
from redis.exceptions import RedisError

from tapewatch.store.keys import Keys
from tapewatch.store.server import ANSWER_SECONDS

_AT_ONCE = 20
"""Symbols in one pipeline, some 2 ms: ticks come through between two of them."""


class NowBoard:
    """Writes the `now` hashes of an instance.

    Args:
        redis: where.
        keys: the instance's.
    """

    def __init__(self, redis: Redis, keys: Keys) -> None:
        self._redis = redis
        self._keys = keys

    async def write(self, symbols: Iterable[tuple[str, Mapping[str, str | float]]]) -> bool:
        """Write the fields of each symbol in place of those it had.

        Args:
            symbols: each with its fields; taken a few at a time, as they are written.

        Returns:
            Whether it was done, that is, Redis was there.
        """
        try:
            rest = iter(symbols)
            while part := list(islice(rest, _AT_ONCE)):
                async with self._redis.pipeline(transaction=True) as pipe:
                    for symbol, fields in part:
                        pipe.delete(self._keys.now(symbol))  # an indicator that the config dropped
                        # redis-py would write a NumPy float as np.float64(…)
                        pipe.hset(self._keys.now(symbol), mapping={k: str(v) for k, v in fields.items()})
                    async with asyncio.timeout(ANSWER_SECONDS):
                        await pipe.execute()
        except (RedisError, TimeoutError):
            return False  # the writer, which needs Redis more, says so
        return True

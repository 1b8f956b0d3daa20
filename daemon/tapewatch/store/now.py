"""The `now` hashes: what every symbol does at this moment, for people and other programs."""

import asyncio
from collections.abc import Mapping
from itertools import islice
from time import monotonic

from redis.asyncio import Redis
from redis.exceptions import RedisError

from tapewatch.store.keys import Keys
from tapewatch.store.pace import next_start
from tapewatch.store.server import ANSWER_SECONDS

_AT_ONCE = 100
"""Symbols in one pipeline: ticks come through between two of them."""


class NowBoard:
    """Writes the `now` hashes at most once a period, less often where it would take over a tenth of a core.

    Args:
        redis: where.
        keys: the instance's.
        period: seconds between two writes.
    """

    def __init__(self, redis: Redis, keys: Keys, period: float = 1.0) -> None:
        self._redis = redis
        self._keys = keys
        self._period = period
        self._next = 0.0
        self._writing = False

    def due(self, now: float) -> bool:
        """Whether to write, at `now` on the monotonic clock."""
        return now >= self._next and not self._writing

    async def write(self, symbols: Mapping[str, Mapping[str, str | float]]) -> None:
        """Write the fields of each symbol; dropped when Redis is away, as the next take their place."""
        self._writing = True
        started = monotonic()
        try:
            rest = iter(symbols.items())
            while part := list(islice(rest, _AT_ONCE)):
                async with self._redis.pipeline(transaction=False) as pipe:
                    for symbol, fields in part:
                        # redis-py would write a NumPy float as np.float64(…)
                        pipe.hset(self._keys.now(symbol), mapping={k: str(v) for k, v in fields.items()})
                    async with asyncio.timeout(ANSWER_SECONDS):
                        await pipe.execute()
        except (RedisError, TimeoutError):
            pass  # the writer, which needs Redis more, says so
        finally:
            self._writing = False
            self._next = next_start(started, monotonic(), self._period)

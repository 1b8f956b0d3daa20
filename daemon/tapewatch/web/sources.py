"""Where what is served over HTTP comes from."""

from dataclasses import dataclass

from redis.asyncio import Redis

from tapewatch.store.keys import Keys
from tapewatch.vitals import Vitals


@dataclass(frozen=True, eq=False)
class Sources:
    """One process, and the Redis of its instance."""

    vitals: Vitals
    redis: Redis
    """Answers in bytes."""
    keys: Keys

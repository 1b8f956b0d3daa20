"""A Redis that takes what is sent and does not answer."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager

from redis.asyncio import Redis


async def pid_of(redis: Redis) -> int:
    return int((await redis.info("server"))["process_id"])


@contextmanager
def frozen(pid: int) -> Iterator[None]:
    """Its process is stopped meanwhile."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)

"""Redis commands of a worker that outlive a Redis that is away."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import structlog
from redis import exceptions

from tapewatch.notify.retry import Retry

ANSWER_SECONDS = 5.0
"""A Redis that does not answer for so long counts as away."""

RETRY = Retry(first=0.1, longest=1.0)
"""Redis is ours and near: once it is back, alerts do not wait."""

# Redis is away, starting, failing over or full: all of these pass.
_AWAY = (
    exceptions.ConnectionError,
    exceptions.TimeoutError,
    exceptions.ReadOnlyError,
    exceptions.ClusterDownError,
    exceptions.OutOfMemoryError,
    OSError,
)

log = structlog.get_logger(__name__)

T = TypeVar("T")


class AwayError(Exception):
    """Redis did not answer; whether it did the command, nobody knows."""


class Patience:
    """How a worker's tasks speak to Redis: one log line says that it is away, and one that it is back."""

    def __init__(self, receiver: str) -> None:
        self._log = log.bind(receiver=receiver)
        self._failures = 0

    async def attempt(self, command: Callable[[], Awaitable[T]], within: float = ANSWER_SECONDS) -> T:
        """The result of a Redis command.

        Args:
            command: what to do.
            within: seconds after which Redis counts as away.

        Raises:
            AwayError: Redis is away; raised after the pause that is due before the next attempt.
        """
        try:
            async with asyncio.timeout(within):
                result = await command()
        except _AWAY as error:
            stop_if_cancelled()
            self._failures += 1
            if self._failures == 1:
                self._log.warning("notify.redis_away", error=type(error).__name__)
            await asyncio.sleep(RETRY.pause(self._failures))
            raise AwayError from None
        if self._failures:
            self._log.info("notify.redis_back", attempts=self._failures)
            self._failures = 0
        stop_if_cancelled()
        return result

    async def insist(self, command: Callable[[], Awaitable[T]]) -> T:
        """The result of a Redis command, however long Redis is away; it may be done several times."""
        while True:
            try:
                return await self.attempt(command)
            except AwayError:
                pass


def stop_if_cancelled() -> None:
    """Raises the cancellation that `asyncio.wait_for`, by which libraries send, may lose before Python 3.12.

    Source: https://github.com/python/cpython/issues/86296
    """
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError

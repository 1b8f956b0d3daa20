"""Delivery to one receiver: read the alert stream through the receiver's consumer group, send, acknowledge.

At least once: an alert is acknowledged only after its receiver took it or it lies in the dead-letter stream,
so what a crash left unacknowledged is sent at the next start. Every receiver has its own worker, so that none
waits for another. Source: https://redis.io/docs/latest/develop/data-types/streams/#consumer-groups
"""

import asyncio
import random
import time
import traceback
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Never, TypeVar

import msgspec
import structlog
from redis import exceptions
from redis.asyncio import Redis

from tapewatch.alerts.alert import Alert, decode
from tapewatch.notify.sender import PermanentError, Sender, TemporaryError

BATCH = 100
"""Entries read at once."""

BLOCK_MS = 500
"""Longest wait for a new entry; a cancellation that got lost (see `_stop_if_cancelled`) waits as long."""

DRAIN_PERIOD = 0.02
"""Seconds between two looks at what is left."""

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
Entry = tuple[bytes, dict[bytes, bytes]]


@dataclass(frozen=True)
class Retry:
    """When to try again, in seconds."""

    first: float = 1.0
    """Pause after the first failure; it doubles with each further one."""
    longest: float = 60.0
    """Longest pause of our own; a receiver's `Retry-After` may be longer."""
    give_up_after: float = 900.0
    """From the reading of an alert to its last attempt."""

    def pause(self, failures: int) -> float:
        """Seconds to wait after that many failures in a row.

        The jitter, up to half of it, keeps many workers from coming back in the same instant.
        """
        pause = min(self.longest, self.first * 2.0 ** min(failures - 1, 30))
        return random.uniform(pause / 2, pause)  # noqa: S311


REDIS_RETRY = Retry(first=0.1, longest=1.0)
"""Redis is ours and near: once it is back, alerts do not wait."""


@dataclass
class Counts:
    """What a worker did since its start, for metrics."""

    sent: int = 0
    """Alerts that the receiver took."""
    retried: int = 0
    """Attempts that failed and were tried again."""
    failed: int = 0
    """Alerts that went to the dead-letter stream."""


class Worker:
    """Delivers the alerts of one stream to one receiver."""

    def __init__(
        self,
        redis: Redis,
        stream_key: str,
        receiver_name: str,
        sender: Sender,
        wants: Callable[[Alert], bool],
        *,
        dead_key: str,
        retry: Retry = Retry(),
    ) -> None:
        """A worker that has read nothing yet.

        Args:
            redis: a client of its own, since reading blocks; it answers in bytes.
            stream_key: the alert stream.
            receiver_name: names the consumer group, and the receiver in an entry's `delivered` field.
            sender: brings the alerts there.
            wants: whether an alert goes to this receiver at all.
            dead_key: the receiver's dead-letter stream; on a cluster, in the slot of `stream_key`.
            retry: when to try again.
        """
        self.counts = Counts()
        self._redis = redis
        self._stream = stream_key
        self._name = receiver_name
        self._sender = sender
        self.wants = wants
        """Whether an alert goes to this receiver at all; may be changed while it runs."""
        self._dead = dead_key
        self._retry = retry
        self._last_read = b"$"
        self._log = log.bind(receiver=receiver_name)

    async def prepare(self) -> None:
        """Makes the group if it is new, at the end of the stream: a new receiver gets no old alerts.

        Call it before the first alert can be written.

        Raises:
            redis.exceptions.RedisError: Redis is away, or the key holds no stream.
        """
        await self._make_group()
        self._last_read = (await self._group())["last-delivered-id"]

    async def run(self) -> Never:
        """Delivers until cancelled; what was being sent then stays unacknowledged, and is sent again."""
        while True:
            # First what is pending: a crash, or a reply that a broken connection swallowed, left it.
            entries = await self._read("0") or await self._read(">")
            deadline = time.monotonic() + self._retry.give_up_after
            for entry, fields in entries:
                await self._handle(entry, fields, deadline)

    async def drain(self, timeout: float) -> bool:  # noqa: ASYNC109 - False, not an error
        """Waits until every alert of the stream is delivered or dead; `run` runs meanwhile.

        Args:
            timeout: seconds to wait at most.

        Returns:
            Whether nothing is left.
        """
        try:
            async with asyncio.timeout(timeout):
                while not await self._insist(self._is_drained):  # noqa: ASYNC110 - Redis tells nobody
                    await asyncio.sleep(DRAIN_PERIOD)
        except TimeoutError:
            return False
        return True

    async def _handle(self, entry: bytes, fields: dict[bytes, bytes], deadline: float) -> None:
        """Brings one entry to where it may be acknowledged, and acknowledges it."""
        reason = None
        if self._name.encode() not in fields.get(b"delivered", b"").split(b","):
            try:
                body = fields[b"json"]
                alert = decode(body)
            except KeyError:
                reason = "the stream was trimmed before the alert was delivered, or the entry holds no json"
            except (msgspec.DecodeError, UnicodeDecodeError) as error:
                reason = f"the entry holds no alert: {error}"
            else:
                if self.wants(alert):
                    reason = await self._send(alert, body, deadline)
        if reason is None:
            await self._insist(lambda: self._redis.xack(self._stream, self._name, entry))
        else:
            await self._insist(lambda: self._bury(entry, fields, reason))
            self.counts.failed += 1
            self._log.error("notify.dead", alert=_id(fields), entry=entry.decode(), reason=reason)

    async def _send(self, alert: Alert, body: bytes, deadline: float) -> str | None:
        """Sends until the receiver has it: None. If it never will: why."""
        failures = 0
        while True:
            try:
                await self._sender.send(alert, body)
            except TemporaryError as error:
                left = deadline - time.monotonic()
                if left <= 0:
                    return f"gave up after {self._retry.give_up_after:g} s: {error.reason}"
                failures += 1
                # The last attempt is made at the deadline, whatever the receiver asked for.
                pause = min(left, max(self._retry.pause(failures), error.retry_after or 0.0))
                self.counts.retried += 1
                self._log.warning("notify.retry", alert=alert.id, reason=error.reason, pause=round(pause, 3))
                await asyncio.sleep(pause)
            except PermanentError as error:
                return error.reason
            except Exception as error:  # one alert that breaks a sender must not stop those behind it
                return _bug(error)
            else:
                self.counts.sent += 1
                self._log.info("notify.sent", alert=alert.id)
                return None

    async def _bury(self, entry: bytes, fields: dict[bytes, bytes], reason: str) -> None:
        """Dead-letters and acknowledges in one transaction."""
        letter: dict[Any, Any] = {
            "id": fields.get(b"id", b""),
            "json": fields.get(b"json", b""),
            "reason": reason,
        }
        async with self._redis.pipeline(transaction=True) as pipe:
            pipe.xadd(self._dead, letter)
            pipe.xack(self._stream, self._name, entry)
            await pipe.execute()

    async def _read(self, after: str) -> list[Entry]:
        """The next entries: `0` for those that this group has read but not acknowledged, `>` for new ones."""
        block = BLOCK_MS if after == ">" else None
        try:
            streams: Any = await self._insist(
                lambda: self._redis.xreadgroup(
                    self._name, self._name, {self._stream: after}, count=BATCH, block=block
                )
            )
        except exceptions.ResponseError as error:
            if not str(error).startswith("NOGROUP"):
                raise
            # Redis came back without its data, or somebody deleted the group: go on where we were.
            self._log.warning("notify.group_lost", last_read=self._last_read.decode())
            await self._insist(self._make_group)
            return []
        entries: list[Entry] = streams[0][1] if streams else []
        if entries and after == ">":
            self._last_read = entries[-1][0]
        return entries

    async def _make_group(self) -> None:
        try:
            await self._redis.xgroup_create(self._stream, self._name, self._last_read, mkstream=True)
        except exceptions.ResponseError as error:
            if not str(error).startswith("BUSYGROUP"):
                raise

    async def _group(self) -> dict[str, Any]:
        groups = await self._redis.xinfo_groups(self._stream)
        return next(group for group in groups if group["name"] == self._name.encode())

    async def _is_drained(self) -> bool:
        group = await self._group()
        if group["pending"]:
            return False
        # Redis before 7 does not tell the group's lag.
        return not await self._redis.xrange(self._stream, b"(" + group["last-delivered-id"], count=1)

    async def _insist(self, command: Callable[[], Awaitable[T]]) -> T:
        """The result of a Redis command, however long Redis is away."""
        failures = 0
        while True:
            try:
                result = await command()
            except _AWAY as error:
                failures += 1
                if failures == 1:
                    self._log.warning("notify.redis_away", error=type(error).__name__)
                await asyncio.sleep(REDIS_RETRY.pause(failures))
            else:
                if failures:
                    self._log.info("notify.redis_back", attempts=failures)
                _stop_if_cancelled()
                return result


def _stop_if_cancelled() -> None:
    """Raises the cancellation that `asyncio.wait_for`, by which redis-py sends, may lose before Python 3.12.

    Source: https://github.com/python/cpython/issues/86296
    """
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError


def _id(fields: dict[bytes, bytes]) -> str:
    return fields.get(b"id", b"").decode(errors="replace")


def _bug(error: Exception) -> str:
    """An error that no sender should raise: its kind and place, not its text, which may quote a secret."""
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return f"unexpected {type(error).__name__} at {Path(frame.filename).name}:{frame.lineno}"

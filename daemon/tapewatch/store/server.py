"""Which Redis: the one whose URL was given, else a server of our own (`child.py`)."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import quote

import structlog
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from tapewatch.store.child import child_server, socket_path
from tapewatch.store.errors import RedisUnavailableError, RedisVersionError
from tapewatch.store.guarded import weaknesses, why
from tapewatch.urls import RedisUrlError, is_tls, shown_redis

log = structlog.get_logger(__name__)

OLDEST = (6, 2)
"""The oldest Redis that will do."""

ANSWER_SECONDS = 5.0
"""A Redis that does not answer for so long counts as away."""


def where(url: str | None, state_dir: Path) -> str:
    """The Redis of `open_redis`, for people to read: its URL without user, password and options.

    Raises:
        RedisUnavailableError: `url` is no URL of a Redis.
    """
    if url is None:
        return f"unix://{socket_path(state_dir)}"
    try:
        return shown_redis(url)
    except RedisUrlError as error:
        raise _malformed(error) from None


@asynccontextmanager
async def open_redis(url: str | None, state_dir: Path, fsync: str = "everysec") -> AsyncIterator[Redis]:
    """The daemon's Redis: the one at `url`, else a server that runs as long as the context lasts.

    Its commands have no time-out of their own: use `asyncio.timeout`, which may cancel them safely.

    Args:
        url: as `Config.redis_url` gives it.
        state_dir: where a server of our own keeps its data and its socket.
        fsync: when such a server has what was written on disk: `everysec`, or `always` before each answer.

    Raises:
        RedisUnavailableError: there is none; the message names where it was looked for.
        RedisVersionError: it is older than 6.2.
    """
    if url is not None:
        place = where(url, state_dir)
        async with _connected(url, place) as redis:
            for weakness in weaknesses(url):
                log.warning("redis.unguarded", redis=place, reason=weakness)
            yield redis
        return
    async with (
        child_server(state_dir, fsync) as socket,
        _connected(_unix_url(socket), where(None, state_dir)) as redis,
    ):
        yield redis


@asynccontextmanager
async def connect_redis(url: str | None, state_dir: Path) -> AsyncIterator[Redis]:
    """The Redis of a daemon that runs already, as `open_redis` finds it; no server is started.

    Raises:
        RedisUnavailableError: nothing answers there.
        RedisVersionError: it is older than 6.2.
    """
    place = where(url, state_dir)
    socket = socket_path(state_dir)
    if url is None and not socket.exists():
        raise RedisUnavailableError(
            f"no Redis at {place}: no tapewatch runs with the state folder {state_dir},"
            " and no other Redis is configured"
        )
    async with _connected(url or _unix_url(socket), place) as redis:
        yield redis


@asynccontextmanager
async def answering(within: float = ANSWER_SECONDS) -> AsyncIterator[None]:
    """For commands without which the daemon cannot go on.

    Raises:
        RedisUnavailableError: the block took longer than `within` seconds.
    """
    try:
        async with asyncio.timeout(within):
            yield
    except TimeoutError:
        raise RedisUnavailableError(f"no answer from Redis within {within:g} s") from None


@asynccontextmanager
async def _connected(url: str, place: str) -> AsyncIterator[Redis]:
    try:
        redis = Redis.from_url(
            url,
            protocol=2,  # with 3, a missing password is reported as a wrong HELLO
            driver_info=None,  # else each connection begins with CLIENT SETINFO, which our ACL does not grant
            # With a time-out redis-py writes through asyncio.wait_for, which loses cancellations before
            # Python 3.12 (https://github.com/python/cpython/issues/86296).
            socket_timeout=None,
            socket_connect_timeout=ANSWER_SECONDS,
            # Once, at once: a restart of the server cuts connections. Longer outages are the caller's affair.
            retry=Retry(NoBackoff(), 1),
        )
    except ValueError:
        raise _malformed(RedisUrlError()) from None
    async with redis:
        await _check(redis, place)
        yield redis


async def _check(redis: Redis, place: str) -> None:
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            await redis.ping()
            version = str((await redis.info("server"))["redis_version"])
    except TimeoutError:
        raise RedisUnavailableError(f"no answer from Redis at {place} within {ANSWER_SECONDS:g} s") from None
    except RedisError as error:
        raise RedisUnavailableError(f"no Redis at {place}: {why(error, tls=is_tls(place))}") from None
    except TypeError:  # an option after the "?" that redis-py does not know
        raise _malformed(RedisUrlError()) from None
    if tuple(int(part) for part in version.split(".")[:2]) < OLDEST:
        needed = ".".join(map(str, OLDEST))
        raise RedisVersionError(
            f"the Redis at {place} is version {version}: tapewatch needs {needed} or later"
        )


def _unix_url(socket: Path) -> str:
    return f"unix://{quote(str(socket))}"


def _malformed(error: RedisUrlError) -> RedisUnavailableError:
    return RedisUnavailableError(f"what redis.url, redis.url_file or TAPEWATCH_REDIS_URL holds {error}")

"""Real servers on loopback."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from receiver_servers import Endpoint, http_server, make_certificate, redis_server
from redis.asyncio import Redis
from running_workers import Post, worker

from tapewatch.notify.http import http_client
from tapewatch.notify.worker import Worker


@pytest.fixture
async def redis_socket(tmp_path: Path) -> AsyncIterator[Path]:
    """The Unix socket of a Redis server of its own."""
    async with redis_server(tmp_path) as path:
        yield path


@pytest.fixture
async def redis(redis_socket: Path) -> AsyncIterator[Redis]:
    async with Redis(unix_socket_path=str(redis_socket)) as client:
        yield client


@pytest.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    async with http_client() as client:
        yield client


@pytest.fixture
async def endpoint() -> Endpoint:
    return Endpoint()


@pytest.fixture
async def url(endpoint: Endpoint) -> AsyncIterator[str]:
    """Where `endpoint` answers."""
    async with http_server(endpoint) as address:
        yield address


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return make_certificate(tmp_path_factory.mktemp("tls"))


@pytest.fixture
def desk(url: str, http: httpx.AsyncClient) -> Post:
    """Posts to `endpoint`."""
    return Post(url, http)


@pytest.fixture
async def subject(redis: Redis, desk: Post, tmp_path: Path) -> Worker:
    """A worker that is prepared, of a receiver that wants each alert at once."""
    subject = worker(redis, desk, tmp_path)
    await subject.prepare()
    return subject

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from redis.asyncio import Redis

from tapewatch.store.commit import Store
from tapewatch.store.server import open_redis


@pytest.fixture
def state_dir(tmp_path: Path) -> Path:
    return tmp_path / "state"


@pytest.fixture
async def redis(state_dir: Path) -> AsyncIterator[Redis]:
    async with open_redis(None, state_dir) as redis:
        yield redis


@pytest.fixture
async def store(redis: Redis) -> Store:
    store = Store(redis, "sp500")
    await store.open()
    return store

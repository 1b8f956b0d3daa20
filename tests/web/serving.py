"""What serves a process over real sockets, and a client of it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
from redis.asyncio import Redis
from structlog.testing import capture_logs

import vital_parts
from tapewatch.background import background
from tapewatch.store.keys import Keys
from tapewatch.vitals import Vitals
from tapewatch.web import server
from tapewatch.web.sources import Sources

TOKEN = "open-sesame"
HERE = ("127.0.0.1", 0)


def sources(vitals: Vitals, redis: Redis | None = None) -> Sources:
    """Without a Redis, one that nothing listens at: who asks for health and metrics needs none."""
    return Sources(vitals, redis or Redis(unix_socket_path="/nowhere"), Keys(vitals.config.name))


@asynccontextmanager
async def serving(
    vitals: Vitals, token: str | None = None, listen: tuple[str, int] = HERE, *, redis: Redis | None = None
) -> AsyncIterator[httpx.AsyncClient]:
    """A client of what serves them."""
    with capture_logs() as logs:
        async with background(server.serve(sources(vitals, redis), listen, token)):
            url = (await logged(logs, "http.listening"))["url"]
            async with httpx.AsyncClient(base_url=url, trust_env=False, timeout=20) as http:
                yield http


async def logged(logs: Any, event: str) -> dict[str, Any]:
    """The line, once it is there."""
    await vital_parts.until(lambda: any(line["event"] == event for line in logs))
    return next(line for line in logs if line["event"] == event)

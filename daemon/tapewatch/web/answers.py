"""What the API answers: JSON, and a reason where it cannot."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import msgspec
from redis.exceptions import RedisError
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from tapewatch.store.server import ANSWER_SECONDS

encode = msgspec.json.Encoder().encode
"""NaN, which is what is not known, becomes null."""

BODY = 4096
"""Bytes that a request may bring."""

BODY_WITHIN = 5.0
"""Seconds for them to come."""


class Json(Response):
    """Of anything that msgspec encodes."""

    media_type = "application/json"

    def render(self, content: Any) -> bytes:
        """Its JSON."""
        return encode(content)


class ApiError(Exception):
    """A request that is answered by a reason, for people."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


def refused(status: int, text: str, headers: dict[str, str] | None = None) -> Json:
    """The answer that says why not."""
    return Json({"error": text}, status, headers)


async def body_of(request: Request) -> bytes:
    """What it brings.

    Raises:
        ApiError: it is too much, or does not come.
    """
    body = b""
    try:
        async with asyncio.timeout(BODY_WITHIN):
            async for chunk in request.stream():
                body += chunk
                if len(body) > BODY:
                    raise ApiError(413, f"send {BODY} bytes at most")
    except ClientDisconnect:
        raise ApiError(
            400, "nobody is there any more"
        ) from None  # else the server would log a stranger's whim
    except TimeoutError:
        raise ApiError(408, "the request did not come to its end") from None
    return body


def number(request: Request, name: str, default: int, most: int) -> int:
    """A whole number of the query, from 1 to `most`.

    Raises:
        ApiError: it is none.
    """
    text = request.query_params.get(name) or str(default)
    if not (
        text.isascii() and text.isdecimal() and 1 <= int(text[:9]) <= most and len(text) <= len(str(most))
    ):
        raise ApiError(400, f"{name} has to be a number from 1 to {most}")
    return int(text)


@asynccontextmanager
async def asking_redis() -> AsyncIterator[None]:
    """For a question to Redis.

    Raises:
        ApiError: it does not answer.
    """
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            yield
    except (RedisError, OSError):  # a TimeoutError is an OSError
        raise ApiError(503, "Redis does not answer") from None

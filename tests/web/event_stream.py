"""Reads server-sent events as a browser does."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

import httpx


class Event(NamedTuple):
    name: str
    data: Any
    id: str | None


class Events:
    """Of one stream.

    Source: https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation
    """

    def __init__(self, response: httpx.Response) -> None:
        self.response = response
        self.comments = 0
        self.kept: list[Event] = []
        self._lines = response.aiter_lines()

    async def next(self, *names: str, within: float = 10) -> Event:
        """The next one of these names; what comes before it is in `kept`."""
        async with asyncio.timeout(within):
            while True:
                event = await self._one()
                if event.name in names:
                    return event
                self.kept.append(event)

    async def ended(self) -> None:
        """Returns once the server has ended it."""
        async with asyncio.timeout(10):
            async for _ in self._lines:
                pass

    async def _one(self) -> Event:
        name, data, id_ = "", [], None
        async for line in self._lines:
            field, _, value = line.partition(": ")
            if field == "event":
                name = value
            elif field == "data":
                data.append(value)
            elif field == "id":
                id_ = value
            elif line.startswith(":"):
                self.comments += 1
            elif not line and data:
                return Event(name, json.loads("\n".join(data)), id_)
        raise EOFError("the stream has ended")


@asynccontextmanager
async def listening(
    http: httpx.AsyncClient, symbol: str | None = None, seen: str | None = None, **query: str
) -> AsyncIterator[Events]:
    """The events of a page that shows a symbol, or none."""
    params = query | ({"symbol": symbol} if symbol else {})
    headers = {"Last-Event-ID": seen} if seen else {}
    async with http.stream("GET", "/api/events", params=params, headers=headers) as response:
        assert response.status_code == 200, await response.aread()
        yield Events(response)

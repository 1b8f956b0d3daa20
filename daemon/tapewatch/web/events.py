"""Server-sent events: their form, and an answer made of them.

Source: https://html.spec.whatwg.org/multipage/server-sent-events.html
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from starlette.types import Receive, Scope, Send

from tapewatch.background import cancel
from tapewatch.web.answers import encode

Write = Callable[[bytes], Awaitable[None]]
"""Sends some of the stream; it waits while the client does not read, and the listener ends those who never do."""

COMMENT = b":\n\n"
"""Says nothing, but that the connection is there."""

MEDIA_TYPE = "text/event-stream"
_ONE_LINE = bytes.maketrans(b"\r\n", b"  ")
"""What others have written to Redis may be JSON of several lines; within a text there is none (RFC 8259, 7)."""

_HEADERS = [
    (b"content-type", MEDIA_TYPE.encode()),
    (b"x-accel-buffering", b"no"),  # nginx would keep events until it has many
]


def event(name: str, data: Any, id_: str | None = None) -> bytes:
    """One event, its data as JSON."""
    before = f"id: {id_}\n" if id_ else ""
    line = encode(data).translate(_ONE_LINE)
    return f"{before}event: {name}\ndata: ".encode() + line + b"\n\n"


class Stream:
    """An answer (ASGI) that goes on until `run` returns, or the client is gone.

    Args:
        run: writes it.
        ended: called then.
    """

    def __init__(self, run: Callable[[Write], Awaitable[None]], ended: Callable[[], object]) -> None:
        self._run = run
        self._ended = ended

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request."""
        started = False

        async def write(part: bytes, *, more: bool = True) -> None:
            nonlocal started
            if not started:
                started = True
                await send({"type": "http.response.start", "status": 200, "headers": _HEADERS})
            await send({"type": "http.response.body", "body": part, "more_body": more})

        running, gone = asyncio.ensure_future(self._run(write)), asyncio.ensure_future(_gone(receive))
        try:
            await asyncio.wait((running, gone), return_when=asyncio.FIRST_COMPLETED)
        finally:
            await cancel({own for own in (running, gone) if not own.done()})
            self._ended()
        if not running.cancelled():
            running.result()
        await write(b"", more=False)


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass

"""uvicorn inside our event loop, with limits on what a client may hold.

It takes no signals and writes no access log. Who opens connections and asks nothing has to go: open files are what
the feeds and Redis need, too.

Source: uvicorn's `Server.serve`, of which this is the part without signals; https://www.uvicorn.org/settings/.
"""

import asyncio
import socket
from collections.abc import Callable
from typing import Any

from starlette.types import ASGIApp
from uvicorn import Config, Server
from uvicorn.protocols.http.h11_impl import H11Protocol

MOST = 64
"""Connections at once; one more, and that which has waited longest for a request has to go."""

REQUEST_WITHIN = 10.0
"""Seconds for a request to come, whole, and for a client to take what it was answered."""

_END_WITHIN = 1
"""Seconds for answers that are being given at the end."""


class Line(H11Protocol):
    """A connection that has to ask for something soon, and to read the answer."""

    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """A client is there."""
        super().connection_made(transport)
        self._watch()
        if len(self.connections) > MOST:
            waiting = [line for line in self.connections if isinstance(line, Line) and line._deadline]
            min(waiting, key=Line._due, default=self)._hang_up()

    def data_received(self, data: bytes) -> None:
        """A part of a request has come, or all of it."""
        super().data_received(data)
        if self._answering():
            self._watch()

    def on_response_complete(self) -> None:
        """It was answered."""
        super().on_response_complete()
        self._watch()

    def pause_writing(self) -> None:
        """The client does not read what it asked for."""
        super().pause_writing()
        self._begin_to_wait()

    def resume_writing(self) -> None:
        """It has read most of it."""
        super().resume_writing()
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        """The client is gone."""
        self._stop_watching()
        super().connection_lost(exc)

    def _answering(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    def _watch(self) -> None:
        if self.flow.write_paused:
            return  # who asks for more, and reads nothing, gains no time by it
        self._stop_watching()
        if not self._answering() and not self.transport.is_closing():
            self._begin_to_wait()

    def _begin_to_wait(self) -> None:
        self._stop_watching()
        self._deadline = self.loop.call_later(REQUEST_WITHIN, self._hang_up)

    def _stop_watching(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _due(self) -> float:
        return self._deadline.when() if self._deadline is not None else 0.0

    def _hang_up(self) -> None:
        self.connections.discard(self)  # at once: the next one counts them before it is lost
        self.transport.abort()


async def run(app: ASGIApp, listening: socket.socket, ending: Callable[[], object]) -> None:
    """Serves `app` on a socket that listens, until cancelled; then closes it.

    Args:
        app: the application.
        listening: the socket.
        ending: called once no more is taken: answers that would go on are to come to their end.
    """
    options: dict[str, Any] = {
        "http": Line,
        "ws": "none",
        "lifespan": "off",
        "interface": "asgi3",
        "proxy_headers": False,  # the guard is to see who really asks
        "server_header": False,
        "log_config": None,
        "log_level": "error",  # below that, a client could fill the log
        "access_log": False,
        "timeout_graceful_shutdown": _END_WITHIN,
    }
    config = Config(app, **options)
    config.load()
    server = Server(config)
    server.lifespan = config.lifespan_class(config)
    await server.startup(sockets=[listening])
    try:
        await server.main_loop()
    finally:
        ending()
        await server.shutdown(sockets=[listening])

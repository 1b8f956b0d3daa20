"""Serves the page, health and metrics for as long as the daemon runs. Alerts matter more: nothing here ends it."""

import asyncio
import os
import socket
from collections.abc import Callable, Coroutine
from contextlib import closing
from ipaddress import ip_address
from typing import Any, Never

import structlog

from tapewatch.background import in_thread
from tapewatch.web.sources import Sources

log = structlog.get_logger(__name__)

AGAIN_SECONDS = 10.0
"""Between two attempts to get the address."""


async def serve(sources: Sources, listen: tuple[str, int], token: str | None) -> Never:
    """Serves until cancelled; an address that is taken is tried again and again.

    Args:
        sources: of the process.
        listen: IP address and port; port 0: any that is free.
        token: what others have to send; None: only programs on this machine may ask.
    """
    run = await in_thread(
        _server
    )  # its libraries take a tenth of a second to import, which ticks would wait for
    said = ""
    while True:
        try:
            with closing(_open(listen)) as listening:
                log.info("http.listening", url=f"http://{_shown(*listening.getsockname()[:2])}")
                said = ""
                await run(sources, listening, token)
        except Exception as error:
            reason = os.strerror(error.errno) if isinstance(error, OSError) and error.errno else repr(error)
            if reason != said:
                log.warning("http.not_listening", address=_shown(*listen), reason=reason)
            said = reason
        await asyncio.sleep(AGAIN_SECONDS)


def _server() -> Callable[[Sources, socket.socket, str | None], Coroutine[Any, Any, None]]:
    """What serves on a socket that listens."""
    from tapewatch.web import app, listener, page

    files = page.Files()

    async def run(sources: Sources, listening: socket.socket, token: str | None) -> None:
        own = app.App(sources, token, files)
        async with own.working():
            await listener.run(own.asgi, listening, own.end_streams)

    return run


def _open(listen: tuple[str, int]) -> socket.socket:
    """A socket that listens there; `[::]` takes IPv4, too.

    Raises:
        OSError: the address cannot be had.
    """
    host, _ = listen
    if ip_address(host).version == 4:
        return socket.create_server(listen)
    both = host == "::" and socket.has_dualstack_ipv6()
    return socket.create_server(listen, family=socket.AF_INET6, dualstack_ipv6=both)


def _shown(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"

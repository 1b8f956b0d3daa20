"""The one connection that drives any vendor's protocol: connect, log in, receive, and come back when lost."""

import asyncio
import os
import socket
import ssl
import time
from collections import Counter
from collections.abc import Callable
from email.utils import parsedate_to_datetime
from enum import StrEnum
from http import HTTPStatus
from typing import NoReturn
from urllib.parse import urlsplit

import numpy as np
import structlog
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import (
    ConnectionClosed,
    InvalidHandshake,
    InvalidProxy,
    InvalidStatus,
    InvalidURI,
    ProxyError,
)
from websockets.http11 import Response

from tapewatch import __version__, secrets
from tapewatch.config import Feed
from tapewatch.feeds.backoff import Backoff
from tapewatch.feeds.protocol import FaultKind, Faults, Refusal, RefusalKind, VendorProtocol
from tapewatch.urls import shown_host

log = structlog.get_logger(__name__)

MAX_FRAME = 16 * 2**20
"""Bytes; a longer frame closes the connection."""

FRAMES_PER_TURN = 16
"""After so many frames the event loop gets a turn: a burst that is already buffered would not give it one."""

FAULT_LOG_INTERVAL = 60.0
"""Seconds between two log lines of the same kind of fault."""

_CLOSE_TIMEOUT = 2.0
_NO_CONNECTION = (OSError, InvalidHandshake)
"""What may pass by itself: TCP, DNS, TLS and timeouts (all of them OSError), a failed handshake, a proxy."""


class State(StrEnum):
    """What a connection is at."""

    CONNECTING = "connecting"
    LOGGING_IN = "logging in"
    SUBSCRIBED = "subscribed"
    WAITING = "waiting"
    REFUSED = "refused"


class FeedRefusedError(Exception):
    """The vendor refuses this feed, and asking again would not help; the message says what would."""

    def __init__(self, feed: Feed, refusal: Refusal) -> None:
        super().__init__(f"feed {feed.name}: {refusal.text}")
        self.refusal = refusal


class _LineLostError(Exception):
    """The connection is over; `wait` is the shortest time before another makes sense."""

    def __init__(self, reason: str, wait: float = 0) -> None:
        super().__init__(reason)
        self.wait = wait


class Connection:
    """Keeps one feed connected for as long as `run` runs.

    Args:
        feed: the feed's config, for its name.
        url: `wss://…`; certificates are checked against the system's.
        protocol_factory: makes the vendor's protocol, once per connection.
        on_ticks: gets each frame's ticks, rows of `TICK`, never empty.
        backoff: how long to wait between attempts.
        login_timeout: seconds from connected to subscribed.
    """

    def __init__(
        self,
        feed: Feed,
        url: str,
        protocol_factory: Callable[[], VendorProtocol],
        on_ticks: Callable[[np.ndarray], None],
        *,
        backoff: Backoff | None = None,
        login_timeout: float = 10,
    ) -> None:
        self.state = State.CONNECTING
        self.connected_since: float | None = None
        """When the vendor confirmed the subscription (monotonic clock, s); None while not subscribed."""
        self.reconnects = 0
        """Attempts after the first."""
        self.last_frame: float | None = None
        """When the last frame came, whatever was in it (monotonic clock, s)."""
        self.faults: Counter[FaultKind] = Counter()
        """Faults since the start, by kind."""
        self.feed = feed
        self._url = url
        self._protocol_factory = protocol_factory
        self._on_ticks = on_ticks
        self._backoff = backoff or Backoff()
        self._login_timeout = login_timeout
        self._attempt = 0
        self._fault_log = _FaultLog(feed.name, self.faults)

    async def run(self) -> NoReturn:
        """Connect and receive until cancelled; a cancel closes the websocket before it ends.

        Raises:
            FeedRefusedError: bad key, data that the key is not entitled to, or a URL that is none; nothing is
                tried again.
        """
        while True:
            self.state = State.CONNECTING
            try:
                await self._session()
            except _LineLostError as lost:
                await self._wait(lost)

    async def _session(self) -> NoReturn:
        websocket = await self._connect()
        try:
            log.info("feed.connected", feed=self.feed.name, url=_shown(self._url))
            self.state = State.LOGGING_IN
            protocol = self._protocol_factory()
            await self._log_in(websocket, protocol)
            self.state = State.SUBSCRIBED
            self.connected_since = time.monotonic()
            log.info("feed.subscribed", feed=self.feed.name)
            while True:
                for _ in range(FRAMES_PER_TURN):
                    await self._take_frame(websocket, protocol)
                await asyncio.sleep(0)
        finally:
            self.connected_since = None
            await websocket.close()  # `async with` would tell the vendor of an internal error on a cancel

    async def _connect(self) -> ClientConnection:
        try:
            return await connect(
                self._url,
                user_agent_header=f"tapewatch/{__version__}",
                max_size=MAX_FRAME,
                open_timeout=self._login_timeout,
                close_timeout=_CLOSE_TIMEOUT,
            )
        except InvalidStatus as error:
            raise self._handshake_failed(error.response) from None
        except _NO_CONNECTION as error:
            raise _LineLostError(_why(error, shown_host(self._url), self._login_timeout)) from None
        except InvalidProxy:
            advice = "the proxy that https_proxy or another variable of the environment names is none"
            self._refused(Refusal(RefusalKind.BAD_URL, f"{advice}: write http://HOST:PORT"))
        except (InvalidURI, ValueError):  # the URL is not quoted: it may hold a key
            advice = "its url, or one that it redirects to, is none of a websocket: write wss://HOST:PORT/"
            self._refused(Refusal(RefusalKind.BAD_URL, advice))

    async def _log_in(self, websocket: ClientConnection, protocol: VendorProtocol) -> None:
        await self._send(websocket, protocol.open())
        try:
            async with asyncio.timeout(self._login_timeout):
                while not protocol.subscribed:
                    await self._take_frame(websocket, protocol)
        except TimeoutError:
            raise _LineLostError(f"no subscription {self._login_timeout:g} s after connecting") from None

    async def _take_frame(self, websocket: ClientConnection, protocol: VendorProtocol) -> None:
        try:
            frame = await websocket.recv(decode=False)
        except ConnectionClosed as error:
            raise _LineLostError(str(error)) from None
        now = self.last_frame = time.monotonic()
        ticks = protocol.receive(frame)
        if len(ticks):
            self._on_ticks(ticks)
            if self._attempt and self._is_healthy(now):
                self._attempt = 0
        if replies := protocol.replies():
            await self._send(websocket, replies)
        if protocol.faults.counts or self._fault_log.unlogged:
            self._fault_log.take(protocol.faults, now)
        if protocol.refusal is not None:
            self._refused(protocol.refusal)

    async def _send(self, websocket: ClientConnection, messages: list[str]) -> None:
        try:
            for message in messages:
                await websocket.send(message)
        except ConnectionClosed as error:
            raise _LineLostError(str(error)) from None

    def _is_healthy(self, now: float) -> bool:
        return self.connected_since is not None and now - self.connected_since >= self._backoff.healthy_after

    def _refused(self, refusal: Refusal) -> NoReturn:
        if refusal.kind is RefusalKind.TOO_MANY_CONNECTIONS:
            raise _LineLostError(refusal.text, self._backoff.too_many)
        if refusal.kind is RefusalKind.BAD_KEY:
            variable = secrets.variable("FEED", self.feed.name, "KEY")
            refusal = Refusal(refusal.kind, f"{refusal.text}; put a valid one into {variable} or key_file")
        self.state = State.REFUSED
        log.error("feed.refused", feed=self.feed.name, kind=str(refusal.kind), reason=refusal.text)
        raise FeedRefusedError(self.feed, refusal)

    def _handshake_failed(self, response: Response) -> _LineLostError:
        said = f"{_shown(self._url)} answered HTTP {response.status_code}"
        if response.status_code == HTTPStatus.UNAUTHORIZED:
            self._refused(Refusal(RefusalKind.BAD_KEY, f"{said}: it does not take the key"))
        if response.status_code == HTTPStatus.FORBIDDEN:
            advice = "it does not serve this key, or this address of yours; ask the vendor"
            self._refused(Refusal(RefusalKind.NOT_ENTITLED, f"{said}: {advice}"))
        return _LineLostError(said, _retry_after(response.headers.get("Retry-After", "")))

    async def _wait(self, lost: _LineLostError) -> None:
        seconds = lost.wait + self._backoff.delay(self._attempt)
        self._attempt += 1
        self.state = State.WAITING
        log.warning("feed.lost", feed=self.feed.name, reason=str(lost), retry_in_s=round(seconds, 2))
        await asyncio.sleep(seconds)
        self.reconnects += 1


class _FaultLog:
    """Logs faults at once when they begin, then at most once a minute and kind, with how many there were."""

    def __init__(self, feed: str, total: Counter[FaultKind]) -> None:
        self.unlogged: Counter[FaultKind] = Counter()
        self._feed = feed
        self._total = total
        self._samples: dict[FaultKind, str] = {}
        self._logged: dict[FaultKind, float] = {}

    def take(self, faults: Faults, now: float) -> None:
        """Move `faults` into the total, and log what is due at `now` (monotonic clock, s)."""
        self._total.update(faults.counts)
        self.unlogged.update(faults.counts)
        self._samples.update(faults.samples)
        faults.clear()
        for kind in list(self.unlogged):
            if now - self._logged.get(kind, -FAULT_LOG_INTERVAL) >= FAULT_LOG_INTERVAL:
                self._logged[kind] = now
                count = self.unlogged.pop(kind)
                sample = self._samples[kind]
                log.warning("feed.fault", feed=self._feed, kind=str(kind), count=count, sample=sample)


def _why(error: OSError | InvalidHandshake, host: str, timeout: float) -> str:
    """Why there is no connection to `host`, for the one who must act; `timeout` is in seconds."""
    match error:
        case ProxyError():
            return f"the proxy does not let us through to {host}: {error}"
        case InvalidHandshake():
            return f"{host} did not answer as a websocket server: {error}"
        case socket.gaierror():
            return f"{host} cannot be found (DNS): {error.strerror}"
        case ssl.SSLCertVerificationError():
            return f"{host} has a certificate that is not trusted: {error.verify_message}"
        case ssl.SSLError():
            return f"{host} does not speak TLS as we do: {error.reason}"
        case TimeoutError():
            return f"{host} did not answer within {timeout:g} s"
        case OSError(errno=int(number)):
            return f"no connection to {host}: {os.strerror(number)}"
        case _:
            return f"no connection to {host}: {error}"


def _shown(url: str) -> str:
    """`url` fit for a log: without user, password and query, which may hold a key."""
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment="").geturl()


def _retry_after(header: str) -> float:
    """Seconds that a `Retry-After` asks for, a number or an HTTP date (RFC 9110, 10.2.3); at most an hour."""
    if header.isdecimal():
        seconds = float(header)
    else:
        try:
            seconds = parsedate_to_datetime(header).timestamp() - time.time()
        except ValueError:
            return 0
    return min(max(seconds, 0), 3600)

"""The one connection that drives any vendor's protocol: connect, log in, receive, and come back when lost."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from itertools import cycle
from typing import NoReturn

import numpy as np
import structlog
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from tapewatch import secrets
from tapewatch.config import Feed
from tapewatch.feeds.backoff import Backoff
from tapewatch.feeds.dial import LineLostError, RefusedError, dial, shown
from tapewatch.feeds.protocol import FaultKind, Faults, Refusal, RefusalKind, VendorProtocol
from tapewatch.feeds.vendors import VENDORS

log = structlog.get_logger(__name__)

FRAMES_PER_TURN = 16
"""After so many frames the event loop gets a turn: a burst that is already buffered would not give it one."""

FAULT_LOG_INTERVAL = 60.0
"""Seconds between two log lines of the same kind of fault."""

KEEPALIVE_SECONDS = 20.0
"""Between two pings, and for the answer to one: a line whose other end is gone without a word is lost after both."""

_UNWATCHED = "no watch takes this feed"


class State(StrEnum):
    """What a connection is at."""

    CONNECTING = "connecting"
    LOGGING_IN = "logging in"
    SUBSCRIBED = "subscribed"
    IDLE = "idle"
    """Nobody watches anything on it, so that there is nothing to connect for."""
    WAITING = "waiting"
    REFUSED = "refused"


class FeedRefusedError(Exception):
    """The vendor refuses this feed, and asking again would not help; the message says what would."""

    def __init__(self, feed: Feed, refusal: Refusal) -> None:
        super().__init__(f"feed {feed.name}: {refusal.text}")
        self.refusal = refusal


@dataclass
class _Line:
    """What is open now."""

    websocket: ClientConnection
    protocol: VendorProtocol
    end: asyncio.Timeout
    """Brought about by `replace` alone."""
    replaced: str = ""
    """Why it is given up."""
    asking: asyncio.Task[None] | None = None
    """Asks for other instruments."""


class Connection:
    """Keeps one feed connected for as long as `run` runs.

    Args:
        feed: the feed's config, for its name.
        url: `wss://…`; certificates are checked against the system's.
        protocol: makes the vendor's protocol of what to watch, once per connection.
        instruments: what to watch: the engine's number of each, by the vendor's name for it.
        on_ticks: gets each frame's ticks, rows of `TICK`, never empty.
        fallback_url: where every second attempt of a row of failures goes.
        backoff: how long to wait between attempts.
        login_timeout: seconds from connected to subscribed.
        keepalive: seconds between two pings, and for the answer to one.
        on_connected: called when a websocket is open, before anything comes over it.
        on_frame: gets each frame as it came, before its ticks are taken.
        on_subscribed: called each time the vendor has confirmed, before the first tick of that connection.
        on_lost: called each time a subscribed connection is lost, replaced or refused; not at the end of `run`.
    """

    def __init__(
        self,
        feed: Feed,
        url: str,
        protocol: Callable[[Mapping[str, int]], VendorProtocol],
        instruments: Mapping[str, int],
        on_ticks: Callable[[np.ndarray], None],
        *,
        fallback_url: str | None = None,
        backoff: Backoff | None = None,
        login_timeout: float = 10,
        keepalive: float = KEEPALIVE_SECONDS,
        on_connected: Callable[[], None] | None = None,
        on_frame: Callable[[bytes], None] | None = None,
        on_subscribed: Callable[[], None] | None = None,
        on_lost: Callable[[], None] | None = None,
    ) -> None:
        self.state = State.CONNECTING
        self.url: str | None = None
        """Where it is connected, or was last, without what may be secret: `wss://HOST:PORT`."""
        self.connected_since: float | None = None
        """When the vendor confirmed the subscription (monotonic clock, s); None while not subscribed."""
        self.reconnects = 0
        """Attempts after the first."""
        self.replaced = 0
        """Connections given up by `replace`."""
        self.last_frame: float | None = None
        """When the last frame came, whatever was in it (monotonic clock, s)."""
        self.faults: Counter[FaultKind] = Counter()
        """Faults since the start, by kind."""
        self.feed = feed
        self._url = url
        self._fallback_url = fallback_url if fallback_url != url else None
        self._protocol = protocol
        self._on_ticks = on_ticks
        self._on_connected = on_connected or _nothing
        self._on_frame = on_frame
        self._on_subscribed = on_subscribed or _nothing
        self._on_lost = on_lost or _nothing
        self._backoff = backoff or Backoff()
        self._login_timeout = login_timeout
        self._keepalive = keepalive
        self._line: _Line | None = None
        self._failures = 0  # in the row since the last healthy connection
        self._urls = self._url_row()
        self._proven = False  # healthy: the next loss begins a new row
        self._data_since: float | None = None  # first ticks of the connection
        self._fault_log = _FaultLog(feed.name, self.faults)
        self._wanted = asyncio.Event()  # there are instruments
        self.watch(instruments)

    async def run(self) -> NoReturn:
        """Connect and receive until cancelled; a cancel closes the websocket before it ends.

        Raises:
            FeedRefusedError: bad key, data that the key is not entitled to, or a URL that is none; nothing is
                tried again.
        """
        while True:
            if not self._instruments:
                self.state = State.IDLE
                log.info("feed.idle", feed=self.feed.name, reason=_UNWATCHED)
                await self._wanted.wait()
            self.state = State.CONNECTING
            url = next(self._urls)
            try:
                await self._session(url)
            except LineLostError as lost:
                await self._wait(lost.wait, str(lost))
            except RefusedError as error:
                await self._wait(self._refused(url, error.refusal), str(error))

    def watch(self, instruments: Mapping[str, int]) -> None:
        """Other instruments from now on, on the connection that is open and on each new one.

        The ticks of the next frame have the new numbers; the vendor is asked as soon as may be. Without any, the
        connection is given up until there are some.

        Args:
            instruments: the engine's number of each, by the vendor's name for it.
        """
        self._instruments = dict(instruments)
        if self._line is not None:
            self._line.protocol.watch(instruments)  # at once: what comes by old numbers is another's
        if not instruments:
            self._wanted.clear()
            self._give_up(_UNWATCHED)
            return
        self._wanted.set()
        if self._line is not None:
            self._line.asking = asyncio.create_task(_ask(self._line))

    def replace(self, reason: str) -> None:
        """Give up the connection that is open, if any, for `reason`; a new one is made after the usual wait."""
        self.replaced += self._give_up(reason)

    def _give_up(self, reason: str) -> bool:
        """Whether there was a connection to give up."""
        if self._line is None or self._line.replaced:
            return False
        self._line.replaced = reason
        self._line.end.reschedule(asyncio.get_running_loop().time())
        return True

    def _url_row(self) -> Iterator[str]:
        """Where the attempts of a row of failures go; the second URL serves every second one."""
        return cycle(filter(None, (self._url, self._fallback_url)))

    async def _session(self, url: str) -> NoReturn:
        websocket = await dial(url, self._login_timeout, self._keepalive)
        self.url = shown(url)
        try:
            await self._talk(websocket)
        except (LineLostError, RefusedError):
            if self.connected_since is not None:
                self._on_lost()
            raise
        finally:
            self._line = self.connected_since = None
            await websocket.close()  # `async with` would tell the vendor of an internal error on a cancel

    async def _talk(self, websocket: ClientConnection) -> NoReturn:
        log.info("feed.connected", feed=self.feed.name, url=self.url)
        self.state = State.LOGGING_IN
        self._proven = False
        self._data_since = None
        line = self._line = _Line(websocket, self._protocol(self._instruments), asyncio.timeout(None))
        self._on_connected()
        if not self._instruments:  # given up while it was dialled
            raise LineLostError(_UNWATCHED)
        try:
            async with line.end:
                await self._log_in(line)
                while True:
                    for _ in range(FRAMES_PER_TURN):
                        await self._take_frame(line)
                    await asyncio.sleep(0)
        except TimeoutError:
            if not line.replaced:  # what went wrong is ours: a full disk's, say
                raise
            raise LineLostError(line.replaced) from None

    async def _log_in(self, line: _Line) -> None:
        with suppress(LineLostError):  # what a vendor says before it hangs up is still to be read
            await _send(line.websocket, line.protocol.open())
        if line.protocol.subscribed:
            self._subscribed()
        with suppress(TimeoutError):
            async with asyncio.timeout(self._login_timeout):
                while self.connected_since is None:
                    await self._take_frame(line)
        if self.connected_since is None:
            raise LineLostError(f"no subscription {self._login_timeout:g} s after connecting")

    def _subscribed(self) -> None:
        self.state = State.SUBSCRIBED
        self.connected_since = time.monotonic()
        log.info("feed.subscribed", feed=self.feed.name)
        self._on_subscribed()

    async def _take_frame(self, line: _Line) -> None:
        try:
            frame = await line.websocket.recv(decode=False)
        except ConnectionClosed as error:  # its text quotes the vendor's reason
            raise LineLostError(line.protocol.faults.said(str(error))) from None
        now = self.last_frame = time.monotonic()
        if self._on_frame is not None:
            self._on_frame(frame)
        protocol = line.protocol
        ticks = protocol.receive(frame)
        if self.connected_since is None and (protocol.subscribed or len(ticks)):
            self._subscribed()
        if len(ticks):
            self._on_ticks(ticks)
            if not self._proven:
                self._note_data(now)
        if replies := protocol.replies():
            await _send(line.websocket, replies)
        if protocol.faults.counts or self._fault_log.unlogged:
            self._fault_log.take(protocol.faults, now)
        if protocol.refusal is not None:
            raise RefusedError(protocol.refusal)

    def _note_data(self, now: float) -> None:
        """Only data shows that a connection is worth something: heartbeats come over a useless one, too."""
        if self._data_since is None:
            self._data_since = now
        if now - self._data_since >= self._backoff.healthy_after:
            self._proven = True
            self._failures = 0
            self._urls = self._url_row()

    def _refused(self, url: str, refusal: Refusal) -> float:
        """Seconds to wait, at least, where another attempt makes sense.

        Raises:
            FeedRefusedError: it makes none.
        """
        if refusal.kind is RefusalKind.TOO_MANY_CONNECTIONS:
            return self._backoff.too_many
        if refusal.kind is RefusalKind.BAD_KEY:
            refusal = Refusal(refusal.kind, refusal.text + _where_to_put(self.feed))
        by_fallback = url == self._fallback_url
        which = "fallback_url" if by_fallback else "url"
        log.error("feed.refused", feed=self.feed.name, by=which, kind=str(refusal.kind), reason=refusal.text)
        if by_fallback:  # done without: that the first one is away for a while should not end the feed
            self._fallback_url = None
            self._urls = self._url_row()
            return 0
        self.state = State.REFUSED
        raise FeedRefusedError(self.feed, refusal)

    async def _wait(self, least: float, reason: str) -> None:
        seconds = least + self._backoff.delay(self._failures)
        self._failures += 1
        self.state = State.WAITING
        log.warning("feed.lost", feed=self.feed.name, reason=reason, retry_in_s=round(seconds, 2))
        await asyncio.sleep(seconds)
        self.reconnects += 1


def _nothing() -> None:
    """Nobody wants to know."""


def _where_to_put(feed: Feed) -> str:
    """What to do about a key that is refused; nothing, where the feed has none."""
    places = [
        f"{secrets.variable('feed', feed.name, field)} or {field}_file"
        for field in VENDORS[feed.vendor].needs(feed)
    ]
    return f"; put a valid one into {', the secret into '.join(places)}" if places else ""


async def _ask(line: _Line) -> None:
    with suppress(LineLostError):  # `run` sees it, too; the next connection asks for the same
        await _send(line.websocket, line.protocol.replies())


async def _send(websocket: ClientConnection, messages: list[str]) -> None:
    try:
        for message in messages:
            await websocket.send(message)
    except ConnectionClosed as error:
        raise LineLostError(str(error)) from None


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

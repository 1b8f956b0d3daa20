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
from tapewatch.feeds.dial import CLOSE_WITHIN, LineLostError, RefusedError, dial, has_frame, shown, silence
from tapewatch.feeds.fault_log import FaultLog
from tapewatch.feeds.lag import Behind, CaughtUp, Lag
from tapewatch.feeds.protocol import FaultKind, Refusal, RefusalKind, VendorProtocol
from tapewatch.feeds.vendors import VENDORS
from tapewatch.market.ticks import TICK

log = structlog.get_logger(__name__)

FRAMES_PER_BATCH = 64
TICKS_PER_BATCH = 16_384
BYTES_PER_BATCH = 2**20
"""Once a batch has so many of any, it is handed on, and the event loop gets a turn."""

KEEPALIVE_SECONDS = 20.0
"""Between two pings, and for an answer or anything else: a line whose other end is gone is lost after both."""

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
        on_ticks: gets the ticks of all frames that had come by then, rows of `TICK` in their order, never empty.
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
        self.frames = 0
        self.ticks = 0
        """What came since the start."""
        self.last_frame: float | None = None
        """When the last frame came, whatever was in it (monotonic clock, s)."""
        self.faults: Counter[FaultKind] = Counter()
        """Faults since the start, by kind."""
        self.lag = Lag() if feed.clock == "wall" else None
        """How late its ticks are; on a tape nobody knows."""
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
        self._fault_log = FaultLog(feed.name, self.faults)
        self._wanted = asyncio.Event()  # there are instruments
        self.watch(instruments)

    @property
    def standing_back(self) -> int:
        """By how much (ns) a wall clock has to stand back now for the ticks of this feed, which are late."""
        return self.lag.standing_back(time.monotonic_ns()) if self.lag is not None else 0

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
        websocket = await dial(url, self._login_timeout, min(self._keepalive, CLOSE_WITHIN))
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
        listening = asyncio.create_task(self._give_up_the_dead(line))
        try:
            async with line.end:
                await self._log_in(line)
                while True:
                    await self._take_frames(line)
        except TimeoutError:
            if not line.replaced:  # what went wrong is ours: a full disk's, say
                raise
            raise LineLostError(line.replaced) from None
        finally:
            listening.cancel()

    async def _give_up_the_dead(self, line: _Line) -> None:
        await silence(line.websocket, self._keepalive, lambda: self.last_frame or 0)
        if self._line is line:
            self._give_up(f"no answer to a ping within {self._keepalive:g} s")

    async def _log_in(self, line: _Line) -> None:
        with suppress(LineLostError):  # what a vendor says before it hangs up is still to be read
            await _send(line.websocket, line.protocol.open())
        if line.protocol.subscribed:
            self._subscribed()
        with suppress(TimeoutError):
            async with asyncio.timeout(self._login_timeout):
                while self.connected_since is None:
                    await self._take_frames(line)
        if self.connected_since is None:
            raise LineLostError(f"no subscription {self._login_timeout:g} s after connecting")

    def _subscribed(self) -> None:
        self.state = State.SUBSCRIBED
        self.connected_since = time.monotonic()
        log.info("feed.subscribed", feed=self.feed.name)
        if self.lag is not None:
            self._say(self.lag.began())
        self._on_subscribed()

    async def _take_frames(self, line: _Line) -> None:
        """Waits for a frame, takes all that have come by then, and hands their ticks on together."""
        batch: list[np.ndarray] = []
        frames = ticks = size = 0
        while True:  # only the first turn of it waits, while there is nothing to hand on
            frame = await _receive(line)
            frames += 1
            size += len(frame)
            if len(own := self._read(line, frame)):
                batch.append(own)
                ticks += len(own)
            full = frames == FRAMES_PER_BATCH or ticks >= TICKS_PER_BATCH or size >= BYTES_PER_BATCH
            if full or line.protocol.refusal is not None or not has_frame(line.websocket):
                break
        now = self.last_frame = time.monotonic()
        self.frames += frames
        self.ticks += ticks
        if batch:
            self._hand_on(batch[0] if len(batch) == 1 else _joined(batch), now)
        protocol = line.protocol
        if replies := protocol.replies():
            await _send(line.websocket, replies)
        if protocol.faults.counts or self._fault_log.unlogged:
            self._fault_log.take(protocol.faults, now)
        if protocol.refusal is not None:
            raise RefusedError(protocol.refusal)
        if full:  # what is buffered already would not give the others a turn
            await asyncio.sleep(0)

    def _read(self, line: _Line, frame: bytes) -> np.ndarray:
        """The ticks of a frame; news of the subscription comes before them."""
        if self._on_frame is not None:
            self._on_frame(frame)
        ticks = line.protocol.receive(frame)
        if self.connected_since is None and (line.protocol.subscribed or len(ticks)):
            self._subscribed()
        return ticks

    def _hand_on(self, ticks: np.ndarray, now: float) -> None:
        if self.lag is not None:
            self._say(self.lag.take(ticks, time.monotonic_ns(), time.time_ns()))
        self._on_ticks(ticks)
        if not self._proven:
            self._note_data(now)

    def _say(self, lag: Behind | CaughtUp | None) -> None:
        match lag:
            case Behind(seconds, ticks):
                log.warning("feed.behind", feed=self.feed.name, seconds=round(seconds, 3), ticks=ticks)
            case CaughtUp(lasted, most):
                log.info(
                    "feed.caught_up", feed=self.feed.name, lasted_s=round(lasted, 3), most_s=round(most, 3)
                )

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


async def _receive(line: _Line) -> bytes:
    try:
        return await line.websocket.recv(decode=False)
    except ConnectionClosed as error:  # its text quotes the vendor's reason
        raise LineLostError(line.protocol.faults.said(str(error))) from None


def _joined(batch: list[np.ndarray]) -> np.ndarray:
    """Rows of `TICK` as one array; numpy's own way compares the columns of each, which takes 200 times as long."""
    return np.frombuffer(bytearray().join(own.data for own in batch), TICK)


async def _ask(line: _Line) -> None:
    with suppress(LineLostError):  # `run` sees it, too; the next connection asks for the same
        await _send(line.websocket, line.protocol.replies())


async def _send(websocket: ClientConnection, messages: list[str]) -> None:
    try:
        for message in messages:
            await websocket.send(message)
    except ConnectionClosed as error:
        raise LineLostError(str(error)) from None

"""Bars of the past over HTTP: the one source that drives any vendor's history."""

import asyncio
import time
from collections import defaultdict
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote

import httpx
import numpy as np
from numpy.typing import NDArray
from tenacity import (
    AsyncRetrying,
    RetryCallState,
    retry_if_exception_type,
    stop_before_delay,
    wait_random_exponential,
)

from tapewatch.feeds.history_cache import DAY_NS, HistoryCache
from tapewatch.feeds.history_vendor import Asked, BadAnswerError, Page, Request, VendorHistory, Why
from tapewatch.feeds.protocol import Credentials
from tapewatch.market.bars import BAR
from tapewatch.market.ticks import NS
from tapewatch.market.timeframes import duration_ns
from tapewatch.retry_after import retry_after
from tapewatch.urls import shown_host

TIMEOUT = 10.0
"""Seconds that a vendor has for one answer."""
PATIENCE = 30.0
"""Seconds for which a failure that may pass is tried again."""
PAUSE = 60.0
"""Seconds for which a vendor that failed so long is not asked again: a hundred symbols would wait for each other."""
MAX_ANSWER = 64 * 2**20
"""Bytes."""
MAX_PAGES = 1000
MAX_BARS = 5_000_000
"""Of one question: minutes of twenty years without a break are ten millions, and nobody needs so many."""
WITHHELD = 15 * 60 * NS
"""How much of the newest (ns) a vendor keeps from those who pay for none of it."""

_STILL_MENDED = 3600 * NS  # the last bars of a day come in after its end


class HistoryUnavailableError(Exception):
    """There are no bars to be had; the message says why, and what would help."""


class _PassingError(Exception):
    """It may work later; `wait` is the shortest time (s) before another attempt makes sense."""

    def __init__(self, reason: str, wait: float = 0.0) -> None:
        super().__init__(reason)
        self.wait = wait


class _TooRecentError(Exception):
    """The newest bars are not for us."""


class HistorySource:
    """A feed's bars of the past.

    Args:
        http: the client; it follows no redirects.
        vendor: made with the credentials.
        credentials: never shown.
        url: asked in place of the vendor's own.
        folder: of the instance's cache; None: nothing is kept.
        patience: seconds for which a failure that may pass is tried again.
        timeout: seconds for one answer.
    """

    def __init__(
        self,
        http: httpx.AsyncClient,
        vendor: VendorHistory,
        credentials: Credentials,
        url: str | None = None,
        folder: Path | None = None,
        *,
        patience: float = PATIENCE,
        timeout: float = TIMEOUT,
    ) -> None:
        self.vendor = vendor
        self._http = http
        self._url = (url or vendor.url).rstrip("/")
        self._secrets = [own for own in (credentials.key, credentials.secret) if own]
        self._cache = HistoryCache(folder / quote(f"{vendor.name} {self._url}", safe="")) if folder else None
        self._patience, self._timeout = patience, timeout
        self._pace = _Pace(vendor.per_minute)
        self._withheld: dict[str, int] = {}
        self._locks: defaultdict[tuple[str, str], asyncio.Lock] = defaultdict(asyncio.Lock)
        self._given_up: tuple[float, HistoryUnavailableError] | None = None

    def hope(self) -> None:
        """The network is back: what could not be reached is asked again at once."""
        self._given_up = None

    def reaches(self, interval: str, now: int) -> int:
        """The earliest time (ns) of which the vendor still has bars."""
        if self.vendor.reach is None:
            return 0
        length = duration_ns(interval)
        return (now // length - self.vendor.reach + 1) * length

    def known_until(self, interval: str, now: int) -> int:
        """Up to when (ns) the vendor lets us see."""
        return now - self._withheld.get(interval, 0)

    async def bars(self, symbol: str, interval: str, start: int, end: int, now: int) -> NDArray[np.void]:
        """Bars that begin from `start` on and have ended by `end` (ns), as far as the vendor has them.

        Args:
            symbol: as the vendor calls it.
            interval: one of the vendor's.
            start: the earliest start.
            end: the latest end; of daily bars, the time up to which they may have begun.
            now: what the time is.

        Returns:
            Rows of `BAR`, oldest first, one a start. A daily bar begins at 00:00 UTC of its date and ends 24 h later:
            which session that is, the vendor does not say; today's may still be forming.

        Raises:
            HistoryUnavailableError: the vendor gives none, or not now.
        """
        async with self._locks[symbol, interval]:
            try:
                return await self._bars(Asked(symbol, interval, start, end), now)
            except _TooRecentError as error:
                if interval in self._withheld:
                    raise HistoryUnavailableError(str(error)) from None
                self._withheld[interval] = WITHHELD
                return await self._bars(Asked(symbol, interval, start, end), now)

    async def _bars(self, asked: Asked, now: int) -> NDArray[np.void]:
        visible = self.known_until(asked.interval, now)
        earliest = self.reaches(asked.interval, now)
        start, end = max(asked.start, earliest), min(asked.end, visible)
        if start >= end:
            return np.zeros(0, BAR)
        known = self._cache.read(asked.symbol, asked.interval, now) if self._cache else None
        days = np.arange(start // DAY_NS, (end - 1) // DAY_NS + 1)
        parts = [known.bars] if known else []
        for first, last in _runs(np.setdiff1d(days, known.days) if known else days):
            upto = min((last + 1) * DAY_NS, visible)
            fetched = await self._fetch(replace(asked, start=max(first * DAY_NS, earliest), end=upto))
            parts.append(fetched)
            if self._cache and known:
                over = np.arange(first, last + 1)
                settled = visible - _STILL_MENDED - duration_ns(asked.interval)
                over = over[((over + 1) * DAY_NS <= settled) & (over * DAY_NS >= earliest)]
                self._cache.add(asked.symbol, asked.interval, known, over, fetched, now)
                known = self._cache.read(asked.symbol, asked.interval, now)
        bars = _in_order(np.concatenate(parts)) if parts else np.zeros(0, BAR)
        over_by = bars["start"] if asked.interval == "1d" else bars["end"]
        return bars[(bars["start"] >= start) & (over_by <= end)]

    async def _fetch(self, asked: Asked) -> NDArray[np.void]:
        """All pages."""
        parts: list[NDArray[np.void]] = []
        request: Request | None = self.vendor.request(asked)
        while request is not None:
            if len(parts) == MAX_PAGES or sum(map(len, parts)) > MAX_BARS:
                raise HistoryUnavailableError(f"{shown_host(self._url)} has no end of pages")
            page = await self._page(request)
            parts.append(page.bars)
            request = page.next
        return np.concatenate(parts)

    async def _page(self, request: Request) -> Page:
        if self._given_up and time.monotonic() < self._given_up[0]:
            raise HistoryUnavailableError(str(self._given_up[1]))
        await self._pace.turn()
        retrying = AsyncRetrying(
            retry=retry_if_exception_type(_PassingError),
            wait=_wait,
            stop=stop_before_delay(self._patience),
            reraise=True,
        )
        try:
            async for attempt in retrying:
                with attempt:
                    if attempt.retry_state.attempt_number > 1:
                        await self._pace.turn()
                    return self._read(await self._answer(request), request)
        except _PassingError as error:
            raise self._give_up(str(error), error.wait) from None
        raise AssertionError("tenacity ends with an answer or an error")

    async def _answer(self, request: Request) -> httpx.Response:
        """The whole answer, whatever its status.

        Raises:
            _PassingError: there was none.
        """
        url, host = self._url + request.path, shown_host(self._url)
        try:
            # httpx's own timeouts are per read: a server that drips bytes would hold us for ever.
            async with (
                asyncio.timeout(self._timeout),
                self._http.stream("GET", url, params=request.params, headers=request.headers) as response,
            ):
                body = bytearray()
                async for block in response.aiter_bytes():
                    body += block
                    if len(body) > MAX_ANSWER:
                        raise HistoryUnavailableError(f"{host} answers with more than {MAX_ANSWER:,} bytes")
                return httpx.Response(response.status_code, headers=_plain(response), content=bytes(body))
        except (TimeoutError, httpx.TimeoutException):
            raise _PassingError(f"{host} gave no answer within {self._timeout:g} s") from None
        except httpx.ConnectError as error:
            raise _PassingError(f"no connection to {host}: {error}") from None
        except httpx.HTTPError as error:
            raise _PassingError(f"the connection to {host} broke: {type(error).__name__}") from None

    def _read(self, response: httpx.Response, request: Request) -> Page:
        """The bars in an answer, or what its refusal means."""
        host = shown_host(self._url)
        try:
            none = self.vendor.no_bars(response.status_code, response.content)
            if none is None:
                return self.vendor.parse(response.content, request)
        except (BadAnswerError, UnicodeDecodeError) as error:
            raise _PassingError(f"{host} answered what it does not document: {error}") from None
        except RecursionError:
            raise _PassingError(f"{host} answered what it does not document: it is nested too deep") from None
        text = self._shown(f"{host} gives no bars of {request.asked.symbol}: {none.text}")
        if none.kind is Why.PASSING:
            raise _PassingError(text, retry_after(response.headers.get("Retry-After", "")) or 0.0)
        if none.kind is Why.TOO_RECENT:
            raise _TooRecentError(text)
        if none.kind is Why.BAD_KEY:
            raise self._give_up(text)
        raise HistoryUnavailableError(text)

    def _give_up(self, reason: str, wait: float = 0.0) -> HistoryUnavailableError:
        error = HistoryUnavailableError(reason)
        self._given_up = time.monotonic() + max(PAUSE, wait), error
        return error

    def _shown(self, text: str) -> str:
        for secret in self._secrets:
            text = text.replace(secret, "***")
        return text


class _Pace:
    """Lets requests through so far apart that the vendor allows all of them."""

    def __init__(self, per_minute: int) -> None:
        self._gap = 60 / per_minute
        self._next = 0.0
        self._line = asyncio.Lock()

    async def turn(self) -> None:
        """Returns when it is the caller's turn; who gives up while waiting takes none."""
        async with self._line:
            await asyncio.sleep(self._next - time.monotonic())
            self._next = time.monotonic() + self._gap


_backoff = wait_random_exponential(multiplier=0.25, max=5)


def _wait(state: RetryCallState) -> float:
    """A random time, at most ever longer, and not shorter than the vendor asks for."""
    error = state.outcome.exception() if state.outcome else None
    return max(_backoff(state), error.wait if isinstance(error, _PassingError) else 0.0)


def _plain(response: httpx.Response) -> dict[str, str]:
    """The headers that matter of an answer whose body is unpacked."""
    return {name: response.headers[name] for name in ("Retry-After",) if name in response.headers}


def _runs(days: NDArray[np.int64]) -> list[tuple[int, int]]:
    """First and last of each row of days without a gap."""
    if not len(days):
        return []
    return [(int(run[0]), int(run[-1])) for run in np.split(days, np.flatnonzero(np.diff(days) > 1) + 1)]


def _in_order(bars: NDArray[np.void]) -> NDArray[np.void]:
    """By their start; of two that start together, the last that came."""
    newest_first = bars[::-1]
    return newest_first[np.unique(newest_first["start"], return_index=True)[1]]

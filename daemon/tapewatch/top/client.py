"""Asks the daemon over HTTP. Source: https://www.python-httpx.org/async/, "Streaming responses"."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Self, TypeVar

import httpx
import msgspec

from tapewatch.notify.render import one_line
from tapewatch.top.sse import Event, Parser, TooLongError
from tapewatch.top.wire import Entry, Found, Silence

ANSWER_SECONDS = 10.0
QUIET_SECONDS = 40.0
"""Without a byte for so long, an event stream is lost: a comment comes every 15 s."""

LISTED = 200
"""Watches in a list, at most; more do not help who searches."""

T = TypeVar("T")


class DaemonError(Exception):
    """The daemon cannot be asked; the message says why, for people."""


class NoDaemonError(DaemonError):
    """Nothing listens there."""


class NotAllowedError(DaemonError):
    """It does not let us ask."""


class Client:
    """One daemon.

    Args:
        url: where it listens: `http://127.0.0.1:8790`.
        token: what it has to be sent; None: nothing.
    """

    def __init__(self, url: str, token: str | None) -> None:
        self.url = url
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._http = httpx.AsyncClient(
            base_url=url,
            headers=headers,
            timeout=ANSWER_SECONDS,
            # Without a token the daemon answers nobody who comes through a proxy.
            trust_env=token is not None,
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._http.aclose()

    async def watches(self, search: str = "") -> Found:
        """Those whose symbol or title has `search` in it, in the config's order."""
        return await self._get("/api/watches", Found, q=search, limit=str(LISTED))

    async def alerts(self, limit: int) -> list[Entry]:
        """The newest ones, the newest last."""
        return await self._get("/api/alerts", list[Entry], limit=str(limit))

    async def silence(self, pattern: str, span: str) -> None:
        """Keeps the alerts of symbols from all receivers for so long, such as `1h`."""
        told = {"symbol": pattern, "for": span, "why": "from tapewatch top"}
        await self._ask("POST", "/api/silences", json=told)

    async def lift(self, silence: Silence) -> None:
        """Takes a silence back."""
        await self._ask("DELETE", f"/api/silences/{silence.id}")

    @asynccontextmanager
    async def events(
        self, symbol: str, timeframe: str, last_id: str = ""
    ) -> AsyncIterator[AsyncIterator[Event]]:
        """The event stream of one chart, and of everybody's alerts; after `last_id`, if one is given."""
        headers = {"Accept": "text/event-stream"} | ({"Last-Event-ID": last_id} if last_id else {})
        timeout = httpx.Timeout(ANSWER_SECONDS, read=QUIET_SECONDS)
        params = {"symbol": symbol, "timeframe": timeframe}
        try:
            async with self._http.stream(
                "GET", "/api/events", params=params, headers=headers, timeout=timeout
            ) as answer:
                if answer.status_code != httpx.codes.OK:
                    await answer.aread()
                    raise self._refusal(answer)
                yield _events(answer)
        except httpx.HTTPError as error:
            raise self._failure(error) from None
        except TooLongError as error:
            raise DaemonError(str(error)) from None

    async def _get(self, path: str, kind: type[T], **params: str) -> T:
        answer = await self._ask("GET", path, params=params)
        try:
            return msgspec.json.decode(answer.content, type=kind)
        except msgspec.DecodeError as error:
            raise DaemonError(
                f"what answers at {self.url}{path} is no tapewatch of this version: {error}"
            ) from None

    async def _ask(self, method: str, path: str, **more: Any) -> httpx.Response:
        try:
            answer = await self._http.request(method, path, **more)
        except httpx.HTTPError as error:
            raise self._failure(error) from None
        if not answer.is_success:
            raise self._refusal(answer)
        return answer

    def _failure(self, error: httpx.HTTPError) -> DaemonError:
        if isinstance(error, httpx.ConnectError | httpx.ConnectTimeout):
            return NoDaemonError(f"no tapewatch listens at {self.url}: {_why(error)}")
        return DaemonError(f"the line to {self.url} broke: {_why(error)}")

    def _refusal(self, answer: httpx.Response) -> DaemonError:
        told = _told(answer)
        if answer.status_code in (httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN):
            return NotAllowedError(f"the tapewatch at {self.url} refuses: {told}")
        return DaemonError(f"the tapewatch at {self.url} answers HTTP {answer.status_code}: {told}")


async def _events(answer: httpx.Response) -> AsyncIterator[Event]:
    parser = Parser()
    async for chunk in answer.aiter_bytes():
        for event in parser.feed(chunk):
            yield event


def _told(answer: httpx.Response) -> str:
    """What it says is wrong: the `error` of JSON, or a line of text."""
    try:
        error = msgspec.json.decode(answer.content, type=dict[str, Any]).get("error")
    except msgspec.DecodeError:
        error = answer.text[:200]
    return one_line(str(error or answer.reason_phrase))


def _why(error: httpx.HTTPError) -> str:
    return one_line(str(error)) or type(error).__name__

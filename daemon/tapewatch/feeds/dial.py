"""Makes a websocket to a vendor, or says in plain words why there is none."""

import asyncio
import os
import socket
import ssl
import time
from collections.abc import Callable
from contextlib import suppress
from http import HTTPStatus
from urllib.parse import urlsplit

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import (
    ConnectionClosed,
    InvalidHandshake,
    InvalidProxy,
    InvalidStatus,
    InvalidURI,
    ProxyError,
    SecurityError,
)
from websockets.http11 import Response

from tapewatch import __version__
from tapewatch.feeds.protocol import Refusal, RefusalKind
from tapewatch.retry_after import retry_after
from tapewatch.urls import shown_host

MAX_FRAME = 16 * 2**20
"""Bytes after decompression; a longer frame, or a message of several frames that is longer, closes the connection."""

LONGEST_RETRY_AFTER = 3600.0
"""Seconds that a `Retry-After` may ask for; what asks for more is asked again after these."""

CLOSE_WITHIN = 2.0
"""Seconds that the other end has for its part of closing."""

_NO_CONNECTION = (OSError, InvalidHandshake)
"""What may pass by itself: TCP, DNS, TLS and timeouts (all of them OSError), a failed handshake, a proxy."""


class LineLostError(Exception):
    """There is no connection, or no longer; `wait` (s) is the shortest time before another makes sense."""

    def __init__(self, reason: str, wait: float = 0) -> None:
        super().__init__(reason)
        self.wait = wait


class RefusedError(Exception):
    """The vendor, or the URL, says that there will be no connection."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.text)
        self.refusal = refusal


async def dial(url: str, timeout: float, close_within: float) -> ClientConnection:  # noqa: ASYNC109
    """A websocket to `url`, open.

    Args:
        url: `wss://…`; certificates are checked against the system's.
        timeout: seconds that it may take.
        close_within: seconds that the other end has for its part of closing.

    Raises:
        LineLostError: it may work later.
        RefusedError: it will not, or not soon.
    """
    try:
        return await _Connect(
            url,
            user_agent_header=f"tapewatch/{__version__}",
            max_size=MAX_FRAME,
            open_timeout=timeout,
            ping_interval=None,  # `silence` does it
            close_timeout=close_within,
        )
    except InvalidStatus as error:
        raise _turned_away(shown(url), error.response) from None
    except _NO_CONNECTION as error:
        raise LineLostError(_why(error, shown_host(url), timeout)) from None
    except InvalidProxy:
        advice = "the proxy that https_proxy or another variable of the environment names is none"
        raise _refused(RefusalKind.BAD_URL, f"{advice}: write http://HOST:PORT") from None
    except (InvalidURI, ValueError):  # the URL is not quoted: it may hold a key
        advice = "its url, or one that it redirects to, is none of a websocket: write wss://HOST:PORT/"
        raise _refused(RefusalKind.BAD_URL, advice) from None


class _Connect(connect):
    """Follows a redirect within one host alone: another one would be told the key."""

    def process_redirect(self, exc: Exception) -> Exception | str:
        """The address to go to, or the error to raise."""
        before = self.ws_uri.host
        following = super().process_redirect(exc)
        if isinstance(following, str) and urlsplit(following).hostname != before.lower():
            return SecurityError("to another host")
        return following


def has_frame(websocket: ClientConnection) -> bool:
    """Whether `recv` would return at once; `recv` itself cannot be asked.

    websockets 17, `asyncio/messages.py`: `Assembler` queues the frames, and joins a message of several as it is read.
    """
    queue = websocket.recv_messages.frames.queue
    return len(queue) > 0 and queue[0].fin


async def silence(websocket: ClientConnection, every: float, last_frame: Callable[[], float]) -> None:
    """Pings, and returns once a ping was not answered and nothing else came, either, in `every` seconds.

    websockets' own way counts the answers alone: who is behind finds them late, after all the ticks before them.

    Args:
        websocket: open.
        every: seconds between two pings, and for the answer to one.
        last_frame: when the last frame came (monotonic clock, s).
    """
    with suppress(ConnectionClosed):  # whoever reads hears of it
        while True:
            await asyncio.sleep(every)
            pinged = time.monotonic()
            answer = asyncio.ensure_future(await websocket.ping())
            await asyncio.wait([answer], timeout=every)
            if not answer.done() and last_frame() < pinged:
                return


def shown(url: str) -> str:
    """`url` fit for a log: `wss://HOST:PORT`; user, password, path and query may hold a key."""
    return f"{urlsplit(url).scheme}://{shown_host(url)}"


def _turned_away(where: str, response: Response) -> LineLostError | RefusedError:
    """What an HTTP status in the place of a websocket means."""
    said = f"{where} answered HTTP {response.status_code}"
    wait = retry_after(response.headers.get("Retry-After", ""))
    match response.status_code:
        case HTTPStatus.UNAUTHORIZED:
            return _refused(RefusalKind.BAD_KEY, f"{said}: it does not take the key")
        case HTTPStatus.FORBIDDEN:
            advice = "it does not serve this key, or this address of yours; ask the vendor"
            return _refused(RefusalKind.NOT_ENTITLED, f"{said}: {advice}")
        case HTTPStatus.TOO_MANY_REQUESTS if wait is None:
            return _refused(RefusalKind.TOO_MANY_CONNECTIONS, f"{said}: it was asked too often")
    return LineLostError(said, min(wait or 0, LONGEST_RETRY_AFTER))


def _refused(kind: RefusalKind, text: str) -> RefusedError:
    return RefusedError(Refusal(kind, text))


def _why(error: OSError | InvalidHandshake, host: str, timeout: float) -> str:
    """Why there is no connection to `host`, for the one who must act; `timeout` is in seconds."""
    match error:
        case ProxyError():
            return f"the proxy does not let us through to {host}: {error}"
        case SecurityError():  # its text quotes the new address, which may hold a key
            return f"{host} redirects too often, to another host or to an address without TLS, which is not followed"
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

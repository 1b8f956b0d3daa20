"""One POST to a receiver, and what its answer means for the alert."""

import asyncio
import logging

import httpx

from tapewatch.notify.sender import PermanentError, TemporaryError
from tapewatch.retry_after import retry_after

TIMEOUT = 10.0
"""Seconds that a receiver has for its whole answer."""

MAX_ANSWER = 2**20
"""Bytes of an answer that are read; no receiver says more that we want to know."""

_OF_THE_WHOLE = ("content-encoding", "content-length", "transfer-encoding")
"""Headers that are not true of a part of the body as it came."""

# httpx logs the URL of every request at INFO, and a webhook's URL is a secret.
logging.getLogger("httpx").addFilter(lambda record: False)


def http_client(timeout: float = TIMEOUT) -> httpx.AsyncClient:
    """The client that all receivers share: certificates verified, no redirect followed.

    Making one reads the CA certificates, so make it once.

    Args:
        timeout: seconds for a whole request.
    """
    return httpx.AsyncClient(timeout=timeout, follow_redirects=False, headers={"User-Agent": "tapewatch"})


async def post(http: httpx.AsyncClient, url: str, body: bytes, headers: dict[str, str]) -> httpx.Response:
    """POSTs `body`; the answer, whatever its status, with the beginning of what it says.

    Raises:
        TemporaryError: there was none.
    """
    limit = http.timeout.read
    # A packed answer could be a thousand times as long as what was sent, so none is asked for, nor unpacked.
    headers = {**headers, "Accept-Encoding": "identity"}
    try:
        # httpx's own timeouts are per read: a server that drips bytes would hold us for ever.
        async with (
            asyncio.timeout(limit),
            http.stream("POST", url, content=body, headers=headers) as response,
        ):
            return await _read(response)
    except (TimeoutError, httpx.TimeoutException):
        raise TemporaryError(f"no answer within {limit:g} s") from None
    except httpx.ConnectError as error:
        raise TemporaryError(f"no connection: {error}") from None
    except httpx.TransportError as error:
        raise TemporaryError(f"the connection broke: {type(error).__name__}") from None


async def _read(response: httpx.Response) -> httpx.Response:
    body = bytearray()
    async for block in response.aiter_raw():
        body += block
        if len(body) > MAX_ANSWER:
            break
    headers = [each for each in response.headers.multi_items() if each[0].lower() not in _OF_THE_WHOLE]
    return httpx.Response(response.status_code, headers=headers, content=bytes(body[:MAX_ANSWER]))


def check(response: httpx.Response, detail: str = "") -> None:
    """Returns if the receiver took the alert (any 2xx).

    Args:
        response: its answer.
        detail: what else it said, fit to be logged.

    Raises:
        TemporaryError: 408, 429 and 5xx, with what `Retry-After` asks for.
        PermanentError: any other status, redirects included.
    """
    status = response.status_code
    if response.is_success:
        return
    reason = f"HTTP {status}" + (f" {detail}" if detail else "")
    if status in (408, 429) or status >= 500:
        raise TemporaryError(reason, retry_after(response.headers.get("Retry-After", "")))
    if response.is_redirect:
        reason += ": redirects are not followed, set the URL to where it leads"
    raise PermanentError(reason)

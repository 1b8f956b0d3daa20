import asyncio
import gzip
import logging
import tracemalloc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from email.utils import formatdate
from pathlib import Path
from time import time

import httpx
import pytest
from receiver_servers import Endpoint, http_server
from starlette.responses import RedirectResponse, Response

from tapewatch.notify.http import MAX_ANSWER, check, http_client, post
from tapewatch.notify.sender import PermanentError, TemporaryError


async def outcome(http: httpx.AsyncClient, url: str) -> None:
    check(await post(http, url, b"{}", {}))


@pytest.mark.parametrize("status", [200, 201, 204])
async def test_any_2xx_is_taken(status: int, endpoint: Endpoint, url: str, http: httpx.AsyncClient) -> None:
    endpoint.answers = [Response(status_code=status)]
    await outcome(http, url)


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503])
async def test_temporary_statuses(status: int, endpoint: Endpoint, url: str, http: httpx.AsyncClient) -> None:
    endpoint.answers = [Response(status_code=status)]
    with pytest.raises(TemporaryError, match=f"^HTTP {status}$"):
        await outcome(http, url)


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410])
async def test_permanent_statuses(status: int, endpoint: Endpoint, url: str, http: httpx.AsyncClient) -> None:
    endpoint.answers = [Response(status_code=status)]
    with pytest.raises(PermanentError, match=f"^HTTP {status}$"):
        await outcome(http, url)


async def test_a_redirect_is_not_followed(endpoint: Endpoint, url: str, http: httpx.AsyncClient) -> None:
    endpoint.answers = [RedirectResponse("/elsewhere", 307)]
    with pytest.raises(PermanentError, match="HTTP 307: redirects are not followed"):
        await outcome(http, url)
    assert len(endpoint.received) == 1


@pytest.mark.parametrize(
    ("header", "low", "high"),
    [("7", 7, 7), (formatdate(time() + 3600, usegmt=True), 3000, 3601), ("0", 0, 0)],
    ids=["seconds", "date", "zero"],
)
async def test_retry_after_is_seconds_or_a_date(
    header: str, low: float, high: float, endpoint: Endpoint, url: str, http: httpx.AsyncClient
) -> None:
    endpoint.answers = [Response(status_code=503, headers={"Retry-After": header})]
    with pytest.raises(TemporaryError) as caught:
        await outcome(http, url)
    assert caught.value.retry_after is not None
    assert low <= caught.value.retry_after <= high


async def test_a_retry_after_of_nonsense_is_none(
    endpoint: Endpoint, url: str, http: httpx.AsyncClient
) -> None:
    endpoint.answers = [Response(status_code=503, headers={"Retry-After": "soon"})]
    with pytest.raises(TemporaryError) as caught:
        await outcome(http, url)
    assert caught.value.retry_after is None


async def test_an_answer_that_never_comes_times_out(endpoint: Endpoint, url: str) -> None:
    endpoint.answers = [None]
    async with http_client(timeout=0.1) as http:
        with pytest.raises(TemporaryError, match=r"no answer within 0\.1 s"):
            await outcome(http, url)


async def test_nobody_listening_is_temporary(unused_tcp_port: int, http: httpx.AsyncClient) -> None:
    with pytest.raises(TemporaryError, match="no connection"):
        await outcome(http, f"http://127.0.0.1:{unused_tcp_port}/")


async def test_an_unknown_certificate_is_refused(
    certificate: tuple[Path, Path], http: httpx.AsyncClient
) -> None:
    endpoint = Endpoint()
    async with http_server(endpoint, certificate) as url:
        with pytest.raises(TemporaryError, match="CERTIFICATE_VERIFY_FAILED"):
            await outcome(http, url)
    assert endpoint.received == []


async def test_the_url_is_in_no_log(
    url: str, http: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    await outcome(http, url)
    assert "sesame" not in caplog.text


ENDLESS = b"HTTP/1.1 %s\r\nContent-Type: text/plain\r\n%s\r\n"


@asynccontextmanager
async def rude_server(head: bytes, block: bytes, pause: float = 0.0) -> AsyncIterator[str]:
    """Answers with `head`, and then `block` for as long as somebody reads."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            await reader.readuntil(b"\r\n\r\n")
            writer.write(head)
            while True:
                writer.write(block)
                await writer.drain()
                await asyncio.sleep(pause)

    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
    server.close()


@pytest.mark.parametrize("packed", [b"", b"Content-Encoding: gzip\r\n"])
async def test_of_an_answer_without_end_only_the_beginning_is_read(
    packed: bytes, http: httpx.AsyncClient
) -> None:
    async with rude_server(ENDLESS % (b"200 OK", packed), b"x" * 65536) as url:
        response = await post(http, url, b"{}", {})
    assert response.status_code == 200
    assert len(response.content) == MAX_ANSWER


async def test_a_packed_answer_is_not_unpacked(http: httpx.AsyncClient) -> None:
    bomb = gzip.compress(bytes(64 * 2**20), compresslevel=9)
    head = b"HTTP/1.1 400 Bad\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(bomb)
    tracemalloc.start()
    async with rude_server(head, bomb, pause=10) as url:
        with pytest.raises(PermanentError, match=r"^HTTP 400$"):
            await outcome(http, url)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert most < 16 * 2**20


async def test_an_answer_that_drips_is_given_up() -> None:
    async with (
        rude_server(ENDLESS % (b"200 OK", b""), b"x", pause=0.02) as url,
        http_client(timeout=0.3) as http,
    ):
        with pytest.raises(TemporaryError, match=r"no answer within 0\.3 s"):
            await outcome(http, url)

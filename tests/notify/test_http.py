import logging
from email.utils import formatdate
from pathlib import Path
from time import time

import httpx
import pytest
from receiver_servers import Endpoint, http_server
from starlette.responses import RedirectResponse, Response

from tapewatch.notify.http import check, http_client, post
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

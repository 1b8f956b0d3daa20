"""No other page can change anything, whoever looks at it."""

from collections.abc import AsyncIterator

import httpx
import pytest
from redis.asyncio import Redis

import vital_parts
from tapewatch.notify.silences import Silences
from tapewatch.store.keys import Keys
from tapewatch.vitals import Vitals
from web.serving import TOKEN, serving

SILENCE = {"all": True, "for": "1h"}
PAGE = "https://tape.example.org"


@pytest.fixture
async def open_(leader: Vitals, redis: Redis) -> AsyncIterator[httpx.AsyncClient]:
    """Without a token."""
    async with serving(leader, redis=redis) as http:
        yield http


@pytest.fixture
async def closed(leader: Vitals, redis: Redis) -> AsyncIterator[httpx.AsyncClient]:
    """With one, and a browser that has logged in; the page is reached through a proxy, too."""
    leader.config = vital_parts.config(http={"url": PAGE})
    async with serving(leader, TOKEN, redis=redis) as http:
        await http.post("/login", data={"token": TOKEN}, headers={"Origin": origin(http)})
        yield http


def origin(http: httpx.AsyncClient) -> str:
    return f"http://{http.base_url.netloc.decode()}"


async def silences(redis: Redis) -> int:
    return len(await Silences(redis, Keys("test").silences).all())


FOREIGN = [
    {"Origin": "https://evil.example"},
    {"Origin": "null"},
    {"Origin": ""},
    {"Origin": "http://["},
    {"Origin": "http://localhost"},
    {"Origin": "http://127.0.0.1"},
    {"Origin": "http://127.0.0.1:1"},
    {"Origin": "http://tape.example.org"},
    {"Origin": "https://tape.example.org.evil.example"},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Sec-Fetch-Site": "same-origin"},  # of a browser that leaves Origin out: there is none
]


@pytest.mark.parametrize("headers", FOREIGN, ids=str)
async def test_a_page_of_another_site_changes_nothing(
    open_: httpx.AsyncClient, redis: Redis, headers: dict[str, str]
) -> None:
    made = (await open_.post("/api/silences", json=SILENCE)).json()["id"]
    for answer in (
        await open_.post("/api/silences", json=SILENCE, headers=headers),
        await open_.delete(f"/api/silences/{made}", headers=headers),
        await open_.post("/logout", headers=headers),
    ):
        assert answer.status_code == 403
        assert "live page alone" in answer.text
    assert await silences(redis) == 1


@pytest.mark.parametrize("headers", [*FOREIGN, {}], ids=str)
async def test_nor_by_the_cookie_of_who_has_logged_in(
    closed: httpx.AsyncClient, redis: Redis, headers: dict[str, str]
) -> None:
    assert (await closed.get("/api/silences")).status_code == 200, "it is sent"
    assert (await closed.post("/api/silences", json=SILENCE, headers=headers)).status_code == 403
    assert (await closed.delete("/api/silences/1", headers=headers)).status_code == 403
    assert (await closed.post("/login", data={"token": TOKEN}, headers=headers)).status_code == 403
    assert await silences(redis) == 0


async def test_our_own_page_does(closed: httpx.AsyncClient, redis: Redis) -> None:
    here = {"Origin": origin(closed)}
    through_a_proxy = {"Origin": PAGE, "X-Forwarded-For": "203.0.113.9", "X-Forwarded-Proto": "https"}
    for number, headers in enumerate((here, through_a_proxy), 1):
        made = await closed.post("/api/silences", json=SILENCE, headers=headers)
        assert made.status_code == 201
        assert await silences(redis) == number


async def test_a_program_does_too(closed: httpx.AsyncClient, open_: httpx.AsyncClient) -> None:
    assert (await open_.post("/api/silences", json=SILENCE)).status_code == 201
    bearer = {"Authorization": f"Bearer {TOKEN}"}
    assert (await closed.post("/api/silences", json=SILENCE, headers=bearer)).status_code == 201
    wrong = {"Authorization": "Bearer wrong"}  # and the cookie, which alone is no proof
    assert (await closed.post("/api/silences", json=SILENCE, headers=wrong)).status_code == 403


@pytest.mark.parametrize(
    "kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", ""]
)
async def test_what_a_form_can_send_is_not_taken(open_: httpx.AsyncClient, redis: Redis, kind: str) -> None:
    body = b'{"all": true, "for": "1h"}'
    headers = {"Content-Type": kind} if kind else {}
    assert (await open_.post("/api/silences", content=body, headers=headers)).status_code == 415
    assert await silences(redis) == 0


async def test_a_page_that_has_pointed_its_own_name_here_reads_and_changes_nothing(
    open_: httpx.AsyncClient, redis: Redis
) -> None:
    evil = {"Host": "evil.example:8790", "Origin": "http://evil.example:8790"}
    for path in ("/", "/login", "/static/login.css", "/api/watches", "/api/events", "/api/silences"):
        assert (await open_.get(path, headers=evil)).status_code == 403
    assert (await open_.post("/api/silences", json=SILENCE, headers=evil)).status_code == 403
    assert await silences(redis) == 0


async def test_no_other_origin_is_ever_let_in_by_a_preflight(open_: httpx.AsyncClient) -> None:
    asks = {
        "Origin": "https://evil.example",
        "Access-Control-Request-Method": "DELETE",
        "Access-Control-Request-Headers": "content-type",
    }
    answer = await open_.options("/api/silences/1", headers=asks)
    assert answer.status_code == 405
    assert not [name for name in answer.headers if name.startswith("access-control")]

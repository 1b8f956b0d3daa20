"""What a worker adds to messages: a chart and a link, which never cost an alert more than two seconds."""

import asyncio
import time
from pathlib import Path

import httpx
import pytest
from receiver_servers import Endpoint
from redis.asyncio import Redis
from running_workers import Post, fire, ids, pending, running, streams, until, worker
from sample_alerts import later
from starlette.responses import Response
from structlog.testing import capture_logs

from tapewatch.alerts.alert import Alert, encode
from tapewatch.config import Console
from tapewatch.notify.pictures import Pictures, links

PAGE = "https://tape.example.org/"


class Painter:
    """Draws every alert as `chart of ID`, and remembers which."""

    def __init__(self, takes: float = 0.0) -> None:
        self.takes = takes
        self.drawn: list[str] = []

    async def picture(self, alert: Alert) -> bytes | None:
        self.drawn.append(alert.id)
        await asyncio.sleep(self.takes)
        return f"chart of {alert.id}".encode()


@pytest.fixture
def shows(url: str, http: httpx.AsyncClient) -> Post:
    """A receiver that shows pictures."""
    return Post(url, http, pictures=True)


async def test_who_shows_pictures_gets_them_and_everybody_the_link(
    redis: Redis, shows: Post, desk: Post, endpoint: Endpoint, tmp_path: Path
) -> None:
    painter = Painter()
    for number, receiver in enumerate((shows, desk)):
        own = worker(redis, receiver, tmp_path, pictures=Pictures(painter.picture, links(PAGE)))
        await own.prepare()
        await fire(redis, f"a{number}")
        async with running(own):
            await endpoint.has(number + 1)
            assert await own.drain(5)
    first, second = (received.headers for received in endpoint.received)
    assert (first["picture"], first["link"]) == ("chart of a0", "https://tape.example.org/alerts/a0")
    assert (second["picture"], second["link"]) == ("", "https://tape.example.org/alerts/a1")
    assert painter.drawn == ["a0"]


async def test_of_several_the_one_that_leads_is_drawn(
    redis: Redis, shows: Post, endpoint: Endpoint, tmp_path: Path
) -> None:
    people = Console(kind="console", name="desk", group_wait="1s")
    own = worker(redis, shows, tmp_path, people, pictures=Pictures(Painter().picture, links(PAGE)))
    await own.prepare()
    for number, severity in enumerate(("critical", "critical", "info")):
        each = later(number, severity=severity, id=f"a{number}", rule=str(number))
        await redis.xadd(streams().alerts, {"id": each.id, "json": encode(each)})
    async with running(own):
        await endpoint.has(1)
    (received,) = endpoint.received
    assert ids([received]) == ["a0", "a1", "a2"]
    assert received.headers["picture"] == "chart of a1"
    assert received.headers["link"].endswith("/a1")


@pytest.mark.parametrize(("count", "keys"), [(10, {}), (2, {"stale_after": "1s"})])
async def test_neither_a_storm_nor_old_alerts_are_drawn(
    count: int, keys: dict[str, str], redis: Redis, shows: Post, endpoint: Endpoint, tmp_path: Path
) -> None:
    people = Console(kind="console", name="desk", group_wait="1s", **keys)
    painter = Painter()
    ages = {"clock": lambda alert: int(alert.data.time_ns) + 10**11} if keys else {}
    own = worker(redis, shows, tmp_path, people, pictures=Pictures(painter.picture), **ages)
    await own.prepare()
    for number in range(count):
        each = later(number / 100, id=f"a{number}", rule=str(number))
        await redis.xadd(streams().alerts, {"id": each.id, "json": encode(each)})
    async with running(own):
        await endpoint.has(1)
    assert len(ids(endpoint.received)) == count
    assert endpoint.received[0].headers["picture"] == endpoint.received[0].headers["link"] == ""
    assert painter.drawn == []


async def test_pictures_that_take_too_long_hold_no_alert_of_many_back_for_more_than_two_seconds(
    redis: Redis, shows: Post, endpoint: Endpoint, tmp_path: Path
) -> None:
    painter = Painter(takes=0.9)
    own = worker(redis, shows, tmp_path, pictures=Pictures(painter.picture))
    await own.prepare()
    await fire(redis, *(f"a{number}" for number in range(8)))
    began = time.monotonic()
    with capture_logs() as logs:
        async with running(own):
            await endpoint.has(8)
    assert 1.8 < time.monotonic() - began < 3.5
    assert [received.headers["picture"] for received in endpoint.received[:2]] == [
        "chart of a0",
        "chart of a1",
    ]
    assert {received.headers["picture"] for received in endpoint.received[2:]} == {""}
    assert [entry["alert"] for entry in logs if entry["event"] == "notify.picture_failed"] == ["a2"]


async def test_once_no_alert_waits_there_are_pictures_again(
    redis: Redis, shows: Post, endpoint: Endpoint, tmp_path: Path
) -> None:
    painter = Painter(takes=1.2)
    own = worker(redis, shows, tmp_path, pictures=Pictures(painter.picture))
    await own.prepare()
    async with running(own):
        for number in range(2):
            await fire(redis, f"a{number}")
            await until(lambda number=number: len(endpoint.received) > number and not own.waiting)
    assert [received.headers["picture"] for received in endpoint.received] == ["chart of a0", "chart of a1"]


async def _breaks(alert: Alert) -> bytes | None:
    raise ValueError("no chart of a password")


async def _is_cut_off(alert: Alert) -> bytes | None:
    raise asyncio.CancelledError


@pytest.mark.parametrize("draw", [_breaks, _is_cut_off])
async def test_a_painter_that_fails_costs_nothing_but_the_picture(
    draw: object, redis: Redis, shows: Post, endpoint: Endpoint, tmp_path: Path
) -> None:
    own = worker(redis, shows, tmp_path, pictures=Pictures(draw))
    await own.prepare()
    await fire(redis, "a1", "a2")
    with capture_logs() as logs:
        async with running(own):
            await endpoint.has(2)
    assert [received.headers["picture"] for received in endpoint.received] == ["", ""]
    failed = [entry for entry in logs if entry["event"] == "notify.picture_failed"]
    assert [entry["alert"] for entry in failed] == ["a1", "a2"]
    assert "password" not in str(failed)


async def test_it_is_drawn_once_however_often_it_is_sent(
    redis: Redis, shows: Post, endpoint: Endpoint, tmp_path: Path
) -> None:
    endpoint.answers = [Response("", 503), Response("", 503)]
    painter = Painter()
    own = worker(redis, shows, tmp_path, pictures=Pictures(painter.picture))
    await own.prepare()
    await fire(redis, "a1")
    async with running(own):
        await endpoint.has(3)
    assert painter.drawn == ["a1"]
    assert {received.headers["picture"] for received in endpoint.received} == {"chart of a1"}


async def test_a_stop_waits_for_no_picture(
    redis: Redis, shows: Post, endpoint: Endpoint, tmp_path: Path
) -> None:
    painter = Painter(takes=60)
    own = worker(redis, shows, tmp_path, pictures=Pictures(painter.picture))
    await own.prepare()
    await fire(redis, "a1", "a2")
    async with running(own):
        await until(lambda: bool(painter.drawn))
        began = time.monotonic()
        assert await own.drain(2)
        assert time.monotonic() - began < 1
    assert ids(endpoint.received) == ["a1", "a2"]
    assert await pending(redis) == 0


async def test_who_leaves_while_it_is_drawn_leaves_the_alert_to_who_follows(
    redis: Redis, shows: Post, endpoint: Endpoint, tmp_path: Path
) -> None:
    painter = Painter(takes=60)
    own = worker(redis, shows, tmp_path, pictures=Pictures(painter.picture))
    await own.prepare()
    await fire(redis, "a1")
    async with running(own):
        await until(lambda: bool(painter.drawn))
        await own.leave(5)
    assert endpoint.received == []
    assert await pending(redis) == 1
    again = worker(redis, shows, tmp_path, pictures=Pictures(Painter().picture))
    await again.prepare()
    async with running(again):
        await endpoint.has(1)
    assert endpoint.received[0].headers["picture"] == "chart of a1"


def test_no_url_no_links() -> None:
    assert links(None) is None

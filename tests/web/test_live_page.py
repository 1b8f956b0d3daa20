"""The events of a page, over real HTTP: what it shows moves, and what concerns all is there within a second."""

import asyncio
import json
import socket
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, suppress
from pathlib import Path
from typing import Any

import httpx
import pytest
from redis.asyncio import Redis
from structlog.testing import capture_logs

import vital_parts
from frozen_redis import frozen, pid_of
from notify.receiver_servers import redis_server
from tapewatch import sources
from tapewatch.board import Board
from tapewatch.feeds.connection import State
from tapewatch.feeds.history import HistorySource
from tapewatch.feeds.kraken.history import KrakenHistory
from tapewatch.feeds.protocol import Credentials
from tapewatch.notify.silences import Silence, Silences
from tapewatch.store.commit import Store
from tapewatch.store.keys import Keys
from tapewatch.store.now import NowBoard
from tapewatch.vitals import Leading, Role, Vitals
from tapewatch.web import listener, listeners, live
from web.event_stream import Events, listening
from web.serving import TOKEN, serving

KEYS = Keys("test")
ETH = "ETH/USD"


@pytest.fixture
async def leading(leader: Vitals) -> AsyncIterator[Leading]:
    async with vital_parts.running(leader) as own:
        yield own


@pytest.fixture
async def http(leader: Vitals, redis: Redis) -> AsyncIterator[httpx.AsyncClient]:
    async with serving(leader, redis=redis) as own:
        yield own


def tick(leader: Leading, prices: str, symbol: str = ETH) -> None:
    leader.path.ticks(1 if symbol == ETH else 0, vital_parts.ticks(symbol, prices), 0)


async def test_a_page_is_told_all_it_shows_at_once(leading: Leading, http: httpx.AsyncClient) -> None:
    tick(leading, "99.5")
    async with listening(http, ETH, timeframe="1m") as page:
        assert page.response.headers["Content-Type"] == "text/event-stream"
        watch = await page.next("watch")
        assert [event.name for event in page.kept] == ["health", "silences", "chart"]
        health, silences, chart = (event.data for event in page.kept)
        assert health == (await http.get("/api/health")).json()
        assert silences == []
        assert chart["close"] == [99.5]
        assert (watch.data["price"], watch.data["levels"][0]["distance"]) == (99.5, 0.5)


async def test_the_bar_moves_closes_and_the_next_one_begins(
    leading: Leading, http: httpx.AsyncClient
) -> None:
    tick(leading, "99.5")
    async with listening(http, ETH, timeframe="1m") as page:
        start = (await page.next("chart")).data["time"][-1]
        tick(leading, "09:30:05=99.7")
        moved = (await page.next("bar")).data
        assert moved == {
            "time": start,
            "open": 99.5,
            "high": 99.7,
            "low": 99.5,
            "close": 99.7,
            "volume": 0,
            "closed": False,
            "values": {},
        }
        assert (await page.next("watch")).data["price"] == 99.7
        tick(leading, "09:30:58=99.6 09:31=99.8")
        closed, begun = (await page.next("bar")).data, (await page.next("bar")).data
        assert (closed["time"], closed["close"], closed["closed"]) == (start, 99.6, True)
        assert (begun["time"], begun["open"], begun["closed"]) == (start + 60, 99.8, False)
        tick(leading, " ".join(f"09:{minute}=99.9" for minute in range(32, 40)))
        chart = (await page.next("chart", "bar")).data
        assert chart["time"][-1] == start + 9 * 60, "too many at once to be told one by one"
        assert len(chart["time"]) == 10
        tick(leading, "09:39:10=99.4")
        assert (await page.next("bar")).data["close"] == 99.4


async def test_what_does_not_change_is_not_told_again(leading: Leading, http: httpx.AsyncClient) -> None:
    tick(leading, "99.5")
    async with listening(http, ETH) as page:
        await page.next("watch")
        with pytest.raises(TimeoutError):
            await page.next("chart", "bar", "watch", "silences", within=1.2)


async def test_an_alert_is_there_within_a_second_of_its_commit_and_then_what_became_of_it(
    leader: Vitals, leading: Leading, http: httpx.AsyncClient, redis: Redis
) -> None:
    tick(leading, "99.5")
    async with listening(http, "BTC/USD") as page, listening(http, ETH) as other:
        await page.next("watch")
        tick(leading, "09:30:01=100.5")
        began = time.monotonic()
        alert = await page.next("alert")
        assert time.monotonic() - began < 1
        assert (alert.data["alert"]["subject"], alert.data["deliveries"]) == (ETH, []), "of every symbol"
        assert alert.data["waiting"] == ["desk"]
        assert alert.id == alert.data["entry"] == (await redis.xrange(KEYS.alerts))[0][0].decode()
        delivery = (await page.next("delivery")).data
        assert (delivery["alert"], delivery["receiver"]) == (alert.data["alert"]["id"], "desk")
        assert delivery["outcome"] == "sent"
        assert (await other.next("alert")).data == alert.data
        charts = [event for event in other.kept if event.name == "chart"]
        while not (marks := (charts.pop() if charts else await other.next("chart")).data["marks"]):
            pass
        assert [mark["id"] for mark in marks] == [alert.data["alert"]["id"]]


async def test_an_alert_waits_for_no_vendor_that_is_asked_for_the_bars_before(
    leader: Vitals, leading: Leading, http: httpx.AsyncClient
) -> None:
    async def says_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()

    server = await asyncio.start_server(says_nothing, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
    async with server, httpx.AsyncClient(trust_env=False) as asking:
        source = HistorySource(asking, KrakenHistory(), Credentials(), url)
        pasts = sources.pasts(leader.config, [source, source])
        leading.charts.watch(leader.config, leading.path.engine, pasts)
        tick(leading, "99.5")
        async with listening(http, ETH) as page:
            assert (await page.next("watch", within=2)).data["price"] == 99.5
            for second, (price, direction) in enumerate(((100.5, "up"), (98, "down")), 1):
                tick(leading, f"09:30:0{second}={price}")
                alert = await page.next("alert", within=1)
                assert alert.data["alert"]["data"]["direction"] == direction
            assert "chart" not in [event.name for event in page.kept]


async def test_a_page_that_was_away_gets_what_it_missed_once(
    leading: Leading, http: httpx.AsyncClient, redis: Redis
) -> None:
    tick(leading, "99.5")
    async with listening(http) as page:
        await page.next("health")
        tick(leading, "09:30:01=100.5")
        first = await page.next("alert")
        await page.next("delivery")
    tick(leading, "99.5 100.5", "BTC/USD")
    tick(leading, "09:30:02=98")
    async with asyncio.timeout(5):
        while await redis.xlen(KEYS.alerts) < 3:  # noqa: ASYNC110 - Redis tells nobody
            await asyncio.sleep(0.01)
    async with listening(http, seen=first.id) as page:
        missed = [await page.next("alert"), await page.next("alert")]
        assert {event.data["alert"]["subject"] for event in missed} == {ETH, "BTC/USD"}
        assert [event.id for event in missed] == [
            entry.decode() for entry, _ in (await redis.xrange(KEYS.alerts))[1:]
        ]
        tick(leading, "09:30:03=100.5")
        assert (await page.next("alert")).data["alert"]["data"]["price"] == 100.5


@pytest.mark.parametrize("seen", ["x", "9-", f"{'9' * 30}-0", "-1-0"])
async def test_a_place_that_is_none_does_no_harm(
    leading: Leading, http: httpx.AsyncClient, seen: str
) -> None:
    async with listening(http, seen=seen) as page:
        await page.next("health")
        tick(leading, "99.5 100.5")
        assert (await page.next("alert")).data["alert"]["subject"] == ETH


async def test_a_silence_made_on_the_page_silences_and_shows_everywhere(
    leading: Leading, http: httpx.AsyncClient, redis: Redis
) -> None:
    tick(leading, "99.5")
    async with listening(http) as page:
        assert (await page.next("silences")).data == []
        made = await http.post("/api/silences", json={"symbol": "ETH*", "for": "2h", "why": "Fed <b>day</b>"})
        silence = made.json()
        assert made.status_code == 201
        assert (await page.next("silences", within=0.5)).data == [silence]
        assert (silence["symbol"], silence["state"], silence["why"]) == ("ETH*", "holds", "Fed <b>day</b>")
        tick(leading, "09:30:01=100.5")
        assert (await page.next("delivery")).data["outcome"] == "silenced"
        assert (await http.get("/api/silences")).json() == [silence]

        lifted = await http.delete(f"/api/silences/{silence['id']}")
        assert lifted.json() == {"lifted": silence["id"]}
        assert (await page.next("silences", within=0.5)).data == []
        tick(leading, "09:30:02=98")
        await page.next("alert")
        assert not leading.silences.known
        gone = await http.delete(f"/api/silences/{silence['id']}")
        assert (gone.status_code, gone.json()["error"]) == (404, f"there is no silence '{silence['id']}'")
        by_hand = Silence(id="feedbeef", since_ns=0, until_ns=2**62, by="desk")
        await Silences(redis, KEYS.silences).add(by_hand)
        assert (await page.next("silences")).data[0]["by"] == "desk", "of the command line"


@pytest.mark.parametrize(
    ("wanted", "reason"),
    [
        ({"for": "2h"}, "say what to silence: symbol, rule, type, severity, or all"),
        ({"all": True, "symbol": "ETH/USD", "for": "2h"}, "say what to silence"),
        ({"symbol": "ETH/USD"}, "say until when"),
        ({"symbol": "ETH/USD", "for": "2h", "until": "2199-01-28T16:00Z"}, "say until when"),
        ({"symbol": "ETH/USD", "for": "two hours"}, "'two hours' is no duration"),
        ({"symbol": "ETH/USD", "until": "noon"}, "'noon' is no time"),
        ({"symbol": "ETH/USD", "until": "2199-01-28T16:00"}, "names no zone"),
        ({"symbol": "ETH/USD", "until": "9999-01-28T16:00Z"}, "is no time from 1970 to 2199"),
        ({"symbol": "ETH/USD", "until": "2020-01-28T16:00Z"}, "over before it begins"),
        ({"symbol": "ETH/USD", "for": "0s"}, "over before it begins"),
        ({"symbol": "ETH/US", "for": "2h"}, 'no symbol is called "ETH/US": did you mean "ETH/USD"?'),
        ({"rule": "square", "for": "2h"}, 'no rule is called "square"'),
        ({"type": "level.jumped", "for": "2h"}, 'no type is called "level.jumped"'),
        ({"severity": "grave", "for": "2h"}, 'no severity is called "grave"'),
        ({"symbol": "ETH/USD", "for": "2h", "minutes": 5}, "unknown field `minutes`"),
        ({"symbol": 5, "for": "2h"}, "Expected `str | null`"),
        ([], "Expected `object`"),
    ],
)
async def test_a_silence_that_makes_no_sense_is_refused_as_on_the_command_line(
    leading: Leading, http: httpx.AsyncClient, wanted: Any, reason: str
) -> None:
    refused = await http.post("/api/silences", json=wanted)
    assert refused.status_code == 400
    assert reason in refused.json()["error"]
    assert (await http.get("/api/silences")).json() == []


@pytest.mark.parametrize("body", [b"{", b"\xff", b"[" * 4000, b"x" * 5000])
async def test_nor_what_is_no_json_or_too_much(http: httpx.AsyncClient, body: bytes) -> None:
    headers = {"Content-Type": "application/json"}
    refused = await http.post("/api/silences", content=body, headers=headers)
    assert refused.status_code == (413 if len(body) > 4096 else 400)
    assert refused.json()["error"]


async def test_health_is_told_when_it_changes(
    leader: Vitals, leading: Leading, http: httpx.AsyncClient
) -> None:
    async with listening(http) as page:
        assert (await page.next("health")).data["ready"] is True
        leader.connections[1].state = State.WAITING
        changed = await page.next("health", within=2)
        while changed.data["ready"]:  # of the first second, whose rate nobody knew
            changed = await page.next("health", within=2)
        assert changed.data["feeds"][1]["state"] == "waiting"


async def test_another_config_and_another_role_change_the_chart(
    leader: Vitals, leading: Leading, http: httpx.AsyncClient
) -> None:
    tick(leading, "99.5")
    async with listening(http, ETH) as page:
        await page.next("watch")
        leader.config = vital_parts.config(receiver=[], route=[])
        await page.next("chart", within=2)
        leader.leading, leader.role = None, Role.STANDING_BY
        while (await page.next("health", within=2)).data["role"] != "standing by":
            pass
        leader.leading, leader.role = leading, Role.LEADING
        assert (await page.next("chart", within=2)).data["close"] == [99.5]
        leader.config = vital_parts.config(watch=[leader.config.watch[0].model_dump(exclude_unset=True)])
        await page.ended()
    gone = await http.get("/api/events", params={"symbol": ETH})
    assert gone.status_code == 404


async def test_the_page_of_a_standby_goes_by_what_the_leader_writes(redis: Redis, tmp_path: Path) -> None:
    own = vital_parts.config()
    first = await vital_parts.lead(own, redis, tmp_path / "first")
    second = vital_parts.standby(own, redis)
    async with vital_parts.running(first) as leading, serving(second, redis=redis) as http:
        board = Board(
            NowBoard(redis, KEYS), leading.path.engine, list(first.connections), leading.writer.changed
        )
        tick(leading, "99.5")
        await board.close()
        async with listening(http, ETH) as page:
            assert (await page.next("watch")).data["price"] == 99.5
            assert [event.name for event in page.kept] == ["health", "silences"], "no chart"
            tick(leading, "09:30:01=100.5")
            await page.next("alert")
            await page.next("delivery")
            await board.close()
            assert (await page.next("watch")).data["price"] == 100.5
            made = (await http.post("/api/silences", json={"all": True, "for": "1h"})).json()
            assert (await page.next("silences")).data == [made]
            async with asyncio.timeout(3):
                while not leading.silences.known:  # noqa: ASYNC110 - it looks once a second
                    await asyncio.sleep(0.05)


async def test_streams_outlive_a_redis_that_is_away(
    leader: Vitals, leading: Leading, http: httpx.AsyncClient, redis: Redis, tmp_path: Path
) -> None:
    tick(leading, "99.5")
    async with listening(http, ETH) as page:
        await page.next("watch")
        with capture_logs() as logs:
            await redis.shutdown(nosave=True)
            while (await page.next("health")).data["redis"]["ok"]:
                pass
            tick(leading, "09:30:01=99.8")
            assert (await page.next("watch")).data["price"] == 99.8, "prices need no Redis"
            async with listening(http) as late, redis_server(tmp_path / "r"):
                await late.next("health")
                tick(leading, "09:30:02=100.5")
                for own in (page, late):
                    assert (await own.next("alert")).data["alert"]["subject"] == ETH
                while not (await page.next("health")).data["redis"]["ok"]:
                    pass
                said = [line["event"] for line in logs if line["event"].startswith("http.")]
        assert said == ["http.redis_away", "http.redis_back"]


async def test_a_redis_that_hangs_keeps_no_page_waiting(
    leader: Vitals, leading: Leading, http: httpx.AsyncClient, redis: Redis
) -> None:
    tick(leading, "99.5")
    pid = await pid_of(redis)
    with frozen(pid):
        async with listening(http, ETH) as page:
            began = time.monotonic()
            await page.next("watch")
            assert time.monotonic() - began < 2
    async with listening(http, ETH) as page:
        await page.next("watch")


async def test_one_more_than_enough_is_refused_and_probes_are_answered(
    leading: Leading, http: httpx.AsyncClient
) -> None:
    async with AsyncExitStack() as stack:
        asking = [http.build_request("GET", "/api/events") for _ in range(listeners.MOST + 8)]
        answers = await asyncio.gather(*(http.send(own, stream=True) for own in asking))
        for own in answers:
            stack.push_async_callback(own.aclose)
        pages = [Events(own) for own in answers if own.status_code == 200]
        assert len(pages) == listeners.MOST
        refused = [json.loads(await own.aread()) for own in answers if own.status_code == 503]
        assert refused == [{"error": "32 pages listen already: close one, or wait"}] * 8
        for page in pages:
            await page.next("health")
        idle = [await asyncio.open_connection("127.0.0.1", http.base_url.port) for _ in range(listener.MOST)]
        assert (await http.get("/healthz")).status_code == 200
        tick(leading, "99.5 100.5")
        for page in pages:
            assert (await page.next("alert")).data["alert"]["subject"] == ETH, "and none of them had to go"
        for _, writer in idle:
            writer.close()
    async with listening(http) as page:
        await page.next("health")


async def test_a_page_that_does_not_read_is_dropped_and_nobody_waits_for_it(
    leader: Vitals, leading: Leading, redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listener, "REQUEST_WITHIN", 0.5)
    async with serving(leader, redis=redis) as http, listening(http) as page:
        await page.next("health")
        deaf = socket.socket()
        deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        deaf.connect(("127.0.0.1", http.base_url.port))
        deaf.send(b"GET /api/events HTTP/1.1\r\nHost: localhost\r\n\r\n")
        entry = {"id": "1", "receiver": "desk", "outcome": "sent", "detail": "x" * 50_000}
        told = 0
        async with asyncio.timeout(60):
            while told < 120:  # more than the sockets hold
                await redis.xadd(KEYS.deliveries, entry)
                assert len((await page.next("delivery", within=5)).data["detail"]) == 50_000
                told += 1
        await asyncio.sleep(2 * listener.REQUEST_WITHIN)
        deaf.settimeout(5)
        read = 0
        with suppress(ConnectionResetError):
            while part := deaf.recv(2**16):
                read += len(part)
        assert read < told * 50_000, "it was hung up on"
        deaf.close()


def test_one_that_is_too_far_behind_is_dropped() -> None:
    own = listeners.Listeners()
    slow, quick = own.join(), own.join()
    for number in range(listeners.BEHIND + 1):
        own.tell(b"event", str(number))
        assert quick.take()
    assert slow.dropped
    assert not quick.dropped


async def test_a_page_hears_that_we_live(http: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "COMMENT_SECONDS", 0.2)
    async with listening(http) as page:
        with pytest.raises(TimeoutError):
            await page.next("nothing", within=1.5)
    assert page.comments >= 3


async def test_open_pages_do_not_delay_the_end(leader: Vitals, redis: Redis) -> None:
    async with AsyncExitStack() as stack:
        pages: list[Events] = []
        async with serving(leader, TOKEN, redis=redis) as http:
            http.headers["Authorization"] = f"Bearer {TOKEN}"
            own = await stack.enter_async_context(httpx.AsyncClient(base_url=http.base_url))
            own.headers["Authorization"] = f"Bearer {TOKEN}"
            for _ in range(5):
                pages.append(await stack.enter_async_context(listening(own, ETH)))
                await pages[-1].next("health")
            began = time.monotonic()
        assert time.monotonic() - began < 0.7
        for page in pages:
            await page.ended()


async def test_a_page_that_goes_is_forgotten(leader: Vitals, leading: Leading, redis: Redis) -> None:
    async with serving(leader, redis=redis) as http:
        for _ in range(3):
            for _ in range(listeners.MOST // 2):
                async with listening(http, ETH) as page:
                    await page.next("health")
        head = await http.head("/api/events")
        assert (head.status_code, head.content) == (200, b"")
        await Store(redis, "test").trim(0)

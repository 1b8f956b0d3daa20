"""What the page asks for, over real HTTP."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from redis.asyncio import Redis

import vital_parts
from tapewatch.alerts.alert import decode
from tapewatch.background import background
from tapewatch.board import Board
from tapewatch.market.ticks import NS
from tapewatch.store.keys import Keys
from tapewatch.store.now import NowBoard
from tapewatch.vitals import Leading, Role, Vitals
from tapewatch.web import pulse
from web.serving import serving

KEYS = Keys("test")


@pytest.fixture
async def leading(leader: Vitals) -> AsyncIterator[Leading]:
    """It commits and delivers."""
    async with vital_parts.running(leader) as own:
        yield own


@pytest.fixture
async def http(
    leader: Vitals, redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[httpx.AsyncClient]:
    monkeypatch.setattr(pulse, "PERIOD", 0.2)
    async with serving(leader, redis=redis) as own:
        yield own


def tick(leader: Leading, prices: str, symbol: str = "ETH/USD") -> None:
    leader.path.ticks(1 if symbol == "ETH/USD" else 0, vital_parts.ticks(symbol, prices), 0)


async def delivered(redis: Redis, count: int) -> None:
    async with asyncio.timeout(10):
        while await redis.xlen(KEYS.deliveries) < count:  # noqa: ASYNC110 - Redis tells nobody
            await asyncio.sleep(0.01)


async def answer(http: httpx.AsyncClient, path: str, **query: Any) -> Any:
    got = await http.get(path, params=query)
    assert (got.status_code, got.headers["Content-Type"]) == (200, "application/json"), got.text
    return got.json()


async def test_watches_are_searched_in_the_configs_order(
    leader: Vitals, leading: Leading, http: httpx.AsyncClient
) -> None:
    tick(leading, "99.5")
    found = await answer(http, "/api/watches")
    assert (found["instance"], found["total"], found["found"]) == ("test", 2, 2)
    assert [own["symbol"] for own in found["watches"]] == ["BTC/USD", "ETH/USD"]
    bitcoin, ether = found["watches"]
    assert bitcoin["price"] is None
    assert bitcoin["time_ns"] is None
    assert ether == {
        "symbol": "ETH/USD",
        "title": "ETH/USD",
        "zone": "UTC",
        "timeframes": ["1m", "1h"],
        "feed": "tape",
        "price": 99.5,
        "time_ns": str(int(vital_parts.ticks("ETH/USD", "99.5")["time"][0])),
    }
    assert (await answer(http, "/api/watches", q=" eTh ", limit=1))["found"] == 1
    assert (await answer(http, "/api/watches", q="usd", limit=1))["found"] == 2
    assert len((await answer(http, "/api/watches", q="usd", limit=1))["watches"]) == 1
    assert (await answer(http, "/api/watches", q="*"))["watches"] == []


@pytest.mark.parametrize("limit", ["0", "501", "-1", "x", "٣", "99999999999999999999"])
async def test_a_limit_is_a_number_that_makes_sense(http: httpx.AsyncClient, limit: str) -> None:
    for path in ("/api/watches", "/api/alerts"):
        refused = await http.get(path, params={"limit": limit})
        assert (refused.status_code, refused.json()["error"]) == (
            400,
            "limit has to be a number from 1 to 500",
        )


async def test_a_chart_is_its_bars_with_all_that_is_drawn_over_them(
    leading: Leading, http: httpx.AsyncClient
) -> None:
    tick(leading, "99.5 99.7 09:31=99.6 100.5")
    chart = await answer(http, "/api/chart", symbol="ETH/USD", timeframe="1m")
    assert (chart["symbol"], chart["timeframe"], chart["timeframes"]) == ("ETH/USD", "1m", ["1m", "1h"])
    assert (chart["open"], chart["high"], chart["close"]) == ([99.5, 99.6], [99.7, 100.5], [99.7, 100.5])
    assert chart["forming"] is True
    assert chart["places"] == [{"name": "round", "role": None, "low": 100, "high": 100}]
    assert [mark["price"] for mark in chart["marks"]] == [100.5]
    assert (await answer(http, "/api/chart", symbol="ETH/USD"))["timeframe"] == "1m", "the shortest"


async def test_a_chart_is_there_though_bars_close_faster_than_they_are_read(
    leading: Leading, http: httpx.AsyncClient
) -> None:
    async def play() -> None:
        ticks = vital_parts.ticks("ETH/USD", "99.5")
        while True:
            leading.path.ticks(1, ticks.copy(), 0)
            ticks["time"] += 60 * NS
            await leading.charts.keep()

    async with background(play()), asyncio.timeout(5):
        chart = await answer(http, "/api/chart", symbol="ETH/USD", timeframe="1m")
        assert chart["time"] == sorted(set(chart["time"]))


@pytest.mark.parametrize("path", ["/api/chart", "/api/chart.png", "/api/events"])
@pytest.mark.parametrize(
    ("query", "reason"),
    [
        ({"symbol": "DOGE"}, "no watch has the symbol 'DOGE'"),
        ({"symbol": "ETH/USD", "timeframe": "5m"}, "ETH/USD has no timeframe '5m': there are 1m, 1h"),
    ],
)
async def test_a_chart_that_there_is_not(
    leading: Leading, http: httpx.AsyncClient, path: str, query: dict[str, str], reason: str
) -> None:
    refused = await http.get(path, params=query)
    assert (refused.status_code, refused.json()) == (404, {"error": reason})


async def test_alerts_with_what_became_of_them(
    leading: Leading, http: httpx.AsyncClient, redis: Redis
) -> None:
    tick(leading, "99.5 100.5 98")
    tick(leading, "99.5 100.5", "BTC/USD")
    await delivered(redis, 2)
    newest = await answer(http, "/api/alerts", limit=2)
    assert [own["alert"]["subject"] for own in newest] == ["ETH/USD", "BTC/USD"], "the newest last"
    first, second = await answer(http, "/api/alerts", symbol="ETH/USD")
    assert [own["alert"]["data"]["direction"] for own in (first, second)] == ["up", "down"]
    assert second == newest[0]
    (told,) = first["deliveries"]
    assert (told["receiver"], told["outcome"], first["waiting"]) == ("desk", "sent", [])
    assert (second["deliveries"], second["waiting"]) == ([], ["desk"]), "it is told with others of its rule"
    assert second["entry"] == (await redis.xrange(KEYS.alerts))[1][0].decode()
    one = await answer(http, f"/api/alerts/{second['alert']['id']}")
    assert one == second
    assert await answer(http, "/api/alerts", symbol="E*") == [], "it is no pattern"


@pytest.mark.parametrize("id_", ["0" * 32, "x", "%2e%2e", "0123456"])
@pytest.mark.parametrize("ending", ["", ".png"])
async def test_an_alert_that_there_is_not(
    leading: Leading, http: httpx.AsyncClient, id_: str, ending: str
) -> None:
    refused = await http.get(f"/api/alerts/{id_}{ending}")
    assert refused.status_code == 404
    assert refused.json()["error"]


async def test_pictures_of_a_chart_and_of_an_alert(leading: Leading, http: httpx.AsyncClient) -> None:
    tick(leading, "99.5 09:31=99.6 100.5")
    (own,) = [decode(json.dumps(one["alert"])) for one in await _until_one(http)]
    for path, query in (
        ("/api/chart.png", {"symbol": "ETH/USD", "theme": "dark"}),
        ("/api/chart.png", {"symbol": "ETH/USD"}),
        (f"/api/alerts/{own.id}.png", {}),
    ):
        picture = await http.get(path, params=query)
        assert (picture.status_code, picture.headers["Content-Type"]) == (200, "image/png"), picture.text
        assert picture.content.startswith(b"\x89PNG")
    wrong = await http.get("/api/chart.png", params={"symbol": "ETH/USD", "theme": "pink"})
    assert (wrong.status_code, wrong.json()) == (400, {"error": "theme is light or dark"})


async def _until_one(http: httpx.AsyncClient) -> Any:
    async with asyncio.timeout(10):
        while not (found := await answer(http, "/api/alerts")):  # noqa: ASYNC110 - the API tells nobody
            await asyncio.sleep(0.02)
    return found


async def test_health_of_a_process_that_leads(
    leader: Vitals, leading: Leading, http: httpx.AsyncClient
) -> None:
    health = await answer(http, "/api/health")
    assert (health["role"], health["ready"], health["instance"]) == ("leading", True, "test")
    assert {"name": "feed tape", "ok": True, "reason": ""} in health["checks"]
    assert health["redis"] == {"ok": True, "away_s": None}
    assert health["receivers"] == [{"name": "desk", "waiting": 0}]
    assert (health["lease"], health["member"], health["symbols"]) == (None, None, 2)
    bitcoin, tape = health["feeds"]
    assert {name: tape[name] for name in ("name", "vendor", "state", "stale", "lag_s", "reconnects")} == {
        "name": "tape",
        "vendor": "kraken",
        "state": "subscribed",
        "stale": False,
        "lag_s": None,
        "reconnects": 0,
    }
    assert bitcoin["lag_s"] == 0
    async with asyncio.timeout(10):
        while (rate := (await answer(http, "/api/health"))["feeds"][1]["ticks_per_second"]) != 0:
            assert rate is None, "nobody has looked twice"
            await asyncio.sleep(0.05)
        leader.connections[1].ticks += 1000
        while (rate := (await answer(http, "/api/health"))["feeds"][1]["ticks_per_second"]) == 0:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    assert 1000 < rate <= 5000, "in 0.2 s, or a little more"


async def test_a_process_that_stands_by_shows_what_the_leader_wrote(redis: Redis, tmp_path: Path) -> None:
    own = vital_parts.config()
    first = await vital_parts.lead(own, redis, tmp_path / "first")
    async with vital_parts.running(first) as leading:
        tick(leading, "99.5 100.5")
        await delivered(redis, 1)
        board = Board(
            NowBoard(redis, KEYS), leading.path.engine, list(first.connections), leading.writer.changed
        )
        await board.close()
        second = vital_parts.standby(own, redis)
        async with serving(second, redis=redis) as http:
            health = await answer(http, "/api/health")
            assert (health["role"], health["member"]) == ("standing by", "me")
            assert health["lease"] == {"leader": None, "held": False}
            assert health["receivers"] == [{"name": "desk", "waiting": None}]
            prices = [own["price"] for own in (await answer(http, "/api/watches"))["watches"]]
            assert prices == [None, 100.5]
            assert len(await answer(http, "/api/alerts")) == 1
            for path in ("/api/chart", "/api/chart.png"):
                refused = await http.get(path, params={"symbol": "ETH/USD"})
                assert refused.status_code == 503
                assert "standing by" in refused.json()["error"]
            second.role = Role.STOPPING
            assert (await answer(http, "/api/health"))["role"] == "stopping"


async def test_what_needs_redis_says_that_it_is_away(
    leader: Vitals, leading: Leading, http: httpx.AsyncClient, redis: Redis
) -> None:
    tick(leading, "99.5")
    await redis.shutdown(nosave=True)
    for path in ("/api/alerts", f"/api/alerts/{'0' * 32}", "/api/silences"):
        refused = await http.get(path)
        assert (refused.status_code, refused.json()) == (503, {"error": "Redis does not answer"})
    made = await http.post("/api/silences", json={"all": True, "for": "1h"})
    assert made.status_code == 503
    assert (await answer(http, "/api/watches", q="eth"))["watches"][0]["price"] == 99.5
    assert (await http.get("/healthz")).status_code == 200
    async with asyncio.timeout(10):
        while (health := await answer(http, "/api/health"))["redis"]["ok"]:  # noqa: ASYNC110 - nor here
            await asyncio.sleep(0.05)
    assert health["redis"]["away_s"] >= 0

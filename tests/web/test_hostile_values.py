"""What others have written to Redis keeps no page from being served."""

import asyncio
import json
from collections.abc import AsyncIterator

import httpx
import pytest
from redis.asyncio import Redis

import vital_parts
from notify.sample_alerts import alert
from tapewatch.alerts.alert import encode
from tapewatch.store.keys import Keys
from tapewatch.vitals import Vitals
from web.event_stream import listening
from web.serving import serving

KEYS = Keys("test")
EVER = "9999999999999999"
"""A time in ms that no calendar has."""


@pytest.fixture
async def http(leader: Vitals, redis: Redis) -> AsyncIterator[httpx.AsyncClient]:
    async with vital_parts.running(leader), serving(leader, redis=redis) as own:
        yield own


async def test_an_alert_of_several_lines_is_one_event(http: httpx.AsyncClient, redis: Redis) -> None:
    body = json.dumps(json.loads(encode(alert())), indent=1)
    async with listening(http) as page:
        await page.next("silences")
        await redis.xadd(KEYS.alerts, {"json": body.replace("\n", "\r\n")})
        assert (await page.next("alert")).data["alert"] == json.loads(body)


async def test_times_that_are_no_dates_end_nothing(http: httpx.AsyncClient, redis: Redis) -> None:
    silence = {"id": "0a1b2c3d", "since_ns": 0, "until_ns": 10**25, "by": "nobody"}
    async with listening(http) as page:
        await page.next("silences")
        await redis.hset(KEYS.silences, "0a1b2c3d", json.dumps(silence))
        await redis.xadd(KEYS.deliveries, {"id": alert().id, "receiver": "desk"}, id=f"{EVER}-0")
        assert (await page.next("delivery")).data["receiver"] == "desk"
        await asyncio.sleep(1.5)  # silences are read once a second
        assert (await http.get("/api/silences")).json() == []
        await redis.xadd(KEYS.alerts, {"json": encode(alert())})
        await page.next("alert")

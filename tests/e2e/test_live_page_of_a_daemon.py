"""A page open at a daemon that runs: alerts at once, reload and restart without a word by hand."""

import asyncio
import signal
import time

import httpx
import pytest
from exchange import Exchange
from live import Place, until_place

from web.event_stream import listening

LEVEL = """
[[watch.level]]
name = "round"
price = 100
"""
SYMBOL = "BTC/USD"


@pytest.fixture
def exchange() -> Exchange:
    return Exchange(SYMBOL)


async def test_a_page_shows_what_happens_to_a_daemon_until_it_stops(place: Place) -> None:
    redis, exchange = await place.redis(), place.exchange
    place.write(LEVEL, history=False)
    daemon = await place.daemon()
    url = (await daemon.logged("http.listening"))["url"]
    await exchange.listened()
    await until_place(redis, await exchange.trade(99.0))
    async with httpx.AsyncClient(base_url=url, trust_env=False, timeout=30) as http:
        page = (await http.get("/")).text
        assert "<script" in page
        async with listening(http, SYMBOL, timeframe="1m") as events:
            assert (await events.next("chart")).data["places"][0]["name"] == "round"
            began = time.monotonic()
            await exchange.trade(100.0)
            alert = await events.next("alert")
            assert time.monotonic() - began < 1.5, "a tick, its commit, and a second"
            assert alert.data["alert"]["data"]["rule"] == "round"

            place.write(LEVEL.replace("round", "shelf").replace("100", "102"), history=False)
            daemon.process.send_signal(signal.SIGHUP)
            await daemon.logged("config.changed")
            async with asyncio.timeout(10):
                while (await events.next("chart")).data["places"][0]["name"] != "shelf":
                    pass

            daemon.process.terminate()
            began = time.monotonic()
            await events.ended()
            assert await daemon.ended() == 0
            assert time.monotonic() - began < 5, daemon.everything()
    assert not daemon.events("library.said"), daemon.everything()
    assert not daemon.events("http.redis_away")

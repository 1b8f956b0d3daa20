"""A line that is open and silent is replaced, and people hear of it: once when it begins, once when it ends."""

import asyncio

from house import alerts_reach
from live import Place, alerts, until_place

from notify.receiver_servers import Endpoint, http_server

ROUTES = """
max_silence = "1s"

[[watch.level]]
name = "round"
price = 100

[[receiver]]
name = "ops"
kind = "webhook"

[[route]]
match = { type = "tapewatch.feed.*" }
receivers = ["ops"]
"""


async def test_a_mute_feed_is_connected_anew_and_its_own_route_hears_of_it(place: Place) -> None:
    redis, exchange, ops = await place.redis(), place.exchange, Endpoint()
    async with http_server(ops) as url:
        place.env |= {"TAPEWATCH_RECEIVER_OPS_URL": url, "TAPEWATCH_RECEIVER_OPS_SECRET": "whsec-of-ops"}
        place.write(ROUTES, history=False)
        daemon = await place.daemon()
        await exchange.listened()
        await until_place(redis, await exchange.trade(99.0))
        await alerts_reach(redis, 1, daemon)
        lost = await daemon.logged("feed.lost")
        assert lost["reason"].startswith("mute: no tick of BTC/USD for 1 s")
        await daemon.logged("feed.subscribed", 2)
        await until_place(redis, await exchange.trade(100.0))
        await alerts_reach(redis, 3, daemon)
        async with asyncio.timeout(10):
            while len(ops.received) < 2:  # noqa: ASYNC110
                await asyncio.sleep(0.02)
    found = await alerts(redis)
    by_type = {one["type"]: one for one in found}
    assert by_type.keys() == {"tapewatch.feed.stale", "tapewatch.feed.back", "tapewatch.level.crossed_up"}
    assert by_type["tapewatch.level.crossed_up"]["data"]["gap"] == "outage"
    assert by_type["tapewatch.feed.stale"]["subject"] == "btc"
    assert [one["type"] for one in found if "feed" in one["type"]] == [
        "tapewatch.feed.stale",
        "tapewatch.feed.back",
    ]
    assert exchange.connections == 2


async def test_a_silent_feed_that_may_be_so_is_left_alone(place: Place) -> None:
    redis, exchange = await place.redis(), place.exchange
    place.write('max_silence = "off"\n', history=False)
    daemon = await place.daemon()
    await exchange.listened()
    await until_place(redis, await exchange.trade(99.0))
    await asyncio.sleep(2.5)
    assert exchange.connections == 1
    assert await alerts(redis) == []
    assert await daemon.stop() == 0

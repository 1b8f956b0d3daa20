"""Several feeds in one daemon: each has its own line, and one that is refused takes no other along."""

import json
from contextlib import AsyncExitStack
from pathlib import Path

from exchange import Exchange
from house import alerts_reach
from live import Place, alerts
from websockets.asyncio.server import ServerConnection, serve

SECOND = """
[[watch.level]]
name = "round"
price = 100

[[feed]]
name = "stocks"
vendor = "massive"
url = "ws://127.0.0.1:{refusing}"

[[feed]]
name = "ether"
vendor = "kraken"
url = "ws://127.0.0.1:{other}"

[[watch]]
symbol = "SPY"
feed = "stocks"

[[watch]]
symbol = "ETH/USD"
feed = "ether"
feed_symbol = "ETH/USD"
calendar = "24/7"
max_jump = "off"

[[watch.level]]
name = "ether"
price = 50
"""


async def refuse(websocket: ServerConnection) -> None:
    await websocket.send(json.dumps([{"ev": "status", "status": "auth_failed", "message": "no"}]))
    await websocket.wait_closed()


async def test_each_feed_has_its_own_line_and_a_refused_one_ends_alone(tmp_path: Path) -> None:
    async with AsyncExitStack() as stack:
        first, other = [
            await stack.enter_async_context(Exchange("BTC/USD", "ETH/USD").open()) for _ in range(2)
        ]
        server = await stack.enter_async_context(serve(refuse, "127.0.0.1", 0))
        refusing = next(iter(server.sockets)).getsockname()[1]
        place = Place(tmp_path, first, stack)
        place.env["TAPEWATCH_FEED_STOCKS_KEY"] = "wrong"
        redis = await place.redis()
        place.write('feed = "btc"\n' + SECOND.format(refusing=refusing, other=other.port), history=False)
        daemon = await place.daemon()
        assert (await daemon.logged("feed.refused"))["feed"] == "stocks"
        await first.listened("BTC/USD")
        await other.listened("ETH/USD")
        await first.trade(99.0, 100.0, symbol="BTC/USD")
        await other.trade(51.0, 49.0, symbol="ETH/USD")
        await alerts_reach(redis, 2, daemon)
        assert {(one["subject"], one["data"]["rule"]) for one in await alerts(redis)} == {
            ("BTC/USD", "round"),
            ("ETH/USD", "ether"),
        }
        for exchange, symbol in ((first, "BTC/USD"), (other, "ETH/USD")):
            assert [json.loads(asked)["params"]["symbol"] for asked in exchange.asked] == [[symbol]]
        assert await daemon.stop() == 0
        await place.close()

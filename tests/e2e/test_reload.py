"""SIGHUP: other watches on the same connection; what stays as it was keeps its state."""

import json
import signal
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from exchange import Exchange
from house import House, alerts_reach
from live import Place, alerts, until_place

LEVEL = """
[[watch.level]]
name = "round"
price = 100
"""
ETHER = """
[[watch]]
symbol = "ETH/USD"
feed_symbol = "ETH/USD"
calendar = "24/7"
max_jump = "off"

[[watch.level]]
name = "ether"
price = 50
"""


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[Place]:
    async with AsyncExitStack() as stack:
        exchange = await stack.enter_async_context(Exchange("BTC/USD", "ETH/USD").open())
        one = Place(tmp_path, exchange, stack)
        yield one
        await one.close()


async def test_symbols_come_and_go_on_the_same_connection(place: Place) -> None:
    redis, exchange = await place.redis(), place.exchange
    place.write(LEVEL, history=False)
    daemon = await place.daemon()
    await exchange.listened()
    await until_place(redis, await exchange.trade(99.0, 100.0))

    place.write(LEVEL + ETHER, history=False)
    daemon.process.send_signal(signal.SIGHUP)
    changed = await daemon.logged("config.changed")
    assert (changed["added"], changed["removed"], changed["changed"]) == (["ETH/USD"], [], [])
    await exchange.listened("ETH/USD")
    await exchange.trade(99.95, 100.0)  # within the band: the level fired before the change, and is not armed
    await exchange.trade(49.0, 51.0, symbol="ETH/USD")
    await alerts_reach(redis, 2, daemon)
    assert [one["data"]["rule"] for one in await alerts(redis)] == ["round", "ether"]

    place.write(LEVEL.replace("100", "102"), history=False)
    daemon.process.send_signal(signal.SIGHUP)
    changed = await daemon.logged("config.changed", 2)
    assert (changed["added"], changed["removed"], changed["changed"]) == ([], ["ETH/USD"], ["BTC/USD"])
    await exchange.trade(101.0, 102.0)
    await alerts_reach(redis, 3, daemon)
    assert (await alerts(redis))[2]["data"]["level"] == 102.0
    asked = [json.loads(one) for one in exchange.asked]
    assert [(one["method"], one["params"]["symbol"]) for one in asked] == [
        ("subscribe", ["BTC/USD"]),
        ("subscribe", ["ETH/USD"]),
        ("unsubscribe", ["ETH/USD"]),
    ]
    assert exchange.connections == 1


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("price = 100", "price = -1", "must be more than 0"),
        ('name = "e2e"', 'name = "other"', "a change of name needs a restart"),
        ('vendor = "kraken"', 'vendor = "coinbase"', "a change of feed needs a restart"),
        ('max_jump = "off"', 'max_jump = "off"\nhistory = ["none.csv"]', "none.csv"),
    ],
)
async def test_a_config_that_cannot_be_taken_over_changes_nothing(
    place: Place, old: str, new: str, reason: str
) -> None:
    redis, exchange = await place.redis(), place.exchange
    place.write(LEVEL, history=False)
    daemon = await place.daemon()
    await exchange.listened()
    await until_place(redis, await exchange.trade(99.0))
    good = place.config.read_text()
    place.config.write_text((good + ETHER).replace(old, new))
    daemon.process.send_signal(signal.SIGHUP)
    assert reason in (await daemon.logged("config.refused"))["reason"]
    await exchange.trade(100.0)
    await alerts_reach(redis, 1, daemon)
    place.config.write_text(good)
    daemon.process.send_signal(signal.SIGHUP)
    await daemon.logged("config.unchanged")
    assert await daemon.stop() == 0
    assert exchange.connections == 1


async def test_a_feed_does_not_go_from_indices_to_stocks_without_a_restart(house: House) -> None:
    config = (
        'name = "e2e"\n[[feed]]\nname = "tape"\nvendor = "massive"\nwarm_up = 0\n[[watch]]\nsymbol = "{}"\n'
    )
    house.config.write_text(config.format("I:SPX") + 'max_jump = "off"\n')
    house.env["https_proxy"] = "http://127.0.0.1:9"  # the vendor's own address is not to be reached
    daemon = await house.daemon()
    await daemon.logged("daemon.ready")
    house.config.write_text(config.format("SPY"))
    daemon.process.send_signal(signal.SIGHUP)
    assert "feed 'tape' would connect elsewhere" in (await daemon.logged("config.refused"))["reason"]
    assert await daemon.stop() == 0

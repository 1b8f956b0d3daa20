"""SIGHUP: other watches on the same connection; what stays as it was keeps its state."""

import asyncio
import json
import signal
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
def exchange() -> Exchange:
    return Exchange("BTC/USD", "ETH/USD")


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
        ('name = "e2e"', 'name = "other"', "what changed needs a restart: name"),
        ('name = "e2e"', 'name = "e2e"\nredis.fsync = "always"', "needs a restart: [redis] fsync"),
        ('vendor = "kraken"', 'vendor = "coinbase"', "needs a restart: feed btc: vendor"),
        ('vendor = "kraken"', 'vendor = "kraken"\nwarm_up = 9', "needs a restart: feed btc: warm_up"),
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
    assert (
        "needs a restart: feed tape: it would connect elsewhere"
        in (await daemon.logged("config.refused"))["reason"]
    )
    assert await daemon.stop() == 0


async def test_another_calendar_begins_the_watch_anew_and_the_daemon_goes_on(place: Place) -> None:
    redis, exchange = await place.redis(), place.exchange
    place.write(LEVEL + ETHER, history=False)
    daemon = await place.daemon()
    await exchange.listened("ETH/USD")
    await exchange.trade(49.0, symbol="ETH/USD")
    await until_place(redis, await exchange.trade(99.0))
    text = place.config.read_text()
    place.config.write_text(text.replace('calendar = "24/7"', 'calendar = "XNYS"', 1))
    daemon.process.send_signal(signal.SIGHUP)
    changed = await daemon.logged("config.changed")
    assert changed["changed"] == ["BTC/USD"]
    assert changed["changes"][1].endswith("the whole watch begins anew, as one that is added")
    await exchange.trade(51.0, symbol="ETH/USD")
    await alerts_reach(redis, 1, daemon)
    assert await daemon.stop() == 0, daemon.everything()


async def test_the_one_that_leads_and_the_one_that_stands_by_both_take_it_over(place: Place) -> None:
    redis, exchange = await place.redis(), place.exchange
    term = '\n[[receiver]]\nname = "term"\nkind = "console"\ngroup_wait = "0s"\n\n[[route]]\nreceivers = ["term"]\n'

    def write(rest: str) -> None:
        place.write(rest, history=False)
        place.config.write_text("ha = true\n" + place.config.read_text())

    write(LEVEL)
    first = await place.daemon()
    await first.logged("daemon.ready")
    second = await place.daemon()
    await second.logged("daemon.standing_by")
    await exchange.listened()
    await until_place(redis, await exchange.trade(99.0))

    write(LEVEL.replace("100", "-1"))
    for daemon in (first, second):
        daemon.process.send_signal(signal.SIGHUP)
        await daemon.logged("config.refused")
    write(LEVEL.replace("100", "102") + ETHER + term)
    for daemon in (first, second):
        daemon.process.send_signal(signal.SIGHUP)
        changed = await daemon.logged("config.changed")
        assert (changed["added"], changed["receivers"]) == (["ETH/USD"], ["term"])
    await second.logged("daemon.standing_by", 2)
    await exchange.trade(101.0)
    await exchange.trade(103.0)
    await first.said("102")
    await second.logged("feed.subscribed", 2)
    await first.kill()
    await second.logged("daemon.ready")
    await exchange.trade(49.0, 51.0, symbol="ETH/USD")
    await second.said("ETH/USD")
    rules = [one["data"]["rule"] for one in await alerts(redis)]
    assert rules == ["round", "ether"]
    assert await second.stop() == 0, second.everything()


async def test_a_sighup_during_the_start_is_heeded_once_that_is_done(place: Place) -> None:
    await place.redis()
    place.write(LEVEL, history=False)
    daemon = await place.daemon()
    status = Path(f"/proc/{daemon.process.pid}/status")
    async with asyncio.timeout(20):
        while not catches(status.read_text(), signal.SIGHUP):  # noqa: ASYNC110, ASYNC240 - proc never waits
            await asyncio.sleep(0.01)
    assert not daemon.events("daemon.starting")
    daemon.process.send_signal(signal.SIGHUP)
    await daemon.logged("daemon.ready")
    await daemon.logged("config.unchanged")
    assert await daemon.stop() == 0, daemon.everything()


def catches(status: str, number: signal.Signals) -> bool:
    """Whether a process does, of which this is `/proc/PID/status`: see proc(5)."""
    mask = next(line.split()[1] for line in status.splitlines() if line.startswith("SigCgt:"))
    return bool(int(mask, 16) & 1 << (number - 1))

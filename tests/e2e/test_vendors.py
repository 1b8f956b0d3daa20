"""For each vendor, the same tape gives the same alerts: those of its replay."""

import pytest
from house import House, stream

from tapewatch.feeds.vendors import VENDORS

NAMES = {"coinbase": "BTC/USD", "kraken": "BTC/USD"}
"""What the feed calls the tape's symbol; others: as the watch does."""

DESCRIBED = {
    "json": """
hello = ['{"login": "{key}"}']
subscribe = '{"op": "subscribe", "args": {symbols}}'
trades = "data"
only = { type = "trades" }
symbol = "s"
price = "p"
size = "q"
time = "t"
id = "i"
"""
}
"""What has to be said of a feed that its vendor does not."""


@pytest.mark.parametrize("vendor", VENDORS)
async def test_the_tape_gives_the_alerts_of_its_replay(house: House, expected, vendor: str) -> None:
    wanted = await expected(house.case)
    assert len(wanted.lines) > 30
    house.env["TAPEWATCH_FEED_TAPE_SECRET"] = "feed-secret"
    redis = await house.own_redis()
    name = NAMES.get(vendor, house.case.symbol)
    watch = house.case.watch.replace("[[watch]]\n", f'[[watch]]\nfeed_symbol = "{name}"\n', 1)
    house.write(9, watch, vendor=vendor, described=DESCRIBED.get(vendor, ""))
    whose = ("--config", house.config) if vendor in DESCRIBED else ("--vendor", vendor, "--symbol", name)
    tape = ("--tape", house.case.tape, "--port", 0, "--speed", "max", "--from-start")
    simulator = await house.program("simulate", *whose, *tape)
    port = int((await simulator.said(rf"simulated {vendor} feed on ws://127\.0\.0\.1:(\d+)"))[1])
    house.write(port, watch, vendor=vendor, described=DESCRIBED.get(vendor, ""))
    daemon = await house.daemon()
    await house.played(redis)
    assert await daemon.stop() == 0, daemon.everything()
    assert await stream(redis) == wanted.lines

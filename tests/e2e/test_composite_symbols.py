"""A ratio of two legs through the whole program: one subscription a leg, crashes, and the same alerts as `replay`."""

import csv
import json
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import numpy as np
import pytest
from house import KEYS, House, indicators, stream
from tapes import AFTER_HOURS, DAY, Case
from test_crashes import killed_again_and_again

from tapewatch.market.sessions import sessions
from tapewatch.market.ticks import NS

RATIO = """
[[watch]]
symbol = "XLC/SPY"
timeframes = ["1m", "5m", "1h", "1d"]
indicators = ["rsi(14)", "sma(20)"]

[[watch.level]]
name = "quarter"
price = 0.25

[[watch.zone]]
name = "shelf"
low = 0.2485
high = 0.2495

[[watch.condition]]
name = "overbought"
when = "rsi(14)@1m crosses above 70"
"""

LEG = """
[[watch]]
symbol = "SPY"
timeframes = ["1m", "1d"]
indicators = ["rsi(14)"]

[[watch.level]]
name = "400"
price = 400
"""


@pytest.fixture(scope="session")
def legs_tape(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A day on which two funds swing about 100 and 400, each at its own moments, some of them the same."""
    dice = np.random.default_rng(500)
    open_, close = sessions("XNYS").of_date(DAY) or (0, 0)
    seconds = (close - open_) // NS + AFTER_HOURS
    rows = []
    for symbol, middle, period, step in (("XLC", 100, 300, 2), ("SPY", 400, 450, 1)):
        at = np.arange(0, seconds, step)
        prices = np.round(
            middle * (1 + 0.006 * np.sin(at / period)) + np.cumsum(dice.normal(0, 0.004, len(at))), 2
        )
        jitter = dice.integers(0, 3, len(at)) * NS // 2
        rows += [
            (open_ + int(s) * NS + int(j), price, 10, symbol)
            for s, j, price in zip(at, jitter, prices, strict=True)
        ]
    path = tmp_path_factory.mktemp("legs") / "legs.csv"
    with path.open("w", newline="") as file:
        csv.writer(file).writerows(
            [("time_ns", "price", "size", "symbol"), *sorted(rows, key=lambda row: row[0])]
        )
    return path


@pytest.fixture
async def ratio_house(tmp_path: Path, legs_tape: Path) -> AsyncIterator[House]:
    """The ratio alone is watched."""
    async with AsyncExitStack() as stack:
        house = House(tmp_path, Case(legs_tape, RATIO, "XLC/SPY"), stack)
        stack.push_async_callback(house.close)
        yield house


@pytest.fixture
async def both_house(tmp_path: Path, legs_tape: Path) -> AsyncIterator[House]:
    """The ratio is watched, and one of its legs."""
    async with AsyncExitStack() as stack:
        house = House(tmp_path, Case(legs_tape, RATIO + LEG, "XLC/SPY"), stack)
        stack.push_async_callback(house.close)
        yield house


def by_symbol(lines: list[bytes]) -> dict[str, list[bytes]]:
    """The order between symbols is not promised."""
    parts = defaultdict(list)
    for line in lines:
        parts[json.loads(line)["subject"]].append(line)
    return parts


async def test_the_ratio_and_its_leg_are_what_replay_says(both_house: House, expected) -> None:
    house = both_house
    wanted = await expected(house.case)
    assert {symbol: len(lines) > 10 for symbol, lines in by_symbol(wanted.lines).items()} == {
        "XLC/SPY": True,
        "SPY": True,
    }
    redis = await house.own_redis()
    house.write(await house.simulate("--speed", "max"))
    daemon = await house.daemon()
    now = await house.played(redis)
    assert indicators(now) == wanted.indicators
    status = await house.program("status", "--config", house.config, "--json")
    assert await status.ended() == 0, status.everything()
    assert await daemon.stop() == 0, daemon.everything()
    assert by_symbol(await stream(redis)) == by_symbol(wanted.lines)

    (ratio, leg) = json.loads("".join(status.out))
    spy = float((await redis.hgetall(KEYS.now("SPY")))[b"price"])
    assert (ratio["symbol"], leg["symbol"]) == ("XLC/SPY", "SPY")
    assert ratio["price"] == float(now[b"price"]) == pytest.approx(0.25, abs=0.01)
    assert leg["price"] == spy == pytest.approx(400, abs=10)
    assert [each["low"] for each in ratio["levels"]] == [0.25, 0.2485]


async def test_a_killed_daemon_goes_on_with_either_leg_where_it_was(ratio_house: House, expected) -> None:
    assert len((await expected(ratio_house.case)).lines) > 10
    await killed_again_and_again(ratio_house, expected, kills=3, day_takes=2.0)

"""What a trader relies on at a level: prompt on the first touch, one alert where price dances, the side is true."""

from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tapewatch.engine.engine import Engine
from tapewatch.engine.events import CROSSED_DOWN, CROSSED_UP, ENTERED_FROM_ABOVE, REJECTED_UP
from tapewatch.engine.indicators import RANGE
from tapewatch.engine.watch import Band, LevelRule, Watch, ZoneRule
from tapewatch.market.bars import BAR
from tapewatch.market.sessions import sessions
from tapewatch.market.ticks import NS, empty_ticks

XNYS = sessions("XNYS")
OPEN = int(XNYS.opens[XNYS.at(1769_600_000 * NS)])
LEVEL, BAND = 7000.0, 7.0

offsets = st.lists(st.integers(-1200, 1200), min_size=2, max_size=200)
"""Prices in hundredths of a point from the level."""


def crossings(prices: np.ndarray) -> list[tuple[int, int]]:
    """Index of the tick, and which way, of each alert of one level."""
    watch = Watch("SPX", XNYS, ("1d",), (), (LevelRule("round", LEVEL, Band(BAND, "points")),))
    ticks = empty_ticks(len(prices))
    ticks["time"] = OPEN + np.arange(len(prices)) * NS
    ticks["price"] = prices
    rows = Engine([watch]).step(ticks).rows
    return [(int((row["time"] - OPEN) // NS), int(row["type"])) for row in rows]


@given(offsets)
def test_alerts_alternate_and_price_moved_the_band_between_two_of_them(walk: list[int]) -> None:
    prices = LEVEL + np.array(walk) / 100
    fired = crossings(prices)
    kinds = [kind for _, kind in fired]
    assert all(a != b for a, b in pairwise(kinds))
    for (first, _), (second, _) in pairwise(fired):
        stretch = prices[first : second + 1]
        assert np.abs(stretch - LEVEL).max() >= BAND


@given(offsets)
def test_the_first_touch_is_the_first_tick_that_touches(walk: list[int]) -> None:
    prices = LEVEL + np.array(walk) / 100
    above = prices >= LEVEL
    changed = np.flatnonzero(above != above[0])
    fired = crossings(prices)
    if len(changed):
        assert fired[0] == (changed[0], CROSSED_UP if above[changed[0]] else CROSSED_DOWN)
    else:
        assert fired == []


@given(offsets)
def test_the_last_alert_names_the_side_price_is_on_to_within_the_band(walk: list[int]) -> None:
    prices = LEVEL + np.array(walk) / 100
    fired = crossings(prices)
    said_above = fired[-1][1] == CROSSED_UP if fired else prices[0] >= LEVEL
    assert prices[-1] > LEVEL - BAND if said_above else prices[-1] < LEVEL + BAND


def test_price_dancing_on_a_level_is_one_alert_and_not_fifty() -> None:
    dance = LEVEL + np.resize([-3.0, 4.0], 50)
    assert len(crossings(np.concatenate([[6980.0], dance]))) == 1


def test_a_band_in_average_true_ranges_is_that_of_the_last_daily_close() -> None:
    day = XNYS.at(OPEN)
    bars = np.zeros(30, BAR)
    bars["start"], bars["end"] = XNYS.opens[day - 30 : day], XNYS.closes[day - 30 : day]
    bars["open"] = bars["close"] = 6990.0
    bars["high"], bars["low"] = 7010.0, 6970.0  # every day's true range is 40 points
    rules = (
        LevelRule("half a day's range", LEVEL, Band(0.5, "atr")),
        ZoneRule("zone", 6960.0, 6980.0, Band(0.5, "atr")),
    )
    watch = Watch("SPX", XNYS, ("1m", "1d"), (RANGE,), rules)
    path = [6999.0, 7000.0, 6999.0, 7019.0, 6981.0, 6980.0, 6981.0, 6989.0, 6990.0]

    def fired(engine: Engine) -> list[tuple[int, float]]:
        ticks = empty_ticks(len(path))
        ticks["time"], ticks["price"] = OPEN + np.arange(len(path)) * NS, path
        return [(int(row["type"]), float(row["price"])) for row in engine.step(ticks).rows]

    warm = Engine([watch])
    warm.warm(0, bars, "1d", ["1d"])
    assert fired(warm) == [
        (CROSSED_UP, 7000.0),
        (CROSSED_DOWN, 6980.0),
        (ENTERED_FROM_ABOVE, 6980.0),
        (REJECTED_UP, 6990.0),  # a band is at most half the zone's width: 10 points
    ]
    # Without history there is no range yet: 0.1 % of the level, 7 points.
    assert fired(Engine([watch])) == [
        (CROSSED_UP, 7000.0),
        (CROSSED_DOWN, 6981.0),
        (ENTERED_FROM_ABOVE, 6980.0),
        (REJECTED_UP, 6989.0),
    ]

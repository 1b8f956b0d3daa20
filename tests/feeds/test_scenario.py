import hashlib
from datetime import datetime
from itertools import pairwise
from zoneinfo import ZoneInfo

import numpy as np
import pytest
import talib

from tapewatch.feeds.files import read_bars, read_ticks
from tapewatch.feeds.scenario import sp500_7000
from tapewatch.market.bars import BAR
from tapewatch.market.sessions import sessions
from tapewatch.market.ticks import NS

NEW_YORK = sessions("XNYS")
HOUR = 3600 * NS
MAX_JUMP = 0.009


@pytest.fixture(scope="module")
def scenario():
    return sp500_7000(NEW_YORK)


@pytest.fixture(scope="module")
def session(scenario):
    """Index of each tick's session."""
    return np.searchsorted(NEW_YORK.closes, scenario.time, side="right")


def ns(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo("America/New_York")).timestamp()) * NS


def first(where: np.ndarray, after: int = 0) -> int:
    """Index of the first tick after tick `after` for which `where` holds."""
    found = np.flatnonzero(where[after + 1 :])
    assert len(found), "it never happens"
    return int(found[0]) + after + 1


def bars_of(time: np.ndarray, price: np.ndarray, length: int) -> np.ndarray:
    """The bars of ticks, tick by tick."""
    bars: list[list[float]] = []
    for at, value in zip(time.tolist(), price.tolist(), strict=True):
        i = int(np.searchsorted(NEW_YORK.closes, at, side="right"))
        opens = int(NEW_YORK.opens[i])
        start = opens + (at - opens) // length * length
        if not bars or bars[-1][0] != start:
            bars.append(
                [start, min(start + length, int(NEW_YORK.closes[i])), value, value, value, value, 0.0]
            )
        bar = bars[-1]
        bar[3:6] = max(bar[3], value), min(bar[4], value), value
    return np.array([tuple(bar) for bar in bars], BAR)


def test_it_is_the_same_to_the_last_bit_everywhere(scenario):
    digest = hashlib.sha256(scenario.time.tobytes() + scenario.price.tobytes())
    for timeframe in ("1d", "1h", "5m", "1m"):
        digest.update(scenario.history[timeframe].tobytes())
    assert digest.hexdigest() == "7d1d4905bfeffe2413b47296c8cfe0531e5a5361059040066d33af4dc4dde11e"


def test_it_says_that_it_is_simulated(scenario, tmp_path):
    assert "simulated" in scenario.title
    assert "simulated" in scenario.write(tmp_path).name


def test_ticks_come_every_few_seconds_of_real_sessions(scenario, session):
    days = np.unique(session)
    assert [str(day) for day in NEW_YORK.days[days].astype("datetime64[D]")] == [
        *("2026-01-20", "2026-01-21", "2026-01-22", "2026-01-23", "2026-01-26"),
        *("2026-01-27", "2026-01-28", "2026-01-29", "2026-01-30", "2026-02-02"),
    ]
    assert (scenario.time >= NEW_YORK.opens[session]).all()
    assert (scenario.time % 1_000_000 == 0).all()
    steps = np.diff(scenario.time)[np.diff(session) == 0]
    assert steps.min() >= 5 * NS
    assert steps.max() <= 10 * NS


def test_no_tick_is_a_jump(scenario):
    with_history = np.append(scenario.history["1d"]["close"][-1], scenario.price)
    assert np.abs(np.diff(with_history) / with_history[:-1]).max() < MAX_JUMP


def test_prices_are_whole_cents(scenario):
    assert (np.round(scenario.price, 2) == scenario.price).all()


def test_the_story_is_told_in_order(scenario):
    price, time = scenario.price, scenario.time
    assert price[0] == 6896
    into_zone = first(price >= 6950)
    rejected = first(price <= 6943, after=into_zone)
    assert price[into_zone:rejected].max() < 6970
    through_zone = first(price > 6970, after=rejected)
    breakout = first(price >= 7000)
    assert ns("2026-01-28 09:30") < time[breakout] < ns("2026-01-28 11:00")
    failure = first(price <= 6993, after=breakout)
    assert price[breakout:failure].max() > 7010
    assert time[failure] < ns("2026-01-28 16:00")
    assert price[failure:].max() < 7000.5
    loss = first(price < 6790)
    target = first(price < 6735)
    assert into_zone < rejected < through_zone < breakout < failure < loss < target
    assert time[target] > ns("2026-02-02 15:45")


def test_a_naive_alert_would_fire_dozens_of_times_at_7000(scenario):
    above = scenario.price >= 7000
    assert np.count_nonzero(above[1:] != above[:-1]) >= 24


def test_the_breakout_is_the_one_bearish_divergence_of_the_hourly_rsi(scenario):
    history = scenario.history["1h"]
    bars = np.concatenate([history, bars_of(scenario.time, scenario.price, HOUR)])
    rsi = talib.RSI(np.ascontiguousarray(bars["close"]), 14)
    pivots = [
        i
        for i in range(20, len(rsi) - 5)
        if rsi[i] > rsi[i - 5 : i].max() and rsi[i] >= rsi[i + 1 : i + 6].max()
    ]
    found = [
        (a, b)
        for a, b in pairwise(pivots)
        if b >= len(history) and 6 <= b - a <= 61 and bars["high"][b] > bars["high"][a] and rsi[b] < rsi[a]
    ]
    assert len(found) == 1
    rally, breakout = found[0]
    assert ns("2026-01-22 09:30") <= bars["start"][rally] < ns("2026-01-22 16:00")
    assert ns("2026-01-28 09:30") <= bars["start"][breakout] < ns("2026-01-28 16:00")
    assert bars["high"][rally] < 7000 < bars["high"][breakout]
    assert rsi[breakout] < rsi[rally] - 3


def test_history_warms_every_indicator_up_to_the_first_tick(scenario):
    day = scenario.history["1d"]
    assert len(day) == 260
    assert 6850 < talib.SMA(np.ascontiguousarray(day["close"]), 50)[-1] < 6880
    assert 6500 < talib.SMA(np.ascontiguousarray(day["close"]), 200)[-1] < 6600
    for bars in scenario.history.values():
        assert len(bars) >= 250
        assert (bars["end"][:-1] <= bars["start"][1:]).all()
        assert bars["end"][-1] == ns("2026-01-16 16:00")


@pytest.mark.parametrize("timeframe", ["1h", "5m", "1m"])
def test_the_bars_of_a_day_make_its_daily_bar(scenario, timeframe):
    last = scenario.history["1d"][-1]
    bars = scenario.history[timeframe]
    bars = bars[bars["start"] >= last["start"]]
    assert (bars["open"][0], bars["high"].max(), bars["low"].min(), bars["close"][-1]) == (
        *(last["open"], last["high"], last["low"], last["close"]),
    )


def test_what_is_written_reads_back_the_same(scenario, tmp_path):
    read, tape = read_ticks(scenario.write(tmp_path)), scenario.tape()
    assert (read.time == tape.time).all()
    assert (read.price == tape.price).all()
    assert (read.rows({"SPX": 3}) == tape.rows({"SPX": 3})).all()
    for timeframe, bars in scenario.history.items():
        file = read_bars(tmp_path / f"SPX-{timeframe}.csv", NEW_YORK)
        assert file.timeframe == timeframe
        assert (file.bars == bars).all()

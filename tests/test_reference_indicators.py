"""The reference's indicators against TA-Lib, closed and forming, and its session's values by hand."""

from functools import cache
from pathlib import Path

import numpy as np
import pytest
import talib

from reference.builders import at, tape, watch
from reference.files import read_bars
from reference.indicators import Values, compute, indicator, names
from reference.replay import reference_replay
from reference.ticks import NS, Bar

DATA = Path(__file__).parents[1] / "../shared/data"
INDICATORS = ["sma(50)", "sma(200)", "ema(20)", "rsi(14)", "macd(12,26,9)", "atr(14)", "bb(20,2)", "roc(10)"]
SHORT = ["sma(1)", "ema(1)", "rsi(2)", "macd(2,3,1)", "macd(3,7,2)", "atr(1)", "bb(2,0.5)", "roc(1)"]

pytestmark = pytest.mark.skipif(not DATA.exists(), reason="the market data of ../shared/data is not here")


@cache
def bars(name: str) -> list[Bar]:
    path, timeframe = {
        "daily": ("spy-2013/SPY-daily-1998-2013.csv", "1d"),
        "minutes": ("sp500-2019/SPX-2019-11-1min.csv", "1m"),
    }[name]
    return read_bars(DATA / path, timeframe)


def ta_lib(name: str, of: list[Bar]) -> dict[str, np.ndarray]:
    high, low, close = (np.array([getattr(bar, field) for bar in of]) for field in ("high", "low", "close"))
    kind, _, periods = name.rstrip(")").partition("(")
    own = [float(period) for period in periods.split(",")]
    match kind:
        case "macd":
            line, signal, hist = talib.MACD(close, *map(int, own))
            return {name: line, f"{name}.signal": signal, f"{name}.hist": hist}
        case "bb":
            upper, middle, lower = talib.BBANDS(close, int(own[0]), own[1], own[1])
            return {f"{name}.upper": upper, f"{name}.middle": middle, f"{name}.lower": lower}
        case "atr":
            return {name: talib.ATR(high, low, close, int(own[0]))}
    return {name: getattr(talib, kind.upper())(close, int(own[0]))}


def assert_ta_libs(ours: Values, theirs: np.ndarray, closes: np.ndarray, name: str) -> None:
    numbers = np.array([np.nan if value is None else value for value in ours])
    scale = 100.0 if name.startswith("rsi") else np.maximum(np.abs(theirs), 1e-3 * closes)
    np.testing.assert_array_equal(np.isnan(numbers), np.isnan(theirs), name)
    assert np.nanmax(np.abs(numbers - theirs) / scale) <= 1e-9, name


@pytest.mark.parametrize("tape_of", ["daily", "minutes"])
@pytest.mark.parametrize("name", INDICATORS + SHORT)
def test_indicators_are_ta_libs(name: str, tape_of: str) -> None:
    own = bars(tape_of)
    closes = np.array([bar.close for bar in own])
    ours, theirs = compute(name, own), ta_lib(name, own)
    assert list(ours) == list(theirs)
    for value in ours:
        assert_ta_libs(ours[value], theirs[value], closes, value)


@pytest.mark.parametrize(
    "name", ["sma(20)", "ema(20)", "rsi(5)", "macd(3,7,2)", "atr(14)", "bb(20,2)", "roc(10)"]
)
def test_a_forming_value_is_ta_libs_with_the_forming_bar_as_the_last(name: str) -> None:
    own = indicator(name)
    for count, bar in enumerate(bars("daily")[:60]):
        forming = Bar("1d", bar.start, bar.end, bar.open, bar.high, bar.low, (bar.high + bar.low) / 2)
        theirs = ta_lib(name, [*bars("daily")[:count], forming]) if count else {}
        for value, ours in zip(names(name), own.of(forming), strict=True):
            expected = theirs[value][-1] if count else np.nan
            assert (np.nan if ours is None else ours) == pytest.approx(expected, abs=1e-7, nan_ok=True), value
        own.close(bar)


def test_rsi_of_a_price_that_never_moved_is_50() -> None:
    flat = [Bar("1m", i, i + 1, 7000, 7000, 7000, 7000) for i in range(16)]
    assert compute("rsi(14)", flat)["rsi(14)"] == [None] * 14 + [50.0, 50.0]


def test_vwap_is_the_sessions_and_begins_with_its_first_size() -> None:
    ticks = [tick._replace(size=0.0) for tick in tape("15:58:00=7000")]
    ticks += [tick._replace(size=300.0) for tick in tape("15:59:10=7004")]
    ticks += [tick._replace(size=100.0) for tick in tape("15:59:20=7008")]
    ticks += [tick._replace(size=500.0) for tick in tape("09:30:00=7010 09:31:00=7020", "2026-01-29")]
    rows = reference_replay(ticks, watch(timeframes=["1m", "1d"], indicators=["vwap"])).bars
    found = [(row["timeframe"], row["indicators"]["vwap"]) for row in rows]
    assert found == [("1m", None), ("1m", 7005.0), ("1d", 7005.0), ("1m", 7010.0)]


def test_history_warms_up_what_is_coarser_and_what_ends_after_the_first_tick_is_left_out() -> None:
    minute = [
        Bar("1m", at(f"09:{30 + i}:00"), at(f"09:{31 + i}:00"), 7000 + i, 7000 + i, 7000 + i, 7000 + i)
        for i in range(8)
    ]
    ticks = tape("09:37:00=7010 09:38:00=7011 09:40:00=7012")
    assert ticks[0].time == minute[-1].end - 60 * NS
    rows = reference_replay(ticks, watch(timeframes=["1m", "5m"], indicators=["sma(2)"]), minute).bars
    assert (
        [(row["timeframe"], row["open"], row["close"]) for row in rows]
        == [
            ("1m", 7010, 7010),
            ("1m", 7011, 7011),
            ("5m", 7005, 7011),  # opened by history, closed by the tape
            ("1m", 7012, 7012),
        ][: len(rows)]
    )
    assert [row["indicators"]["sma(2)"] for row in rows] == [(7006 + 7010) / 2, 7010.5, (7004 + 7011) / 2]

"""Every closed bar's indicators, and the forming bar's, against TA-Lib (design §4's tolerance)."""

from pathlib import Path

import numpy as np
import pytest
import talib

from tapewatch.engine.engine import Engine
from tapewatch.engine.indicators import parse_indicator
from tapewatch.engine.watch import Watch
from tapewatch.feeds.files import read_bars
from tapewatch.market.bars import BAR, bars_to_ticks
from tapewatch.market.sessions import sessions

SPY = Path(__file__).parents[2] / "../shared/data/spy-2013/SPY-daily-1998-2013.csv"
INDICATORS = (
    "rsi(14)",
    "rsi(2)",
    "macd(12,26,9)",
    "macd(3,10,16)",
    "sma(50)",
    "sma(200)",
    "sma(1)",
    "ema(20)",
    "atr(14)",
    "atr(3)",
    "bb(20,2)",
    "bb(5,1.5)",
    "roc(10)",
    "roc(1)",
)


def talib_values(bars: np.ndarray) -> dict[str, np.ndarray]:
    """The same values from TA-Lib, by name."""
    closes = bars["close"].copy()
    values = {}
    for text in INDICATORS:
        own = parse_indicator(text)
        if own.kind == "macd":
            found = talib.MACD(closes, *own.periods)
        elif own.kind == "bb":
            found = talib.BBANDS(closes, own.periods[0], own.periods[1], own.periods[1])
        elif own.kind == "atr":
            found = (talib.ATR(bars["high"].copy(), bars["low"].copy(), closes, *own.periods),)
        elif own == parse_indicator("sma(1)"):  # TA-Lib takes no period under 2
            found = (closes,)
        else:
            found = (getattr(talib, own.kind.upper())(closes, own.periods[0]),)
        values |= dict(zip(own.outputs, found, strict=True))
    return values


def assert_equal(ours: float, theirs: float, price: float, name: str) -> None:
    assert np.isnan(ours) == np.isnan(theirs), name
    tolerance = 1e-9 * (100 if name.startswith("rsi") else max(abs(theirs), 1e-3 * price))
    assert np.isnan(ours) or abs(ours - theirs) <= tolerance, (name, ours, theirs)


def daily_engine() -> Engine:
    watch = Watch("SPY", sessions("XNYS"), ("1d",), tuple(map(parse_indicator, INDICATORS)))
    return Engine([watch], keep_bars=True)


@pytest.mark.skipif(not SPY.exists(), reason="needs ../shared/data")
def test_daily_bars_since_1998_closed_and_forming() -> None:
    bars = read_bars(SPY, sessions("XNYS")).bars
    engine = daily_engine()
    forming = []
    for ticks in bars_to_ticks(bars, 0, "1d").reshape(-1, 4):
        engine.step(ticks[:2])  # open, and the first of high and low
        forming.append((bar_of(ticks[:2]["price"]), engine.values(0)))
        engine.step(ticks[2:])
    engine.advance(int(bars["end"][-1]) + 2_000_000_000)
    rows, closed = engine.closed_bars()
    assert len(rows) == len(bars)
    theirs = talib_values(bars)
    for i, name in enumerate(theirs):
        for day in range(len(bars)):
            assert_equal(closed[day, i], theirs[name][day], bars["close"][day], name)
    for day in (*range(1, 260, 7), *range(260, len(bars), 97)):
        bar, ours = forming[day]
        for name, values in talib_values(np.append(bars[:day], bar)).items():
            assert_equal(ours[f"{name}@1d"], values[-1], bar["close"][0], name)


def bar_of(prices: np.ndarray) -> np.ndarray:
    """The bar that these prices form."""
    return np.array([(0, 0, prices[0], prices.max(), prices.min(), prices[-1], 0)], BAR)


def test_a_price_that_never_moved_is_neither_overbought_nor_oversold() -> None:
    engine = daily_engine()
    opens = sessions("XNYS").opens[-300:]
    bars = np.zeros(300, BAR)
    bars["start"], bars["end"] = opens, opens + 3600 * 10**9
    for name in ("open", "high", "low", "close"):
        bars[name] = 42.0
    engine.step(bars_to_ticks(bars, 0, "1d"))
    assert engine.values(0)["rsi(14)@1d"] == 50.0

"""Every closed bar's indicators, and the forming bar's, against TA-Lib (design §4's tolerance)."""

from pathlib import Path

import numpy as np
import pytest
import talib

from tapewatch.engine.engine import Engine
from tapewatch.engine.indicators import parse_indicator
from tapewatch.engine.watch import Watch
from tapewatch.feeds.files import read_bars
from tapewatch.market.bars import bars_to_ticks
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
)


def talib_values(closes: np.ndarray) -> dict[str, np.ndarray]:
    """The same values from TA-Lib, by name."""
    values = {}
    for text in INDICATORS:
        own = parse_indicator(text)
        if own.kind == "macd":
            found = talib.MACD(closes, *own.periods)
        elif own == parse_indicator("sma(1)"):  # TA-Lib takes no period under 2
            found = (closes,)
        else:
            found = (getattr(talib, own.kind.upper())(closes, own.periods[0]),)
        values |= dict(zip(own.outputs, found, strict=True))
    return values


def assert_equal(ours: float, theirs: float, price: float, name: str) -> None:
    assert np.isnan(ours) == np.isnan(theirs), name
    tolerance = 1e-7 if name.startswith("rsi") else 1e-9 * max(abs(theirs), 1e-3 * price)
    if name.startswith("rsi"):
        tolerance = 1e-9 * 100
    assert np.isnan(ours) or abs(ours - theirs) <= tolerance, (name, ours, theirs)


def daily_engine() -> Engine:
    watch = Watch("SPY", sessions("XNYS"), ("1d",), tuple(map(parse_indicator, INDICATORS)))
    return Engine([watch], keep_bars=True)


@pytest.mark.skipif(not SPY.exists(), reason="needs ../shared/data")
def test_daily_bars_since_1998_closed_and_forming() -> None:
    bars = read_bars(SPY, sessions("XNYS")).bars
    closes = bars["close"].copy()
    engine = daily_engine()
    forming = []
    for tick in bars_to_ticks(bars, 0, 1).reshape(-1, 4):
        engine.step(tick[:2])  # open, and the first of high and low
        forming.append((engine.last(0)[0], engine.values(0)))
        engine.step(tick[2:])
    engine.advance(int(bars["end"][-1]) + 2_000_000_000)
    rows, closed = engine.closed_bars()
    assert len(rows) == len(bars)
    names = list(talib_values(closes[:40]))
    theirs = talib_values(closes)
    for i, name in enumerate(names):
        for day in range(len(closes)):
            assert_equal(closed[day, i], theirs[name][day], closes[day], name)
    for day in (*range(0, 260, 7), *range(260, len(closes), 97)):
        price, ours = forming[day]
        provisional = talib_values(np.append(closes[:day], price)) if day else {}
        for name, values in provisional.items():
            assert_equal(ours[f"{name}@1d"], values[-1], price, name)


def test_a_price_that_never_moved_is_neither_overbought_nor_oversold() -> None:
    engine = daily_engine()
    opens = sessions("XNYS").opens[-300:]
    bars = np.zeros(
        300,
        [(n, "<i8") for n in ("start", "end")]
        + [(n, "<f8") for n in ("open", "high", "low", "close", "volume")],
    )
    bars["start"], bars["end"] = opens, opens + 3600 * 10**9
    for name in ("open", "high", "low", "close"):
        bars[name] = 42.0
    engine.step(bars_to_ticks(bars, 0, 1))
    assert engine.values(0)["rsi(14)@1d"] == 50.0

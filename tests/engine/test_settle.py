"""The official daily bar takes the place of the one that ticks made."""

import numpy as np
import pytest
from walks import MONDAY, XNYS, condition

from tapewatch.engine.engine import Engine
from tapewatch.engine.indicators import Value, parse_indicator
from tapewatch.engine.parts import BarValue, Compare, Crosses, Diverges, Previous, Price
from tapewatch.engine.watch import Watch
from tapewatch.market.bars import BAR, bars_to_ticks
from tapewatch.market.ticks import NS, empty_ticks

INDICATORS = tuple(
    map(parse_indicator, ("sma(3)", "ema(3)", "rsi(3)", "macd(2,4,2)", "atr(3)", "bb(4,2)", "roc(2)", "vwap"))
)
SMA, _, RSI, *_ = INDICATORS
WAIT = 20 * 60 * NS
RULES = (
    condition("cross", Crosses(BarValue("close", "1d"), None, Value(SMA, "", "1d")), on="1d"),
    condition("divergence", Diverges(Value(RSI, "", "1d")), on="1d"),
    condition("over", None, Compare(Price(), ">", Previous("close"))),
)


def daily(settle_after: int = WAIT, rules: tuple[object, ...] = RULES) -> Watch:
    return Watch("SPY", XNYS, ("1h", "1d"), INDICATORS, rules, settle_after=settle_after)  # type: ignore[arg-type]


def bar(day: int, *prices: float, volume: float = 100.0) -> np.ndarray:
    return np.array([(XNYS.opens[day], XNYS.closes[day], *prices, volume)], BAR)


def session(engine: Engine, day: int, close: float) -> list[int]:
    """A day of hourly bars up to `close`; the types that fired."""
    opens = int(XNYS.opens[day])
    ticks = empty_ticks(7)
    ticks["time"] = opens + np.arange(7) * 3600 * NS * 6 // 7
    ticks["price"] = np.linspace(close - 2, close, 7)
    ticks["size"] = 10
    fired = engine.step(ticks).rows["rule"].tolist()
    fired += engine.advance(int(XNYS.closes[day]) + 3 * NS).rows["rule"].tolist()
    return fired


CLOSES = 100 + np.array(
    [0, 3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8, 9, 7, 9, 3, 2, 3, 8, 4, 6, 2, 6, 4, 3, 3, 8, 3, 2]
)


def test_a_settled_bar_is_as_if_it_had_closed_so() -> None:
    settled, right = Engine([daily()]), Engine([daily()])
    fired = 0
    for i, close in enumerate(CLOSES.tolist()):
        day = MONDAY + i
        official = bar(day, close - 1, close + 3, close - 4, close + 0.5)
        for engine, wrong in ((settled, 2.0), (right, 0.0)):
            session(engine, day, close + wrong)
            assert engine.advance(int(XNYS.closes[day]) + 60 * NS).rows.tolist() == []
        events = [engine.settle(0, official) for engine in (settled, right)]
        assert events[0].rows.tobytes() == events[1].rows.tobytes()
        fired += len(events[0])
        daily_values = [
            {k: v for k, v in engine.values(0).items() if k.endswith("@1d")} for engine in (settled, right)
        ]
        for name, value in daily_values[0].items():
            if not name.startswith("vwap"):
                assert value == pytest.approx(daily_values[1][name], abs=0, nan_ok=True), name
    assert fired > 5


def test_what_is_checked_on_the_daily_close_waits_and_is_checked_at_the_latest_when_the_wait_is_over() -> (
    None
):
    engine = Engine([daily(rules=RULES[:1])])
    for i, close in enumerate((100.0, 101.0, 102.0, 103.0)):
        session(engine, MONDAY + i, close)
        engine.advance(int(XNYS.closes[MONDAY + i]) + WAIT + 2 * NS)
    assert session(engine, MONDAY + 4, 90.0) == []
    closes = int(XNYS.closes[MONDAY + 4])
    assert len(engine.advance(closes + WAIT + 2 * NS - 1)) == 0
    (event,) = engine.advance(closes + WAIT + 2 * NS).rows
    assert event["time"] == closes
    # A bar that comes later still mends the indicators, and fires nothing any more.
    assert len(engine.settle(0, bar(MONDAY + 4, 100, 110, 90, 108.0))) == 0
    assert engine.values(0)["sma(3)@1d"] == pytest.approx((102 + 103 + 108) / 3)


def test_the_previous_close_is_the_official_one() -> None:
    engine = Engine([daily(rules=RULES[2:])])
    session(engine, MONDAY, 100.0)
    engine.settle(0, bar(MONDAY, 99, 101, 98, 104.0))
    assert session(engine, MONDAY + 1, 103.0) == []  # over 100 all day, never over 104
    assert session(engine, MONDAY + 2, 105.0) == [0]


def test_a_bar_of_another_session_is_refused_and_changes_nothing() -> None:
    engine = Engine([daily()])
    session(engine, MONDAY, 100.0)
    before = engine.both_parts(0)
    with pytest.raises(ValueError, match="SPY: this is not the daily bar of the session that closed last"):
        engine.settle(0, bar(MONDAY - 1, 1, 1, 1, 1))
    assert engine.both_parts(0) == before
    engine.settle(0, bar(MONDAY, 99, 101, 98, 104.0))
    tick = empty_ticks(1)
    tick["time"], tick["price"] = XNYS.opens[MONDAY + 1], 100.0
    engine.step(tick)
    with pytest.raises(ValueError, match="not the daily bar"):
        engine.settle(0, bar(MONDAY, 99, 101, 98, 104.0))


def test_without_a_wait_the_daily_bar_is_final() -> None:
    engine = Engine([daily(0)])
    session(engine, MONDAY, 100.0)
    with pytest.raises(ValueError, match="not the daily bar"):
        engine.settle(0, bar(MONDAY, 99, 101, 98, 104.0))


def test_history_is_official_already() -> None:
    engine = Engine([daily()])
    bars = np.concatenate([bar(MONDAY + i, *[100.0 + i] * 4) for i in range(5)])
    engine.warm(0, bars, "1d", ["1d"])
    assert engine.values(0)["sma(3)@1d"] == pytest.approx(103.0)
    ticks = bars_to_ticks(bar(MONDAY + 5, 99, 99, 99, 99), 0, "1d")
    assert len(engine.step(ticks)) == 0

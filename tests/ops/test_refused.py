"""Refused ticks are said at once when they begin, then once a minute and kind."""

import numpy as np
from structlog.testing import capture_logs

from tapewatch.engine.engine import Engine
from tapewatch.engine.watch import Watch
from tapewatch.market.sessions import sessions
from tapewatch.market.ticks import UNKNOWN_SYMBOL, empty_ticks
from tapewatch.ops.refused import LOG_INTERVAL, RefusedLog

OPEN = 1_769_610_600_000_000_000  # 28 January 2026, 09:30 in New York


def an_engine() -> Engine:
    return Engine([Watch("SPX", sessions("XNYS"), ("1m",), ())])


def offer(engine: Engine, *prices: float, time: int = OPEN, symbol: int = 0) -> None:
    ticks = empty_ticks(len(prices))
    ticks["time"], ticks["price"], ticks["symbol"] = time, prices, symbol
    engine.step(ticks)


def said(refused: RefusedLog, now: float) -> list[tuple]:
    with capture_logs() as logs:
        refused.write(now)
    assert {entry["event"] for entry in logs} <= {"ticks.refused"}
    return [(entry["log_level"], entry["symbol"], entry["reason"], entry["count"]) for entry in logs]


def test_at_once_then_once_a_minute_with_what_came_meanwhile() -> None:
    engine = an_engine()
    refused = RefusedLog(engine)
    assert said(refused, 0) == []
    offer(engine, 7000, -1, np.nan)
    assert said(refused, 1) == [("warning", "SPX", "price", 2)]
    offer(engine, -1)
    assert said(refused, LOG_INTERVAL) == []
    offer(engine, 0, np.inf)
    assert said(refused, 1 + LOG_INTERVAL) == [("warning", "SPX", "price", 3)]
    assert said(refused, 2 + 2 * LOG_INTERVAL) == []


def test_each_kind_has_a_minute_of_its_own() -> None:
    engine = an_engine()
    refused = RefusedLog(engine)
    offer(engine, -1)
    assert said(refused, 0) == [("warning", "SPX", "price", 1)]
    offer(engine, 7000, symbol=UNKNOWN_SYMBOL)
    assert said(refused, 1) == [("warning", None, "unknown_symbol", 1)]


def test_what_every_tape_has_is_no_warning() -> None:
    engine = an_engine()
    offer(engine, 7000, time=OPEN - 1)
    assert said(RefusedLog(engine), 0) == [("info", "SPX", "outside_hours", 1)]


def test_at_the_end_everything_is_said() -> None:
    engine = an_engine()
    refused = RefusedLog(engine)
    offer(engine, -1)
    refused.write(0)
    offer(engine, -1)
    assert said(refused, float("inf")) == [("warning", "SPX", "price", 1)]

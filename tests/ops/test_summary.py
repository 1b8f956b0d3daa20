"""The daily summary: where each symbol closed, its daily indicators, and how many alerts the day had."""

from collections import Counter

from structlog.testing import capture_logs

from tapewatch.engine.engine import Engine
from tapewatch.engine.indicators import parse_indicator
from tapewatch.engine.watch import Watch
from tapewatch.market.sessions import sessions
from tapewatch.market.ticks import NS, empty_ticks
from tapewatch.ops.summary import DailySummary

OPEN = 1_769_610_600 * NS  # 28 January 2026, 09:30 in New York


def test_a_line_a_symbol_with_the_alerts_since_the_last() -> None:
    watches = [
        Watch(name, sessions("XNYS"), ("1m", "1d"), (parse_indicator("sma(2)"),)) for name in ("SPX", "NDX")
    ]
    engine, fired = Engine(watches), Counter({"SPX": 3})
    summary = DailySummary(engine, [0, 1], fired)
    ticks = empty_ticks(2)
    ticks["time"], ticks["price"] = [OPEN, OPEN + 24 * 3600 * NS], [7000, 7001]
    engine.step(ticks[:1])
    with capture_logs() as logs:
        summary.write()
        fired["SPX"] += 1
        engine.step(ticks[1:])
        summary.write()
    assert [(entry["event"], entry["symbol"], entry["price"], entry["fired"]) for entry in logs] == [
        ("summary.daily", "SPX", 7000.0, 3),
        ("summary.daily", "SPX", 7001.0, 1),
    ]  # nothing of NDX, which has not traded
    assert logs[0]["time"] == "2026-01-28T14:30:00.000000000Z"
    assert logs[0]["indicators"] == {}
    assert logs[1]["indicators"] == {"sma(2)@1d": 7000.5}

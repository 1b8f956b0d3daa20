"""Alerts with their traces, of an engine that is driven as the daemon drives it."""

from typing import Any

import numpy as np

from alerts.alert_tapes import config, random_walk
from tapewatch import assemble
from tapewatch.alerts import trace as traces
from tapewatch.alerts.alert import Alert
from tapewatch.alerts.last_ticks import LastTicks
from tapewatch.alerts.trace import Trace, TraceBuilder
from tapewatch.config import Config

BAND = 2.0
WATCH: dict[str, Any] = {
    "timeframes": ["1m", "5m"],
    "indicators": ["sma(5)", "rsi(5)", "macd(3,6,3)"],
    "rearm": BAND,
    "level": [{"name": "level", "price": 7000, "confirm": "5m"}],
    "zone": [
        {"name": "wide", "low": 6995, "high": 7005, "confirm": "1m"},
        {"name": "narrow", "low": 7001, "high": 7001.4},
    ],
    "condition": [
        {"name": "cross", "when": "sma(5)@1m crosses sma(5)@5m"},
        {"name": "enter", "when": "rsi(5)@1m enters 40 to 60"},
        {"name": "leave", "when": "rsi(5)@1m leaves 40 to 60"},
        {"name": "states", "when": "rsi(5)@1m > 70 and price within 0.1% of 7000"},
        {"name": "moving", "when": "price crosses sma(5)@5m and rsi(5)@1m < 90"},
        {"name": "rally", "when": "price up 0.1% in 5m"},
        {"name": "held", "when": "price crosses 7002", "for": "90s"},
        {"name": "on close", "when": "price crosses 6999", "on": "5m"},
        {"name": "regular", "when": "rsi(5)@1m diverges forming"},
        {"name": "hidden", "when": "macd(3,6,3).hist@1m diverges hidden"},
    ],
}
WALK = random_walk(2, seed=7)
"""It fires every type of alert that is not about an outage or a feed."""

Traced = list[tuple[Alert, Trace]]


def traced(ticks: np.ndarray, batch: int = 50, **watch: Any) -> Traced:
    """What `ticks` fire under a watch, in batches as of so many frames."""
    return traced_by(config(**watch), ticks, batch)


def traced_by(own: Config, ticks: np.ndarray, batch: int = 50) -> Traced:
    engine = assemble.engine(own)
    builder, of = (
        assemble.alert_builder(own, engine),
        TraceBuilder(engine.layouts, engine.instruments),
    )
    last, found = LastTicks(), []
    for start in range(0, len(ticks), batch):
        frame = ticks[start : start + batch]
        last.add(frame)
        for events in (engine.step(frame), engine.advance(engine.clock())):
            for alert, kept in zip(builder.build(events), of.build(events, [last]), strict=True):
                found.append((alert, traces.decode(kept)))
    return found

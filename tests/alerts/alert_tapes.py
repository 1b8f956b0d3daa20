"""Tapes in a few words, and the alerts that a watch makes of them."""

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

from tapewatch import assemble
from tapewatch.alerts.alert import Alert
from tapewatch.config import Config
from tapewatch.market.bars import BAR
from tapewatch.market.sessions import sessions
from tapewatch.market.ticks import NS, empty_ticks
from tapewatch.replay import replay_ticks

NEW_YORK = ZoneInfo("America/New_York")


def config(**watch: Any) -> Config:
    """One watch of the index, on 1m alone, without a re-arm band."""
    plain = {"symbol": "SPX", "title": "S&P 500", "timeframes": ["1m"], "indicators": [], "rearm": 0.0}
    return Config.model_validate({"name": "test", "watch": [plain | watch]})


def tape(text: str, day: str = "2026-01-28") -> np.ndarray:
    """`"6949 6951 10:29=6980"`: a tick a second from 09:30 on, or at the New York time named (`28T16:05=…`: a day)."""
    words = text.split()
    ticks = empty_ticks(len(words))
    time = 0
    for row, word in zip(ticks, words, strict=True):
        clock, _, price = word.rpartition("=")
        time = _at(clock or "09:30", day) if clock or not time else time + NS
        row["time"], row["price"] = time, float(price)
    return ticks


def _at(clock: str, day: str) -> int:
    date, _, rest = clock.rpartition("T")
    there = datetime.fromisoformat(f"{day[:8]}{date or day[8:]}T{rest}").replace(tzinfo=NEW_YORK)
    return int(there.timestamp()) * NS


def alerts(text: str, **watch: Any) -> list[Alert]:
    return replay_ticks(config(**watch), tape(text))


def late(before: str, missed: str, **watch: Any) -> list[Alert]:
    """What is told of an outage after the ticks `before`.

    Args:
        before: as for `tape`.
        missed: bars of a minute from 09:40 on, `"6990 7003 6985 6995, …"`: open, high, low, close.
        watch: as for `config`.
    """
    own = config(**watch)
    engine = assemble.engine(own)
    engine.step(tape(before))
    numbers = [tuple(map(float, bar.split())) for bar in missed.split(",")]
    starts = [_at("09:40", "2026-01-28") + i * 60 * NS for i in range(len(numbers))]
    rows = [(start, start + 60 * NS, *four, 0.0) for start, four in zip(starts, numbers, strict=True)]
    events = engine.backfill(0, np.array(rows, BAR), "1m")
    return assemble.alert_builder(own, engine).build(events)


def texts(text: str, **watch: Any) -> list[str]:
    return [alert.data.text for alert in alerts(text, **watch)]


def random_walk(days: int, seed: int, start: float = 7000, step: float = 1.5) -> np.ndarray:
    """A tick every ten seconds of regular hours from 26 January 2026 on, never far from its start."""
    own = sessions("XNYS")
    first = own.at(_at("12:00", "2026-01-26"))
    opens, closes = own.opens[first : first + days], own.closes[first : first + days]
    times = np.concatenate([np.arange(a, b, 10 * NS) for a, b in zip(opens, closes, strict=True)])
    ticks = empty_ticks(len(times))
    ticks["time"] = times
    away, walk = 0.0, []
    for move in np.random.default_rng(seed).normal(0, step, len(times)).tolist():
        away = 0.99 * away + move
        walk.append(away)
    ticks["price"] = np.round(start + np.array(walk), 2)
    return ticks

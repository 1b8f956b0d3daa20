"""The engine against the reference on random tapes: two sessions, bad prices, late ticks, jumps, batches."""

import json
from datetime import datetime
from random import Random
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reference.events import alert_of
from reference.replay import reference_replay
from reference.ticks import NS, Tick
from tapewatch.alerts.alert import encode
from tapewatch.config import Config
from tapewatch.market.ticks import NO_ID, NOT_LAST, empty_ticks
from tapewatch.replay import replay_ticks

NEW_YORK = ZoneInfo("America/New_York")
AFTERNOON = int(datetime(2026, 1, 27, 15, 0, tzinfo=NEW_YORK).timestamp()) * NS
MORNING = int(datetime(2026, 1, 28, 9, 29, 50, tzinfo=NEW_YORK).timestamp()) * NS
NOT_LAST_CONDITION = "not last"

PAUSES = [
    0,
    0,
    0,
    1,
    NS // 1000,
    NS,
    NS,
    NS,
    2 * NS,
    2 * NS,
    10 * NS,
    10 * NS,
    50 * NS,
    50 * NS,
    90 * NS,
    400 * NS,
]
FAULTS = ["nan", "inf", "negative", "zero", "late", "later", "not last", "spike", "dip", "jump", "again"]


class Move(NamedTuple):
    """A tick: how long after the one before, how far from it in quarters of a point, and what is wrong."""

    pause: int
    quarters: int
    fault: str | None


moves = st.builds(
    Move,
    st.sampled_from(PAUSES),
    st.integers(-24, 24),
    st.one_of(st.none(), st.none(), st.none(), st.sampled_from(FAULTS)),
)


def long_walk(seed: int, length: int) -> list[Move]:
    """A walk too long to be drawn move by move."""
    random = Random(seed)
    faults = [None] * 10 * len(FAULTS) + FAULTS
    return [Move(random.choice(PAUSES), random.randint(-8, 8), random.choice(faults)) for _ in range(length)]


walks = st.one_of(
    st.lists(moves, min_size=1, max_size=40),
    st.builds(long_walk, st.integers(0, 2**32 - 1), st.integers(100, 300)),
)
bands = st.sampled_from([0, 0.25, 1.5, 4, "0.1%"])
confirms = st.sampled_from([None, "1m", "5m", "1h", "1d"])


@st.composite
def configs(draw: st.DrawFn) -> Config:
    watch = {
        "symbol": "SPX",
        "hours": draw(st.sampled_from(["regular", "extended"])),
        "timeframes": ["1m", "5m", "1h", "1d"],
        "indicators": ["sma(3)", "sma(8)"],
        "rearm": draw(bands),
        "max_jump": draw(st.sampled_from(["off", "0.1%", "1%"])),
        "skip_conditions": [NOT_LAST_CONDITION],
        "level": [
            {"name": "breakout", "price": 7000, "rearm": draw(bands), "confirm": draw(confirms)},
            {"name": "support", "price": 6990.25, "confirm": draw(confirms)},
        ],
        "zone": [
            {"name": "resistance", "low": 7003, "high": 7006, "rearm": draw(bands), "confirm": draw(confirms)}
        ],
        "condition": [
            {"name": "average", "when": "price crosses sma(8)@1m"},
            {"name": "trend", "when": "sma(3)@1m crosses above sma(8)@1m"},
            {"name": "round", "when": "sma(3)@5m crosses 7000"},
        ],
    }
    return Config.model_validate({"name": "random", "watch": [watch]})


def tape_of(walk: list[Move], overnight: int) -> list[Tick]:
    """The walk as ticks; from the tick `overnight` on it is the next morning.

    Prices are quarters of a point, so that sums of them are exact and no rounding decides a crossing.
    """
    ticks: list[Tick] = []
    time, price = AFTERNOON, 7000.0
    for i, move in enumerate(walk):
        time = max(time + move.pause, MORNING) if i == overnight else time + move.pause
        price += move.quarters / 4
        if move.fault == "jump":
            price += 80.0 if price < 7000 else -80.0
        tick = Tick(time, price, 100.0, id=i, exchange=i % 2)
        if move.fault == "again" and ticks:
            tick = ticks[-1]
        ticks.append(faulty(tick, move.fault))
    return ticks


def faulty(tick: Tick, fault: str | None) -> Tick:
    changes: dict[str, dict[str, Any]] = {
        "nan": {"price": float("nan")},
        "inf": {"price": float("inf")},
        "negative": {"price": -tick.price},
        "zero": {"price": 0.0},
        "late": {"time": tick.time - NS},
        "later": {"time": tick.time - 100 * NS},
        "not last": {"condition": NOT_LAST_CONDITION},
        "spike": {"price": tick.price + 100},
        "dip": {"price": tick.price - 9},
    }
    return tick._replace(**changes.get(fault or "", {}))


def rows_of(tape: list[Tick]) -> np.ndarray:
    """The tape as the engine takes it."""
    rows = empty_ticks(len(tape))
    for row, tick in zip(rows, tape, strict=True):
        row["time"], row["price"], row["size"] = tick.time, tick.price, tick.size
        row["id"] = NO_ID if tick.id is None else tick.id
        row["exchange"] = tick.exchange
        row["flags"] = NOT_LAST if tick.condition else 0
    return rows


@settings(deadline=None, max_examples=100, suppress_health_check=[HealthCheck.too_slow])
@given(
    config=configs(),
    walk=walks,
    overnight=st.integers(0, 300),
    batch=st.integers(1, 300),
)
def test_alerts_are_the_references(config: Config, walk: list[Move], overnight: int, batch: int) -> None:
    tape = tape_of(walk, overnight)
    expected = reference_replay(tape, config.watch[0], instance=config.name)[0]
    got = [alert_of(json.loads(encode(alert))) for alert in replay_ticks(config, rows_of(tape), batch)]
    assert got == expected

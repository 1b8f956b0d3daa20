"""The engine's levels and zones against the reference's on random tapes.

Two sessions, with half days, a change of the clocks and a market that never shuts; bad prices, late ticks, jumps.
"""

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from reference.program import Case, replayed
from reference.random_tapes import (
    NOT_LAST_CONDITION,
    Scene,
    history_of,
    scenes,
    seeds,
    tape_of,
    walks,
)
from reference.replay import reference_replay
from tapewatch.config import Config
from thorough import examples

bands = st.sampled_from([0, 0.25, 1.5, 4, "0.1%", "0.37 atr"])
confirms = st.sampled_from([None, "1m", "5m", "1h", "1d"])


@st.composite
def configs(draw: st.DrawFn, scene: Scene) -> Config:
    watch = {
        "symbol": "SPX",
        "calendar": scene.calendar,
        "hours": scene.hours,
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


@st.composite
def cases(draw: st.DrawFn) -> Case:
    scene = draw(scenes)
    days = draw(st.sampled_from([0, 13, 40]))
    history = history_of(scene, "1d", draw(seeds), days) if days else []
    return Case(draw(configs(scene)), tape_of(draw(walks), draw(st.integers(0, 300)), scene), history)


@pytest.mark.random
@settings(deadline=None, max_examples=examples(400), suppress_health_check=[HealthCheck.too_slow])
@given(case=cases(), batch=st.integers(1, 300))
def test_alerts_are_the_references(case: Case, batch: int) -> None:
    config, tape, history = case
    expected = reference_replay(tape, config.watch[0], history, instance=config.name)
    assume(not expected.close_calls)
    assert replayed(case, batch) == expected.alerts

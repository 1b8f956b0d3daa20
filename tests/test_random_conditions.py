"""The engine's conditions against the reference's: random parts, frequencies, hours, histories and tapes."""

from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from reference.events import rounded
from reference.program import Case, replayed, restarted
from reference.random_conditions import conditions
from reference.random_tapes import (
    NOT_LAST_CONDITION,
    Move,
    Scene,
    histories,
    minutes,
    scenes,
    tape_of,
    tapes_of_bars,
    walks,
)
from reference.replay import reference_replay
from tapewatch.config import Config
from thorough import examples

bands = st.sampled_from([0, 0.25, 1.5, 4, "0.0137%", "0.37 atr"])


@st.composite
def configs(draw: st.DrawFn, scene: Scene) -> Config:
    own = draw(st.lists(conditions(scene), min_size=2, max_size=6))
    watch: dict[str, Any] = {
        "symbol": "SPX",
        "calendar": scene.calendar,
        "hours": scene.hours,
        "timeframes": ["1m", "1d"],
        "indicators": [],
        "rearm": draw(bands),
        "max_jump": draw(st.sampled_from(["off", "0.1%", "1%"])),
        "skip_conditions": [NOT_LAST_CONDITION],
        "condition": [{"name": f"{i}", **each} for i, each in enumerate(own)],
    }
    return Config.model_validate({"name": "random", "watch": [watch]})


@st.composite
def cases(draw: st.DrawFn) -> Case:
    scene = draw(scenes)
    if draw(st.integers(0, 5)) == 0:
        tape = draw(tapes_of_bars(scene))
    else:
        walk: list[Move] = draw(st.one_of(minutes, minutes, walks))
        tape = tape_of(walk, draw(st.integers(0, 150)), scene, gap=draw(st.integers(-30, 30)))
    return Case(draw(configs(scene)), tape, draw(histories(scene)))


@pytest.mark.random
@settings(deadline=None, max_examples=examples(400), suppress_health_check=[HealthCheck.too_slow])
@given(case=cases(), batch=st.integers(1, 300))
def test_alerts_are_the_references(case: Case, batch: int) -> None:
    config, tape, history = case
    expected = reference_replay(tape, config.watch[0], history, instance=config.name)
    assume(not expected.close_calls)
    assert rounded(replayed(case, batch)) == rounded(expected.alerts)


@pytest.mark.random
@settings(deadline=None, max_examples=examples(150), suppress_health_check=[HealthCheck.too_slow])
@given(case=cases(), data=st.data())
def test_a_restart_at_any_tick_changes_no_alert(case: Case, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(case.tape)), "stopped after so many ticks")
    assert restarted(case, at) == replayed(case)

"""Composite symbols against the reference: two legs that tick in turns, each with its own bad prices and ids."""

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from reference.events import rounded
from reference.program import Case, replayed, restarted
from reference.random_tapes import NOT_LAST_CONDITION, Move, Scene, minutes, scenes, tape_of, walks
from reference.replay import reference_replay
from reference.ticks import Tick
from tapewatch.config import Config
from thorough import examples

WHENS = [
    "price crosses 2.00007",
    "price crosses sma(2)@1m",
    "price crosses below ema(2)@5m and price within 0.0311% of session.open",
    "price enters 1.9993 to 2.0007",
    "price up 0.0137% in 5m",
    "price crosses above previous.close",
    "rsi(3)@1m crosses 50.07",
    "rsi(2)@1m diverges forming",
    "sma(2)@1m > 1.99993 and high@5m > 2.0003",
    "bb(2,1.5).upper@1m crosses below 2.0011",
]


@st.composite
def configs(draw: st.DrawFn, scene: Scene) -> Config:
    watch = {
        "symbol": "IWM/SPY",
        "calendar": scene.calendar,
        "hours": scene.hours,
        "timeframes": ["1m", "1d"],
        "indicators": [],
        "rearm": draw(st.sampled_from([0, 0.0003, "0.0137%", "0.37 atr"])),
        "max_jump": draw(st.sampled_from(["off", "0.1%", "1%"])),
        "skip_conditions": [NOT_LAST_CONDITION],
        "level": [{"name": "par", "price": 2.0001, "confirm": draw(st.sampled_from([None, "1m", "1d"]))}],
        "zone": [{"name": "band", "low": 1.9997, "high": 2.0004}],
        "condition": [{"name": when[:64], "when": when} for when in draw(st.permutations(WHENS))[:4]],
    }
    return Config.model_validate({"name": "random", "watch": [watch]})


def legs_of(tape: list[Tick], legs: list[int]) -> list[Tick]:
    """The tape with each tick given to one of the legs: prices around 7,000 and around 3,500."""
    return [
        tick._replace(leg=leg, price=tick.price if leg == 0 else tick.price - 3500)
        for tick, leg in zip(tape, legs * len(tape), strict=False)
    ]


@st.composite
def cases(draw: st.DrawFn) -> Case:
    scene = draw(scenes)
    walk: list[Move] = draw(st.one_of(minutes, walks))
    whole = tape_of(walk, draw(st.integers(0, 150)), scene, gap=draw(st.integers(-30, 30)))
    legs = draw(st.lists(st.sampled_from([0, 1]), min_size=1, max_size=9))
    return Case(draw(configs(scene)), legs_of(whole, legs))


@pytest.mark.random
@settings(deadline=None, max_examples=examples(200), suppress_health_check=[HealthCheck.too_slow])
@given(case=cases(), batch=st.integers(1, 300))
def test_alerts_are_the_references(case: Case, batch: int) -> None:
    expected = reference_replay(case.tape, case.config.watch[0], instance=case.config.name)
    assume(not expected.close_calls)
    assert rounded(replayed(case, batch)) == rounded(expected.alerts)


@pytest.mark.random
@settings(deadline=None, max_examples=examples(100), suppress_health_check=[HealthCheck.too_slow])
@given(case=cases(), data=st.data())
def test_a_restart_at_any_tick_changes_no_alert(case: Case, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(case.tape)), "stopped after so many ticks")
    assert restarted(case, at) == replayed(case)

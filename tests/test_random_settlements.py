"""The official daily bar against the reference: it comes at any point of the tape, or not at all."""

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from reference.events import rounded
from reference.program import Case, settled
from reference.random_tapes import (
    NOT_LAST_CONDITION,
    SCENES,
    Move,
    Scene,
    history_of,
    minutes,
    seeds,
    tape_of,
    walks,
)
from reference.replay import reference_replay
from reference.sessions import calendar
from reference.ticks import Bar, Settlement, Tick
from tapewatch.config import Config
from thorough import examples

WHENS = [
    "close@1d > 7000",
    "rsi(2)@1d crosses 50.07",
    "sma(2)@1d crosses 7000",
    "high@1d >= previous.high and close@1m > 6990",
    "rsi(2)@1d diverges",  # not forming: what is settled too late takes no pivot back
    "price crosses previous.close",
    "price crosses sma(2)@1d",
    "sma(2)@1m > sma(2)@1d",
    "price within 2.5 of sma(2)@1d",
]


@st.composite
def configs(draw: st.DrawFn, scene: Scene) -> Config:
    watch = {
        "symbol": "SPX",
        "calendar": scene.calendar,
        "hours": scene.hours,
        "timeframes": ["1m", "1d"],
        "indicators": [],
        "settle_after": draw(st.sampled_from(["20m", "20m", "1m", "1s"])),
        "rearm": draw(st.sampled_from([0, 1.5, "0.37 atr"])),
        "skip_conditions": [NOT_LAST_CONDITION],
        "level": [{"name": "level", "price": 7000, "confirm": "1d"}],
        "zone": [{"name": "zone", "low": 6998, "high": 7003, "confirm": "1d"}],
        "condition": [{"name": when, "when": when} for when in draw(st.permutations(WHENS))[:4]]
        + [{"name": "price on the close", "when": "price crosses 7000.5", "on": "1d"}],
    }
    feed = {"name": "tape", "vendor": "massive", "clock": "tape"}
    return Config.model_validate({"name": "random", "feed": [feed], "watch": [watch]})


@st.composite
def official_bars(draw: st.DrawFn, scene: Scene) -> Bar:
    """Of the scene's first session, seldom of its second."""
    day = draw(st.sampled_from([scene.begins, scene.begins, scene.begins, scene.goes_on]))
    session = calendar(scene.calendar, "extended" if scene.hours == "extended" else "regular").session(day)
    session = session or calendar(scene.calendar, "extended").session(day)
    assert session is not None
    open_, close = (7000 + draw(st.integers(-20, 20)) / 4 for _ in range(2))
    high = max(open_, close) + draw(st.integers(0, 12)) / 4
    low = min(open_, close) - draw(st.integers(0, 12)) / 4
    return Bar("1d", session.open, session.close, open_, high, low, close, 1e6)


@st.composite
def cases(draw: st.DrawFn) -> Case:
    scene = draw(st.sampled_from([own for own in SCENES if own.calendar != "24/7"]))
    walk: list[Move] = draw(st.one_of(minutes, minutes, walks))
    overnight = draw(st.integers(0, 120))
    items: list[Tick | Settlement] = [*tape_of(walk, overnight, scene, gap=draw(st.integers(-30, 30)))]
    for _ in range(draw(st.sampled_from([0, 1, 1, 2]))):
        near = draw(st.one_of(st.just(overnight), st.integers(overnight - 20, overnight + 2)))
        items.insert(min(max(near, 0), len(items)), Settlement(draw(official_bars(scene))))
    days = draw(st.sampled_from([0, 3, 60]))
    return Case(draw(configs(scene)), items, history_of(scene, "1d", draw(seeds), days) if days else [])


@pytest.mark.random
@settings(deadline=None, max_examples=examples(300), suppress_health_check=[HealthCheck.too_slow])
@given(case=cases())
def test_alerts_are_the_references(case: Case) -> None:
    expected = reference_replay(case.tape, case.config.watch[0], case.history, instance=case.config.name)
    assume(not expected.close_calls)
    alerts, taken = settled(case)
    assert taken == expected.settled
    assert rounded(alerts) == rounded(expected.alerts)

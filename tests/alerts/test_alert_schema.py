"""Every alert there can be is one of the schema's, and the schema takes nothing else."""

import json
import re
from functools import cache
from typing import Any

import jsonschema
import pytest
from alert_tapes import config, late, random_walk

from tapewatch.alerts.alert import encode
from tapewatch.alerts.feed_alert import Back, Silent, back, stale
from tapewatch.alerts.schema import ALERT_TYPES, TEST_TYPE, alert_schema
from tapewatch.check import load
from tapewatch.example import config as example
from tapewatch.feeds.scenario import sp500_7000
from tapewatch.market.sessions import sessions
from tapewatch.notify.test_alert import sample_alert
from tapewatch.replay import replay_ticks

VALIDATOR = jsonschema.Draft202012Validator(alert_schema())

LEVELS = [
    {"name": f"level {i}", "price": 7000 + 8 * i, "confirm": "1m", "role": "support"} for i in (-2, 0, 2)
]
ZONES = [
    {"name": "narrow", "low": 7003, "high": 7003.4, "confirm": "5m"},
    {"name": "wide", "low": 6988, "high": 6996, "confirm": "5m"},
]
DIVERGENCES = [
    "rsi(5)@1m diverges",
    "rsi(5)@1m diverges hidden forming",
    "macd.hist@1m diverges and price > 6990",
]
FORMS = [
    "price crosses sma(20)@1m",
    "price crosses session.high",
    "price crosses previous.close and rsi(5)@1m > 60",
    "price enters 6996 to 7004",
    "price leaves 6990 to 7010 and volume@5m >= 0",
    "macd@1m crosses macd.signal@1m",
    "rsi(5)@1m enters 40 to 60",
    "macd.hist@5m within 1 of 0",
    "bb(20,2).upper@1m crosses above 7005 and roc(5)@5m > -1",
    "price within 0.05% of sma(20)@5m",
    "price down 0.2% in 30m and rsi(5)@5m < 40",
    "change(1h) within 0.1 of 0 and price < 7000",
]
CONDITIONS = [
    *({"name": when, "when": when} for when in (*DIVERGENCES, *FORMS)),
    *({"name": f"{when}, ticks", "when": when, "on": "tick"} for when in FORMS),
    *({"name": f"{when}, a while", "when": when, "for": "3m"} for when in FORMS),
]


@cache
def every_type() -> list[dict[str, Any]]:
    own = config(level=LEVELS, zone=ZONES, condition=CONDITIONS, timeframes=["1m", "5m"], rearm=1)
    fired = replay_ticks(own, random_walk(2, seed=7))
    time, zone = int(fired[-1].data.time_ns), sessions("XNYS").zone
    of_feed = [
        stale("test", "tape", Silent(("SPX",), ("XNYS",), 30, time, zone)),
        back("test", "tape", Back((), 125, time, zone)),
    ]
    missed = late("6990", "6990 7001 6990 6990", level=[{"price": 7000}], zone=[{"low": 6995, "high": 6998}])
    return [json.loads(encode(alert)) for alert in [*fired, *missed, *of_feed, sample_alert(own)]]


def test_the_schema_is_one() -> None:
    jsonschema.Draft202012Validator.check_schema(alert_schema())


def test_every_type_of_alert_is_of_the_schema() -> None:
    assert {alert["type"] for alert in every_type()} == set(ALERT_TYPES)
    for alert in every_type():
        VALIDATOR.validate(alert)


def test_every_condition_fires_and_is_told_in_one_line() -> None:
    fired = [alert["data"] for alert in every_type()]
    assert {data["rule"] for data in fired} >= {condition["name"] for condition in CONDITIONS}
    for data in fired:
        text = data["text"]
        assert text.isprintable(), text
        assert not re.search("nan|inf|  |None", text), text


def test_every_alert_of_the_demo_is_of_the_schema() -> None:
    scenario = sp500_7000(sessions("XNYS"))
    fired = replay_ticks(load(example()), scenario.tape().rows({"SPX": 0}))
    assert len(fired) > 50
    for alert in fired:
        VALIDATOR.validate(json.loads(encode(alert)))


def test_the_schema_names_every_field_that_is_written_and_says_what_it_is() -> None:
    parts = alert_schema()["$defs"]
    for alert in every_type():
        assert alert.keys() == parts["Alert"]["properties"].keys()
        assert alert["data"].keys() <= parts["AlertData"]["properties"].keys()
        assert alert["data"].keys() >= set(parts["AlertData"]["required"])
    assert parts["AlertData"]["properties"]["distance"]["description"].startswith("Points from the level")


def test_a_test_is_no_crossing() -> None:
    alert = every_type()[-1]
    assert alert["type"] == TEST_TYPE == "tapewatch.test"
    assert alert["data"]["text"].startswith("TEST: ")


@pytest.mark.parametrize(
    "change",
    [
        {"type": "tapewatch.level.kissed"},
        {"id": "9F0C"},
        {"time": "2026-01-28T14:31:07Z"},
        {"specversion": None},
        {"data": {"level": None, "low": 6950.0}},
        {"data": {"time_ns": 1769610667123456789}},
        {"data": {"price": "7,000"}},
        {"data": {"hours": "night"}},
        {"data": {"direction": "sideways"}},
    ],
)
def test_the_schema_refuses_what_is_no_alert(change: dict[str, Any]) -> None:
    alert = next(alert for alert in every_type() if alert["type"].startswith("tapewatch.zone"))
    data = alert["data"] | change.get("data", {})
    assert VALIDATOR.is_valid(alert)
    assert not VALIDATOR.is_valid(alert | change | {"data": data})

import pytest
from sample_alerts import alert

from tapewatch.config import Config
from tapewatch.notify.stages.route import routes_for, wants

CONFIG = Config.model_validate(
    {
        "name": "sp500",
        "watch": [{"symbol": "SPX"}],
        "receiver": [{"name": name, "kind": "console"} for name in ("desk", "risk", "log", "nobody")],
        "route": [
            {"match": {"symbol": "SP?", "rule": "break*"}, "receivers": ["desk"]},
            {"match": {"severity": "critical", "type": "tapewatch.level.*"}, "receivers": ["risk", "desk"]},
            {"match": {"type": "zone.*"}, "receivers": ["risk"]},
            {"receivers": ["log"]},
        ],
    }
)


@pytest.mark.parametrize(
    ("changes", "receivers"),
    [
        ({}, ["desk", "risk", "log"]),
        ({"rule": "support", "severity": "info"}, ["log"]),
        ({"rule": "Breakout", "severity": "info"}, ["log"]),  # case counts
        ({"subject": "SPY", "severity": "info"}, ["desk", "log"]),
        ({"subject": "SPXW", "severity": "critical"}, ["desk", "risk", "log"]),
        ({"subject": "IWM", "type": "tapewatch.zone.broke_above", "severity": "info"}, ["risk", "log"]),
    ],
)
def test_an_alert_goes_to_the_receivers_of_every_matching_route(changes: dict, receivers: list[str]) -> None:
    fired = alert(**changes)
    assert [own.name for own in CONFIG.receiver if wants(CONFIG, own.name)(fired)] == receivers


def test_a_receiver_without_route_wants_nothing() -> None:
    assert routes_for(CONFIG, "nobody") == []
    assert not wants(CONFIG, "nobody")(alert())


def test_routes_of_a_receiver() -> None:
    assert routes_for(CONFIG, "desk") == CONFIG.route[:2]

"""The alert rules name what exists, fire where they must, stay quiet where they must, and each says what to do."""

import re
from typing import Any

import pytest
import yaml
from promql import ROOT, mistakes, promtool, read

import vital_parts
from tapewatch.ops.metrics import Metrics
from tapewatch.vitals import Vitals

FOLDER = ROOT / "deploy/prometheus"
ANCHOR = re.compile(r'^\| <a id="(\w+)"></a>`(\w+)` \| (\w+) \|', re.MULTILINE)

RULES: list[dict[str, Any]] = [
    rule
    for group in yaml.safe_load(read("deploy/prometheus/tapewatch.rules.yml"))["groups"]
    for rule in group["rules"]
]
TESTS = yaml.safe_load(read("deploy/prometheus/tapewatch.test.yml"))["tests"]

each = pytest.mark.parametrize("rule", RULES, ids=[rule["alert"] for rule in RULES])


@each
def test_an_alert_names_what_exists(rule: dict[str, Any]) -> None:
    assert not list(mistakes(rule["expr"]))


@each
def test_an_alert_says_how_bad_it_is_what_it_means_and_where_to_read_on(rule: dict[str, Any]) -> None:
    assert rule["labels"]["severity"] in ("critical", "warning")
    notes = rule["annotations"]
    assert notes.keys() == {"summary", "description", "runbook_url"}
    assert "$labels" in notes["summary"], "which process, feed or receiver?"
    assert notes["runbook_url"] == f"docs/operations.md#{rule['alert'].lower()}"


def test_the_page_lists_every_alert() -> None:
    listed = ANCHOR.findall(read("docs/operations.md"))
    assert listed == [(rule["alert"].lower(), rule["alert"], rule["labels"]["severity"]) for rule in RULES]


@each
def test_an_alert_is_tested_where_it_fires_and_where_it_does_not(rule: dict[str, Any]) -> None:
    cases = [case for test in TESTS for case in test["alert_rule_test"] if case["alertname"] == rule["alert"]]
    assert {bool(case["exp_alerts"]) for case in cases} == {True, False}


def test_the_cases_hold() -> None:
    ran = promtool("test", "rules", FOLDER / "tapewatch.test.yml")
    assert ran.returncode == 0, ran.stdout + ran.stderr


def test_the_example_is_a_config_that_finds_the_rules() -> None:
    ran = promtool("check", "config", FOLDER / "prometheus.example.yml")
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert f"{len(RULES)} rules found" in ran.stdout


def test_prometheus_has_nothing_to_say_about_the_names() -> None:
    text = Metrics(Vitals(vital_parts.config())).exposition()[0].decode()
    ran = promtool("check", "metrics", text=text)
    assert (ran.returncode, ran.stdout + ran.stderr) == (0, "")


@pytest.mark.parametrize(
    ("expression", "wrong"),
    [
        ("tapewatch_feed_tick_total > 0", "nobody exposes tapewatch_feed_tick_total"),
        ('tapewatch_feed_state{state="up"} == 0', "state is never up"),
        ('tapewatch_ready{feed="tape"}', "tapewatch_ready has no label feed"),
        ("sum by (symbol) (tapewatch_ready)", "nothing has a label symbol"),
    ],
)
def test_what_does_not_exist_is_found(expression: str, wrong: str) -> None:
    assert list(mistakes(expression)) == [wrong]

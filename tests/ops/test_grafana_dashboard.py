"""The dashboard is one that Grafana opens, and every panel asks for what exists, in the words of Prometheus."""

import itertools
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from promql import mistakes, promtool, read

DASHBOARD: dict[str, Any] = json.loads(read("deploy/grafana/tapewatch.json"))
PANELS: list[dict[str, Any]] = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
SOURCE = {"type": "prometheus", "uid": "${datasource}"}

each = pytest.mark.parametrize("panel", PANELS, ids=[panel["title"] for panel in PANELS])


def expressions() -> Iterator[str]:
    """Of all panels, variables and annotations, with Grafana's variables filled in."""
    for panel in PANELS:
        yield from (target["expr"] for target in panel["targets"])
    yield from (note["expr"] for note in DASHBOARD["annotations"]["list"])
    for variable in DASHBOARD["templating"]["list"]:
        asked = re.match(r"label_values\((.*), \w+\)$", variable.get("definition", ""))
        if asked:
            yield asked[1]


@each
def test_a_panel_has_a_title_a_meaning_and_a_unit(panel: dict[str, Any]) -> None:
    assert panel["title"]
    assert panel["description"]
    assert panel["fieldConfig"]["defaults"]["unit"]


@each
def test_a_panel_asks_for_what_exists_of_the_chosen_processes(panel: dict[str, Any]) -> None:
    assert panel["datasource"] == SOURCE
    for target in panel["targets"]:
        assert target["datasource"] == SOURCE
        assert not list(mistakes(target["expr"]))
        selectors = re.findall(r"\{([^}]*)\}", target["expr"])
        assert selectors
        assert all('job="tapewatch"' in inner and 'instance=~"$instance"' in inner for inner in selectors), (
            target["expr"]
        )
    references = [target["refId"] for target in panel["targets"]]
    assert len(set(references)) == len(references)


def test_every_expression_is_one(tmp_path: Path) -> None:
    rules = [
        {"record": f"panel:{number}", "expr": re.sub(r"\$__rate_interval", "5m", expression)}
        for number, expression in enumerate(expressions())
    ]
    file = tmp_path / "panels.yml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "panels", "rules": rules}]}))
    ran = promtool("check", "rules", file)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert f"{len(rules)} rules found" in ran.stdout


def test_variables_and_annotations_ask_for_what_exists_too() -> None:
    for expression in expressions():
        if "ALERTS" not in expression:
            assert not list(mistakes(expression)), expression


def test_no_two_panels_have_one_id_or_one_place() -> None:
    panels = DASHBOARD["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    places = [panel["gridPos"] for panel in panels]
    for one, other in itertools.combinations(places, 2):
        beside = one["x"] + one["w"] <= other["x"] or other["x"] + other["w"] <= one["x"]
        below = one["y"] + one["h"] <= other["y"] or other["y"] + other["h"] <= one["y"]
        assert beside or below, (one, other)
    assert all(place["x"] + place["w"] <= 24 for place in places)


def test_the_rows_are_those_of_the_service_and_the_variables_choose_among_its_processes() -> None:
    rows = [panel["title"] for panel in DASHBOARD["panels"] if panel["type"] == "row"]
    assert rows == ["Now", "Feed", "Engine", "Redis", "Delivery", "Process"]
    variables = {variable["name"]: variable["type"] for variable in DASHBOARD["templating"]["list"]}
    assert variables == {"datasource": "datasource", "name": "query", "instance": "query"}


def test_every_metric_of_ours_is_on_it_somewhere() -> None:
    shown = "\n".join(expressions())
    rows = re.findall(r"^\| `(tapewatch_\w+)` \|", read("docs/operations.md"), re.MULTILINE)
    assert rows
    assert [name for name in rows if name not in shown] == []

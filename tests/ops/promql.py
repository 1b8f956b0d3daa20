"""What expressions of Prometheus name, held against what the process exposes; and promtool, where it is installed."""

import re
import shutil
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

import vital_parts
from tapewatch.engine.events import REFUSALS
from tapewatch.feeds.connection import State
from tapewatch.notify.outcome import Outcome
from tapewatch.ops.metrics import Metrics
from tapewatch.vitals import Role, Vitals

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs/operations.md"

METRIC = re.compile(r"\b((?:tapewatch|process|python)_\w+)(?:\s*\{([^}]*)\})?")
MATCHER = re.compile(r'(\w+)\s*(?:=~|!~|!=|=)\s*"([^"]*)"')
STRING = re.compile(r'"[^"]*"')
ROW = re.compile(r"^\| `((?:tapewatch|process|python)_\w+)` \| (\w+) \| ([^|]*)\|", re.MULTILINE)

OF_PROMETHEUS = {"job", "instance", "le"}
"""Labels that need no metric of ours to have them."""

SUFFIXES = {"histogram": ("_bucket", "_sum", "_count"), "counter": ("_total",)}

VALUES: dict[str, set[str]] = {
    "role": {role.replace(" ", "_") for role in Role},
    "state": {state.replace(" ", "_") for state in State},
    "outcome": {*Outcome, *Vitals(vital_parts.config()).reloads},
    "reason": set(REFUSALS),
}
"""Of labels whose values are known beforehand."""


@cache
def exposed() -> set[str]:
    """The name of every series that a process has."""
    text = Metrics(Vitals(vital_parts.config())).exposition()[0].decode()
    return {
        family.name + suffix
        for family in text_string_to_metric_families(text)
        for suffix in SUFFIXES.get(family.type, ("",))
    }


@cache
def labels() -> dict[str, set[str]]:
    """The labels of each metric, as the page lists them."""
    rows = ROW.findall(PAGE.read_text(encoding="utf-8"))
    return {name: set(re.findall(r"`(\w+)`", cell)) for name, _, cell in rows}


def mistakes(expression: str) -> Iterator[str]:
    """What an expression names that does not exist."""
    known, documented = exposed(), labels()
    named = METRIC.findall(expression)
    if "tapewatch" not in expression or not (named or re.search(r"\b(up|ALERTS)\{", expression)):
        yield f"no metric of ours: {expression}"
    for name, matchers in named:
        if name not in known:
            yield f"nobody exposes {name}"
            continue
        own = documented[re.sub(r"_(bucket|sum|count)$", "", name)] | OF_PROMETHEUS
        for label, values in MATCHER.findall(matchers):
            if label not in own:
                yield f"{name} has no label {label}"
            if label in VALUES and not values.startswith("$"):
                yield from (f"{label} is never {value}" for value in set(values.split("|")) - VALUES[label])
    for words in re.findall(
        r"\b(?:by|on|without|ignoring|group_left)\s*\(([^)]*)\)", STRING.sub("", expression)
    ):
        every = set().union(OF_PROMETHEUS, *documented.values())
        yield from (f"nothing has a label {word}" for word in re.findall(r"\w+", words) if word not in every)


def promtool(*words: str | Path, text: str | None = None) -> subprocess.CompletedProcess[str]:
    """Runs it; skips the test without it."""
    path = shutil.which("promtool")
    if path is None:
        pytest.skip("promtool is not installed (apt-get install prometheus)")
    command = [path, *map(str, words)]
    return subprocess.run(command, input=text, capture_output=True, text=True, timeout=60, check=False)


def read(path: str) -> str:
    return (ROOT / path).read_text(encoding="utf-8")

"""SECURITY.md claims nothing that no test shows."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "SECURITY.md").read_text(encoding="utf-8")
NAMED = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")
ROW = re.compile(r"^\| (?!what it could try|---)(.+?) \| .+ \| (.+) \|$", re.MULTILINE)
ENEMIES = ("feed", "Redis", "receiver", "local user", "host")


@pytest.mark.parametrize(("file", "name"), sorted(set(NAMED.findall(PAGE))))
def test_the_test_that_is_named_exists(file: str, name: str) -> None:
    tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
    functions = [
        node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]
    assert functions.count(name) == 1
    assert name.startswith("test_")


@pytest.mark.parametrize(("threat", "shown"), ROW.findall(PAGE))
def test_every_threat_has_a_test(threat: str, shown: str) -> None:
    assert NAMED.findall(shown), threat
    assert re.fullmatch(rf"{NAMED.pattern}(, {NAMED.pattern})*", shown), shown


@pytest.mark.parametrize("enemy", ENEMIES)
def test_what_each_enemy_can_still_do_is_said(enemy: str) -> None:
    (section,) = re.findall(rf"^### A hostile {enemy}.*?(?=^### |\Z)", PAGE, re.MULTILINE | re.DOTALL)
    assert len(ROW.findall(section)) >= 4
    assert "**Not defended**: " in section

"""The arrows of the design: who may import whom, and who may do no I/O."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "daemon/tapewatch"

CLOCKS_AND_IO = {
    "asyncio",
    "httpx",
    "logging",
    "random",
    "redis",
    "socket",
    "structlog",
    "threading",
    "time",
    "websockets",
}
ASKS_THE_CLOCK = {"now", "utcnow", "today"}


def test_imports_point_down_the_arrows() -> None:
    """In a process of its own, as import-linter sets up the logging of the one that it runs in."""
    lint = Path(sys.executable).with_name("lint-imports")
    # The contracts stand in pyproject.toml.
    ran = subprocess.run([lint, "--no-cache"], cwd=ROOT, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stdout


@pytest.mark.parametrize("layer", ["market", "engine", "alerts"])
def test_no_io_and_no_clock(layer: str) -> None:
    modules = sorted((PACKAGE / layer).glob("*.py"))
    assert modules
    for module in modules:
        found = {name for node in ast.walk(ast.parse(module.read_text())) for name in _names(node)}
        assert not found, f"{module.name}: {found}"


def _names(node: ast.AST) -> list[str]:
    """What this node imports or calls that a module without I/O has no use for."""
    match node:
        case ast.Import(names=names):
            return [own.name for own in names if own.name.partition(".")[0] in CLOCKS_AND_IO]
        case ast.ImportFrom(module=str(module)) if module.partition(".")[0] in CLOCKS_AND_IO:
            return [module]
        case ast.Call(func=ast.Attribute(attr=name)) if name in ASKS_THE_CLOCK:
            return [name]
    return []

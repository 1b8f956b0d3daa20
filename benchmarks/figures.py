"""A figure, as one JSON line for programs and as a row of a table for people."""

import json
import platform
import subprocess
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from itertools import groupby

from rich.box import SIMPLE
from rich.table import Table

from peers.kernel import compiler

PACKAGES = (
    *("tapewatch", "numpy", "numba", "TA-Lib", "wickra", "talipp", "websockets", "redis", "uvloop"),
    *("matplotlib", "mplfinance"),
)


@dataclass(frozen=True)
class Figure:
    """What was measured, and how it compares with one peer in the same run."""

    name: str
    value: float
    """The best of its rounds."""
    unit: str
    worst: float | None = None
    """The worst of its rounds; None: there was one."""
    peer: str | None = None
    ratio: float | None = None
    """How many times better than the peer: above 1 the peer is slower."""
    goal: str | None = None
    """What design §10 asks for."""


def versions() -> dict[str, str]:
    """Of everything that a figure depends on."""
    found = {"python": platform.python_version()} | {name: version(name) for name in PACKAGES}
    own = compiler()
    if own is not None:
        said = subprocess.run([own, "--version"], capture_output=True, text=True, check=True).stdout
        found["cc"] = said.splitlines()[0]
    return found


def json_line(figure: Figure, of: dict[str, str]) -> str:
    """The figure with the versions that it was measured with."""
    return json.dumps(asdict(figure) | {"versions": of}, ensure_ascii=False)


def table(figures: Sequence[Figure]) -> Table:
    """Figures of one name in one row, a column a peer."""
    peers = list(dict.fromkeys(figure.peer for figure in figures if figure.peer))
    own = Table("figure", box=SIMPLE)
    own.add_column("best (worst)", justify="right")
    for peer in peers:
        own.add_column(f"× {peer}", justify="right")
    own.add_column("goal")
    for name, same in groupby(figures, key=lambda figure: figure.name):
        rows = list(same)
        ratios = {row.peer: _ratio(row.ratio) for row in rows if row.ratio is not None}
        goals = [row.goal for row in rows if row.goal]
        own.add_row(name, _value(rows[0]), *(ratios.get(peer, "") for peer in peers), ", ".join(goals))
    return own


def _value(figure: Figure) -> str:
    worst = "" if figure.worst is None else f" ({_number(figure.worst)})"
    return f"{_number(figure.value)}{worst} {figure.unit}"


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _ratio(value: float) -> str:
    return f"{value:.0f}" if value >= 10 else f"{value:.1f}" if value >= 1 else f"{value:.2f}"

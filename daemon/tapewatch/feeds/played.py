"""What the simulator plays: a scenario, or the ticks of a file."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tapewatch.feeds.files import FileError, Tape, read_ticks
from tapewatch.feeds.scenario import sp500_7000
from tapewatch.market.sessions import sessions

SCENARIOS = {"sp500-7000": sp500_7000}
"""Simulated tapes of the S&P 500, by name."""

SCENARIO_SYMBOL = "I:SPX"
"""What vendors call the index."""


@dataclass(frozen=True, eq=False)
class Played:
    """A tape to be played."""

    ticks: np.ndarray
    """Rows of `TICK`; `symbol` is a place in `symbols`."""
    symbols: list[str]
    """The vendor's names."""


def scenario(name: str, symbol: str | None = None) -> Played:
    """The scenario `name`; `symbol` is the vendor's name for the index, left out: `I:SPX`.

    Raises:
        FileError: there is no such scenario.
    """
    if name not in SCENARIOS:
        raise FileError(f"there is no scenario {name!r}: there is {', '.join(SCENARIOS)}")
    tape = SCENARIOS[name](sessions("XNYS")).tape()
    return Played(tape.rows(dict.fromkeys(tape.symbols, 0)), [symbol or SCENARIO_SYMBOL])


def from_file(path: Path, symbol: str | None = None) -> Played:
    """The ticks of a file; `symbol` is the vendor's name where the file has no column `symbol`.

    Raises:
        FileError: the file cannot be read, or nobody knows whose ticks these are.
    """
    tape: Tape = read_ticks(path)
    names = tape.symbols or ([symbol] if symbol else [])
    return Played(tape.rows({name: i for i, name in enumerate(names)}, symbol), names)

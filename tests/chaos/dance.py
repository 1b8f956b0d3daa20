"""A tape on which three symbols dance over their levels, and the watches that look at it."""

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tapewatch.market.ticks import NS

INSTANCE = "chaos"
"""The config's `name`."""

SPEED = 120
"""Tape seconds played in a second, so that bars of a minute close in the few seconds of a run."""

PLAY_SECONDS = 5.0
"""How long the dance lasts, as played."""

QUIET_SECONDS = 22.0
"""How long a tape that runs on stands still before it, as played: daemons start, and a standby is 10 s connected."""

_STEP_SECONDS = 0.02
"""From one tick of a symbol to its next, as played."""

_GRID = 64
"""Prices are whole 64ths."""

_START = 1_769_612_400 * NS
"""2026-01-28 15:00 UTC."""

_SYMBOLS = {"ALFA": (100.0, 13), "BRAVO": (250.0, 15), "CHARLIE": (40.0, 17)}
"""What they dance about, and in how many ticks they are up and down again."""


@dataclass(frozen=True)
class Dance:
    """A tape, and how it is played."""

    tape: Path
    runs_on: bool
    """It begins once for everybody, and has a quiet time first; else anew for each client."""


def make(folder: Path, runs_on: bool) -> Dance:
    """Writes the tape into `folder`; the same one every time."""
    dice = np.random.default_rng(7000)
    quiet = QUIET_SECONDS if runs_on else 0.0
    rows = []
    for place, (symbol, (middle, cycle)) in enumerate(_SYMBOLS.items()):
        count = int(PLAY_SECONDS / _STEP_SECONDS)
        at = quiet + _STEP_SECONDS * (np.arange(count) + place / len(_SYMBOLS))
        phase = np.arange(count) / cycle % 1
        swing = 1 - 4 * np.abs(phase - 0.5)  # a triangle from -1 up to 1 and down again
        prices = middle * (1 + 0.01 * swing + dice.normal(0, 0.0005, count))
        stand = np.arange(0, quiet, 0.1)
        rows += _rows(symbol, stand, np.full(len(stand), middle * 0.99))
        rows += _rows(symbol, at, prices)
    path = folder / ("runs-on.csv" if runs_on else "dance.csv")
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["time_ns", "price", "size", "symbol"])
        writer.writerows(sorted(rows))
    return Dance(path, runs_on)


def _rows(symbol: str, at: np.ndarray, prices: np.ndarray) -> list[tuple[int, float, int, str]]:
    times = _START + np.round(at * SPEED * 1000).astype(np.int64) * 1_000_000
    # Sums of these prices are exact: an average does not depend on how many bars a daemon has seen before.
    exact = np.round(prices * _GRID) / _GRID
    return [(int(time), float(price), 10, symbol) for time, price in zip(times, exact, strict=True)]


def watches() -> str:
    """Of each symbol three levels, a zone and two conditions."""
    return "".join(_watch(symbol, middle) for symbol, (middle, _) in _SYMBOLS.items())


def _watch(symbol: str, middle: float) -> str:
    low, high, first, last = (round(middle * by, 2) for by in (0.9945, 1.0055, 0.998, 1.002))
    return f"""
[[watch]]
symbol = "{symbol}"
calendar = "24/7"
timeframes = ["1m"]
indicators = ["sma(3)", "rsi(5)"]
rearm = "0.05%"
max_jump = "off"
max_silence = "off"

[[watch.level]]
name = "low"
price = {low}
confirm = "1m"

[[watch.level]]
name = "middle"
price = {middle}

[[watch.level]]
name = "high"
price = {high}

[[watch.zone]]
name = "shelf"
low = {first}
high = {last}

[[watch.condition]]
name = "average"
when = "price crosses sma(3)@1m"

[[watch.condition]]
name = "strong"
when = "rsi(5)@1m crosses above 50"
"""

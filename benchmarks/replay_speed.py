"""Ticks a second of SPY's 451,545 trades of 2013-10-08, on the default watch's indicators and six levels.

Measured: the engine alone, on ticks read beforehand (processor time); and `tapewatch replay` as a command, from its
start to its exit: interpreter, imports, unpacking and parsing the file, history, alerts as JSON (wall clock).
"""

import os
import subprocess
import sys
from pathlib import Path
from time import perf_counter, thread_time

from figures import Figure
from tapewatch.check import load
from tapewatch.replay import BATCH, Replay

CONFIG = Path(__file__).with_name("spy.toml")
DATA = Path(__file__).parents[2] / "shared/data/spy-2013"
TAPE = DATA / "SPY-2013-10-08-trades.csv.gz"
HISTORY = DATA / "SPY-daily-1998-2013.csv"
UNIT = "ticks/s"


def measure(tape: Path = TAPE, history: Path = HISTORY, rounds: int = 3) -> list[Figure]:
    """Both figures."""
    ticks, engine = zip(*(_engine_once(tape, history) for _ in range(rounds)), strict=True)
    command = [_command_once(tape, history) for _ in range(rounds)]
    n = ticks[0]
    return [
        Figure("replay of SPY, engine alone", n / min(engine), UNIT, n / max(engine)),
        Figure("replay of SPY, whole command", n / min(command), UNIT, n / max(command)),
        Figure("replay of SPY, whole command, time", min(command), "s", max(command)),
    ]


def _engine_once(tape: Path, history: Path) -> tuple[int, float]:
    replay = Replay(load(CONFIG))
    stretches = replay.read([tape])
    replay.warm(stretches, [history])
    ticks = stretches[0].ticks
    began = thread_time()
    for i in range(0, len(ticks), BATCH):
        replay.engine.step(ticks[i : i + BATCH])
    return len(ticks), thread_time() - began


def _command_once(tape: Path, history: Path) -> float:
    program = Path(sys.executable).with_name("tapewatch")
    command: list[str | Path] = [
        program,
        "replay",
        tape,
        "--config",
        CONFIG,
        "--history",
        history,
        "--alerts",
        os.devnull,
    ]
    began = perf_counter()
    subprocess.run(command, check=True, capture_output=True)
    return perf_counter() - began

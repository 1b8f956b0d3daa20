"""Ticks a second of the whole daemon: websocket in, rules evaluated, state in Redis, beside the usual script.

`tapewatch run` as a process on one core, 100 symbols with the default indicators on four timeframes and six levels
each, admission and snapshots as always; on the other core its sender and its Redis (`sender.py`). Measured by the wall
clock, from a round's first frame to the alert of its last tick as a subscriber of Redis has it. Without a second core
all share one, and say nothing of the goals.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray

from figures import Figure
from sender import MARK_LEVEL, SYMBOLS
from tape import BAND, INDICATORS, TIMEFRAMES, Market, build
from tapewatch.market.timeframes import DAY

HERE = Path(__file__).parent
UNIT = "ticks/s"
SCRIPTS = {"usual script": "four", "usual script, all indicators": "all"}
GOALS = {50: "≥ 40 × usual script", 1: "≥ 12 × usual script"}
"""Design §10, by ticks a frame."""

Client = Callable[[int, str], tuple[list[object], dict[str, str]]]
"""The command and the environment of a program that connects to this port and this Redis."""


@dataclass(frozen=True)
class Rates:
    """Ticks a minute and symbol, of which a round has five minutes: so many that it takes some tenths of a second."""

    daemon: dict[int, int]
    """By ticks a frame."""
    script: int


RATES = Rates({50: 600, 1: 160}, 10)


def measure(rates: Rates = RATES) -> list[Figure]:
    """The daemon and both scripts, on frames of 50 ticks and of one."""
    market = build(SYMBOLS, rate=1, rounds=1)
    figures = []
    for per_frame, rate in rates.daemon.items():
        with tempfile.TemporaryDirectory() as folder:
            own = _ticks_a_second(rate, per_frame, _daemon(Path(folder), market))
        shown = "1 tick" if per_frame == 1 else f"{per_frame} ticks"
        for peer, watches in SCRIPTS.items():
            theirs = _ticks_a_second(rates.script, per_frame, _script(watches))
            goal = GOALS.get(per_frame) if watches == "four" else None
            figures.append(
                Figure(
                    f"whole daemon, {shown} a frame",
                    max(own),
                    UNIT,
                    min(own),
                    peer,
                    max(own) / max(theirs),
                    goal,
                )
            )
            figures.append(Figure(f"{peer}, {shown} a frame", max(theirs), UNIT, min(theirs)))
    return sorted(figures, key=lambda figure: figure.peer is None)


def _ticks_a_second(rate: int, per_frame: int, client: Client) -> list[float]:
    """Of each round but the first."""
    sender_command = [sys.executable, HERE / "sender.py", rate, per_frame]
    with tempfile.TemporaryFile() as said, _running(sender_command, {}, subprocess.PIPE) as sender:
        assert sender.stdout is not None
        where = json.loads(sender.stdout.readline())
        with _running(*client(where["port"], where["redis"]), said):
            measured = sender.stdout.readline()
        said.seek(0)
        log = said.read().decode()
    if not measured or "ticks.refused" in log:
        raise AssertionError(f"the client did not take all ticks:\n{log[-4000:]}")
    rounds = json.loads(measured)
    return [count / seconds for count, seconds in zip(rounds["ticks"], rounds["seconds"], strict=True)][1:]


@contextmanager
def _running(
    command: Sequence[object], more: dict[str, str], out: IO[bytes] | int
) -> Iterator[subprocess.Popen[bytes]]:
    """A process that is asked to end at the end."""
    words = [str(word) for word in command]
    error = None if out == subprocess.PIPE else subprocess.STDOUT
    with subprocess.Popen(words, env=os.environ | more, stdout=out, stderr=error) as process:
        try:
            yield process
        finally:
            process.terminate()


def _daemon(folder: Path, market: Market) -> Client:
    """`tapewatch run` with a history of every symbol and timeframe."""
    watches = [_watch(folder, market, k) for k in range(SYMBOLS)]
    watches.append(
        '[[watch]]\nsymbol = "MARK"\ntimeframes = ["1m"]\nindicators = []\n'
        f'[[watch.level]]\nname = "end"\nprice = {MARK_LEVEL}\n'
    )

    def client(port: int, redis: str) -> tuple[list[object], dict[str, str]]:
        config = folder / "config.toml"
        feed = f'[[feed]]\nname = "tape"\nvendor = "massive"\nurl = "ws://127.0.0.1:{port}"\nclock = "tape"\n'
        state = (
            f'name = "bench"\nstate_dir = {json.dumps(str(folder / "state"))}\nhttp.listen = "127.0.0.1:0"\n'
        )
        config.write_text("\n".join([state, feed, *watches]))
        program = Path(sys.executable).with_name("tapewatch")
        return (
            [program, "run", "--config", config, "--log-format", "json"],
            {"TAPEWATCH_FEED_TAPE_KEY": "key", "TAPEWATCH_REDIS_URL": f"unix://{redis}"},
        )

    return client


def _script(watches: str) -> Client:
    def client(port: int, redis: str) -> tuple[list[object], dict[str, str]]:
        command = [sys.executable, "-m", "peers.usual_script", f"ws://127.0.0.1:{port}", redis, watches]
        return command, {"PYTHONPATH": str(HERE)}

    return client


def _watch(folder: Path, market: Market, k: int) -> str:
    """The watch of a symbol, and its bars as files."""
    history = [
        _bars(folder / f"S{k}-{timeframe}.csv", market.bars(k, timeframe), timeframe)
        for timeframe in TIMEFRAMES
    ]
    names = [str(own) for own in INDICATORS]
    lines = [
        "[[watch]]",
        f'symbol = "S{k}"',
        f"timeframes = {json.dumps(TIMEFRAMES)}",
        f"indicators = {json.dumps(names)}",
        f"history = {json.dumps(history)}",
        f'rearm = "{BAND:.1%}"',
    ]
    for number, price in enumerate(market.levels[k].tolist()):
        lines += ["[[watch.level]]", f'name = "{number}"', f"price = {price}"]
    return "\n".join(lines) + "\n"


def _bars(path: Path, bars: NDArray[np.void], timeframe: str) -> str:
    """A file of their closes, which are all that there is to them."""
    if timeframe == DAY:
        column, starts = "date", np.datetime_as_string(bars["start"].astype("M8[ns]"), "D")
    else:
        column, starts = "time", np.char.add(np.datetime_as_string(bars["start"].astype("M8[ns]"), "s"), "Z")
    rows = [
        f"{start},{close!r}" for start, close in zip(starts.tolist(), bars["close"].tolist(), strict=True)
    ]
    path.write_text("\n".join([f"{column},close", *rows]) + "\n")
    return str(path)

"""The daemon beside a market of `market_side.py`: both as processes, on a core each where there are two.

Beside the symbol that fires there are 100 with the default indicators on four timeframes and six levels each, warmed by
files of bars, as in `daemon_speed.py`; but on the wall clock, on an exchange that never shuts.
"""

import json
import os
import select
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import time_ns
from typing import Any

import numpy as np

from market_side import CENTRE, SWING, Outcome, Plan
from sender import MARK_LEVEL, SYMBOLS
from tape import BAND, HISTORY, INDICATORS, TIMEFRAMES
from tapewatch.market.ticks import NS
from tapewatch.market.timeframes import DAY, duration_ns

LEVELS = (-0.012, -0.006, -0.004, 0.004, 0.006, 0.012)
"""As parts of the price; all are further away than it goes."""
_STOP_SECONDS = 30


@dataclass
class Running:
    """Both of them."""

    daemon: subprocess.Popen[bytes]
    market: subprocess.Popen[bytes]
    config: Path
    redis: str
    """Its socket."""
    log: Path
    _outcome: list[Outcome] = field(default_factory=list)

    def outcome(self) -> Outcome:
        """What the market says in the end; waits for it.

        Raises:
            AssertionError: one of them failed.
        """
        assert self.market.stdout is not None
        while not select.select([self.market.stdout], [], [], 0.5)[0] and self.daemon.poll() is None:
            pass
        if self.daemon.poll() is not None or not (line := self.market.stdout.readline()):
            raise AssertionError(f"the daemon did not go along:\n{self.log.read_text()[-4000:]}")
        return Outcome(**json.loads(line))

    def stop_daemon(self) -> int:
        """Asks it to end; returns its exit code. Redis stays."""
        self.daemon.terminate()
        return self.daemon.wait(_STOP_SECONDS)

    def events(self, *names: str) -> list[dict[str, Any]]:
        """What it logged under these names."""
        lines = (json.loads(line) for line in self.log.read_text().splitlines() if line.startswith("{"))
        return [line for line in lines if line.get("event") in names]


@contextmanager
def running(
    plan: Plan, more: str = "", environment: dict[str, str] | None = None, *, relay: bool = False
) -> Iterator[Running]:
    """A market and a daemon that watches it; `more` is added to its config. Or `relay` in the daemon's place."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        command = [sys.executable, Path(__file__).with_name("market_side.py"), json.dumps(asdict(plan))]
        with _process(command, stdout=subprocess.PIPE) as market:
            assert market.stdout is not None
            where = json.loads(market.stdout.readline())
            config, log = _config(folder, where["port"], more), folder / "log.jsonl"
            variables = {
                "TAPEWATCH_FEED_TAPE_KEY": "key",
                "TAPEWATCH_REDIS_URL": f"unix://{where['redis']}",
            }
            program = [
                Path(sys.executable).with_name("tapewatch"),
                "run",
                "--config",
                config,
                "--log-format",
                "json",
            ]
            if relay:
                program = [sys.executable, "-m", "peers.relay", where["port"], where["redis"]]
                variables["PYTHONPATH"] = str(Path(__file__).parent)
            with (
                log.open("wb") as out,
                _process(program, stdout=out, stderr=out, env=variables | (environment or {})) as daemon,
            ):
                yield Running(daemon, market, config, where["redis"], log)


@contextmanager
def _process(
    command: list[Any], env: dict[str, str] | None = None, **options: Any
) -> Iterator[subprocess.Popen[bytes]]:
    words = [str(word) for word in command]
    with subprocess.Popen(words, env=os.environ | (env or {}), **options) as process:
        try:
            yield process
        finally:
            process.terminate()


def _config(folder: Path, port: int, more: str) -> Path:
    history = [_bars(folder / f"{timeframe}.csv", timeframe) for timeframe in TIMEFRAMES]
    common = 'calendar = "24/7"\n'
    lines = [
        f'name = "bench"\nstate_dir = {json.dumps(str(folder / "state"))}',
        '[http]\nlisten = "127.0.0.1:0"',
        f'[[feed]]\nname = "tape"\nvendor = "massive"\nurl = "ws://127.0.0.1:{port}"',
        f'[[watch]]\nsymbol = "MARK"\ntimeframes = ["1m", "1d"]\nindicators = []\n{common}'
        f'[[watch.level]]\nname = "end"\nprice = {MARK_LEVEL}',
    ]
    for k in range(SYMBOLS):
        lines.append(
            f'[[watch]]\nsymbol = "S{k}"\ntimeframes = {json.dumps(TIMEFRAMES)}\n{common}'
            f"indicators = {json.dumps([str(own) for own in INDICATORS])}\n"
            f'history = {json.dumps(history)}\nrearm = "{BAND:.1%}"'
        )
        lines += [
            f'[[watch.level]]\nname = "{number}"\nprice = {CENTRE * (1 + part):.2f}'
            for number, part in enumerate(LEVELS)
        ]
    config = folder / "config.toml"
    config.write_text("\n".join([*lines, more]))
    return config


def _bars(path: Path, timeframe: str) -> str:
    """A file of the last closes up to now."""
    closes = np.round(CENTRE * (1 + SWING * np.random.default_rng(1).uniform(-1, 1, HISTORY)), 2).tolist()
    now = time_ns()
    if timeframe == DAY:
        today = datetime.now(UTC).date()
        column, starts = "date", [str(today - timedelta(days=HISTORY - i)) for i in range(HISTORY)]
    else:
        length = duration_ns(timeframe)
        first = now // length - HISTORY
        column = "time"
        starts = [datetime.fromtimestamp((first + i) * length // NS, UTC).isoformat() for i in range(HISTORY)]
    rows = [f"{start},{close!r}" for start, close in zip(starts, closes, strict=True)]
    path.write_text("\n".join([f"{column},close", *rows]) + "\n")
    return str(path)

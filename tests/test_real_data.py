"""The program against the reference on real market data: every alert one by one, every closed bar."""

import csv
import gzip
import json
import os
import subprocess
import sys
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import talib

from reference.events import alert_of
from reference.files import read_bars, read_trades
from reference.replay import Alert, reference_replay
from reference.ticks import NS, Bar, Tick, ticks_of_bars
from tapewatch.config import Config

ROOT = Path(__file__).parents[1]
DATA = ROOT / "../shared/data"
SPY_HISTORY = DATA / "spy-2013/SPY-daily-1998-2013.csv"
SPY_7, SPY_8 = (DATA / f"spy-2013/SPY-2013-10-0{day}-trades.csv.gz" for day in (7, 8))
SPX_HISTORY = DATA / "sp500-2019/SPX-2019-11-daily.csv"
SPX = DATA / "sp500-2019/SPX-2019-11-1min.csv"

pytestmark = pytest.mark.skipif(not DATA.exists(), reason="the market data of ../shared/data is not here")

INDICATORS = [
    "rsi(14)",
    "macd(12,26,9)",
    "sma(50)",
    "sma(200)",
    "ema(20)",
    "atr(14)",
    "bb(20,2)",
    "roc(10)",
    "vwap",
]

SPY_CONFIG = f"""
name = "spy"

[[watch]]
symbol = "SPY"
timeframes = ["1m", "5m", "1h", "1d"]
indicators = {json.dumps(INDICATORS)}
%s

[[watch.level]]
name = "166"
price = 166.00
confirm = "1h"

[[watch.level]]
name = "167"
price = 167.00
rearm = 0.25

[[watch.zone]]
name = "165.80–166.20"
low = 165.80
high = 166.20
confirm = "5m"

[[watch.condition]]
name = "average"
when = "price crosses sma(50)@1d"

[[watch.condition]]
name = "overbought"
when = "rsi(14)@1m crosses above 70"

[[watch.condition]]
name = "waning"
when = "rsi(14)@1m diverges"

[[watch.condition]]
name = "vwap"
when = "price crosses vwap"
"""

LATE_OR_AVERAGE_PRICES = ["2000", "102000", "20002000", "20100000", "20100200", "20102000", "20104800"]
"""Sale conditions under which trades far from the market were reported on 2013-10-08."""

SPX_CONFIG = f"""
name = "spx"

[[watch]]
symbol = "SPX"
timeframes = ["1m", "5m", "15m", "1h", "1d"]
indicators = {json.dumps(INDICATORS)}

[[watch.level]]
name = "3075"
price = 3075

[[watch.level]]
name = "3090"
price = 3090
confirm = "15m"

[[watch.zone]]
name = "3080–3084"
low = 3080
high = 3084
rearm = 1
confirm = "1h"

[[watch.condition]]
name = "overbought"
when = "rsi(14)@5m crosses above 70"

[[watch.condition]]
name = "oversold"
when = "rsi(14)@1m crosses below 30"

[[watch.condition]]
name = "momentum"
when = "macd(12,26,9)@5m crosses macd(12,26,9).signal@5m"

[[watch.condition]]
name = "average"
when = "price crosses sma(50)@5m"

[[watch.condition]]
name = "fast average"
when = "price crosses above ema(20)@15m"

[[watch.condition]]
name = "waning-1m"
when = "rsi(14)@1m diverges"

[[watch.condition]]
name = "waning-5m"
when = "rsi(14)@5m diverges"

[[watch.condition]]
name = "trend goes on"
when = "macd.hist@1m diverges hidden forming"

[[watch.condition]]
name = "momentum wanes"
when = "macd.hist@5m diverges forming"

[[watch.condition]]
name = "band"
when = "price crosses above bb(20,2).upper@5m"

[[watch.condition]]
name = "pullback"
when = "rsi(14)@5m crosses below 45 and price > sma(50)@1d"

[[watch.condition]]
name = "drive"
when = "price up 0.15% in 30m"

[[watch.condition]]
name = "yesterday"
when = "price crosses previous.close"

[[watch.condition]]
name = "range"
when = "price enters 3080 to 3084 and atr(14)@5m > 0.5"

[[watch.condition]]
name = "holds"
when = "price > session.open"
for = "10m"
frequency = "always"

[[watch.condition]]
name = "turning"
when = "macd.hist@5m within 0.05 of 0 and roc(10)@1m > 0"
hours = "10:00-15:30"
frequency = "once per session"
"""


@dataclass(frozen=True)
class Case:
    """One replay: a config, its tape, the history before it."""

    config: str
    files: tuple[Path, ...]
    history: Path
    as_bars: str | None = None  # timeframe of a tape of bars; None: trades
    rows: tuple[slice, ...] = ()  # of each file; left out: all


CASES = {
    "regular": Case(SPY_CONFIG % "", (SPY_8,), SPY_HISTORY, rows=(slice(-150_000, None),)),
    "extended": Case(
        SPY_CONFIG % 'hours = "extended"\nmax_jump = "0.5%"',
        (SPY_8,),
        SPY_HISTORY,
        rows=(slice(-150_000, None),),
    ),
    "two days": Case(
        SPY_CONFIG % f"skip_conditions = {json.dumps(LATE_OR_AVERAGE_PRICES)}",
        (SPY_7, SPY_8),
        SPY_HISTORY,
        rows=(slice(-30_000, None), slice(-130_000, None)),
    ),
    "minute bars": Case(SPX_CONFIG, (SPX,), SPX_HISTORY, as_bars="1m"),
}

Row = dict[str, Any]
"""One closed bar: timeframe, start, end (ns), prices, volume, indicators by name."""


@cache
def trades(path: Path) -> list[Tick]:
    return read_trades(path)


@pytest.fixture(scope="session")
def expected() -> Callable[[str], tuple[list[Alert], list[Row]]]:
    """What the reference says, worked out once per case."""

    @cache
    def replay(name: str) -> tuple[list[Alert], list[Row]]:
        case = CASES[name]
        config = Config.model_validate(tomllib.loads(case.config))
        ticks: list[Tick]
        end = None
        if case.as_bars:
            bars = [bar for path in case.files for bar in read_bars(path, case.as_bars)]
            ticks, end = ticks_of_bars(bars), bars[-1].end
        else:
            parts = zip(case.files, case.rows, strict=True)
            ticks = [tick for path, rows in parts for tick in trades(path)[rows]]
        said = reference_replay(ticks, config.watch[0], history_of(case), config.name, end)
        return said.alerts, said.bars

    return replay


@pytest.fixture(scope="session")
def got(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], tuple[list[Alert], list[Row]]]:
    """What `tapewatch replay` wrote, run once per case."""

    @cache
    def replay(name: str) -> tuple[list[Alert], list[Row]]:
        case = CASES[name]
        folder = tmp_path_factory.mktemp("replay")
        config, alerts, bars = folder / "watch.toml", folder / "alerts.jsonl", folder / "bars.csv"
        config.write_text(case.config, encoding="utf-8")
        options = {"--config": config, "--history": case.history, "--alerts": alerts, "--bars": bars}
        files = case.files if case.as_bars else cut(case, folder)
        command = [sys.executable, "-m", "tapewatch.cli", "replay", *map(str, files)]
        for option, value in options.items():
            command += [option, str(value)]
        done = subprocess.run(
            command,
            env={**os.environ, "PYTHONPATH": str(ROOT / "daemon")},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        lines = alerts.read_text(encoding="utf-8").splitlines()
        return [alert_of(json.loads(line)) for line in lines], rows_of(bars)

    return replay


def cut(case: Case, folder: Path) -> list[Path]:
    """The case's trades as files of their own."""
    written = []
    for i, (path, rows) in enumerate(zip(case.files, case.rows, strict=True)):
        with gzip.open(path, "rt", encoding="utf-8") as file:
            head, *lines = file.readlines()
        written.append(folder / f"{i}-{path.name.removesuffix('.gz')}")
        written[-1].write_text("".join([head, *lines[rows]]), encoding="utf-8")
    return written


def history_of(case: Case) -> list[Bar]:
    return read_bars(case.history, "1d")


def rows_of(path: Path) -> list[Row]:
    rows = []
    with path.open(newline="", encoding="utf-8") as file:
        for line in csv.DictReader(file):
            row: Row = {"symbol": line.pop("symbol"), "timeframe": line.pop("timeframe")}
            row |= {key: nanoseconds(line.pop(key)) for key in ("start", "end")}
            row |= {key: float(line.pop(key)) for key in ("open", "high", "low", "close", "volume")}
            row["indicators"] = {name: float(text) if text else None for name, text in line.items()}
            rows.append(row)
    return rows


def nanoseconds(text: str) -> int:
    moment = datetime.fromisoformat(text)
    assert moment.utcoffset() is not None, text
    return int(moment.timestamp()) * NS


Replay = Callable[[str], tuple[list[Alert], list[Row]]]


@pytest.mark.parametrize("case", CASES)
def test_alerts_are_the_references_one_by_one(case: str, expected: Replay, got: Replay) -> None:
    ours, theirs = got(case)[0], expected(case)[0]
    for i, (our, their) in enumerate(zip(ours, theirs, strict=False)):
        # the level that a moving average is, is equal to within rounding
        where = f"alert {i} of {case}"
        assert near(our.get("level"), their.get("level"), 1e-9 * their["price"]), (where, our, their)
        assert our | {"level": None} == their | {"level": None}, where
    assert len(ours) == len(theirs)


@pytest.mark.parametrize("case", CASES)
def test_closed_bars_are_the_references(case: str, expected: Replay, got: Replay) -> None:
    ours, theirs = got(case)[1], expected(case)[1]
    assert [key_of(row) for row in ours] == [key_of(row) for row in theirs]
    for our, their in zip(ours, theirs, strict=True):
        assert [name for name in our["indicators"] if not name.startswith("change")] == list(
            their["indicators"]
        )
        for name, value in their["indicators"].items():
            scale = 100.0 if name.startswith("rsi") else max(abs(value or 0.0), 1e-3 * their["close"])
            assert near(our["indicators"][name], value, 1e-9 * scale), (name, key_of(their))


def near(ours: float | None, theirs: float | None, tolerance: float) -> bool:
    if ours is None or theirs is None:
        return ours is theirs
    return abs(ours - theirs) <= tolerance


def key_of(row: Row) -> tuple[Any, ...]:
    return tuple(row[key] for key in ("timeframe", "start", "end", "open", "high", "low", "close", "volume"))


@pytest.mark.parametrize("case", CASES)
def test_indicators_of_closed_bars_are_ta_libs(case: str, got: Replay) -> None:
    rows = got(case)[1]
    for timeframe in {row["timeframe"] for row in rows}:
        series = [row for row in rows if row["timeframe"] == timeframe]
        before: list[Row] = []
        if timeframe == "1d":
            before = [vars(bar) for bar in history_of(CASES[case]) if bar.end <= series[0]["start"]]
        prices = {key: np.array([row[key] for row in [*before, *series]]) for key in ("high", "low", "close")}
        for name, values in ta_lib(**prices).items():
            scale = 100.0 if name.startswith("rsi") else np.maximum(np.abs(values), 1e-3 * prices["close"])
            ours = np.array([row["indicators"][name] for row in series], float)  # None is NaN
            theirs, tolerance = values[len(before) :], (1e-9 * scale * np.ones(len(values)))[len(before) :]
            np.testing.assert_array_equal(np.isnan(ours), np.isnan(theirs), f"{name}@{timeframe}")
            far = np.flatnonzero(np.abs(ours - theirs) > tolerance)
            assert far.size == 0, (name, timeframe, series[far[0]], theirs[far[0]])


def ta_lib(high: np.ndarray, low: np.ndarray, close: np.ndarray) -> dict[str, np.ndarray]:
    line, signal, hist = talib.MACD(close, 12, 26, 9)
    upper, middle, lower = talib.BBANDS(close, 20, 2, 2)
    return {
        "rsi(14)": talib.RSI(close, 14),
        "macd(12,26,9)": line,
        "macd(12,26,9).signal": signal,
        "macd(12,26,9).hist": hist,
        "sma(50)": talib.SMA(close, 50),
        "sma(200)": talib.SMA(close, 200),
        "ema(20)": talib.EMA(close, 20),
        "atr(14)": talib.ATR(high, low, close, 14),
        "bb(20,2).upper": upper,
        "bb(20,2).middle": middle,
        "bb(20,2).lower": lower,
        "roc(10)": talib.ROC(close, 10),
    }


@pytest.mark.parametrize(
    ("case", "kinds"),
    [
        ("regular", {"level.crossed_up", "level.confirmed", "zone.broke_above", "zone.failed"}),
        ("extended", {"level.crossed_down", "zone.jumped_down", "divergence.regular_bearish"}),
        ("two days", {"level.crossed_down", "zone.broke_below", "zone.failed"}),
        ("minute bars", {"zone.broke_below", "condition.fired", "divergence.regular_bullish"}),
    ],
)
def test_the_tapes_have_what_is_to_be_compared(case: str, kinds: set[str], expected: Replay) -> None:
    alerts, rows = expected(case)
    assert len(alerts) > 30
    assert kinds <= {alert["type"].split(".", 1)[1] for alert in alerts}
    timeframes = set(Config.model_validate(tomllib.loads(CASES[case].config)).watch[0].timeframes)
    assert {row["timeframe"] for row in rows} == timeframes

"""Tapes to run through the whole program, the configs that watch them, and what `tapewatch replay` makes of them."""

import csv
import gzip
import json
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path

import numpy as np

from tapewatch.market.sessions import sessions
from tapewatch.market.ticks import NS

DATA = Path(__file__).parents[2] / "../shared/data"
SPY_TAPE = DATA / "spy-2013/SPY-2013-10-08-trades.csv.gz"
SPY_DAILY = DATA / "spy-2013/SPY-daily-1998-2013.csv"

DAY = date(2026, 1, 28)
AFTER_HOURS = 1800
"""Seconds of trading after the close: its ticks close the session's bars."""


@dataclass(frozen=True)
class Case:
    """A tape with the watch that looks at it."""

    tape: Path
    watch: str
    symbol: str
    first: int = field(init=False)
    last: int = field(init=False)
    """Earliest and latest time on it, ns."""

    def __post_init__(self) -> None:
        opened = gzip.open if self.tape.suffix == ".gz" else open
        with opened(self.tape, "rt") as file:
            times = [int(row["time_ns"]) for row in csv.DictReader(file)]
        object.__setattr__(self, "first", min(times))
        object.__setattr__(self, "last", max(times))


def spy_case(folder: Path) -> Case:
    """SPY on 8 October 2013, after a year of daily bars."""
    year = [line for line in SPY_DAILY.read_text().splitlines() if line[:4].isalpha() or line >= "2012-10"]
    history = folder / "SPY-year.csv"
    history.write_text("\n".join(year) + "\n")
    return Case(SPY_TAPE, _watch("SPY", history, 166.00, 167.00, (165.80, 166.20)), "SPY")


def synthetic_case(folder: Path) -> Case:
    """A day of a stock that swings about 100, a tick a second, after a year of daily bars."""
    dice = np.random.default_rng(7000)
    open_, close = sessions("XNYS").of_date(DAY) or (0, 0)
    seconds = np.arange((close - open_) // NS + AFTER_HOURS)
    swing = 0.8 * np.sin(seconds / 400) + 0.5 * np.sin(seconds / 1700)
    prices = np.round(100 + swing + np.cumsum(dice.normal(0, 0.005, len(seconds))), 2)
    tape = folder / "tape.csv"
    with tape.open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["time_ns", "price", "size"])
        jitter = dice.integers(0, 1000, len(seconds)) * 1_000_000
        rows.writerows(
            zip(open_ + seconds * NS + jitter, prices, dice.integers(1, 500, len(seconds)), strict=True)
        )
    history = folder / "daily.csv"
    _write_daily(history, dice)
    return Case(tape, _watch("ACME", history, 100.00, 100.80, (99.40, 99.80)), "ACME")


def _write_daily(path: Path, dice: np.random.Generator) -> None:
    days = [date(1970, 1, 1) + timedelta(int(day)) for day in sessions("XNYS").days]
    before = [day for day in days if day < DAY][-250:]
    closes = np.round(100 + np.cumsum(dice.normal(0, 0.8, len(before)))[::-1], 2)
    rows = "".join(f"{day},{price}\n" for day, price in zip(before, closes, strict=True))
    path.write_text("date,close\n" + rows)


def _watch(symbol: str, history: Path, low: float, high: float, zone: tuple[float, float]) -> str:
    return f"""
[[watch]]
symbol = "{symbol}"
timeframes = ["1m", "5m", "1h", "1d"]
indicators = ["rsi(14)", "macd(12,26,9)", "sma(50)", "sma(200)", "ema(20)"]
history = [{json.dumps(str(history))}]

[[watch.level]]
name = "lower"
price = {low}
role = "support"
confirm = "1h"

[[watch.level]]
name = "upper"
price = {high}
role = "resistance"

[[watch.zone]]
name = "shelf"
low = {zone[0]}
high = {zone[1]}

[[watch.condition]]
name = "overbought"
when = "rsi(14)@1m crosses above 70"

[[watch.condition]]
name = "waning"
when = "rsi(14)@1m diverges"
"""

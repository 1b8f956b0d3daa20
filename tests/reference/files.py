"""The files of design §8, read for the reference."""

import csv
import gzip
from datetime import datetime
from pathlib import Path

from reference.sessions import calendar
from reference.ticks import NS, Bar, Tick, duration


def read_trades(path: Path) -> list[Tick]:
    """Trades with `time_ns`, `price`, `size` and `conditions`, gzipped."""
    with gzip.open(path, "rt", newline="") as file:
        rows = csv.reader(file)
        header = next(rows)
        at, price, size, condition = map(header.index, ("time_ns", "price", "size", "conditions"))
        return [Tick(int(row[at]), float(row[price]), float(row[size]), row[condition]) for row in rows]


def read_bars(path: Path, timeframe: str) -> list[Bar]:
    """Bars with `date` (XNYS sessions, then `timeframe` is 1d) or `time` (their start)."""
    bars = []
    with path.open(newline="") as file:
        for row in csv.DictReader(file):
            if "date" in row:
                session = calendar("XNYS", "regular").of_date[row["date"]]
                start, end = session.open, session.close
            else:
                start = int(datetime.fromisoformat(row["time"]).timestamp()) * NS
                end = start + duration(timeframe)
            open_, high, low, close = (float(row[name]) for name in ("open", "high", "low", "close"))
            bars.append(Bar(timeframe, start, end, open_, high, low, close, float(row.get("volume") or 0)))
    return bars

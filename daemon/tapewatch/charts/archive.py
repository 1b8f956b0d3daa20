"""Closed bars and alerts of the past, for charts: a SQLite file that may be lost.

What fires never depends on it. A file that cannot be read is begun anew, and what cannot be written is missing from
charts, no more.

Sources: https://www.sqlite.org/wal.html, https://www.sqlite.org/withoutrowid.html
"""

import json
import sqlite3
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

KEPT = 500
"""Bars of a symbol in a timeframe, and alerts of a symbol, that are kept; some more until they are looked through."""

_FORM = 1
"""Of the tables below; a file of another one is begun anew."""

_TABLES = f"""
CREATE TABLE series (id INTEGER PRIMARY KEY, symbol TEXT, timeframe TEXT, UNIQUE (symbol, timeframe));
CREATE TABLE names (id INTEGER PRIMARY KEY, names TEXT UNIQUE);
CREATE TABLE bars (
  series INTEGER, start INTEGER, open REAL, high REAL, low REAL, close REAL, volume REAL, names INTEGER, figures BLOB,
  PRIMARY KEY (series, start)
) WITHOUT ROWID;
CREATE TABLE alerts (symbol TEXT, time INTEGER, id TEXT PRIMARY KEY, json BLOB);
CREATE INDEX alerts_of_symbols ON alerts (symbol, time);
PRAGMA user_version = {_FORM};
"""

_EXCESS = 100
"""So many too many may lie there."""

_TRIM_BARS = """
DELETE FROM bars WHERE series = ? AND start <= (
  SELECT start FROM bars WHERE series = ? ORDER BY start DESC LIMIT 1 OFFSET ?)
"""
_TRIM_ALERTS = """
DELETE FROM alerts WHERE symbol = ? AND time <= (
  SELECT time FROM alerts WHERE symbol = ? ORDER BY time DESC LIMIT 1 OFFSET ?)
"""


class Bar(NamedTuple):
    """A closed bar."""

    symbol: str
    timeframe: str
    start: int
    """ns UTC."""
    prices: tuple[float, float, float, float, float]
    """Open, high, low, close, volume."""
    names: tuple[str, ...]
    """Of the indicators, without the timeframe."""
    figures: bytes
    """Their values in this order, float64."""


class Kept(NamedTuple):
    """An alert."""

    symbol: str
    time: int
    """Event time, ns UTC."""
    id: str
    body: bytes
    """Its JSON."""


@dataclass(frozen=True, eq=False)
class Bars:
    """Bars of a symbol in one timeframe, the oldest first."""

    start: NDArray[np.int64]
    """ns UTC."""
    prices: NDArray[np.float64]
    """A row a bar: open, high, low, close, volume."""
    values: dict[str, NDArray[np.float64]]
    """Every indicator by its name without the timeframe; NaN where it was not known."""

    def __len__(self) -> int:
        return len(self.start)

    def without_last(self) -> "Bars":
        """All but the newest."""
        return Bars(self.start[:-1], self.prices[:-1], {name: own[:-1] for name, own in self.values.items()})


class Archive:
    """The file; used by one thread at a time."""

    def __init__(self, path: Path) -> None:
        """Opens it, or makes it.

        Raises:
            sqlite3.DatabaseError: it is no database, or not one of ours.
            sqlite3.OperationalError: it cannot be used.
        """
        self._db = _connected(path)
        self._series: dict[tuple[str, str], int] = {
            (symbol, name): id_ for id_, symbol, name in self._db.execute("SELECT * FROM series")
        }
        self._names: dict[tuple[str, ...], int] = {
            tuple(json.loads(text)): id_ for id_, text in self._db.execute("SELECT * FROM names")
        }
        self._added: Counter[int | str] = Counter()

    def keep(
        self, bars: Iterable[Bar] = (), alerts: Iterable[Kept] = (), *, known_better: bool = True
    ) -> None:
        """Keeps bars and alerts, in one transaction.

        Args:
            bars: of each series the oldest first.
            alerts: in any order.
            known_better: whether the bars take the place of those that are there, of the same start and later.

        Raises:
            sqlite3.Error: they cannot be written; the archive is to be opened again.
        """
        verb = "REPLACE" if known_better else "IGNORE"
        with self._db:
            for bar in bars:
                series = self._series_id((bar.symbol, bar.timeframe))
                if (
                    known_better
                ):  # bars close in their order: what is later is of a tape that has started over
                    self._db.execute("DELETE FROM bars WHERE series = ? AND start > ?", (series, bar.start))
                row = (series, bar.start, *bar.prices, self._names_id(bar.names), bar.figures)
                self._db.execute(f"INSERT OR {verb} INTO bars VALUES (?,?,?,?,?,?,?,?,?)", row)  # noqa: S608
                self._trim(_TRIM_BARS, series)
            for own in alerts:
                self._db.execute("INSERT OR REPLACE INTO alerts VALUES (?,?,?,?)", own)
                self._trim(_TRIM_ALERTS, own.symbol)

    def bars(self, symbol: str, timeframe: str, before: int, most: int) -> Bars:
        """The newest bars that began before a time (ns), so many at most."""
        own = self._db.execute(
            "SELECT start, open, high, low, close, volume, names, figures FROM bars"
            " WHERE series = ? AND start < ? ORDER BY start DESC LIMIT ?",
            (self._series.get((symbol, timeframe), 0), before, most),
        ).fetchall()[::-1]
        start = np.array([row[0] for row in own], np.int64)
        prices = np.array([row[1:6] for row in own], np.float64).reshape(-1, 5)
        return Bars(start, prices, self._values([row[6:] for row in own]))

    def alerts(self, symbol: str, since: int) -> list[bytes]:
        """JSON of the symbol's alerts since a time (ns), the oldest first."""
        rows = self._db.execute(
            "SELECT json FROM alerts WHERE symbol = ? AND time >= ? ORDER BY time, rowid", (symbol, since)
        )
        return [row[0] for row in rows]

    def alert(self, id_: str) -> bytes | None:
        """JSON of one alert."""
        row = self._db.execute("SELECT json FROM alerts WHERE id = ?", (id_,)).fetchone()
        return row[0] if row else None

    def close(self) -> None:
        """Closes the file."""
        self._db.close()

    def _values(self, rows: Sequence[tuple[int, bytes]]) -> dict[str, NDArray[np.float64]]:
        """The figures of each row by their names: a changed config has others."""
        lists = {id_: names for names, id_ in self._names.items()}
        found: dict[str, NDArray[np.float64]] = {}
        for i, (names, figures) in enumerate(rows):
            for name, value in zip(lists[names], np.frombuffer(figures).tolist(), strict=True):
                if name not in found:
                    found[name] = np.full(len(rows), np.nan)
                found[name][i] = value
        return found

    def _series_id(self, of: tuple[str, str]) -> int:
        if of not in self._series:
            made = self._db.execute("INSERT INTO series VALUES (NULL, ?, ?)", of)
            self._series[of] = made.lastrowid or 0
        return self._series[of]

    def _names_id(self, names: tuple[str, ...]) -> int:
        if names not in self._names:
            made = self._db.execute("INSERT INTO names VALUES (NULL, ?)", (json.dumps(names),))
            self._names[names] = made.lastrowid or 0
        return self._names[names]

    def _trim(self, statement: str, of: int | str) -> None:
        self._added[of] += 1
        if self._added[of] > _EXCESS:
            self._db.execute(statement, (of, of, KEPT))
            self._added[of] = 0


def discard(path: Path) -> None:
    """Removes the file, and what SQLite keeps beside it."""
    for suffix in ("", "-wal", "-shm"):
        Path(f"{path}{suffix}").unlink(missing_ok=True)


def _connected(path: Path) -> sqlite3.Connection:
    """The file with its tables."""
    db = sqlite3.connect(path, check_same_thread=False)
    try:
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = NORMAL")
        form = db.execute("PRAGMA user_version").fetchone()[0]
        if form == 0:
            db.executescript(f"BEGIN; {_TABLES} COMMIT;")
        elif form != _FORM:
            raise sqlite3.DatabaseError(f"of form {form}, not {_FORM}")
    except BaseException:
        db.close()
        raise
    return db

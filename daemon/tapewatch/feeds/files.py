"""Tapes and bars from CSV files, `.csv` and `.csv.gz`."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tapewatch.feeds.columns import DAY, INSTANT, INTEGER, NUMBER, TEXT, FileError, Kind, Table, read_header
from tapewatch.market.bars import BAR
from tapewatch.market.sessions import Sessions
from tapewatch.market.ticks import NOT_LAST, NS, UNKNOWN_SYMBOL, empty_ticks
from tapewatch.market.timeframes import DAY as DAILY
from tapewatch.market.timeframes import duration_ns

__all__ = ["BarFile", "FileError", "Tape", "is_bars", "read_bars", "read_ticks"]

_PRICES = ("open", "high", "low", "close")
_NO_STEP = np.iinfo(np.int64).max
_SHORTEST_DAY = 23 * 3600 * NS  # when the clocks go forward
_BETWEEN_CODES = re.compile(r"[\s,;|]+")


@dataclass(frozen=True, eq=False)
class Tape:
    """The ticks of one file, in the file's order, as columns of one length."""

    path: Path
    time: NDArray[np.int64]
    """Event time, ns since 1970 UTC."""
    price: NDArray[np.float64]
    """As the file has it: not finite and negative prices are for the engine to refuse and count."""
    size: NDArray[np.float64]
    """0 where the file has no sizes."""
    symbols: list[str]
    """The distinct symbols; empty if the file has no such column."""
    symbol_codes: NDArray[np.int32]
    """Index into `symbols` of each tick; empty if the file has no such column."""
    conditions: list[str]
    """The distinct sale conditions; empty if the file has no such column."""
    condition_codes: NDArray[np.int32]
    """Index into `conditions` of each tick; empty if the file has no such column."""

    def __len__(self) -> int:
        return len(self.time)

    def rows(
        self, instruments: Mapping[str, int], symbol: str | None = None, skip_conditions: Collection[str] = ()
    ) -> np.ndarray:
        """The ticks as the engine takes them, rows of `TICK`.

        Args:
            instruments: the engine's number by the file's name of a symbol; others become UNKNOWN_SYMBOL.
            symbol: whose ticks these are if the file has no column `symbol`.
            skip_conditions: sale conditions that do not update the last price, either a field as it stands
                in the file or one of several codes in it (`"@ F I"`, `"12,37"`).

        Raises:
            FileError: the file has no column `symbol`, and no `symbol` is given.
        """
        ticks = empty_ticks(len(self))
        ticks["time"] = self.time
        ticks["price"] = self.price
        ticks["size"] = self.size
        if self.symbols:
            known = [instruments.get(name, UNKNOWN_SYMBOL) for name in self.symbols]
            ticks["symbol"] = np.array(known, np.int32)[self.symbol_codes]
        elif symbol is not None:
            ticks["symbol"] = instruments.get(symbol, UNKNOWN_SYMBOL)
        else:
            raise FileError(f"{self.path}, line 1: there is no column 'symbol': add it, or name the symbol")
        if self.conditions:
            flags = [NOT_LAST if _skips(text, skip_conditions) else 0 for text in self.conditions]
            ticks["flags"] = np.array(flags, np.uint32)[self.condition_codes]
        return ticks


@dataclass(frozen=True, eq=False)
class BarFile:
    """The bars of one file, in the file's order."""

    path: Path
    timeframe: str
    bars: np.ndarray
    """Rows of `BAR`."""
    symbols: list[str]
    """The distinct symbols; empty if the file has no such column."""
    symbol_codes: NDArray[np.int32]
    """Index into `symbols` of each bar; empty if the file has no such column."""

    def of(self, symbol: str) -> np.ndarray:
        """The bars of `symbol`: all of them if the file has no column `symbol`."""
        if not self.symbols:
            return self.bars
        if symbol not in self.symbols:
            return self.bars[:0]
        chosen: np.ndarray = self.bars[self.symbol_codes == self.symbols.index(symbol)]
        return chosen


def is_bars(path: Path) -> bool:
    """Whether the file holds bars (by its header) and not ticks.

    Raises:
        FileError: it cannot be read, or its header is neither that of ticks nor that of bars.
    """
    header = read_header(path)
    if "price" in header:
        return False
    if "close" in header:
        return True
    raise FileError(
        f"{path}, line 1: neither ticks (time_ns or time, price) nor bars (time or date, open, high, low, "
        f"close); the header is {','.join(header)}"
    )


def read_ticks(path: Path) -> Tape:
    """The tape in a CSV file: `time_ns` (int64 UTC) or `time` (ISO 8601 with offset), and `price`.

    `size`, `symbol` and `conditions` are read if there, other columns are ignored. Nothing is sorted or
    left out.

    Raises:
        FileError: a field is no such thing; the message names the line.
    """
    table = Table(path)
    time = table.one_of("time_ns", "time")
    kinds: dict[str, Kind] = {time: INTEGER if time == "time_ns" else INSTANT, "price": NUMBER}
    optional = {"size": NUMBER, "symbol": TEXT, "conditions": TEXT}
    columns = table.read(kinds | {name: kind for name, kind in optional.items() if name in table.header})
    symbols, symbol_codes = _coded(columns.get("symbol"))
    conditions, condition_codes = _coded(columns.get("conditions"))
    return Tape(
        path=path,
        time=columns[time],
        price=columns["price"],
        size=columns.get("size", np.zeros(len(columns[time]))),
        symbols=symbols,
        symbol_codes=symbol_codes,
        conditions=conditions,
        condition_codes=condition_codes,
    )


def read_bars(path: Path, sessions: Sessions, bar: str | None = None) -> BarFile:
    """The bars in a CSV file: `time` or `date`, then open, high, low, close and volume.

    A `time` is the bar's start, a `date` that session. With `close` alone the four prices are equal; the
    volume is 0 if absent. A bar ends where its session closes, if not before.

    Args:
        path: the file.
        sessions: of the exchange.
        bar: the timeframe; left out: `1d` for `date`, else the smallest step between starts.

    Raises:
        ValueError: `bar` is no timeframe.
        FileError: a field is no such thing, bars overlap or are not in order of time, the prices of a bar
            contradict each other, or a date is no session; the message names the line.
    """
    table = Table(path)
    place = table.one_of("time", "date")
    prices = _PRICES if any(name in table.header for name in _PRICES[:3]) else _PRICES[3:]
    kinds: dict[str, Kind] = {place: INSTANT if place == "time" else DAY} | dict.fromkeys(prices, NUMBER)
    optional = {"volume": NUMBER, "symbol": TEXT}
    columns = table.read(kinds | {name: kind for name, kind in optional.items() if name in table.header})
    symbols, codes = _coded(columns.get("symbol"))
    bars = np.zeros(len(columns[place]), BAR)
    for name in _PRICES:
        bars[name] = columns.get(name, columns["close"])
    bars["volume"] = columns.get("volume", 0.0)
    _check_prices(table, bars, prices)
    if place == "date":
        bars["start"], bars["end"] = _whole_sessions(table, columns["date"], sessions)
    else:
        bars["start"] = columns["time"]
    step, row = _smallest_step(bars["start"], codes)
    if step <= 0:
        raise table.error(row, place, "is not later than the bar before it: bars stand in order of time")
    timeframe = _daily(path, bar) if place == "date" else _timeframe(table, step, row, bar)
    if place == "time":
        bars["end"] = _ends(bars["start"], duration_ns(timeframe), sessions)
    return BarFile(path, timeframe, bars, symbols, codes)


def _coded(column: NDArray[Any] | None) -> tuple[list[str], NDArray[np.int32]]:
    """The distinct texts of a column, and for each row which one it is."""
    if column is None:
        return [], np.empty(0, np.int32)
    codes: dict[str, int] = {}
    of_row = np.fromiter((codes.setdefault(text, len(codes)) for text in column), np.int32, len(column))
    return list(codes), of_row


def _skips(conditions: str, skip: Collection[str]) -> bool:
    return conditions in skip or any(code in skip for code in _BETWEEN_CODES.split(conditions))


def _check_prices(table: Table, bars: np.ndarray, prices: tuple[str, ...]) -> None:
    for name in prices:
        _check(table, name, np.isfinite(bars[name]) & (bars[name] > 0), "is no price: it must be above 0")
    if "volume" in table.header:
        _check(table, "volume", bars["volume"] >= 0, "is no volume: it must be 0 or more")
    if len(prices) > 1:
        highest = np.maximum(bars["open"], bars["close"])
        lowest = np.minimum(bars["open"], bars["close"])
        _check(table, "high", bars["high"] >= bars["low"], "is below the low of its bar")
        _check(table, "high", bars["high"] >= highest, "is below the open or the close of its bar")
        _check(table, "low", bars["low"] <= lowest, "is above the open or the close of its bar")


def _check(table: Table, column: str, right: NDArray[np.bool_], problem: str) -> None:
    if not right.all():
        raise table.error(int(np.argmin(right)), column, problem)


def _whole_sessions(
    table: Table, days: NDArray[np.int64], sessions: Sessions
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Open and close of the session of each day."""
    i = np.minimum(np.searchsorted(sessions.days, days), len(sessions.days) - 1)
    _check(table, "date", sessions.days[i] == days, f"is no session of {sessions.calendar}")
    return sessions.opens[i], sessions.closes[i]


def _smallest_step(starts: NDArray[np.int64], codes: NDArray[np.int32]) -> tuple[int, int]:
    """The smallest step (ns) from a bar to the next of its symbol, and the row of the later one.

    Of steps that are not positive it is the first. A step beyond all bounds, and row 0, where there is none.
    """
    order = np.argsort(codes, kind="stable") if len(codes) else np.arange(len(starts))
    steps = np.diff(starts[order])
    if len(codes):
        steps[np.diff(codes[order]) != 0] = _NO_STEP
    if not len(steps):
        return _NO_STEP, 0
    at = int(np.argmin(np.maximum(steps, 0)))
    return int(steps[at]), int(order[at + 1])


def _daily(path: Path, bar: str | None) -> str:
    if bar not in (None, DAILY):
        raise FileError(f"{path}, line 1: has a column 'date', so its bars are {DAILY} and not {bar}")
    return DAILY


def _timeframe(table: Table, step: int, row: int, bar: str | None) -> str:
    """The timeframe `bar`, or that whose bars are `step` ns long, once it fits the step."""
    if bar == DAILY or _SHORTEST_DAY <= step < _NO_STEP:
        raise table.error(row, "time", "is a daily bar: those have a column 'date' in place of 'time'")
    if bar is not None:
        if step < duration_ns(bar):
            raise table.error(row, "time", f"is less than {bar} after the bar before it: bars overlap")
        return bar
    if step == _NO_STEP:
        raise table.error(row, "time", "is the only bar: name its timeframe, such as --bar 5m")
    minutes, rest = divmod(step, 60 * NS)
    if rest:
        problem = (
            f"is {step / NS:g} s after the bar before it: a timeframe is whole minutes, such as --bar 1m"
        )
        raise table.error(row, "time", problem)
    return f"{minutes // 60}h" if minutes % 60 == 0 else f"{minutes}m"


def _ends(starts: NDArray[np.int64], length: int, sessions: Sessions) -> NDArray[np.int64]:
    """The end of each bar: its session's close where that comes first."""
    # The session of a bar, or the next one; sessions later than a year from now are not known.
    i = np.minimum(np.searchsorted(sessions.closes, starts, side="right"), len(sessions.closes) - 1)
    inside = (starts >= sessions.opens[i]) & (starts < sessions.closes[i])
    ends = starts + length
    return np.where(inside, np.minimum(ends, sessions.closes[i]), ends)

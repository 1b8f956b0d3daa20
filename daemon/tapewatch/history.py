"""History: bars from files that warm an engine's indicators before the first tick."""

from collections.abc import Collection, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tapewatch.config import Watch
from tapewatch.engine.engine import Engine
from tapewatch.feeds.files import BarFile, read_bars
from tapewatch.instruments import Names
from tapewatch.market.bars import ratio
from tapewatch.market.sessions import sessions
from tapewatch.market.timeframes import by_length, duration_ns


class HistoryError(ValueError):
    """History that does not fit its watch; the message says what would."""


def warm(engine: Engine, row: int, files: Sequence[BarFile], names: Names, before: int | None = None) -> int:
    """Feeds one symbol's history to the engine; each timeframe from the files that have it, or the next finer ones.

    Args:
        engine: a new one.
        row: the symbol's.
        files: of bars; several of one timeframe are read as one.
        names: what files with a column `symbol` may call the symbol and its legs.
        before: bars that end after this time (ns) are left out: a tape begins there, and knows better.

    Returns:
        How many bars were left out.

    Raises:
        HistoryError: no timeframe of the watch can be built from a file.
    """
    bars = bars_of(files, names)
    left_out = 0
    for timeframe, served in share_out(engine.layouts[row].watch.timeframes, files, set(bars)).items():
        all_, kept = bars[timeframe], bars[timeframe]
        if before is not None:
            kept = until(all_, before)
        left_out += len(all_) - len(kept)
        engine.warm(row, kept, timeframe, served)
    return left_out


def read(paths: Sequence[Path], calendar: str) -> list[BarFile]:
    """The files of bars at `paths`, of one exchange.

    Raises:
        FileError: a file cannot be read.
    """
    return [read_bars(path, sessions(calendar)) for path in paths]


def own(watch: Watch, names: Names) -> list[BarFile]:
    """The files of a watch's own `history`.

    Raises:
        FileError: a file cannot be read.
        HistoryError: none has a bar of the watch, or of a composite's legs together.
    """
    files = read(watch.history, watch.calendar)
    if files and not bars_of(files, names):
        wanted = " or ".join(names.own)
        if names.legs:
            wanted += f", nor any of {' and '.join(leg[0] for leg in names.legs)} that begin together"
        raise HistoryError(f"{', '.join(str(file.path) for file in files)}: no bars of {wanted}")
    return files


def bars_of(files: Sequence[BarFile], names: Names) -> dict[str, np.ndarray]:
    """A watch's bars of each timeframe, oldest first; of two that start together, the first file's.

    A composite's are its own, then those made of its legs' bars, which may stand in two files; files without a column
    `symbol` hold its own.
    """
    known = _of_symbol(files, names.own)
    if names.legs:
        named = [file for file in files if file.symbols]
        first, second = (_of_symbol(named, leg) for leg in names.legs)
        for timeframe in first.keys() & second.keys():
            known.setdefault(timeframe, []).append(
                ratio(*map(_in_order, (first[timeframe], second[timeframe])))
            )
    return {timeframe: bars for timeframe, parts in known.items() if len(bars := _in_order(parts))}


def _of_symbol(files: Sequence[BarFile], names: Sequence[str]) -> dict[str, list[np.ndarray]]:
    """The bars that a symbol has in each file, by timeframe."""
    parts: dict[str, list[np.ndarray]] = {}
    for file in files:
        for name in names if file.symbols else names[:1]:
            if len(bars := file.of(name)):
                parts.setdefault(file.timeframe, []).append(bars)
    return parts


def _in_order(parts: Sequence[np.ndarray]) -> np.ndarray:
    """All bars by their start; of two that start together, the first."""
    bars = np.concatenate(parts)
    return bars[np.unique(bars["start"], return_index=True)[1]]


def share_out(timeframes: Sequence[str], files: Sequence[BarFile], known: set[str]) -> dict[str, list[str]]:
    """Which timeframes of the watch each timeframe of the files builds, the longest first.

    Args:
        timeframes: of the watch.
        files: to be named in the error.
        known: the timeframes of which they have bars of the watch.

    Raises:
        HistoryError: one builds none.
    """
    served: dict[str, list[str]] = {name: [] for name in reversed(by_length(known))}
    for timeframe in timeframes:
        if (source := longest(known, timeframe)) is not None:
            served[source].append(timeframe)
    for name, own in served.items():
        if not own:
            path = next(file.path for file in files if file.timeframe == name)
            raise HistoryError(
                f"{path}: its bars are {name}, of which none of the watch's timeframes "
                f"({', '.join(timeframes)}) can be built"
            )
    return served


def longest(intervals: Collection[str], timeframe: str) -> str | None:
    """The longest of `intervals` whose bars build `timeframe`; None if none does."""
    return next((own for own in reversed(by_length(set(intervals))) if builds(own, timeframe)), None)


def until(bars: NDArray[np.void], end: int) -> NDArray[np.void]:
    """Those of `bars`, oldest first, that have ended by `end` (ns)."""
    kept: NDArray[np.void] = bars[: np.searchsorted(bars["end"], end, side="right")]
    return kept


def builds(bar: str, timeframe: str) -> bool:
    """Whether bars of `timeframe` can be built from bars of `bar`: it is a multiple; a session is one of all."""
    return timeframe == "1d" or (bar != "1d" and duration_ns(timeframe) % duration_ns(bar) == 0)

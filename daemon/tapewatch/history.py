"""History: bars from files that warm an engine's indicators before the first tick."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from tapewatch.engine.engine import Engine
from tapewatch.feeds.files import BarFile, read_bars
from tapewatch.market.sessions import sessions
from tapewatch.market.timeframes import by_length, duration_ns


class HistoryError(ValueError):
    """History that does not fit its watch; the message says what would."""


def warm(
    engine: Engine, row: int, files: Sequence[BarFile], names: Sequence[str], before: int | None = None
) -> int:
    """Feeds one symbol's history to the engine; each timeframe from the files that have it, or the next finer ones.

    Args:
        engine: a new one.
        row: the symbol's.
        files: of bars; several of one timeframe are read as one.
        names: what files with a column `symbol` may call the symbol.
        before: bars that end after this time (ns) are left out: a tape begins there, and knows better.

    Returns:
        How many bars were left out.

    Raises:
        HistoryError: no timeframe of the watch can be built from a file.
    """
    bars = _by_timeframe(files, names)
    left_out = 0
    for timeframe, served in _share_out(engine.layouts[row].watch.timeframes, files, set(bars)).items():
        all_, kept = bars[timeframe], bars[timeframe]
        if before is not None:
            kept = all_[: np.searchsorted(all_["end"], before, side="right")]
        left_out += len(all_) - len(kept)
        engine.warm(row, kept, served)
    return left_out


def read(paths: Sequence[Path], calendar: str) -> list[BarFile]:
    """The files of bars at `paths`, of one exchange.

    Raises:
        FileError: a file cannot be read.
    """
    return [read_bars(path, sessions(calendar)) for path in paths]


def _by_timeframe(files: Sequence[BarFile], names: Sequence[str]) -> dict[str, np.ndarray]:
    """The symbol's bars of each timeframe, oldest first; of two that start together, the first file's."""
    parts: dict[str, list[np.ndarray]] = {}
    for own in files:
        for name in names if own.symbols else names[:1]:
            if len(bars := own.of(name)):
                parts.setdefault(own.timeframe, []).append(bars)
    joined = {timeframe: np.concatenate(some) for timeframe, some in parts.items()}
    return {
        timeframe: bars[np.unique(bars["start"], return_index=True)[1]] for timeframe, bars in joined.items()
    }


def _share_out(timeframes: Sequence[str], files: Sequence[BarFile], known: set[str]) -> dict[str, list[str]]:
    """Which timeframes of the watch each timeframe of the files builds, the longest first."""
    served: dict[str, list[str]] = {name: [] for name in reversed(by_length(known))}
    for timeframe in timeframes:
        source = next((own for own in served if builds(own, timeframe)), None)
        if source is not None:
            served[source].append(timeframe)
    for name, own in served.items():
        if not own:
            path = next(file.path for file in files if file.timeframe == name)
            raise HistoryError(
                f"{path}: its bars are {name}, of which none of the watch's timeframes "
                f"({', '.join(timeframes)}) can be built"
            )
    return served


def builds(bar: str, timeframe: str) -> bool:
    """Whether bars of `timeframe` can be built from bars of `bar`: it is a multiple; a session is one of all."""
    return timeframe == "1d" or (bar != "1d" and duration_ns(timeframe) % duration_ns(bar) == 0)

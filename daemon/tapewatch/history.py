"""History: bars from files that warm an engine's indicators before the first tick."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from tapewatch.engine.engine import Engine
from tapewatch.feeds.files import BarFile, read_bars
from tapewatch.market.timeframes import by_length, duration_ns


class HistoryError(ValueError):
    """History that does not fit its watch; the message says what would."""


def warm(engine: Engine, row: int, files: Sequence[Path], before: int | None = None) -> int:
    """Feeds one symbol's history to the engine; each timeframe from the file that has it, or the next finer one.

    Args:
        engine: a new one.
        row: the symbol's.
        files: CSV files of bars.
        before: bars that end after this time (ns) are left out: a tape begins there, and knows better.

    Returns:
        How many bars were left out.

    Raises:
        FileError: a file cannot be read.
        HistoryError: no timeframe of the watch can be built from a file.
    """
    watch = engine.layouts[row].watch
    histories = {own.timeframe: own for own in (read_bars(path, watch.sessions) for path in files)}
    left_out = 0
    for timeframe, served in _share_out(watch.timeframes, histories).items():
        bars = histories[timeframe].of(watch.symbol)
        kept = bars if before is None else bars[: np.searchsorted(bars["end"], before, side="right")]
        left_out += len(bars) - len(kept)
        engine.warm(row, kept, served)
    return left_out


def _share_out(timeframes: Sequence[str], histories: dict[str, BarFile]) -> dict[str, list[str]]:
    """Which timeframes of the watch each file's timeframe builds, the longest file first."""
    served: dict[str, list[str]] = {name: [] for name in reversed(by_length(set(histories)))}
    for timeframe in timeframes:
        source = next((own for own in served if builds(own, timeframe)), None)
        if source is not None:
            served[source].append(timeframe)
    for name, own in served.items():
        if not own:
            raise HistoryError(
                f"{histories[name].path}: its bars are {name}, of which none of the watch's timeframes "
                f"({', '.join(timeframes)}) can be built"
            )
    return served


def builds(bar: str, timeframe: str) -> bool:
    """Whether bars of `timeframe` can be built from bars of `bar`: it is a multiple; a session is one of all."""
    return timeframe == "1d" or (bar != "1d" and duration_ns(timeframe) % duration_ns(bar) == 0)

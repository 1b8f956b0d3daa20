"""A vendor's bars of past days on disk, for a day: splits change them, and a vendor mends its own."""

import contextlib
import os
import zipfile
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import numpy as np
from numpy.typing import NDArray

from tapewatch.market.bars import BAR
from tapewatch.market.ticks import NS

DAY_NS = 24 * 3600 * NS
KEPT = DAY_NS
"""How long (ns) bars are kept from when they were fetched."""

_DAMAGED = (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile)


@dataclass(frozen=True, eq=False)
class Known:
    """What is known of one symbol and interval."""

    days: NDArray[np.int64]
    """UTC days since 1970 whose bars are all here, in order; of some there are none."""
    fetched: NDArray[np.int64]
    """When each was fetched, ns."""
    bars: NDArray[np.void]
    """Rows of `BAR`, oldest first."""


class HistoryCache:
    """One file a symbol and interval. Numbers alone are read from it, and a damaged file is as good as none.

    Args:
        folder: of one vendor's bars; made when there is something to write, with those above it, with mode 0700.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def read(self, symbol: str, interval: str, now: int) -> Known:
        """What was fetched within a day before `now` (ns)."""
        try:
            with np.load(self._path(symbol, interval), allow_pickle=False) as file:
                days, fetched, bars = file["days"], file["fetched"], file["bars"]
        except _DAMAGED:
            return _NOTHING
        if not _is_sound(days, fetched, bars):
            return _NOTHING
        fresh = (fetched <= now) & (fetched > now - KEPT)
        return Known(days[fresh], fetched[fresh], bars[np.isin(_day(bars), days[fresh])])

    def add(
        self,
        symbol: str,
        interval: str,
        known: Known,
        days: NDArray[np.int64],
        bars: NDArray[np.void],
        now: int,
    ) -> None:
        """Remembers `days`, fetched at `now`, with those of `bars` that are theirs, beside what is `known`.

        What cannot be written is not remembered, no more.
        """
        bars = bars[np.isin(_day(bars), days)]
        all_days = np.concatenate([known.days, days])
        order = np.argsort(all_days)
        all_bars = np.concatenate([known.bars, bars])
        path = self._path(symbol, interval)
        half_done = path.with_suffix(f".{os.getpid()}.tmp")
        with contextlib.suppress(OSError):
            self._make_folder()
            with half_done.open("wb") as file:
                np.savez(
                    file,
                    days=all_days[order],
                    fetched=np.concatenate([known.fetched, np.full(len(days), now)])[order],
                    bars=all_bars[np.argsort(all_bars["start"])],
                )
            half_done.replace(path)

    def _make_folder(self) -> None:
        missing = [own for own in (self._folder, *self._folder.parents) if not own.exists()]
        for own in reversed(missing):
            own.mkdir(mode=0o700, exist_ok=True)

    def _path(self, symbol: str, interval: str) -> Path:
        return self._folder / f"{quote(symbol, safe='')}@{interval}.npz"


_NOTHING = Known(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0, BAR))


def _day(bars: NDArray[np.void]) -> NDArray[np.int64]:
    days: NDArray[np.int64] = bars["start"] // DAY_NS
    return days


def _is_sound(days: NDArray[np.int64], fetched: NDArray[np.int64], bars: NDArray[np.void]) -> bool:
    numbers = days.dtype == fetched.dtype == np.int64 and bars.dtype == BAR
    return bool(numbers and days.ndim == bars.ndim == 1 and days.shape == fetched.shape)

"""The same kernel in C (`kernel.c`), built with the machine's compiler and called through ctypes."""

import ctypes
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from peers.contender import TOLERANCE, Crossing
from tape import BAND, INDICATORS, LEVELS, TIMEFRAMES, Market
from tapewatch.market.ticks import TICK

FLAGS = ("-O3", "-march=native", "-fno-math-errno", "-Wall", "-Werror")
SOURCE = Path(__file__).with_name("kernel.c")
CROSSING = np.dtype([("time", "<i8"), ("symbol", "<i4"), ("level", "<i4"), ("up", "<i8")])


def compiler() -> str | None:
    """The C compiler on PATH, if there is one."""
    return shutil.which("cc")


def build() -> ctypes.CDLL:
    """The library, compiled anew: a fraction of a second."""
    own = compiler()
    assert own is not None, "there is no C compiler: ask `compiler` first"
    with tempfile.TemporaryDirectory() as folder:
        library = Path(folder) / "kernel.so"
        subprocess.run([own, *FLAGS, "-shared", "-fPIC", "-o", library, SOURCE, "-lm"], check=True)
        loaded = ctypes.CDLL(str(library))
    loaded.market_open.restype = ctypes.c_void_p
    for name in ("market_step", "market_tick_size"):
        getattr(loaded, name).restype = ctypes.c_int64
    return loaded


def _at(array: NDArray[Any]) -> ctypes.c_void_p:
    return ctypes.c_void_p(array.ctypes.data)


class CKernel:
    """The C kernel, one call a round: it pays for no Python at all."""

    name = "C"
    rsi_tolerance = TOLERANCE
    has_provisional = True

    def __init__(self, market: Market) -> None:
        self.market = market
        self._library = build()
        if self._library.market_tick_size() != TICK.itemsize:
            raise TypeError(f"Tick of {SOURCE.name} is not TICK of the market package: their sizes differ")
        hours = market.sessions
        self._kept = [np.ascontiguousarray(own) for own in (hours.opens, hours.closes)]
        levels = np.ascontiguousarray(market.levels)
        bands = levels * BAND
        symbols = len(market.prices)
        self._market = ctypes.c_void_p(
            self._library.market_open(
                ctypes.c_int64(symbols),
                _at(levels),
                _at(bands),
                *map(_at, self._kept),
                ctypes.c_int64(len(self._kept[0])),
            )
        )
        for k in range(symbols):
            for j, timeframe in enumerate(TIMEFRAMES):
                self._warm(k, j, market.bars(k, timeframe))
        self._out = np.zeros(max(1 << 16, len(LEVELS) * symbols), CROSSING)
        self._crossings: list[NDArray[np.void]] = []

    def __del__(self) -> None:
        if hasattr(self, "_market"):
            self._library.market_close(self._market)

    def _warm(self, symbol: int, frame: int, bars: NDArray[np.void]) -> None:
        closes = np.ascontiguousarray(bars["close"])
        n, end = ctypes.c_int64(len(closes)), ctypes.c_int64(int(bars["end"][-1]))
        self._library.market_warm(self._market, ctypes.c_int64(symbol), frame, _at(closes), n, end)

    def prepare(self, ticks: NDArray[np.void]) -> NDArray[np.void]:
        """The ticks as they are."""
        return ticks

    def run(self, work: NDArray[np.void]) -> None:
        """One call."""
        room = ctypes.c_int64(len(self._out))
        n = self._library.market_step(
            self._market, _at(work), ctypes.c_int64(len(work)), _at(self._out), room
        )
        assert n < len(self._out), "more crossings in a round than there is room for"
        self._crossings.append(self._out[:n].copy())

    def values(self, symbol: int) -> dict[str, float]:
        """By the engine's names."""
        names = [
            f"{name}@{timeframe}" for own in INDICATORS for name in own.outputs for timeframe in TIMEFRAMES
        ]
        out = np.empty(len(names))
        self._library.market_values(self._market, ctypes.c_int64(symbol), _at(out))
        return dict(zip(names, out.tolist(), strict=True))

    def crossings(self) -> list[Crossing]:
        """Levels crossed so far."""
        return [
            Crossing(int(row["time"]), int(row["symbol"]), int(row["level"]), bool(row["up"]))
            for part in self._crossings
            for row in part
        ]

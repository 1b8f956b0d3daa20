"""The engine itself: `Engine.step` in batches of one size."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from peers.contender import TOLERANCE, Crossing
from tape import BAND, INDICATORS, MAX_JUMP, TIMEFRAMES, Market
from tapewatch.engine.engine import Engine
from tapewatch.engine.events import CROSSED_UP, Events
from tapewatch.engine.watch import Band, LevelRule, Watch


def open_engine(market: Market) -> Engine:
    """An engine of the market's symbols, warm."""
    engine = _cold_engine(market)
    for k in range(len(market.prices)):
        for timeframe in reversed(TIMEFRAMES):
            engine.warm(k, market.bars(k, timeframe), timeframe, [timeframe])
    return engine


def open_engines(market: Market, n: int) -> list[Engine]:
    """`n` engines in the same state: warming one takes seconds, and the others are restored from it."""
    first = open_engine(market)
    others = [_cold_engine(market) for _ in range(n - 1)]
    state = list(first.snapshot(range(len(market.prices))).values())
    for engine in others:
        for k, own in enumerate(state):
            engine.restore(k, own.hot, own.bars)
    return [first, *others]


def _cold_engine(market: Market) -> Engine:
    band = Band(BAND, "fraction")
    return Engine(
        [
            Watch(
                f"S{k}",
                market.sessions,
                TIMEFRAMES,
                INDICATORS,
                tuple(LevelRule(f"level {i}", float(price), band) for i, price in enumerate(levels)),
                max_jump=MAX_JUMP,
            )
            for k, levels in enumerate(market.levels)
        ]
    )


class EngineInBatches:
    """The engine, `batch` ticks a call.

    Timed: the calls, admission included (hours, lateness, jumps; these ticks have no trade ids). Not timed: cutting
    the tape into batches, and looking at the events.
    """

    rsi_tolerance = TOLERANCE
    has_provisional = True

    def __init__(self, market: Market, batch: int, engine: Engine) -> None:
        self.name = f"batches of {batch}" if batch > 1 else "one call per tick"
        self.market = market
        self._engine = engine
        self._batch = batch
        self._events: list[Events] = []

    def prepare(self, ticks: NDArray[np.void]) -> list[NDArray[np.void]]:
        """The ticks in batches."""
        return [ticks[i : i + self._batch] for i in range(0, len(ticks), self._batch)]

    def run(self, work: list[NDArray[np.void]]) -> None:
        """A call of `step` a batch."""
        step = self._engine.step
        for batch in work:
            events = step(batch)
            if len(events):
                self._events.append(events)

    def values(self, symbol: int) -> dict[str, float]:
        """As the engine names them."""
        return self._engine.values(symbol)

    def crossings(self) -> list[Crossing]:
        """The engine's events, all of them of levels."""
        rows: list[Any] = [row for part in self._events for row in part.rows]
        return [
            Crossing(int(row["time"]), int(row["symbol"]), int(row["rule"]), row["type"] == CROSSED_UP)
            for row in rows
        ]

    def refused(self) -> int:
        """Ticks that were not admitted; anything but 0 means that less was done than was timed."""
        return int(self._engine.refused.sum())

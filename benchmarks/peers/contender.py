"""What the stop-watch and the check of agreement need of whoever is measured."""

from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from tape import Market

TOLERANCE = 1e-9


class Crossing(NamedTuple):
    """A level that was crossed."""

    time: int
    symbol: int
    level: int
    up: bool


class Contender(Protocol):
    """One way to do the work: bars, indicators and, where it has them, levels."""

    name: str
    market: Market
    """Its own: the slowest get fewer symbols, which favours them."""
    rsi_tolerance: float
    """How far its RSI may be from the engine's, as a part of it; anything else, `TOLERANCE`."""
    has_provisional: bool
    """Whether it knows values on a forming bar; else only those of closed bars can be compared."""

    def prepare(self, ticks: NDArray[np.void]) -> Any:
        """The ticks in the shape it takes them in; not timed."""

    def run(self, work: Any) -> None:
        """Takes what `prepare` made of the next ticks; timed."""

    def values(self, symbol: int) -> dict[str, float]:
        """Every indicator by the engine's name for it, as of the last tick."""

    def crossings(self) -> list[Crossing] | None:
        """Levels crossed so far; None: it watches none."""

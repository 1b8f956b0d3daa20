"""wickra: `update` alone. No levels.

It can neither look at a forming bar without keeping it nor copy its state, so that it has no provisional values.
What is timed is one `update` of each indicator on each tick, as if each tick were a close: as many calls as the work
would take, had it a `peek` as cheap as its `update`. Its values on closed bars are those of the engine.
"""

import numpy as np
import wickra
from numpy.typing import NDArray

from peers.handles import Handle, Handles
from tape import Market
from tapewatch.engine.indicators import Indicator


def _open(indicator: Indicator, closes: NDArray[np.float64]) -> Handle:
    own = getattr(wickra, indicator.kind.upper())(*indicator.periods)
    own.batch(closes[:-1])
    return Handle(_already_updated, own.update, own.update(closes[-1]))


def _already_updated(_: float) -> None:
    """The close was the last tick, and each tick is an update."""


class WickraUpdates(Handles):
    """wickra's indicators, updated with every tick."""

    has_provisional = False

    def __init__(self, market: Market) -> None:
        super().__init__("wickra", market, _open)

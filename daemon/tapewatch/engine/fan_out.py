"""Which rows a tick goes to: the symbol's own, and those of the composites that it is a leg of."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from tapewatch.engine.watch import Watch
from tapewatch.market.ticks import FIRST_LEG, SECOND_LEG, UNKNOWN_SYMBOL


def instruments_of(watches: Sequence[Watch]) -> dict[str, int]:
    """Numbers of the symbols that ticks may come under: the rows, then the legs that nobody watches."""
    symbols = [watch.symbol for watch in watches] + [leg for watch in watches for leg in watch.legs or ()]
    return {symbol: number for number, symbol in enumerate(dict.fromkeys(symbols))}


class FanOut:
    """Makes of each tick of a feed one for every row that takes it, in the order of the rows, the symbol's own first.

    Args:
        watches: the engine's, in the order of its rows.
        instruments: from `instruments_of`.
        feed: whose ticks; they go to its own watches alone.
    """

    def __init__(self, watches: Sequence[Watch], instruments: Mapping[str, int], feed: int) -> None:
        takers: list[list[tuple[int, int]]] = [[] for _ in instruments]
        fed = [(row, watch) for row, watch in enumerate(watches) if watch.feed == feed]
        for row, _ in fed:
            takers[row].append((row, 0))
        self._own = np.array([len(own) for own in takers] + [1])
        for row, watch in fed:
            for leg, flag in zip(watch.legs or (), (FIRST_LEG, SECOND_LEG), strict=False):
                takers[instruments[leg]].append((row, flag))
        takers.append([(UNKNOWN_SYMBOL, 0)])  # found at index -1
        self._all = np.array([len(own) for own in takers])
        self._first = np.cumsum(self._all) - self._all
        self._rows = np.array([row for own in takers for row, _ in own], np.int32)
        self._flags = np.array([flag for own in takers for _, flag in own], np.uint32)

    def __call__(self, ticks: NDArray[np.void]) -> NDArray[np.void]:
        """The ticks (rows of `TICK`, their symbols being instruments) as the kernels take them.

        Those made from a bar go to the symbol's own row alone: two legs' bars do not say what was at the same time.
        """
        symbols = ticks["symbol"]
        counts = np.where(ticks["bar"] > 0, self._own[symbols], self._all[symbols])
        many = np.repeat(ticks, counts)
        nth = np.arange(len(many)) - np.repeat(np.cumsum(counts) - counts, counts)
        taker = np.repeat(self._first[symbols], counts) + nth
        many["symbol"] = self._rows[taker]
        many["flags"] |= self._flags[taker]
        return many

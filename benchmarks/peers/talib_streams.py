"""TA-Lib 0.8's stream handles: `update` on close, `peek` on every tick. No levels."""

import numpy as np
from numpy.typing import NDArray
from talib import stream

from peers.handles import ALL, Handle, Handles, Watches
from tape import INDICATORS, TIMEFRAMES, Market
from tapewatch.engine.indicators import Indicator

FOUR: Watches = tuple((TIMEFRAMES[0], own) for own in INDICATORS if own.kind != "ema")
"""The four handles a symbol of design §10: RSI, MACD and both SMAs, on one timeframe: a fifth of the work."""


def _open(indicator: Indicator, closes: NDArray[np.float64]) -> Handle:
    handle = getattr(stream, indicator.kind.upper())(closes, *indicator.periods)
    return Handle(handle.update, handle.peek, handle.value)


def talib_streams(market: Market) -> Handles:
    """The same indicators on the same timeframes: 20 handles a symbol."""
    return Handles("TA-Lib", market, _open, watches=ALL)


def talib_four_streams(market: Market) -> Handles:
    """Four handles a symbol."""
    return Handles("TA-Lib, 4", market, _open, watches=FOUR)

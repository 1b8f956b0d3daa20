"""The market that every contender is given: symbols, their history, their levels and a tape, from a fixed seed.

A round of the tape is the first minutes of one session or more, so that bars of all four timeframes close in each
round: the first tick of a session closes the bars that the session before left open.
"""

from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray

from tapewatch.engine.indicators import Indicator, parse_indicator
from tapewatch.market.bars import BAR
from tapewatch.market.sessions import Sessions, sessions
from tapewatch.market.ticks import NS, empty_ticks
from tapewatch.market.timeframes import DAY, duration_ns

TIMEFRAMES = ("1m", "5m", "1h", "1d")
INDICATORS: tuple[Indicator, ...] = tuple(
    map(parse_indicator, ("rsi(14)", "macd(12,26,9)", "sma(50)", "sma(200)", "ema(20)"))
)
"""The default watch's."""
LEVELS = (-0.012, -0.006, -0.003, 0.003, 0.006, 0.012)
"""Where a symbol's levels stand, as parts of its price at the start."""
BAND = 0.001
"""The re-arm band, as a part of the level."""
MAX_JUMP = 0.01

HISTORY = 250
"""Closed bars a timeframe before the first tick: every indicator has a value, RSI has forgotten its seed."""
FIRST_DAY = date(2024, 6, 3)

_SEED = 20240603
_MINUTE = 60 * NS
_VOLATILITY = 0.0005  # of the price, a minute


@dataclass(frozen=True, eq=False)
class Market:
    """Symbols with their prices and levels, their history, and a tape cut into rounds."""

    prices: NDArray[np.float64]
    """Price of each symbol before the first tick."""
    levels: NDArray[np.float64]
    """Six a symbol, upwards."""
    rounds: list[NDArray[np.void]]
    """Rows of `TICK`; each round goes on where the one before ended."""
    sessions: Sessions
    _history: dict[str, NDArray[np.void]]

    def bars(self, symbol: int, timeframe: str) -> NDArray[np.void]:
        """The symbol's history: rows of `BAR` whose four prices are equal."""
        bars = self._history[timeframe].copy()
        for name in ("open", "high", "low", "close"):
            bars[name] *= self.prices[symbol]
        return bars

    def closes(self, symbol: int, timeframe: str) -> NDArray[np.float64]:
        """The closes of `bars`."""
        closes: NDArray[np.float64] = self._history[timeframe]["close"] * self.prices[symbol]
        return closes


def build(symbols: int, *, rate: int, rounds: int, minutes: int = 5, sessions_a_round: int = 1) -> Market:
    """A market whose every symbol ticks `rate` times a minute, a random walk in cents.

    Args:
        symbols: how many.
        rate: ticks a minute and symbol, on average.
        rounds: rounds of the tape.
        minutes: length of the stretch that is taken of each session, from its open.
        sessions_a_round: sessions, and so stretches, in a round.
    """
    dice = np.random.default_rng(_SEED)
    calendar = sessions("XNYS")
    hours = calendar.of_date(FIRST_DAY)
    assert hours is not None, f"{FIRST_DAY} is no session"
    first = int(np.searchsorted(calendar.opens, hours[0]))
    prices = np.round(dice.uniform(50, 500, symbols), 2)
    history = {name: _history(calendar, first, name, dice) for name in TIMEFRAMES}
    step = _VOLATILITY / np.sqrt(rate)
    walk = prices.copy()
    parts = []
    for session in range(first, first + rounds * sessions_a_round):
        ticks = _opening(dice, walk, int(calendar.opens[session]), rate * minutes, minutes, step * prices)
        parts.append(ticks)
    return Market(
        prices,
        np.round(prices[:, None] * (1 + np.array(LEVELS)), 2),
        [
            np.concatenate(parts[i : i + sessions_a_round])
            for i in range(0, rounds * sessions_a_round, sessions_a_round)
        ],
        calendar,
        history,
    )


def _opening(
    dice: np.random.Generator,
    walk: NDArray[np.float64],
    start: int,
    each: int,
    minutes: int,
    step: NDArray[np.float64],
) -> NDArray[np.void]:
    """A session's first minutes, `each` ticks a symbol; moves `walk` on to where they end."""
    n = len(walk)
    ticks = empty_ticks(n * each)
    ticks["symbol"] = dice.permutation(np.repeat(np.arange(n), each))
    ticks["time"] = start + np.sort(dice.integers(0, minutes * _MINUTE, n * each))
    ticks["size"] = dice.integers(1, 500, n * each)
    paths = walk[:, None] + np.cumsum(dice.normal(0, 1, (n, each)) * step[:, None], axis=1)
    walk[:] = paths[:, -1]
    ticks["price"][np.argsort(ticks["symbol"], kind="stable")] = np.round(paths, 2).ravel()
    return ticks


def _history(calendar: Sessions, first: int, timeframe: str, dice: np.random.Generator) -> NDArray[np.void]:
    """The last bars before session `first`; the last close is 1."""
    starts: list[int] = []
    ends: list[int] = []
    session = first
    while len(starts) < HISTORY:
        session -= 1
        opens, closes = int(calendar.opens[session]), int(calendar.closes[session])
        length = closes - opens if timeframe == DAY else duration_ns(timeframe)
        own = range(opens, closes, length)
        starts[:0] = own
        ends[:0] = [min(start + length, closes) for start in own]
    bars = np.zeros(HISTORY, BAR)
    bars["start"], bars["end"] = starts[-HISTORY:], ends[-HISTORY:]
    path = np.exp(np.cumsum(dice.normal(0, 0.002, HISTORY)))
    for name in ("open", "high", "low", "close"):
        bars[name] = path / path[-1]
    return bars

"""The engine's time a tick beside that of its peers: ns of processor time, four timeframes and six levels a symbol.

Measured: `Engine.step` on ticks that are at hand as arrays, and the peers' loops on ticks that are at hand as Python
numbers. Not measured: the feed, decoding, wording of alerts, Redis. What each peer does not do stands in its module.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from figures import Figure
from peers import agreement
from peers.contender import Contender
from peers.engine import EngineInBatches, open_engines
from peers.kernel import CKernel, compiler
from peers.plain import plain_python
from peers.talib_streams import talib_four_streams, talib_streams
from peers.talipp_indicators import TalippIndicators
from peers.wickra_updates import WickraUpdates
from tape import Market, build
from timing import Rounds, interleaved

BATCHES = (1, 16, 256, 4096)
UNIT = "ns/tick"

GOALS = {
    ("batches of 256", "TA-Lib, 4"): "≥ 30 × TA-Lib, 4",
    ("batches of 256", "C"): "≥ 0.5 × C",
    ("one call per tick", "TA-Lib, 4"): "≥ 4 × TA-Lib, 4",
}
"""Design §10; there TA-Lib has four handles a symbol."""

Opener = Callable[[Market], Contender]
PYTHON: tuple[Opener, ...] = (talib_streams, talib_four_streams, WickraUpdates)
SLOW: tuple[Opener, ...] = (plain_python, TalippIndicators)
"""These get a market of fewer symbols, which fits the caches better: opening them on 10,000 takes minutes."""
SLOW_SYMBOLS = 250


@dataclass(frozen=True)
class Size:
    """A market to measure on; see `tape.build`."""

    name: str
    symbols: int
    rate: int
    sessions_a_round: int = 1
    rounds: int = 4


MANY = Size("10,000 symbols", 10_000, rate=10)
ONE = Size("one symbol", 1, rate=1000, sessions_a_round=4)


def compiled() -> tuple[Opener, ...]:
    """The C kernel, where there is a compiler."""
    return (CKernel,) if compiler() else ()


def verify() -> None:
    """Every peer computes what the engine computes.

    Raises:
        DisagreementError: one does not.
    """
    agreement.check([*compiled(), *PYTHON, *SLOW])


def measure(size: Size, batches: Sequence[int] = BATCHES) -> list[Figure]:
    """Times the engine in each size of batch, and every peer, in turns."""
    market = _market(size, size.symbols)
    few = market if size.symbols <= SLOW_SYMBOLS else _market(size, SLOW_SYMBOLS)
    engines = [
        EngineInBatches(market, batch, engine)
        for batch, engine in zip(batches, open_engines(market, len(batches)), strict=True)
    ]
    peers = [opener(market) for opener in (*compiled(), *PYTHON)] + [opener(few) for opener in SLOW]
    times = interleaved([*engines, *peers])
    for own in engines:
        if own.refused():
            raise AssertionError(f"{own.name} refused {own.refused()} ticks of a tape that has no bad ones")
    figures = []
    for own, rounds in zip(engines, times, strict=False):
        for peer, theirs in zip(peers, times[len(engines) :], strict=True):
            figures.append(_figure(size, own.name, rounds, peer.name, theirs))
    for peer, rounds in zip(peers, times[len(engines) :], strict=True):
        figures.append(Figure(f"{peer.name}, {_symbols(size, peer)}", rounds.best, UNIT, rounds.worst))
    return figures


def _market(size: Size, symbols: int) -> Market:
    return build(symbols, rate=size.rate, rounds=size.rounds, sessions_a_round=size.sessions_a_round)


def _symbols(size: Size, peer: Contender) -> str:
    n = len(peer.market.prices)
    return size.name if n == size.symbols else f"{n} symbols"


def _figure(size: Size, own: str, rounds: Rounds, peer: str, theirs: Rounds) -> Figure:
    return Figure(
        f"engine, {size.name}, {own}",
        rounds.best,
        UNIT,
        rounds.worst,
        peer,
        theirs.best / rounds.best,
        GOALS.get((own, peer)) if size is MANY else None,
    )

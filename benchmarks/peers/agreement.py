"""Whether all contenders do the same work: the same values and crossings on a small tape, before any is timed."""

from collections.abc import Callable, Sequence
from math import isclose

from peers.contender import TOLERANCE, Contender
from peers.engine import EngineInBatches, open_engine
from tape import Market, build

SMALL = {"symbols": 3, "rate": 20, "rounds": 6, "sessions_a_round": 2}
"""A tape on which bars of every timeframe close several times, and levels are crossed."""
CUT = 41
"""Ticks between looks: most fall within a bar."""


class DisagreementError(Exception):
    """A contender computes something else than the engine; its time would say nothing."""


def check(openers: Sequence[Callable[[Market], Contender]]) -> None:
    """Compares each contender with the engine, at the end of history and all along the tape.

    Raises:
        DisagreementError: the first difference, with the contender, the symbol and the value.
    """
    market = build(**SMALL)
    engine = EngineInBatches(market, CUT, open_engine(market))
    contenders = [opener(market) for opener in openers]
    for own in contenders:
        _compare_values(engine, own, market, "at the end of history")
    for number, ticks in enumerate(market.rounds):
        for i in range(0, len(ticks), CUT):
            part = ticks[i : i + CUT]
            engine.run(engine.prepare(part))
            for own in contenders:
                own.run(own.prepare(part))
                if own.has_provisional:
                    _compare_values(engine, own, market, f"after tick {i + len(part)} of round {number}")
    crossed = engine.crossings()
    if not crossed or engine.refused():
        raise DisagreementError(
            f"the tape crosses {len(crossed)} levels, {engine.refused()} ticks were refused"
        )
    for own in contenders:
        if own.crossings() not in (None, crossed):
            raise DisagreementError(f"{own.name} crosses other levels than the engine")


def _compare_values(engine: EngineInBatches, own: Contender, market: Market, when: str) -> None:
    for k in range(len(market.prices)):
        expected = engine.values(k)
        for name, value in own.values(k).items():
            near = own.rsi_tolerance if name.startswith("rsi") else TOLERANCE
            if not isclose(value, expected[name], rel_tol=near):
                raise DisagreementError(
                    f"{own.name}, symbol {k}, {when}: {name} is {value!r}, the engine's {expected[name]!r}"
                )

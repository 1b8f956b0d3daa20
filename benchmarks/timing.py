"""The stop-watch: contenders take turns, round by round, on one core.

What is measured is the processor time of the one thread that works, so that whatever else runs on the machine costs
its share of the caches and no more. Each contender's own tape goes on from round to round. The garbage collector is
off while the watch runs, as `timeit` has it: this favours whoever makes many objects.
"""

import gc
import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from time import thread_time_ns

from peers.contender import Contender


@dataclass(frozen=True)
class Rounds:
    """ns a tick, round by round."""

    ns: tuple[float, ...]

    @property
    def best(self) -> float:
        """The figure: whatever disturbs a round makes it longer, never shorter."""
        return min(self.ns)

    @property
    def worst(self) -> float:
        """How far it spreads."""
        return max(self.ns)


def pin() -> int | None:
    """Keeps this process on one core (the last it may use); returns which, or None where that cannot be done."""
    if not hasattr(os, "sched_setaffinity"):
        return None
    core = max(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {core})
    return core


def move_elsewhere() -> None:
    """Moves this process from the one core that `pin` chose to another one, where that can be done."""
    if not hasattr(os, "sched_setaffinity"):
        return
    own = os.sched_getaffinity(0)
    others = set(range(os.cpu_count() or 1)) - own
    if len(own) == 1 and others:
        with suppress(OSError):  # none of them is ours to use
            os.sched_setaffinity(0, others)
            os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})


def interleaved(contenders: Sequence[Contender]) -> list[Rounds]:
    """Times every contender on every round of its market but the first, which is for warming up."""
    taken: list[list[float]] = [[] for _ in contenders]
    rounds = min(len(own.market.rounds) for own in contenders)
    gc.collect()
    gc.freeze()  # else each collection would walk hundreds of thousands of handles
    for number in range(rounds):
        for own, times in zip(contenders, taken, strict=True):
            ns = _once(own, number)
            if number:
                times.append(ns)
    return [Rounds(tuple(times)) for times in taken]


def _once(own: Contender, number: int) -> float:
    ticks = own.market.rounds[number]
    work = own.prepare(ticks)
    gc.collect()
    gc.disable()
    try:
        began = thread_time_ns()
        own.run(work)
        return (thread_time_ns() - began) / len(ticks)
    finally:
        gc.enable()

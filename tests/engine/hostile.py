"""Snapshots as a hostile Redis would have them: every checksum fits, and the numbers are whatever it likes.

Run as a program it tries very many, best with NUMBA_BOUNDSCHECK=1, under which kernels check every index.
"""

import sys

import numpy as np
from walks import WHOLE, watch

from tapewatch.engine.engine import Engine
from tapewatch.engine.snapshot import SnapshotError
from tapewatch.engine.watch import Watch

NUMBERS = (
    -1,
    0,
    1,
    2,
    3,
    63,
    64,
    255,
    1 << 8,
    1 << 16,
    1 << 31,
    (1 << 63) - 1,
    -(1 << 63),
    -(1 << 33),
    1_769_437_800,
)
SEEN = 6000


def composite() -> Watch:
    return watch("A/B", legs=("A", "B"), settle_after=1200 * 10**9)


def watches() -> list[Watch]:
    return [watch("SPX"), composite()]


def ticks(first: int, count: int) -> np.ndarray:
    """Of the symbol and of both legs of the composite, with trade ids."""
    own = WHOLE[first : first + count].copy()
    own["symbol"] = np.resize([0, 2, 3], count)  # A and B come after the rows
    own["id"], own["exchange"] = np.arange(count), np.arange(count) % 3
    return own


def seen() -> Engine:
    engine = Engine(watches())
    engine.step(ticks(0, SEEN))
    return engine


def spoil(engine: Engine, dice: np.random.Generator) -> None:
    """A few numbers anywhere in the state become others."""
    for _ in range(dice.integers(1, 6)):
        k = dice.integers(0, len(engine.layouts))
        number = int(dice.choice(np.array(NUMBERS)))
        match dice.integers(0, 4):
            case 0:
                engine._R.view(np.int64)[k, dice.integers(0, engine.layouts[k].ring_width)] = number
            case 1:
                engine._pool[dice.integers(0, engine._out[2]), dice.integers(0, 6)] = number
            case _:
                engine._I[k, dice.integers(0, engine.layouts[k].width)] = number


def survives(dice: np.random.Generator) -> bool:
    """Whether a spoilt state was taken; then ticks go on over it. What it fires may be nonsense."""
    from_redis, ours = seen(), Engine(watches())
    spoil(from_redis, dice)
    try:
        for k in range(len(ours.layouts)):
            ours.restore(k, *from_redis.both_parts(k))
    except SnapshotError:
        return False
    ours.step(ticks(SEEN, 3000))
    ours.advance(int(WHOLE["time"][-1]))
    return True


if __name__ == "__main__":
    outcomes = [survives(np.random.default_rng(seed)) for seed in range(int(sys.argv[1]))]
    print(f"{sum(outcomes)} of {len(outcomes)} were taken")

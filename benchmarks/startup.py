"""How long a start takes: wall clock of whole processes, from their start to their exit.

The cache of compiled kernels is a fresh folder, so that the user's own is neither used nor filled.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from time import perf_counter

from figures import Figure

NUMBA = "import numba"
IMPORT = "import tapewatch.engine.engine"
FIRST_TICK = "import startup; startup.take_first_tick()"
"""Calendar, plan and history of one symbol, too."""


def take_first_tick() -> None:
    """One symbol, its history, one tick."""
    from peers.engine import open_engine
    from tape import build

    market = build(1, rate=1, rounds=1)
    open_engine(market).step(market.rounds[0][:1])


def measure() -> list[Figure]:
    """Cold, then warm."""
    with tempfile.TemporaryDirectory() as cache:
        cold = _seconds(IMPORT, cache)
        return [Figure("import and load the kernels, no cache", cold, "s", goal="≤ 15 s"), *warm(cache)]


def warm(cache: str, rounds: int = 4) -> list[Figure]:
    """With kernels cached in the folder `cache`, beside an `import numba`, in turns."""
    taken = [[_seconds(code, cache) for code in (IMPORT, FIRST_TICK, NUMBA)] for _ in range(rounds)]
    own, first_tick, numba = zip(*taken, strict=True)
    peer, best = NUMBA, min(numba)
    return [
        Figure("import and load the kernels, warm cache", min(own), "s", max(own), peer, best / min(own)),
        Figure(
            "import and start to the first tick, warm cache",
            min(first_tick), "s", max(first_tick), peer, best / min(first_tick), "≤ 1.5 s",
        ),
    ]  # fmt: skip


def _seconds(code: str, cache: str) -> float:
    environment = os.environ | {"NUMBA_CACHE_DIR": cache, "PYTHONPATH": str(Path(__file__).parent)}
    began = perf_counter()
    subprocess.run([sys.executable, "-c", code], check=True, env=environment)
    return perf_counter() - began

"""How kernels are compiled, and the types of what they take.

Kernels index `S[k, j]` directly (row views cost three times as much) and read whole numbers from `I`, the same
memory as int64.
"""

from typing import Any

import numpy as np
from numba import from_dtype, int64, njit, types

import tapewatch.engine.compiled  # noqa: F401  before the first kernel: says where they are kept
from tapewatch.engine import events as ev
from tapewatch.engine import plan as p

FLAGS: dict[str, Any] = {"error_model": "numpy", "_nrt": False}
"""Without numba's runtime no kernel can allocate, and none counts references to its arguments: 300 ns a tick."""

helper = njit(**FLAGS)
hot = njit(forceinline=True, **FLAGS)
"""For what every tick passes through."""

NEVER = np.iinfo(np.int64).max

# `out`: how many rows of the output, and of the pool of trade ids, are used.
EVENTS = 0
BARS = 1
POOL_USED = 2

INT_1D = types.Array(int64, 1, "C")
INT_2D = types.Array(int64, 2, "C")
FLOAT_2D = types.Array(types.float64, 2, "C")


def rows(dtype: np.dtype[Any]) -> types.Array:
    """The type of a structured array."""
    return types.Array(from_dtype(dtype), 1, "C")


STATE = (FLOAT_2D, FLOAT_2D, INT_2D)
"""`S`, `R`, `I`: the state, its rings, and the state as int64; a row a symbol."""
PLAN = (rows(p.SYMBOL), INT_1D, rows(p.OP), rows(p.RULE), INT_2D)
"""`symbols`, `frames`, `ops`, `rules`, `sessions`."""
OUTPUT = (INT_1D, rows(ev.EVENT), FLOAT_2D, rows(ev.CLOSED), FLOAT_2D)
"""`out`, `events`, `values`, `bars`, `bar_values`: what happened."""


def entry(kernel: Any) -> Any:
    """The compiled function behind a kernel of one signature, which takes its arguments as they are.

    Numba's dispatcher looks at the type of every argument at every call, which costs a microsecond for two dozen
    of them. So the caller answers for types, and for arrays being C-contiguous.
    """
    (compiled,) = kernel.overloads.values()
    return compiled.entry_point

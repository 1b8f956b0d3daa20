"""How kernels are compiled, and the types of what they take.

Kernels index `S[k, j]` directly (row views cost three times as much) and read whole numbers from `I`, the same
memory as int64.
"""

from typing import Any, NamedTuple

import numpy as np
from numba import from_dtype, int64, njit, types
from numpy.typing import NDArray

from tapewatch.engine import compiled
from tapewatch.engine import events as ev
from tapewatch.engine import plan as p

if compiled.FIRST_START:
    compiled.compile_kernels()

FLAGS: dict[str, Any] = {"error_model": "numpy", "_nrt": False}
"""Without numba's runtime no kernel can allocate, and none counts references to its arguments: 300 ns a tick."""

_NO_WRAPPERS: dict[str, Any] = {"no_cpython_wrapper": True, "no_cfunc_wrapper": True}
"""For what only kernels call: it takes less time to compile. Called from Python it would crash."""

helper = njit(**FLAGS, **_NO_WRAPPERS)
hot = njit(forceinline=True, **FLAGS, **_NO_WRAPPERS)
"""For what every tick passes through."""
formula = njit(inline="always", **FLAGS)
"""For arithmetic, which Python may call too."""

# `out.used`: how many rows of the output, and of the pool of trade ids, are used.
EVENTS = 0
BARS = 1
POOL_USED = 2


class Output(NamedTuple):
    """What happened: rows of `EVENT` and `CLOSED`, each with a row of values."""

    used: NDArray[np.int64]
    events: NDArray[np.void]
    values: NDArray[np.float64]
    bars: NDArray[np.void]
    bar_values: NDArray[np.float64]


INT_1D = types.Array(int64, 1, "C")
INT_2D = types.Array(int64, 2, "C")
FLOAT_2D = types.Array(types.float64, 2, "C")


def rows(dtype: np.dtype[Any]) -> types.Array:
    """The type of a structured array."""
    return types.Array(from_dtype(dtype), 1, "C")


def _named(of: tuple[Any, ...], cls: type[Any]) -> Any:
    """The type of a named tuple."""
    return types.NamedTuple(of, cls)  # type: ignore[no-untyped-call]


STATE = (FLOAT_2D, FLOAT_2D, INT_2D)
"""`S`, `R`, `I`: the state, its rings, and the state as int64; a row a symbol."""
EACH_TABLE = (rows(p.SYMBOL), INT_1D, rows(p.OP), rows(p.RULE), rows(p.CONDITIONS), rows(p.PART), INT_2D)
EACH_OUTPUT = (INT_1D, rows(ev.EVENT), FLOAT_2D, rows(ev.CLOSED), FLOAT_2D)
TABLES = _named(EACH_TABLE, p.Tables)
OUTPUT = _named(EACH_OUTPUT, Output)


def entry(kernel: Any) -> Any:
    """The compiled function behind a kernel of one signature, which takes its arguments as they are.

    Numba's dispatcher looks at the type of every argument at every call, which costs a microsecond for two dozen
    of them. So the caller answers for types, and for arrays being C-contiguous.
    """
    (compiled,) = kernel.overloads.values()
    return compiled.entry_point

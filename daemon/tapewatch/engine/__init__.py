"""The engine: ticks in, events out; rolling state in NumPy, arithmetic in numba kernels. No I/O, no clock."""

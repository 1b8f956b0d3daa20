"""Ticks of one frame, oldest first, whatever order the vendor lists them in."""

import struct

import numpy as np

from tapewatch.market.ticks import TICK

_pack_tick = struct.Struct("<qddqiiII").pack_into  # TICK, field by field

Row = tuple[int, int, float, float, int]
"""Time (ns), trade id, price, size, the engine's number of the instrument."""


def ticks_in_order(rows: list[Row]) -> np.ndarray:
    """`rows` as rows of `TICK`, by time and then by trade id; `rows` is sorted in place."""
    rows.sort()
    size = TICK.itemsize
    buffer = bytearray(size * len(rows))
    for place, (time, number, price, volume, symbol) in enumerate(rows):
        _pack_tick(buffer, place * size, time, price, volume, number, symbol, 0, 0, 0)
    return np.frombuffer(buffer, TICK)

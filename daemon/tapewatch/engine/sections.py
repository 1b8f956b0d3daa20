"""The sections of a symbol's state, by name and definition: what a changed watch keeps, and where it stands.

`rsi(14)@1d` is a section, and so are the bars of 1d, their last closes, and each rule under the digest of its
definition. A snapshot says which it holds and where, so that another layout finds them again.
"""

import hashlib
import json
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tapewatch.engine import plan
from tapewatch.engine.indicators import OUTPUTS
from tapewatch.engine.layout import Layout
from tapewatch.engine.shape import Piece, Shape

Numbers = NDArray[np.float64]

_LENGTH = struct.Struct("<I")
_MOST_SHARED = 16 * 2**20
"""Bytes of the shared sections, unpacked."""


class Stretch(NamedTuple):
    """Where a section stands: so many fields of the row, or of the rings, `stride` apart."""

    where: Literal["row", "rings"]
    first: int
    fields: int
    stride: int = 1

    def of(self, row: Numbers, rings: Numbers) -> Numbers:
        """The fields, as a view."""
        array = row if self.where == "row" else rings
        return array[self.first :][: (self.fields - 1) * self.stride + 1 : self.stride]


@dataclass(frozen=True)
class Sections:
    """All sections of one symbol's state."""

    calendar: str
    stretches: dict[str, Stretch]

    @property
    def width(self) -> int:
        """Fields of the row."""
        rows = (own for own in self.stretches.values() if own.where == "row")
        return max(own.first + (own.fields - 1) * own.stride + 1 for own in rows)


def sections(layout: Layout) -> Sections:
    """The sections of a symbol's state."""
    own = dict(_of_shape(layout.shape)) | dict(_of_watch(layout))
    return Sections(layout.watch.sessions.calendar, own)


def encode(layout: Layout) -> bytes:
    """The sections as a snapshot has them: what symbols of one shape share, compressed; then the symbol's own."""
    shared = _encoded_shape(layout.shape)
    return _LENGTH.pack(len(shared)) + shared + _own_text(layout)


def decode(encoded: bytes) -> Sections:
    """The sections of `encode`. What is none of it raises whatever bytes can make Python raise."""
    (length,) = _LENGTH.unpack_from(encoded)
    end = _LENGTH.size + length
    calendar, own = json.loads(encoded[end:])
    # No more than a watch can need: a store may be hostile, and a thousandth of the size unpacks to the whole.
    shared = zlib.decompressobj().decompress(encoded[_LENGTH.size : end], _MOST_SHARED)
    stretches = json.loads(shared) | own
    return Sections(calendar, {name: _stretch(*where) for name, where in stretches.items()})


def _stretch(where: Any, first: Any, fields: Any, stride: Any = 1) -> Stretch:
    own = Stretch(where, first, fields, stride)
    if where not in ("row", "rings") or any(type(each) is not int for each in own[1:]) or min(own[1:]) < 0:
        raise ValueError("no stretch of a state")
    return own


def digest(layout: Layout) -> bytes:
    """Eight bytes that differ when anything differs that decides where a field stands or what it means."""
    return hashlib.sha256(_encoded_shape(layout.shape) + _own_text(layout)).digest()[:8]


@cache
def _encoded_shape(shape: Shape) -> bytes:
    return zlib.compress(json.dumps(dict(_of_shape(shape)), separators=(",", ":")).encode())


def _own_text(layout: Layout) -> bytes:
    own = [layout.watch.sessions.calendar, dict(_of_watch(layout))]
    return json.dumps(own, separators=(",", ":")).encode()


def closes(timeframe: str) -> str:
    """Name of the section of a timeframe's last closes."""
    return f"closes@{timeframe}"


def bars(timeframe: str) -> str:
    """Name of the section of a timeframe's bars."""
    return f"bars@{timeframe}"


def values(name: str) -> str:
    """Name of the section of an indicator's values, beside that of its state."""
    return f"{name}="


def rule_name(rule: Any) -> str:
    """Name of a rule's section: it changes with anything that decides when the rule fires."""
    return f"rule {hashlib.sha256(repr(rule).encode()).hexdigest()[:16]}"


def _of_shape(shape: Shape) -> Iterator[tuple[str, Stretch]]:
    n_frames = len(shape.timeframes)
    yield "header", Stretch("row", 0, plan.HEADER)
    for j, timeframe in enumerate(shape.timeframes):
        yield bars(timeframe), Stretch("row", plan.HEADER + j, plan.BAR_FIELDS, n_frames)
        yield closes(timeframe), Stretch("rings", j * shape.ring, shape.ring)
        for own, state, value in zip(shape.indicators, shape.op_states, shape.op_values, strict=True):
            fields = plan.OP_STATE[own.kind]
            if fields:
                yield f"{own}@{timeframe}", Stretch("row", state + j, fields, n_frames)
            yield values(f"{own}@{timeframe}"), Stretch("row", value + j, len(OUTPUTS[own.kind]), n_frames)
    first = len(shape.value_names) - len(shape.changes)
    for i, piece in enumerate(shape.changes, first):
        yield from _of_piece(shape.value_names[i], piece)
        yield values(shape.value_names[i]), Stretch("row", shape.values + i, 1)


def _of_watch(layout: Layout) -> Iterator[tuple[str, Stretch]]:
    watch = layout.watch
    for i, rule in enumerate(watch.rules):
        yield from _of_piece(rule_name(rule), layout.rule(i))
    if layout.legs >= 0:
        yield f"legs {watch.legs}", Stretch("row", layout.legs, 2 * plan.SOURCE_FIELDS)
    if layout.undo >= 0:
        yield f"undo {watch.indicators}", Stretch("row", layout.undo, layout.width - layout.undo)


def _of_piece(name: str, own: Piece) -> Iterator[tuple[str, Stretch]]:
    yield name, Stretch("row", own.state, own.state_end - own.state)
    if own.ring_end > own.ring:
        yield f"{name} rings", Stretch("rings", own.ring, own.ring_end - own.ring)

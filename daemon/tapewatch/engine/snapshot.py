"""A symbol's state as bytes: a hot part, and the rings, which the hot part names by generation.

Each part starts with a magic, a version, the digest of its sections and the generation, and ends with a CRC-32 of all
before it. The bars part begins with the sections themselves, so that a watch that has changed since finds in both
what it still has. Never pickle: these bytes come back from a server.
"""

import struct
import zlib
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from tapewatch.engine.sections import Numbers

VERSION = 2
HOT_MAGIC = b"TWHT"
BARS_MAGIC = b"TWBR"
_HEAD = struct.Struct("<4sH8sq")
_CRC = struct.Struct("<I")
_LENGTH = struct.Struct("<I")


class SnapshotError(ValueError):
    """These bytes are no snapshot of this symbol; the message says in which way."""


@dataclass(frozen=True)
class Snapshot:
    """One symbol's state."""

    hot: bytes
    """Everything but the rings."""
    bars: bytes | None
    """The rings; None when they are as the store has them already."""


class State(NamedTuple):
    """What a snapshot holds."""

    digest: bytes
    """Of the sections."""
    sections: bytes
    """Encoded."""
    row: bytes
    """The row, and the rings of trade ids after it."""
    rings: Numbers
    generation: int


def pack_hot(digest: bytes, generation: int, row: bytes) -> bytes:
    """The hot part; the digest is that of the sections."""
    return _pack(HOT_MAGIC, digest, generation, row)


def pack_bars(digest: bytes, generation: int, sections: bytes, rings: bytes) -> bytes:
    """The bars part; the sections are encoded."""
    return _pack(BARS_MAGIC, digest, generation, _LENGTH.pack(len(sections)) + sections + rings)


def unpack(hot: bytes, bars: bytes | None) -> State:
    """What both parts hold.

    Raises:
        SnapshotError: one is none, of another version, or damaged; or they do not belong together.
    """
    if bars is None:
        raise SnapshotError("its bars part is missing")
    digest, generation, row = _unpack(HOT_MAGIC, hot)
    bars_digest, bars_generation, body = _unpack(BARS_MAGIC, bars)
    if bars_generation != generation:
        raise SnapshotError(f"its parts are of generations {generation} and {bars_generation}")
    if bars_digest != digest:
        raise SnapshotError("its parts are of two layouts")
    (length,) = _LENGTH.unpack_from(body)
    text, rings = body[_LENGTH.size :][:length], body[_LENGTH.size + length :]
    return State(digest, text, row, np.frombuffer(rings, np.float64), generation)


def _pack(magic: bytes, digest: bytes, generation: int, body: bytes) -> bytes:
    part = _HEAD.pack(magic, VERSION, digest, generation) + body
    return part + _CRC.pack(zlib.crc32(part))


def _unpack(magic: bytes, part: bytes) -> tuple[bytes, int, bytes]:
    """Digest, generation and body of a part."""
    if len(part) < _HEAD.size + _CRC.size:
        raise SnapshotError(f"cut short: {len(part)} bytes")
    found, version, digest, generation = _HEAD.unpack_from(part)
    if found != magic:
        raise SnapshotError(f"no snapshot: it begins with {found!r}, not {magic!r}")
    if version != VERSION:
        raise SnapshotError(f"version {version} of the snapshot format; this program reads version {VERSION}")
    if zlib.crc32(part[: -_CRC.size]) != _CRC.unpack(part[-_CRC.size :])[0]:
        raise SnapshotError("damaged: its checksum does not fit")
    return digest, generation, part[_HEAD.size : -_CRC.size]

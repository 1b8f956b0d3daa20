"""A symbol's state as bytes: a hot part, and the rings, which the hot part names by generation.

Each part starts with a magic, a version, the digest of the plan whose layout it has and the generation, and ends
with a CRC-32 of all before it. Never pickle: these bytes come back from a server.
"""

import hashlib
import struct
import zlib
from dataclasses import dataclass

from tapewatch.engine.plan import Layout

VERSION = 1
HOT_MAGIC = b"TWHT"
BARS_MAGIC = b"TWBR"
_HEAD = struct.Struct("<4sH8sq")
_CRC = struct.Struct("<I")


class SnapshotError(ValueError):
    """These bytes are no snapshot of this plan; the message says in which way."""


@dataclass(frozen=True)
class Snapshot:
    """One symbol's state."""

    hot: bytes
    """Everything but the rings."""
    bars: bytes | None
    """The rings; None when they are as the store has them already."""


def digest(layout: Layout) -> bytes:
    """Eight bytes that differ when anything differs that decides where a field stands or what it means."""
    watch = layout.watch
    what = (VERSION, watch.timeframes, watch.indicators, watch.rules, watch.extended, watch.sessions.calendar)
    return hashlib.sha256(repr(what).encode()).digest()[:8]


def pack(magic: bytes, layout: bytes, generation: int, body: bytes) -> bytes:
    """One part of a snapshot."""
    part = _HEAD.pack(magic, VERSION, layout, generation) + body
    return part + _CRC.pack(zlib.crc32(part))


def unpack(magic: bytes, layout: bytes, part: bytes) -> tuple[int, bytes]:
    """Generation and body of a part.

    Raises:
        SnapshotError: it is none, of another version, of another layout, or damaged.
    """
    if len(part) < _HEAD.size + _CRC.size:
        raise SnapshotError(f"cut short: {len(part)} bytes")
    found, version, made_for, generation = _HEAD.unpack_from(part)
    if found != magic:
        raise SnapshotError(f"no snapshot: it begins with {found!r}, not {magic!r}")
    if version != VERSION:
        raise SnapshotError(f"version {version} of the snapshot format; this program reads version {VERSION}")
    if zlib.crc32(part[: -_CRC.size]) != _CRC.unpack(part[-_CRC.size :])[0]:
        raise SnapshotError("damaged: its checksum does not fit")
    if made_for != layout:
        raise SnapshotError("of another layout: the watch's timeframes, indicators or rules have changed")
    return generation, part[_HEAD.size : -_CRC.size]

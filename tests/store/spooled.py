"""Spools to read: records as the daemon writes them, and what a daemon that starts finds."""

import struct
from pathlib import Path

from crossings import crossing

from tapewatch.alerts.alert import encode
from tapewatch.engine.snapshot import Snapshot
from tapewatch.store.commit import Commit, Fired
from tapewatch.store.spool import Record, Spool

HEADER = 6
"""Bytes: magic and version."""


def fired(id_: str, symbol: str = "SPX", trace: bytes = b"") -> Fired:
    one = crossing(id_, symbol)
    return Fired(one, encode(one), trace)


def record(sequence: int, hot: bytes = b"\x00hot\xff\r\n") -> Record:
    """As the daemon spools it: one alert, and the state that fired it."""
    return Record(
        3,
        Commit(sequence, {"SPX": Snapshot(hot, b"rings")}, [fired(f"{sequence:032x}", trace=b'{"why": 1}')]),
    )


THREE = [record(7), record(8), record(9)]


def kept(folder: Path) -> list[Record]:
    """What a daemon that starts finds."""
    spool = Spool(folder)
    try:
        return list(spool.records())
    finally:
        spool.close()


def spooled(folder: Path, records: list[Record]) -> Path:
    """The file, with `records` in it."""
    spool = Spool(folder)
    for one in records:
        spool.append(one)
    spool.close()
    return folder / "spool"


def ends(file: Path) -> list[int]:
    """Where each record of a sound file ends."""
    data, at, found = file.read_bytes(), HEADER, []
    while at < len(data):
        at += 8 + struct.unpack_from("<I", data, at)[0]
        found.append(at)
    return found


def refused(folder: Path) -> list[Path]:
    return sorted(folder.glob("spool.refused-*"))

"""The spool: whole commits on disk for the time when Redis is away.

The file is a header (magic, version as u16), then records, one after the other: the payload's length and CRC-32 as u32,
and the payload, a msgpack array; all little-endian. Never pickle.

What a crash leaves: a record is on disk before the next one is begun, and before anything in it is sent. So a crash
can leave only the last one unfinished: cut short, or, where the file grew before its blocks were written, with bytes
that the CRC does not fit. A bad record with no sound one anywhere after it is that one, and is cut off: *torn*. With
a sound one after it, it was whole once, and the file has been *damaged*. So has it when the CRC fits and this program
cannot read the record, wherever that stands.

Source: Linux man-pages, fsync(2): what it does, and that a new file's folder needs one of its own.
https://man7.org/linux/man-pages/man2/fsync.2.html
"""

import errno
import os
import shutil
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path
from typing import NamedTuple

import msgspec
import structlog

from tapewatch.alerts import alert
from tapewatch.engine.snapshot import Snapshot
from tapewatch.store.commit import Commit, Fired

log = structlog.get_logger(__name__)

VERSION = 1
"""To be raised when `_Stored` changes, so that a spool that an older program left is refused by name."""

_MAGIC = b"TWSP"
_HEADER = _MAGIC + struct.pack("<H", VERSION)
_HEAD = struct.Struct("<II")
_BLOCK = 1 << 16

_HELP = {
    errno.ENOSPC: "free some space there",
    errno.EDQUOT: "free some space there, or raise the quota",
    errno.EFBIG: "raise the limit on the size of files (ulimit -f, LimitFSIZE)",
    errno.EROFS: "mount it for writing",
    errno.EACCES: "the folder and the file must be this user's",
    errno.EIO: "look at the disk",
}


class SpoolError(Exception):
    """The disk does not do what the spool needs; the message says why, and what would help."""


class Record(NamedTuple):
    """A commit, and who made it."""

    token: int
    """The fencing token under which it is to be committed."""
    commit: Commit


class Spool:
    """The file `spool`: records at its end, one after the other, until it is emptied.

    What is found in the file is looked through once. A torn end is cut off: `spool.torn`. A file of another version,
    or none of ours, or a damaged one is put aside as `spool.refused-N`, and records before the damage stay:
    `spool.refused`.

    It blocks. One thread at a time may write (`append`, `clear`, `close`); another may read `records` meanwhile.
    That no other process has the folder is for the caller to see to.

    Args:
        folder: made when missing, with those above it, with mode 0700.

    Raises:
        SpoolError: the file cannot be opened, read or, when refused, put aside.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / "spool"
        with _in_words(self._path, "cannot be opened"):
            _make(folder)
            self._refuse_foreign()
            self._fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                # Also of a file that was there: who made it may have died before it came to that.
                _sync(folder)
                self._end = self._look_through()
            except BaseException:
                self.close()
                raise

    def append(self, record: Record) -> None:
        """Put `record` at the end; it is on disk on return.

        Raises:
            SpoolError: it could not be; the file is as before, and `append` may be called again.
        """
        data = _encoded(record) if self._end else _HEADER + _encoded(record)
        with _in_words(self._path, "cannot be written"):
            try:
                _write(self._fd, data, self._end)
                os.fsync(self._fd)
            except OSError:
                # After an fsync that failed the kernel takes these pages for written, so fsync alone must not be
                # tried again: the next append writes them anew. It also writes over what cannot be cut off.
                with suppress(OSError):
                    os.ftruncate(self._fd, self._end)
                raise
        self._end += len(data)

    def records(self) -> Iterator[Record]:
        """All records, oldest first, read as they are asked for; those appended meanwhile too.

        It is not to be cleared meanwhile.

        Raises:
            SpoolError: the disk does not give back what was written.
        """
        at = len(_HEADER)
        while at < self._end:
            with _in_words(self._path, "cannot be read"):
                payload = _payload(self._fd, at, self._end)
            if payload is None:
                raise SpoolError(
                    f"{self._path} has been damaged at byte {at} since it was opened: look at the disk"
                )
            yield _decoded(payload)
            at += _HEAD.size + len(payload)

    def clear(self) -> None:
        """Empty it.

        Raises:
            SpoolError: it could not be; it is as before.
        """
        with _in_words(self._path, "cannot be emptied"):
            # No fsync: should a crash bring the records back, Redis knows them by their numbers, or fences them by
            # their token, once more. The next append's fsync takes the new length to disk with it.
            os.ftruncate(self._fd, 0)
        self._end = 0

    @property
    def empty(self) -> bool:
        """Whether there is no record."""
        return not self._end

    @property
    def size(self) -> int:
        """Bytes that the records take; 0 if there are none."""
        return self._end

    def close(self) -> None:
        """Let the file go; the records stay in it."""
        os.close(self._fd)

    def _refuse_foreign(self) -> None:
        """Put the file aside when it is not one that this program reads."""
        if reason := _foreign(self._path):
            aside = self._aside()
            self._path.rename(aside)
            log.error("spool.refused", reason=reason, path=str(aside), kept=0)

    def _look_through(self) -> int:
        """Where the records end, once what is torn or damaged is out of the way; 0 if there are none."""
        size = os.fstat(self._fd).st_size
        found = _found(self._fd, size)
        if found.damage:
            aside = self._aside()
            _copy(self._path, aside)
            _sync(self._path.parent)
            log.error("spool.refused", reason=found.damage, path=str(aside), kept=found.records)
        elif found.end < size:
            log.warning("spool.torn", path=str(self._path), cut_bytes=size - found.end)
        os.ftruncate(self._fd, found.end)
        # Who wrote the last record may have died before it was on disk: we only read it from the page cache.
        os.fsync(self._fd)
        return found.end

    def _aside(self) -> Path:
        names = (self._path.with_name(f"spool.refused-{n}") for n in count(1))
        return next(name for name in names if not name.exists())


class _Stored(msgspec.Struct, array_like=True, tag="record"):
    """A record's payload."""

    token: int
    sequence: int
    after: int | None
    snapshots: dict[str, tuple[bytes, bytes | None]]
    """By symbol: the hot part, and the bars part if there is one."""
    alerts: list[tuple[bytes, bytes]]
    """JSON and trace."""


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(_Stored).decode

_BEGINNING = _encode(_Stored(0, 0, None, {}, []))[: len(b"\x96\xa6record")]
"""How every payload begins: the size of the array, and the tag."""


def _encoded(record: Record) -> bytes:
    commit = record.commit
    payload = _encode(
        _Stored(
            record.token,
            commit.sequence,
            commit.after,
            {symbol: (snapshot.hot, snapshot.bars) for symbol, snapshot in commit.snapshots.items()},
            [(fired.json, fired.trace) for fired in commit.alerts],
        )
    )
    return _HEAD.pack(len(payload), zlib.crc32(payload)) + payload


def _decoded(payload: bytes) -> Record:
    """The record of a payload.

    Raises:
        ValueError: it is none that this program knows.
    """
    stored = _decode(payload)
    snapshots = {symbol: Snapshot(hot, bars) for symbol, (hot, bars) in stored.snapshots.items()}
    alerts = [Fired(alert.decode(json), json, trace) for json, trace in stored.alerts]
    return Record(stored.token, Commit(stored.sequence, snapshots, alerts, stored.after))


class _Found(NamedTuple):
    """What is in a file."""

    records: int
    """How many can be read before the end or the first bad one."""
    end: int
    """Where they end; 0 if there are none."""
    damage: str
    """What is the matter with what follows; empty if nothing follows, or it is torn."""


def _foreign(path: Path) -> str:
    """Why the file is not of this program; empty if it is, is not there, or its header is cut short."""
    try:
        with path.open("rb") as file:
            header = file.read(len(_HEADER))
    except FileNotFoundError:
        return ""
    if _HEADER.startswith(header):
        return ""
    magic, version = header[: len(_MAGIC)], int.from_bytes(header[len(_MAGIC) :], "little")
    if magic != _MAGIC:
        return f"no spool: it begins with {magic!r}, not {_MAGIC!r}"
    return f"version {version} of the spool format; this program reads version {VERSION}"


def _found(fd: int, size: int) -> _Found:
    """Read the file of `size` bytes, one record at a time."""
    records, end, at = 0, 0, len(_HEADER)
    damage = ""
    while at < size:
        payload = _payload(fd, at, size)
        if payload is None:
            if _any_sound(fd, at + 1, size):
                damage = f"damaged at byte {at}, and not at its end"
            break
        try:
            _decoded(payload)
        except ValueError as error:
            damage = f"the record at byte {at} cannot be read: {error}"
            break
        at += _HEAD.size + len(payload)
        records, end = records + 1, at
    return _Found(records, end, damage)


def _payload(fd: int, at: int, end: int) -> bytes | None:
    """The payload of the record at byte `at` of what reaches to `end`; None if none that is sound is there.

    The length may be anything: memory is taken for it only once the CRC has been found to fit.
    """
    start = at + _HEAD.size
    if start > end:
        return None
    length, crc = _HEAD.unpack(_read(fd, at, _HEAD.size))
    # Blocks that were never written read as zeros, and 0 is the CRC-32 of nothing.
    if not 0 < length <= end - start or _crc(fd, start, length) != crc:
        return None
    return _read(fd, start, length)


def _any_sound(fd: int, start: int, end: int) -> bool:
    """Whether a sound record begins anywhere from `start` on: the bad one's length cannot say where the next is."""
    for payload in _beginnings(fd, start + _HEAD.size, end):
        if _payload(fd, payload - _HEAD.size, end) is not None:
            return True
    return False


def _beginnings(fd: int, start: int, end: int) -> Iterator[int]:
    """Where payloads may begin."""
    overlap = len(_BEGINNING) - 1
    for at in range(start, end, _BLOCK):
        block = _read(fd, at, min(_BLOCK + overlap, end - at))
        found = block.find(_BEGINNING)
        while found >= 0:
            yield at + found
            found = block.find(_BEGINNING, found + 1)


def _crc(fd: int, start: int, length: int) -> int:
    crc = 0
    for at in range(start, start + length, _BLOCK):
        crc = zlib.crc32(_read(fd, at, min(_BLOCK, start + length - at)), crc)
    return crc


def _read(fd: int, at: int, length: int) -> bytes:
    """These bytes of the file.

    Raises:
        OSError: the disk does not give them, or somebody cut the file.
    """
    data = os.pread(fd, length, at)
    while len(data) < length:  # one call reads 2 GB at most
        more = os.pread(fd, length - len(data), at + len(data))
        if not more:
            raise OSError(errno.EIO, "it is shorter than it was")
        data += more
    return data


def _write(fd: int, data: bytes, at: int) -> None:
    """A full disk takes a part, and says so only when asked to take the rest."""
    rest = memoryview(data)
    while rest:
        written = os.pwrite(fd, rest, at)
        rest, at = rest[written:], at + written


def _copy(source: Path, target: Path) -> None:
    """On disk on return; on an error there is no `target`."""
    with source.open("rb") as whole:
        fd = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            with open(fd, "wb") as copy:
                shutil.copyfileobj(whole, copy)
                copy.flush()
                os.fsync(fd)
        except OSError:
            target.unlink()
            raise


def _make(folder: Path) -> None:
    missing = [own for own in (folder, *folder.parents) if not own.exists()]
    for own in reversed(missing):
        own.mkdir(mode=0o700, exist_ok=True)
        _sync(own.parent)


def _sync(folder: Path) -> None:
    """Take the names in `folder` to disk."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


@contextmanager
def _in_words(path: Path, what: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        help_ = _HELP.get(error.errno or 0)
        raise SpoolError(f"{path} {what}: {error.strerror}" + (f"; {help_}" if help_ else "")) from error

"""Recordings: a feed's raw frames with the times at which they came, in gzip files that can each be read alone.

A line is a JSON array: its kind, the wall clock in ns since 1970 UTC, and what there is to it. The first line of a
file says whose it is.
"""

import os
import time
import zlib
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, Literal

import msgspec

from tapewatch.feeds.blank import Blank
from tapewatch.feeds.columns import FileError
from tapewatch.market.ticks import NS

SUFFIX = ".frames.gz"
VERSION = 1

LONGEST_SECONDS = 3600.0
LARGEST = 256 * 2**20
"""Bytes before compression. After so many, or so many seconds, a recording goes on in a new file."""

FLUSH_SECONDS = 0.5
"""A line that comes so long after the last flush brings about the next one; `time` lines come all the while."""

SHORTEST_SECRET = 4
"""Characters; what is shorter guards nothing, and blanking it would blank half of every frame."""

_BEGINNING = b'["recording",'
_GZIP = b"\x1f\x8b"
_GZIP_FORMAT = 16 + zlib.MAX_WBITS
_BLOCK = 1 << 16


class About(msgspec.Struct, frozen=True):
    """What a recording is of."""

    feed: str
    """Its name in the config."""
    vendor: str
    clock: Literal["wall", "tape"]
    symbols: list[str]
    """What it was asked for, by the vendor's names."""


class Head(msgspec.Struct, array_like=True, tag="recording"):
    """The first line of a file."""

    version: int
    about: About


class Connected(msgspec.Struct, array_like=True, tag="connected"):
    """A new connection: what follows came over it."""

    time: int


class Frame(msgspec.Struct, array_like=True, tag="frame"):
    """A frame that is UTF-8, as all JSON is."""

    time: int
    text: str

    @property
    def data(self) -> bytes:
        """As it came."""
        return self.text.encode()


class Binary(msgspec.Struct, array_like=True, tag="binary"):
    """A frame that is no UTF-8; in the file as base64."""

    time: int
    data: bytes


class Time(msgspec.Struct, array_like=True, tag="time"):
    """The time, when nothing else tells it."""

    time: int


Line = Connected | Frame | Binary | Time

_encode = msgspec.json.Encoder().encode
_decode: Callable[[bytes], Line] = msgspec.json.Decoder(Line).decode
_decode_head = msgspec.json.Decoder(Head).decode


class RecordingError(Exception):
    """A recording that cannot be written; the message says where and why."""


class RecordingWriter:
    """Writes a feed's recording, file after file.

    A file is opened by its first line and named after the second in which that was. What was flushed survives a
    `kill -9`.

    Args:
        folder: made, for its owner alone, if it is missing.
        about: whose recording it is.
        secrets: blanked wherever a frame echoes them.
        longest: seconds that a file spans.
        largest: bytes before compression that a file holds.
        seconds: a monotonic clock.
    """

    def __init__(
        self,
        folder: Path,
        about: About,
        secrets: Sequence[str] = (),
        *,
        longest: float = LONGEST_SECONDS,
        largest: int = LARGEST,
        seconds: Callable[[], float] = time.monotonic,
    ) -> None:
        self.about = about
        self.path: Path | None = None
        """The file that is being written, or was last."""
        self.frames = 0
        """Frames written, in all files."""
        self._folder = folder
        self._blank = Blank(own for own in secrets if len(own) >= SHORTEST_SECRET)
        self._longest = longest
        self._largest = largest
        self._seconds = seconds
        self._file: _GzipFile | None = None
        self._opened = 0.0
        self._flushed = 0.0

    def connected(self, now: int) -> None:
        """A new connection was made at `now`, ns since 1970 UTC."""
        self._write(now, Connected(now))

    def frame(self, now: int, frame: bytes) -> None:
        """A frame came at `now`."""
        shown = self._blank(frame)
        try:
            line: Line = Frame(now, shown.decode())
        except UnicodeDecodeError:
            line = Binary(now, shown)
        self._write(now, line)
        self.frames += 1

    def time(self, now: int) -> None:
        """The wall clock says `now`."""
        self._write(now, Time(now))

    def close(self) -> None:
        """Ends the file."""
        if self._file is not None:
            with self._naming_the_file():
                self._file.close()
            self._file = None

    def _write(self, now: int, line: Line) -> None:
        seconds = self._seconds()
        if self._file is not None and (
            self._file.size >= self._largest or seconds - self._opened >= self._longest
        ):
            self.close()
        with self._naming_the_file():
            if self._file is None:
                self._file = self._open(now)
                self._opened = self._flushed = seconds
            self._file.write(_encode(line) + b"\n")
            if seconds - self._flushed >= FLUSH_SECONDS:
                self._file.flush()
                self._flushed = seconds

    def _open(self, now: int) -> "_GzipFile":
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        second = now // NS
        while True:
            started = datetime.fromtimestamp(second, UTC)
            self.path = self._folder / f"{self.about.feed}-{started:%Y%m%dT%H%M%SZ}{SUFFIX}"
            try:
                file = _GzipFile(self.path)
            except FileExistsError:  # the file before it is younger than a second
                second += 1
                continue
            file.write(_encode(Head(VERSION, self.about)) + b"\n")
            file.flush()
            return file

    @contextmanager
    def _naming_the_file(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise RecordingError(f"{error.filename or self.path}: {error.strerror or error}") from None


class _GzipFile:
    """A new gzip file, for its owner alone, whose flush leaves on disk what a reader can read.

    Raises:
        FileExistsError: there is one; it is not overwritten.
    """

    def __init__(self, path: Path) -> None:
        self.size = 0
        """Bytes before compression."""
        self._raw = os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")
        self._deflate = zlib.compressobj(wbits=_GZIP_FORMAT)

    def write(self, data: bytes) -> None:
        self.size += len(data)
        self._raw.write(self._deflate.compress(data))

    def flush(self) -> None:
        self._raw.write(self._deflate.flush(zlib.Z_SYNC_FLUSH))
        self._raw.flush()

    def close(self) -> None:
        with self._raw:
            self._raw.write(self._deflate.flush())


@dataclass(eq=False)
class Recording:
    """One file of a recording; made by `open_recording`."""

    path: Path
    about: About
    torn_after: int | None = None
    """The last line before its torn end, once it was read to there; None: it has an end."""

    def lines(self) -> Iterator[Line]:
        """What was recorded, in order, up to a torn end.

        Raises:
            FileError: a line is none of a recording; the message names it.
        """
        self.torn_after = None
        good = 1
        texts = _lines(self.path)
        next(texts)
        try:
            for text in texts:
                try:
                    line = _decode(text)
                except (msgspec.DecodeError, UnicodeDecodeError) as error:
                    deque(texts, 0)  # if the file is torn, this may be what the disk put in place of its end
                    raise self._no_line(good + 1, error) from None
                yield line
                good += 1
        except _TornError:
            self.torn_after = good

    def _no_line(self, number: int, error: Exception) -> FileError:
        what = 'no line of a recording, such as ["time",NS]'
        return FileError(f"{self.path}, line {number}: is {what} ({error})")


def is_recording(path: Path) -> bool:
    """Whether the file is one of a recording, by its name or by how it begins, and not one of ticks or bars.

    Raises:
        FileError: it cannot be read.
    """
    if path.name.endswith(SUFFIX):
        return True
    try:
        return next(_lines(path), b"").startswith(_BEGINNING)
    except _TornError:
        return False


def open_recording(path: Path) -> Recording:
    """The recording in a file, of which the first line is read.

    Raises:
        FileError: it cannot be read, or its first line is not that of a recording.
    """
    try:
        first = next(_lines(path), b"")
    except _TornError:
        first = b""
    if not first:
        raise FileError(f"{path}: is empty, or torn off before its first line ends")
    try:
        head = _decode_head(first)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise FileError(f"{path}, line 1: is not how a recording begins ({error})") from None
    if head.version != VERSION:
        raise FileError(
            f"{path}, line 1: is a recording of version {head.version}; this tapewatch reads version {VERSION}"
        )
    return Recording(path, head.about)


class _TornError(Exception):
    """What there was has been read, and the end is missing."""


def _lines(path: Path) -> Iterator[bytes]:
    """The file's lines, without their ends, unzipped if it is zipped.

    Raises:
        FileError: it cannot be read.
        _TornError: after the last line that is whole.
    """
    rest = b""
    for block in _blocks(path):
        *whole, rest = (rest + block).split(b"\n")
        yield from whole
    if rest:
        raise _TornError


def _blocks(path: Path) -> Iterator[bytes]:
    try:
        with path.open("rb") as file:
            zipped = file.read(len(_GZIP)) == _GZIP
            file.seek(0)
            blocks = iter(partial(file.read, _BLOCK), b"")
            yield from _unzipped(blocks) if zipped else blocks
    except OSError as error:
        raise FileError(f"{path}: {error.strerror or error}") from None


def _unzipped(blocks: Iterable[bytes]) -> Iterator[bytes]:
    inflate = zlib.decompressobj(wbits=_GZIP_FORMAT)
    for block in blocks:
        before = inflate.copy()
        try:
            yield inflate.decompress(block)
        except zlib.error:
            yield from _up_to_the_error(before, block)
            raise _TornError from None
    if not inflate.eof or inflate.unused_data:
        raise _TornError


def _up_to_the_error(inflate: Any, block: bytes) -> Iterator[bytes]:
    """What zlib threw away with the block in which it found the error."""
    with suppress(zlib.error):
        for place in range(len(block)):
            yield inflate.decompress(block[place : place + 1])

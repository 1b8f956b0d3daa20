"""A CSV file as typed columns, and errors that name the line."""

import csv
import gzip
import io
import re
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tapewatch.market.ticks import NS

_BLOCK = 1 << 20
_NO_SEPARATORS = bytes(set(range(256)) - set(b",\n"))
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_INSTANT = re.compile(r"(\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d)?)(?:\.(\d{1,9}))?(Z|[+-]\d\d:?\d\d)", re.ASCII)


class FileError(Exception):
    """A file that cannot be read; the message names file, line and column, and what would be right."""


@dataclass(frozen=True)
class Kind:
    """How the fields of a column are read; `parse` raises ValueError with what would be right."""

    parse: Callable[[str], Any]
    dtype: str
    """Of the column's array."""
    by_numpy: bool
    """Whether `numpy.loadtxt` reads such a field as `parse` does."""


def _plain(text: str) -> bool:
    # Python's int() and float() also take 1_000 and digits of other scripts; a file that has them is damaged.
    return text.isascii() and "_" not in text


def _int64(value: int) -> int:
    if not -(2**63) <= value < 2**63:
        raise ValueError("is outside of 1677 to 2262, the years that int64 nanoseconds can hold")
    return value


def _integer(text: str) -> int:
    try:
        value = int(text) if _plain(text) else None
    except ValueError:
        value = None
    if value is None:
        raise ValueError("is no whole number: write nanoseconds since 1970 UTC, such as 1769610667123456789")
    return _int64(value)


def _number(text: str) -> float:
    try:
        if _plain(text):
            return float(text)
    except ValueError:
        pass
    raise ValueError("is no number: write it such as 6949.25")


@lru_cache(maxsize=1024)
def _whole_second(text: str) -> int:
    return (datetime.fromisoformat(text) - _EPOCH) // timedelta(seconds=1)


def parse_instant(text: str) -> int:
    """An ISO 8601 time with offset and up to nine decimals, in ns since 1970 UTC.

    Raises:
        ValueError: it is none; the message says what would be right.
    """
    form = _INSTANT.fullmatch(text.strip())
    if form is None:
        raise ValueError("is no time with an offset: write ISO 8601 such as 2026-01-28T09:31:07.123-05:00")
    try:
        seconds = _whole_second(form[1] + form[3])
    except ValueError as error:
        raise ValueError(f"is no time: {error}") from None
    return _int64(seconds * NS + int((form[2] or "").ljust(9, "0")))


def _day(text: str) -> int:
    try:
        return (date.fromisoformat(text.strip()) - _EPOCH.date()).days
    except ValueError:
        raise ValueError("is no date: write it such as 2026-01-28") from None


INTEGER = Kind(_integer, "i8", by_numpy=True)
"""An int64."""
NUMBER = Kind(_number, "f8", by_numpy=True)
"""A float64, exactly the nearest to the digits; `nan` and `inf` are numbers too."""
INSTANT = Kind(parse_instant, "i8", by_numpy=False)
"""An ISO 8601 time with offset, as ns since 1970 UTC."""
DAY = Kind(_day, "i8", by_numpy=False)
"""An ISO 8601 date, as days since 1970-01-01."""
TEXT = Kind(str, "O", by_numpy=True)
"""Text, as it stands."""


class Table:
    """A CSV file with a header, `.gz` or not, in memory.

    Raises:
        FileError: it cannot be read, is no UTF-8, is empty, or a field is not of its column's kind.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._data = _read(path)
        try:
            self._text = self._data.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            line = self._data.count(b"\n", 0, error.start) + 1
            raise FileError(f"{path}, line {line}: is not UTF-8 text ({error.reason})") from None
        self.header = _header(path, self._text.partition("\n")[0])
        """The columns' names."""

    def one_of(self, *names: str) -> str:
        """The first of `names` that is a column."""
        for name in names:
            if name in self.header:
                return name
        wanted = " nor ".join(repr(name) for name in names)
        raise FileError(
            f"{self.path}, line 1: has neither column {wanted}; the header is {','.join(self.header)}"
        )

    def read(self, kinds: Mapping[str, Kind]) -> dict[str, NDArray[Any]]:
        """The columns named in `kinds`, each of one length, at least 1."""
        for name in kinds:
            if self.header.count(name) != 1:
                problem = "is there twice" if name in self.header else "is missing"
                raise FileError(
                    f"{self.path}, line 1: column {name!r} {problem}; the header is {','.join(self.header)}"
                )
        columns = self._read_by_numpy(kinds)
        return self._read_by_line(kinds) if columns is None else columns

    def error(self, row: int, column: str, problem: str) -> FileError:
        """The error to raise for the field of `column` in row `row` (0 is the first below the header)."""
        line, fields = next(islice(self._records(), row, None))
        return self._field_error(line, column, fields[self.header.index(column)], problem)

    def _field_error(self, line: int, column: str, text: str, problem: str) -> FileError:
        return FileError(f"{self.path}, line {line}, column {column!r}: {text!r} {problem}")

    def _read_by_numpy(self, kinds: Mapping[str, Kind]) -> dict[str, NDArray[Any]] | None:
        """The columns of a file without quotes, blank lines and mistakes, three times as fast; else None."""
        if b'"' in self._data or not _is_grid(self._data, len(self.header)):
            return None
        try:
            table = np.loadtxt(
                io.StringIO(self._text),
                dtype=[(name, kind.dtype if kind.by_numpy else "O") for name, kind in kinds.items()],
                usecols=[self.header.index(name) for name in kinds],
                delimiter=",",
                skiprows=1,
                comments=None,
                ndmin=1,
            )
            return {
                name: table[name].copy() if kind.by_numpy else _array(map(kind.parse, table[name]), kind)
                for name, kind in kinds.items()
            }
        except ValueError:  # which field, and what would be right, the other reader says
            return None

    def _read_by_line(self, kinds: Mapping[str, Kind]) -> dict[str, NDArray[Any]]:
        places = [(name, self.header.index(name), kind.parse) for name, kind in kinds.items()]
        columns: dict[str, list[Any]] = {name: [] for name in kinds}
        for line, fields in self._records():
            if len(fields) != len(self.header):
                width = len(self.header)
                raise FileError(f"{self.path}, line {line}: has {len(fields)} fields, the header {width}")
            for name, place, parse in places:
                try:
                    columns[name].append(parse(fields[place]))
                except ValueError as error:
                    raise self._field_error(line, name, fields[place], str(error)) from None
        if not next(iter(columns.values())):
            raise FileError(f"{self.path}, line 2: there are no rows below the header")
        return {name: _array(values, kinds[name]) for name, values in columns.items()}

    def _records(self) -> Iterator[tuple[int, list[str]]]:
        """Line and fields of every row that is not blank."""
        reader = csv.reader(io.StringIO(self._text, newline=""), strict=True)
        try:
            next(reader)
            for fields in reader:
                if fields:
                    yield reader.line_num, fields
        except csv.Error as error:
            raise FileError(f"{self.path}, line {reader.line_num}: is no CSV ({error})") from None


def read_header(path: Path) -> list[str]:
    """The names of a CSV file's columns; nothing below the header is read.

    Raises:
        FileError: it cannot be read, or is empty.
    """
    with _opened(path) as file:
        first = file.readline()
    return _header(path, first.decode("utf-8-sig", errors="replace"))


def _header(path: Path, line: str) -> list[str]:
    try:
        names = next(csv.reader([line]), [])
    except csv.Error as error:
        raise FileError(f"{path}, line 1: is no CSV ({error})") from None
    if not names:
        raise FileError(f"{path}, line 1: there is no header; its first line names the columns")
    return [name.strip() for name in names]


@contextmanager
def _opened(path: Path) -> Iterator[io.BufferedIOBase]:
    try:
        with gzip.open(path) if path.suffix.lower() == ".gz" else path.open("rb") as file:
            yield file
    except gzip.BadGzipFile as error:
        raise FileError(f"{path}: is no gzip file, though its name ends with .gz ({error})") from None
    except OSError as error:
        raise FileError(f"{path}: {error.strerror or error}") from None
    except (EOFError, zlib.error) as error:
        raise FileError(f"{path}, line 1: the gzip is cut off or damaged ({error})") from None


def _read(path: Path) -> bytes:
    """The bytes of the file, unzipped, with one newline at the end."""
    blocks = []
    with _opened(path) as file:
        try:
            while block := file.read1(_BLOCK):
                blocks.append(block)
        except (EOFError, zlib.error) as error:
            line = sum(block.count(b"\n") for block in blocks) + 1
            raise FileError(
                f"{path}, line {line}: the gzip is cut off or damaged after it ({error})"
            ) from None
    data = b"".join(blocks).rstrip(b"\r\n")
    return data + b"\n" if data else b""


def _is_grid(data: bytes, width: int) -> bool:
    """Whether every line has `width` fields; `numpy.loadtxt` would not mind extra ones."""
    separators = data.translate(None, _NO_SEPARATORS)
    line = b"," * (width - 1) + b"\n"
    return len(separators) > width and separators == line * (len(separators) // width)


def _array(values: Iterable[Any], kind: Kind) -> NDArray[Any]:
    return np.array(list(values), dtype=kind.dtype)

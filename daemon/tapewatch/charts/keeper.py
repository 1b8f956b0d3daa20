"""The archive, for a program that must not wait: it is read and written in a thread of its own."""

import asyncio
import sqlite3
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

import structlog

from tapewatch.charts.archive import Archive, discard

log = structlog.get_logger(__name__)

T = TypeVar("T")

TOLD_AGAIN_SECONDS = 60.0
"""Until the same is told again: of a full disk all that is there can still be read."""

_NOT_THE_FILE = frozenset(
    (
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_NOMEM,
        sqlite3.SQLITE_PERM,
        sqlite3.SQLITE_READONLY,
    )
)
"""What SQLite says where the file is whole (https://www.sqlite.org/rescode.html)."""


class Keeper:
    """Opens the archive when it is needed first, and anew after an error.

    Args:
        path: of the file.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._archive: Archive | None = None
        self._thread = ThreadPoolExecutor(1, "charts")
        self._told, self._tell_at = "", 0.0

    async def do(self, work: Callable[[Archive], T]) -> T | None:
        """What `work` returns; None if the file cannot be used. It is done, whether or not who asked waits for it."""
        done = asyncio.get_running_loop().run_in_executor(self._thread, self._do, work)
        return await asyncio.shield(done)  # else a page that goes takes along what was to be written

    def close(self) -> None:
        """Waits for what is being written, and closes the file."""
        self._thread.submit(self._close)
        self._thread.shutdown()

    def _do(self, work: Callable[[Archive], T]) -> T | None:
        try:
            return self._done(work)
        except Exception as error:  # whatever it is: no alert depends on it
            self._close()
            self._tell(str(error))
            return None

    def _tell(self, reason: str) -> None:
        if reason != self._told or time.monotonic() >= self._tell_at:
            log.warning("charts.unavailable", path=str(self._path), reason=reason)
            self._told, self._tell_at = reason, time.monotonic() + TOLD_AGAIN_SECONDS

    def _done(self, work: Callable[[Archive], T]) -> T:
        """With a file that is damaged, it is done with a new one."""
        try:
            return work(self._opened())
        except (sqlite3.Error, LookupError, TypeError, ValueError) as error:
            if getattr(error, "sqlite_errorcode", -1) & 0xFF in _NOT_THE_FILE:
                raise
            reason = str(error)
        self._close()
        discard(self._path)
        result = work(self._opened())
        log.warning("charts.begun_anew", path=str(self._path), reason=reason)
        return result

    def _opened(self) -> Archive:
        if self._archive is None:
            self._archive = Archive(self._path)
        return self._archive

    def _close(self) -> None:
        if self._archive is not None:
            self._archive.close()
            self._archive = None

"""The archive, for a program that must not wait: it is read and written in a thread of its own."""

import asyncio
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

import structlog

from tapewatch.charts.archive import Archive, discard

log = structlog.get_logger(__name__)

T = TypeVar("T")


class Keeper:
    """Opens the archive when it is needed first, and anew after an error.

    Args:
        path: of the file.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._archive: Archive | None = None
        self._thread = ThreadPoolExecutor(1, "charts")
        self._told = ""

    async def do(self, work: Callable[[Archive], T]) -> T | None:
        """What `work` returns; None if the file cannot be used."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._do, work)

    def close(self) -> None:
        """Waits for what is being written, and closes the file."""
        self._thread.submit(self._close)
        self._thread.shutdown()

    def _do(self, work: Callable[[Archive], T]) -> T | None:
        try:
            result = self._done(work)
        except (sqlite3.Error, OSError) as error:
            self._close()
            if str(error) != self._told:
                log.warning("charts.unavailable", path=str(self._path), reason=str(error))
            self._told = str(error)
            return None
        self._told = ""
        return result

    def _done(self, work: Callable[[Archive], T]) -> T:
        """With a file that is damaged, it is done with a new one."""
        try:
            return work(self._opened())
        except sqlite3.DatabaseError as error:
            if type(error) is not sqlite3.DatabaseError:  # nothing is wrong with the file: a full disk, say
                raise
            log.warning("charts.begun_anew", path=str(self._path), reason=str(error))
        self._close()
        discard(self._path)
        return work(self._opened())

    def _opened(self) -> Archive:
        if self._archive is None:
            self._archive = Archive(self._path)
        return self._archive

    def _close(self) -> None:
        if self._archive is not None:
            self._archive.close()
            self._archive = None

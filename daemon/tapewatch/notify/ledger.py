"""The ledger: which alerts a receiver was sent, in a file of its own, so that none is sent twice after a crash.

Written without fsync: what was noted outlives a `kill -9` of the daemon. A power loss may take the last seconds,
and then a receiver may get again what was not acknowledged either.
"""

import errno
import os
from collections import deque
from collections.abc import Iterable
from itertools import islice
from pathlib import Path

import structlog

KEPT = 10_000
"""So many of the newest are known."""

log = structlog.get_logger(__name__)


class Ledger:
    """What one receiver was sent: a line `ID RECEIPT` each, oldest first; without a receipt only `ID`.

    Args:
        path: of the file; named after the receiver. Its folder is made (0700), as is the file (0600).
        kept: how many of the newest are known. The file has at most twice as many.

    Raises:
        OSError: the folder cannot be made, or the file not be read.
    """

    def __init__(self, path: Path, kept: int = KEPT) -> None:
        self._path = path
        self._kept = kept
        self._log = log.bind(receiver=path.name)
        self._receipts: dict[str, str | None] = {}
        self._waiting: deque[bytes] = deque(maxlen=kept)  # lines that are not on disk yet
        self._lines = 0  # in the file
        self._full = False
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if path.exists():
            self._read()

    def had(self, alert_id: str) -> bool:
        """Whether the receiver was sent the alert, as far as the newest ones go."""
        return alert_id in self._receipts

    def receipt(self, alert_id: str) -> str | None:
        """What the receiver gave for the alert; None: nothing, or it was not sent."""
        return self._receipts.get(alert_id)

    def note(self, ids: Iterable[str], receipt: str | None) -> None:
        """Remember that the receiver has these alerts.

        On a full disk they are known as long as the process lives, and written with the next that can be.

        Args:
            ids: of alerts; without a blank in them.
            receipt: as `Sender.send` gave it.
        """
        ids = list(ids)
        for alert_id in ids:
            self._remember(alert_id, receipt)
            self._waiting.append(_line(alert_id, receipt))
        try:
            self._write()
        except OSError as error:
            if not self._full:
                self._log.error("ledger.full", error=error.strerror, path=str(self._path), alerts=ids)
            self._full = True
        else:
            self._full = False

    def _remember(self, alert_id: str, receipt: str | None) -> None:
        self._receipts.pop(alert_id, None)  # to the end, as the newest
        self._receipts[alert_id] = receipt
        for oldest in list(islice(self._receipts, max(0, len(self._receipts) - self._kept))):
            del self._receipts[oldest]

    def _write(self) -> None:
        if self._lines + len(self._waiting) > 2 * self._kept:
            self._compact()
        else:
            self._append(b"".join(self._waiting))
            self._lines += len(self._waiting)
        self._waiting.clear()

    def _append(self, lines: bytes) -> None:
        """All of them, or none: a part would spoil the line that follows."""
        file = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            before = os.fstat(file).st_size
            if os.write(file, lines) != len(lines):
                os.ftruncate(file, before)
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        finally:
            os.close(file)

    def _compact(self) -> None:
        """Only what is known; whoever kills us meanwhile leaves the old file as it was."""
        fresh = self._path.with_name(self._path.name + ".new")
        try:
            with open(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
                file.writelines(_line(alert_id, receipt) for alert_id, receipt in self._receipts.items())
            fresh.replace(self._path)
        finally:
            fresh.unlink(missing_ok=True)
        self._lines = len(self._receipts)

    def _read(self) -> None:
        content = self._path.read_bytes()
        whole = content.rfind(b"\n") + 1
        if whole != len(content):  # killed, or out of power, in mid-write
            os.truncate(self._path, whole)
        lines = content[:whole].split(b"\n")[:-1]
        unreadable = 0
        for line in lines:
            try:
                alert_id, receipt = _parsed(line)
            except ValueError:
                unreadable += 1
            else:
                self._remember(alert_id, receipt)
        self._lines = len(lines)
        if unreadable:
            self._log.warning("ledger.unreadable", lines=unreadable, path=str(self._path))


def _line(alert_id: str, receipt: str | None) -> bytes:
    return f"{alert_id} {receipt}\n".encode() if receipt else f"{alert_id}\n".encode()


def _parsed(line: bytes) -> tuple[str, str | None]:
    """Raises ValueError if it is no line of ours."""
    words = line.decode().split(" ")
    if not 1 <= len(words) <= 2 or not all(word.isprintable() and word for word in words):
        raise ValueError
    return words[0], words[1] if len(words) == 2 else None


class Ledgers:
    """Those of a process, by receiver; one that comes back with the config has the same.

    Args:
        folder: of the files.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._known: dict[str, Ledger] = {}

    def of(self, receiver: str) -> Ledger:
        """The receiver's.

        Raises:
            OSError: as `Ledger` does.
        """
        if receiver not in self._known:
            self._known[receiver] = Ledger(self._folder / receiver)
        return self._known[receiver]

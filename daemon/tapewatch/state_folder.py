"""The folder in which a process keeps what is its own: its spool, and what its receivers were sent."""

import fcntl
import os
import stat
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from itertools import count
from pathlib import Path

import structlog

log = structlog.get_logger(__name__)


class StateFolderError(Exception):
    """The folder cannot be used; the message says why, and what would help."""


class TakenError(StateFolderError):
    """Another process has it."""


@contextmanager
def own_folder(state_dir: Path, *, shared: bool) -> Iterator[Path]:
    """The folder of this process alone, for as long as the context lasts.

    Args:
        state_dir: of the instance; made if it is not there.
        shared: whether several processes may have one each in it (`ha`): `member-1`, `member-2`, …

    Raises:
        StateFolderError: another process has it, or it cannot be made.
    """
    with ExitStack() as stack:
        for number in count(1):
            folder = state_dir / f"member-{number}" if shared else state_dir
            try:
                stack.enter_context(held(folder))
            except TakenError:
                if not shared:
                    raise
            else:
                _warn_if_open(folder)
                yield folder
                return


def _warn_if_open(folder: Path) -> None:
    """Who may write there may put links to other files of ours in the place of ours."""
    if folder.stat().st_mode & stat.S_IWOTH:
        log.warning("state.exposed", path=str(folder), reason="every user may write to it: chmod 700")


@contextmanager
def held(folder: Path) -> Iterator[None]:
    """Holds the folder's lock, which the kernel lets go when the process ends, however it ends.

    Raises:
        TakenError: another process holds it.
        StateFolderError: the folder cannot be used.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = (folder / "lock").open("a+")
    except OSError as error:
        raise StateFolderError(
            f"no place for the state: {error.filename}: {error.strerror}; set state_dir to another folder"
        ) from None
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            raise TakenError(
                f"another tapewatch, process {lock.read().strip()}, runs with the folder {folder}:"
                " stop it, or give this one a state_dir of its own"
            ) from None
        lock.truncate(0)
        lock.write(f"{os.getpid()}\n")
        lock.flush()
        yield

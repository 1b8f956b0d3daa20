"""Where compiled kernels are kept: a folder named after the digest of the sources they are compiled from.

Numba looks at the time stamp of one file only; a kernel's helpers stand in others. Kernels that are not there yet
are compiled by child processes, so that the daemon does not keep the memory that compiling takes.

What is kept is machine code that will be run, so a folder that somebody else may have written to is not used.
"""

import atexit
import fcntl
import hashlib
import os
import re
import shutil
import stat
import subprocess
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any

import numba
import platformdirs

KERNELS = ("tapewatch.engine.kernels", "tapewatch.engine.upkeep")
"""Modules whose import compiles kernels."""
KEPT = 4
"""Folders of kernels that are kept beside each other: of several versions of this program, the last used."""
_COMPILING = "TAPEWATCH_COMPILES_KERNELS"
_GIVEN = re.compile(r"(?:HOME|LANG|LD_LIBRARY_PATH|PATH|TMPDIR|TZ)$|LC_|NUMBA_|PYTHON")
"""What the children get of our environment, in which secrets may stand."""

_numba: Any = numba.config


def _digest() -> str:
    sources = sorted(Path(__file__).parent.glob("*.py"))
    return hashlib.sha256(b"".join(source.read_bytes() for source in sources)).hexdigest()[:16]


def _folder() -> Path:
    """`$CACHE_DIRECTORY` (systemd), else the user's cache folder; where that cannot be written, a copy of it."""
    given = os.environ.get("CACHE_DIRECTORY")
    base = Path(given) if given else platformdirs.user_cache_path("tapewatch")
    return usable(base / "kernels" / _digest())


def usable(wanted: Path) -> Path:
    """`wanted`, if it can be written; else one of this process alone, with what is there if that can be trusted."""
    with suppress(OSError):
        _make(wanted)
    folder = wanted.resolve()
    if reason := _distrust(folder):
        print(
            f"the kernels in {wanted} are not used, and compiled anew at each start: {reason}",
            file=sys.stderr,
        )
        return _copy(None)
    try:
        tempfile.TemporaryFile(dir=folder).close()
    except OSError:
        return _copy(folder)
    _forget_old(folder)
    return folder


def _make(folder: Path) -> None:
    """Makes what is missing of it for this user alone, whatever the umask."""
    if not folder.is_dir():
        _make(folder.parent)
        folder.mkdir(mode=0o700, exist_ok=True)


def _distrust(folder: Path) -> str:
    """Why somebody else may have put something into the folder; empty: nobody but root and this user could."""
    for path in (folder, *folder.parents):
        own = _lstat(path)
        # In a folder like /tmp (sticky) nobody can move what is another's.
        if own and (reason := _of_others(path, own, sticky=path != folder)):
            return reason
    top = _lstat(folder)
    if top is None or not top.st_mode & 0o077:
        return ""
    entries = folder.rglob("*")
    return next(
        (reason for path in entries if (own := _lstat(path)) and (reason := _of_others(path, own))), ""
    )


def _lstat(path: Path) -> os.stat_result | None:
    """None for what is not there, or cannot be looked at: then it cannot be used either."""
    try:
        return path.lstat()
    except OSError:
        return None


def _of_others(path: Path, own: os.stat_result, *, sticky: bool = False) -> str:
    if own.st_uid not in (0, os.geteuid()):
        return f"{path} belongs to another user ({own.st_uid}); remove it"
    if stat.S_ISLNK(own.st_mode):
        return f"{path} is a link; remove it"
    if own.st_mode & 0o022 and not (sticky and own.st_mode & stat.S_ISVTX):
        return (
            f"others may write to {path} (mode {stat.S_IMODE(own.st_mode):04o}); remove it, or chmod go-w it"
        )
    return ""


def _copy(folder: Path | None) -> Path:
    """The kernels of a read-only image or install, for as long as this process lives: numba wants to write there."""
    own = Path(tempfile.mkdtemp(prefix="tapewatch-kernels-"))
    atexit.register(shutil.rmtree, own, ignore_errors=True)
    if folder is not None and os.access(folder, os.R_OK | os.X_OK):
        shutil.copytree(folder, own, dirs_exist_ok=True)
        own.chmod(0o700)
    return own


def _forget_old(folder: Path) -> None:
    """Removes the kernels of sources that have not been used for longest."""
    os.utime(folder)
    others = sorted(folder.parent.iterdir(), key=lambda own: own.stat().st_mtime, reverse=True)
    for old in others[KEPT:]:
        shutil.rmtree(old, ignore_errors=True)


def _is_empty(folder: Path) -> bool:
    return next(folder.rglob("*.nbi"), None) is None


def compile_kernels() -> None:
    """Compiles the kernels into their folder, unless this is a child that does; what fails, who imports them does.

    Of several programs that start at once, one compiles and the others wait.
    """
    if _COMPILING in os.environ:
        return
    folder = Path(_numba.CACHE_DIR)
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if _is_empty(folder):
            _compile_in_children()


def _compile_in_children() -> None:
    paths = os.pathsep.join(filter(None, sys.path))
    given = {name: own for name, own in os.environ.items() if _GIVEN.match(name)}
    env = given | {_COMPILING: "1", "NUMBA_CACHE_DIR": _numba.CACHE_DIR, "PYTHONPATH": paths}
    # What both share each compiles for itself: on a single core one child for both is faster.
    imports = [f"import {name}" for name in KERNELS]
    programs = imports if len(os.sched_getaffinity(0)) > 1 else [";".join(imports)]
    children = [
        subprocess.Popen(  # noqa: S603  our own interpreter, our own modules
            [sys.executable, "-c", program], env=env, stderr=subprocess.DEVNULL
        )
        for program in programs
    ]
    for child in children:
        child.wait()


if not _numba.CACHE_DIR:
    _numba.CACHE_DIR = str(_folder())

FIRST_START = _is_empty(Path(_numba.CACHE_DIR))
"""Whether the kernels have to be compiled now, which takes some seconds."""

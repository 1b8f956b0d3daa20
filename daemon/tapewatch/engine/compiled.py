"""Where compiled kernels are kept: a folder named after the digest of the sources they are compiled from.

Numba looks at the time stamp of one file only; a kernel's helpers stand in others. Kernels that are not there yet
are compiled by child processes, so that the daemon does not keep the memory that compiling takes.
"""

import atexit
import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numba
import platformdirs

KERNELS = ("tapewatch.engine.kernels", "tapewatch.engine.upkeep")
"""Modules whose import compiles kernels."""
KEPT = 4
"""Folders of kernels that are kept beside each other: of several versions of this program, the last used."""
_COMPILING = "TAPEWATCH_COMPILES_KERNELS"

_numba: Any = numba.config


def _digest() -> str:
    sources = sorted(Path(__file__).parent.glob("*.py"))
    return hashlib.sha256(b"".join(source.read_bytes() for source in sources)).hexdigest()[:16]


def _folder() -> Path:
    """`$CACHE_DIRECTORY` (systemd), else the user's cache folder; where that cannot be written, a copy of it."""
    given = os.environ.get("CACHE_DIRECTORY")
    base = Path(given) if given else platformdirs.user_cache_path("tapewatch")
    folder = base / "kernels" / _digest()
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        tempfile.TemporaryFile(dir=folder).close()
    except OSError:
        return _copy(folder)
    _forget_old(folder)
    return folder


def _copy(folder: Path) -> Path:
    """The kernels of a read-only image or install, for as long as this process lives: numba wants to write there."""
    own = Path(tempfile.mkdtemp(prefix="tapewatch-kernels-"))
    atexit.register(shutil.rmtree, own, ignore_errors=True)
    if folder.is_dir():
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
    env = os.environ | {_COMPILING: "1", "NUMBA_CACHE_DIR": _numba.CACHE_DIR, "PYTHONPATH": paths}
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

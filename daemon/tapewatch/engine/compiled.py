"""Where compiled kernels are kept: a folder named after the digest of the sources they are compiled from.

Numba looks at the time stamp of one file only; a kernel's helpers stand in others.
"""

import hashlib
import os
import tempfile
from pathlib import Path
from typing import Any

import numba
import platformdirs

_numba: Any = numba.config


def _digest() -> str:
    sources = sorted(Path(__file__).parent.glob("*.py"))
    return hashlib.sha256(b"".join(source.read_bytes() for source in sources)).hexdigest()[:16]


def _folder() -> Path:
    """`$CACHE_DIRECTORY` (systemd), else the user's cache folder; a temporary one if that cannot be written."""
    given = os.environ.get("CACHE_DIRECTORY")
    base = Path(given) if given else platformdirs.user_cache_path("tapewatch")
    folder = base / "kernels" / _digest()
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        tempfile.TemporaryFile(dir=folder).close()
    except OSError:
        return Path(tempfile.mkdtemp(prefix="tapewatch-kernels-"))
    return folder


def _is_empty(folder: Path) -> bool:
    return next(folder.rglob("*.nbi"), None) is None


if not _numba.CACHE_DIR:
    _numba.CACHE_DIR = str(_folder())

FIRST_START = _is_empty(Path(_numba.CACHE_DIR))
"""Whether the kernels have to be compiled now, which takes some seconds."""

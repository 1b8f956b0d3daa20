"""What goes into a container: a Debian, the wheels of the lock, and tapewatch as a user of systemd installs it."""

import hashlib
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import platformdirs
from packaging.markers import Marker

from tapewatch import __version__

ROOT = Path(__file__).parents[2]
SUITE = "bookworm"
PACKAGES = ("systemd", "systemd-sysv", "dbus", "python3", "python3-venv", "redis-server")
SOURCES = ("pyproject.toml", "README.md", "LICENSE", "config", "daemon")
"""What a wheel is made of."""


def store() -> Path:
    """Where roots and wheels are kept between runs: $TAPEWATCH_CONTAINERS, else the user's cache folder."""
    given = os.environ.get("TAPEWATCH_CONTAINERS")
    folder = Path(given) if given else platformdirs.user_cache_path("tapewatch-tests") / "containers"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


def debian() -> Path:
    """A root folder with nothing but a Debian that boots, and a Redis."""
    root = store() / f"{SUITE}-{_digest(' '.join(PACKAGES).encode())}"
    if not root.exists():
        new = root.with_suffix(".new")
        shutil.rmtree(new, ignore_errors=True)
        include = f"--include={','.join(PACKAGES)}"
        subprocess.run(
            ["mmdebstrap", "--quiet", "--mode=root", "--variant=minbase", include, SUITE, new], check=True
        )
        new.rename(root)
    return root


def python_of(root: Path) -> str:
    """The version of its Python: `3.11.2`."""
    command = ["chroot", root, "python3", "-c", "import platform; print(platform.python_version())"]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def wheelhouse(python: str) -> Path:
    """Every wheel of the lock that such a Python wants, checked by its hash; our own must be of the same 3.x."""
    wanted = _wanted((ROOT / "requirements.lock").read_text(), python)
    folder = store() / f"wheels-{_digest(wanted.encode())}"
    if not folder.exists():
        new = folder.with_suffix(".new")
        shutil.rmtree(new, ignore_errors=True)
        new.mkdir()
        (new / "requirements.lock").write_text(wanted)
        _pip(
            "wheel",
            "--require-hashes",
            "--no-deps",
            "--requirement",
            new / "requirements.lock",
            "--wheel-dir",
            new,
        )
        new.rename(folder)
    return folder


def _wanted(lock: str, python: str) -> str:
    """The lines of the lock for such a Python: pip goes by the markers of the one it runs on."""
    versions = {"python_full_version": python, "python_version": python.rpartition(".")[0]}
    kept = []
    for entry in re.split(r"^(?=[a-zA-Z])", lock, flags=re.MULTILINE):
        first, *hashes = entry.splitlines(keepends=True) or [""]
        name, _, marker = first.removesuffix("\\\n").partition(" ; ")
        if not marker or Marker(marker).evaluate(versions):
            kept.append(f"{name.rstrip()} \\\n{''.join(hashes)}" if marker else entry)
    return "".join(kept)


def wheel(folder: Path, version: str | None = None) -> Path:
    """The wheel of this checkout; or of a next version, whose kernels are not those of this one.

    Args:
        folder: is made, and holds it.
        version: of the next one.
    """
    checkout = folder / "checkout"
    checkout.mkdir(parents=True)
    for name in SOURCES:
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, checkout / name)
    if version:
        _replace(
            checkout / "daemon/tapewatch/__init__.py",
            f'__version__ = "{__version__}"',
            f'__version__ = "{version}"',
        )
        _replace(checkout / "pyproject.toml", f'version = "{__version__}"', f'version = "{version}"')
        with (checkout / "daemon/tapewatch/engine/arithmetic.py").open("a") as kernels:
            kernels.write("# a change\n")
    _pip("wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", folder, checkout)
    (built,) = folder.glob("*.whl")
    return built


def _replace(file: Path, old: str, new: str) -> None:
    text = file.read_text()
    assert text.count(old) == 1, f"{file}: {old}"
    file.write_text(text.replace(old, new))


def _pip(*arguments: object) -> None:
    command = [sys.executable, "-m", "pip", *map(str, arguments), "--quiet", "--disable-pip-version-check"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def _digest(what: bytes) -> str:
    return hashlib.sha256(what).hexdigest()[:12]

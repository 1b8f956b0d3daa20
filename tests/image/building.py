"""Images without a registry: the Dockerfile is built on a base made here from Debian's packages."""

import hashlib
import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import platformdirs

ROOT = Path(__file__).parents[2]
DOCKERFILE = ROOT / "Dockerfile"
CONTEXT = (
    "LICENSE",
    "README.md",
    "config",
    "daemon",
    "pyproject.toml",
    "requirements.lock",
    "Dockerfile",
    ".dockerignore",
)
NEEDED = ("buildah", "crun", "ip", "mmdebstrap", "redis-server", "unshare")
"""Programs; apt packages buildah, crun, iproute2, mmdebstrap, redis-server, util-linux."""

KEPT = platformdirs.user_cache_path("tapewatch-tests") / "image"
"""The base, the wheels and the images, from one run to the next; safe to delete."""

LATER = "99.0"
"""The version of `another_version`."""

BASE = re.findall(r"^FROM (\S+)", DOCKERFILE.read_text(), re.MULTILINE)[-1]


def missing() -> str:
    """What this machine lacks; empty: nothing."""
    if os.geteuid():
        return "root"
    return ", ".join(name for name in NEEDED if shutil.which(name) is None)


def run(*command: object, cwd: Path | None = None) -> str:
    """Its standard output.

    Raises:
        AssertionError: it failed; the message ends with what it said.
    """
    done = subprocess.run([*map(str, command)], capture_output=True, text=True, cwd=cwd)
    said = "\n".join((done.stdout + done.stderr).splitlines()[-40:])
    assert done.returncode == 0, f"{' '.join(map(str, command))}\n{said}"
    return done.stdout


def buildah(*command: object) -> str:
    return run("buildah", "--root", KEPT / "storage", "--runroot", KEPT / "run", *command).strip()


def exists(image: str) -> bool:
    known = buildah("images", "--all", "--format", "{{.Name}}:{{.Tag}}").splitlines()
    return f"localhost/{image.removeprefix('localhost/')}" in known


def base() -> str:
    """The image that the Dockerfile begins with: Debian and its Python, where the real one has its own."""
    if exists(BASE):
        return BASE
    suite = BASE.rpartition("-")[2]
    tree = KEPT / "base.tar"
    packages = "ca-certificates,python3,python3-pip,python3-venv,tzdata"
    run("mmdebstrap", "--variant=minbase", f"--include={packages}", suite, tree)
    box = buildah("from", "scratch")
    buildah("add", "--quiet", box, tree, "/")
    tree.unlink()
    place = Path(buildah("mount", box))
    for name in ("python", "python3"):
        (place / "usr/local/bin" / name).symlink_to("/usr/bin/python3")
    buildah("config", "--env", "PATH=/usr/local/bin:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin", box)
    buildah("commit", "--quiet", "--rm", box, BASE)
    return BASE


def wheelhouse() -> Path:
    """A folder with what the lock names, fetched by the base's own pip as this machine's is set up."""
    lock = ROOT / "requirements.lock"
    folder = KEPT / f"wheels-{hashlib.sha256(lock.read_bytes()).hexdigest()[:12]}"
    if folder.exists():
        return folder
    for old in KEPT.glob("wheels-*"):
        shutil.rmtree(old)
    fetched = KEPT / "fetched"
    shutil.rmtree(fetched, ignore_errors=True)
    fetched.mkdir(parents=True)
    box = buildah("from", "--pull-never", base())
    settings = _file("pip.conf", "[global]\n" + "\n".join(_pip_settings()) + "\n")
    mounts = {
        "/etc/pip.conf": f"{settings}:/etc/pip.conf:ro",
        "/etc/ssl/certs": "/etc/ssl/certs:/etc/ssl/certs:ro",
        "lock": f"{lock}:/requirements.lock:ro",
        "wheels": f"{fetched}:/wheelhouse",
    }
    options = [option for mount in mounts.values() for option in ("--volume", mount)]
    download = (
        "python3",
        "-m",
        "pip",
        "download",
        "--require-hashes",
        "-r",
        "/requirements.lock",
        "--dest",
        "/wheelhouse",
    )
    buildah("run", "--isolation", "chroot", *options, box, "--", *download)
    buildah("rm", box)
    fetched.rename(folder)
    return folder


def _pip_settings() -> list[str]:
    """`key = value` of this machine's pip, whether from files or, as pip prefers, from the environment."""
    listed = run("python3", "-m", "pip", "config", "list")
    pairs = re.findall(r"^(:env:|global)\.([\w-]+)='(.*)'$", listed, re.MULTILINE)
    chosen = {key: value for _, key, value in sorted(pairs, reverse=True)}  # "global" before ":env:"
    return [f"{key} = {value}" for key, value in chosen.items()]


def _file(name: str, text: str) -> Path:
    KEPT.mkdir(parents=True, exist_ok=True)
    (KEPT / name).write_text(text)
    return KEPT / name


def build(tag: str, context: Path = ROOT) -> str:
    """Builds the Dockerfile of `context`, without a network but with the wheelhouse.

    Returns:
        The image's name.
    """
    wheels = wheelhouse()
    settings = _file("offline.conf", "[global]\nno-index = true\nfind-links = /wheelhouse\n")
    mounts = ("--volume", f"{settings}:/etc/pip.conf:ro", "--volume", f"{wheels}:/wheelhouse:ro")
    # Health checks are no part of the OCI's own format, and so Docker's it is.
    how = ("--isolation", "chroot", "--format", "docker", "--pull-never")
    buildah("build", *how, *mounts, "--tag", tag, context)
    buildah("rmi", "--prune")  # what had the tag before
    return f"localhost/{tag}"


def another_version(folder: Path) -> Path:
    """A copy of what the image is built from, as a later version, whose kernels are others."""
    for name in CONTEXT:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / name, folder / name)
    for name in ("pyproject.toml", "daemon/tapewatch/__init__.py"):
        text = (folder / name).read_text()
        (folder / name).write_text(
            re.sub(r'^(version|__version__) = ".*"$', rf'\1 = "{LATER}"', text, flags=re.MULTILINE)
        )
    arithmetic = folder / "daemon/tapewatch/engine/arithmetic.py"
    arithmetic.write_text(arithmetic.read_text() + "\n# Of another version.\n")
    return folder


def settings(image: str) -> dict[str, Any]:
    """What the image says about how it is run: Docker's `Config`."""
    about = json.loads(buildah("inspect", "--type", "image", image))
    return dict(about["Docker"]["config"])

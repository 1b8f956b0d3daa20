"""Containers of an image, as `docker run --read-only --cap-drop ALL --security-opt no-new-privileges` makes them."""

import asyncio
import json
import os
import signal
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any, Self

from e2e.processes import PATIENCE, Program
from image.building import buildah, run, settings

UID = 10001
NUMBERS = count(1)
_HIDDEN = (
    "/proc/acpi",
    "/proc/kcore",
    "/proc/keys",
    "/proc/latency_stats",
    "/proc/timer_list",
    "/sys/firmware",
)
_READ_ONLY = ("/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger")


@dataclass(frozen=True)
class Image:
    """An image whose files are at hand."""

    name: str
    tree: Path
    settings: Mapping[str, Any]
    """Docker's `Config` of it."""


@contextmanager
def opened(name: str) -> Iterator[Image]:
    box = buildah("from", "--pull-never", name)
    try:
        yield Image(name, Path(buildah("mount", box)), settings(name))
    finally:
        buildah("rm", box)


@dataclass(frozen=True)
class Pod:
    """A network that leads nowhere, with loopback alone: what runs in it reaches each other."""

    network: str

    def command(self, *args: object) -> list[str]:
        """A command of this machine, in that network."""
        return ["ip", "netns", "exec", self.network, *map(str, args)]


@contextmanager
def pod() -> Iterator[Pod]:
    name = f"tapewatch-{os.getpid()}-{next(NUMBERS)}"
    run("ip", "netns", "add", name)
    try:
        run("ip", "-n", name, "link", "set", "lo", "up")
        yield Pod(name)
    finally:
        run("ip", "netns", "delete", name)


class Command(Program):
    """Any command; what it writes is at hand line by line."""

    @classmethod
    async def start(cls, *args: object, env: dict[str, str] | None = None) -> Self:
        pipe = asyncio.subprocess.PIPE
        return cls(await asyncio.create_subprocess_exec(*map(str, args), env=env, stdout=pipe, stderr=pipe))


@dataclass(frozen=True, kw_only=True)
class Outfit:
    """What a container is given."""

    image: Image
    pod: Pod
    config: Path
    """The folder that becomes /etc/tapewatch."""
    state: Path
    """The volume of /var/lib/tapewatch."""
    secrets: Path
    """The folder that becomes /run/secrets."""
    hosts: Path
    """The file that becomes /etc/hosts."""

    @property
    def env(self) -> dict[str, str]:
        return dict(entry.split("=", 1) for entry in self.image.settings["Env"])


class Box:
    """A running container.

    Attributes:
        program: what it writes, and how it ends.
        pid: its first process, as this machine counts.
    """

    def __init__(self, program: Command, pid: int, env: Mapping[str, str]) -> None:
        self.program = program
        self._env = [f"{name}={value}" for name, value in env.items()]
        self.pid = pid
        self._space = _space(Path(f"/proc/{pid}"))

    def processes(self) -> list[int]:
        """All that run in it."""
        return [int(path.name) for path in Path("/proc").glob("[0-9]*") if _space(path) == self._space]

    async def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        os.kill(self.pid, number)
        return await self.program.ended()

    async def kill(self) -> None:
        with suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)
        await self.program.ended()

    async def frozen(self, seconds: float) -> None:
        """All of it stands still for so long, as with `docker pause`."""
        stopped = self.processes()
        for process in stopped:
            os.kill(process, signal.SIGSTOP)
        await asyncio.sleep(seconds)
        for process in stopped:
            os.kill(process, signal.SIGCONT)

    async def execute(self, *args: str) -> Command:
        """A command inside, as its user; it has ended."""
        enter = ("nsenter", "--target", self.pid, "--all", "--setuid", UID, "--setgid", UID)
        inside = await Command.start(*enter, "--", "env", "--ignore-environment", *self._env, *args)
        await inside.ended()
        return inside

    def root(self) -> Path:
        """Its root folder, as it sees it."""
        return Path(f"/proc/{self.pid}/root")

    def status(self) -> str:
        """What proc_pid_status(5) says of its first process."""
        return Path(f"/proc/{self.pid}/status").read_text()


def _space(process: Path) -> str:
    try:
        return os.readlink(process / "ns/pid")
    except OSError:
        return ""


@asynccontextmanager
async def running(outfit: Outfit, bundle: Path) -> AsyncIterator[Box]:
    """A container, until the block ends; `bundle` is an empty folder for what is written about it."""
    name = f"tapewatch-{os.getpid()}-{next(NUMBERS)}"
    (bundle / "config.json").write_text(json.dumps(_specification(outfit)))
    pid = bundle / "pid"
    # crun does not run where both versions of control groups are mounted, as on some build machines; it sees one.
    script = 'umount -R /sys/fs/cgroup; mount -t cgroup2 none /sys/fs/cgroup; exec "$@"'
    crun = ("crun", "--root", bundle / "state", "--cgroup-manager=disabled", "run", "--pid-file", pid)
    program = await Command.start(
        "unshare", "--mount", "sh", "-c", script, "sh", *crun, "--bundle", bundle, name
    )
    box: Box | None = None
    try:
        async with asyncio.timeout(PATIENCE):
            while not (pid.exists() and pid.read_text()):
                assert program.process.returncode is None, program.everything()
                await asyncio.sleep(0.005)
        box = Box(program, int(pid.read_text()), outfit.env)
        yield box
    finally:
        await (box or program).kill()


def _specification(outfit: Outfit) -> dict[str, Any]:
    """OCI runtime specification, config.md."""
    told = outfit.image.settings
    user, group = map(int, told["User"].split(":"))
    nothing: dict[str, list[str]] = {
        kind: [] for kind in ("bounding", "effective", "inheritable", "permitted", "ambient")
    }
    return {
        "ociVersion": "1.0.2",
        "hostname": "tapewatch",
        "root": {"path": str(outfit.image.tree), "readonly": True},
        "process": {
            "terminal": False,
            "user": {"uid": user, "gid": group},
            "args": [*told["Entrypoint"], *told["Cmd"]],
            "env": [f"{name}={value}" for name, value in outfit.env.items()],
            "cwd": told["WorkingDir"] or "/",
            "capabilities": nothing,
            "noNewPrivileges": True,
            "rlimits": [{"type": "RLIMIT_NOFILE", "hard": 1024, "soft": 1024}],
        },
        "mounts": _mounts(outfit),
        "linux": {
            "namespaces": [
                *({"type": kind} for kind in ("pid", "ipc", "uts", "mount")),
                {"type": "network", "path": f"/run/netns/{outfit.pod.network}"},
            ],
            "maskedPaths": list(_HIDDEN),
            "readonlyPaths": list(_READ_ONLY),
        },
    }


def _mounts(outfit: Outfit) -> list[dict[str, Any]]:
    safe = ["nosuid", "noexec", "nodev"]
    return [
        {"destination": "/proc", "type": "proc", "source": "proc"},
        {
            "destination": "/dev",
            "type": "tmpfs",
            "source": "tmpfs",
            "options": ["nosuid", "mode=755", "size=64k"],
        },
        {
            "destination": "/dev/shm",
            "type": "tmpfs",
            "source": "shm",
            "options": [*safe, "mode=1777", "size=64m"],
        },
        {"destination": "/sys", "type": "sysfs", "source": "sysfs", "options": [*safe, "ro"]},
        # As compose.yml has it; Docker adds the three options itself.
        {
            "destination": "/tmp",
            "type": "tmpfs",
            "source": "tmpfs",
            "options": [*safe, "mode=1777", "size=64m"],
        },
        _bound(outfit.hosts, "/etc/hosts", "ro"),
        _bound(outfit.config, "/etc/tapewatch", "ro"),
        _bound(outfit.secrets, "/run/secrets", "ro"),
        _bound(outfit.state, "/var/lib/tapewatch", "rw"),
    ]


def _bound(folder: Path, where: str, how: str) -> dict[str, Any]:
    options = ["rbind", "nosuid", "nodev", how]
    return {"destination": where, "type": "bind", "source": str(folder), "options": options}

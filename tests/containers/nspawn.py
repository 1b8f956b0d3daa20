"""A Debian with a systemd of its own, in a container of systemd-nspawn: root, and a few packages, are all it takes.

Sources: systemd-nspawn(1), nsenter(1); docs/CGROUP_DELEGATION.md of systemd for the control groups.
"""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

PATIENCE = 90.0
"""Seconds until a container is given up that does not start, or stop: never reached unless something is wrong."""

_CGROUPS = Path("/sys/fs/cgroup")
_ENVIRONMENT = {"PATH": "/usr/sbin:/usr/bin", "LC_ALL": "C.UTF-8", "SYSTEMD_COLORS": "0", "SYSTEMD_PAGER": ""}
_REBOOT = 133
"""systemd-nspawn's exit code when the container asked for a reboot."""


def missing() -> str:
    """What this machine lacks for it, for people; empty: nothing."""
    if os.geteuid() != 0:
        return "needs root"
    tools = ("systemd-nspawn", "mmdebstrap", "nsenter")
    return ", ".join(f"needs {tool}" for tool in tools if shutil.which(tool) is None)


@contextmanager
def overlay(folder: Path, *below: Path) -> Iterator[Path]:
    """A root folder with what is in `below`, the first on top; what is written stands in `folder`/upper."""
    upper, work, merged = (folder / name for name in ("upper", "work", "merged"))
    for path in (upper, work, merged):
        path.mkdir(parents=True)
    lower = ":".join(map(str, below))
    options = f"lowerdir={lower},upperdir={upper},workdir={work}"
    subprocess.run(["mount", "-t", "overlay", "overlay", "-o", options, merged], check=True)
    try:
        yield merged
    finally:
        subprocess.run(["umount", merged], check=True)
        shutil.rmtree(work)


class Container:
    """A machine that boots, is looked into from outside, and ends; its network is a loopback alone.

    Args:
        root: its root folder.
        name: of the machine.
    """

    def __init__(self, root: Path, name: str) -> None:
        self.root = root
        self._name = name
        self._nspawn: subprocess.Popen[bytes] | None = None
        self._groups = _own_cgroups(name)

    def boot(self) -> None:
        """Returns once everything that is enabled is up, or has failed."""
        manages = Path("/run/systemd/system").is_dir()  # else there is no manager to ask for a scope
        keep_unit = [] if manages else ["--keep-unit"]
        options = ["--quiet", "--boot", "--register=no", "--private-network", "--console=pipe", *keep_unit]
        self._nspawn = subprocess.Popen(
            ["systemd-nspawn", *options, f"--machine={self._name}", f"--directory={self.root}"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            preexec_fn=None if manages else self._enter_cgroups,
            start_new_session=True,
        )
        until = time.monotonic() + PATIENCE
        while self.try_run("systemctl", "is-system-running").stdout.strip() not in ("running", "degraded"):
            assert self._nspawn.poll() is None, f"systemd-nspawn ended: {self._nspawn.returncode}"
            assert time.monotonic() < until, f"it does not boot:\n{self.journal()}"
            time.sleep(0.1)

    def reboot(self) -> None:
        """As `reboot` does it: every unit is stopped first."""
        self.run("systemctl", "reboot")
        assert self.wait() == _REBOOT
        self.boot()

    def lose_power(self) -> None:
        """Every process ends at this instant; what they have written to files is there, synced or not."""
        os.kill(self.leader, signal.SIGKILL)
        self.wait()

    def wait(self) -> int:
        """systemd-nspawn's exit code, once the container has ended."""
        assert self._nspawn
        return self._nspawn.wait(PATIENCE)

    def stop(self) -> None:
        """Ends it, however it is."""
        if self._nspawn is not None and self._nspawn.poll() is None:
            with suppress(LookupError, ProcessLookupError):
                os.kill(self.leader, signal.SIGKILL)
            with suppress(subprocess.TimeoutExpired):
                self._nspawn.wait(PATIENCE)
            self._nspawn.kill()
            self._nspawn.wait()
        for group in self._groups:
            for path in sorted(group.rglob("*/"), reverse=True):
                path.rmdir()
            group.rmdir()

    @property
    def leader(self) -> int:
        """Its first process, as this machine counts.

        Raises:
            LookupError: it has none.
        """
        assert self._nspawn
        pid = self._nspawn.pid
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        if not children:
            raise LookupError("the container has no process")
        return int(children[0])

    def run(self, *command: object) -> str:
        """What the command writes to standard output, run inside as root; it must succeed."""
        done = self.try_run(*command)
        assert done.returncode == 0, f"{command}: {done.returncode}\n{done.stdout}{done.stderr}"
        return done.stdout

    def try_run(self, *command: object) -> subprocess.CompletedProcess[str]:
        """The same, whether it succeeds or not."""
        try:
            inside = ["nsenter", "--all", f"--target={self.leader}"]
        except (LookupError, FileNotFoundError):
            return subprocess.CompletedProcess([], 1, "", "the container does not run")
        return subprocess.run(
            [*inside, *map(str, command)],
            env=_ENVIRONMENT,
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            check=False,
        )

    def show(self, unit: str, what: str) -> str:
        """A property of a unit."""
        return self.run("systemctl", "show", "--property", what, "--value", unit).strip()

    def journal(self, *options: object) -> str:
        """What was logged since the container was made."""
        return self.try_run("journalctl", "--no-pager", "--output=cat", *options).stdout

    def _enter_cgroups(self) -> None:
        for group in self._groups:
            (group / "cgroup.procs").write_text(str(os.getpid()))


def _own_cgroups(name: str) -> Sequence[Path]:
    """A control group of its own in each hierarchy, where no service manager gives it one."""
    if Path("/run/systemd/system").is_dir():
        return ()
    names = ("systemd", "unified", "memory", "pids")  # of version 1, or of both; in version 2 there is one
    above = [_CGROUPS] if (_CGROUPS / "cgroup.controllers").exists() else [_CGROUPS / own for own in names]
    groups = [own / name for own in above if (own / "cgroup.procs").exists()]
    for group in groups:
        group.mkdir(exist_ok=True)
    return groups

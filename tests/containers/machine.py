"""A machine on which tapewatch runs as deploy/README.md says, beside a Redis and a market that plays a tape."""

import json
import re
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from installed import ROOT
from nspawn import Container
from redis import Redis
from redis.exceptions import RedisError

from chaos import dance
from tapewatch.store.keys import Keys

UNIT = "tapewatch.service"
KEY = "feed-sesame-71c4"
PASSWORD = "redis-sesame-a93f"
"""Planted: nobody may find them."""

KEYS = Keys(dance.INSTANCE)
PATIENCE = 150.0
"""Seconds that the slowest recovery may take, kernels compiled anew included."""

AMID = 20
"""Alerts, of some dozens, after which something happens."""

_SOCKET = "run/redis/market.sock"
_TAPEWATCH = "/opt/tapewatch/bin/tapewatch"

CONFIG = f"""name = "{dance.INSTANCE}"
state_dir = "/var/lib/tapewatch"

[redis]
url_file = "redis.url"

[[feed]]
name = "tape"
vendor = "massive"
url = "ws://127.0.0.1:9000"
key_file = "massive.key"
clock = "tape"
{dance.watches()}"""

_MARKET = f"""[Service]
ExecStart={_TAPEWATCH} simulate --vendor massive --port 9000 --tape /srv/tape.csv --speed 30x --from-start
Restart=on-failure
[Install]
WantedBy=multi-user.target
"""

_MORE_SECRETS = """[Service]
LoadCredential=redis.url:/etc/tapewatch/secrets/redis.url
"""

_REDIS = f"""
appendonly yes
requirepass {PASSWORD}
unixsocket /{_SOCKET}
unixsocketperm 700
"""


@dataclass(frozen=True)
class Installed:
    """A machine that is switched off."""

    layers: tuple[Path, ...]
    """Of its root folder, the newest first."""
    first_start: float
    """Seconds from `systemctl start` to active, in which the kernels were compiled."""


@dataclass(frozen=True)
class Tape:
    """What the market plays."""

    file: Path
    expected: list[bytes]
    """JSON of the alerts that `tapewatch replay` finds in it."""


def furnish(root: Path, tape: Path) -> None:
    """What an administrator writes, and the market's own unit."""
    secrets = root / "etc/tapewatch/secrets"
    secrets.mkdir(parents=True)
    secrets.chmod(0o700)
    for name, secret in {"massive.key": KEY, "redis.url": f"redis://:{PASSWORD}@127.0.0.1:6379/0"}.items():
        (secrets / name).write_text(f"{secret}\n")
        (secrets / name).chmod(0o600)
    (root / "etc/tapewatch/config.toml").write_text(CONFIG)
    shutil.copy(tape, root / "srv/tape.csv")
    units = root / "etc/systemd/system"
    for unit in (ROOT / "deploy/systemd").glob("*.service"):
        shutil.copy(unit, units)
    (units / f"{UNIT}.d").mkdir()
    (units / f"{UNIT}.d/secrets.conf").write_text(_MORE_SECRETS)
    (units / "market.service").write_text(_MARKET)
    with (root / "etc/redis/redis.conf").open("a") as file:
        file.write(_REDIS)
    (root / "var/log/journal").mkdir(exist_ok=True)  # the journal outlives a boot


class Machine:
    """Looked at from outside: its units, its log, and the stream of alerts."""

    def __init__(self, container: Container) -> None:
        self.container = container

    def start(self) -> float:
        """Starts tapewatch; the seconds until systemd calls it active."""
        began = time.monotonic()
        self.container.run("systemctl", "start", UNIT)
        return time.monotonic() - began

    def main_pid(self) -> int:
        """As the container counts."""
        return int(self.container.show(UNIT, "MainPID"))

    def memory_kib(self) -> dict[str, int]:
        """What the daemon's process takes: Rss, Pss."""
        rollup = self.container.run("cat", f"/proc/{self.main_pid()}/smaps_rollup")
        return {name: int(size) for name, size in re.findall(r"^(Rss|Pss): +(\d+) kB", rollup, re.MULTILINE)}

    def restarts(self) -> int:
        """How often systemd has started it again."""
        return int(self.container.show(UNIT, "NRestarts"))

    def amid(self, expected: Sequence[bytes]) -> list[bytes]:
        """The stream, once there are some of the alerts, and some are still to come."""
        self.reaches(AMID)
        found = self.stream()
        assert len(found) < len(expected), "this machine is too slow: all is over"
        return found

    def signal(self, name: str) -> None:
        """Sends a signal to the daemon alone."""
        self.container.run("systemctl", "kill", f"--signal={name}", "--kill-who=main", UNIT)

    def events(self, name: str) -> list[dict[str, object]]:
        """What the daemon logged under this name, since the machine was made."""
        lines = self.container.journal("--unit", UNIT).splitlines()
        found = (json.loads(line) for line in lines if line.startswith("{"))
        return [event for event in found if event["event"] == name]

    def until(self, holds: Callable[[], object], patience: float = PATIENCE) -> None:
        """Returns once it holds."""
        until = time.monotonic() + patience
        while not holds():
            assert time.monotonic() < until, self.told()
            time.sleep(0.1)

    def is_active(self) -> bool:
        """Whether systemd has heard READY of the process that runs now."""
        return self.container.show(UNIT, "ActiveState") == "active"

    def write_config(self, text: str, name: str = "config") -> None:
        """The config, from now on."""
        (self.container.root / f"etc/tapewatch/{name}.toml").write_text(text)

    def stream(self) -> list[bytes]:
        """JSON of the alerts in Redis."""
        with self._redis() as redis:
            return [fields[b"json"] for _, fields in redis.xrange(KEYS.alerts)]

    def forget(self) -> None:
        """Redis becomes empty."""
        with self._redis() as redis:
            redis.flushall()

    def reaches(self, count: int, patience: float = PATIENCE) -> None:
        """Returns when the stream holds so many alerts."""
        until = time.monotonic() + patience
        while (found := self._count()) < count:
            assert time.monotonic() < until, f"{found} of {count} alerts came\n{self.told()}"
            time.sleep(0.005)

    def has_exactly(self, expected: Sequence[bytes]) -> None:
        """Waits for the last alert, and a moment for one too many."""
        self.reaches(len(expected))
        time.sleep(1)
        assert self.stream() == list(expected), self.told()

    def told(self) -> str:
        """The end of the journal, for whoever looks into a test that failed."""
        return "\n".join(self.container.journal("--unit", UNIT).splitlines()[-40:])

    def _count(self) -> int:
        try:
            with self._redis() as redis:
                return int(redis.xlen(KEYS.alerts))
        except (RedisError, LookupError):
            return 0

    def _redis(self) -> Redis:
        """A client in this machine's own network: the socket is a file of the other."""
        path = f"/proc/{self.container.leader}/root/{_SOCKET}"
        return Redis(unix_socket_path=path, password=PASSWORD)

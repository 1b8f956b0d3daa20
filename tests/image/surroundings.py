"""What a container lives among: a feed, a Redis, a folder with its config, its secrets and its state."""

import asyncio
import json
import re
import shutil
import sys
from contextlib import AsyncExitStack, closing
from itertools import count
from pathlib import Path
from typing import Any

import yaml
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from e2e.processes import KEY, PATIENCE, environment
from e2e.tapes import Case
from image.box import UID, Box, Command, Image, Outfit, pod, running
from image.building import ROOT, run
from tapewatch.store.keys import Keys

DEPLOY = ROOT / "deploy"
NAME = "sp500"
KEYS = Keys(NAME)
ADDRESS = "10.6.6.6"
"""Of Redis in the pod: to Redis itself who comes from there is a stranger, and not on the same machine."""
DAY_SECONDS = 20.0
REDIS = """
[redis]
url_file = "redis.url"
"""


class Surroundings:
    """One pod and what is in it, on one tape."""

    def __init__(self, image: Image, case: Case, folder: Path, stack: AsyncExitStack) -> None:
        self.case = case
        self.folder = folder
        self._stack = stack
        self._numbers = count(1)
        self.pod = stack.enter_context(pod())
        self.config, self.secrets = folder / "etc", folder / "secrets"
        self.config.mkdir()
        hosts = folder / "hosts"
        hosts.write_text(f"127.0.0.1 localhost\n{ADDRESS} redis\n")
        self.outfit = Outfit(
            image=image,
            pod=self.pod,
            config=self.config,
            state=self.volume("state"),
            secrets=self.secrets,
            hosts=hosts,
        )
        self._make_secrets()

    def volume(self, name: str) -> Path:
        """A folder of the container's user, as an engine makes one of the image's."""
        folder = self.folder / name
        folder.mkdir(mode=0o700)
        shutil.chown(folder, UID, UID)
        return folder

    def _make_secrets(self) -> None:
        """As a user makes those of compose.yml, with the script."""
        deploy = self.folder / "deploy"
        deploy.mkdir()
        shutil.copytree(DEPLOY / "redis", deploy / "redis")
        run("sh", shutil.copy(DEPLOY / "make-secrets", deploy))
        (deploy / "secrets").rename(self.secrets)
        (self.secrets / "massive.key").write_text(f"{KEY}\n")
        self.secrets.chmod(0o755)  # the folder is mounted here, and not its files

    async def feed(self) -> int:
        """The port of a simulator that plays the tape from its start to each who comes."""
        length = (self.case.last - self.case.first) / 1e9
        tape = ("--tape", self.case.tape, "--symbol", self.case.symbol, "--from-start")
        simulator = await self._program(
            *(sys.executable, "-m", "tapewatch.cli", "simulate", "--vendor", "massive", "--port", 0),
            *(*tape, "--speed", f"{length / DAY_SECONDS:.0f}x"),
        )
        return int((await simulator.said(r"ws://127\.0\.0\.1:(\d+)"))[1])

    async def redis(self) -> Redis:
        """The Redis of compose.yml, with its users and its settings; a client that is tapewatch to it."""
        run("ip", "-n", self.pod.network, "address", "add", f"{ADDRESS}/32", "dev", "lo")
        folder, users = self.folder / "redis", self.secrets / "users.acl"
        folder.mkdir()
        command = compose()["services"]["redis"]["command"]
        given = [str(users) if word == "/run/secrets/users.acl" else word for word in command]
        await self._program(*given, "--dir", folder, "--unixsocket", folder / "s")
        password = re.search(r"tapewatch:(\w+)@", (self.secrets / "redis.url").read_text())
        assert password
        return await self._client(folder / "s", username="tapewatch", password=password[1])

    async def child_redis(self) -> Redis:
        """A client of the Redis that the container started."""
        return await self._client(self.outfit.state / "redis/redis.sock")

    async def _client(self, socket: Path, **more: Any) -> Redis:
        client = Redis(unix_socket_path=str(socket), retry=Retry(NoBackoff(), 0), **more)
        return await self._stack.enter_async_context(client)

    async def _program(self, *args: object) -> Command:
        program = await Command.start(*self.pod.command(*args), env=environment())
        self._stack.push_async_callback(program.kill)
        return program

    def write(self, port: int, *, redis: bool = False, more: str = "") -> None:
        """The config; `redis`: with that of `self.redis`, else the image's own."""
        history = re.search(r'history = \["(.*)"\]', self.case.watch)
        assert history
        shutil.copy(history[1], self.config / "daily.csv")
        watch = self.case.watch.replace(history[1], "daily.csv")
        (self.config / "config.toml").write_text(f"""
name = "{NAME}"
{more}
{REDIS if redis else ""}
[[feed]]
name = "tape"
vendor = "massive"
url = "ws://127.0.0.1:{port}"
clock = "tape"
key_file = "massive.key"
{watch}
""")

    async def box(self, stack: AsyncExitStack, outfit: Outfit | None = None) -> Box:
        """A container; it is gone when `stack` ends."""
        bundle = self.folder / f"bundle-{next(self._numbers)}"
        bundle.mkdir()
        return await stack.enter_async_context(running(outfit or self.outfit, bundle))


def compose() -> dict[str, Any]:
    with closing((DEPLOY / "compose.yml").open()) as file:
        return dict(yaml.safe_load(file))


async def stream(redis: Redis) -> list[bytes]:
    """The JSON of every alert in Redis; none while it is away."""
    try:
        return [fields[b"json"] for _, fields in await redis.xrange(KEYS.alerts)]
    except RedisError:
        return []


async def alerts_reach(redis: Redis, number: int, box: Box) -> None:
    """Returns when `number` alerts are in Redis."""
    try:
        async with asyncio.timeout(PATIENCE):
            while len(await stream(redis)) < number:
                assert box.program.process.returncode is None, box.program.everything()
                await asyncio.sleep(0.01)
    except TimeoutError:
        found = [json.loads(line)["id"] for line in await stream(redis)]
        raise AssertionError(
            f"{number} alerts never came, but {len(found)}\n{box.program.everything()}"
        ) from None

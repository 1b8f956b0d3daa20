"""A daemon's surroundings, for the whole program between real servers."""

import asyncio
import json
from contextlib import AsyncExitStack, suppress
from pathlib import Path
from typing import Any

from processes import PATIENCE, Program, environment
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from tapes import Case

from notify.receiver_servers import Endpoint, Mailbox, http_server, redis_server, smtp_server
from tapewatch.alerts.alert import decode
from tapewatch.feeds.massive.server import MassiveServer
from tapewatch.feeds.played import from_file
from tapewatch.feeds.simulator import Simulator, Trouble
from tapewatch.notify import email, slack
from tapewatch.notify.message import Message
from tapewatch.notify.telling import tell
from tapewatch.store.keys import Keys
from tapewatch.store.server import socket_path

KEYS = Keys("e2e")


class House:
    """A daemon's surroundings: its folder and config, its feed, its Redis, its receivers.

    Args:
        folder: holds config and state.
        case: what is watched.
        stack: closes what was opened.
    """

    def __init__(self, folder: Path, case: Case, stack: AsyncExitStack) -> None:
        self.folder = folder
        self.case = case
        self.state = folder / "state"
        self.config = folder / "config.toml"
        self.mailbox, self.hook, self.slack = Mailbox(), Endpoint(), Endpoint()
        self.env = environment()
        self.programs: list[Program] = []
        self._receivers = ""
        self._stack = stack

    async def receivers(self) -> None:
        """Opens a mail server, a webhook and a Slack-like endpoint, all of which get every alert."""
        mail = await self._stack.enter_async_context(smtp_server(self.mailbox))
        hook = await self._stack.enter_async_context(http_server(self.hook))
        slack = await self._stack.enter_async_context(http_server(self.slack))
        self.env["TAPEWATCH_RECEIVER_DESK_URL"] = slack
        self._receivers = f"""
[[receiver]]
name = "mail"
kind = "email"
pictures = false  # tests/e2e/test_chart_in_messages.py has them
host = "127.0.0.1"
port = {mail}
security = "none"
sender = "tapewatch@example.com"
to = ["trader@example.com"]
group_wait = "0s"
cooldown = "0s"
stale_after = "0s"

[[receiver]]
name = "hook"
kind = "webhook"
url = "{hook}"

[[receiver]]
name = "desk"
kind = "slack"
group_wait = "0s"
cooldown = "0s"
stale_after = "0s"
rate = "1000/s"

[[route]]
receivers = ["mail", "hook", "desk"]
"""

    async def own_redis(self) -> Redis:
        """Starts a Redis that outlives the daemon, and has the daemon use it."""
        folder = self.folder / "r"
        folder.mkdir()
        path = await self._stack.enter_async_context(redis_server(folder))
        self.env["TAPEWATCH_REDIS_URL"] = f"unix://{path}"
        return await self._stack.enter_async_context(client(path))

    async def child_redis(self) -> Redis:
        """A client of the Redis that the daemon started."""
        return await self._stack.enter_async_context(client(socket_path(self.state)))

    async def simulate(self, *options: object) -> int:
        """The port of a `tapewatch simulate` that plays the tape from its start."""
        command = ("simulate", "--vendor", "massive", "--port", 0, "--tape", self.case.tape)
        feed = await self.program(*command, "--symbol", self.case.symbol, "--from-start", *options)
        return int((await feed.said(r"ws://127\.0\.0\.1:(\d+)"))[1])

    async def feed(self, *, speed: float | None = None, trouble: Trouble | None = None) -> Simulator:
        """The same inside the test, so that it can be asked what it saw."""
        played = from_file(self.case.tape, self.case.symbol)
        simulator = Simulator(
            MassiveServer, played.ticks, played.symbols, speed=speed, from_start=True, trouble=trouble
        )
        return await self._stack.enter_async_context(simulator.serve())

    def write(
        self,
        port: int,
        watch: str | None = None,
        more: str = "",
        *,
        vendor: str = "massive",
        described: str = "",
    ) -> None:
        """The config, with the feed at `port`; `described` are further lines of the feed's table."""
        self.config.write_text(f"""
name = "e2e"
state_dir = {json.dumps(str(self.state))}
http.listen = "127.0.0.1:0"

[[feed]]
name = "tape"
vendor = "{vendor}"
url = "ws://127.0.0.1:{port}"
clock = "tape"
{described}
{self.case.watch if watch is None else watch}
{self._receivers}
{more}
""")

    async def program(self, *args: object) -> Program:
        self.programs.append(await Program.start(*args, env=self.env))
        return self.programs[-1]

    async def daemon(self) -> Program:
        """A daemon that may still be starting."""
        return await self.program("run", "--config", self.config, "--log-format", "json")

    async def played(self, redis: Redis) -> dict[bytes, bytes]:
        """The `now` hash, once it is that of the last tick."""
        key, last = KEYS.now(self.case.symbol), str(self.case.last).encode()
        try:
            async with asyncio.timeout(PATIENCE):
                while (now := await answer(redis.hgetall(key)) or {}).get(b"time_ns") != last:  # noqa: ASYNC110
                    await asyncio.sleep(0.05)
        except TimeoutError:
            raise AssertionError(f"the tape did not end: {now}\n{self.programs[-1].everything()}") from None
        return now

    async def delivered(self, lines: list[bytes]) -> None:
        """Returns when every receiver has had every alert at least once, and no other."""
        alerts = [decode(line) for line in lines]
        wanted: dict[str, set[Any]] = {
            "mail": {email.message_id(alert.id) for alert in alerts},
            "hook": set(lines),
            "desk": {slack.payload(tell(Message((alert,), (b"",))))["text"] for alert in alerts},
        }
        try:
            async with asyncio.timeout(PATIENCE):
                while (got := self._received()) != wanted:  # noqa: ASYNC110
                    await asyncio.sleep(0.02)
        except TimeoutError:
            missing = {name: wanted[name] - got[name] for name in wanted}
            raise AssertionError(f"not delivered: {missing}\n{self.programs[-1].everything()}") from None

    def _received(self) -> dict[str, set[Any]]:
        """What tells alerts apart where each receiver keeps them."""
        return {
            "mail": {mail["Message-ID"] for mail in self.mailbox.mails},
            "hook": {request.body for request in self.hook.received},
            "desk": {json.loads(request.body)["text"] for request in self.slack.received},
        }

    async def close(self) -> None:
        for program in self.programs:
            await program.kill()
        if socket_path(self.state).exists():  # a daemon that was killed leaves its Redis running
            with suppress(RedisError):
                async with client(socket_path(self.state)) as left:
                    await left.shutdown(nosave=True)


def client(socket: Path) -> Redis:
    """A client that does not wait for a Redis that is away."""
    return Redis(unix_socket_path=str(socket), retry=Retry(NoBackoff(), 0))


async def answer(command):
    """Redis' answer; None while it is away."""
    try:
        return await command
    except RedisError:
        return None


def indicators(now: dict[bytes, bytes]) -> dict[bytes, bytes]:
    """The indicators of a `now` hash."""
    return {name: value for name, value in now.items() if b"@" in name}


async def stream(redis: Redis) -> list[bytes]:
    """The JSON of every alert in the stream."""
    return [fields[b"json"] for _, fields in await redis.xrange(KEYS.alerts)]


def day_seconds(house: House) -> float:
    """Length of the tape in its own time."""
    return (house.case.last - house.case.first) / 1e9


async def alerts_reach(redis: Redis, count: int, daemon: Program) -> None:
    """Returns when the stream holds `count` alerts."""
    try:
        async with asyncio.timeout(PATIENCE):
            while (await answer(redis.xlen(KEYS.alerts)) or 0) < count:
                assert daemon.process.returncode is None, daemon.everything()
                await asyncio.sleep(0.002)
    except TimeoutError:
        raise AssertionError(f"{count} alerts never came\n{daemon.everything()}") from None

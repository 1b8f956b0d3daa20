"""A daemon, or two of which one stands by, between a feed, a Redis and two receivers: processes and real servers."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Set
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path

from redis.asyncio import Redis
from redis.exceptions import RedisError

from chaos import dance
from chaos.desks import Desks, open_desks
from chaos.feed import Feed
from chaos.member import Member
from chaos.proxy import Proxy
from chaos.redis_process import RedisProcess
from chaos.verdict import Seen
from tapewatch.store.keys import Keys

KEYS = Keys(dance.INSTANCE)

_PLAIN = """group_wait = "0s"
cooldown = "0s"
stale_after = "1000h"
"""
"""Each alert is a mail of its own, and none is ever too old."""

_GROUPED = """group_wait = "1s"
cooldown = "2s"
stale_after = "1000h"
"""

_LOOK_SECONDS = 0.002
"""Between two looks at how many alerts there are: some faults come amid a delivery."""


_CONNECTED_SECONDS = 11.0
"""A standby that was connected for so long has missed nothing; 10 and one to spare."""

_TAKEOVER_PATIENCE = 30.0
"""Seconds after which nobody leads any more."""


class Scene:
    """What a fault can lay hands on."""

    def __init__(
        self, folder: Path, expected: Set[str], redis: RedisProcess, client: Redis, desks: Desks
    ) -> None:
        self.folder = folder
        self.expected = expected
        """Ids of the alerts that the tape must give."""
        self.redis = redis
        self.client = client
        """Past all proxies."""
        self.desks = desks
        self.members: list[Member] = []
        self.published: list[bytes] = []
        self.takeover: float | None = None
        """Seconds from the fault until another led."""

    @property
    def member(self) -> Member:
        """The daemon, where there is one."""
        (only,) = self.members
        return only

    async def start(self, quiet_seconds: float) -> None:
        """Starts the daemons; returns when one leads, and, on a tape that is quiet first, the others are ready too."""
        for member in self.members:
            await member.start()
        if quiet_seconds:
            began = time.monotonic()
            for member in self.members:
                await member.logged("daemon.standing_by")
            took = time.monotonic() - began
            assert took < quiet_seconds - _CONNECTED_SECONDS, (
                f"this machine is too slow: started in {took:.1f} s"
            )

    async def stop(self) -> list[str]:
        """Ends the daemons as systemd would; what is wrong with how they end, in words."""
        wrong = []
        for member in self.members:
            if code := await member.stop():
                wrong.append(f"{member.name}: exit code {code} after SIGTERM")
            if any("Traceback" in line for line in member.log):
                wrong.append(f"{member.name}: a traceback in its log")
        return wrong

    async def leader(self) -> Member:
        """Who leads; members are named HOST-PID-RANDOM."""
        async with asyncio.timeout(_TAKEOVER_PATIENCE):
            while True:
                holder = (await self.client.get(KEYS.lease) or b"").decode()
                for member in self.members:
                    if str(member.pid) in holder.split("-"):
                        return member
                await asyncio.sleep(_LOOK_SECONDS)

    async def taken_over(self, old: Member) -> None:
        """Returns when another process than `old`'s has opened the instance; notes the seconds that it took."""
        began, pid = time.monotonic(), str(old.pid)
        token = await self.client.hget(KEYS.commit, "token")
        async with asyncio.timeout(_TAKEOVER_PATIENCE):
            while await self.client.hget(KEYS.commit, "token") == token:  # noqa: ASYNC110
                await asyncio.sleep(_LOOK_SECONDS)
        self.takeover = time.monotonic() - began
        assert pid not in (await self.client.get(KEYS.lease) or b"").decode().split("-"), "it leads again"

    async def count(self) -> int:
        """Alerts in the stream; 0 while Redis is away."""
        with suppress(RedisError):
            return int(await self.client.xlen(KEYS.alerts))
        return 0

    async def reaches(self, count: int) -> None:
        """Returns when the stream holds so many."""
        while await self.count() < count:  # noqa: ASYNC110 - a blocking XREAD would hang in an outage
            await asyncio.sleep(_LOOK_SECONDS)

    async def stream(self) -> list[bytes]:
        return [fields[b"json"] for _, fields in await self.client.xrange(KEYS.alerts)]

    def had(self) -> dict[str, set[str]]:
        """By receiver, ids of the expected alerts that it has."""
        return {
            name: {each for message in own for each in message.ids} & self.expected
            for name, own in self.desks.taken.items()
        }

    async def everything_arrived(self) -> None:
        """Returns when stream and receivers hold all alerts, and nothing waits to be acknowledged or committed."""
        while not await self._arrived():  # noqa: ASYNC110 - Redis tells nobody
            await asyncio.sleep(0.1)

    async def _arrived(self) -> bool:
        wanted = len(self.expected)
        if await self.count() < wanted or any(len(own) < wanted for own in self.had().values()):
            return False
        with suppress(RedisError):
            return not await self.left()
        return False

    async def left(self) -> list[str]:
        """What is still on its way, in words; empty: nothing."""
        found = []
        for group in await self.client.xinfo_groups(KEYS.alerts):
            if group["pending"]:
                found.append(f"{group['name'].decode()}: {group['pending']} not acknowledged")
        for receiver in self.desks.taken:
            if dead := await self.client.xlen(KEYS.dead(receiver)):
                found.append(f"{receiver}: {dead} dead letters")
        for member in self.members:
            for spool in member.state.rglob("spool*"):
                if spool.stat().st_size:
                    found.append(f"{spool.relative_to(self.folder)}: {spool.stat().st_size} bytes")
        return found

    async def seen(self, redis_was_away: bool) -> Seen:
        """What there is at the end."""
        return Seen(
            stream=await self.stream(),
            taken={name: [each.ids for each in own] for name, own in self.desks.taken.items()},
            bodies=self.desks.hook.bodies,
            published=None if redis_was_away else self.published,
        )

    async def listen(self, ready: asyncio.Event) -> None:
        """Subscribes as anybody may, and keeps what it hears, until Redis goes away."""
        with suppress(RedisError):
            async with self.client.pubsub() as channel:
                await channel.psubscribe(KEYS.channels)
                async for message in channel.listen():
                    if message["type"] == "psubscribe":
                        ready.set()
                    else:
                        self.published.append(message["data"])

    def write_seen(self) -> None:
        """What stream and receivers had, for whoever looks into a run that failed."""
        for name, own in self.desks.taken.items():
            (self.folder / f"{name}.txt").write_text(
                "".join(f"{each.at:.3f} {' '.join(each.ids)}\n" for each in own)
            )

    def write_logs(self) -> None:
        """What the daemons said, for whoever looks into a run that failed."""
        for member in self.members:
            (self.folder / f"{member.name}.log").write_text("\n".join(member.log) + "\n")


@asynccontextmanager
async def open_scene(folder: Path, feed: Feed, *, members: int, grouped: bool) -> AsyncIterator[Scene]:
    """Everything there, the daemons configured and not yet started.

    Args:
        folder: for config, state, Redis' data and logs.
        feed: what is played, and what is expected of it.
        members: how many daemons; more than one stand by for each other.
        grouped: whether mails tell of several alerts at once.
    """
    async with AsyncExitStack() as stack:
        redis = RedisProcess(folder / "redis")
        stack.push_async_callback(redis.kill)
        await redis.start()
        client = await stack.enter_async_context(redis.client())
        desks = await stack.enter_async_context(open_desks())
        scene = Scene(folder, {json.loads(line)["id"] for line in feed.expected}, redis, client, desks)
        stack.callback(scene.write_logs)
        for number in range(1, members + 1):
            line = await stack.enter_async_context(Proxy(redis.port).open())
            member = Member(f"daemon-{number}", folder, line)
            receivers = scene.desks.config(_GROUPED if grouped else _PLAIN)
            member.config.write_text(_config(member, feed.port, receivers, ha=members > 1))
            stack.push_async_callback(member.kill)
            scene.members.append(member)
        ready = asyncio.Event()
        listening = asyncio.create_task(scene.listen(ready))
        stack.callback(listening.cancel)
        await ready.wait()
        yield scene


def _config(member: Member, feed: int, receivers: str, *, ha: bool) -> str:
    return f"""name = "{dance.INSTANCE}"
state_dir = {json.dumps(str(member.state))}
ha = {json.dumps(ha)}

[http]
listen = "127.0.0.1:0"

[redis]
url = "redis://127.0.0.1:{member.line.port}"

[[feed]]
name = "tape"
vendor = "massive"
url = "ws://127.0.0.1:{feed}"
clock = "tape"
{dance.watches()}{receivers}"""

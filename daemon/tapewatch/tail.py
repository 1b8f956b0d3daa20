"""`tapewatch tail`: alerts as they come, from the pub/sub channel."""

import asyncio
import sys
from collections.abc import AsyncIterator

from redis.asyncio import Redis
from rich.console import Console
from rich.markup import escape

from tapewatch.alerts.alert import Alert, decode, encode
from tapewatch.config import Config, state_dir
from tapewatch.store.keys import Keys
from tapewatch.store.server import connect_redis

_LISTEN_SECONDS = 0.5
"""How often it is looked whether to stop."""

_ARROWS = {"up": "[green]▲[/]", "down": "[red]▼[/]", None: "●"}


async def follow(config: Config, stop: asyncio.Event, *, as_json: bool) -> None:
    """Prints each alert once, as it is committed, until `stop`.

    Args:
        config: names the instance and its Redis.
        stop: set by a signal.
        as_json: the CloudEvents JSON, an object a line; else a line for people.

    Raises:
        RedisUnavailableError: no daemon runs there.
    """
    console = Console()
    async with connect_redis(config.redis_url(), state_dir(config)) as redis:
        async for alert in published(redis, Keys(config.name).channels, stop):
            if as_json:
                sys.stdout.write(encode(alert).decode() + "\n")
                sys.stdout.flush()
            else:
                console.print(alert_line(alert), highlight=False, soft_wrap=True)


def alert_line(alert: Alert) -> str:
    """One line in rich's markup; what a config wrote is no markup."""
    when = alert.data.exchange_time[:19].replace("T", " ")
    target = f"  [dim]next {escape(alert.data.next)}[/]" if alert.data.next else ""
    return f"[dim]{when}[/]  {_ARROWS[alert.data.direction]} {escape(alert.data.text)}{target}"


async def published(redis: Redis, pattern: str, stop: asyncio.Event) -> AsyncIterator[Alert]:
    """The alerts of the channels that `pattern` names, as they come, until `stop`."""
    async with redis.pubsub() as channel:
        await channel.psubscribe(pattern)
        while not stop.is_set():
            message = await channel.get_message(ignore_subscribe_messages=True, timeout=_LISTEN_SECONDS)
            if message is not None:
                yield decode(message["data"])

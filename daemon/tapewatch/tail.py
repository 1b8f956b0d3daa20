"""`tapewatch tail`: alerts as they come, from the pub/sub channel."""

import asyncio
import sys
from collections.abc import AsyncIterator
from datetime import datetime

from redis.asyncio import Redis
from redis.exceptions import ConnectionError as RedisConnectionError
from rich.text import Text

from tapewatch.alerts.alert import Alert, decode, encode
from tapewatch.config import Config, state_dir
from tapewatch.notify.render import exchange_time, one_line, render
from tapewatch.store.errors import RedisUnavailableError
from tapewatch.store.keys import Keys
from tapewatch.store.server import connect_redis, where
from tapewatch.terminal import Terminal

_LISTEN_SECONDS = 0.2
"""How often it is looked whether to stop."""

_COLOURS = {"up": "green", "down": "red", None: "yellow"}


async def follow(config: Config, stop: asyncio.Event, *, as_json: bool) -> None:
    """Prints each alert once, as it is committed, until `stop`.

    Args:
        config: names the instance and its Redis.
        stop: set by a signal.
        as_json: the CloudEvents JSON, an object a line; else a line for people.

    Raises:
        RedisUnavailableError: no daemon runs there, or no longer.
    """
    console = Terminal()
    url, folder = config.redis_url(), state_dir(config)
    async with connect_redis(url, folder) as redis:
        try:
            async for alert in published(redis, Keys(config.name).channels, stop):
                if as_json:
                    sys.stdout.write(encode(alert).decode() + "\n")
                    sys.stdout.flush()
                else:
                    console.print(alert_line(alert), soft_wrap=True)
        except RedisConnectionError:
            raise RedisUnavailableError(
                f"the Redis at {where(url, folder)} has gone: is tapewatch still running?"
            ) from None


def alert_line(alert: Alert) -> Text:
    """Exchange time, what happened, the next target."""
    wording = render(alert)
    line = _line(alert, exchange_time(alert.data).partition(" (")[0], wording.arrow, wording.headline)
    return line.append(f"  next {wording.next}", "dim") if wording.next else line


def short_line(alert: Alert) -> Text:
    """The same for a view that shows symbol, year and zone elsewhere, and has no room."""
    wording = render(alert)
    when = datetime.fromisoformat(alert.data.exchange_time)
    headline = wording.headline
    if alert.data.price is not None:  # what is about the feed names it
        headline = headline.removeprefix(one_line(alert.data.title)).lstrip(": ")
    return _line(alert, f"{when:%d %b %H:%M}", wording.arrow, headline)


async def published(redis: Redis, pattern: str, stop: asyncio.Event) -> AsyncIterator[Alert]:
    """The alerts of the channels that `pattern` names, as they come, until `stop`."""
    async with redis.pubsub() as channel:
        await channel.psubscribe(pattern)
        while not stop.is_set():
            message = await channel.get_message(ignore_subscribe_messages=True, timeout=_LISTEN_SECONDS)
            if message is not None:
                yield decode(message["data"])


def _line(alert: Alert, when: str, arrow: str, headline: str) -> Text:
    colour = _COLOURS[None if alert.type.endswith(".failed") else alert.data.direction]
    style = f"bold {colour}" if alert.data.severity == "critical" else colour
    return Text.assemble((when, "dim"), "  ", (f"{arrow} ", colour), (headline, style))

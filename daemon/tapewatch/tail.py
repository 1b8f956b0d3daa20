"""`tapewatch tail`: alerts as they come, from the pub/sub channel; what the line missed, from their log."""

import asyncio
import sys
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import datetime

import msgspec
from redis.asyncio import Redis
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import NoPermissionError
from rich.console import Console
from rich.table import Table
from rich.text import Text

from tapewatch.alerts.alert import Alert, decode, encode
from tapewatch.config import Config, Match, state_dir
from tapewatch.notify.entries import backwards
from tapewatch.notify.matching import matches
from tapewatch.notify.render import exchange_time, one_line, render
from tapewatch.runner import say
from tapewatch.store.errors import RedisUnavailableError
from tapewatch.store.keys import Keys
from tapewatch.store.server import connect_redis, where
from tapewatch.terminal import Terminal

AGAIN_SECONDS = 1.0
"""Between two looks whether a Redis that has gone is back."""

_LISTEN_SECONDS = 0.2
"""How often it is looked whether to stop."""

_REMEMBERED = 10_000
"""Alerts whose ids are known, so that each is printed once."""

_LEAST_WRAPPED = 60
"""Columns from which on what does not fit is put below the text, not below the time."""

_COLOURS = {"up": "green", "down": "red", None: "yellow"}
_NS_OF_A_MS = 1_000_000


async def follow(
    config: Config, stop: asyncio.Event, match: Match, since_ns: int | None = None, *, as_json: bool
) -> None:
    """Prints each alert once, as it is committed, until `stop`; a Redis that goes is waited for.

    Args:
        config: names the instance and its Redis.
        stop: set by a signal.
        match: which alerts.
        since_ns: first those of the past that were written to Redis since then, ns UTC; None: none.
        as_json: the CloudEvents JSON, an object a line; else a line for people.

    Raises:
        RedisUnavailableError: no daemon runs there, or it does not let us read the past.
    """
    console = None if as_json else Terminal()
    url, folder = config.redis_url(), state_dir(config)
    heard, gone = _Heard(time.time_ns() if since_ns is None else since_ns, since_ns is not None), False
    while not stop.is_set():
        try:
            async with connect_redis(url, folder) as redis:
                say(
                    "it is back"
                    if gone
                    else f"waiting for alerts of {_awaited(config, match)}; Ctrl-C ends it"
                )
                gone = False
                async for alert in heard.alerts(redis, Keys(config.name), stop):
                    if matches(match, alert):
                        _print(alert, console)
        except (RedisConnectionError, RedisUnavailableError) as error:
            if isinstance(error, RedisUnavailableError) and not heard.connected:
                raise
            if not gone:
                say(f"the Redis at {where(url, folder)} has gone: waiting for tapewatch to come back")
            gone = True
            with suppress(TimeoutError):
                async with asyncio.timeout(AGAIN_SECONDS):
                    await stop.wait()


class _Heard:
    """What came already, so that nothing is printed twice or left out.

    Args:
        since_ns: what was written to Redis before then (ns UTC) is not asked for.
        ask: whether to ask for what was before the line stood.
    """

    def __init__(self, since_ns: int, ask: bool) -> None:
        self.connected = False
        """Whether the line has stood once."""
        self._since = str(since_ns // _NS_OF_A_MS)
        self._ask = ask
        self._ids: dict[str, None] = {}

    async def alerts(self, redis: Redis, keys: Keys, stop: asyncio.Event) -> AsyncIterator[Alert]:
        """Each alert once. Where the line was cut, even if the client mended it silently, its gap is filled.

        Raises:
            RedisConnectionError: the line is cut, and nobody answers.
            RedisUnavailableError: the past was asked for, and we may not read it.
        """
        async for message in _messages(redis, keys.channels, stop):
            if (
                message["type"] == "psubscribe"
            ):  # from now on nothing is missed: what was before is in the log
                for missed in await self._missed(redis, keys.alerts) if self._ask else ():
                    yield missed
                self.connected = self._ask = True
            elif (alert := _alert(message["data"])) and self._new(alert):
                yield alert

    async def _missed(self, redis: Redis, key: str) -> list[Alert]:
        """What the log has after the last alert that was heard, the oldest first."""
        missed: list[Alert] = []
        try:
            async for entries in backwards(redis, key, self._since):
                for _, fields in entries:
                    alert = _alert(fields.get(b"json", b""))
                    if alert is not None and alert.id in self._ids:
                        return [own for own in reversed(missed) if self._new(own)]
                    missed += [alert] if alert is not None else []
        except NoPermissionError:
            why = "this Redis user may not read the log of alerts (XREVRANGE)"
            if not self.connected:
                raise RedisUnavailableError(f"--since cannot be had: {why}") from None
            say(f"alerts of meanwhile are not shown: {why}")
        return [own for own in reversed(missed) if self._new(own)]

    def _new(self, alert: Alert) -> bool:
        if alert.id in self._ids:
            return False
        self._ids[alert.id] = None
        if len(self._ids) > _REMEMBERED:
            del self._ids[next(iter(self._ids))]
        return True


async def published(redis: Redis, pattern: str, stop: asyncio.Event) -> AsyncIterator[Alert]:
    """The alerts of the channels that `pattern` names, as they come, until `stop`."""
    async for message in _messages(redis, pattern, stop):
        if message["type"] == "pmessage" and (alert := _alert(message["data"])):
            yield alert


async def _messages(redis: Redis, pattern: str, stop: asyncio.Event) -> AsyncIterator[dict]:  # type: ignore[type-arg]
    """What redis-py gets; it subscribes anew, and gets another `psubscribe`, when it had to connect again."""
    async with redis.pubsub() as channel:
        await channel.psubscribe(pattern)
        while not stop.is_set():
            message = await channel.get_message(timeout=_LISTEN_SECONDS)
            if message is not None:
                yield message


def _alert(body: bytes) -> Alert | None:
    """None of what is no alert: others may write to the Redis, too."""
    try:
        return decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


def _print(alert: Alert, console: Console | None) -> None:
    if console is None:
        sys.stdout.write(encode(alert).decode() + "\n")
        sys.stdout.flush()
    else:
        print_line(alert, console)


def print_line(alert: Alert, console: Console) -> None:
    """A line for people; on a terminal, what does not fit stands below where it began."""
    if console.is_terminal and console.width >= _LEAST_WRAPPED:
        grid = Table.grid()
        grid.add_column(no_wrap=True)
        grid.add_column(overflow="fold")
        grid.add_row(*_alert_parts(alert))
        console.print(grid)
    else:
        console.print(alert_line(alert), soft_wrap=True)


def alert_line(alert: Alert) -> Text:
    """Exchange time, what happened, how much it matters, the next target."""
    begin, rest = _alert_parts(alert)
    return begin.append_text(rest)


def short_line(alert: Alert) -> Text:
    """The same for a view that shows symbol, year and zone elsewhere, and has no room."""
    wording = render(alert)
    when = datetime.fromisoformat(alert.data.exchange_time)
    headline = wording.headline
    if alert.data.price is not None:  # what is about the feed names it
        headline = headline.removeprefix(one_line(alert.data.title)).lstrip(": ")
    begin, rest = _parts(alert, f"{when:%d %b %H:%M}", wording.arrow, headline)
    return begin.append_text(rest)


def _alert_parts(alert: Alert) -> tuple[Text, Text]:
    """When and which way; what, how much it matters unless that is the usual, and the next target."""
    wording = render(alert)
    when = exchange_time(alert.data).partition(" (")[0]
    begin, rest = _parts(alert, when, wording.arrow, wording.headline)
    if alert.data.severity != "warning":
        rest.append(f"  {alert.data.severity}", "bold" if alert.data.severity == "critical" else "dim")
    return begin, rest.append(f"  next {wording.next}", "dim") if wording.next else rest


def _parts(alert: Alert, when: str, arrow: str, headline: str) -> tuple[Text, Text]:
    colour = _COLOURS[None if alert.type.endswith(".failed") else alert.data.direction]
    style = f"bold {colour}" if alert.data.severity == "critical" else colour
    return Text.assemble((when, "dim"), "  ", (f"{arrow} ", colour)), Text.assemble((headline, style))


def _awaited(config: Config, match: Match) -> str:
    """Which alerts, for people."""
    named = [(name, getattr(match, name)) for name in ("symbol", "rule", "type", "severity")]
    only = ", ".join(f"{name} {own}" for name, own in named if own is not None)
    if only:
        return f"{config.name} ({only})"
    symbols = [watch.symbol for watch in config.watch]
    return f"{config.name}: {', '.join(symbols[:5])}{f' and {len(symbols) - 5:,} more' if len(symbols) > 5 else ''}"

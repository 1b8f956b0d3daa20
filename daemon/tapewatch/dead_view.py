"""`tapewatch dead`: what receivers did not get, for people and for programs; sent again, or dropped."""

import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import NamedTuple

import msgspec
from redis.asyncio import Redis
from rich.console import Console
from rich.text import Text

from tapewatch.alerts.build import iso_ns
from tapewatch.config import Config, state_dir
from tapewatch.notify import dead
from tapewatch.notify.dead import DeadLetters, Letter
from tapewatch.notify.render import one_line
from tapewatch.problems import did_you_mean
from tapewatch.store.keys import Keys
from tapewatch.store.server import connect_redis
from tapewatch.tail import alert_line

SHOWN = 8
"""Digits of an alert's id that people see."""

_encode = msgspec.json.Encoder().encode


class NoReceiverError(ValueError):
    """No receiver of that name; the message says which there are."""


class _Line(NamedTuple):
    """A dead letter for programs."""

    receiver: str
    id: str
    time: str
    """When it was given up, RFC 3339 UTC."""
    reason: str
    alert: msgspec.Raw | None
    """The alert as it was published."""


async def show(config: Config, receiver: str | None, console: Console | None) -> int:
    """Prints the dead letters of one receiver, or of all: those of the config, and others that have some.

    Args:
        config: names the instance and its Redis.
        receiver: its name; None: all.
        console: for people; None: JSON, an object a line.

    Returns:
        How many there are.

    Raises:
        NoReceiverError: the config has no such receiver, and there are no dead letters of it.
        RedisUnavailableError: no daemon runs there.
    """
    count = 0
    async with _redis(config) as redis:
        for name in await _names(config, redis, receiver):
            async for letter in _letters(config, redis, name).letters():
                count += 1
                if console is None:
                    sys.stdout.write(_encode(_line(name, letter)._asdict()).decode() + "\n")
                else:
                    console.print(_text(name, letter), soft_wrap=True)
    return count


async def resend(config: Config, receiver: str, ids: Sequence[str] | None) -> tuple[int, int]:
    """Has dead letters sent again, by the daemon that runs or by its next start.

    Args:
        config: names the instance and its Redis.
        receiver: its name.
        ids: as `DeadLetters.find` takes them; None: all.

    Returns:
        How many are on their way, and how many cannot be sent, since they hold no alert.

    Raises:
        NoReceiverError: the config has no such receiver, so nobody would send them.
        NoLetterError: an id is wrong.
        RedisUnavailableError: no daemon runs there.
    """
    known = [own.name for own in config.receiver]
    if receiver not in known:
        raise NoReceiverError(_none(receiver, known))
    async with _redis(config) as redis:
        letters = _letters(config, redis, receiver)
        found = await letters.find(ids)
        readable = [own for own in found if own.readable]
        return await letters.resend(readable), len(found) - len(readable)


async def drop(config: Config, receiver: str, ids: Sequence[str] | None) -> int:
    """Deletes dead letters.

    Args:
        config: names the instance and its Redis.
        receiver: its name; the config need not have it any more.
        ids: as `DeadLetters.find` takes them; None: all.

    Returns:
        How many.

    Raises:
        NoReceiverError: the config has no such receiver, and there are no dead letters of it.
        NoLetterError: an id is wrong.
        RedisUnavailableError: no daemon runs there.
    """
    async with _redis(config) as redis:
        await _names(config, redis, receiver)
        letters = _letters(config, redis, receiver)
        return await letters.drop(await letters.find(ids))


def counted(letters: int) -> str:
    """`1 dead letter`, `2 dead letters`."""
    return f"{letters} dead letter{'' if letters == 1 else 's'}"


@asynccontextmanager
async def _redis(config: Config) -> AsyncIterator[Redis]:
    async with connect_redis(config.redis_url(), state_dir(config)) as redis:
        yield redis


def _letters(config: Config, redis: Redis, receiver: str) -> DeadLetters:
    keys = Keys(config.name)
    return DeadLetters(redis, keys.dead(receiver), keys.resend(receiver))


async def _names(config: Config, redis: Redis, receiver: str | None) -> list[str]:
    """The receiver that was asked for, or all."""
    known = [own.name for own in config.receiver]
    if receiver in known:
        return [receiver]
    others = await dead.receivers(redis, Keys(config.name).dead("*"))
    names = list(dict.fromkeys([*known, *others]))
    if receiver is None:
        return names
    if receiver not in names:
        raise NoReceiverError(_none(receiver, names))
    return [receiver]


def _none(receiver: str, names: Sequence[str]) -> str:
    there_is = f"there is {', '.join(names)}" if names else "it has none at all"
    return f"the config has no receiver {receiver!r}: {did_you_mean(receiver, names, there_is)}"


def _line(receiver: str, letter: Letter) -> _Line:
    body = msgspec.Raw(letter.body) if letter.alert else None
    return _Line(receiver, letter.id, iso_ns(letter.at_ns), letter.reason, body)


def _text(receiver: str, letter: Letter) -> Text:
    alert = letter.alert
    told = alert_line(alert) if alert else Text("no alert can be read here", "yellow")
    id = letter.id[:SHOWN] if alert else letter.id
    reason = f"\n    not delivered to {one_line(receiver)}, {iso_ns(letter.at_ns)[:19]}Z: {one_line(letter.reason)}"
    return Text.assemble((f"{one_line(id)}  ", "bold"), told, (reason, "dim"))

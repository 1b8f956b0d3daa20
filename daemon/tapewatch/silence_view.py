"""`tapewatch silence`: whether a silence makes sense, and what there is of them, for people and for programs."""

from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from fnmatch import fnmatchcase
from typing import Any

import msgspec
from rich.console import Console
from rich.text import Text

from tapewatch.alerts.alert import TYPE_PREFIX
from tapewatch.alerts.build import iso_ns
from tapewatch.alerts.feed_alert import RULE as FEED_RULE
from tapewatch.alerts.schema import ALERT_TYPES
from tapewatch.config import Condition, Config, Level, Watch, Zone, state_dir
from tapewatch.market.ticks import NS
from tapewatch.notify.render import one_line
from tapewatch.notify.silences import Silence, Silences
from tapewatch.problems import did_you_mean
from tapewatch.status import exchange_time
from tapewatch.store.keys import Keys
from tapewatch.store.server import connect_redis

_SEVERITIES = ("info", "warning", "critical")
_PATTERNS = ("symbol", "rule", "type", "severity")


class MatchesNothingError(ValueError):
    """No alert of the config could ever fit; the message says what is not known, and what was likely meant."""


def check(config: Config, silence: Silence) -> None:
    """Whether there can be alerts that it silences.

    Raises:
        MatchesNothingError: there are none.
    """
    places = list(_places(config))
    subjects = [*(own.symbol for own in config.watch), *(own.name for own in config.feed)]
    _known("symbol", silence.symbol, subjects)
    _known("rule", silence.rule, list(dict.fromkeys(rule for _, rule in places)))
    _known("type", silence.type, [own.removeprefix(TYPE_PREFIX) for own in ALERT_TYPES], ALERT_TYPES)
    _known("severity", silence.severity, _SEVERITIES)
    if not any(_fits(silence.symbol, symbol) and _fits(silence.rule, rule) for symbol, rule in places):
        rules = [rule for symbol, rule in places if _fits(silence.symbol, symbol)]
        there_is = f"there is {', '.join(rules)}" if rules else "it has none at all"
        called = f' called "{silence.rule}"' if silence.rule is not None else ""
        raise MatchesNothingError(f'no rule{called} belongs to "{silence.symbol or "*"}": {there_is}')


@asynccontextmanager
async def _of(config: Config) -> AsyncIterator[Silences]:
    async with connect_redis(config.redis_url(), state_dir(config)) as redis:
        yield Silences(redis, Keys(config.name).silences)


async def add(config: Config, silence: Silence) -> None:
    """Makes it hold.

    Raises:
        RedisUnavailableError: no daemon runs there.
    """
    async with _of(config) as silences:
        await silences.add(silence)


async def lift(config: Config, id: str) -> bool:
    """Takes it back; False if there is none of that id.

    Raises:
        RedisUnavailableError: no daemon runs there.
    """
    async with _of(config) as silences:
        return await silences.lift(id)


async def read(config: Config) -> list[Silence]:
    """All there are, by their end.

    Raises:
        RedisUnavailableError: no daemon runs there.
    """
    async with _of(config) as silences:
        return await silences.all()


def as_json(silence: Silence, now: int) -> dict[str, Any]:
    """One for programs: its fields, its times in ISO 8601 UTC, and whether it holds `now` (ns)."""
    times = {"since": iso_ns(silence.since_ns), "until": iso_ns(silence.until_ns)}
    return {**msgspec.structs.asdict(silence), **times, "state": _state(silence, now)}


def show(config: Config, silences: Sequence[Silence], now: int, console: Console) -> None:
    """The same for people, a line each."""
    for silence in silences:
        state = _state(silence, now)
        line = Text.assemble((silence.id, "bold"), "  ", what(silence), "  ")
        if state == "to come":
            line.append(f"from {_when(config, silence, silence.since_ns)} ")
        line.append(f"until {_when(config, silence, silence.until_ns)}")
        line.append("  over" if state == "over" else "")
        why = f": {silence.why}" if silence.why else ""
        line.append(f"  {one_line(silence.by + why)}", "dim")
        line.stylize("" if state == "holds" else "dim")
        console.print(line, soft_wrap=True)


def what(silence: Silence) -> str:
    """`symbol SPX, rule breakout`."""
    patterns = [(name, getattr(silence, name)) for name in _PATTERNS]
    return ", ".join(f"{name} {one_line(own)}" for name, own in patterns if own is not None) or "every alert"


def _state(silence: Silence, now: int) -> str:
    return "to come" if now < silence.since_ns else "holds" if now < silence.until_ns else "over"


def _when(config: Config, silence: Silence, time: int) -> str:
    """A time (ns) as this machine has it, and as the exchanges of what is silenced have it."""
    here = datetime.fromtimestamp(time // NS).astimezone()
    texts = {f"{here:%z}": f"{here:%a %d %b %Y %H:%M:%S %Z}"}
    for watch in config.watch:
        if _fits(silence.symbol, watch.symbol):
            there = exchange_time(watch, time)
            texts.setdefault(there, there)
    return ", ".join(texts.values())


def _places(config: Config) -> Iterator[tuple[str, str]]:
    """Subject and rule of every alert that there can be."""
    for watch in config.watch:
        for rule in _rules(watch):
            yield watch.symbol, rule
    for feed in config.feed:
        yield feed.name, FEED_RULE


def _rules(watch: Watch) -> list[str]:
    rules: list[Level | Zone | Condition] = [*watch.level, *watch.zone, *watch.condition]
    return [own.name for own in rules]


def _known(kind: str, pattern: str | None, names: Sequence[str], others: Sequence[str] = ()) -> None:
    if pattern is not None and not any(fnmatchcase(name, pattern) for name in (*names, *others)):
        right = did_you_mean(pattern, names, f"there is {', '.join(names)}")
        raise MatchesNothingError(f'no {kind} is called "{pattern}": {right}')


def _fits(pattern: str | None, name: str) -> bool:
    return pattern is None or fnmatchcase(name, pattern)

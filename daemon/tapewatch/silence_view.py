"""`tapewatch silence`: makes them, takes them back, and shows what there is of them."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime

from rich.console import Console
from rich.text import Text

from tapewatch.config import Config, state_dir
from tapewatch.market.ticks import NS
from tapewatch.notify.render import one_line
from tapewatch.notify.silences import Silence, Silences
from tapewatch.silencing import fits, state
from tapewatch.status import exchange_time
from tapewatch.store.keys import Keys
from tapewatch.store.server import connect_redis

_PATTERNS = ("symbol", "rule", "type", "severity")


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


def show(config: Config, silences: Sequence[Silence], now: int, console: Console) -> None:
    """The same for people, a line each."""
    for silence in silences:
        at = state(silence, now)
        line = Text.assemble((silence.id, "bold"), "  ", what(silence), "  ")
        if at == "to come":
            line.append(f"from {_when(config, silence, silence.since_ns)} ")
        line.append(f"until {_when(config, silence, silence.until_ns)}")
        line.append("  over" if at == "over" else "")
        why = f": {silence.why}" if silence.why else ""
        line.append(f"  {one_line(silence.by + why)}", "dim")
        line.stylize("" if at == "holds" else "dim")
        console.print(line, soft_wrap=True)


def what(silence: Silence) -> str:
    """`symbol SPX, rule breakout`."""
    patterns = [(name, getattr(silence, name)) for name in _PATTERNS]
    return ", ".join(f"{name} {one_line(own)}" for name, own in patterns if own is not None) or "every alert"


def _when(config: Config, silence: Silence, time: int) -> str:
    """A time (ns) as this machine has it, and as the exchanges of what is silenced have it."""
    here = datetime.fromtimestamp(time // NS).astimezone()
    texts = {f"{here:%z}": f"{here:%a %d %b %Y %H:%M:%S %Z}"}
    for watch in config.watch:
        if fits(silence.symbol, watch.symbol):
            there = exchange_time(watch, time)
            texts.setdefault(there, there)
    return ", ".join(texts.values())

"""Another config in a process that leads: all that can fail is done first; then it is put in place in one go."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Protocol

from tapewatch import assemble, instruments, sources, start
from tapewatch.alerts.build import AlertBuilder
from tapewatch.background import in_thread
from tapewatch.base import Base, outside_of
from tapewatch.changes import changes
from tapewatch.charting import Charts
from tapewatch.config import Config
from tapewatch.crew import Crew
from tapewatch.engine.engine import Engine
from tapewatch.feeds.connection import Connection
from tapewatch.feeds.protocol import Credentials
from tapewatch.notify.receivers import Built, turned
from tapewatch.notify.stages.route import wants
from tapewatch.notify.worker import Worker
from tapewatch.outages import Outages
from tapewatch.past import Past
from tapewatch.reload import Checked, NeedsRestartError
from tapewatch.store.server import answering
from tapewatch.tick_path import TickPath
from tapewatch.vigil import Vigil


async def checked(base: Base, old: Config, new: Config) -> Checked | None:
    """The config, if nothing in it keeps it from being taken over; None: there is nothing to take over.

    Raises:
        NeedsRestartError: a feed's key, or its secret, is another one; or Redis's URL, or the token of HTTP.
        FeedError, ReceiverError, ConfigError: a secret is missing or does not fit.
        FileError, HistoryError: a file of bars cannot be read, or does not fit its watch.
    """
    # With very many watches either takes long, and ticks come meanwhile.
    built = await in_thread(partial(base.receivers.build, new))
    differ = await in_thread(partial(changes, old, new))
    others = {
        name: keys
        for name, own in built.items()
        if (was := base.receivers.built.get(name))
        and was.receiver == own.receiver
        and (keys := turned(was, own))
    }
    if keys := [*_of_tables(new, base.outside), *_of_credentials(new, base.credentials)]:
        raise NeedsRestartError(keys)
    if not differ.any and not others:
        return None
    await _read_files(old, new)
    return Checked(new, differ, built, others)


def _of_tables(new: Config, known: Mapping[str, str | None]) -> list[str]:
    return [f"what {name} is read from" for name, value in outside_of(new).items() if known[name] != value]


def _of_credentials(config: Config, known: Sequence[Credentials]) -> list[str]:
    found = []
    for feed, before in zip(config.feed, known, strict=True):
        after = sources.credentials(config, feed)
        found += [
            f"feed {feed.name}: {key}"
            for key in ("key", "secret")
            if getattr(before, key) != getattr(after, key)
        ]
    return found


async def _read_files(old: Config, new: Config) -> None:
    """What a restart would read of the watches that are other than they were."""
    before = {watch.symbol: watch for watch in old.watch}
    pasts = sources.pasts(new, [None] * len(new.feed))
    for row, watch in enumerate(new.watch):
        if watch.history and before.get(watch.symbol) != watch:
            await pasts[row].warm_up(time.time_ns())


async def stand_by_with(base: Base, own: Checked) -> Checked:
    """From now on it is this config, in a process that does not lead: once it does, it begins with it."""
    base.receivers.built = own.built
    return own


class MakeWorker(Protocol):
    """Makes the worker of a receiver."""

    def __call__(self, built: Built, config: Config) -> Worker:
        """One that has read nothing yet."""


@dataclass(frozen=True, eq=False)
class Parts:
    """What stays as it is when the config changes, and is told so."""

    base: Base
    path: TickPath
    charts: Charts
    vigil: Vigil
    outages: Outages
    connections: list[Connection]
    crew: Crew
    make: MakeWorker


@dataclass(frozen=True, eq=False)
class Renewal:
    """A config with all that it needs."""

    checked: Checked
    old: Config
    engine: Engine
    builder: AlertBuilder
    pasts: dict[int, Past]
    warmed: dict[int, Engine]
    """By row, what history has for changed watches."""
    workers: dict[str, Worker]
    """Of receivers that are new, or other than they were."""


async def prepare(parts: Parts, old: Config, new: Config) -> Renewal | None:
    """Gets it ready; nothing has changed then. None: there is nothing to do.

    Raises:
        Exception: as `checked`; or a RedisUnavailableError, since a receiver needs its place in the stream.
    """
    if (own := await checked(parts.base, old, new)) is None:
        return None
    tape_clocks = [feed.clock == "tape" for feed in new.feed]
    engine = await in_thread(partial(assemble.engine, new, tape_clocks=tape_clocks, keep_bars=True))
    builder = assemble.alert_builder(new, engine)
    pasts = sources.pasts(new, parts.base.histories)
    before = parts.path.engine
    await start.warm(engine, pasts, engine.unknown_to(before))
    warmed = await start.warmed(engine, pasts, await _missing(engine, before))
    others = [*own.changes.of_receivers("added"), *own.changes.of_receivers("changed")]
    workers = {name: parts.make(own.built[name], new) for name in others}
    async with answering():
        for worker in workers.values():
            await worker.prepare()
    return Renewal(own, old, engine, builder, pasts, warmed, workers)


async def _missing(engine: Engine, before: Engine) -> dict[int, int]:
    found: dict[int, int] = {}
    for own in engine.missing_from(before):
        found |= own
        await asyncio.sleep(0)
    return found


async def put_in_place(parts: Parts, renewal: Renewal) -> Checked:
    """From now on it is this config.

    Raises:
        Exception: a mistake in this program; all is as it was before.
    """
    await parts.outages.mended()
    # From here on nothing waits, so that no tick falls between the two engines.
    own, engine, before = renewal.checked, renewal.engine, parts.path.engine
    rows = {layout.watch.symbol: row for row, layout in enumerate(engine.layouts)}
    missing = {rows[symbol]: names for symbol, names in engine.take_over(before).items() if names}
    start.graft(engine, renewal.warmed, missing)
    try:
        _switch(parts, own.config, engine, renewal.builder, renewal.pasts)
    except Exception:
        old = renewal.old
        pasts = sources.pasts(old, parts.base.histories)
        _switch(parts, old, before, assemble.alert_builder(old, before), pasts)
        raise
    for name in own.built.keys() & parts.crew.workers.keys():
        parts.crew.workers[name].wants = wants(own.config, name)
    for name in own.turned:
        parts.crew.workers[name].take_sender(own.built[name].sender)
    parts.crew.change(own.changes.of_receivers("removed"), renewal.workers)
    parts.base.receivers.built = own.built
    return own


def _switch(
    parts: Parts, config: Config, engine: Engine, builder: AlertBuilder, pasts: Mapping[int, Past]
) -> None:
    """Everybody who knows the watches hears of others."""
    parts.path.change(engine, builder)
    parts.charts.watch(config, engine, pasts)
    parts.outages.watch(pasts)
    parts.vigil.watch(config)
    for feed, connection in zip(config.feed, parts.connections, strict=True):
        connection.watch(instruments.on_feed(config, feed, engine))

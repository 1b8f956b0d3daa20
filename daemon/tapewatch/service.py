"""The daemon: builds the parts, runs them, drains and closes them. Reading it is reading the architecture."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import httpx
import numpy as np
import structlog
from numpy.typing import NDArray
from redis.asyncio import Redis

from tapewatch import assemble, instruments, reload, sources, start
from tapewatch.background import background, first_of, unless
from tapewatch.board import Board
from tapewatch.config import Config, state_dir
from tapewatch.feeds.connection import Connection, FeedRefusedError
from tapewatch.feeds.files import FileError
from tapewatch.feeds.history import HistorySource
from tapewatch.feeds.protocol import Credentials
from tapewatch.feeds.vendors import VENDORS
from tapewatch.history import HistoryError
from tapewatch.market.sessions import sessions
from tapewatch.notify import routing
from tapewatch.notify.build import build as build_sender
from tapewatch.notify.http import http_client
from tapewatch.notify.sender import Sender
from tapewatch.notify.worker import Worker
from tapewatch.ops.calendar import Calendar, calendar_jobs
from tapewatch.ops.refused import RefusedLog
from tapewatch.ops.summary import DailySummary
from tapewatch.outages import Outages
from tapewatch.reload import Reload
from tapewatch.settling import Settling
from tapewatch.sources import FeedError
from tapewatch.store.commit import Store
from tapewatch.store.now import NowBoard
from tapewatch.store.server import open_redis, where
from tapewatch.store.writer import Writer
from tapewatch.tick_path import TickPath
from tapewatch.vigil import Vigil

log = structlog.get_logger(__name__)

COMMIT_WITHIN = 3.0
DELIVER_WITHIN = 2.0
"""Seconds that a stop may take to write what is not written, and to deliver what is not delivered."""


class ServiceError(Exception):
    """The daemon cannot run as configured; the message says what would be right."""


@dataclass(frozen=True, eq=False)
class _Parts:
    """What stays as it is when the watches change."""

    path: TickPath
    outages: Outages
    vigil: Vigil
    connections: list[Connection]
    writer: Writer
    store: Store
    now: NowBoard
    workers: dict[str, Worker]
    histories: list[HistorySource | None]


async def run(
    config: Config,
    stop: asyncio.Event,
    *,
    ready: Callable[[], object] = lambda: None,
    changes: Reload | None = None,
) -> None:
    """Runs one instance until `stop` is set; then drains, commits and closes.

    Args:
        config: the config; it must name a feed.
        stop: set by a signal.
        ready: called once everything runs.
        changes: says when the config is to be read again, and how.

    Raises:
        ServiceError: the config cannot be run.
        ReceiverError, ConfigError: a receiver, or the file of a secret.
        RedisUnavailableError, FencedError, GapError: the store.
        FeedRefusedError: every feed refused us.
        TimeoutError: Redis was away at the stop; the message says what is not written.
    """
    if not config.feed:
        raise ServiceError(
            "the config names no feed, so there is nothing to run: add a [[feed]], or use replay"
        )
    credentials = [sources.credentials(config, feed) for feed in config.feed]
    url, folder = config.redis_url(), state_dir(config)
    async with AsyncExitStack() as stack:
        http = await stack.enter_async_context(http_client())
        senders = _senders(config, http)

        log.info("daemon.starting", instance=config.name, redis=where(url, folder), state_dir=str(folder))
        redis = await stack.enter_async_context(open_redis(url, folder))
        store = Store(redis, config.name)
        state = await store.open()

        histories = sources.histories(config, credentials, http)
        engine = assemble.engine(config, tape_clocks=[feed.clock == "tape" for feed in config.feed])
        known = sources.pasts(config, histories)
        if not await unless(stop, start.restore(engine, config, known, state.snapshots)):
            return
        writer = Writer(store, lambda: path.engine.snapshot())
        path = TickPath(engine, assemble.alert_builder(config, engine), writer, config.feed)
        outages, vigil = Outages(path, known, config.feed), Vigil(config, path)
        workers = await _workers(config, redis, store, senders)
        parts = _Parts(
            path=path,
            outages=outages,
            vigil=vigil,
            connections=[
                _connection(config, i, credentials[i], path, (vigil, outages))
                for i in range(len(config.feed))
            ],
            writer=writer,
            store=store,
            now=NowBoard(redis, store.keys),
            workers=workers,
            histories=histories,
        )
        await stack.enter_async_context(
            background(writer.run(), path.keep_time(), *(own.run() for own in workers.values()))
        )
        ready()
        log.info("daemon.ready", watches=len(config.watch), receivers=len(workers))
        try:
            async with background(outages.run(), *_receive(parts.connections)):
                await _watch(config, parts, stop, changes)
        finally:
            log.info("daemon.stopping")
            await writer.drain(COMMIT_WITHIN)
            await Board(parts.now, path.engine, parts.connections, writer.changed).close()
            await _deliver(workers)
    log.info("daemon.stopped", alerts=path.fired.total())


async def _watch(config: Config, parts: _Parts, stop: asyncio.Event, changes: Reload | None) -> None:
    """Watches what the config says, and what it says after each change, until `stop`."""
    while True:
        async with _watching(config, parts):
            await first_of(stop.wait(), *([changes.asked.wait()] if changes else []))
        if stop.is_set() or changes is None:
            return
        if (changed := changes.read_anew(config)) is not None:
            try:
                if not await unless(stop, _take_over(config, changed, parts)):
                    return
            except (FileError, HistoryError, FeedError) as error:
                log.error("config.refused", reason=str(error))
            else:
                config = changed


@asynccontextmanager
async def _watching(config: Config, parts: _Parts) -> AsyncIterator[None]:
    """What looks at the watches as they are now."""
    path, engine = parts.path, parts.path.engine
    board = Board(parts.now, engine, parts.connections, parts.writer.changed)
    refused = RefusedLog(engine)
    settling = Settling(path, sources.pasts(config, parts.histories))
    with calendar_jobs(_calendars(config, path), parts.store.trim):
        async with background(
            board.run(),
            refused.run(),
            parts.vigil.run(parts.connections),
            settling.run(),
        ):
            yield
    refused.write(float("inf"))


async def _take_over(old: Config, new: Config, parts: _Parts) -> None:
    """Other watches and routes on the same connections; what did not change keeps its state."""
    path, known = parts.path, {watch.symbol for watch in old.watch}
    sources.check_addresses(old, new)
    engine = assemble.engine(new, tape_clocks=[feed.clock == "tape" for feed in new.feed])
    pasts = sources.pasts(new, parts.histories)
    await start.warm(engine, pasts, [row for row, own in enumerate(new.watch) if own.symbol not in known])
    await parts.outages.mended()
    # From here to the last connection nothing waits, so that no tick gets lost between the two engines.
    missing = engine.take_over(path.engine)
    path.change(engine, assemble.alert_builder(new, engine))
    parts.outages.watch(pasts)
    parts.vigil.watch(new)
    for feed, connection in zip(new.feed, parts.connections, strict=True):
        connection.watch(instruments.on_feed(new, feed, engine))
    for name, worker in parts.workers.items():
        worker.wants = routing.wants(new, name)
    log.info("config.changed", **reload.differences(old, new))
    rows = {own.watch.symbol: row for row, own in enumerate(engine.layouts)}
    await start.complete(engine, pasts, {rows[symbol]: names for symbol, names in missing.items() if names})


def _senders(config: Config, http: httpx.AsyncClient) -> dict[str, Sender]:
    """Every receiver's sender, by name; before anything is started, as they need secrets."""
    secret = partial(config.secret, "receiver")
    return {receiver.name: build_sender(receiver, secret, http) for receiver in config.receiver}


async def _workers(
    config: Config, redis: Redis, store: Store, senders: dict[str, Sender]
) -> dict[str, Worker]:
    """A worker a receiver, ready for the first alert."""
    keys = store.keys
    workers = {
        name: Worker(redis, keys.alerts, name, sender, routing.wants(config, name), dead_key=keys.dead(name))
        for name, sender in senders.items()
    }
    for worker in workers.values():
        await worker.prepare()
    return workers


def _connection(
    config: Config, i: int, credentials: Credentials, path: TickPath, listeners: tuple[Vigil, Outages]
) -> Connection:
    """A connection of feed `i` that asks the vendor for each name once."""
    feed, vigil, outages = config.feed[i], *listeners
    numbers = instruments.on_feed(config, feed, path.engine)
    first, *second = sources.urls(feed, credentials, numbers)

    def ticks(rows: NDArray[np.void]) -> None:
        vigil.ticks(i, rows)
        outages.ticks(i, rows)

    def subscribed() -> None:
        vigil.subscribed(i)
        outages.subscribed(i)

    def lost() -> None:
        vigil.lost(i)
        outages.lost(i)

    return Connection(
        feed,
        first,
        partial(VENDORS[feed.vendor].protocol, feed, credentials),
        numbers,
        ticks,
        fallback_url=second[0] if second else None,
        on_subscribed=subscribed,
        on_lost=lost,
    )


def _calendars(config: Config, path: TickPath) -> list[Calendar]:
    """One calendar per exchange and feed, with the daily summary of its symbols."""
    engine = path.engine
    groups: dict[tuple[str, int], list[int]] = {}
    for row, watch in enumerate(config.watch):
        groups.setdefault((watch.calendar, engine.layouts[row].watch.feed), []).append(row)
    return [
        Calendar(sessions(name), partial(engine.clock, feed), DailySummary(engine, rows, path.fired).write)
        for (name, feed), rows in groups.items()
    ]


def _receive(connections: Sequence[Connection]) -> list[Coroutine[Any, Any, None]]:
    """Drives every feed; a feed that refuses us ends alone, the last one takes the daemon along."""
    refused: list[FeedRefusedError] = []

    async def drive(connection: Connection) -> None:
        try:
            await connection.run()
        except FeedRefusedError as error:
            refused.append(error)
            if len(refused) == len(connections):
                raise

    return [drive(connection) for connection in connections]


async def _deliver(workers: dict[str, Worker]) -> None:
    """Waits a little for deliveries; what is left stays in the stream, and is sent after the next start."""
    drained = await asyncio.gather(*(worker.drain(DELIVER_WITHIN) for worker in workers.values()))
    for name, done in zip(workers, drained, strict=True):
        if not done:
            log.warning(
                "notify.undelivered", receiver=name, reason="it is slow or away; sent after the next start"
            )

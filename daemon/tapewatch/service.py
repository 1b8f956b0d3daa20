"""The daemon: builds the parts, runs them, drains and closes them. Reading it is reading the architecture."""

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack
from functools import partial

import httpx
import numpy as np
import structlog
from numpy.typing import NDArray
from redis.asyncio import Redis

from tapewatch import assemble, history, instruments, secrets
from tapewatch.alerts.build import iso_ns
from tapewatch.background import background
from tapewatch.board import Board
from tapewatch.config import Config, Feed, state_dir
from tapewatch.engine.engine import Engine
from tapewatch.engine.snapshot import Snapshot, SnapshotError
from tapewatch.feeds.connection import Connection, FeedRefusedError
from tapewatch.feeds.protocol import Credentials
from tapewatch.feeds.vendors import VENDORS
from tapewatch.market.sessions import sessions
from tapewatch.notify import routing
from tapewatch.notify.build import build as build_sender
from tapewatch.notify.http import http_client
from tapewatch.notify.sender import Sender
from tapewatch.notify.worker import Worker
from tapewatch.ops.calendar import Calendar, calendar_jobs
from tapewatch.ops.refused import RefusedLog
from tapewatch.ops.summary import DailySummary
from tapewatch.store.commit import Store
from tapewatch.store.now import NowBoard
from tapewatch.store.server import open_redis, where
from tapewatch.store.writer import Writer
from tapewatch.tick_path import TickPath

log = structlog.get_logger(__name__)

COMMIT_WITHIN = 3.0
DELIVER_WITHIN = 2.0
"""Seconds that a stop may take to write what is not written, and to deliver what is not delivered."""


class ServiceError(Exception):
    """The daemon cannot run as configured; the message says what would be right."""


async def run(config: Config, stop: asyncio.Event, *, ready: Callable[[], object] = lambda: None) -> None:
    """Runs one instance until `stop` is set; then drains, commits and closes.

    Args:
        config: the config; it must name a feed.
        stop: set by a signal.
        ready: called once everything runs.

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
    credentials = [_credentials(config, feed) for feed in config.feed]
    url, folder = config.redis_url(), state_dir(config)
    async with AsyncExitStack() as stack:
        http = await stack.enter_async_context(http_client())
        senders = _senders(config, http)

        log.info("daemon.starting", instance=config.name, redis=where(url, folder), state_dir=str(folder))
        redis = await stack.enter_async_context(open_redis(url, folder))
        store = Store(redis, config.name)
        state = await store.open()

        engine = assemble.engine(config, tape_clocks=[feed.clock == "tape" for feed in config.feed])
        _restore(engine, config, state.snapshots)
        writer = Writer(store, engine.snapshot)
        path = TickPath(engine, assemble.alert_builder(config, engine), writer, config.feed)
        connections = [
            _connection(feed, own, instruments.on_feed(config, feed, engine), partial(path.ticks, i))
            for i, (feed, own) in enumerate(zip(config.feed, credentials, strict=True))
        ]
        workers = await _workers(config, redis, store, senders)
        board = Board(NowBoard(redis, store.keys), engine, connections, writer.changed)
        refused = RefusedLog(engine)

        stack.enter_context(calendar_jobs(_calendars(config, engine, path), store.trim))
        await stack.enter_async_context(
            background(
                writer.run(), path.keep_time(), board.run(), refused.run(), *(own.run() for own in workers)
            )
        )
        ready()
        log.info("daemon.ready", watches=len(config.watch), receivers=len(workers))
        try:
            await _receive(connections, stop)
        finally:
            log.info("daemon.stopping")
            await writer.drain(COMMIT_WITHIN)
            await board.close()
            refused.write(float("inf"))
            await _deliver(workers, list(senders))
    log.info("daemon.stopped", alerts=path.fired.total())


def _credentials(config: Config, feed: Feed) -> Credentials:
    """What the feed's vendor knows us by."""
    known = {}
    for field in ("key", "secret"):
        if f"{field}_file" in type(feed).model_fields:
            known[field] = config.secret("feed", feed.name, field, getattr(feed, f"{field}_file")) or ""
    for field in VENDORS[feed.vendor].needs(feed):
        if not known[field]:
            variable = secrets.variable("feed", feed.name, field)
            raise ServiceError(
                f"feed {feed.name!r} has no {field}: set {variable}, or {field}_file in the config to a file that "
                "holds it"
            )
    return Credentials(**known)


def _senders(config: Config, http: httpx.AsyncClient) -> dict[str, Sender]:
    """Every receiver's sender, by name; before anything is started, as they need secrets."""
    secret = partial(config.secret, "receiver")
    return {receiver.name: build_sender(receiver, secret, http) for receiver in config.receiver}


async def _workers(config: Config, redis: Redis, store: Store, senders: dict[str, Sender]) -> list[Worker]:
    """A worker a receiver, ready for the first alert."""
    keys = store.keys
    workers = [
        Worker(redis, keys.alerts, name, sender, routing.wants(config, name), dead_key=keys.dead(name))
        for name, sender in senders.items()
    ]
    for worker in workers:
        await worker.prepare()
    return workers


def _restore(engine: Engine, config: Config, snapshots: dict[str, Snapshot]) -> None:
    """Every symbol goes on where its snapshot is, or is warmed up from history."""
    for row, watch in enumerate(config.watch):
        try:
            if known := snapshots.get(watch.symbol):
                missing = engine.restore(row, known.hot, known.bars)
                price, time_ns = engine.last(row)
                log.info("state.restored", symbol=watch.symbol, price=price, time=iso_ns(time_ns))
                if missing:
                    _complete(engine, config, row, missing)
                continue
        except SnapshotError as error:
            log.warning(
                "state.refused", symbol=watch.symbol, reason=f"its snapshot is {error}; warming up anew"
            )
        names = instruments.names(config, watch)
        history.warm(engine, row, history.own(watch, names), names)
        log.info("state.warmed", symbol=watch.symbol, files=len(watch.history))


def _complete(engine: Engine, config: Config, row: int, missing: list[str]) -> None:
    """What a changed watch has that its snapshot lacks comes from history, as far as that goes."""
    watch = config.watch[row]
    alone = Engine([engine.layouts[row].watch])
    names = instruments.names(config, watch)
    history.warm(alone, 0, history.own(watch, names), names, before=engine.last(row)[1])
    cold = engine.graft(row, alone, missing)
    log.info("state.completed", symbol=watch.symbol, new=missing, without_history=cold)


def _connection(
    feed: Feed,
    credentials: Credentials,
    numbers: dict[str, int],
    on_ticks: Callable[[NDArray[np.void]], None],
) -> Connection:
    """A connection that asks the vendor for each name in `numbers` once."""
    vendor = VENDORS[feed.vendor]
    url = feed.url or vendor.url(feed, credentials, numbers)
    return Connection(feed, url, partial(vendor.protocol, feed, credentials, numbers), on_ticks)


def _calendars(config: Config, engine: Engine, path: TickPath) -> list[Calendar]:
    """One calendar per exchange and feed, with the daily summary of its symbols."""
    groups: dict[tuple[str, int], list[int]] = {}
    for row, watch in enumerate(config.watch):
        groups.setdefault((watch.calendar, engine.layouts[row].watch.feed), []).append(row)
    return [
        Calendar(sessions(name), partial(engine.clock, feed), DailySummary(engine, rows, path.fired).write)
        for (name, feed), rows in groups.items()
    ]


async def _receive(connections: list[Connection], stop: asyncio.Event) -> None:
    """Drives every feed until `stop`; a feed that refuses us ends alone, the last one takes the daemon along."""
    refused: list[FeedRefusedError] = []

    async def drive(connection: Connection) -> None:
        try:
            await connection.run()
        except FeedRefusedError as error:
            refused.append(error)
            if len(refused) == len(connections):
                raise

    async with background(*(drive(connection) for connection in connections)):
        await stop.wait()


async def _deliver(workers: list[Worker], names: list[str]) -> None:
    """Waits a little for deliveries; what is left stays in the stream, and is sent after the next start."""
    drained = await asyncio.gather(*(worker.drain(DELIVER_WITHIN) for worker in workers))
    for name, done in zip(names, drained, strict=True):
        if not done:
            log.warning(
                "notify.undelivered", receiver=name, reason="it is slow or away; sent after the next start"
            )

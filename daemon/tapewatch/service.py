"""The daemon: builds the parts, runs them, drains and closes them. Reading it is reading the architecture."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import numpy as np
import structlog
from numpy.typing import NDArray

from tapewatch import assemble, history, secrets
from tapewatch.alerts.alert import Alert
from tapewatch.alerts.build import AlertBuilder, iso_ns
from tapewatch.config import Config, Feed, state_dir
from tapewatch.engine.engine import Engine
from tapewatch.engine.events import REFUSALS, Events
from tapewatch.engine.snapshot import Snapshot, SnapshotError
from tapewatch.feeds.connection import Connection, FeedRefusedError
from tapewatch.feeds.vendors import VENDORS
from tapewatch.market.sessions import sessions
from tapewatch.notify import routing
from tapewatch.notify.build import build as build_sender
from tapewatch.notify.http import http_client
from tapewatch.notify.worker import Worker
from tapewatch.ops.calendar import Calendar, scheduler
from tapewatch.store.commit import Store
from tapewatch.store.now import NowBoard
from tapewatch.store.server import open_redis, where
from tapewatch.store.writer import Writer

Ticks = NDArray[np.void]

log = structlog.get_logger(__name__)

CLOCK_SECONDS = 0.25
"""How often a wall clock is told to the engine between ticks."""

BOARD_SECONDS = 0.1
"""How often the `now` hashes are looked at; they are written once a second."""

REFUSED_SECONDS = 60
"""Refused ticks are logged once per kind in this time."""

CANCEL_AGAIN_SECONDS = 0.5

COMMIT_WITHIN = 10.0
DELIVER_WITHIN = 3.0
"""Seconds that a stop may take to write what is not written, and to deliver what is not delivered."""


class ServiceError(Exception):
    """The daemon cannot run as configured; the message says what would be right."""


class TickPath:
    """What a tick passes through inside the process: engine, alerts, writer. No await: a tick waits for nobody."""

    def __init__(self, engine: Engine, builder: AlertBuilder, writer: Writer, feeds: list[Feed]) -> None:
        self._engine = engine
        self._builder = builder
        self._writer = writer
        self._by_tape = [feed.clock == "tape" for feed in feeds]
        self.fired = 0
        """Alerts since the start."""

    def ticks(self, feed: int, ticks: Ticks) -> None:
        """Takes the ticks of a frame, in their order."""
        if self._by_tape[feed]:
            self._fire(self._engine.step(ticks, feed))
            self._fire(self._engine.advance(self._engine.clock(feed), feed))
        else:
            self.time(feed)
            self._fire(self._engine.step(ticks, feed))

    def time(self, feed: int) -> None:
        """Tells the engine the wall clock's time."""
        self._fire(self._engine.advance(time.time_ns(), feed))

    def _fire(self, events: Events) -> None:
        if not len(events):
            return
        alerts = self._builder.build(events)
        self.fired += len(alerts)
        self._writer.fired(alerts, self._engine.snapshot(np.unique(events.rows["symbol"]).tolist()))
        for alert in alerts:
            _log_alert(alert)


async def run(config: Config, stop: asyncio.Event, *, ready: Callable[[], object] = lambda: None) -> None:
    """Runs one instance until `stop` is set; then drains, commits and closes.

    Args:
        config: the config; it must name a feed.
        stop: set by a signal.
        ready: called once everything runs.

    Raises:
        ServiceError: the config cannot be run.
        RedisUnavailableError, FencedError, GapError: the store.
        ReceiverError, SecretError: a receiver or a secret.
        FeedRefusedError: every feed refused us.
    """
    if not config.feed:
        raise ServiceError(
            "the config names no feed, so there is nothing to run: add a [[feed]], or use replay"
        )
    keys = {feed.name: _key(config, feed) for feed in config.feed}
    folder = state_dir(config)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    url = config.redis_url()
    log.info("daemon.starting", instance=config.name, redis=where(url, folder), state_dir=str(folder))
    async with open_redis(url, folder) as redis, http_client() as http:
        store = Store(redis, config.name)
        state = await store.open()
        engine = assemble.engine(config, tape_clocks=[feed.clock == "tape" for feed in config.feed])
        _restore(engine, config, state.snapshots)
        writer = Writer(store, engine.snapshot)
        path = TickPath(engine, assemble.alert_builder(config, engine), writer, config.feed)
        workers = [
            Worker(
                redis,
                store.keys.alerts,
                receiver.name,
                build_sender(receiver, partial(config.secret, "receiver"), http),
                routing.wants(config, receiver.name),
                dead_key=store.keys.dead(receiver.name),
            )
            for receiver in config.receiver
        ]
        for worker in workers:
            await worker.prepare()
        connections = [
            _connection(feed, keys[feed.name], _rows(config, feed), partial(path.ticks, i))
            for i, feed in enumerate(config.feed)
        ]
        calendar = scheduler(_calendars(config, engine, path), store.trim)
        calendar.start()
        try:
            async with _background(
                writer.run(),
                _tell_time(path, config.feed),
                _post(NowBoard(redis, store.keys), engine, connections),
                _report_refused(engine),
                *(worker.run() for worker in workers),
            ):
                ready()
                log.info("daemon.ready", watches=len(config.watch), receivers=len(workers))
                try:
                    await _receive(connections, stop)
                finally:
                    log.info("daemon.stopping")
                    await writer.drain(COMMIT_WITHIN)
                    await asyncio.gather(*(worker.drain(DELIVER_WITHIN) for worker in workers))
        finally:
            calendar.shutdown(wait=False)
    log.info("daemon.stopped", alerts=path.fired)


def _key(config: Config, feed: Feed) -> str:
    key = config.secret("feed", feed.name, "key", feed.key_file)
    if not key:
        variable = secrets.variable("feed", feed.name, "key")
        raise ServiceError(
            f"feed {feed.name!r} has no key: set {variable}, or key_file in the config to a file"
        )
    return key


def _connection(feed: Feed, key: str, rows: dict[str, int], on_ticks: Callable[[Ticks], None]) -> Connection:
    vendor = VENDORS[feed.vendor]
    return Connection(feed, feed.url or vendor.url(rows), partial(vendor.protocol, key, rows), on_ticks)


def _rows(config: Config, feed: Feed) -> dict[str, int]:
    return {
        watch.feed_symbol or watch.symbol: row
        for row, watch in enumerate(config.watch)
        if config.feed_of(watch) is feed
    }


def _restore(engine: Engine, config: Config, snapshots: dict[str, Snapshot]) -> None:
    """Every symbol goes on where its snapshot is, or is warmed up from history."""
    for row, watch in enumerate(config.watch):
        known = snapshots.get(watch.symbol)
        try:
            if known is not None:
                engine.restore(row, known.hot, known.bars)
                price, time_ns = engine.last(row)
                log.info("state.restored", symbol=watch.symbol, price=price, time=iso_ns(time_ns))
                continue
        except SnapshotError as error:
            log.warning(
                "state.refused", symbol=watch.symbol, reason=f"its snapshot is {error}; warming up anew"
            )
        history.warm(engine, row, watch.history)
        log.info("state.warmed", symbol=watch.symbol, files=len(watch.history))


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

    async with _background(*(drive(connection) for connection in connections)):
        await stop.wait()


@asynccontextmanager
async def _background(*jobs: Coroutine[Any, Any, Any]) -> AsyncIterator[None]:
    """Runs coroutines beside the block and cancels them after it; the first that fails ends the block."""
    async with asyncio.TaskGroup() as group:
        tasks = {group.create_task(job) for job in jobs}
        yield
        while tasks:
            for task in tasks:
                task.cancel()
            # Again and again: Python 3.11's wait_for, which redis-py uses, may lose a cancel (cpython#86296).
            _, tasks = await asyncio.wait(tasks, timeout=CANCEL_AGAIN_SECONDS)


async def _tell_time(path: TickPath, feeds: list[Feed]) -> None:
    by_wall = [i for i, feed in enumerate(feeds) if feed.clock == "wall"]
    while True:
        for feed in by_wall:
            path.time(feed)
        await asyncio.sleep(CLOCK_SECONDS)


async def _post(board: NowBoard, engine: Engine, connections: list[Connection]) -> None:
    """Keeps the `now` hashes of the symbols that ticked, and of all whose feed changed its state."""
    posted, states = np.zeros_like(engine.places()), None
    while True:
        await asyncio.sleep(BOARD_SECONDS)
        if not board.due(time.monotonic()):
            continue
        places, now_states = engine.places(), [connection.state for connection in connections]
        changed = places != posted if now_states == states else np.ones(len(places), bool)
        posted, states = places, now_states
        fields = {
            engine.layouts[k].watch.symbol: now_fields(engine, k, connections)
            for k in np.flatnonzero(changed).tolist()
        }
        await board.write(fields)


def now_fields(engine: Engine, row: int, connections: list[Connection]) -> dict[str, str | float]:
    """What the `now` hash of a symbol says: feed, price, time, and every indicator that has a value."""
    connection = connections[engine.layouts[row].watch.feed]
    fields: dict[str, str | float] = {"feed": connection.feed.name, "feed_state": str(connection.state)}
    price, time_ns = engine.last(row)
    if time_ns:
        fields |= {"price": price, "time": iso_ns(time_ns), "time_ns": str(time_ns)}
    return fields | {name: value for name, value in engine.values(row).items() if value == value}


async def _report_refused(engine: Engine) -> None:
    """Logs what was refused, once a minute and kind."""
    before = engine.refused.copy()
    while True:
        await asyncio.sleep(REFUSED_SECONDS)
        now = engine.refused.copy()
        new, before = now - before, now
        for row, reason in zip(*(part.tolist() for part in np.nonzero(new)), strict=True):
            symbol = engine.layouts[row].watch.symbol if row < len(engine.layouts) else None
            log.warning("ticks.refused", symbol=symbol, reason=REFUSALS[reason], count=int(new[row, reason]))


def _calendars(config: Config, engine: Engine, path: TickPath) -> list[Calendar]:
    """One calendar per exchange and feed, with the daily summary of its symbols."""
    groups: dict[tuple[str, int], list[int]] = {}
    for row, watch in enumerate(config.watch):
        groups.setdefault((watch.calendar, engine.layouts[row].watch.feed), []).append(row)
    return [
        Calendar(
            sessions(name),
            partial(engine.clock, feed),
            partial(_summarise, engine, rows, path),
        )
        for (name, feed), rows in groups.items()
    ]


def _summarise(engine: Engine, rows: list[int], path: TickPath) -> None:
    """The daily summary: what each symbol closed at, and its daily indicators."""
    for row in rows:
        price, time_ns = engine.last(row)
        daily = {
            name: round(value, 4)
            for name, value in engine.values(row).items()
            if name.endswith("@1d") and value == value
        }
        log.info(
            "summary.daily",
            symbol=engine.layouts[row].watch.symbol,
            price=price,
            time=iso_ns(time_ns),
            alerts_since_start=path.fired,
            **daily,
        )


def _log_alert(alert: Alert) -> None:
    log.info(
        "alert.fired",
        alert=alert.id,
        symbol=alert.subject,
        rule=alert.data.rule,
        type=alert.type,
        text=alert.data.text,
    )

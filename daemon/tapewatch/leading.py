"""A process that leads: it restores the state, takes the ticks, commits what they fire, and delivers it."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import structlog
from numpy.typing import NDArray

from tapewatch import addresses, assemble, instruments, renewal, sources, start
from tapewatch.background import background, first_of, unless
from tapewatch.base import Base
from tapewatch.board import Board
from tapewatch.charting import Charts
from tapewatch.charts.painter import Painter
from tapewatch.config import Config
from tapewatch.crew import Crew
from tapewatch.engine.engine import Engine
from tapewatch.feeds.connection import Connection, FeedRefusedError
from tapewatch.feeds.vendors import VENDORS
from tapewatch.market.sessions import sessions
from tapewatch.notify.pictures import Pictures, links
from tapewatch.notify.receivers import Built
from tapewatch.notify.silences import Silences
from tapewatch.notify.stages import Pipeline
from tapewatch.notify.stages.route import wants
from tapewatch.notify.streams import Streams
from tapewatch.notify.worker import Worker
from tapewatch.ops.calendar import Calendar, calendar_jobs
from tapewatch.ops.refused import RefusedLog
from tapewatch.ops.summary import DailySummary
from tapewatch.outages import Outages
from tapewatch.past import Past
from tapewatch.reload import Reload
from tapewatch.settling import Settling
from tapewatch.standby import Intake, Queue, Standby
from tapewatch.store.commit import Fired, Store
from tapewatch.store.lease import Lease
from tapewatch.store.now import NowBoard
from tapewatch.store.recovery import commit_spool
from tapewatch.store.server import answering
from tapewatch.store.writer import Writer
from tapewatch.tick_path import TickPath
from tapewatch.vigil import Vigil
from tapewatch.vitals import Leading, Role

log = structlog.get_logger(__name__)

COMMIT_WITHIN = 3.0
DELIVER_WITHIN = 2.0
"""Seconds that a stop may take to write what is not written, and to deliver what is not delivered."""

OPENED_WITHIN = 60.0
"""Seconds that Redis may take to hand out the state of all symbols."""


@dataclass(frozen=True, eq=False)
class Term:
    """What is there before a process leads."""

    config: Config
    engine: Engine
    standby: Standby
    intake: Intake
    """What the connections bring goes here."""
    connections: list[Connection]
    lease: Lease | None
    """None where nobody stands by."""


@dataclass(frozen=True, eq=False)
class _Live:
    """Takes what comes over the feeds."""

    vigil: Vigil
    outages: Outages

    def ticks(self, feed: int, ticks: NDArray[np.void], at: int) -> None:
        self.vigil.ticks(feed, ticks)
        self.outages.ticks(feed, ticks, at)

    def subscribed(self, feed: int) -> None:
        self.vigil.subscribed(feed)
        self.outages.subscribed(feed)

    def lost(self, feed: int) -> None:
        self.vigil.lost(feed)
        self.outages.lost(feed)


@dataclass(frozen=True, eq=False)
class _Parts(renewal.Parts):
    """What stays as it is when the config changes."""

    live: _Live
    writer: Writer
    store: Store
    now: NowBoard


async def lead(
    base: Base, term: Term, stop: asyncio.Event, ready: Callable[[], object], changes: Reload | None
) -> None:
    """Leads until `stop` is set; then drains.

    Raises:
        FencedError, LeaseLostError: another process leads.
        GapError: Redis lost more than the last seconds.
        FeedRefusedError: every feed refused us.
        TimeoutError: Redis was away at the stop; the message says what is not written.
    """
    config, lease, vitals = term.config, term.lease, base.vitals
    term.standby.keep_all()
    vitals.role = Role.STARTING
    store = Store(base.redis, config.name)
    known = sources.pasts(config, base.histories)
    if not await unless(stop, _restore(base, term, store, known)):
        return
    async with AsyncExitStack() as stack:
        parts, silences = _parts(base, term, store, known)
        stack.push_async_callback(parts.charts.close)
        workers = parts.crew.workers
        if not await unless(stop, _prepare(workers.values(), silences)):
            return
        jobs = [parts.writer.run(), silences.keep(), parts.crew.run(), parts.charts.run()]
        if any(built.sender.pictures for built in base.receivers.built.values()):
            jobs.append(parts.charts.warm_up())
        await stack.enter_async_context(background(*jobs))
        vitals.leading = Leading(parts.path, parts.writer, workers, parts.vigil, silences, parts.charts)
        vitals.role = Role.LEADING
        ready()
        log.info("daemon.ready", watches=len(config.watch), receivers=len(workers))
        try:
            receiving = [] if config.ha is True else receive(parts.connections)
            async with background(parts.outages.run(), *receiving), _taking_ticks(term, parts):
                await _watch(config, parts, stop, changes)
        finally:
            base.fired.update(parts.path.fired)
            if lease is None or not lease.lost:
                vitals.role = Role.STOPPING
                await _finish(parts)
            vitals.leading = None


async def _restore(base: Base, term: Term, store: Store, known: dict[int, Past]) -> None:
    """What this process left behind is committed, the instance ours, and its state in the engine."""
    lease = term.lease
    await commit_spool(store, base.spool, base.having)
    async with answering(OPENED_WITHIN):
        state = await store.open(lease.member if lease else "")
    if lease:
        lease.token = store.token
    await start.restore(term.engine, term.config, known, state.snapshots)


async def _prepare(workers: Iterable[Worker], silences: Silences) -> None:
    """Asks Redis for what must be known before the first alert."""
    async with answering():
        for worker in workers:
            await worker.prepare()
        await silences.refresh()


def _parts(base: Base, term: Term, store: Store, known: dict[int, Past]) -> tuple[_Parts, Silences]:
    config, keys, lease = term.config, base.keys, term.lease
    silences = Silences(base.redis, keys.silences)

    def spooled(fired: Sequence[Fired]) -> None:
        if lease and config.ha_redis_down == "stop":
            return  # who follows us fires and sends them, too
        for worker in crew.workers.values():
            worker.spooled([(own.alert, own.json) for own in fired])

    charts = Charts(base.bars, Painter())
    charts.watch(config, term.engine, known)
    writer = Writer(store, base.spool, lambda: path.changes(), spooled=spooled, having=base.having)
    path = TickPath(
        term.engine,
        assemble.alert_builder(config, term.engine),
        writer,
        config.feed,
        lambda feed: term.connections[feed].standing_back,
        charts.fired,
    )

    def worker(built: Built, config: Config) -> Worker:
        name = built.receiver.name
        return Worker(
            base.redis,
            Streams(keys.alerts, keys.resend(name), keys.dead(name), keys.deliveries),
            built.receiver,
            built.sender,
            Pipeline(built.receiver, wants(config, name), lambda: silences.known),
            base.ledgers.of(name),
            member=base.consumer,
            clock=path.clock_of,
            may_send=partial(_may_send, lease, config.ha_redis_down),
            acknowledges_first=partial(_acknowledges_first, lease, config.ha_redis_down),
            pictures=Pictures(charts.picture, links(config.http.url)),
        )

    crew = Crew({name: worker(built, config) for name, built in base.receivers.built.items()})
    live = _Live(Vigil(config, path), Outages(path, known, config.feed))
    parts = _Parts(
        base=base,
        path=path,
        charts=charts,
        vigil=live.vigil,
        outages=live.outages,
        connections=term.connections,
        crew=crew,
        make=worker,
        live=live,
        writer=writer,
        store=store,
        now=NowBoard(base.redis, keys),
    )
    return parts, silences


def _may_send(lease: Lease | None, redis_down: str) -> bool:
    """Only who leads for certain sends; or, if the config says so, who led when Redis went away."""
    return lease is None or lease.held() or (redis_down == "send" and lease.cut_off)


def _acknowledges_first(lease: Lease | None, redis_down: str) -> bool:
    return lease is not None and not (redis_down == "send" and lease.cut_off)


@asynccontextmanager
async def _taking_ticks(term: Term, parts: _Parts) -> AsyncIterator[None]:
    """Goes on with what was kept while another led, and then with what comes, until the block ends."""
    await _take_up(term, parts)
    try:
        # Not before: the clock would close bars whose ticks were kept.
        async with background(parts.path.keep_time()):
            yield
    finally:
        term.intake.listener = term.standby  # what still comes is for who leads next


async def _take_up(term: Term, parts: _Parts) -> None:
    """Takes what was kept, and what comes meanwhile."""
    standby, live, engine = term.standby, parts.live, parts.path.engine
    await live.outages.runs.wait()
    places = engine.places()
    for feed in range(len(parts.connections)):
        if standby.connected(feed):
            of_feed = [row for row, own in enumerate(engine.layouts) if own.watch.feed == feed]
            live.vigil.subscribed(feed)
            if standby.has_all_since(feed, int(places[of_feed].max(initial=0))):
                live.outages.uninterrupted(feed)
            else:
                live.outages.subscribed(feed)
    queue = term.intake.listener = Queue(live, standby.take())
    await queue.play()
    term.intake.listener = live


async def _finish(parts: _Parts) -> None:
    """Writes what is not written, and delivers what is not delivered, as far as that goes quickly."""
    log.info("daemon.stopping")
    await parts.writer.drain(COMMIT_WITHIN)
    await Board(parts.now, parts.path.engine, parts.connections, parts.writer.changed).close()
    for name in await parts.crew.drain(DELIVER_WITHIN):
        log.warning(
            "notify.undelivered",
            receiver=name,
            alerts=parts.crew.workers[name].undelivered,
            reason="it is slow or away; sent after the next start",
        )


async def _watch(config: Config, parts: _Parts, stop: asyncio.Event, changes: Reload | None) -> None:
    """Watches what the config says, and what it says after each change, until `stop`."""
    while not stop.is_set():
        async with _watching(config, parts):
            config = await _next_config(config, parts, stop, changes)


async def _next_config(config: Config, parts: _Parts, stop: asyncio.Event, changes: Reload | None) -> Config:
    """The config that the parts go by from now on; the same at `stop`."""
    while not stop.is_set():
        await first_of(stop.wait(), *([changes.asked.wait()] if changes else []))
        if changes is not None and changes.asked.is_set():
            prepare, put = partial(renewal.prepare, parts, config), partial(renewal.put_in_place, parts)
            await unless(stop, changes.attempt(config, prepare, put))
            if (latest := changes.latest or config) != config:
                return latest
    return config


@asynccontextmanager
async def _watching(config: Config, parts: _Parts) -> AsyncIterator[None]:
    """What looks at the watches as they are now."""
    path, engine = parts.path, parts.path.engine
    board = Board(parts.now, engine, parts.connections, parts.writer.changed)
    refused = RefusedLog(engine)
    settling = Settling(path, sources.pasts(config, parts.base.histories))
    calendars = _calendars(config, path)
    for own in calendars:
        own.turn()
    with calendar_jobs(calendars, parts.store.trim):
        async with background(
            board.run(),
            refused.run(),
            parts.vigil.run(parts.connections),
            settling.run(),
        ):
            yield
    for own in calendars:
        own.turn()
    refused.write(float("inf"))


def connections(base: Base, config: Config, engine: Engine, intake: Intake) -> list[Connection]:
    """A connection of each feed, which asks the vendor for each name once; what it brings goes to `intake`."""
    return [_connection(base, config, feed, engine, intake) for feed in range(len(config.feed))]


def _connection(base: Base, config: Config, i: int, engine: Engine, intake: Intake) -> Connection:
    feed, credentials = config.feed[i], base.credentials[i]
    numbers = instruments.on_feed(config, feed, engine)
    first, *second = addresses.urls(feed, credentials, numbers)
    return Connection(
        feed,
        first,
        partial(VENDORS[feed.vendor].protocol, feed, credentials),
        numbers,
        partial(intake.ticks, i),
        fallback_url=second[0] if second else None,
        on_subscribed=partial(intake.subscribed, i),
        on_lost=partial(intake.lost, i),
    )


def receive(connections: Sequence[Connection]) -> list[Coroutine[Any, Any, None]]:
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

"""The daemon: opens what it needs, and leads, or stands by until it may. Reading it is reading the architecture."""

import asyncio
import os
import socket
from collections.abc import Callable, Coroutine
from contextlib import AsyncExitStack, closing, suppress
from functools import partial
from typing import Any

import structlog
from redis.exceptions import RedisError

from tapewatch import assemble, renewal, sources
from tapewatch.background import answer, background, first_error, first_of, unless
from tapewatch.base import Base, outside_of
from tapewatch.charts.keeper import Keeper
from tapewatch.config import Config, state_dir
from tapewatch.leading import Term, connections, lead, receive
from tapewatch.notify.http import http_client
from tapewatch.notify.ledger import Ledgers
from tapewatch.notify.receivers import Receivers
from tapewatch.ops.stalls import measure_stalls
from tapewatch.ops.supervised import keep, reloading
from tapewatch.ops.systemd import Notifier
from tapewatch.reload import Reload
from tapewatch.standby import Intake, Standby
from tapewatch.state_folder import own_folder
from tapewatch.store.commit import Store
from tapewatch.store.errors import FencedError, LeaseLostError
from tapewatch.store.keys import Keys
from tapewatch.store.lease import SECONDS, Lease
from tapewatch.store.recovery import drop_if_followed
from tapewatch.store.server import open_redis, where
from tapewatch.store.spool import Spool
from tapewatch.values import listen_address
from tapewatch.vitals import Role, Vitals
from tapewatch.web.server import serve
from tapewatch.web.sources import Sources

log = structlog.get_logger(__name__)


class ServiceError(Exception):
    """The daemon cannot run as configured; the message says what would be right."""


async def run(
    config: Config,
    stop: asyncio.Event,
    *,
    ready: Callable[[], object] = lambda: None,
    changes: Reload | None = None,
    notifier: Notifier | None = None,
) -> None:
    """Runs one instance until `stop` is set; then drains, commits and closes.

    Args:
        config: the config; it must name a feed.
        stop: set by a signal.
        ready: called once everything runs, or stands by.
        changes: says when the config is to be read again, and how.
        notifier: tells the service manager how it goes.

    Raises:
        ServiceError, StateFolderError: the config cannot be run here.
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
    outside = outside_of(config)
    url, folder = outside["[redis] url"], state_dir(config)
    if config.ha and url is None:
        raise ServiceError(
            "ha needs a Redis that all its processes reach: set redis.url or TAPEWATCH_REDIS_URL"
        )
    async with AsyncExitStack() as stack:
        http = await stack.enter_async_context(http_client())
        receivers = Receivers(http, config)  # before anything is started, as they need secrets
        own = stack.enter_context(own_folder(folder, shared=bool(config.ha)))
        log.info("daemon.starting", instance=config.name, redis=where(url, folder), state_dir=str(own))
        redis = await stack.enter_async_context(open_redis(url, folder, config.redis.fsync))
        spool = stack.enter_context(closing(Spool(own)))
        base = Base(
            redis=redis,
            keys=Keys(config.name),
            spool=spool,
            receivers=receivers,
            ledgers=Ledgers(own / "sent"),
            bars=stack.enter_context(closing(Keeper(own / "charts.sqlite"))),
            credentials=credentials,
            histories=sources.histories(config, credentials, http),
            outside=outside,
            vitals=Vitals(config, spool=spool),
            consumer=own.name if config.ha else "member-1",
            member=f"{socket.gethostname()}-{os.getpid()}-{os.urandom(3).hex()}",
        )
        manager = notifier or Notifier(None)
        if changes is not None:
            changes.during = partial(reloading, manager)
            changes.ended = partial(_count, base.vitals)
        telling = _telling(base, outside["[http] token"], manager)
        await stack.enter_async_context(background(*telling))
        if config.ha:
            await _lead_by_turns(base, config, stop, ready, changes)
        else:
            await lead(base, _term(base, config, Standby(len(config.feed))), stop, ready, changes)
    log.info("daemon.stopped", fired=base.fired.total())


def _telling(base: Base, token: str | None, notifier: Notifier) -> list[Coroutine[Any, Any, object]]:
    """What tells others of the process, for as long as it runs."""
    vitals, listen = base.vitals, listen_address(base.vitals.config.http.listen)
    own: list[Coroutine[Any, Any, object]] = [measure_stalls(vitals.stalls), keep(notifier, vitals)]
    return [*own, serve(Sources(vitals, base.redis, base.keys), listen, token)] if listen else own


def _count(vitals: Vitals, outcome: str, config: Config | None) -> None:
    vitals.reloads[outcome] += 1
    vitals.config = config or vitals.config


def _term(base: Base, config: Config, standby: Standby, lease: Lease | None = None) -> Term:
    tape_clocks = [feed.clock == "tape" for feed in config.feed]
    engine = assemble.engine(config, tape_clocks=tape_clocks, keep_bars=True)
    intake = Intake(standby)
    term = Term(config, engine, standby, intake, connections(base, config, engine, intake), lease)
    base.vitals.config, base.vitals.connections, base.vitals.lease = config, term.connections, lease
    return term


async def _lead_by_turns(
    base: Base, config: Config, stop: asyncio.Event, ready: Callable[[], object], changes: Reload | None
) -> None:
    """Stands by, leads, and stands by again when another has taken over, until `stop`."""
    while not stop.is_set():
        with suppress(RedisError, TimeoutError):  # if Redis is away, who leads looks at the spool
            await answer(drop_if_followed(Store(base.redis, config.name), base.spool), SECONDS)
        standby = Standby(len(config.feed))
        lease = Lease(base.redis, base.keys, base.member, _always if config.ha == "cold" else standby.warm)
        try:
            async with background(lease.run()):
                await _take_turn(base, _term(base, config, standby, lease), lease, stop, ready, changes)
        except* (FencedError, LeaseLostError) as lost:
            log.error("lease.lost", member=base.member, reason=str(first_error(lost)))
        finally:
            await lease.give_up()
        config = (changes and changes.latest) or config


def _always() -> bool:
    return True


async def _take_turn(
    base: Base,
    term: Term,
    lease: Lease,
    stop: asyncio.Event,
    ready: Callable[[], object],
    changes: Reload | None,
) -> None:
    """Stands by until the lease is ours, and leads; or until the config has changed."""
    async with AsyncExitStack() as stack:
        if term.config.ha != "cold":
            await stack.enter_async_context(background(*receive(term.connections)))
        log.info("daemon.standing_by", member=base.member)
        base.vitals.role = Role.STANDING_BY
        ready()
        while not (lease.taken.is_set() or stop.is_set()):
            await first_of(lease.taken.wait(), stop.wait(), *([changes.asked.wait()] if changes else []))
            if lease.taken.is_set() or changes is None or not changes.asked.is_set():
                continue
            prepare, put = partial(renewal.checked, base, term.config), partial(renewal.stand_by_with, base)
            if not await unless(lease.taken, changes.attempt(term.config, prepare, put)):
                changes.asked.set()  # who leads takes it over in its own way
            elif (changes.latest or term.config) != term.config:
                return
        if stop.is_set():
            base.vitals.role = Role.STOPPING
        else:
            await lead(base, term, stop, ready, changes)

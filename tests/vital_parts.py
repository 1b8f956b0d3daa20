"""A process's parts on a real Redis, put together as the service does it, for what only reads them."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from alerts.alert_tapes import tape
from notify.receiver_servers import redis_server
from tapewatch import assemble, instruments, sources
from tapewatch.background import background
from tapewatch.charting import Charts
from tapewatch.charts.keeper import Keeper
from tapewatch.charts.painter import Painter
from tapewatch.config import Config
from tapewatch.feeds.connection import Connection, State
from tapewatch.feeds.protocol import Credentials
from tapewatch.feeds.vendors import VENDORS
from tapewatch.notify.console import Console
from tapewatch.notify.ledger import Ledger
from tapewatch.notify.silences import Silences
from tapewatch.notify.stages import Pipeline
from tapewatch.notify.streams import Streams
from tapewatch.notify.worker import Worker
from tapewatch.store.commit import Store
from tapewatch.store.keys import Keys
from tapewatch.store.lease import Lease
from tapewatch.store.spool import Spool
from tapewatch.store.writer import Writer
from tapewatch.tick_path import TickPath
from tapewatch.vigil import Vigil
from tapewatch.vitals import Leading, Role, Vitals


def config(**more: Any) -> Config:
    """Bitcoin on the wall clock, ether on a tape, and somebody at a console."""
    keys = {
        "name": "test",
        "feed": [
            {"name": "btc", "vendor": "kraken"},
            {"name": "tape", "vendor": "kraken", "clock": "tape"},
        ],
        "watch": [
            {
                "symbol": symbol,
                "feed": feed,
                "feed_symbol": symbol,
                "calendar": "24/7",
                "timeframes": ["1m", "1h"],
                "indicators": [],
                "max_jump": "off",
                "level": [{"name": "round", "price": 100}],
            }
            for symbol, feed in (("BTC/USD", "btc"), ("ETH/USD", "tape"))
        ],
        "receiver": [{"name": "desk", "kind": "console"}],
        "route": [{"receivers": ["desk"]}],
    }
    return Config.model_validate(keys | more)


def connections(config: Config) -> list[Connection]:
    """Of each feed, not connected: `run` nobody calls."""
    engine = assemble.engine(config, tape_clocks=[feed.clock == "tape" for feed in config.feed])
    return [
        Connection(
            feed,
            "ws://127.0.0.1:9",
            partial(VENDORS[feed.vendor].protocol, feed, Credentials()),
            instruments.on_feed(config, feed, engine),
            lambda ticks: None,
        )
        for feed in config.feed
    ]


def ticks(symbol: str, prices: str) -> np.ndarray:
    """A tick a second, as the feeds of `config` bring them."""
    rows = tape(prices)
    rows["symbol"] = ("BTC/USD", "ETH/USD").index(symbol)
    return rows


def subscribe(vitals: Vitals) -> None:
    for connection in vitals.connections:
        connection.state = State.SUBSCRIBED


def standby(config: Config, redis: Redis) -> Vitals:
    """A process that stands by, and has not heard who leads."""
    lease = Lease(redis, Keys(config.name), "me")
    return Vitals(config, Role.STANDING_BY, connections=connections(config), lease=lease)


async def lead(config: Config, redis: Redis, folder: Path) -> Vitals:
    """A process that leads alone, and whose feeds are subscribed."""
    store, spool = Store(redis, config.name), Spool(folder)
    await store.open()
    tape_clocks = [feed.clock == "tape" for feed in config.feed]
    engine = assemble.engine(config, tape_clocks=tape_clocks, keep_bars=True)
    charts = Charts(Keeper(folder / "charts.sqlite"), Painter())
    charts.watch(config, engine, sources.pasts(config, [None] * len(config.feed)))
    writer = Writer(store, spool, lambda: path.changes())
    path = TickPath(engine, assemble.alert_builder(config, engine), writer, config.feed, witness=charts.fired)
    keys = Keys(config.name)
    silences = Silences(redis, keys.silences)
    workers = {
        receiver.name: Worker(
            redis,
            Streams(keys.alerts, keys.resend(receiver.name), keys.dead(receiver.name), keys.deliveries),
            receiver,
            Console(),
            Pipeline(receiver, lambda alert: True, lambda: silences.known),
            Ledger(folder / "sent" / receiver.name),
            member="member-1",
            clock=path.clock_of,
        )
        for receiver in config.receiver
    }
    for worker in workers.values():
        await worker.prepare()
    vitals = Vitals(config, Role.LEADING, spool, connections(config))
    vitals.leading = Leading(path, writer, workers, Vigil(config, path), silences, charts)
    subscribe(vitals)
    return vitals


@asynccontextmanager
async def running(vitals: Vitals) -> AsyncIterator[Leading]:
    """A process that leads commits, delivers and keeps its charts meanwhile."""
    own = vitals.leading
    assert own is not None
    workers = [worker.run() for worker in own.workers.values()]
    async with background(own.writer.run(), own.silences.keep(), own.charts.run(), *workers):
        yield own


@pytest.fixture
async def redis(tmp_path: Path) -> AsyncIterator[Redis]:
    """A server of its own; a client that does not wait for one that is away."""
    (tmp_path / "r").mkdir()
    async with (
        redis_server(tmp_path / "r") as path,
        Redis(unix_socket_path=str(path), retry=Retry(NoBackoff(), 0)) as redis,
    ):
        yield redis


@pytest.fixture
async def leader(redis: Redis, tmp_path: Path) -> Vitals:
    """Leads alone."""
    return await lead(config(), redis, tmp_path / "own")


async def until(holds: Callable[[], bool]) -> None:
    """Returns when it holds."""
    async with asyncio.timeout(20):
        while not holds():  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0.01)

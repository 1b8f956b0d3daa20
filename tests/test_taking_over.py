"""A process begins to lead: what it heard while another led is played first, then what comes; nothing of it is lost."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, closing
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from redis.asyncio import Redis

from feeds.bar_servers import MINUTE, NS, Market, minutes, serve
from frozen_redis import frozen, pid_of
from tapewatch import assemble, leading, sources
from tapewatch.alerts.alert import decode
from tapewatch.base import Base, outside_of
from tapewatch.charts.keeper import Keeper
from tapewatch.config import Config
from tapewatch.feeds.protocol import Credentials
from tapewatch.leading import Term, lead
from tapewatch.market.sessions import sessions
from tapewatch.market.ticks import empty_ticks
from tapewatch.notify.ledger import Ledgers
from tapewatch.notify.receivers import Receivers
from tapewatch.service import _term
from tapewatch.standby import Standby
from tapewatch.store.commit import Commit, Store
from tapewatch.store.errors import RedisUnavailableError
from tapewatch.store.keys import Keys
from tapewatch.store.server import open_redis
from tapewatch.store.spool import Spool
from tapewatch.vitals import Vitals


def config(*symbols: str, **feed: Any) -> Config:
    """A feed for each symbol, with a level at 100."""
    level = {"name": "round", "price": 100}
    watch = {"calendar": "24/7", "max_jump": "off", "rearm": 0, "indicators": [], "timeframes": ["1m"]}
    return Config.model_validate(
        {
            "name": "t",
            "ha": True,
            "feed": [
                {"name": f"of-{own.lower()}", "vendor": "massive", "url": "ws://127.0.0.1:1"} | feed
                for own in symbols
            ],
            "watch": [
                {"symbol": own, "feed": f"of-{own.lower()}", "level": [level]} | watch for own in symbols
            ],
        }
    )


def ticks(number: int, *events: tuple[int, float]) -> np.ndarray:
    rows = empty_ticks(len(events))
    rows["time"], rows["price"] = [time for time, _ in events], [price for _, price in events]
    rows["size"], rows["symbol"] = 1.0, number
    return rows


@pytest.fixture
async def redis(tmp_path: Path) -> AsyncIterator[Redis]:
    async with open_redis(None, tmp_path / "redis") as redis:
        yield redis


@pytest.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient() as http:
        yield http


@pytest.fixture
def base(redis: Redis, http: httpx.AsyncClient, tmp_path: Path) -> Iterator[Callable[[Config], Base]]:
    """What a process has; its credentials are made up."""
    with closing(Spool(tmp_path / "own")) as spool, closing(Keeper(tmp_path / "charts.sqlite")) as keeper:

        def made(config: Config) -> Base:
            known = [Credentials("key") for _ in config.feed]
            folder = config.model_copy(update={"state_dir": tmp_path / "state"})
            return Base(
                redis=redis,
                keys=Keys(config.name),
                spool=spool,
                receivers=Receivers(http, config),
                ledgers=Ledgers(tmp_path / "sent"),
                bars=keeper,
                credentials=known,
                histories=sources.histories(folder, known, http),
                outside=outside_of(config),
                vitals=Vitals(config, spool=spool),
                member="m",
                consumer="m",
            )

        yield made


async def alerts(redis: Redis) -> list[Any]:
    return [decode(fields[b"json"]) for _, fields in await redis.xrange(Keys("t").alerts)]


async def led(base: Base, term: Term, until: Callable[[], Awaitable[bool]]) -> None:
    """Leads until that holds."""
    stop = asyncio.Event()
    leading = asyncio.create_task(lead(base, term, stop, lambda: None, None))
    try:
        async with asyncio.timeout(15):
            while not await until():
                assert not leading.done(), leading.result()
                await asyncio.sleep(0.02)
    finally:
        stop.set()
        await leading


async def test_the_clock_closes_no_bar_whose_ticks_were_kept(
    base: Callable[[Config], Base], redis: Redis
) -> None:
    watched = config("BTC")
    own = base(watched)
    turn = _term(own, watched, Standby(len(watched.feed)))
    turn.standby.subscribed(0)
    number, now = turn.engine.instruments["BTC"], time.time_ns()
    # Several minutes end within these; the last ones would be late if the clock went first.
    times = [now - 300 * NS + k * NS // 2 for k in range(590)]
    for k, at in enumerate(times):
        turn.standby.ticks(0, ticks(number, (at, 99.0 + 2 * (k % 2))), at)

    async def all_fired() -> bool:
        return len(await alerts(redis)) >= len(times) - 1

    await led(own, turn, all_fired)
    assert [own.time for own in await alerts(redis)] == [
        np.datetime_as_string(np.datetime64(at, "ns")) + "Z" for at in times[1:]
    ]


async def test_what_comes_over_one_feed_while_that_of_another_is_played_is_taken(
    base: Callable[[Config], Base], redis: Redis
) -> None:
    watched = config("BTC", "ETH")
    own = base(watched)
    turn = _term(own, watched, Standby(len(watched.feed)))
    now = time.time_ns()
    first, second = turn.engine.instruments["BTC"], turn.engine.instruments["ETH"]
    for feed in (0, 1):
        turn.standby.subscribed(feed)
    for k in range(1000):
        turn.standby.ticks(1, ticks(second, (now - NS + k * 1000, 90.0)), now)
    turn.standby.ticks(0, ticks(first, (now - NS, 99.0)), now)
    sent = 0

    async def trades() -> None:
        """One each turn of the loop, all the while."""
        nonlocal sent
        while sent < 400:
            sent += 1
            turn.intake.ticks(0, ticks(first, (now - NS // 2 + sent, 99.0 + 2 * (sent % 2))))
            await asyncio.sleep(0)

    async def all_fired() -> bool:
        return sent >= 400 and len(await alerts(redis)) >= sent

    trading = asyncio.create_task(trades())
    try:
        await led(own, turn, all_fired)
    finally:
        trading.cancel()
    assert len(await alerts(redis)) == sent


async def test_a_line_that_is_lost_while_its_ticks_are_played_is_known_to_be(
    base: Callable[[Config], Base], redis: Redis
) -> None:
    """It came back, too: before the first tick over the new one others may have been missed."""
    watched = config("BTC")
    own = base(watched)
    turn = _term(own, watched, Standby(len(watched.feed)))
    number, now = turn.engine.instruments["BTC"], time.time_ns()
    turn.standby.subscribed(0)
    for k in range(1000):
        turn.standby.ticks(0, ticks(number, (now - 2 * NS + k * 1000, 99.0)), now)
    engine, seen = turn.engine, False

    async def hiccup() -> None:
        nonlocal seen
        while not engine.last(0)[0]:  # noqa: ASYNC110
            await asyncio.sleep(0)
        seen = engine.last(0)[1] < now - 2 * NS + 999 * 1000
        turn.intake.lost(0)
        turn.intake.subscribed(0)
        turn.intake.ticks(0, ticks(number, (now, 101.0)))

    async def fired() -> bool:
        return bool(await alerts(redis))

    hiccups = asyncio.create_task(hiccup())
    try:
        await led(own, turn, fired)
    finally:
        hiccups.cancel()
    assert seen, "it was not in the midst"
    assert [alert.data.gap for alert in await alerts(redis)] == ["outage"]


async def test_what_is_missing_before_the_first_tick_that_was_kept_comes_from_history(
    base: Callable[[Config], Base], redis: Redis
) -> None:
    end = time.time_ns() // MINUTE * MINUTE
    bars = minutes(end - 60 * MINUTE, end)
    for name in ("open", "high", "low", "close"):
        bars[name] = 95.0
        bars[name][-5:-3] = 105.0
    async with AsyncExitStack() as stack:
        url = await stack.enter_async_context(serve(Market(sessions("24/7"), BTC=bars)))
        watched = config("BTC", history_url=url)
        own = base(watched)
        store = Store(redis, "t")
        await store.open()
        before = assemble.engine(watched, tape_clocks=[False])
        before.step(ticks(before.instruments["BTC"], (end - 10 * MINUTE + 1, 95.0)), 0, 0)
        await store.commit(Commit(1, before.snapshot([0]), []))

        turn = _term(own, watched, Standby(len(watched.feed)))
        turn.standby.subscribed(0)
        turn.standby.ticks(0, ticks(turn.engine.instruments["BTC"], (time.time_ns(), 95.0)), time.time_ns())

        async def fired() -> bool:
            return bool(await alerts(redis))

        await led(own, turn, fired)
    assert [(alert.type, alert.data.late) for alert in await alerts(redis)] == [
        ("tapewatch.level.touched", True)
    ]


@pytest.mark.parametrize("stopped", [False, True])
async def test_a_redis_that_does_not_answer_holds_nobody_up(
    base: Callable[[Config], Base], redis: Redis, monkeypatch: pytest.MonkeyPatch, stopped: bool
) -> None:
    monkeypatch.setattr(leading, "OPENED_WITHIN", 60.0 if stopped else 0.3)
    watched = config("BTC")
    own = base(watched)
    stop = asyncio.Event()
    with frozen(await pid_of(redis)):
        task = asyncio.create_task(
            lead(own, _term(own, watched, Standby(len(watched.feed))), stop, lambda: None, None)
        )
        await asyncio.sleep(0.1)
        if stopped:
            stop.set()
        done, _ = await asyncio.wait([task], timeout=5)
    assert done
    if stopped:
        task.result()
    else:
        with pytest.raises(RedisUnavailableError, match="no answer from Redis"):
            task.result()

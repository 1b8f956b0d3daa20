"""A connection that is open and worth nothing: replaced while the market trades, and only then."""

import asyncio
import time
from contextlib import asynccontextmanager, suppress
from itertools import pairwise

import numpy as np
from running_connection import Calls, Noted, Watcher, let_in, reasons, tape, vendor, watcher
from structlog.testing import capture_logs
from websockets.asyncio.server import ServerConnection

from tapewatch.feeds.backoff import Backoff
from tapewatch.feeds.connection import State
from tapewatch.feeds.massive.server import MassiveServer
from tapewatch.feeds.silence import Listened, Silence
from tapewatch.feeds.simulator import Simulator, Trouble
from tapewatch.market.sessions import sessions
from tapewatch.market.ticks import NS

NOON = 1_769_619_600 * NS  # Wednesday, 28 January 2026, in New York
NIGHT = NOON - 12 * 3600 * NS
MUTE = 0.1
"""Seconds."""


class Guarded(Watcher):
    """A connection that is replaced when it is mute, as the daemon does."""

    def __init__(self, url: str, market: int, **options) -> None:
        own = Listened("SPY", (0,), sessions("XNYS"), extended=False, max_silence=MUTE)
        self.silence = Silence([own], time.monotonic())
        self.silent: list[str] = []
        self.back = 0
        self._market = market
        super().__init__(
            url,
            on_subscribed=lambda: self.silence.subscribed(time.monotonic()),
            on_lost=self.silence.lost,
            **options,
        )
        self._guard = asyncio.create_task(self._watch_over())

    def _take(self, ticks: np.ndarray) -> None:
        self.silence.ticks(ticks, time.monotonic())
        super()._take(ticks)

    async def _watch_over(self) -> None:
        while True:
            look = self.silence.look(time.monotonic(), self._market)
            if look.mute is not None:
                self.connection.replace(f"mute: {look.mute}")
            if look.stale is not None:
                self.silent.append(str(look.stale))
            self.back += look.back is not None
            await asyncio.sleep(0.005)

    async def stop(self) -> None:
        self._guard.cancel()
        await super().stop()


@asynccontextmanager
async def guarded(url: str, market: int, **options):
    one = Guarded(url, market, **options)
    try:
        yield one
    finally:
        await one.stop()


class Heartbeats:
    """A server that lets everybody in and then sends heartbeats alone, but for a tick on connections from `tick_on`."""

    def __init__(self, tick_on: int = 1_000_000) -> None:
        self.calls = Calls()
        self.codes: list[int | None] = []
        self._tick_on = tick_on

    async def __call__(self, websocket: ServerConnection) -> None:
        self.calls()
        session = await let_in(websocket)
        if len(self.calls.times) >= self._tick_on:
            await websocket.send(session.frame(tape(1), np.array([1])), text=True)
        with suppress(Exception):
            while True:
                await websocket.send('[{"ev":"status","status":"success","message":"heartbeat"}]')
                await asyncio.sleep(0.01)
        self.codes.append(websocket.close_code)


async def test_a_line_with_heartbeats_alone_is_replaced_while_the_market_trades_at_growing_intervals():
    server, backoff = Heartbeats(tick_on=4), Noted()
    with capture_logs() as logs:
        async with vendor(server) as url, guarded(url, NOON, backoff=backoff) as one:
            await one.until(lambda: len(one.ticks) == 1)
            await one.until(lambda: one.back == 1)
            assert one.connection.state == State.SUBSCRIBED
    assert reasons(logs)[0] == "mute: no tick of SPY for 0 s while XNYS trades"
    assert len(server.calls.times) == 4
    assert server.codes[:3] == [1000] * 3, "each was closed as a good client does"
    gaps = [after - before for before, after in pairwise(server.calls.times)]
    for gap, wait, limit in zip(gaps, backoff.waits, [MUTE, 2 * MUTE, 4 * MUTE], strict=True):
        assert gap >= limit + wait
    assert one.silent == ["no tick of SPY for 0 s while XNYS trades"], "said once, not once a connection"
    assert one.connection.replaced == one.connection.reconnects == 3


async def test_at_night_a_line_with_heartbeats_alone_is_left_alone():
    server = Heartbeats()
    async with vendor(server) as url, guarded(url, NIGHT) as one:
        await one.until(lambda: one.connection.state == State.SUBSCRIBED)
        await asyncio.sleep(4 * MUTE)
        assert one.connection.last_frame > time.monotonic() - MUTE
    assert len(server.calls.times) == 1
    assert one.silent == []


async def test_a_simulated_market_that_falls_mute_is_found_again():
    simulator = Simulator(
        MassiveServer, tape(60_000, step_ms=1), ["SPY"], speed=1, trouble=Trouble(mute_after=0.05)
    )
    async with simulator.serve() as server, guarded(f"ws://127.0.0.1:{server.port}", NOON) as one:
        await one.until(lambda: one.connection.replaced >= 2)
        heard = len(one.ticks)
        await one.until(lambda: len(one.ticks) > heard)
    assert (np.diff(one.ticks["id"]) > 0).all()


async def test_what_replace_is_told_while_nothing_is_open_does_nothing():
    async with watcher("ws://127.0.0.1:9/", backoff=Backoff(base=30)) as one:
        await one.until(lambda: one.connection.state == State.WAITING)
        one.connection.replace("mute")
        await asyncio.sleep(0.02)
        assert one.connection.state == State.WAITING
        assert one.connection.replaced == 0

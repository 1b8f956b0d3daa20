"""What a connection tells, and what it is told while it runs."""

import asyncio

import numpy as np
from running_connection import Calls, Watcher, let_in, tape, vendor, watcher
from websockets.asyncio.server import ServerConnection, serve

from tapewatch.feeds.backoff import Backoff
from tapewatch.feeds.connection import State
from tapewatch.feeds.massive.server import MassiveServer
from tapewatch.market.ticks import UNKNOWN_SYMBOL


async def test_other_symbols_are_asked_for_on_the_connection_that_is_open_and_on_each_new_one():
    asked: list[list[str]] = []
    sessions: list[ServerConnection] = []

    async def listen(websocket: ServerConnection) -> None:
        own: list[str] = []
        asked.append(own)
        sessions.append(websocket)
        session = MassiveServer(["SPY", "QQQ", "IWM"], False)
        await websocket.send(session.open("/", {})[0])
        async for message in websocket:
            own.append(message)
            for answer in session.receive(message):
                await websocket.send(answer)

    async with vendor(listen) as url, watcher(url, instruments={"SPY": 0, "QQQ": 1}) as one:
        await one.until(lambda: one.connection.state == State.SUBSCRIBED)
        one.connection.watch({"SPY": 0, "IWM": 2})
        await one.until(lambda: len(asked[0]) == 4)
        await sessions[0].close(1012)
        await one.until(lambda: len(asked) == 2 and len(asked[1]) == 2)
        await one.until(lambda: one.connection.state == State.SUBSCRIBED)
    assert [message.partition('"params":')[2] for message in asked[0][1:]] == [
        '"T.SPY,T.QQQ"}',
        '"T.QQQ"}',
        '"T.IWM"}',
    ]
    assert [message.count("subscribe") for message in asked[0]] == [0, 1, 1, 1]
    assert "unsubscribe" in asked[0][2]
    assert asked[1][1].endswith('"T.SPY,T.IWM"}')


async def test_other_symbols_between_two_connections_wait_for_the_next(unused_tcp_port):
    asked: list[str] = []

    async def listen(websocket: ServerConnection) -> None:
        session = MassiveServer(["SPY", "IWM"], False)
        await websocket.send(session.open("/", {})[0])
        async for message in websocket:
            asked.append(message)
            for answer in session.receive(message):
                await websocket.send(answer)

    async with watcher(f"ws://127.0.0.1:{unused_tcp_port}", backoff=Backoff(base=0.05, cap=0.05)) as one:
        await one.until(lambda: one.connection.state == State.WAITING)
        one.connection.watch({"IWM": 1})
        async with serve(listen, "127.0.0.1", unused_tcp_port):
            await one.until(lambda: one.connection.state == State.SUBSCRIBED)
    assert asked[1].endswith('"T.IWM"}')


async def test_what_happens_is_told_in_its_order_with_the_frames_as_they_came():
    told: list[str] = []

    async def once(websocket: ServerConnection) -> None:
        session = await let_in(websocket)
        await websocket.send(session.frame(tape(1), np.array([1])), text=True)
        await asyncio.sleep(0.01)

    class Told(Watcher):
        def _take(self, ticks: np.ndarray) -> None:
            told.append("ticks")
            super()._take(ticks)

    async with vendor(once) as url:
        one = Told(
            url,
            backoff=Backoff(base=60),
            on_connected=lambda: told.append("connected"),
            on_frame=lambda frame: told.append(bytes(frame).decode()[:24]),
            on_subscribed=lambda: told.append("subscribed"),
            on_lost=lambda: told.append("lost"),
        )
        await one.until(lambda: one.connection.state == State.WAITING)
        await one.stop()
    assert told == [
        "connected",
        '[{"ev":"status","status"',
        '[{"ev":"status","status"',
        '[{"ev":"status","status"',
        "subscribed",
        '[{"ev":"T","sym":"SPY","',
        "ticks",
        "lost",
    ]


async def test_a_tick_in_the_frame_that_confirms_comes_after_the_news_of_it():
    told: list[str] = []

    async def at_once(websocket: ServerConnection) -> None:
        await websocket.send('[{"ev":"status","status":"connected","message":""}]')
        await websocket.recv()
        await websocket.send('[{"ev":"status","status":"auth_success","message":""}]')
        await websocket.recv()
        await websocket.send('[{"ev":"status","status":"success"},{"ev":"T","sym":"SPY","p":690.0,"t":1}]')
        await websocket.wait_closed()

    async with vendor(at_once) as url, watcher(url, on_subscribed=lambda: told.append("subscribed")) as one:
        await one.until(lambda: len(one.ticks) == 1)
        assert told == ["subscribed"]
        await one.stop()
    assert one.connection.state == State.SUBSCRIBED


async def test_a_feed_that_nobody_watches_is_not_connected_until_somebody_does():
    calls = Calls()

    async def listen(websocket: ServerConnection) -> None:
        calls()
        await let_in(websocket)
        await websocket.wait_closed()

    async with vendor(listen) as url, watcher(url, instruments={}, login_timeout=0.05) as one:
        await one.until(lambda: one.connection.state == State.IDLE)
        await asyncio.sleep(0.1)
        assert not calls.times
        one.connection.watch({"SPY": 0})
        await one.until(lambda: one.connection.state == State.SUBSCRIBED)
        one.connection.watch({})
        await one.until(lambda: one.connection.state == State.IDLE)
        await asyncio.sleep(0.2)
        assert len(calls.times) == 1
        assert one.connection.replaced == 0
        one.connection.watch({"SPY": 1})
        await one.until(lambda: one.connection.state == State.SUBSCRIBED)
    assert len(calls.times) == 2


async def test_who_is_no_longer_watched_while_it_is_dialled_is_given_up_at_once():
    dialled = asyncio.Event()
    let_go = asyncio.Event()

    async def hesitate(_: ServerConnection, __: object) -> None:
        dialled.set()
        await let_go.wait()

    async with vendor(let_in, process_request=hesitate) as url, watcher(url) as one:
        await dialled.wait()
        one.connection.watch({})
        let_go.set()
        await one.until(lambda: one.connection.state == State.IDLE)


async def test_what_still_comes_of_what_nobody_watches_any_more_is_nobodys():
    async def flood(websocket: ServerConnection) -> None:
        session = await let_in(websocket)
        while True:
            await websocket.send(session.frame(tape(1), np.array([1])).decode())

    before: set[int] = set()
    after: set[int] = set()

    class Shouting(Watcher):
        shouted = False

        def _take(self, ticks: np.ndarray) -> None:
            (after if self.shouted else before).update(ticks["symbol"].tolist())
            if not self.shouted:
                self.shouted = True
                self.connection.watch({"IWM": 1})

    async with vendor(flood, compression=None) as url:
        one = Shouting(url)
        await one.until(lambda: bool(after))
        await one.stop()
    assert before == {0}
    assert after == {UNKNOWN_SYMBOL}

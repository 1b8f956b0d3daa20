"""Whoever is away or turns us down is asked again, and never more often than the backoff allows."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import numpy as np
import pytest
from running_connection import Calls, Noted, let_in, reasons, tape, vendor, watcher
from structlog.testing import capture_logs
from websockets.asyncio.server import ServerConnection

from tapewatch.feeds.backoff import Backoff
from tapewatch.feeds.connection import FeedRefusedError
from tapewatch.feeds.massive.server import MassiveServer
from tapewatch.feeds.simulator import Simulator, Trouble


async def test_a_server_that_is_gone_for_a_while_is_asked_as_the_backoff_allows_and_then_serves_again():
    calls, backoff = Calls(), Noted()

    async def hang_up(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        calls()
        writer.close()

    server = await asyncio.start_server(hang_up, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with watcher(f"ws://127.0.0.1:{port}", backoff=backoff) as one:
        await one.until(lambda: len(calls.times) >= 12)
        assert calls.never_before(backoff.waits)
        server.close()
        await server.wait_closed()
        await one.until(lambda: len(backoff.waits) >= 14)  # TCP itself is refused
        async with Simulator(MassiveServer, tape(100), ["SPY"], speed=None).serve(port=port):
            await one.until(lambda: len(one.ticks) == 100)
            assert one.connection.reconnects == len(backoff.waits)


async def test_a_name_that_does_not_resolve_at_the_start_is_tried_on_and_the_second_url_serves_meanwhile():
    simulator = Simulator(MassiveServer, tape(10), ["SPY"], speed=None)
    with capture_logs() as logs:
        async with simulator.serve() as server:
            second = f"ws://127.0.0.1:{server.port}"
            async with watcher("ws://no-such-host.invalid/", fallback_url=second) as one:
                await one.until(lambda: len(one.ticks) == 10)
                assert one.connection.reconnects == 1
                assert one.connection.url == second
    assert reasons(logs)[0].startswith("no-such-host.invalid cannot be found (DNS)")


async def too_many_connections(websocket: ServerConnection) -> None:
    await let_in(websocket)
    await websocket.send('[{"ev":"status","status":"max_connections","message":"Maximum exceeded."}]')
    await websocket.wait_closed()


def too_many_requests(connection: ServerConnection, _: object) -> object:
    return connection.respond(429, "slow down\n")


@pytest.mark.parametrize(
    ("handler", "answer"),
    [(too_many_connections, None), (let_in, too_many_requests)],
    ids=["too many connections", "HTTP 429"],
)
async def test_who_asks_too_often_waits_longer_each_time(handler, answer):
    calls, backoff = Calls(), Noted(too_many=0.15)

    def called(connection: ServerConnection, request: object) -> object:
        calls()
        return answer(connection, request) if answer else None

    async with vendor(handler, process_request=called) as url, watcher(url, backoff=backoff) as one:
        await one.until(lambda: len(calls.times) == 5)
    assert calls.never_before(backoff.waits, more=0.15)


async def test_retry_after_is_kept():
    calls = Calls()

    def busy(connection: ServerConnection, _: object) -> object:
        calls()
        response = connection.respond(429, "slow down\n")
        response.headers["Retry-After"] = "1"
        return response

    async with vendor(let_in, process_request=busy) as url, watcher(url) as one:
        await one.until(lambda: len(calls.times) == 2)
    assert 1 <= calls.times[1] - calls.times[0] < 1.2


@asynccontextmanager
async def two_servers(first: Callable, second: Callable) -> AsyncIterator[tuple[str, str, list[str]]]:
    """Two vendors' URLs, and the names of those that were called."""
    called: list[str] = []

    def noting(name: str, handler: Callable) -> Callable:
        async def handle(websocket: ServerConnection) -> None:
            called.append(name)
            await handler(websocket)

        return handle

    async with vendor(noting("first", first)) as own, vendor(noting("second", second)) as fallback:
        yield own, fallback, called


async def hang_up(websocket: ServerConnection) -> None:
    await websocket.close(1012)


async def two_ticks_and_gone(websocket: ServerConnection) -> None:
    session = await let_in(websocket)
    for k in range(2):
        await websocket.send(session.frame(tape(2)[k : k + 1], np.array([k + 1])), text=True)
        await asyncio.sleep(0.02)
    await websocket.close(1012)


async def test_every_second_attempt_of_a_row_goes_to_the_second_url():
    async with (
        two_servers(hang_up, hang_up) as (own, fallback, called),
        watcher(own, fallback_url=fallback) as one,
    ):
        await one.until(lambda: len(called) >= 6)
    assert called[:6] == ["first", "second"] * 3


async def test_after_a_healthy_connection_a_row_begins_with_the_first_url_again():
    backoff = Backoff(base=0.001, cap=0.005, healthy_after=0.005)
    async with (
        two_servers(hang_up, two_ticks_and_gone) as (own, fallback, called),
        watcher(own, fallback_url=fallback, backoff=backoff) as one,
    ):
        await one.until(lambda: len(called) >= 6)
    assert called[:6] == ["first", "second"] * 3  # not first, second, second
    async with (
        two_servers(two_ticks_and_gone, hang_up) as (own, fallback, called),
        watcher(own, fallback_url=fallback, backoff=backoff) as one,
    ):
        await one.until(lambda: len(called) >= 3)
    assert called[:3] == ["first"] * 3


async def test_a_second_url_that_refuses_us_is_done_without():
    async def refuse(websocket: ServerConnection) -> None:
        await websocket.send('[{"ev":"status","status":"auth_failed","message":"authentication failed"}]')
        await websocket.wait_closed()

    with capture_logs() as logs:
        async with (
            two_servers(hang_up, refuse) as (own, fallback, called),
            watcher(own, fallback_url=fallback) as one,
        ):
            await one.until(lambda: len(called) >= 5)
    assert called[:5] == ["first", "second", "first", "first", "first"]
    (refused,) = [entry for entry in logs if entry["event"] == "feed.refused"]
    assert refused["by"] == "fallback_url"
    assert "TAPEWATCH_FEED_TAPE_KEY" in refused["reason"]


async def test_a_first_url_that_refuses_us_ends_the_feed_though_there_is_a_second():
    trouble = Trouble(refuse_login=True)
    async with Simulator(MassiveServer, tape(1), ["SPY"], trouble=trouble).serve() as server:
        first = f"ws://127.0.0.1:{server.port}"
        async with watcher(first, fallback_url="ws://127.0.0.1:9/") as one:
            with pytest.raises(FeedRefusedError):
                await asyncio.wait_for(one.task, 10)
        assert server.logins_refused == 1


async def test_ticks_alone_make_a_connection_healthy_not_heartbeats():
    attempts: list[int] = []

    class Counted(Backoff):
        def delay(self, attempt: int) -> float:
            attempts.append(attempt)
            return 0.001

    async def late_tick(websocket: ServerConnection) -> None:
        session = await let_in(websocket)
        for _ in range(5):
            await websocket.send('[{"ev":"status","status":"success","message":"heartbeat"}]')
            await asyncio.sleep(0.02)
        await websocket.send(session.frame(tape(1), np.array([1])), text=True)  # the first one, at the end

    async with vendor(late_tick) as url, watcher(url, backoff=Counted(healthy_after=0.05)) as one:
        await one.until(lambda: len(attempts) >= 3)
    assert attempts[:3] == [0, 1, 2]

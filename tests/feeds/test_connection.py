import asyncio
import json
from functools import partial

import numpy as np
import pytest
from running_connection import KEY, SOON, Watcher, let_in, tape, vendor, watcher
from structlog.testing import capture_logs
from websockets.asyncio.server import ServerConnection

from tapewatch.config import AlpacaFeed, CoinbaseFeed, JsonFeed, MassiveFeed
from tapewatch.feeds.backoff import Backoff
from tapewatch.feeds.connection import FRAMES_PER_BATCH, Connection, FeedRefusedError, State
from tapewatch.feeds.massive.protocol import Massive
from tapewatch.feeds.massive.server import MassiveServer
from tapewatch.feeds.protocol import Credentials, FaultKind, RefusalKind
from tapewatch.feeds.simulator import Simulator, Trouble


async def test_the_whole_tape_arrives_in_order():
    ticks = tape(5000)
    simulator = Simulator(MassiveServer, ticks, ["SPY"], speed=None)
    async with simulator.serve() as server, watcher(server) as one:
        await one.until(lambda: len(one.ticks) == 5000)
        connection = one.connection
        assert connection.state == State.SUBSCRIBED
        assert connection.connected_since <= connection.last_frame <= asyncio.get_running_loop().time()
        assert connection.reconnects == 0
    assert (one.ticks["time"] == ticks["time"]).all()
    assert (one.ticks["price"] == ticks["price"]).all()
    assert one.ticks["id"].tolist() == list(range(1, 5001))


async def test_a_line_that_drops_comes_back_and_the_market_has_run_on():
    simulator = Simulator(
        MassiveServer, tape(60_000, step_ms=1), ["SPY"], speed=1, trouble=Trouble(drop_every=0.05)
    )
    with capture_logs() as logs:
        async with simulator.serve() as server, watcher(server) as one:
            await one.until(lambda: one.connection.reconnects >= 3)
            heard = len(one.ticks)
            await one.until(lambda: len(one.ticks) > heard)
    assert (np.diff(one.ticks["id"]) > 0).all()
    lost = [entry for entry in logs if entry["event"] == "feed.lost"]
    assert len(lost) >= 3
    assert "close frame" in lost[0]["reason"]


async def test_a_refused_key_is_tried_once_and_the_error_says_where_to_put_a_good_one():
    simulator = Simulator(MassiveServer, tape(1), ["SPY"], trouble=Trouble(refuse_login=True))
    with capture_logs() as logs:
        async with simulator.serve() as server, watcher(server) as one:
            with pytest.raises(FeedRefusedError, match=r"feed tape: .*TAPEWATCH_FEED_TAPE_KEY") as refused:
                await asyncio.wait_for(one.task, 10)
            assert server.logins_refused == 1
    assert refused.value.refusal.kind == RefusalKind.BAD_KEY
    assert one.connection.state == State.REFUSED
    assert [entry["event"] for entry in logs if entry["event"].startswith("feed.")] == [
        "feed.connected",
        "feed.refused",
    ]
    assert KEY not in str(logs) + str(refused.value)


async def test_garbage_is_counted_logged_once_and_costs_no_tick():
    simulator = Simulator(
        MassiveServer, tape(5000), ["SPY"], speed=None, trouble=Trouble(garbage=0.5, seed=3)
    )
    with capture_logs() as logs:
        async with simulator.serve() as server, watcher(server) as one:
            await one.until(lambda: len(one.ticks) == 5000)
    assert one.ticks["id"].tolist() == list(range(1, 5001))
    faults = one.connection.faults
    assert faults[FaultKind.NOT_JSON] > 5
    assert faults[FaultKind.NOT_OF_PROTOCOL] > 5
    logged = [entry for entry in logs if entry["event"] == "feed.fault"]
    assert sorted(entry["kind"] for entry in logged) == ["not JSON", "not of the protocol"]


async def test_a_server_that_is_gone_is_tried_again_and_again_with_growing_waits():
    attempts: list[int] = []

    class Counted(Backoff):
        def delay(self, attempt: int) -> float:
            attempts.append(attempt)
            return super().delay(attempt)

    calls = 0

    async def hang_up(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal calls
        calls += 1
        writer.close()

    server = await asyncio.start_server(hang_up, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with watcher(f"ws://127.0.0.1:{port}", backoff=Counted(base=0.001, cap=0.005)) as one:
        await one.until(lambda: calls >= 3)
        server.close()  # from here on, TCP itself is refused
        await one.until(lambda: len(attempts) >= 6)
        assert one.connection.connected_since is None
    assert attempts == list(range(len(attempts)))
    assert one.connection.reconnects in (len(attempts), len(attempts) - 1)


@pytest.mark.parametrize(("healthy_after", "counted"), [(0, [0, 0, 0, 0]), (3600, [0, 1, 2, 3])])
async def test_attempts_start_over_only_after_healthy_data(healthy_after, counted):
    attempts: list[int] = []

    class Counted(Backoff):
        def delay(self, attempt: int) -> float:
            attempts.append(attempt)
            return 0.001

    ticks = tape(2)

    async def one_tick_and_gone(websocket: ServerConnection) -> None:
        session = await let_in(websocket)
        for k in range(2):
            await websocket.send(session.frame(ticks[k : k + 1], np.array([k + 1])), text=True)

    async with (
        vendor(one_tick_and_gone) as url,
        watcher(url, backoff=Counted(healthy_after=healthy_after)) as one,
    ):
        await one.until(lambda: len(attempts) >= 4)
    assert attempts[:4] == counted


async def test_too_many_connections_waits_and_tries_again():
    async def evict(websocket: ServerConnection) -> None:
        await let_in(websocket)
        await websocket.send('[{"ev":"status","status":"max_connections","message":"Maximum exceeded."}]')
        await websocket.close(1008)

    with capture_logs() as logs:
        async with vendor(evict) as url, watcher(url, backoff=Backoff(base=0, too_many=0.02)) as one:
            await one.until(lambda: one.connection.reconnects >= 1)
    lost = next(entry for entry in logs if entry["event"] == "feed.lost")
    assert lost["retry_in_s"] == 0.02
    assert "another program" in lost["reason"]


async def test_a_server_that_does_not_let_us_in_is_left_after_the_timeout():
    async def say_nothing(websocket: ServerConnection) -> None:
        await websocket.wait_closed()

    with capture_logs() as logs:
        async with vendor(say_nothing) as url, watcher(url, login_timeout=0.05) as one:
            await one.until(lambda: one.connection.reconnects >= 1)
    lost = next(entry for entry in logs if entry["event"] == "feed.lost")
    assert lost["reason"] == "no subscription 0.05 s after connecting"


@pytest.mark.parametrize(("status", "kind"), [(401, RefusalKind.BAD_KEY), (403, RefusalKind.NOT_ENTITLED)])
async def test_http_refusals_of_the_handshake_are_not_retried(status, kind):
    requests = 0

    def refuse(connection: ServerConnection, _: object) -> object:
        nonlocal requests
        requests += 1
        return connection.respond(status, "no\n")

    async with vendor(let_in, process_request=refuse) as url, watcher(f"{url}/{KEY}/?apiKey={KEY}") as one:
        with pytest.raises(FeedRefusedError, match=f"HTTP {status}") as refused:
            await asyncio.wait_for(one.task, 10)
    assert refused.value.refusal.kind == kind
    assert requests == 1
    assert KEY not in str(refused.value)


@pytest.mark.parametrize(
    ("header", "least", "most"),
    [("7", 7, 7.01), ("Sat, 01 Jan 2101 00:00:00 GMT", 3600, 3600.01), ("soon", 3, 3.01), (None, 3, 3.01)],
)
async def test_a_server_that_is_asked_too_often_is_given_the_time_it_asks_for_or_a_long_one(
    header, least, most
):
    def busy(connection: ServerConnection, _: object) -> object:
        response = connection.respond(429, "slow down\n")
        if header:
            response.headers["Retry-After"] = header
        return response

    with capture_logs() as logs:
        backoff = Backoff(base=0.001, too_many=3)
        async with vendor(let_in, process_request=busy) as url, watcher(url, backoff=backoff) as one:
            await one.until(lambda: any(entry["event"] == "feed.lost" for entry in logs))
            assert one.connection.state == State.WAITING
    lost = next(entry for entry in logs if entry["event"] == "feed.lost")
    assert "HTTP 429" in lost["reason"]
    assert least <= lost["retry_in_s"] <= most


async def test_a_cancel_closes_the_websocket_before_it_ends():
    codes: list[int | None] = []

    async def listen(websocket: ServerConnection) -> None:
        await let_in(websocket)
        await websocket.wait_closed()
        codes.append(websocket.close_code)

    async with vendor(listen) as url, watcher(url) as one:
        await one.until(lambda: one.connection.state == State.SUBSCRIBED)
        await one.stop()
        assert one.task.cancelled()
        assert one.connection.connected_since is None
    assert codes == [1000]


async def test_a_cancel_in_the_middle_of_a_flood_is_prompt():
    simulator = Simulator(MassiveServer, tape(200_000), ["SPY"], speed=None)
    async with simulator.serve() as server, watcher(server) as one:
        await one.until(lambda: bool(one.frames))
        async with asyncio.timeout(1):
            await one.stop()
    assert 0 < len(one.ticks) < 200_000


async def test_a_burst_leaves_the_event_loop_its_turns():
    ticks = tape(4000)

    async def burst(websocket: ServerConnection) -> None:
        session = await let_in(websocket)
        for k in range(4000):
            await websocket.send(session.frame(ticks[k : k + 1], np.array([k + 1])), text=True)
        await websocket.wait_closed()

    turns: list[int] = []

    async def others(one: Watcher) -> None:
        while True:
            turns.append(sum(map(len, one.frames)))
            await asyncio.sleep(0)

    async with vendor(burst, compression=None) as url, watcher(url) as one:
        beside = asyncio.create_task(others(one))
        await one.until(lambda: len(one.ticks) == 4000)
        beside.cancel()
    assert max(np.diff(turns)) <= 2 * FRAMES_PER_BATCH


async def test_our_own_failure_on_a_tick_ends_the_run_and_is_no_lost_line():
    def spool_is_full(ticks: np.ndarray) -> None:
        raise OSError("no space left on device")

    async with Simulator(MassiveServer, tape(5), ["SPY"], speed=None).serve() as server:
        connection = Connection(
            MassiveFeed(name="tape", vendor="massive"),
            f"ws://127.0.0.1:{server.port}",
            partial(Massive, Credentials(KEY)),
            {"SPY": 0},
            spool_is_full,
            backoff=SOON,
        )
        with pytest.raises(OSError, match="no space left"):
            await asyncio.wait_for(connection.run(), 10)


@pytest.mark.parametrize(
    "url", ["wss://host:99999/?k=HUSH", "wss://HUSH@host/", f"wss://{'a' * 70}.com/?k=HUSH"]
)
async def test_a_url_that_is_none_ends_the_feed_and_is_not_shown(url):
    with capture_logs() as logs:
        async with watcher(url) as one:
            with pytest.raises(FeedRefusedError, match=r"feed tape: its url.*wss://HOST:PORT/") as refused:
                await asyncio.wait_for(one.task, 10)
    assert "HUSH" not in str(logs) + str(refused.value)


async def lost_reason(url: str) -> str:
    with capture_logs() as logs:
        async with watcher(url) as one:
            await one.until(lambda: any(entry["event"] == "feed.lost" for entry in logs))
    return next(entry["reason"] for entry in logs if entry["event"] == "feed.lost")


async def test_a_lost_line_names_its_host_and_the_cause():
    async def no_http(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 mail.example.com ESMTP\r\n")
        writer.close()

    server = await asyncio.start_server(no_http, "127.0.0.1", 0)
    host = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
    reason = await lost_reason(f"ws://trader:HUSH@{host}/HUSH/?apiKey=HUSH")
    assert reason.startswith(f"{host} did not answer as a websocket server")
    assert "HUSH" not in reason
    tls = await lost_reason(f"wss://{host}/")
    assert tls.startswith(f"{host} does not speak TLS")
    server.close()
    assert await lost_reason(f"ws://{host}/") == f"no connection to {host}: Connection refused"
    assert (await lost_reason("ws://no-such-host.invalid/")).startswith(
        "no-such-host.invalid cannot be found"
    )


@pytest.mark.parametrize(
    ("feed", "advice"),
    [
        (
            AlpacaFeed(name="us", vendor="alpaca"),
            "; put a valid one into TAPEWATCH_FEED_US_KEY or key_file, the secret into TAPEWATCH_FEED_US_SECRET or"
            " secret_file",
        ),
        (CoinbaseFeed(name="x", vendor="coinbase"), ""),
        (JsonFeed(name="j", vendor="json", url="ws://h"), ""),
        (
            JsonFeed(name="j", vendor="json", url="ws://h", hello=["{secret}"]),
            "; put a valid one into TAPEWATCH_FEED_J_SECRET or secret_file",
        ),
    ],
    ids=["key and secret", "no key", "no place for a key", "a place for a secret"],
)
async def test_what_helps_against_a_refused_key_is_what_the_feed_has(feed, advice):
    def refuse(connection: ServerConnection, _: object) -> object:
        return connection.respond(401, "no\n")

    async with vendor(let_in, process_request=refuse) as url:
        connection = Connection(feed, url, partial(Massive, Credentials()), {"SPY": 0}, lambda _: None)
        with pytest.raises(FeedRefusedError) as refused:
            await asyncio.wait_for(connection.run(), 10)
    assert str(refused.value).endswith(f"answered HTTP 401: it does not take the key{advice}")


async def test_a_key_that_the_vendor_quotes_when_it_hangs_up_or_refuses_is_not_shown():
    async def hang_up(websocket: ServerConnection) -> None:
        await websocket.close(1008, f"no more of {KEY}")

    async def refuse(websocket: ServerConnection) -> None:
        said = {"ev": "status", "status": "auth_failed", "message": f"unknown key {KEY}"}
        await websocket.send(json.dumps([said]))
        await websocket.wait_closed()

    with capture_logs() as logs:
        async with vendor(hang_up) as url, watcher(url) as one:
            await one.until(lambda: one.connection.reconnects > 0)
        async with vendor(refuse) as url, watcher(url) as one:
            with pytest.raises(FeedRefusedError, match=r"refused the key: 'unknown key \*\*\*'"):
                await asyncio.wait_for(one.task, 10)
    assert "no more of ***" in str(logs)
    assert KEY not in str(logs)

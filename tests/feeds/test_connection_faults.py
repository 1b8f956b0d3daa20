"""What can go wrong on a line, with real sockets: nothing is lost but what was on its way."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import numpy as np
import pytest
from running_connection import Calls, Noted, let_in, reasons, tape, vendor, watcher
from structlog.testing import capture_logs
from websockets.asyncio.server import ServerConnection
from websockets.frames import Opcode

from notify.receiver_servers import make_certificate
from tapewatch.feeds.dial import MAX_FRAME
from tapewatch.feeds.massive.server import MassiveServer
from tapewatch.feeds.protocol import FaultKind
from tapewatch.feeds.simulator import Simulator, Trouble


class Proxy:
    """Stands between the connection and its server, and fails in TCP's own ways."""

    def __init__(self) -> None:
        self.url = ""
        self.calls = Calls()
        self.passes = asyncio.Event()
        """While it is not set, everybody believes to be connected, and nothing goes through."""
        self.passes.set()
        self.cut_after: int | None = None
        """Bytes to the client after which the line is cut."""

    @asynccontextmanager
    async def before(self, port: int) -> AsyncIterator["Proxy"]:
        async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            self.calls()
            there = await asyncio.open_connection("127.0.0.1", port)
            try:
                async with asyncio.TaskGroup() as both:
                    both.create_task(self._carry(reader, there[1], None))
                    both.create_task(self._carry(there[0], writer, self.cut_after))
            except* (OSError, EOFError):
                pass
            finally:
                there[1].transport.abort()
                writer.transport.abort()

        async with await asyncio.start_server(carry, "127.0.0.1", 0) as server:
            self.url = f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}"
            yield self

    async def _carry(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, left: int | None
    ) -> None:
        while data := await reader.read(1000):
            await self.passes.wait()
            if left is not None:
                data, left = data[:left], left - len(data)
            writer.write(data)
            await writer.drain()
            if left is not None and left <= 0:
                raise EOFError
        raise EOFError


async def test_a_line_cut_in_mid_frame_costs_the_torn_frame_alone():
    proxy, backoff = Proxy(), Noted()
    proxy.cut_after = 20_001
    ticks = tape(2000)
    simulator = Simulator(MassiveServer, ticks, ["SPY"], speed=None, from_start=True)
    async with (
        simulator.serve() as server,
        proxy.before(server.port),
        watcher(proxy.url, backoff=backoff) as one,
    ):
        await one.until(lambda: one.connection.reconnects >= 3)
        proxy.cut_after = None
        await one.until(lambda: len(one.ticks) > 0 and one.ticks["id"][-1] == 2000)
        runs = np.split(one.ticks["id"], np.flatnonzero(np.diff(one.ticks["id"]) < 0) + 1)
    assert len(runs) >= 4
    for run in runs:
        assert run.tolist() == list(range(1, len(run) + 1))
        assert len(run) % 50 == 0, "whole frames"
    assert not one.connection.faults
    assert proxy.calls.never_before(backoff.waits)


async def test_a_line_that_is_half_open_is_noticed_without_a_word_from_anybody():
    async def then_nothing(websocket: ServerConnection) -> None:
        session = await let_in(websocket)
        await websocket.send(session.frame(tape(1), np.array([1])), text=True)
        await websocket.wait_closed()

    proxy = Proxy()
    with capture_logs() as logs:
        async with (
            vendor(then_nothing) as url,
            proxy.before(int(url.rpartition(":")[2])) as between,
            watcher(between.url, keepalive=0.1) as one,
        ):
            await one.until(lambda: len(one.ticks) == 1)
            await asyncio.sleep(0.3)
            assert one.connection.reconnects == 0, "pings are answered"
            proxy.passes.clear()
            await one.until(lambda: bool(reasons(logs)))
            proxy.passes.set()
            await one.until(lambda: len(one.ticks) == 2)
    assert reasons(logs)[0] == "no answer to a ping within 0.1 s"


async def test_a_line_over_which_ticks_come_is_alive_though_its_answers_to_pings_are_late():
    """Who is behind finds an answer only after all the ticks before it."""

    async def answer_nothing(websocket: ServerConnection) -> None:
        protocol, pongs = websocket.protocol, []
        send = protocol.send_frame
        protocol.send_frame = lambda own: pongs.append(own) if own.opcode is Opcode.PONG else send(own)
        session = await let_in(websocket)
        while len(pongs) < 4:
            await websocket.send(session.frame(tape(1), np.array([1])), text=True)
            await asyncio.sleep(0.01)
        done.set()
        await websocket.wait_closed()

    done = asyncio.Event()
    with capture_logs() as logs:
        async with vendor(answer_nothing) as url, watcher(url, keepalive=0.1) as one:
            await one.until(done.is_set)
            assert not reasons(logs)
            await one.until(lambda: bool(reasons(logs)))  # now that nothing comes any more
    assert reasons(logs)[0] == "no answer to a ping within 0.1 s"


async def huge(websocket: ServerConnection) -> None:
    await websocket.send(b"[" + b" " * (100 * 2**20), text=True)


async def bomb(websocket: ServerConnection) -> None:
    await websocket.send(b"[" + b" " * (2 * MAX_FRAME), text=True)


async def endless(websocket: ServerConnection) -> None:
    async def parts() -> AsyncIterator[str]:
        yield "["
        while True:
            yield " " * 2**20

    await websocket.send(parts())


@pytest.mark.parametrize(
    ("too_much", "compression"),
    [(huge, None), (bomb, "deflate"), (endless, None)],
    ids=["100 MB frame", "deflate bomb", "message without end"],
)
async def test_what_is_too_large_ends_the_line_and_the_next_one_works(too_much, compression):
    served = 0

    async def serve_it(websocket: ServerConnection) -> None:
        nonlocal served
        served += 1
        session = await let_in(websocket)
        if served == 1:
            await too_much(websocket)
        await websocket.send(session.frame(tape(1), np.array([1])), text=True)
        await websocket.wait_closed()

    sizes: list[int] = []
    with capture_logs() as logs:
        async with (
            vendor(serve_it, compression=compression) as url,
            watcher(url, on_frame=lambda frame: sizes.append(len(frame))) as one,
        ):
            await one.until(lambda: len(one.ticks) == 1)
            assert one.connection.reconnects == 1
    assert "1009 (message too big)" in reasons(logs)[0]
    assert max(sizes) < 1000, "nothing of it was let through"


async def test_a_frame_that_is_just_not_too_large_is_taken():
    async def large(websocket: ServerConnection) -> None:
        session = await let_in(websocket)
        frame = session.frame(tape(1), np.array([1]))
        await websocket.send(frame[:-1] + b" " * (MAX_FRAME - len(frame)) + b"]", text=True)
        await websocket.wait_closed()

    async with vendor(large) as url, watcher(url) as one:
        await one.until(lambda: len(one.ticks) == 1)
        assert one.connection.reconnects == 0


async def test_garbage_reordered_and_doubled_messages_cost_no_tick_and_no_line():
    trouble = Trouble(garbage=0.3, reorder=0.3, duplicate=0.3, seed=5)
    simulator = Simulator(MassiveServer, tape(5000), ["SPY"], speed=None, trouble=trouble)
    async with simulator.serve() as server, watcher(server) as one:
        await one.until(lambda: len(np.unique(one.ticks["id"])) == 5000)
        assert one.connection.reconnects == 0
    assert len(one.ticks) > 5000
    assert (np.diff(one.ticks["id"]) < 0).any()
    assert one.connection.faults[FaultKind.NOT_JSON] > 0


async def test_a_certificate_that_nobody_vouches_for_is_not_taken(tmp_path: Path):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*make_certificate(tmp_path))
    let = []

    async def never(websocket: ServerConnection) -> None:
        let.append(websocket)

    with capture_logs() as logs:
        async with vendor(never, ssl=context) as url, watcher(url.replace("ws:", "wss:")) as one:
            await one.until(lambda: one.connection.reconnects >= 2)
    assert "has a certificate that is not trusted: self-signed certificate" in reasons(logs)[0]
    assert not let


@pytest.mark.parametrize("there", ["ws://127.0.0.1:1/?token=a-secret", "wss://localhost:1/?token=a-secret"])
async def test_a_redirect_to_elsewhere_or_without_tls_is_not_followed_and_not_shown(
    there: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    certificate, key = make_certificate(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)

    def redirect(connection: ServerConnection, _: object) -> object:
        response = connection.respond(302, "there\n")
        response.headers["Location"] = there
        return response

    with capture_logs() as logs:
        serving = vendor(let_in, ssl=context, process_request=redirect)
        async with serving as url, watcher(url.replace("ws:", "wss:")) as one:
            await one.until(lambda: one.connection.reconnects > 0)
    assert "to another host or to an address without TLS, which is not followed" in reasons(logs)[0]
    assert "a-secret" not in str(logs)

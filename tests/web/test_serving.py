"""Health and metrics over real HTTP, beside everything else that the event loop does."""

import asyncio
import json
import logging
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import httpx
import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families
from structlog.testing import capture_logs

from tapewatch.background import background
from tapewatch.feeds.connection import State
from tapewatch.vitals import Vitals
from tapewatch.web import listener, server
from web.serving import HERE, TOKEN, logged, serving, sources

TESTS = Path(__file__).parents[1]


async def test_who_may_ask_gets_health_readiness_and_metrics(leader: Vitals) -> None:
    async with serving(leader) as http:
        assert (await http.get("/healthz")).status_code == 200
        ready = await http.get("/readyz")
        assert (ready.status_code, ready.json()["ready"], ready.json()["role"]) == (200, True, "leading")
        assert {"name": "feed tape", "ok": True, "reason": ""} in ready.json()["checks"]
        metrics = await http.get("/metrics")
        assert metrics.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
        assert "\ntapewatch_ready 1.0\n" in metrics.text

        leader.connections[1].state = State.WAITING
        ready = await http.get("/readyz")
        assert (ready.status_code, ready.json()["ready"]) == (503, False)
        (wrong,) = [check for check in ready.json()["checks"] if not check["ok"]]
        assert wrong["name"] == "feed tape"
        assert "tried again" in wrong["reason"]
        assert "\ntapewatch_ready 0.0\n" in (await http.get("/metrics")).text
        assert (await http.get("/healthz")).status_code == 200, "a probe that restarts would make it worse"


async def test_prometheus_gets_open_metrics_if_it_prefers_that(leader: Vitals) -> None:
    accept = "application/openmetrics-text;version=1.0.0;q=0.6,text/plain;version=0.0.4;q=0.3"
    async with serving(leader) as http:
        answer = await http.get("/metrics", headers={"Accept": accept})
    assert answer.headers["Content-Type"].startswith("application/openmetrics-text; version=1.0.0")
    assert "tapewatch_feed_ticks" in {family.name for family in text_string_to_metric_families(answer.text)}


async def test_a_page_that_reaches_us_by_a_name_of_its_own_learns_the_status_and_no_more(
    leader: Vitals,
) -> None:
    evil = {"Host": "evil.example:8790"}
    async with serving(leader) as http:
        assert (await http.get("/metrics", headers=evil)).status_code == 403
        assert (await http.get("/", headers=evil)).status_code == 403, "whatever comes there later"
        assert (await http.get("/healthz", headers=evil)).status_code == 200
        leader.connections[1].state = State.WAITING
        ready = await http.get("/readyz", headers=evil)
        assert (ready.status_code, ready.json()) == (503, {"ready": False})


async def test_once_a_token_is_set_only_probes_go_without(leader: Vitals) -> None:
    async with serving(leader, TOKEN) as http:
        refused = await http.get("/metrics")
        assert (refused.status_code, refused.headers["WWW-Authenticate"]) == (401, 'Bearer realm="tapewatch"')
        assert (await http.get("/readyz")).json() == {"ready": True}
        sent = {"Authorization": f"Bearer {TOKEN}", "Host": "tapewatch.example"}
        assert (await http.get("/metrics", headers=sent)).status_code == 200
        assert (await http.get("/readyz", headers=sent)).json()["checks"]


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"])
async def test_nothing_but_reading_and_nothing_is_kept_or_taken_for_something_else(
    leader: Vitals, method: str
) -> None:
    async with serving(leader) as http:
        for path in ("/healthz", "/readyz", "/metrics", "/nothing", "/metrics/"):
            answer = await http.request(method, path, headers={"Host": "localhost"})
            wanted = 404 if path in ("/nothing", "/metrics/") else 200 if method in ("GET", "HEAD") else 405
            assert answer.status_code == wanted
            assert answer.headers["Cache-Control"] == "no-store"
            assert answer.headers["X-Content-Type-Options"] == "nosniff"
            assert "Server" not in answer.headers
            assert method != "HEAD" or not answer.content


@pytest.mark.parametrize("token", [None, TOKEN])
def test_another_host_gets_in_with_the_token_alone(token: str | None) -> None:
    alone = ["unshare", "--map-root-user", "--net"]
    if (
        shutil.which("unshare") is None
        or shutil.which("ip") is None
        or subprocess.run([*alone, "true"]).returncode
    ):
        pytest.skip("no network namespace of our own to be had")
    script = [sys.executable, str(TESTS / "web/other_host.py"), *([token] if token else [])]
    env = os.environ | {"PYTHONPATH": os.pathsep.join((str(TESTS), str(TESTS.parent / "daemon")))}
    run = subprocess.run([*alone, *script], env=env, capture_output=True, text=True, timeout=60)
    assert run.returncode == 0, run.stderr
    with_token = 200 if token else 403
    assert json.loads(run.stdout) == {
        "/healthz": [200, 200],
        "/readyz": [503, 503],
        "/metrics": [401 if token else 403, with_token],
        "reasons": [False, token is not None],
    }


@pytest.mark.parametrize(("listen", "asked"), [("::1", ["[::1]"]), ("::", ["[::1]", "127.0.0.1"])])
async def test_ipv6(leader: Vitals, listen: str, asked: list[str]) -> None:
    try:
        socket.create_server((listen, 0), family=socket.AF_INET6).close()
    except OSError:
        pytest.skip("no IPv6 here")
    async with serving(leader, listen=(listen, 0)) as http:
        assert str(http.base_url).startswith(f"http://[{listen}]:")
        for host in asked:
            url = f"http://{host}:{http.base_url.port}/metrics"
            assert (await http.get(url)).status_code == 200


async def test_an_address_that_is_taken_is_tried_again_and_the_daemon_runs_on(
    leader: Vitals, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "AGAIN_SECONDS", 0.05)
    with socket.create_server(HERE) as taken, capture_logs() as logs:
        address: tuple[str, int] = taken.getsockname()
        async with background(server.serve(sources(leader), address, None)):
            said = await logged(logs, "http.not_listening")
            assert (said["log_level"], said["address"]) == ("warning", f"127.0.0.1:{address[1]}")
            assert said["reason"] == "Address already in use"
            await asyncio.sleep(0.3)
            assert len(logs) == 1, "once"
            taken.close()
            url = (await logged(logs, "http.listening"))["url"]
            async with httpx.AsyncClient(base_url=url, trust_env=False) as http:
                assert (await http.get("/healthz")).status_code == 200


async def test_its_end_closes_connections_and_the_address_at_once(leader: Vitals) -> None:
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    async with serving(leader) as http:
        assert (await http.get("/healthz")).status_code == 200
        assert {number: signal.getsignal(number) for number in before} == before, "signals are the daemon's"
        port = http.base_url.port
        idle, _ = await asyncio.open_connection("127.0.0.1", port)
        began = time.monotonic()
    assert time.monotonic() - began < 2
    assert await idle.read() == b""
    with pytest.raises(OSError):
        await asyncio.open_connection("127.0.0.1", port)


async def test_who_connects_and_asks_nothing_is_hung_up_on(
    leader: Vitals, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listener, "REQUEST_WITHIN", 0.3)
    async with serving(leader) as http:
        for sent in (b"", b"GET /healthz HT", b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\nGET /he"):
            reader, writer = await asyncio.open_connection("127.0.0.1", http.base_url.port)
            writer.write(sent)
            async with asyncio.timeout(5):
                with suppress(ConnectionResetError):
                    rest = await reader.read()
                    assert rest.count(b"HTTP/1.1 200") == sent.count(b"\r\n\r\n")


async def test_very_many_connections_neither_keep_us_from_answering_nor_take_all_files(
    leader: Vitals,
) -> None:
    async with serving(leader) as http:
        port = http.base_url.port
        idle = [await asyncio.open_connection("127.0.0.1", port) for _ in range(3 * listener.MOST)]
        assert (await http.get("/healthz")).status_code == 200
        open_ = []
        for reader, _ in idle:
            try:
                async with asyncio.timeout(0.01):
                    await reader.read()
                open_.append(False)
            except TimeoutError:
                open_.append(True)
            except ConnectionResetError:
                open_.append(False)
        assert sum(open_) == listener.MOST - 1, "and the one that was answered"
        assert not any(open_[: listener.MOST]), "those that have waited longest have to go"
        for _, writer in idle:
            writer.close()


async def test_who_asks_again_and_again_and_reads_nothing_is_hung_up_on(
    leader: Vitals, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listener, "MOST", 5)
    monkeypatch.setattr(listener, "REQUEST_WITHIN", 0.5)
    async with serving(leader) as http:
        asking = b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n"
        deaf = []
        for _ in range(listener.MOST - 1):
            client = socket.socket()
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            client.connect(("127.0.0.1", http.base_url.port))
            client.setblocking(False)
            deaf.append(client)
        answered = 0
        async with asyncio.timeout(30):
            while deaf:
                deaf = [client for client in deaf if _sends(client, 20 * asking)]
                answered += (await http.get("/healthz")).status_code == 200
                await asyncio.sleep(0.05)
        assert answered > 10, "they were hung up on for being deaf, not for asking"


def _sends(client: socket.socket, data: bytes) -> bool:
    """Whether somebody is there; what there is no room for is not sent."""
    try:
        client.send(data)
    except BlockingIOError:
        pass
    except OSError:
        client.close()
        return False
    return True


async def test_what_is_no_http_says_nothing_in_the_log(
    leader: Vitals, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        async with serving(leader) as http:
            reader, writer = await asyncio.open_connection("127.0.0.1", http.base_url.port)
            writer.write(b"\x16\x03\x01 secret-in-garbage\r\n\r\n")
            assert b"400" in await reader.read()
            await http.get("/metrics", headers={"Upgrade": "websocket", "Connection": "Upgrade"})
    assert not [record for record in caplog.records if record.name.startswith("uvicorn")]

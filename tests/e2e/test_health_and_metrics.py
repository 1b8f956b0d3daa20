"""What the daemon says of itself over HTTP is what happens to it."""

import asyncio
import socket
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import httpx
from exchange import Exchange
from house import House, alerts_reach
from live import Place, until_place
from processes import PATIENCE, Program
from prometheus_client.parser import text_string_to_metric_families

from frozen_redis import frozen, pid_of
from tapewatch.feeds.files import read_ticks
from tapewatch.feeds.massive.server import MassiveServer
from tapewatch.feeds.played import from_file
from tapewatch.feeds.simulator import Simulator

LEVEL = """
[[watch.level]]
name = "round"
price = 100
"""


class Asked:
    """A daemon's answers.

    Args:
        daemon: whose.
        url: where it listens.
    """

    def __init__(self, daemon: Program, url: str) -> None:
        self._daemon = daemon
        self._http = httpx.AsyncClient(base_url=url, trust_env=False, timeout=30)

    @classmethod
    async def of(cls, daemon: Program) -> "Asked":
        return cls(daemon, (await daemon.logged("http.listening"))["url"])

    async def ready(self) -> tuple[int, dict[str, str]]:
        """The status, and why."""
        answer = await self._http.get("/readyz")
        checks = answer.json()["checks"]
        return answer.status_code, {own["name"]: own["reason"] for own in checks if not own["ok"]}

    async def until_ready(self, holds: Callable[[int, dict[str, str]], bool]) -> dict[str, str]:
        """The reasons, once it holds."""
        try:
            async with asyncio.timeout(PATIENCE):
                while not holds(*(found := await self.ready())):  # noqa: ASYNC110
                    await asyncio.sleep(0.02)
        except TimeoutError:
            raise AssertionError(f"{found}\n{self._daemon.everything()}") from None
        return found[1]

    async def metric(self, name: str, **labels: str) -> float:
        """The sum of the samples with these labels."""
        text = (await self._http.get("/metrics")).text
        return sum(
            sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
            if sample.name == f"tapewatch_{name}" and labels.items() <= sample.labels.items()
        )

    async def alive(self) -> int:
        return (await self._http.get("/healthz")).status_code


def is_ready(status: int, reasons: dict[str, str]) -> bool:
    return status == 200 and not reasons


def is_not(name: str) -> Callable[[int, dict[str, str]], bool]:
    return lambda status, reasons: status == 503 and name in reasons


async def test_it_is_ready_once_the_feed_is_subscribed(house: House) -> None:
    await house.own_redis()
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    house.write(port)
    daemon = await house.daemon()
    asked = await Asked.of(daemon)
    await asked.until_ready(is_not("feed tape"))
    assert await asked.alive() == 200
    assert await asked.metric("feed_state", feed="tape", state="subscribed") == 0
    played = from_file(house.case.tape, house.case.symbol)
    async with Simulator(MassiveServer, played.ticks, played.symbols).serve(port=port):
        await asked.until_ready(is_ready)
        assert await asked.metric("feed_state", feed="tape", state="subscribed") == 1
        assert await asked.metric("feed_reconnects_total", feed="tape") >= 1
        assert await daemon.stop() == 0, daemon.everything()


async def test_the_metrics_count_what_was_sent(house: House, expected: Any) -> None:
    wanted = (await expected(house.case)).lines
    await house.receivers()
    redis = await house.own_redis()
    house.write((await house.feed()).port)
    daemon = await house.daemon()
    asked = await Asked.of(daemon)
    await house.played(redis)
    await house.delivered(wanted)
    ticks = len(read_ticks(house.case.tape))
    assert await asked.metric("feed_ticks_total", feed="tape") == ticks
    assert await asked.metric("batch_ticks_sum") == ticks
    assert await asked.metric("alerts_total") == len(wanted)
    for receiver in ("mail", "hook", "desk"):
        assert await asked.metric("deliveries_total", receiver=receiver, outcome="sent") == len(wanted)
        assert await asked.metric("delivery_seconds_count", receiver=receiver) == len(wanted)
        assert await asked.metric("deliveries_waiting", receiver=receiver) == 0
    assert await asked.metric("commit_seconds_count") >= 1
    assert await asked.metric("role", role="leading") == 1
    assert await asked.metric("event_loop_stall_seconds_count") > 1
    assert 0 < await asked.metric("step_seconds_sum") < 60
    assert await daemon.stop() == 0, daemon.everything()


async def test_a_redis_that_hangs_is_named_and_so_is_what_waits(place: Place) -> None:
    redis, exchange = await place.redis(), place.exchange
    place.write(LEVEL, history=False)
    daemon = await place.daemon()
    asked = await Asked.of(daemon)
    await exchange.listened()
    await until_place(redis, await exchange.trade(99.0))
    await asked.until_ready(is_ready)
    with frozen(await pid_of(redis)):
        await exchange.trade(100.0)
        reasons = await asked.until_ready(is_not("Redis"))
        assert "what fires goes to the spool" in reasons["Redis"]
        assert await asked.metric("redis_up") == 0
        await daemon.logged("store.away")
        async with asyncio.timeout(PATIENCE):
            while not await asked.metric("spool_bytes"):  # noqa: ASYNC110
                await asyncio.sleep(0.02)
        assert await asked.alive() == 200
    await asked.until_ready(is_ready)
    await alerts_reach(redis, 1, daemon)
    assert await asked.metric("commit_failures_total") >= 1
    assert (await asked.metric("redis_up"), await asked.metric("spool_bytes")) == (1, 0)


async def test_a_feed_that_is_gone_is_named(tmp_path: Path) -> None:
    async with AsyncExitStack() as stack:
        async with Exchange("BTC/USD").open() as exchange:
            place = Place(tmp_path, exchange, stack)
            stack.push_async_callback(place.close)
            await place.redis()
            place.write(LEVEL, history=False)
            asked = await Asked.of(await place.daemon())
            await asked.until_ready(is_ready)
        reasons = await asked.until_ready(is_not("feed btc"))
        assert list(reasons) == ["feed btc"]
        assert await asked.metric("feed_state", feed="btc", state="subscribed") == 0


async def test_who_stands_by_is_ready_too_until_it_leads(house: House, expected: Any) -> None:
    redis = await house.own_redis()
    house.write((await house.feed()).port)
    house.config.write_text(f"ha = true\n{house.config.read_text()}")
    first = await house.daemon()
    await first.logged("daemon.ready")
    second = await house.daemon()
    asked = await Asked.of(second)
    await second.logged("daemon.standing_by")
    await asked.until_ready(is_ready)
    assert await asked.metric("role", role="standing_by") == 1
    assert (await asked.metric("lease_held"), await asked.metric("lease_known")) == (0, 1)
    await house.played(redis)
    assert await first.stop() == 0, first.everything()
    await second.logged("daemon.ready")
    await asked.until_ready(is_ready)
    assert await asked.metric("role", role="leading") == 1
    assert (await asked.metric("lease_held"), await asked.metric("lease_known")) == (1, 1)
    assert await second.stop() == 0, second.everything()


async def test_an_address_that_is_taken_does_not_keep_it_from_working(house: House, expected: Any) -> None:
    wanted = (await expected(house.case)).lines
    redis = await house.own_redis()
    house.write((await house.feed()).port)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        text = house.config.read_text().replace("127.0.0.1:0", f"127.0.0.1:{taken.getsockname()[1]}")
        house.config.write_text(text)
        daemon = await house.daemon()
        assert (await daemon.logged("http.not_listening"))["reason"] == "Address already in use"
        await alerts_reach(redis, len(wanted), daemon)
    assert await daemon.stop() == 0, daemon.everything()

"""`simulate`, `run`, `tail`, `status`: each a process, side by side as on a desk."""

import asyncio
import json
import re
import signal
from collections.abc import AsyncIterator
from pathlib import Path
from typing import NamedTuple

import pytest

from e2e.processes import PATIENCE, Program, environment
from tapewatch.alerts.alert import decode
from tapewatch.store.child import child_server
from tapewatch.store.server import connect_redis

ROOT = Path(__file__).parents[1]
TAPE = 400_000
"""Seconds of tape a second: the two weeks of the scenario in three seconds."""


class Desk(NamedTuple):
    config: Path
    redis: str


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    """The default watch's config on a simulated feed that waits for it, and a Redis that runs already."""
    async with child_server(tmp_path / "redis") as socket:
        scenario = ("--scenario", "sp500-7000", "--port", 0, "--speed", f"{TAPE}x", "--from-start")
        simulator = await Program.start("simulate", *scenario)
        address = (await simulator.said(r"simulated massive feed on (ws://127\.0\.0\.1:\d+)$"))[1]
        default = (ROOT / "config/sp500.toml").read_text()
        config = default.replace(
            'vendor = "massive"', f'vendor = "massive"\nurl = "{address}"\nclock = "tape"', 1
        )
        (tmp_path / "sp500.toml").write_text(
            f'redis.url = "unix://{socket}"\nhttp.listen = "127.0.0.1:0"\nstate_dir = "state"\n{config}'
        )
        yield Desk(tmp_path / "sp500.toml", f"unix://{socket}")
        assert await simulator.stop() == 0
        assert "Traceback" not in simulator.everything()


async def test_alerts_are_tailed_and_status_shows_where_it_all_ended(desk: Desk) -> None:
    own = ("-c", desk.config)
    for_people, for_programs = await Program.start("tail", *own), await Program.start("tail", "--json", *own)
    await _subscribed(desk.redis, 2)
    daemon = await Program.start("run", *own, env=environment())
    await for_people.said(r"crossed below 6,735")
    await for_programs.said(r"crossed below 6,735")

    alerts = [decode(line) for line in for_programs.out]
    assert len({alert.id for alert in alerts}) == len(alerts) > 50
    assert len(for_people.out) == len(alerts)
    for alert, line in zip(alerts, for_people.out, strict=True):
        assert re.match(r"2026-\d\d-\d\d \d\d:\d\d:\d\d EST  [▲▼] ", line)
        assert alert.data.text in line

    status = await Program.start("status", "--json", *own)
    assert await status.ended() == 0
    (spx,) = json.loads(status.out[0])
    assert (spx["symbol"], spx["title"], spx["feed"], spx["feed_state"]) == (
        "SPX",
        "S&P 500",
        "tape",
        "subscribed",
    )
    assert 6700 < spx["price"] < 6800
    distances = {level["name"]: level["distance"] for level in spx["levels"]}
    assert distances["breakout"] == pytest.approx(7000 - spx["price"])
    assert {"rsi(14)@1m", "macd(12,26,9).hist@5m", "sma(50)@1m"} <= spx["indicators"].keys()

    shown = await Program.start("status", *own)
    assert await shown.ended() == 0
    assert shown.out[0].startswith("S&P 500  6,7")
    assert shown.out[1] == "feed tape: subscribed"
    assert re.search(
        r"^ +7,000  breakout +breakout +\+2\d\d\.\d\d  \+3\.\d\d%$", "\n".join(shown.out), re.MULTILINE
    )

    assert await for_people.stop(signal.SIGINT) == 0
    assert await for_programs.stop(signal.SIGTERM) == 0
    assert await daemon.stop() == 0
    for program in (for_people, for_programs, daemon, status, shown):
        assert "Traceback" not in program.everything()


async def _subscribed(redis_url: str, clients: int) -> None:
    """Returns once so many tails listen."""
    async with asyncio.timeout(PATIENCE), connect_redis(redis_url, Path()) as redis:
        while len(await redis.client_list(_type="pubsub")) < clients:  # noqa: ASYNC110  Redis tells nobody
            await asyncio.sleep(0.02)


async def test_a_tail_waits_for_a_redis_that_goes(tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    async with child_server(tmp_path / "redis") as socket:
        config.write_text(f'name = "test"\nredis.url = "unix://{socket}"\n[[watch]]\nsymbol = "SPX"\n')
        tail = await Program.start("tail", "-c", config)
        await _subscribed(f"unix://{socket}", 1)
    await tail.complained("has gone")
    async with child_server(tmp_path / "redis") as socket:
        await _subscribed(f"unix://{socket}", 1)
    assert await tail.stop() == 0
    assert (tail.out, tail.err[:3]) == (
        [],
        [
            "waiting for alerts of test: SPX; Ctrl-C ends it",
            f"the Redis at unix://{socket} has gone: waiting for tapewatch to come back",
            "it is back",
        ],
    )


async def test_without_a_daemon_status_says_what_it_knows(tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    async with child_server(tmp_path / "redis") as socket:
        config.write_text(f'name = "test"\nredis.url = "unix://{socket}"\n[[watch]]\nsymbol = "SPX"\n')
        status = await Program.start("status", "-c", config)
        assert await status.ended() == 0
    assert status.out[:2] == ["SPX  no price yet", "feed not known: not running"]

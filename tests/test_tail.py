"""`tapewatch tail`: what it prints, and that nothing is lost or told twice when the line breaks."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from notify.receiver_servers import redis_server
from notify.sample_alerts import alert
from tapewatch.alerts.alert import Alert, encode
from tapewatch.config import Config, Match
from tapewatch.store.keys import Keys
from tapewatch.store.server import connect_redis
from tapewatch.tail import follow, print_line

KEYS = Keys("sp500")


def numbered(number: int, **more: Any) -> Alert:
    return alert(id=f"{number:032x}", **more)


class Desk:
    """A Redis that comes and goes, to which a daemon would write."""

    def __init__(self, folder: Path) -> None:
        (folder / "r").mkdir()
        self.folder, self.stack = folder, AsyncExitStack()
        self.config = Config.model_validate(
            {
                "name": "sp500",
                "redis": {"url": f"unix://{folder / 'r/redis.sock'}"},
                "watch": [{"symbol": "SPX", "level": [{"name": "breakout", "price": 7000}]}],
            }
        )

    async def up(self) -> None:
        await self.stack.enter_async_context(redis_server(self.folder / "r", "--appendonly", "yes"))

    async def down(self) -> None:
        await self.stack.aclose()

    async def commit(self, *alerts: Alert, published: bool = True) -> None:
        """As the daemon does; one that is not `published` came while nobody could hear it."""
        async with connect_redis(self.config.redis_url(), self.folder) as redis:
            for own in alerts:
                await redis.xadd(KEYS.alerts, {"id": own.id, "json": encode(own)})
                if published:
                    await redis.publish(KEYS.channel(own.subject), encode(own))

    async def listened(self) -> None:
        async with asyncio.timeout(20), connect_redis(self.config.redis_url(), self.folder) as redis:
            while not await redis.client_list(_type="pubsub"):  # noqa: ASYNC110  Redis tells nobody
                await asyncio.sleep(0.01)


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    own = Desk(tmp_path)
    await own.up()
    yield own
    await own.down()


class Tail:
    """One that runs, as JSON."""

    def __init__(
        self, desk: Desk, capsys: pytest.CaptureFixture[str], match: Match, since: int | None
    ) -> None:
        self.stop, self._capsys = asyncio.Event(), capsys
        self.out, self.err = "", ""
        self.task = asyncio.create_task(follow(desk.config, self.stop, match, since, as_json=True))

    def read(self) -> None:
        out, err = self._capsys.readouterr()
        self.out, self.err = self.out + out, self.err + err

    @property
    def numbers(self) -> list[int]:
        """Of the alerts that were printed; each line is JSON and nothing else."""
        self.read()
        return [int(json.loads(line)["id"], 16) for line in self.out.splitlines()]

    async def until(self, holds: Callable[["Tail"], object]) -> None:
        async with asyncio.timeout(20):
            while not holds(self):
                assert not self.task.done(), self.task.result()
                await asyncio.sleep(0.01)


@pytest.fixture
async def tail(desk: Desk, capsys: pytest.CaptureFixture[str]) -> AsyncIterator[Callable[..., Tail]]:
    begun: list[Tail] = []

    def begin(match: Match | None = None, since: int | None = None) -> Tail:
        begun.append(Tail(desk, capsys, match or Match(), since))
        return begun[-1]

    yield begin
    for own in begun:
        own.stop.set()
        await asyncio.wait([own.task])


async def test_what_was_committed_while_redis_was_away_comes_once_it_is_back(
    desk: Desk, tail: Callable[..., Tail]
) -> None:
    await desk.commit(numbered(1))  # before it listened
    own = tail()
    await desk.listened()
    await desk.commit(numbered(2), numbered(3))
    await own.until(lambda own: own.numbers == [2, 3])
    await desk.down()
    await own.until(lambda own: own.read() or "has gone: waiting for tapewatch to come back" in own.err)
    await desk.up()
    await desk.commit(numbered(4), numbered(5), published=False)
    await desk.listened()
    await own.until(lambda own: own.numbers == [2, 3, 4, 5])
    await desk.commit(numbered(6))
    await own.until(lambda own: own.numbers == [2, 3, 4, 5, 6])
    assert own.err.splitlines() == [
        "waiting for alerts of sp500: SPX; Ctrl-C ends it",
        f"the Redis at unix://{desk.folder}/r/redis.sock has gone: waiting for tapewatch to come back",
        "it is back",
    ]


async def test_a_line_that_the_client_mends_by_itself_loses_nothing(
    desk: Desk, tail: Callable[..., Tail]
) -> None:
    own = tail()
    await desk.listened()
    await desk.commit(numbered(1))
    await own.until(lambda own: own.numbers == [1])
    async with (
        connect_redis(desk.config.redis_url(), desk.folder) as redis,
        redis.pipeline(transaction=True) as pipe,
    ):
        pipe.execute_command("CLIENT", "KILL", "TYPE", "pubsub")
        pipe.xadd(KEYS.alerts, {"id": "2", "json": encode(numbered(2))})
        pipe.publish(KEYS.channel("SPX"), encode(numbered(2)))
        await pipe.execute()
    await own.until(lambda own: own.numbers == [1, 2])
    await desk.commit(numbered(3))
    await own.until(lambda own: own.numbers == [1, 2, 3])


async def test_since_shows_the_past_first_and_filters_hold_for_all(
    desk: Desk, tail: Callable[..., Tail]
) -> None:
    hour_ago = time.time_ns() - 3600 * 10**9
    await desk.commit(numbered(1), numbered(2, subject="NDX"), numbered(3, rule="support"))
    own = tail(Match(symbol="SP*", rule="breakout"), hour_ago)
    await own.until(lambda own: own.numbers == [1])
    await desk.commit(numbered(4, subject="NDX"), numbered(5))
    await own.until(lambda own: own.numbers == [1, 5])
    assert "waiting for alerts of sp500 (symbol SP*, rule breakout)" in own.err


async def test_a_user_who_may_only_listen_is_told_what_is_not_shown(
    desk: Desk,
) -> None:
    async with connect_redis(desk.config.redis_url(), desk.folder) as redis:
        rights = "reset on >x resetchannels &tapewatch:sp500:alerts:* +ping +info +subscribe +psubscribe"
        await redis.execute_command("ACL", "SETUSER", "reader", *rights.split())
    url = f"unix://reader:x@{desk.folder}/r/redis.sock"
    config = Config.model_validate({"name": "sp500", "redis": {"url": url}, "watch": [{"symbol": "SPX"}]})
    with pytest.raises(Exception, match="--since cannot be had: this Redis user may not read"):
        await follow(config, asyncio.Event(), Match(), 0, as_json=True)


def printed(own: Alert, width: int, terminal: bool) -> list[str]:
    console = Console(width=width, force_terminal=terminal, highlight=False, color_system=None)
    with console.capture() as capture:
        print_line(own, console)
    return [line.rstrip() for line in capture.get().splitlines()]


def test_what_does_not_fit_a_terminal_stands_below_the_text() -> None:
    own = alert(text="S&P 500 crossed above 7,000 for the first time in many a year, at 7,000.25")
    lines = printed(own, 70, terminal=True)
    assert len(lines) > 1
    assert lines[0].startswith("2026-01-28 09:31:07 EST  ▲ S&P 500 crossed")
    assert all(line.startswith(" " * 27) and len(line) <= 70 for line in lines[1:])
    assert len(printed(own, 70, terminal=False)) == 1


@pytest.mark.parametrize(("severity", "told"), [("critical", True), ("info", True), ("warning", False)])
def test_how_much_it_matters_is_a_word(severity: str, told: bool) -> None:
    line = " ".join(printed(alert(severity=severity), 200, terminal=False))
    assert (f"  {severity}" in line) == told

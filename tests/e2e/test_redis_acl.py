"""The users of docs/operations.md: what the daemon and every command do with Redis, and not a command more."""

import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
from house import KEYS, House, day_seconds, stream
from processes import Program
from redis.asyncio import Redis
from redis.exceptions import NoPermissionError
from starlette.responses import Response

from notify.receiver_servers import redis_server
from redis_over_tls import SERVER, TlsRedis, tls_redis
from tapewatch.store.commit import Store
from tapewatch.store.server import connect_redis
from web.event_stream import listening

pytestmark = pytest.mark.skipif(SERVER is None, reason="there is no redis-server, which speaks TLS")

PAGE = Path(__file__).parents[2] / "docs/operations.md"
ADMIN = "admin-sesame"
PASSWORD = "acl-sesame"
READERS = "reader-sesame"

DAY_TAKES = 60.0
"""Seconds: longer than the test, so that alerts come all the time."""

OF_THE_TEST = {"acl|log", "config|resetstat"}
OPEN_TO_ALL = {"auth"}
ELSEWHERE = {"select"}
"""For a URL with a database other than 0."""


def rules(user: str) -> list[list[str]]:
    """The lines of the page that make a user, for an instance `e2e` instead of `sp500`."""
    lines = re.findall(rf"^ACL SETUSER {user} (.*)$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    return [line.replace("sp500", "e2e").split() for line in lines]


def granted(user: str) -> set[str]:
    return {word[1:] for line in rules(user) for word in line if word.startswith("+")}


async def make_user(redis: Redis, user: str, password: str) -> None:
    for line in rules(user):
        words = [word.replace("PASSWORD", password) for word in line]
        await redis.execute_command("ACL", "SETUSER", user, *words)


@asynccontextmanager
async def admin(server: TlsRedis) -> AsyncIterator[Redis]:
    own = Redis.from_url(server.url(f":{ADMIN}"), ssl_ca_certs=str(server.certificate), driver_info=None)
    async with own as redis:
        yield redis


async def used(redis: Redis) -> set[str]:
    """Commands that anybody has called since the statistics were reset, scripts included."""
    stats = await redis.info("commandstats")
    return {name.removeprefix("cmdstat_") for name in stats}


async def denied(redis: Redis) -> list[str]:
    """What the users were not let do."""
    return [f"{own['reason']} {own['object']}" for own in await redis.acl_log()]


@pytest.mark.long
@pytest.mark.timeout(300)
async def test_the_users_of_the_page_may_do_what_is_needed_and_nothing_else(house: House) -> None:
    await house.receivers()
    # One that is pending when the leader is killed, and dead letters.
    house.hook.answers = [None, *[Response("no", 400)] * 4]
    async with tls_redis(house.folder / "server", "--requirepass", ADMIN) as server, admin(server) as redis:
        await make_user(redis, "tapewatch", PASSWORD)
        await make_user(redis, "tapewatch-reader", READERS)
        await redis.config_resetstat()
        house.env["TAPEWATCH_REDIS_URL"] = server.url(f"tapewatch:{PASSWORD}")
        port = (await house.feed(speed=day_seconds(house) / DAY_TAKES)).port
        house.write(port, more=f'[redis]\nca_file = "{server.certificate}"\n')
        house.config.write_text(f"ha = true\n{house.config.read_text()}")
        leader = await one_leads_after_the_other(house, server)
        await somebody_types_every_command(house, leader)
        assert await leader.stop() == 0, leader.everything()
        await a_replay_is_stored(house)
        await the_oldest_alerts_go(house, server)
        assert len(await stream(redis)) > 0
        assert await denied(redis) == []
        called, known = await used(redis), granted("tapewatch")
        assert known - ELSEWHERE - called == set(), "granted, and not needed"
        assert called - known - OF_THE_TEST - OPEN_TO_ALL == set(), "used by nobody but the test"


async def one_leads_after_the_other(house: House, server: TlsRedis) -> Program:
    """The first is killed while an alert is on its way; a reader hears what the second one fires."""
    first = await house.daemon()
    await first.logged("daemon.ready")
    second = await house.daemon()
    await second.logged("daemon.standing_by")
    reader = house.env | {"TAPEWATCH_REDIS_URL": server.url(f"tapewatch-reader:{READERS}")}
    tails = [
        await Program.start("tail", "--json", "--config", house.config, env=env)
        for env in (reader, house.env)
    ]
    house.programs += tails
    await house.hook.has(1)
    await first.kill()
    await second.logged("daemon.ready")
    for tail in tails:
        await tail.said('"id"')
        assert await tail.stop() == 0, tail.everything()
    return second


async def somebody_types_every_command(house: House, daemon: Program) -> None:
    async def types(*words: object) -> str:
        command = await house.program(*words, "--config", house.config)
        assert await command.ended() == 0, command.everything()
        return "\n".join(command.out)

    await somebody_opens_the_page(daemon)
    await types("silence", "add", "--rule", "shelf", "--for", "1h", "--why", "test")
    silence = json.loads(await types("silence", "list", "--json"))
    await types("silence", "lift", silence["id"])
    await daemon.logged("notify.dead", 4)
    newest = json.loads((await types("log", "--json")).splitlines()[-1])
    await types("explain", newest["alert"]["id"][:12])
    await types("status")
    letter = json.loads((await types("dead", "list", "hook", "--json")).splitlines()[0])
    await types("dead", "list")
    await types("dead", "resend", "hook", letter["id"])
    await types("dead", "drop", "hook", "--all")
    await types("notify-test", "hook")


async def somebody_opens_the_page(daemon: Program) -> None:
    url = (await daemon.logged("http.listening"))["url"]
    async with httpx.AsyncClient(base_url=url, trust_env=False, timeout=30) as http, listening(http) as page:
        newest = (await page.next("alert", within=60)).id
        for path in ("watches", "alerts", "silences", "health"):
            assert (await http.get(f"/api/{path}")).status_code == 200, path
        made = (await http.post("/api/silences", json={"rule": "shelf", "for": "1h"})).json()
        assert (await http.delete(f"/api/silences/{made['id']}")).status_code == 200
        async with listening(http, seen=newest) as again:
            await again.next("alert", within=60)


async def a_replay_is_stored(house: House) -> None:
    replay = await house.program("replay", house.case.tape, "--store", "--config", house.config)
    assert await replay.ended() == 0, replay.everything()


async def the_oldest_alerts_go(house: House, server: TlsRedis) -> None:
    """As once an hour."""
    url = f"{house.env['TAPEWATCH_REDIS_URL']}?ssl_ca_certs={server.certificate}"
    async with connect_redis(url, house.state) as redis:
        await Store(redis, "e2e").trim(1)


async def test_a_reader_can_do_nothing_but_listen(house: House) -> None:
    async with tls_redis(house.folder / "server", "--requirepass", ADMIN) as server, admin(server) as redis:
        await make_user(redis, "tapewatch-reader", READERS)
        await redis.set(KEYS.lease, "somebody")
        url = f"{server.url(f'tapewatch-reader:{READERS}')}?ssl_ca_certs={server.certificate}"
        async with connect_redis(url, house.state) as reader:
            for command in (
                ("GET", KEYS.lease),
                ("XRANGE", KEYS.alerts, "-", "+"),
                ("PUBLISH", KEYS.channel("ACME"), "no alert"),
                ("PSUBSCRIBE", "*"),
                ("SCAN", 0),
                ("CONFIG", "GET", "*"),
            ):
                with pytest.raises(NoPermissionError):
                    await reader.execute_command(*command)


@pytest.mark.parametrize("key", ["tapewatch:{other}:alerts", "tapewatch:{e2e2}:alerts", "anything"])
async def test_the_daemons_user_reaches_no_other_instance(house: House, key: str) -> None:
    async with tls_redis(house.folder / "server", "--requirepass", ADMIN) as server, admin(server) as redis:
        await make_user(redis, "tapewatch", PASSWORD)
        url = f"{server.url(f'tapewatch:{PASSWORD}')}?ssl_ca_certs={server.certificate}"
        async with connect_redis(url, house.state) as own:
            await own.xadd(KEYS.alerts, {"id": "1"})
            with pytest.raises(NoPermissionError):
                await own.xadd(key, {"id": "1"})
            with pytest.raises(NoPermissionError):
                await own.publish("tapewatch:other:alerts:SPX", "no alert")
            for command in (("KEYS", "*"), ("FLUSHALL",), ("CONFIG", "GET", "*"), ("EVAL", "return 1", 0)):
                with pytest.raises(NoPermissionError):
                    await own.execute_command(*command)


async def test_redis_6_2_takes_the_same_rules(tmp_path: Path) -> None:
    async with redis_server(tmp_path) as socket, Redis(unix_socket_path=str(socket)) as redis:
        assert (await redis.info("server"))["redis_version"].startswith("6.2.")
        for user in ("tapewatch", "tapewatch-reader"):
            await make_user(redis, user, PASSWORD)
        text = " ".join(await redis.acl_list())
        assert "+xgroup|create" in text

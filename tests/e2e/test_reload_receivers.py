"""SIGHUP: receivers come, change and go while alerts fire; nothing is lost, doubled or sent where it should not be."""

import asyncio
import base64
import hashlib
import hmac
import json
import signal
from pathlib import Path

import pytest
from house import KEYS, alerts_reach
from live import Place, until_place
from processes import SECRET, Program
from redis.asyncio import Redis
from starlette.responses import Response

from notify.receiver_servers import Endpoint, Received, http_server

RULES = "\n".join(
    f'[[watch.level]]\nname = "{price}"\nprice = {price}\nrearm = 0' for price in range(101, 121)
)
ROUTE = """
[[route]]
receivers = [{}]
"""


def hook(name: str, url: str, more: str = "") -> str:
    return f'\n[[receiver]]\nname = "{name}"\nkind = "webhook"\nurl = "{url}"\n{more}\n'


def routed(*names: str) -> str:
    return ROUTE.format(", ".join(f'"{name}"' for name in names)) if names else ""


class Market:
    """A price that climbs over one level after the other."""

    def __init__(self, place: Place, redis: Redis) -> None:
        self._place, self._redis = place, redis
        self.price = 100

    async def fires(self, daemon: Program, count: int = 1) -> list[str]:
        """Names of the rules that fired, once their alerts are in Redis."""
        before = await self._redis.xlen(KEYS.alerts)
        names = [str(self.price + own) for own in range(1, count + 1)]
        await self._place.exchange.trade(*(self.price + own + 0.5 for own in range(1, count + 1)))
        self.price += count
        await alerts_reach(self._redis, before + count, daemon)
        return names


@pytest.fixture
async def opened(place: Place) -> tuple[Market, Redis]:
    redis = await place.redis()
    return Market(place, redis), redis


async def start(place: Place, config: str) -> Program:
    place.write(RULES + config, history=False)
    daemon = await place.daemon()
    await place.exchange.listened()
    await until_place(await place_redis(place), await place.exchange.trade(100.5))
    return daemon


async def place_redis(place: Place) -> Redis:
    return await place._stack.enter_async_context(Redis.from_url(place.env["TAPEWATCH_REDIS_URL"]))


async def reload(place: Place, daemon: Program, config: str, event: str = "config.changed") -> dict:
    place.write(RULES + config, history=False)
    return await hang_up(daemon, event)


async def hang_up(daemon: Program, event: str = "config.changed") -> dict:
    count = len(daemon.events(event)) + 1
    daemon.process.send_signal(signal.SIGHUP)
    return await daemon.logged(event, count)


def rules(received: list[Received]) -> list[str]:
    return [json.loads(own.body)["data"]["rule"] for own in received]


async def test_receivers_come_change_and_go(place: Place, opened: tuple[Market, Redis]) -> None:
    market, redis = opened
    first, second, moved = Endpoint(), Endpoint(), Endpoint()
    async with http_server(first) as a, http_server(second) as b, http_server(moved) as c:
        place.env |= {f"TAPEWATCH_RECEIVER_{name}_SECRET": SECRET for name in ("ONE", "TWO")}
        daemon = await start(place, hook("one", a) + routed("one"))
        await market.fires(daemon, 2)
        await first.has(2)

        # It comes: it gets what fires from then on.
        told = await reload(place, daemon, hook("one", a) + hook("two", b) + routed("one", "two"))
        assert told["receivers"] == ["two"]
        assert "receiver two: added" in told["changes"][0]
        assert told["changed"] == []
        await market.fires(daemon)
        await second.has(1)
        await first.has(3)

        # It changes: what comes goes to the other place, and nothing twice.
        await reload(place, daemon, hook("one", a) + hook("two", c) + routed("one", "two"))
        await market.fires(daemon)
        await moved.has(1)

        # It goes, and what fires meanwhile waits for its return.
        await reload(place, daemon, hook("one", a) + routed("one"))
        missed = await market.fires(daemon, 2)
        await first.has(6)
        await asyncio.sleep(2.5)  # longer than it has for what it did not have
        missed += await market.fires(daemon)
        await first.has(7)
        groups = {group["name"]: group for group in await redis.xinfo_groups(KEYS.alerts)}
        assert groups[b"two"]["consumers"] == 1
        await reload(place, daemon, hook("one", a) + hook("two", b) + routed("one", "two"))
        every = [str(price) for price in range(101, 108)]
        async with asyncio.timeout(20):
            while set(rules(second.received + moved.received)) != set(every[2:]):  # noqa: ASYNC110
                await asyncio.sleep(0.02)
        assert rules(first.received) == every, "one that stays hears nothing of all this"
        assert sorted(rules(second.received) + rules(moved.received)) == every[2:]
        assert await daemon.stop() == 0, daemon.everything()


async def test_what_is_on_its_way_when_its_receiver_changes_comes_once(
    place: Place, opened: tuple[Market, Redis]
) -> None:
    market, redis = opened
    slow = Endpoint()
    waiting = asyncio.Event()

    class Late(Response):
        async def __call__(self, scope, receive, send) -> None:
            await waiting.wait()
            await super().__call__(scope, receive, send)

    slow.answers = [Late("ok")]
    async with http_server(slow) as url:
        place.env["TAPEWATCH_RECEIVER_ONE_SECRET"] = SECRET
        daemon = await start(place, hook("one", url) + routed("one"))
        await market.fires(daemon, 3)
        await slow.has(1)  # the first is on its way, the others wait
        await reload(place, daemon, hook("one", url, 'rate = "100/s"') + routed("one"))
        await market.fires(daemon)
        await asyncio.sleep(0.3)
        assert rules(slow.received) == ["101"], "the one that follows waits for the answer"
        waiting.set()
        await slow.has(4)
        await asyncio.sleep(0.3)
        assert rules(slow.received) == ["101", "102", "103", "104"]
        assert await daemon.stop() == 0, daemon.everything()
        assert (await redis.xpending(KEYS.alerts, "one"))["pending"] == 0


async def test_a_receiver_that_is_down_keeps_what_it_has_not_had_when_it_goes(
    place: Place, opened: tuple[Market, Redis]
) -> None:
    market, redis = opened
    down, up = Endpoint(), Endpoint()
    down.answers = [Response("no", 503) for _ in range(100)]
    async with http_server(down) as url, http_server(up) as other:
        place.env["TAPEWATCH_RECEIVER_ONE_SECRET"] = SECRET
        daemon = await start(place, hook("one", url) + routed("one"))
        await market.fires(daemon, 2)
        await down.has(1)
        await reload(place, daemon, "")
        left = await daemon.logged("notify.undelivered")
        assert (left["receiver"], len(left["alerts"])) == ("one", 2)
        assert (await redis.xpending(KEYS.alerts, "one"))["pending"] == 2
        await reload(place, daemon, hook("one", other) + routed("one"))
        await up.has(2)
        assert rules(up.received) == ["101", "102"]
        assert await daemon.stop() == 0, daemon.everything()


async def test_a_missing_secret_refuses_all_of_it(place: Place, opened: tuple[Market, Redis]) -> None:
    market, redis = opened
    first = Endpoint()
    async with http_server(first) as url:
        place.env["TAPEWATCH_RECEIVER_ONE_SECRET"] = SECRET
        daemon = await start(place, hook("one", url) + routed("one"))
        wrong = hook("one", url, 'rate = "1/m"') + hook("two", url) + routed("one", "two")
        place.write("[[watch.level]]\nprice = 200\n" + wrong, history=False)
        refused = await hang_up(daemon, "config.refused")
        assert "TAPEWATCH_RECEIVER_TWO_SECRET" in refused["reason"]
        await market.fires(daemon, 3)  # the rules are those of before, and so are receiver and route
        await first.has(3)
        assert [group["name"] for group in await redis.xinfo_groups(KEYS.alerts)] == [b"one"]
        assert await daemon.stop() == 0, daemon.everything()


def is_signed_with(secret: str, received: Received) -> bool:
    head = received.headers
    text = f"{head['webhook-id']}.{head['webhook-timestamp']}.".encode() + received.body
    own = base64.b64encode(hmac.new(secret.encode(), text, hashlib.sha256).digest()).decode()
    return head["webhook-signature"] == f"v1,{own}"


async def test_a_secret_that_changed_on_disk_is_read_again_at_sighup(
    place: Place, opened: tuple[Market, Redis], tmp_path: Path
) -> None:
    market, _ = opened
    own, file = Endpoint(), tmp_path / "secret"
    file.write_text("old-sesame\n")
    async with http_server(own) as url:
        config = hook("one", url, f"secret_file = {json.dumps(str(file))}") + routed("one")
        daemon = await start(place, config)
        await market.fires(daemon)
        await own.has(1)
        own.answers = [Response("who are you?", 503)]  # it knows the new one alone from now on
        await market.fires(daemon)
        await own.has(2)
        file.write_text("new-sesame\n")
        told = await hang_up(daemon)
        assert told["changes"] == ["receiver one: its secret is another one now"]
        await own.has(3)  # the attempt that follows has it already
        await market.fires(daemon)
        await own.has(4)
        secrets = ["old-sesame", "old-sesame", "new-sesame", "new-sesame"]
        assert [is_signed_with(*pair) for pair in zip(secrets, own.received, strict=True)] == [True] * 4
        await hang_up(daemon, "config.unchanged")
        file.write_text("")
        assert "is empty" in (await hang_up(daemon, "config.refused"))["reason"]
        assert await daemon.stop() == 0, daemon.everything()
    assert "sesame" not in daemon.everything().replace(url, "")


async def test_redis_is_asked_before_anything_changes(place: Place, opened: tuple[Market, Redis]) -> None:
    """A receiver that is new needs its place in the stream; where that cannot be had, nothing changes."""
    _, redis = opened
    daemon = await start(place, "")
    await redis.set(KEYS.resend("term"), "no stream")
    told = await reload(
        place, daemon, '\n[[receiver]]\nname = "term"\nkind = "console"\n' + routed("term"), "config.refused"
    )
    assert "WRONGTYPE" in told["reason"]
    await redis.delete(KEYS.resend("term"))
    await hang_up(daemon)
    market = Market(place, redis)
    await market.fires(daemon)
    await daemon.said("101")
    assert await daemon.stop() == 0, daemon.everything()

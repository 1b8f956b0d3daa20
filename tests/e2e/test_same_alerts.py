"""A tape through feed, daemon, Redis and receivers gives what replaying its file gives."""

import asyncio
import base64
import hashlib
import hmac
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from house import KEYS, House, indicators, stream
from processes import SECRET
from redis.asyncio import Redis

from tapewatch.alerts.alert import decode
from tapewatch.notify import email, slack
from tapewatch.notify.message import Message
from tapewatch.notify.telling import tell


async def test_a_synthetic_day(house: House, expected) -> None:
    assert len((await expected(house.case)).lines) > 30
    await same_everywhere(house, expected)


async def test_spy_on_8_october_2013(spy_house: House, expected) -> None:
    assert len((await expected(spy_house.case)).lines) > 50
    await same_everywhere(spy_house, expected)


async def same_everywhere(house: House, expected) -> None:
    wanted = await expected(house.case)
    redis = await house.own_redis()
    await house.receivers()
    house.write(await house.simulate("--speed", "max"))
    async with published(redis) as channel:
        daemon = await house.daemon()
        now = await house.played(redis)
        await house.delivered(wanted.lines)
        assert await daemon.stop() == 0, daemon.everything()
    assert await stream(redis) == wanted.lines
    assert channel == [(f"tapewatch:e2e:alerts:{house.case.symbol}".encode(), line) for line in wanted.lines]
    assert indicators(now) == wanted.indicators
    assert_mailed_once(house, wanted.lines)
    assert_posted_once(house, wanted.lines)
    slack_said = [json.loads(each.body) for each in house.slack.received]
    assert slack_said == [json.loads(json.dumps(slack.payload(tell(alone(line))))) for line in wanted.lines]


def alone(line: bytes) -> Message:
    return Message((decode(line),), (line,))


def assert_mailed_once(house: House, lines: list[bytes]) -> None:
    mails = [(mail["Message-ID"], str(mail["Subject"])) for mail in house.mailbox.mails]
    meant = [email.mail(alone(line), "a@example.com", ["b@example.com"]) for line in lines]
    assert mails == [(mail["Message-ID"], str(mail["Subject"])) for mail in meant]


def assert_posted_once(house: House, lines: list[bytes]) -> None:
    assert [request.body for request in house.hook.received] == lines
    for request in house.hook.received:
        head = f"{json.loads(request.body)['id']}.{request.headers['webhook-timestamp']}.".encode()
        digest = hmac.new(SECRET.encode(), head + request.body, hashlib.sha256).digest()
        assert request.headers["webhook-signature"] == "v1," + base64.b64encode(digest).decode()


@asynccontextmanager
async def published(redis: Redis) -> AsyncIterator[list[tuple[bytes, bytes]]]:
    """Channel and message of all that is published meanwhile."""
    heard: list[tuple[bytes, bytes]] = []

    async def hear() -> None:
        async for message in pubsub.listen():
            if message["type"] == "pmessage":
                heard.append((message["channel"], message["data"]))

    async with redis.pubsub() as pubsub:
        await pubsub.psubscribe(KEYS.channels)
        hearing = asyncio.create_task(hear())
        yield heard
        await asyncio.sleep(0.05)
        hearing.cancel()
        await asyncio.wait([hearing])

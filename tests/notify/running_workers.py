"""Delivery workers on real Redis servers and HTTP receivers."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
from receiver_servers import Received
from redis.asyncio import Redis
from redis.asyncio.retry import Retry as RedisRetry
from redis.backoff import NoBackoff
from sample_alerts import alert

from tapewatch.alerts.alert import Alert, decode, encode
from tapewatch.config import Receiver, Webhook
from tapewatch.notify.http import check, post
from tapewatch.notify.ledger import Ledger
from tapewatch.notify.message import Message
from tapewatch.notify.retry import Retry
from tapewatch.notify.sender import Sender
from tapewatch.notify.silences import Silence
from tapewatch.notify.stages import Pipeline
from tapewatch.notify.streams import Streams
from tapewatch.notify.worker import Worker

QUICK = Retry(first=0.01, longest=0.05)


def streams(receiver: str = "desk") -> Streams:
    return Streams(
        alerts="tapewatch:{test}:alerts",
        resend=f"tapewatch:{{test}}:resend:{receiver}",
        dead=f"tapewatch:{{test}}:dead:{receiver}",
        deliveries="tapewatch:{test}:deliveries",
    )


class Post:
    """Posts a message's alerts, one a line; the answer's header `receipt` is the receipt."""

    def __init__(self, url: str, http: httpx.AsyncClient, *, pictures: bool = False) -> None:
        self.pictures = pictures
        self._url = url
        self._http = http

    async def send(self, message: Message) -> str | None:
        headers = {
            "id": message.id,
            "kind": message.kind,
            "answers": message.answers or "",
            "picture": (message.picture or b"").decode(),
            "link": message.link or "",
        }
        response = await post(self._http, self._url, b"\n".join(message.bodies), headers)
        check(response)
        return response.headers.get("receipt")


def program(**keys: Any) -> Receiver:
    """A receiver that wants each alert at once."""
    return Webhook(**({"kind": "webhook", "name": "desk", "give_up_after": "1s"} | keys))


def everything(_: Alert) -> bool:
    return True


def no_clock(_: Alert) -> int:
    return 0


def worker(
    redis: Redis,
    sender: Sender,
    state: Path,
    receiver: Receiver | None = None,
    wants: Callable[[Alert], bool] = everything,
    silences: Callable[[], Sequence[Silence]] = tuple,
    **keys: Any,
) -> Worker:
    """A worker whose ledger is in `state`, as it is anew in each process."""
    receiver = receiver or program()
    return Worker(
        redis,
        streams(receiver.name),
        receiver,
        sender,
        Pipeline(receiver, wants, silences),
        Ledger(state / "sent" / receiver.name),
        **({"member": "member-1", "clock": no_clock, "retry": QUICK} | keys),
    )


def client(socket: Path) -> Redis:
    """As the daemon has it."""
    return Redis(unix_socket_path=str(socket), protocol=2, retry=RedisRetry(NoBackoff(), 1))


@asynccontextmanager
async def running(*workers: Worker) -> AsyncIterator[None]:
    tasks = [asyncio.create_task(each.run()) for each in workers]
    yield
    for task in tasks:
        assert not task.done(), task.exception()
        task.cancel()
    await asyncio.wait(tasks)


async def fire(redis: Redis, *ids: str, **fields: str) -> None:
    """Writes alerts as the commit does."""
    for id_ in ids:
        await redis.xadd(streams().alerts, {"id": id_, "json": encode(alert(id=id_)), **fields})


def ids(received: list[Received]) -> list[str]:
    """Of all alerts that came, in order."""
    return [decode(line).id for request in received for line in request.body.splitlines()]


async def pending(redis: Redis, stream: str = streams().alerts) -> int:
    (group,) = await redis.xinfo_groups(stream)
    return int(group["pending"])


async def letters(redis: Redis) -> list[dict[bytes, bytes]]:
    return [fields for _, fields in await redis.xrange(streams().dead)]


async def outcomes(redis: Redis) -> list[tuple[str, str]]:
    """Of all deliveries, in order: the alert's id, and what became of it."""
    entries = await redis.xrange(streams().deliveries)
    return [(fields[b"id"].decode(), fields[b"outcome"].decode()) for _, fields in entries]


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 - it tells nobody
            await asyncio.sleep(0.01)


@asynccontextmanager
async def losing_answers(server: Path, command: bytes) -> AsyncIterator[Path]:
    """A socket to the Redis at `server` that loses the answers to the first three requests that hold `command`."""
    path = server.with_name("losing.sock")
    losses = 3

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal losses
        from_redis, to_redis = await asyncio.open_unix_connection(str(server))
        while request := await reader.read(1 << 16):
            to_redis.write(request)
            answer = await from_redis.read(1 << 16)
            if command in request and losses:
                losses -= 1
                break
            writer.write(answer)
        writer.close()
        to_redis.close()

    listener = await asyncio.start_unix_server(serve, str(path))
    yield path
    assert not losses
    listener.close()

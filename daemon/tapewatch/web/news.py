"""Reads what is new in the streams of alerts and deliveries, once for all pages, while any of them listens."""

import asyncio
import time
from collections.abc import Mapping
from typing import Any, Never

import msgspec
import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

from tapewatch.alert_log import delivery_json
from tapewatch.alerts.alert import Alert, decode
from tapewatch.notify import deliveries
from tapewatch.notify.entries import text
from tapewatch.notify.stages.route import wants
from tapewatch.store.keys import Keys
from tapewatch.store.server import ANSWER_SECONDS
from tapewatch.vitals import Vitals
from tapewatch.web.events import event
from tapewatch.web.listeners import Listeners

log = structlog.get_logger(__name__)

AT_ONCE = 20
"""Entries of a stream: other work comes through between them."""

BLOCK_MS = 500
"""Longest wait for a new one."""

AGAIN_SECONDS = 0.5
"""Until Redis, which is away, is asked again."""

_EARLIER_MS = 5000
"""By how much its clock may be behind ours."""


class News:
    """Of one process.

    Args:
        vitals: of it; its config says who is to have which alert.
        redis: of its instance.
        keys: the instance's.
        listeners: are told.
    """

    def __init__(self, vitals: Vitals, redis: Redis, keys: Keys, listeners: Listeners) -> None:
        self._vitals = vitals
        self._redis = redis
        self._streams = (keys.alerts, keys.deliveries)
        self._listeners = listeners
        self._away = False
        self.following = asyncio.Event()
        """Whatever is written from now on is told."""

    async def run(self) -> Never:
        """Tells until cancelled; Redis may be away meanwhile."""
        while True:
            await self._listeners.wait()
            await self._follow()
            self.following.clear()

    async def _follow(self) -> None:
        """As long as anybody listens."""
        places: dict[str, str] = {}
        began = f"{time.time_ns() // 1_000_000 - _EARLIER_MS}-0"
        while self._listeners:
            try:
                async with asyncio.timeout(ANSWER_SECONDS + BLOCK_MS / 1000):
                    if places:
                        await self._read(places)
                    else:
                        places = await self._newest()
                        self.following.set()
                self._say(None)
            except (RedisError, OSError) as error:  # a TimeoutError is an OSError
                self._say(error)
                places = places or dict.fromkeys(self._streams, began)
                await asyncio.sleep(AGAIN_SECONDS)

    async def _newest(self) -> dict[str, str]:
        """The last entry of each stream."""
        places = {}
        for stream in self._streams:
            last: Any = await self._redis.xrevrange(stream, count=1)
            places[stream] = last[0][0].decode() if last else "0-0"
        return places

    async def _read(self, places: dict[str, str]) -> None:
        """Tells what comes after these places, and moves them on."""
        of_redis: Any = places
        answer: Any = await self._redis.xread(of_redis, count=AT_ONCE, block=BLOCK_MS)
        self.following.set()
        for stream, entries in answer:
            name = stream.decode()
            tell = self._alert if name == self._streams[0] else self._delivery
            for id_, fields in entries:
                tell(id_, fields)
                places[name] = id_.decode()
        await asyncio.sleep(0)

    def _alert(self, entry: bytes, fields: dict[bytes, bytes]) -> None:
        body = fields.get(b"json", b"")
        try:
            alert = decode(body)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return  # every receiver's dead letter, and told there
        had = text(fields, b"delivered").split(",")
        place = entry.decode()
        told = {
            "alert": msgspec.Raw(body),
            "deliveries": [],
            "waiting": [name for name in self._wanted_by(alert) if name not in had],
            "entry": place,
        }
        self._listeners.tell(event("alert", told, place), place)

    def _wanted_by(self, alert: Alert) -> list[str]:
        config = self._vitals.config
        return [own.name for own in config.receiver if wants(config, own.name)(alert)]

    def _delivery(self, entry: bytes, fields: dict[bytes, bytes]) -> None:
        told: Mapping[str, str] = delivery_json(deliveries.delivered(entry, fields))
        self._listeners.tell(event("delivery", {"alert": text(fields, b"id"), **told}))

    def _say(self, error: Exception | None) -> None:
        """Once that it is away, and once that it is back."""
        if error is not None and not self._away:
            log.warning("http.redis_away", error=type(error).__name__)
        elif error is None and self._away:
            log.info("http.redis_back")
        self._away = error is not None

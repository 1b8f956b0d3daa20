"""Silences: which alerts nobody gets for a while; people make them, the pipeline asks them."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import timedelta
from secrets import token_hex
from time import monotonic, time_ns
from typing import Annotated, Any, Never

import msgspec
import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError, ResponseError

from tapewatch.alerts.alert import Alert
from tapewatch.market.ticks import NS
from tapewatch.notify.matching import matches
from tapewatch.notify.patience import ANSWER_SECONDS, stop_if_cancelled

PERIOD = 1.0
"""Seconds after which `Silences.keep` looks again."""

KEPT_NS = int(timedelta(days=1).total_seconds()) * NS
"""So long (ns) after its end a silence is still listed."""

log = structlog.get_logger(__name__)


_Moment = Annotated[int, msgspec.Meta(ge=0, le=(1 << 63) - 1)]
"""ns UTC, up to the year 2262: whoever shows it can write it as a date."""


def new_id() -> str:
    """An id short enough to be typed: eight hexadecimal digits."""
    return token_hex(4)


class Silence(msgspec.Struct, frozen=True, kw_only=True):
    """Alerts that go to no receiver for a while.

    `symbol`, `rule`, `type` and `severity` are read as those of a route's `match`: None matches all, all that are set
    must fit.
    """

    id: str
    symbol: str | None = None
    rule: str | None = None
    type: str | None = None
    severity: str | None = None
    since_ns: _Moment
    """From then on, ns UTC by this machine's clock."""
    until_ns: _Moment
    """Up to then; it is over at this instant."""
    by: str
    """Login name of who made it."""
    why: str = ""

    def matches(self, alert: Alert, wall_ns: int) -> bool:
        """Whether `alert` is to be kept from its receivers at `wall_ns`."""
        return self.since_ns <= wall_ns < self.until_ns and matches(self, alert)


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Silence).decode


class Silences:
    """The silences of one instance, in Redis.

    Args:
        redis: answers in bytes.
        key: the hash that holds them.
    """

    def __init__(self, redis: Redis, key: str) -> None:
        self._redis = redis
        self._key = key
        self._known: tuple[Silence, ...] = ()
        self._unreadable: set[str] = set()
        self.away_since: float | None = None
        """Since when `keep` has had no answer from Redis (monotonic clock, s); None while it answers."""

    @property
    def known(self) -> Sequence[Silence]:
        """Those that `refresh` last found, by their end; while Redis is away they hold on."""
        return self._known

    async def add(self, silence: Silence) -> None:
        """Makes it known to every daemon of the instance."""
        await self._redis.hset(self._key, silence.id, _encode(silence))

    async def lift(self, id: str) -> bool:
        """Takes it back; False if there is none of that id."""
        return bool(await self._redis.hdel(self._key, id))

    async def all(self) -> list[Silence]:
        """All there are, by their end; what ended a day ago is removed. What cannot be read is logged and left out."""
        over = time_ns() - KEPT_NS
        silences = []
        fields: Mapping[Any, Any] = await self._redis.hgetall(self._key)
        for field, value in fields.items():
            try:
                silence = _decode(value)
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
                self._tell_unreadable(field.decode(errors="replace"), error)
                continue
            if silence.until_ns <= over:
                await self._redis.hdel(self._key, field)
            else:
                silences.append(silence)
        return sorted(silences, key=lambda own: (own.until_ns, own.id))

    async def refresh(self) -> None:
        """Makes `known` what is in Redis now.

        Raises:
            redis.exceptions.RedisError, OSError, TimeoutError: Redis is away; `known` stays.
        """
        async with asyncio.timeout(ANSWER_SECONDS):
            self._known = tuple(await self.all())

    async def keep(self) -> Never:
        """Keeps `known` up to date until cancelled; Redis may be away meanwhile."""
        failed = False
        while True:
            began = monotonic()
            try:
                await self.refresh()
                failed, self.away_since = False, None
            except (RedisError, OSError) as error:  # a TimeoutError is an OSError
                if not failed:
                    log.warning("silences.not_read", error=type(error).__name__, known=len(self._known))
                failed = True
                if isinstance(error, ResponseError):
                    self.away_since = None
                else:
                    self.away_since = self.away_since or began
            stop_if_cancelled()
            await asyncio.sleep(PERIOD)

    def _tell_unreadable(self, name: str, error: Exception) -> None:
        """Once each: it is looked at every second."""
        if name not in self._unreadable:
            self._unreadable.add(name)
            log.warning("silences.unreadable", silence=name, reason=str(error))

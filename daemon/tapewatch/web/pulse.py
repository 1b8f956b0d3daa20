"""What pages are told once a second if it has changed: how the process is, and what is silenced."""

import asyncio
import time
from collections.abc import Iterable
from typing import Any, Never

from redis.asyncio import Redis
from redis.exceptions import RedisError

from tapewatch.notify.silences import Silence, Silences
from tapewatch.silencing import as_json
from tapewatch.store.keys import Keys
from tapewatch.vitals import Vitals
from tapewatch.web.events import event
from tapewatch.web.health import Rates, health
from tapewatch.web.listeners import Listener, Listeners

PERIOD = 1.0


class Pulse:
    """Of one process.

    Args:
        vitals: of it.
        redis: of its instance.
        keys: the instance's.
        listeners: are told.
        login: whether there is a token to log in with.
    """

    def __init__(
        self, vitals: Vitals, redis: Redis, keys: Keys, listeners: Listeners, *, login: bool
    ) -> None:
        self._vitals = vitals
        self._own_silences = Silences(redis, keys.silences)
        self._listeners = listeners
        self._login = login
        self._rates = Rates()
        self._told: dict[str, bytes] = {}

    @property
    def silences(self) -> Silences:
        """Those that the workers go by, or, in a process that does not lead, some of our own."""
        leading = self._vitals.leading
        return leading.silences if leading else self._own_silences

    def health(self) -> dict[str, Any]:
        """As it is now."""
        return health(self._vitals, self._rates, login=self._login)

    def greet(self, listener: Listener) -> None:
        """Tells a page that is new how it is; all others hear it too, if they have not yet."""
        for name, data in (("health", self.health()), ("silences", self.listed())):
            if not self._tell(name, data):
                listener.tell(None, self._told[name])

    def listed(self) -> list[dict[str, Any]]:
        """The silences, as far as they are known."""
        return listed(self.silences.known)

    async def run(self) -> Never:
        """Looks once a second until cancelled."""
        while True:
            await asyncio.sleep(PERIOD)
            self._rates.look(self._vitals.connections, time.monotonic())
            if self._listeners:
                self._tell("health", self.health())
                if self._vitals.leading is None:
                    await self._refresh()
                self.tell_silences()

    async def _refresh(self) -> None:
        try:
            await self._own_silences.refresh()
        except (RedisError, OSError):  # a TimeoutError is an OSError; health tells
            return

    def tell_silences(self) -> None:
        """At once, if there are others."""
        self._tell("silences", self.listed())

    def _tell(self, name: str, data: Any) -> bool:
        """Whether it was news."""
        own = event(name, data)
        if own == self._told.get(name):
            return False
        self._told[name] = own
        self._listeners.tell(own)
        return True


def listed(silences: Iterable[Silence]) -> list[dict[str, Any]]:
    """Silences for programs, each with whether it holds now."""
    now = time.time_ns()
    return [as_json(own, now) for own in silences]

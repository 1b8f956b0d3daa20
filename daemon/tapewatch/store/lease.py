"""The lease: of several processes one leads, and knows by its own clock when it no longer does.

Source: C. Gray, D. Cheriton, Leases (SOSP 1989); M. Kleppmann, How to do distributed locking (2016), for the fencing
token beside it.
"""

import asyncio
from collections.abc import Callable
from time import monotonic
from typing import Never

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

from tapewatch.background import answer
from tapewatch.store.errors import LeaseLostError
from tapewatch.store.keys import Keys
from tapewatch.store.scripts import script

log = structlog.get_logger(__name__)

SECONDS = 3.0
"""For how long a lease is good."""

RENEW_SECONDS = 1.0
LOOK_SECONDS = 0.5
"""Between two renewals of the leader, and two looks of a standby."""

OTHERS_FIRST_SECONDS = 1.5
"""For which a free lease is left to processes that have heard the last ticks."""

_AWAY = (RedisError, TimeoutError)


class Lease:
    """One process's part in it.

    Args:
        redis: where.
        keys: the instance's.
        member: a name that no other process has.
        warm: whether this process has heard the last ticks; one that has not lets those that have come first.
    """

    def __init__(
        self, redis: Redis, keys: Keys, member: str, warm: Callable[[], bool] = lambda: True
    ) -> None:
        self.member = member
        self.leader: str | None = None
        """Who has it, as last seen; None: nobody, or not known."""
        self.taken = asyncio.Event()
        """It is ours."""
        self.lost = False
        """It was ours, and is another's."""
        self.cut_off = False
        """It was ours when Redis went away."""
        self.token = 0
        """The fencing token with which we opened the instance; 0 before."""
        self._redis = redis
        self._keys = keys
        self._take = redis.register_script(script("lease_take.lua"))
        self._renew = redis.register_script(script("lease_renew.lua"))
        self._give_up = redis.register_script(script("lease_give_up.lua"))
        self._until = 0.0  # it is ours, on the monotonic clock
        self._others_until = 0.0  # it was another's, as long as was seen
        self._others_first_until = 0.0  # one that was cut off
        self._free_since: float | None = None  # on the monotonic clock
        self._warm = warm
        self._ran_out = False  # and that was said

    def held(self) -> bool:
        """Whether it is certain at this instant that nobody else leads."""
        return monotonic() < self._until

    async def run(self) -> Never:
        """Stands by until the lease is ours, and keeps it, until cancelled.

        Raises:
            LeaseLostError: it was ours, and is another's.
        """
        await self._wait()
        self.taken.set()
        await self._keep()

    async def _wait(self) -> None:
        away = False
        while True:
            try:
                if await answer(self._look(), SECONDS):
                    return
                away = False
            except _AWAY as error:
                if not away:
                    log.warning("lease.away", member=self.member, error=str(error) or "no answer")
                away, self.leader = True, None
                # The one who led may have a spool to commit: it comes first.
                self._others_first_until = monotonic() + SECONDS
            await asyncio.sleep(LOOK_SECONDS)

    async def _look(self) -> bool:
        """Whether it was taken."""
        began = monotonic()
        async with self._redis.pipeline(transaction=True) as pipe:
            pipe.get(self._keys.lease)
            pipe.pttl(self._keys.lease)
            holder, ms = await pipe.execute()
        if holder and holder.decode() != self.member:  # ours: it was taken, and the answer got lost
            self.leader = holder.decode()
            self._others_until, self._free_since = monotonic() + ms / 1000, None
            return False
        # A key that is gone before its time was deleted, or forgotten: its owner goes by its own clock. An empty one
        # was given up.
        if began < self._others_first_until or (holder is None and began < self._others_until):
            return False
        self._free_since = self._free_since or began
        if not self._warm() and began < self._free_since + OTHERS_FIRST_SECONDS:
            return False
        return await self._taken(began)

    async def _taken(self, began: float) -> bool:
        if not await self._take([self._keys.lease], [self.member, round(SECONDS * 1000)]):
            return False
        self._until, self.leader = began + SECONDS, self.member
        return True

    async def _keep(self) -> Never:
        """Renews it; while Redis is away it may run out, and be ours again."""
        while True:
            began = monotonic()
            try:
                await answer(self._renewed(began), RENEW_SECONDS)
            except _AWAY as error:
                self.cut_off = True
                self._say_if_ran_out(str(error) or "no answer")
                await asyncio.sleep(RENEW_SECONDS / 4)
            else:
                await asyncio.sleep(RENEW_SECONDS)

    async def _renewed(self, began: float) -> None:
        args: list[str | int] = [self.member, round(SECONDS * 1000), self.token]
        if not await self._renew([self._keys.lease, self._keys.commit], args):
            self._until, self.lost = 0.0, True
            raise LeaseLostError(self._keys.instance)
        if self._ran_out:
            log.warning("lease.regained", member=self.member)
        self._until, self._ran_out, self.cut_off = began + SECONDS, False, False

    def _say_if_ran_out(self, why: str) -> None:
        if not self._ran_out and not self.held():
            log.error("lease.ran_out", member=self.member, error=why)
            self._ran_out = True

    async def give_up(self) -> None:
        """Lets the next one lead at once, if Redis is there."""
        self._until = 0.0
        try:
            await answer(self._given_up(), RENEW_SECONDS)
        except _AWAY as error:
            log.warning("lease.not_given_up", member=self.member, error=str(error) or "no answer")

    async def _given_up(self) -> None:
        await self._give_up([self._keys.lease], [self.member, round(SECONDS * 1000)])

"""The commit: snapshots and the alerts they fired reach Redis together, or not at all, in one order."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

from redis.asyncio import Redis

from tapewatch.alerts.alert import Alert
from tapewatch.engine.snapshot import Snapshot
from tapewatch.store.errors import FencedError, GapError, LeaseLostError
from tapewatch.store.keys import Keys
from tapewatch.store.scripts import script

ALERTS_KEPT = 100_000
"""How many alerts the stream keeps."""

_BARS = "/bars"
_TRIM_AT_ONCE = 100


class State(NamedTuple):
    """What Redis holds of an instance."""

    sequence: int
    """Number of the last commit; 0 before the first."""
    snapshots: dict[str, Snapshot]
    """By symbol."""


class Fired(NamedTuple):
    """An alert on its way to Redis."""

    alert: Alert
    json: bytes
    """It, encoded."""
    trace: bytes = b""
    """How it came about, as JSON, for `explain`; empty: nobody knows."""


class Commit(NamedTuple):
    """What is written at once."""

    sequence: int
    snapshots: Mapping[str, Snapshot]
    """By symbol."""
    alerts: Sequence[Fired]
    """In the order in which they fired."""
    after: int | None = None
    """Number of the commit that it follows, with all that came in between in it; None: the one before."""


def merged(newer: Snapshot, older: Snapshot | None) -> Snapshot:
    """`newer` in place of `older`, which was not written yet: the bars part of `older` must not be lost."""
    if newer.bars is None and older is not None:
        return Snapshot(newer.hot, older.bars)
    return newer


class Store:
    """The state and the alerts of one instance in Redis.

    Args:
        redis: with `decode_responses` off.
        instance: the config's `name`.
    """

    def __init__(self, redis: Redis, instance: str) -> None:
        self.keys = Keys(instance)
        self.sequence = 0
        """Number of the last commit that `open` found."""
        self.token = 0
        """The fencing token; 0 before `open`."""
        self._redis = redis
        self._open = redis.register_script(script("open.lua"))
        self._commit = redis.register_script(script("commit.lua"))
        self._trim = redis.register_script(script("trim.lua"))

    async def open(self, member: str = "") -> State:
        """Take over the instance, and load what it holds.

        From here on every commit of a process that opened it earlier raises `FencedError` there.

        Args:
            member: who must have the lease; left out where nobody stands by.

        Raises:
            LeaseLostError: the lease is another's by now.
        """
        async with self._redis.pipeline(transaction=True) as pipe:
            await self._open([self.keys.commit, self.keys.lease], [member], client=pipe)
            pipe.hgetall(self.keys.snapshot)
            opened, fields = await pipe.execute()
        if not opened:
            raise LeaseLostError(self.keys.instance)
        self.token = int(opened[0])
        state = _state(opened[1], fields)
        self.sequence = state.sequence
        return state

    async def place(self) -> tuple[int, int]:
        """Fencing token and sequence number, as Redis has them; 0 where it has none."""
        token, sequence = await self._redis.hmget(self.keys.commit, ["token", "sequence"])
        return int(token or 0), int(sequence or 0)

    async def load(self) -> State:
        """What the instance holds, for one that only reads."""
        async with self._redis.pipeline(transaction=True) as pipe:
            pipe.hget(self.keys.commit, "sequence")
            pipe.hgetall(self.keys.snapshot)
            sequence, fields = await pipe.execute()
        return _state(sequence, fields)

    async def commit(
        self,
        commit: Commit,
        delivered: Mapping[str, Sequence[str]] = MappingProxyType({}),
        token: int | None = None,
    ) -> None:
        """Write snapshots, append alerts to the stream and publish them, as one.

        An alert whose id is in the stream already is not written again. A commit whose answer was lost may be
        sent again as it was: it is done once.

        Args:
            commit: what.
            delivered: by alert id, the receivers that have it already.
            token: the fencing token that Redis must have; left out: that of `open`.

        Raises:
            FencedError: another process opened this instance.
            GapError: the last commit that Redis holds is not the one that this one follows; or it has lost even the
                opening, and this one does not have all that came since.
        """
        token = self.token if token is None else token
        fields: list[str | bytes] = []
        for symbol, snapshot in commit.snapshots.items():
            fields += (symbol, snapshot.hot)
            if snapshot.bars is not None:
                fields += (symbol + _BARS, snapshot.bars)
        after = commit.sequence - 1 if commit.after is None else commit.after
        bridges = int(commit.after is not None)
        args: list[str | bytes | int] = [token, commit.sequence, after, bridges, len(fields), *fields]
        for fired in commit.alerts:
            alert = fired.alert
            receivers = ",".join(delivered.get(alert.id, ()))
            args += (alert.id, self.keys.channel(alert.subject), fired.json, fired.trace, receivers)
        keys = self.keys
        outcome, held = await self._commit([keys.commit, keys.snapshot, keys.alerts, keys.ids], args)
        if outcome == b"fenced":
            raise FencedError(keys.instance, own=token, held=int(held))
        if outcome == b"gap":
            raise GapError(commit.sequence, int(held))

    async def trim(self, keep: int = ALERTS_KEPT) -> None:
        """Keep the newest `keep` alerts of the stream; an alert and its id go together."""
        while await self._trim([self.keys.alerts, self.keys.ids], [keep, _TRIM_AT_ONCE]):
            pass


def _state(sequence: bytes | None, fields: dict[bytes, bytes]) -> State:
    bars_of = _BARS.encode()
    snapshots = {
        field.decode(): Snapshot(hot, fields.get(field + bars_of))
        for field, hot in fields.items()
        if not field.endswith(bars_of)
    }
    return State(int(sequence or 0), snapshots)

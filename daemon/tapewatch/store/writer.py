"""The writer: alerts are committed at once, the state of symbols that changed is written behind.

While Redis is away, what fires goes to the spool, and from there to the receivers.
"""

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import partial
from time import monotonic

import structlog
from redis.exceptions import RedisError

from tapewatch.background import cancel, in_thread
from tapewatch.engine.snapshot import Snapshot
from tapewatch.histogram import SECONDS, Histogram
from tapewatch.store.commit import Commit, Fired, Store, merged
from tapewatch.store.errors import GapError
from tapewatch.store.pace import next_start
from tapewatch.store.recent import Recent
from tapewatch.store.server import ANSWER_SECONDS
from tapewatch.store.spool import Record, Spool, SpoolError

log = structlog.get_logger(__name__)

_AWAY = (RedisError, TimeoutError)

_RETRY_FIRST = 0.05
_RETRY_LONGEST = 1.0
"""Seconds between two attempts while Redis is away; they double from the first to the longest."""

_DISK_RETRY = 1.0
"""Seconds between two attempts to put on a full disk what fired."""


class Writer:
    """Writes an instance to the store, one commit after the other.

    What comes meanwhile is merged: the latest snapshot of each symbol, all alerts in order.
    The state after an alert is never written without the alert.

    Args:
        store: opened.
        spool: empty; holds what fires while Redis is away.
        changes: snapshots, by symbol, of the symbols that changed, some at a time, each part taken when it is asked
            for. What they fired must have been handed to `fired` before.
        spooled: told of alerts that are in the spool, and may be sent.
        having: the receivers that have the alert with that id.
        period: seconds between two rounds of write-behind; more when a round takes over a tenth of it.
    """

    def __init__(
        self,
        store: Store,
        spool: Spool,
        changes: Callable[[], Iterator[Mapping[str, Snapshot]]],
        *,
        spooled: Callable[[Sequence[Fired]], None] = lambda fired: None,
        having: Callable[[str], Sequence[str]] = lambda id_: (),
        period: float = 0.25,
    ) -> None:
        self._store = store
        self._spool = spool
        self._changes = changes
        self._spooled = spooled
        self._having = having
        self._period = period
        self.commits = Histogram(SECONDS)
        """Seconds that each commit took which Redis answered."""
        self.failures = 0
        """Attempts that it did not answer, or with an error."""
        self.away_since: float | None = None
        """Since when Redis is away (monotonic clock, s); None while it is there."""
        self._written = store.sequence  # number of the last commit that is known to be in Redis
        self._numbered = store.sequence  # of the last commit that was made
        self._on_disk = store.sequence  # of the last one in the spool
        self._off_disk = -1  # of the last one that a full disk did not take
        self._alerts: list[Fired] = []
        self._fired: dict[str, Snapshot] = {}  # go with the alerts
        self._round: Iterator[Mapping[str, Snapshot]] = iter(())  # what is still to be written behind
        self._news: set[str] = set()  # symbols, for `changed`
        self._current: Commit | None = None  # until it is known to be written, or in the spool
        self._recent = Recent()
        self._one_at_a_time = asyncio.Lock()
        self._wake = asyncio.Event()
        self._behind = False

    def fired(self, alerts: Sequence[Fired], snapshots: Mapping[str, Snapshot]) -> None:
        """Commit `alerts` and the state that fired them, as soon as may be; returns at once."""
        self._alerts += alerts
        for symbol, snapshot in snapshots.items():
            self._fired[symbol] = merged(snapshot, self._fired.get(symbol))
        self._news |= snapshots.keys()
        self._wake.set()

    def changed(self) -> set[str]:
        """Symbols whose state came in since this was last called."""
        news, self._news = self._news, set()
        return news

    def take_no_more(self) -> None:
        """What changes from now on is not written: an alert of it is missing, and is to be fired again."""
        self._changes, self._round = lambda: iter(()), iter(())

    async def run(self) -> None:
        """Write until cancelled. While Redis is away, try again what could not be written; lose nothing.

        Raises:
            FencedError: another process opened the instance, or Redis lost its data.
            GapError: Redis lost more than the last seconds.
        """
        due = monotonic()
        while True:
            while self._alerts:
                await self._write_next()
            if monotonic() >= due:
                due = await self._write_behind()
            await self._woken_before(due)

    async def drain(self, within: float) -> None:
        """Write everything, the last state included; `run` may go on beside it or have been cancelled.

        Args:
            within: seconds that it may take.

        Raises:
            TimeoutError: Redis is away; the message says what is not written.
            FencedError, GapError: as `run` does.
        """
        try:
            async with asyncio.timeout(within):
                self._round = self._changes()
                while await self._write_next() is not None:
                    pass
        except TimeoutError:
            raise TimeoutError(f"Redis is away: {self._unwritten()}") from None

    def _unwritten(self) -> str:
        unsafe = len(self._alerts) + (len(self._current.alerts) if self._current else 0)
        if unsafe:
            return f"{unsafe} alerts are neither in Redis nor in the spool"
        return "what changed last is not written; what fired is in the spool, for the next start"

    async def _woken_before(self, due: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(due - monotonic()):
                await self._wake.wait()
        self._wake.clear()

    async def _write_behind(self) -> float:
        """One round; returns when the next is due."""
        self._round = self._changes()
        busy = 0.0
        while (took := await self._write_next()) is not None:
            busy += took
        ended = monotonic()
        due = next_start(ended - busy, ended, self._period)
        self._report(busy, due - ended)
        return due

    def _report(self, took: float, pause: float) -> None:
        behind = pause > self._period
        if behind and not self._behind:
            log.warning("store.behind", round_seconds=round(took, 3), next_in_seconds=round(pause, 3))
        self._behind = behind

    async def _write_next(self) -> float | None:
        """One commit; returns the seconds that it took, outages left out; None: there is nothing to write."""
        async with self._one_at_a_time:
            if self.away_since is None:
                started = monotonic()
                # What was cancelled on its way may be written or not: the same commit is sent again.
                self._current = self._current or self._next()
                if self._current is None:
                    return None
                try:
                    await self._attempt(self._current)
                except _AWAY as error:
                    self.away_since = started
                    reason = str(error) or "no answer"
                    log.warning("store.away", error=reason, sequence=self._current.sequence)
                else:
                    self._current = None
                    return monotonic() - started
            await self._outlast()
            return 0.0

    def _next(self) -> Commit | None:
        """What fired comes first: a part of the round is a state after it."""
        alerts: list[Fired] = []
        snapshots: Mapping[str, Snapshot]
        if self._alerts or self._fired:
            alerts, snapshots = self._alerts, self._fired
            self._alerts, self._fired = [], {}
        elif part := next(self._round, None):
            snapshots = part
            self._news |= part.keys()
        else:
            return None
        self._numbered += 1
        return Commit(self._numbered, snapshots, alerts)

    async def _attempt(self, commit: Commit) -> None:
        """Once; what Redis forgot comes before it, in one with it."""
        began = monotonic()
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                try:
                    await self._store.commit(commit, self._delivered(commit))
                except GapError as gap:
                    whole = self._bridge(gap, commit)
                    await self._store.commit(whole, self._delivered(whole))
        except _AWAY:
            self.failures += 1
            raise
        self.commits.add(monotonic() - began)
        self._written = commit.sequence
        self._recent.add(commit, monotonic())

    def _delivered(self, commit: Commit) -> dict[str, Sequence[str]]:
        """Without an outage nobody can have what was not written."""
        if self.away_since is None:
            return {}
        return {fired.alert.id: self._having(fired.alert.id) for fired in commit.alerts}

    def _bridge(self, gap: GapError, commit: Commit) -> Commit:
        bridge = self._recent.after(gap.held, commit) if gap.held < commit.sequence else None
        if bridge is None:
            raise gap
        log.warning("store.sent_again", forgotten=commit.sequence - gap.held - 1, from_sequence=gap.held + 1)
        return bridge

    async def _outlast(self) -> None:
        """Keeps what fires in the spool, and sends it from there, until Redis has all of it."""
        retry = self._retry()
        try:
            while not (retry.done() and self._written >= self._on_disk):
                if retry.done():
                    retry.result()
                    retry = self._retry()
                await self._to_disk()
                await self._woken_before(monotonic() + _DISK_RETRY)
            retry.result()
        finally:
            await cancel({retry})
        self._spool.clear()
        assert self.away_since is not None  # noqa: S101 - for mypy; it is why we are here
        log.warning("store.back", away_seconds=round(monotonic() - self.away_since, 3))
        self.away_since = None

    def _retry(self) -> asyncio.Task[None]:
        task = asyncio.create_task(self._commit_spool())
        task.add_done_callback(lambda _: self._wake.set())
        return task

    async def _to_disk(self) -> None:
        """Spools what fired, and the commit that is in doubt; what is in the spool may be sent."""
        while (commit := self._current) or self._alerts:
            if commit is None:
                commit = self._current = self._next()
                continue
            try:
                await in_thread(partial(self._spool.append, Record(self._store.token, commit)))
            except SpoolError as error:
                if commit.sequence != self._off_disk:  # once, and not each second
                    log.error("spool.full", error=str(error), alerts=_ids(commit))
                self._off_disk = commit.sequence
                return
            self._on_disk = commit.sequence
            if commit.alerts:
                log.info("spool.kept", alerts=_ids(commit))
            self._no_longer(commit)
            self._spooled(commit.alerts)

    async def _commit_spool(self) -> None:
        """Commits what the spool holds; and what a full disk did not take."""
        for record in self._spool.records():
            if record.commit.sequence > self._written:
                await self._insist(record.commit)
            else:
                await asyncio.sleep(0)  # others want a turn: there may be very many
        if (commit := self._current) and commit.sequence == self._written + 1:
            await self._insist(commit)
            self._no_longer(commit)

    def _no_longer(self, commit: Commit) -> None:
        if self._current is commit:
            self._current = None

    async def _insist(self, commit: Commit) -> None:
        pause = _RETRY_FIRST
        while True:
            try:
                return await self._attempt(commit)
            except _AWAY:
                await asyncio.sleep(pause)
                pause = min(2 * pause, _RETRY_LONGEST)


def _ids(commit: Commit) -> list[str]:
    return [fired.alert.id for fired in commit.alerts]

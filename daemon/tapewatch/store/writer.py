"""The writer: alerts are committed at once, the state of symbols that changed is written behind."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from itertools import islice
from time import monotonic

import structlog
from redis.exceptions import RedisError

from tapewatch.alerts.alert import Alert
from tapewatch.engine.snapshot import Snapshot
from tapewatch.store.commit import Commit, Store, merged
from tapewatch.store.errors import GapError
from tapewatch.store.pace import next_start
from tapewatch.store.recent import Recent
from tapewatch.store.server import ANSWER_SECONDS

log = structlog.get_logger(__name__)

_AT_ONCE = 100
"""Symbols in one commit of write-behind, so that an alert waits for no more than that."""

_RETRY_FIRST = 0.05
_RETRY_LONGEST = 1.0
"""Seconds between two attempts while Redis is away; they double from the first to the longest."""


class Writer:
    """Writes an instance to the store, one commit after the other.

    What comes meanwhile is merged: the latest snapshot of each symbol, all alerts in order.
    The state after an alert is never written without the alert.

    Args:
        store: opened.
        collect: snapshots, by symbol, of the symbols that changed since it was last called. What they fired
            must have been handed to `fired` before.
        period: seconds between two rounds of write-behind; more when a round takes over a tenth of it.
    """

    def __init__(
        self, store: Store, collect: Callable[[], dict[str, Snapshot]], period: float = 0.25
    ) -> None:
        self._store = store
        self._sequence = store.sequence
        self._collect = collect
        self._period = period
        self._alerts: list[Alert] = []
        self._fired: dict[str, Snapshot] = {}  # go with the alerts
        self._changed: dict[str, Snapshot] = {}  # are written behind; no symbol is in both
        self._news: set[str] = set()  # symbols, for `changed`
        self._current: Commit | None = None  # until it is known to be written
        self._recent = Recent()
        self._one_at_a_time = asyncio.Lock()
        self._wake = asyncio.Event()
        self._behind = False

    def fired(self, alerts: Sequence[Alert], snapshots: Mapping[str, Snapshot]) -> None:
        """Commit `alerts` and the state that fired them, as soon as may be; returns at once."""
        self._alerts += alerts
        for symbol, snapshot in snapshots.items():
            older = self._fired.get(symbol) or self._changed.pop(symbol, None)
            self._fired[symbol] = merged(snapshot, older)
        self._news |= snapshots.keys()
        self._wake.set()

    def changed(self) -> set[str]:
        """Symbols whose state came in since this was last called."""
        news, self._news = self._news, set()
        return news

    def take_no_more(self) -> None:
        """What changes from now on is not written: an alert of it is missing, and is to be fired again."""
        self._collect = dict

    async def run(self) -> None:
        """Write until cancelled. While Redis is away, try again what could not be written; lose nothing.

        Raises:
            FencedError: another process opened the instance, or Redis lost its data.
            GapError: Redis lost more than the last seconds.
        """
        due = monotonic()
        while True:
            while self._fired or self._alerts:
                await self._write_next()
            if monotonic() >= due:
                due = await self._write_behind()
            await self._woken_before(due)

    async def _woken_before(self, due: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(due - monotonic()):
                await self._wake.wait()
        self._wake.clear()

    async def _write_behind(self) -> float:
        """One round; returns when the next is due."""
        started = monotonic()
        self._take_changes()
        took = monotonic() - started
        while self._changed:
            took += await self._write_next()
        ended = monotonic()
        due = next_start(ended - took, ended, self._period)
        self._report(took, due - ended)
        return due

    def _report(self, took: float, pause: float) -> None:
        behind = pause > self._period
        if behind and not self._behind:
            log.warning("store.behind", round_seconds=round(took, 3), next_in_seconds=round(pause, 3))
        self._behind = behind

    def _take_changes(self) -> None:
        changes = self._collect()
        self._news |= changes.keys()
        for symbol, snapshot in changes.items():
            queue = self._fired if symbol in self._fired else self._changed
            queue[symbol] = merged(snapshot, queue.get(symbol))

    async def _write_next(self) -> float:
        """One commit, if there is anything to write; returns the seconds that it took, outages left out."""
        async with self._one_at_a_time:
            # What was cancelled on its way may be written or not: the same commit is sent again.
            self._current = self._current or self._next()
            if self._current is None:
                return 0.0
            written, took = await self._send(self._current)
            self._current = None
            self._sequence = written.sequence
            self._recent.add(written, monotonic())
            return took

    def _next(self) -> Commit | None:
        if self._alerts or self._fired:
            alerts, snapshots = self._alerts, self._fired
            self._alerts, self._fired = [], {}
        elif self._changed:
            alerts = []
            snapshots = {
                symbol: self._changed.pop(symbol) for symbol in list(islice(self._changed, _AT_ONCE))
            }
        else:
            return None
        return Commit(self._sequence + 1, snapshots, alerts)

    async def _send(self, commit: Commit) -> tuple[Commit, float]:
        """Send `commit` until it is written; returns what was, and the seconds of the attempt that did it."""
        pause = _RETRY_FIRST
        lost_at: float | None = None
        while True:
            started = monotonic()
            try:
                async with asyncio.timeout(ANSWER_SECONDS):
                    await self._store.commit(*commit)
            except GapError as gap:
                commit = self._bridge(gap, commit)
            except (RedisError, TimeoutError) as error:
                if lost_at is None:
                    lost_at = started
                    log.warning("store.away", error=str(error) or "no answer", sequence=commit.sequence)
                await asyncio.sleep(pause)
                pause = min(2 * pause, _RETRY_LONGEST)
            else:
                break
        if lost_at is not None:
            log.warning("store.back", away_seconds=round(started - lost_at, 3))
        return commit, monotonic() - started

    def _bridge(self, gap: GapError, commit: Commit) -> Commit:
        """What Redis forgot, and then `commit`, in one."""
        bridge = self._recent.after(gap.held, commit) if gap.held < commit.sequence else None
        if bridge is None:
            raise gap
        log.warning(
            "store.sent_again", forgotten=commit.sequence - bridge.sequence, from_sequence=bridge.sequence
        )
        return bridge

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
                self._take_changes()
                while self._current or self._alerts or self._fired or self._changed:
                    await self._write_next()
        except TimeoutError:
            raise TimeoutError(
                f"Redis is away: {self._unwritten()} not written within {within:g} s"
            ) from None

    def _unwritten(self) -> str:
        current = self._current or Commit(0, {}, ())
        symbols = current.snapshots.keys() | self._fired.keys() | self._changed.keys()
        return (
            f"{len(current.alerts) + len(self._alerts)} alerts and the state of {len(symbols)} symbols were"
        )

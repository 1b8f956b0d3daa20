"""The last commits, kept in case Redis forgets them.

With AOF everysec a server that dies may lose the last second or two of what it acknowledged.
Source: Redis documentation, "Redis persistence", https://redis.io/docs/latest/operate/oss_and_stack/management/persistence/
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from tapewatch.engine.snapshot import Snapshot
from tapewatch.store.commit import Commit, Fired, merged

KEPT = 5.0
"""Seconds for which a commit is kept, at least."""


@dataclass
class _Span:
    """Commits one after the other, merged: of every symbol the latest snapshot, and all alerts."""

    first: int
    """Sequence number of the first."""
    started: float
    snapshots: dict[str, Snapshot] = field(default_factory=dict)
    alerts: list[Fired] = field(default_factory=list)


class Recent:
    """The commits of the last `KEPT` to twice `KEPT` seconds.

    They are kept merged, in two spans that take turns, so that memory is bounded by the number of symbols.
    """

    def __init__(self) -> None:
        self._spans: list[_Span] = []

    def add(self, commit: Commit, now: float) -> None:
        """Keep `commit`, written at `now` on the monotonic clock."""
        if not self._spans or now - self._spans[-1].started > KEPT:
            self._spans = [*self._spans[-1:], _Span(commit.sequence, now)]
        _merge(self._spans[-1], commit.snapshots, commit.alerts)

    def after(self, sequence: int, commit: Commit) -> Commit | None:
        """`commit` with what was kept before it, to follow `sequence`; None when that leaves a hole.

        It may hold what Redis has not forgotten. That does no harm: alerts are known by their ids, and
        snapshots are of `commit` or just before.
        """
        if commit.sequence == sequence + 1:
            return commit._replace(after=sequence)
        if not self._spans or self._spans[0].first > sequence + 1:
            return None
        whole = _Span(sequence + 1, 0.0)
        for span in self._spans:
            _merge(whole, span.snapshots, span.alerts)
        _merge(whole, commit.snapshots, commit.alerts)
        return Commit(commit.sequence, whole.snapshots, whole.alerts, after=sequence)


def _merge(span: _Span, snapshots: Mapping[str, Snapshot], alerts: Sequence[Fired]) -> None:
    for symbol, snapshot in snapshots.items():
        span.snapshots[symbol] = merged(snapshot, span.snapshots.get(symbol))
    span.alerts += alerts

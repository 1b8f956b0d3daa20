"""The engine: ticks in, events out. A plain object: arrays and bytes go in and out, no clock is read."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tapewatch.engine import admission, jit, kernels, plan, snapshot
from tapewatch.engine.events import CLOSED, EVENT, REFUSALS, Events
from tapewatch.engine.snapshot import Snapshot, SnapshotError
from tapewatch.engine.watch import Watch
from tapewatch.market.bars import bars_to_ticks
from tapewatch.market.ticks import TICK

_step = jit.entry(kernels.step)

_MIN_EVENTS = 1024
_ID_ROWS = 16


class Engine:
    """State and rules of a set of symbols.

    Args:
        watches: what to watch; the position is the symbol's row, as `TICK["symbol"]` has it.
        tape_clocks: per feed, whether its clock is the tape's own; else `advance` tells it.
        keep_bars: whether `closed_bars` hands out the bars that close.
    """

    def __init__(
        self, watches: Sequence[Watch], tape_clocks: Sequence[bool] = (True,), *, keep_bars: bool = False
    ) -> None:
        self._tables = plan.compile_watches(watches)
        self.layouts = self._tables.layouts
        n = len(watches)
        self._S = np.full((n, max(own.width for own in self.layouts)), 0.0)
        self._I = self._S.view(np.int64)
        self._I[:, plan.NEXT_END] = jit.NEVER
        self._I[:, plan.GAP] = plan.NOTHING_ADMITTED
        for k, own in enumerate(self.layouts):
            self._S[k, own.values : own.values + len(own.value_names)] = np.nan
        self._R = np.zeros((n, max(own.ring_width for own in self.layouts)))
        self._pool = np.zeros((_ID_ROWS, 2 + admission.IDS), np.int64)
        self._id_rings = np.full((n, admission.EXCHANGES), -1, np.int32)
        self._digests = [snapshot.digest(own) for own in self.layouts]
        self._tape_clocks = list(tape_clocks)
        self._clocks = np.zeros(len(tape_clocks), np.int64)
        self._members = [
            np.array([k for k, watch in enumerate(watches) if watch.feed == feed], np.int64)
            for feed in range(len(tape_clocks))
        ]
        self._resume = np.zeros(n, np.int64)
        self._dirty = np.zeros(n, np.int64)
        self._bars_saved = np.full(n, -1, np.int64)
        self._history_end = np.zeros(n, np.int64)
        self.refused = np.zeros((n + 1, len(REFUSALS)), np.int64)
        """Ticks refused since the start, per symbol (the last row: unknown ones) and reason (`REFUSALS`)."""

        deepest = max(len(watch.rules) * (1 + len(watch.timeframes)) for watch in watches)
        widest = max(len(watch.timeframes) for watch in watches)
        self._room = 3 * max(deepest, widest, 1)  # a tick may admit two more that were held
        n_events = max(_MIN_EVENTS, 2 * self._room)
        n_values = max(len(own.value_names) + len(own.watch.timeframes) for own in self.layouts)
        n_bars = n_events if keep_bars else 0
        self._out = np.zeros(3, np.int64)
        self._events = np.zeros(n_events, EVENT)
        self._values = np.zeros((n_events, n_values))
        self._bars = np.zeros(n_bars, CLOSED)
        self._bar_values = np.zeros((n_bars, n_values))
        self._closed: list[tuple[NDArray[np.void], NDArray[np.float64]]] = []
        self._no_events = Events(self._events[:0].copy(), self._values[:0].copy())
        tables = self._tables
        self._state = (self._S, self._R, self._I)
        self._plan = (tables.symbols, tables.frames, tables.ops, tables.rules, tables.sessions)
        self._output = (self._out, self._events, self._values, self._bars, self._bar_values)
        self._around = self._arguments()

    def step(self, ticks: NDArray[np.void], feed: int = 0) -> Events:
        """Takes `ticks` (rows of `TICK`) of one feed in their order; bad ones are refused and counted."""
        if ticks.dtype is not TICK or not ticks.flags.c_contiguous:
            ticks = np.ascontiguousarray(ticks, TICK)
        before, after = self._around[feed]
        out, done = self._out, _step(*before, ticks, 0, *after)
        if done == len(ticks) and not out[jit.EVENTS] and not out[jit.BARS]:
            return self._no_events
        happened: list[Events] = []
        while True:
            self._drain(happened)
            if out[jit.POOL_USED] == len(self._pool):
                self._grow_pool()
            if done == len(ticks):
                return self._joined(happened)
            before, after = self._around[feed]
            done = _step(*before, ticks, done, *after)

    def advance(self, now: int, feed: int = 0) -> Events:
        """Tells the time (ns UTC) of a feed's clock: bars that ended 2 s ago close. A clock never goes back."""
        now = max(now, int(self._clocks[feed]))
        self._clocks[feed] = now
        members = self._members[feed]
        done = 0
        happened: list[Events] = []
        while done < len(members):
            done = kernels.advance(
                *self._state, *self._plan, now, members, self._dirty, done, self._room, *self._output
            )
            self._drain(happened)
        return self._joined(happened)

    def clock(self, feed: int = 0) -> int:
        """The feed's clock, ns UTC; 0 before anything told the time."""
        return int(self._clocks[feed])

    def warm(self, symbol: int, bars: NDArray[np.void], timeframes: Sequence[str]) -> None:
        """Takes history: closed `bars` (rows of `BAR`) build the bars and indicators of `timeframes`.

        Nothing fires and no level takes its side from it. Several files may follow each other, each for its own
        timeframes. A bar that the session's clock has not ended goes on forming.
        """
        own = self.layouts[symbol].watch
        frames = sum(1 << own.timeframes.index(name) for name in timeframes)
        ticks = bars_to_ticks(bars, symbol, frames)
        hours = slice(plan.OPEN, plan.EXTENDED_CLOSE + 1)
        self._I[symbol, hours] = 0
        if len(bars):
            last, end = self._S[symbol, plan.LAST], int(bars["end"][-1])
            kernels.warm(*self._state, *self._plan, symbol, ticks, end, *self._output)
            if end < self._history_end[symbol]:  # finer bars may end before coarser ones, which came first
                self._S[symbol, plan.LAST] = last
            self._history_end[symbol] = max(end, self._history_end[symbol])
        self._I[symbol, hours] = 0
        self._I[symbol, plan.GAP] = plan.NOTHING_ADMITTED
        self._dirty[symbol] = 1

    def snapshot(self, symbols: Sequence[int] | None = None) -> dict[str, Snapshot]:
        """The state of `symbols` (rows), by name; left out: of those that changed since they were last asked for.

        The rings come along when they changed since.
        """
        chosen = np.flatnonzero(self._dirty).tolist() if symbols is None else symbols
        return {self.layouts[k].watch.symbol: self._snapshot(k) for k in chosen}

    def restore(self, symbol: int, hot: bytes, bars: bytes | None) -> None:
        """Takes the symbol's state from a snapshot, to the last bit.

        Raises:
            SnapshotError: it is not one of this plan; nothing has changed then.
        """
        layout = self.layouts[symbol]
        digest = self._digests[symbol]
        generation, body = snapshot.unpack(snapshot.HOT_MAGIC, digest, hot)
        if bars is None:
            raise SnapshotError("its bars part is missing")
        bars_generation, rings = snapshot.unpack(snapshot.BARS_MAGIC, digest, bars)
        if bars_generation != generation:
            raise SnapshotError(f"its parts are of generations {generation} and {bars_generation}")
        row_size = 8 * layout.width
        ids = np.frombuffer(body[row_size:], np.int64).reshape(-1, self._pool.shape[1])
        self._S[symbol, : layout.width] = np.frombuffer(body[:row_size], np.float64)
        self._R[symbol, : layout.ring_width] = np.frombuffer(rings, np.float64)
        self._restore_ids(symbol, ids)
        self._resume[symbol] = admission.FIRST_AFTER_RESTORE
        self._bars_saved[symbol] = generation
        self._dirty[symbol] = 0

    def values(self, symbol: int) -> dict[str, float]:
        """Every indicator of the symbol by name and timeframe, provisional while its bar forms; NaN: none yet."""
        own = self.layouts[symbol]
        return dict(
            zip(own.value_names, self._S[symbol, own.values :][: len(own.value_names)].tolist(), strict=True)
        )

    def last(self, symbol: int) -> tuple[float, int]:
        """Last price (0 when there is none) and the highest event time (ns) of the symbol."""
        return float(self._S[symbol, plan.LAST]), int(self._I[symbol, plan.PLACE_TIME])

    def places(self) -> NDArray[np.int64]:
        """The highest event time (ns) offered, of every symbol."""
        return self._I[:, plan.PLACE_TIME].copy()

    def closed_bars(self) -> tuple[NDArray[np.void], NDArray[np.float64]]:
        """Bars that closed since this was last asked (rows of `CLOSED`), and a row of their timeframe's values each."""
        closed, self._closed = self._closed, []
        if not closed:
            return self._bars[:0].copy(), self._bar_values[:0].copy()
        return np.concatenate([rows for rows, _ in closed]), np.concatenate([values for _, values in closed])

    def _arguments(self) -> list[tuple[tuple[Any, ...], tuple[Any, ...]]]:
        """What `step` is called with around the ticks, per feed; made once, since making it takes long."""
        per_symbol = (self._resume, self._dirty, self.refused)
        return [
            (
                (
                    *self._state,
                    self._pool,
                    self._id_rings,
                    *self._plan,
                    self._clocks,
                    feed,
                    tape,
                    *per_symbol,
                ),
                (self._room, *self._output),
            )
            for feed, tape in enumerate(self._tape_clocks)
        ]

    def _grow_pool(self) -> None:
        self._pool = np.concatenate([self._pool, np.zeros_like(self._pool)])
        self._around = self._arguments()

    def _drain(self, happened: list[Events]) -> None:
        n, n_bars = int(self._out[jit.EVENTS]), int(self._out[jit.BARS])
        if n:
            happened.append(Events(self._events[:n].copy(), self._values[:n].copy()))
            self._out[jit.EVENTS] = 0
        if n_bars:
            self._closed.append((self._bars[:n_bars].copy(), self._bar_values[:n_bars].copy()))
            self._out[jit.BARS] = 0

    def _joined(self, happened: list[Events]) -> Events:
        if len(happened) <= 1:
            return happened[0] if happened else self._no_events
        return Events(
            np.concatenate([part.rows for part in happened]),
            np.concatenate([part.values for part in happened]),
        )

    def _snapshot(self, k: int) -> Snapshot:
        layout = self.layouts[k]
        digest = self._digests[k]
        generation = int(self._I[k, plan.GENERATION])
        used = self._id_rings[k]
        ids = self._pool[used[used >= 0]]
        hot = self._S[k, : layout.width].tobytes() + ids.tobytes()
        bars = None
        if generation != self._bars_saved[k]:
            rings = self._R[k, : layout.ring_width].tobytes()
            bars = snapshot.pack(snapshot.BARS_MAGIC, digest, generation, rings)
            self._bars_saved[k] = generation
        self._dirty[k] = 0
        return Snapshot(snapshot.pack(snapshot.HOT_MAGIC, digest, generation, hot), bars)

    def _restore_ids(self, k: int, ids: NDArray[np.int64]) -> None:
        first = int(self._out[jit.POOL_USED])
        while first + len(ids) >= len(self._pool):
            self._grow_pool()
        self._pool[first : first + len(ids)] = ids
        self._id_rings[k] = -1
        self._id_rings[k, : len(ids)] = range(first, first + len(ids))
        self._out[jit.POOL_USED] += len(ids)

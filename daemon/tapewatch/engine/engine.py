"""The engine: ticks in, events out. A plain object: arrays and bytes go in and out, no clock is read."""

from collections import Counter
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tapewatch.engine import admission, jit, kernels, plan, sections, snapshot, sound, upkeep
from tapewatch.engine.backfill import missed
from tapewatch.engine.events import CLOSED, EVENT, REFUSALS, Events, values_width
from tapewatch.engine.fan_out import FanOut, instruments_of
from tapewatch.engine.late import Late
from tapewatch.engine.layout import Layout, compile_watches
from tapewatch.engine.migration import Migration
from tapewatch.engine.snapshot import Snapshot, SnapshotError, State
from tapewatch.engine.watch import Watch
from tapewatch.market.bars import BAR, bars_to_ticks
from tapewatch.market.ticks import TICK

_step = jit.entry(kernels.step)
_advance = jit.entry(upkeep.advance)

_MIN_EVENTS = 1024
_HISTORY = -1
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
        self._tables, self.layouts = compile_watches(watches)
        self.instruments = instruments_of(watches)
        """What `TICK["symbol"]` is for every symbol that ticks may come under: a watch's row, or a leg's number."""
        self._fan_out = [FanOut(watches, self.instruments, feed) for feed in range(len(tape_clocks))]
        self._composites = any(watch.legs for watch in watches)
        n = len(watches)
        self._S = np.full((n, max(own.width for own in self.layouts)), 0.0)
        self._I = self._S.view(np.int64)
        self._R = np.zeros((n, max(own.ring_width for own in self.layouts)))
        for k, own in enumerate(self.layouts):
            self._begin(k, own)
        self._pool = np.zeros((_ID_ROWS, 2 + admission.IDS), np.int64)
        self._id_rings = np.full((n, admission.EXCHANGES), -1, np.int32)
        self._digests = [sections.digest(own) for own in self.layouts]
        self._tape_clocks = list(tape_clocks)
        self._clocks = np.zeros(len(tape_clocks), np.int64)
        self._members = [
            np.array([k for k, watch in enumerate(watches) if watch.feed == feed], np.int64)
            for feed in range(len(tape_clocks))
        ]
        self._resume = np.zeros((n, 3), np.int64)
        # What history says comes by no clock, and is no tick that a feed may offer again.
        self._history_clock = (np.zeros(1, np.int64), 0, False, np.zeros((n, 3), np.int64))
        self._dirty = np.zeros(n, np.int64)
        self._bars_saved = np.full(n, -1, np.int64)
        self._history_end = np.zeros(n, np.int64)
        self.refused = np.zeros((n + 1, len(REFUSALS)), np.int64)
        """Ticks refused since the start, per symbol (the last row: unknown ones) and reason (`REFUSALS`)."""
        self.refused_before = np.zeros_like(self.refused)
        """Those that were refused by an engine before this one; in the last row those of symbols that are gone, too."""

        # Each rule once on the tick, at each close and by its timer; a divergence warns of either side.
        deepest = max(len(watch.rules) * (4 + len(watch.timeframes)) for watch in watches)
        widest = max(len(watch.timeframes) for watch in watches)
        self._room = 3 * max(deepest, widest, 1)  # a tick may admit two more that were held
        n_events = max(_MIN_EVENTS, 2 * self._room)
        n_values = max(values_width(len(own.value_names), len(own.watch.timeframes)) for own in self.layouts)
        n_bars = n_events if keep_bars else 0
        self._out = np.zeros(3, np.int64)
        self._events = np.zeros(n_events, EVENT)
        self._values = np.zeros((n_events, n_values))
        self._bars = np.zeros(n_bars, CLOSED)
        self._bar_values = np.zeros((n_bars, n_values))
        self._closed: list[tuple[NDArray[np.void], NDArray[np.float64]]] = []
        self._no_events = Events(self._events[:0].copy(), self._values[:0].copy())
        self._state = (self._S, self._R, self._I, self._tables)
        self._output = jit.Output(self._out, self._events, self._values, self._bars, self._bar_values)
        self._mute = self._output._replace(bars=self._bars[:0], bar_values=self._bar_values[:0])
        self._around = self._arguments()

    def step(self, ticks: NDArray[np.void], feed: int = 0, now: int = 0) -> Events:
        """Takes `ticks` (rows of `TICK`) of one feed in their order; bad ones are refused and counted.

        Args:
            ticks: as they came.
            feed: theirs.
            now: the time (ns UTC) at which they came, on a feed that lives by the wall clock; it closes no bar, as
                `advance` does: a vendor may send again what was missed, and those ticks come first.
        """
        if now > self._clocks[feed]:
            self._clocks[feed] = now
        if ticks.dtype is not TICK or not ticks.flags.c_contiguous:
            ticks = np.ascontiguousarray(ticks, TICK)
        if self._composites:
            ticks = self._fan_out[feed](ticks)
        before, after = self._around[feed]
        out, done = self._out, _step(*before, ticks, 0, *after)
        if done == len(ticks) and not out[jit.EVENTS] and not out[jit.BARS]:
            return self._no_events
        happened: list[Events] = []
        self._go_on(ticks, feed, done, happened)
        return self._joined(happened)

    def advance(self, now: int, feed: int = 0) -> Events:
        """Tells the time (ns UTC) of a feed's clock: bars that ended 2 s ago close. A clock never goes back."""
        now = max(now, int(self._clocks[feed]))
        self._clocks[feed] = now
        members = self._members[feed]
        done = 0
        happened: list[Events] = []
        while done < len(members):
            done = _advance(*self._state, now, members, self._dirty, done, self._room, self._output)
            self._drain(happened)
        return self._joined(happened)

    def missed(self, feed: int = 0) -> None:
        """Ticks of the feed may have been missed: the first one of each symbol, and of each leg, will tell.

        If it is not newer than the symbol's place, nothing was missed, and ticks are skipped up to there. Else what the
        first admitted one fires comes after an outage. A restore does the same for its symbol.
        """
        self._resume[self._members[feed]] = admission.FIRST_AFTER_RESTORE

    def resume(self, feed: int = 0) -> None:
        """No tick of the feed was missed: those that come now begin before the places, and go on without a gap."""
        self._resume[self._members[feed]] = admission.FIRST_OF_A_BUFFER

    def backfill(
        self, symbol: int, bars: NDArray[np.void], interval: str, settle: Sequence[NDArray[np.void]] = ()
    ) -> Events:
        """Puts in what was missed, as history has it; ticks go on after its last bar.

        What it fires is late and net (`late.py`). A symbol of which no tick was ever admitted missed nothing: `warm`
        is for that.

        Args:
            symbol: the watch's row.
            bars: rows of `BAR` that have ended, oldest first; those wholly before the place are left out.
            interval: their timeframe; it and its multiples are built.
            settle: official daily bars of sessions that have ended, each a row of `BAR`.
        """
        if self._I[symbol, plan.GAP] == plan.NOTHING_ADMITTED:
            return self._no_events
        layout, place = self.layouts[symbol], self._place(symbol)
        path = missed(layout, self._S[symbol], symbol, place, bars, interval)
        late = Late(layout, self._tables, self._I, symbol, path)
        happened: list[Events] = []
        done = 0
        officials = [np.ascontiguousarray(own, BAR).reshape(1) for own in settle]
        for bar in sorted(officials, key=lambda own: int(own["end"][0])):
            before = int(np.searchsorted(path.ticks["time"], bar["end"][0]))
            self._go_on(path.ticks[done:before], _HISTORY, 0, happened)
            upkeep.settle(*self._state, symbol, bar, self._output)
            self._drain(happened)
            done = before
        self._go_on(path.ticks[done:], _HISTORY, 0, happened)
        path.leave(layout, self._I[symbol])
        self._dirty[symbol] = 1
        return late.net(self._joined(happened))

    def clock(self, feed: int = 0) -> int:
        """The feed's clock, ns UTC; 0 before anything told the time."""
        return int(self._clocks[feed])

    def settle(self, symbol: int, bar: np.void | NDArray[np.void]) -> Events:
        """Puts the official daily bar in the place of the one that closed last, and checks what waited for it.

        Args:
            symbol: row of a watch with `settle_after`.
            bar: one row of `BAR`.

        Raises:
            ValueError: it is not the bar of the session that closed last; nothing has changed then.
        """
        bars = np.ascontiguousarray(bar, BAR).reshape(1)
        settled = upkeep.settle(*self._state, symbol, bars, self._output)
        happened: list[Events] = []
        self._drain(happened)
        if not settled:
            symbol_name = self.layouts[symbol].watch.symbol
            raise ValueError(f"{symbol_name}: this is not the daily bar of the session that closed last")
        self._dirty[symbol] = 1
        return self._joined(happened)

    def warm(
        self,
        symbol: int,
        bars: NDArray[np.void],
        timeframe: str,
        timeframes: Sequence[str],
        *,
        hand_out: bool = False,
    ) -> None:
        """Takes history: closed `bars` (rows of `BAR`) build the bars and indicators of `timeframes`.

        Nothing fires and no level takes its side from it. Several files may follow each other, each for its own
        timeframes. A bar that the session's clock has not ended goes on forming.

        Args:
            symbol: the watch's row.
            bars: oldest first.
            timeframe: of the bars.
            timeframes: of the watch, to be built.
            hand_out: whether `closed_bars` is to have the bars that these build.
        """
        own = self.layouts[symbol].watch
        frames = sum(1 << own.timeframes.index(name) for name in timeframes)
        hours = slice(plan.OPEN, plan.EXTENDED_CLOSE + 1)
        self._I[symbol, hours] = 0
        if len(bars):
            last, end = self._S[symbol, plan.LAST], int(bars["end"][-1])
            at_once = len(self._bars) // len(own.timeframes) if hand_out else len(bars)
            output = self._output if hand_out else self._mute
            for first in range(0, len(bars), at_once):
                part = bars[first : first + at_once]
                ticks = bars_to_ticks(part, symbol, timeframe)
                upkeep.warm(*self._state, symbol, ticks, frames, int(part["end"][-1]), output)
                self._drain([])
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

    def changes(self, at_once: int) -> Iterator[dict[str, Snapshot]]:
        """The state of all symbols that have changed, so many at a time, each part as of when it is asked for."""
        rows = np.flatnonzero(self._dirty).tolist()
        for first in range(0, len(rows), at_once):
            yield self.snapshot(rows[first : first + at_once])

    def restore(self, symbol: int, hot: bytes, bars: bytes | None) -> list[str]:
        """Takes the symbol's state from a snapshot, to the last bit; of a watch that has changed, what it still has.

        Returns:
            Names of what begins anew and can only come from history: `1h`, a whole timeframe; `atr(14)@1d`.

        Raises:
            SnapshotError: it is none, or of another calendar; nothing has changed then.
        """
        state = snapshot.unpack(hot, bars)
        layout = self.layouts[symbol]
        row, rings = self._S[symbol, : layout.width], self._R[symbol, : layout.ring_width]
        before = row.copy(), rings.copy()
        try:
            missing, ids = self._take(symbol, state)
            wrong = [*sound.faults(layout, self._tables, symbol, row, rings), *sound.id_faults(ids)]
            if wrong:
                raise SnapshotError(f"not one that this program wrote: {wrong[0]} cannot be")
        except sound.NONSENSE as error:
            row[:], rings[:] = before
            if isinstance(error, SnapshotError):
                raise
            raise SnapshotError(f"not one that this program wrote: {type(error).__name__}") from None
        self._restore_ids(symbol, ids)
        same = state.digest == self._digests[symbol]
        self._resume[symbol] = admission.FIRST_AFTER_RESTORE
        self._bars_saved[symbol] = state.generation if same else -1
        self._dirty[symbol] = not same
        return missing

    def _take(self, symbol: int, state: State) -> tuple[list[str], NDArray[np.int64]]:
        """What `restore` returns, and the rings of trade ids; the bytes may be anybody's."""
        layout = self.layouts[symbol]
        row, rings = self._S[symbol, : layout.width], self._R[symbol, : layout.ring_width]
        row_size = row.nbytes
        missing: list[str] = []
        if state.digest == self._digests[symbol]:
            row[:] = np.frombuffer(state.row[:row_size], np.float64)
            rings[:] = state.rings
        else:
            old, own = sections.decode(state.sections), sections.sections(layout)
            if old.calendar != own.calendar:
                raise SnapshotError(f"of the calendar {old.calendar}, not {own.calendar}")
            row[:], rings[:] = 0.0, 0.0
            self._begin(symbol, layout)
            row_size = 8 * old.width
            if len(state.row) < row_size:
                raise SnapshotError("cut short: its sections reach beyond it")
            old_row = np.frombuffer(state.row[:row_size], np.float64)
            missing = Migration(layout, own, row, rings).run(old, old_row, state.rings)
        return missing, np.frombuffer(state.row[row_size:], np.int64).reshape(-1, self._pool.shape[1])

    def graft(self, symbol: int, warmed: "Engine", names: Sequence[str]) -> list[str]:
        """Takes what `restore` found missing from an engine of this watch alone that history has warmed.

        Returns:
            The names that history did not have either, or not up to the same bar.
        """
        layout = self.layouts[symbol]
        migration = Migration(layout, sections.sections(layout), self._S[symbol], self._R[symbol])
        self._dirty[symbol], self._bars_saved[symbol] = 1, -1
        return [name for name in names if not migration.graft(name, warmed._S[0], warmed._R[0])]

    def take_over(self, old: "Engine") -> dict[str, list[str]]:
        """Goes on with the state of another engine of the same feeds, whose watches were some others.

        The symbols of both keep theirs, but for one that has another calendar now. The other is left as it is.

        Returns:
            Per symbol what begins anew in it, as from `restore`.
        """
        rows, missing = self._rows_in(old), {}
        for k, row in rows.items():
            own, before = self.layouts[k].watch, old.layouts[row].watch
            missing[own.symbol] = self.restore(k, *old.both_parts(row))
            if own.feed == before.feed:  # else its first tick over the other one tells what was missed
                self._resume[k] = old._resume[row]
            self._dirty[k], self._bars_saved[k] = 1, -1
            self.refused[k] = old.refused[row]
        kept = set(rows.values())
        gone = [row for row in range(len(old.layouts)) if row not in kept]
        self.refused[-1] = old.refused[-1] + old.refused[gone].sum(axis=0)
        self.refused_before = self.refused.copy()
        np.maximum(self._clocks, old._clocks, out=self._clocks)
        return missing

    def unknown_to(self, old: "Engine") -> list[int]:
        """The rows of which `take_over` would find nothing in the other engine."""
        rows = self._rows_in(old)
        return [k for k in range(len(self.layouts)) if k not in rows]

    def missing_from(self, old: "Engine") -> Iterator[dict[int, int]]:
        """The rows that would lack something after `take_over`, and the place (ns) of each; nothing changes.

        One symbol at a time, as trying takes half a millisecond for each: ticks may come in between.
        """
        for k, row in self._rows_in(old).items():
            if self._digests[k] != old._digests[row]:
                trial = Engine([self.layouts[k].watch])
                yield {k: old._place(row)} if trial.restore(0, *old.both_parts(row)) else {}

    def _rows_in(self, old: "Engine") -> dict[int, int]:
        """The row that each symbol of both has in the other engine, by its own."""
        known = {(own.watch.symbol, own.watch.sessions.calendar): row for row, own in enumerate(old.layouts)}
        keys = ((own.watch.symbol, own.watch.sessions.calendar) for own in self.layouts)
        return {k: known[key] for k, key in enumerate(keys) if key in known}

    def bars_closed(self) -> dict[str, int]:
        """Bars closed by timeframe, over all symbols, those of history included."""
        closed: Counter[str] = Counter()
        for timeframes, rows in self._by_timeframes.items():
            first = plan.HEADER + plan.COUNT * len(timeframes)
            counts = self._I[rows, first : first + len(timeframes)].sum(axis=0)
            closed.update(dict(zip(timeframes, counts.tolist(), strict=True)))
        return closed

    @cached_property
    def _by_timeframes(self) -> dict[tuple[str, ...], NDArray[np.intp]]:
        """The rows that have the same timeframes."""
        found: dict[tuple[str, ...], list[int]] = {}
        for k, own in enumerate(self.layouts):
            found.setdefault(tuple(own.watch.timeframes), []).append(k)
        return {timeframes: np.array(rows) for timeframes, rows in found.items()}

    @property
    def nbytes(self) -> int:
        """Bytes of the symbols' state."""
        return sum(own.nbytes for own in (self._S, self._R, self._pool, self._id_rings))

    def values(self, symbol: int) -> dict[str, float]:
        """Every indicator of the symbol by name and timeframe, provisional while its bar forms; NaN: none yet."""
        own = self.layouts[symbol]
        return dict(
            zip(own.value_names, self._S[symbol, own.values :][: len(own.value_names)].tolist(), strict=True)
        )

    def forming(self, symbol: int, timeframe: str) -> tuple[int, float, float, float, float, float] | None:
        """The bar that forms: its start (ns UTC), open, high, low, close, volume; None: none does."""
        timeframes = self.layouts[symbol].watch.timeframes
        nf, first = len(timeframes), plan.HEADER + timeframes.index(timeframe)
        S, I = self._S[symbol, first:], self._I[symbol, first:]
        if I[plan.END * nf] <= I[plan.CLOSED_END * nf]:
            return None
        fields = (plan.BAR_OPEN, plan.BAR_HIGH, plan.BAR_LOW, plan.BAR_CLOSE, plan.VOLUME)
        o, h, low, c, volume = (float(S[field * nf]) for field in fields)
        return int(I[plan.START * nf]), o, h, low, c, volume

    def last(self, symbol: int) -> tuple[float, int]:
        """Last price (0 when there is none) and the highest event time (ns) of the symbol."""
        return float(self._S[symbol, plan.LAST]), self._place(symbol)

    def places(self) -> NDArray[np.int64]:
        """The highest event time (ns) offered, of every symbol."""
        return np.array([self._place(k) for k in range(len(self.layouts))], np.int64)

    def _place(self, k: int) -> int:
        """The highest event time (ns) offered of the symbol, or of one of its legs."""
        sources = [plan.SOURCE]
        if (legs := self.layouts[k].legs) >= 0:
            sources += [legs, legs + plan.SOURCE_FIELDS]
        return max(int(self._I[k, source + plan.PLACE_TIME]) for source in sources)

    def _begin(self, k: int, layout: Layout) -> None:
        """The row of a symbol of which nothing is known."""
        n_frames = len(layout.watch.timeframes)
        self._I[k, plan.NEXT_DUE] = plan.NEVER
        self._I[k, plan.GAP] = plan.NOTHING_ADMITTED
        self._S[k, plan.PREVIOUS_HIGH : plan.PREVIOUS_CLOSE + 1] = np.nan
        of_bars = slice(plan.HEADER + plan.BAR_OPEN * n_frames, plan.HEADER + (plan.VOLUME + 1) * n_frames)
        self._S[k, of_bars] = np.nan
        warm_at = plan.HEADER + plan.WARM_AT * n_frames
        self._I[k, warm_at : warm_at + n_frames] = plan.WARM_BARS
        self._S[k, layout.values : layout.values + len(layout.value_names)] = np.nan
        for piece in layout.shape.changes:
            self._S[k, piece.state] = np.nan  # no price to measure from
        starts = layout.rule_starts[:, 1]
        self._R[k, starts[0] : starts[-1]] = np.nan  # bars before the first are no pivots

    def closed_bars(self) -> tuple[NDArray[np.void], NDArray[np.float64]]:
        """Bars that closed since this was last asked (rows of `CLOSED`), and a row of their timeframe's values each."""
        closed, self._closed = self._closed, []
        if not closed:
            return self._bars[:0].copy(), self._bar_values[:0].copy()
        return np.concatenate([rows for rows, _ in closed]), np.concatenate([values for _, values in closed])

    def _go_on(self, ticks: NDArray[np.void], feed: int, done: int, happened: list[Events]) -> None:
        """Offers the rest, each time with all the room there is."""
        while True:
            self._drain(happened)
            if self._out[jit.POOL_USED] == len(self._pool):
                self._grow_pool()
            if done == len(ticks):
                return
            before, after = self._around[feed]
            done = _step(*before, ticks, done, *after)

    def _arguments(self) -> list[tuple[tuple[Any, ...], tuple[Any, ...]]]:
        """What `step` is called with around the ticks, per feed; made once, since making it takes long."""
        state = (self._S, self._R, self._I, *self._tables, self._pool, self._id_rings)
        counts, after = (self._dirty, self.refused), (self._room, *self._output)
        around = [
            ((*state, self._clocks, feed, tape, self._resume, *counts), after)
            for feed, tape in enumerate(self._tape_clocks)
        ]
        return [*around, ((*state, *self._history_clock, *counts), after)]  # at _HISTORY

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
        generation = int(self._I[k, plan.GENERATION])
        changed = generation != self._bars_saved[k]
        self._bars_saved[k] = generation
        self._dirty[k] = 0
        return Snapshot(self._hot_part(k), self._bars_part(k) if changed else None)

    def both_parts(self, k: int) -> tuple[bytes, bytes]:
        """Both parts of the snapshot of a row, whether they have changed or not; it counts as no snapshot."""
        return self._hot_part(k), self._bars_part(k)

    def _hot_part(self, k: int) -> bytes:
        used = self._id_rings[k]
        row = self._S[k, : self.layouts[k].width].tobytes() + self._pool[used[used >= 0]].tobytes()
        return snapshot.pack_hot(self._digests[k], int(self._I[k, plan.GENERATION]), row)

    def _bars_part(self, k: int) -> bytes:
        rings = self._R[k, : self.layouts[k].ring_width].tobytes()
        generation, of = int(self._I[k, plan.GENERATION]), sections.encode(self.layouts[k])
        return snapshot.pack_bars(self._digests[k], generation, of, rings)

    def _restore_ids(self, k: int, ids: NDArray[np.int64]) -> None:
        first = int(self._out[jit.POOL_USED])
        while first + len(ids) >= len(self._pool):
            self._grow_pool()
        self._pool[first : first + len(ids)] = ids
        self._id_rings[k] = -1
        self._id_rings[k, : len(ids)] = range(first, first + len(ids))
        self._out[jit.POOL_USED] += len(ids)

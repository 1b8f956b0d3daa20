"""Replay: the daemon's engine driven from files, without a network, by the tape's clock or a recording's."""

import csv
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TextIO

import numpy as np
from numpy.typing import NDArray

from tapewatch import assemble, history, instruments
from tapewatch.alerts.alert import Alert, encode
from tapewatch.alerts.build import iso_ns
from tapewatch.alerts.last_ticks import LastTicks
from tapewatch.alerts.trace import TraceBuilder
from tapewatch.config import Config, Watch, state_dir
from tapewatch.engine import watch as spec
from tapewatch.engine.engine import Engine
from tapewatch.engine.events import REFUSALS, Events
from tapewatch.engine.kernels import LATEST
from tapewatch.engine.parts import operands, timeframe_of
from tapewatch.feeds.files import BarFile, FileError, is_bars, read_bars, read_ticks
from tapewatch.market.bars import bars_to_ticks
from tapewatch.market.sessions import sessions
from tapewatch.market.ticks import NS
from tapewatch.market.timeframes import by_length, duration_ns
from tapewatch.problems import did_you_mean
from tapewatch.recorded import Recorded, See, nobody, tape_clocks
from tapewatch.store.commit import Commit, Fired, Store
from tapewatch.store.server import open_redis

BATCH = 4096
"""Ticks offered at once."""

FLUSH_AFTER = 2 * NS
"""After a file's last tick the clock is put on by this much, so that the last bars close."""

_TICK_OF_CLOCK = 0.05  # seconds between the batches of a replay that keeps a tape's pace


class ReplayError(ValueError):
    """What was asked for cannot be replayed; the message says what could."""


@dataclass(frozen=True, eq=False)
class Stretch:
    """One file of ticks or bars made ready: ticks, and where the clock stands after the last."""

    path: Path
    ticks: NDArray[np.void]
    end: int
    bars: dict[int, str] = field(default_factory=dict)
    """Of a file of bars: their timeframe, by the engine's row of each watch that takes them."""
    batch: int = BATCH
    """Ticks offered at once; the alerts do not depend on it."""

    @property
    def count(self) -> int:
        """How many ticks it has."""
        return len(self.ticks)

    def first(self) -> int | None:
        """Event time (ns) of the first tick; None if there is none."""
        return int(self.ticks["time"][0]) if len(self.ticks) else None

    def drive(self, engine: Engine, speed: float | None = None, see: See = nobody) -> Iterator[Events]:
        """Offers the ticks, `speed` seconds of tape a second, or as fast as it goes; they are the clock, too.

        `see` is shown each batch first, as of feed 0.
        """
        for ticks in _batches(self.ticks, self.batch) if speed is None else _paced(self.ticks, speed):
            see(0, ticks)
            yield engine.step(ticks)
            yield engine.advance(engine.clock())
        yield engine.advance(self.end)


class Replay:
    """One run of a config over files.

    Args:
        config: the config; its receivers are not used, its feeds only by recordings.
        keep_bars: whether `closed_bars` of the engine is wanted.
        keep_alerts: whether what fires is kept for `commit`.
        recorded: the recordings that will be run, if it is recordings: the engine has the clocks of their feeds.
    """

    def __init__(
        self,
        config: Config,
        *,
        keep_bars: bool = False,
        keep_alerts: bool = False,
        recorded: Sequence[Recorded] = (),
    ) -> None:
        self.config = config
        clocks = tape_clocks(config, recorded) if recorded else None
        self.engine = assemble.engine(config, tape_clocks=clocks, keep_bars=keep_bars, settles=False)
        self._builder = assemble.alert_builder(config, self.engine)
        self._traces = TraceBuilder(self.engine.layouts, self.engine.instruments) if keep_alerts else None
        self._last = [LastTicks() for _ in clocks or (True,)]
        self._kept: list[Fired] = []
        self._names = [instruments.names(config, watch) for watch in config.watch]
        self._rows = {name: row for row, names in enumerate(self._names) for name in names.own}
        self._instruments = instruments.in_files(config, self.engine)

    def read(self, paths: Sequence[Path], symbol: str | None = None, bar: str | None = None) -> list[Stretch]:
        """Reads the files, in their order.

        Args:
            paths: ticks or bars, `.csv` or `.csv.gz`.
            symbol: whose they are if they have no column `symbol`; left out: the config's only watch.
            bar: timeframe of a file of bars, if it is not the smallest step between them.

        Raises:
            FileError: a file cannot be read; the message names file and line.
            ReplayError: nobody watches that symbol, nobody knows whose ticks these are, or `bar` is no timeframe.
        """
        if symbol is not None and symbol not in self._rows:
            known = [watch.symbol for watch in self.config.watch]
            otherwise = f"there is {', '.join(known)}"
            raise ReplayError(f"no watch has the symbol {symbol!r}: {did_you_mean(symbol, known, otherwise)}")
        if bar is not None:
            _check_timeframe(bar)
        if symbol is None and len(self.config.watch) == 1:
            symbol = self.config.watch[0].symbol
        return [
            self._bars(path, symbol, bar) if is_bars(path) else self._ticks(path, symbol) for path in paths
        ]

    def notes(self, stretches: Sequence[Stretch | Recorded]) -> list[str]:
        """What never comes of `stretches`: what needs finer bars than those of a file, or was not recorded."""
        of_files = [own for own in stretches if isinstance(own, Stretch)]
        read = {(bar, row) for own in of_files for row, bar in own.bars.items()}
        notes = [
            f"{own.path}: was not asked for {', '.join(lacking)}"
            for own in stretches
            if isinstance(own, Recorded) and (lacking := own.lacking())
        ]
        for bar in by_length({bar for bar, _ in read}):
            rows = sorted(row for own, row in read if own == bar)
            notes += _out_of_reach(bar, [self.engine.layouts[row].watch for row in rows])
        return notes

    def warm(
        self, stretches: Sequence[Stretch | Recorded], files: Sequence[Path], symbol: str | None = None
    ) -> int:
        """Warms the indicators from `files`, or from the config's `history` when there are none.

        Bars that end after the first tick are left out; returns how many.
        """
        first = min((time_ns for own in stretches if (time_ns := own.first()) is not None), default=None)
        left_out = 0
        for row, (watch, names) in enumerate(zip(self.config.watch, self._names, strict=True)):
            if files:
                given = history.read(files, watch.calendar)
                given = [own for own in given if own.symbols or self._row_of(symbol, own.path) == row]
            else:
                given = history.own(watch, names)
            left_out += history.warm(self.engine, row, given, names, before=first)
        return left_out

    def _row_of(self, symbol: str | None, path: Path) -> int:
        """Whose a file without a column `symbol` is."""
        if symbol is None and len(self.config.watch) > 1:
            raise ReplayError(_whose(path))
        return 0 if symbol is None else self._rows[symbol]

    def run(
        self, stretches: Sequence[Stretch | Recorded], speed: float | None = None
    ) -> Iterator[list[Alert]]:
        """Offers every tick; yields the alerts of each batch, in order.

        Args:
            stretches: from `read`, or the recordings.
            speed: how many seconds of tape a second; None: as fast as it goes.

        Raises:
            FileError: a line of a recording is none.
        """
        see = nobody if self._traces is None else self._see
        for own in stretches:
            for events in own.drive(self.engine, speed, see):
                alerts = self._builder.build(events)
                if self._traces is not None:
                    traces = self._traces.build(events, self._last)
                    self._kept += (
                        Fired(alert, encode(alert), trace)
                        for alert, trace in zip(alerts, traces, strict=True)
                    )
                yield alerts

    def _see(self, feed: int, ticks: NDArray[np.void]) -> None:
        self._last[feed].add(ticks)

    async def commit(self) -> None:
        """Commits the alerts that were kept, and the state after the last tick, to Redis, as the daemon would.

        Raises:
            RedisUnavailableError: there is none.
        """
        folder = state_dir(self.config)
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        async with open_redis(self.config.redis_url(), folder) as redis:
            store = Store(redis, self.config.name)
            await store.open()
            await store.commit(Commit(store.sequence + 1, self.engine.snapshot(), self._kept))

    def summary(self, stretches: Sequence[Stretch | Recorded], alerts: int, seconds: float) -> str:
        """How it went, in one line: `31,194 ticks in 0.02 s (1,559,700 a second), 69 alerts; refused: none`."""
        ticks = sum(own.count for own in stretches)
        counts = zip(REFUSALS, self.engine.refused.sum(axis=0).tolist(), strict=True)
        refused = ", ".join(f"{count:,} {reason}" for reason, count in counts if count)
        pace = f"{ticks:,} ticks in {seconds:.2f} s ({ticks / max(seconds, 1e-9):,.0f} a second)"
        return f"{pace}, {alerts:,} alerts; refused: {refused or 'none'}"

    def _ticks(self, path: Path, symbol: str | None) -> Stretch:
        tape = read_ticks(path)
        if symbol is None and not tape.symbols:
            raise ReplayError(_whose(path))
        ticks = tape.rows(self._instruments, symbol)
        if tape.conditions:
            for instrument, skipped in self._skipped().items():
                own = ticks["symbol"] == instrument
                ticks["flags"][own] = tape.rows(self._instruments, symbol, skipped)["flags"][own]
        last = min(int(ticks["time"][-1]), LATEST) if len(ticks) else 0
        return Stretch(path, ticks, last + FLUSH_AFTER)

    def _skipped(self) -> dict[int, list[str]]:
        """The sale conditions for which an instrument's trades are skipped: one list, since a tick is one to all."""
        asked: dict[int, Watch] = {}
        for watch in self.config.watch:
            for symbol in (watch.symbol, *(instruments.legs(self.config, watch) or ())):
                first = asked.setdefault(self._instruments[symbol], watch)
                if set(first.skip_conditions) != set(watch.skip_conditions):
                    raise ReplayError(
                        f"{first.symbol} and {watch.symbol} take the same trades of {symbol}: give both the same "
                        "skip_conditions"
                    )
        return {own: watch.skip_conditions for own, watch in asked.items() if watch.skip_conditions}

    def _bars(self, path: Path, symbol: str | None, bar: str | None) -> Stretch:
        parts, end = [], 0
        timeframes: dict[int, str] = {}
        files: dict[str, BarFile] = {}
        for row, watch in enumerate(self.config.watch):
            if watch.calendar not in files:
                files[watch.calendar] = read_bars(path, sessions(watch.calendar), bar)
            read = files[watch.calendar]
            if not read.symbols and self._row_of(symbol, path) != row:
                continue
            bars = history.bars_of([read], self._names[row]).get(read.timeframe)
            if bars is not None:
                self._check_multiples(row, read)
                parts.append(bars_to_ticks(bars, row, read.timeframe))
                timeframes[row] = read.timeframe
                end = max(end, int(bars["end"][-1]) + FLUSH_AFTER)
        if not parts:
            raise ReplayError(
                f"{path}: it has no bars of {', '.join(own.symbol for own in self.config.watch)}"
            )
        ticks = np.concatenate(parts)
        return Stretch(path, ticks[np.argsort(ticks["time"], kind="stable")], end, timeframes)

    def _check_multiples(self, row: int, read: BarFile) -> None:
        """Finer timeframes than the file's get no bars; coarser ones must be multiples."""
        for name in self.engine.layouts[row].watch.timeframes:
            finer = duration_ns(name) < duration_ns(read.timeframe)
            if not finer and not history.builds(read.timeframe, name):
                raise FileError(f"{read.path}: bars of {name} cannot be built from bars of {read.timeframe}")


def replay_ticks(config: Config, ticks: NDArray[np.void], batch: int = BATCH) -> list[Alert]:
    """The alerts of `ticks` (rows of `TICK`) under `config`, from a cold start."""
    own = Stretch(Path(), ticks, int(ticks["time"][-1]) + FLUSH_AFTER, batch=batch)
    return [alert for fired in Replay(config).run([own]) for alert in fired]


def _out_of_reach(bar: str, watches: Sequence[spec.Watch]) -> Iterator[str]:
    """The rules that need bars which those of the timeframe `bar` do not build, a line for each kind."""
    for kind, outcome in (
        (spec.ConditionRule, "these conditions cannot fire"),
        ((spec.LevelRule, spec.ZoneRule), "these levels and zones are not confirmed"),
    ):
        finer: set[str] = set()
        names = []
        for watch in watches:
            for rule in watch.rules:
                if isinstance(rule, kind) and (own := _finer(rule, bar)):
                    finer |= own
                    names.append(rule.name if len(watches) == 1 else f"{rule.name} of {watch.symbol}")
        if names:
            lacking = " or ".join(by_length(finer))
            yield f"bars of {bar} build no {lacking} bars, so {outcome}: {', '.join(names)}"


def _finer(rule: spec.Rule, bar: str) -> set[str]:
    """The timeframes that a rule needs and that are finer than `bar`."""
    if isinstance(rule, spec.ConditionRule):
        read = (operand for part in rule.parts for operand in operands(part))
        needed = {rule.on, *map(timeframe_of, read)}
    else:
        needed = {rule.confirm}
    return {own for own in needed if own and duration_ns(own) < duration_ns(bar)}


def _check_timeframe(bar: str) -> None:
    try:
        duration_ns(bar)
    except ValueError as error:
        raise ReplayError(str(error)) from None


def _whose(path: Path) -> str:
    return f"{path} has no column 'symbol' and the config watches several: say whose they are with --symbol"


def _batches(ticks: NDArray[np.void], size: int) -> Iterator[NDArray[np.void]]:
    for start in range(0, len(ticks), size):
        yield ticks[start : start + size]


def _paced(ticks: NDArray[np.void], speed: float) -> Iterator[NDArray[np.void]]:
    """The ticks as their times come round, `speed` seconds of tape a second."""
    if not len(ticks):
        return
    due = np.maximum.accumulate(ticks["time"])
    began, done = time.monotonic(), 0
    while done < len(ticks):
        reached = int(due[0]) + int((time.monotonic() - began) * speed * NS)
        upto = int(np.searchsorted(due, reached, side="right"))
        if upto > done:
            yield ticks[done:upto]
            done = upto
        else:
            time.sleep(_TICK_OF_CLOCK)


class BarWriter:
    """Writes closed bars as CSV: one row a bar, then every indicator of the watch by its config name."""

    def __init__(self, engine: Engine, out: TextIO) -> None:
        self._engine = engine
        self._csv = csv.writer(out, lineterminator="\n")
        self._names = list(dict.fromkeys(name for own in engine.layouts for name in own.shape.columns))
        head = ["symbol", "timeframe", "start", "end", "open", "high", "low", "close", "volume"]
        self._csv.writerow(head + self._names)

    def write(self) -> None:
        """Writes the bars that closed since the last call."""
        rows, values = self._engine.closed_bars()
        for row, numbers in zip(rows, values.tolist(), strict=True):
            layout = self._engine.layouts[row["symbol"]]
            known = dict(zip(layout.shape.columns, numbers, strict=False))
            self._csv.writerow(
                [layout.watch.symbol, layout.watch.timeframes[row["frame"]]]
                + [iso_ns(int(row[edge])).replace(".000000000", "") for edge in ("start", "end")]
                + [repr(float(row[name])) for name in ("open", "high", "low", "close", "volume")]
                + [
                    "" if (own := known.get(name)) is None or own != own else repr(own)
                    for name in self._names
                ]
            )

"""The program itself, driven as the reference is: the same tape and history, its alerts in the same shape."""

import json
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from reference.bars import feeds
from reference.events import alert_of
from reference.random_tapes import rows_of, shown
from reference.replay import Alert
from reference.ticks import NS, Bar, Settlement, Tick
from tapewatch import assemble
from tapewatch.alerts.alert import encode
from tapewatch.config import Config
from tapewatch.engine.engine import Engine
from tapewatch.engine.events import Events
from tapewatch.market.bars import BAR

AFTER = 2 * NS
"""At the end of a tape the clock is put on by so much."""


class Case(NamedTuple):
    """One run: a config, a tape and the history before it. It is written so that a person can play it by hand."""

    config: Config
    tape: Sequence[Tick | Settlement]
    history: Sequence[Bar] = ()

    def __repr__(self) -> str:
        watch = self.config.watch[0].model_dump(exclude_defaults=True, by_alias=True)
        bars = f"{len(self.history)} of {self.history[0].timeframe}" if self.history else "none"
        return f"\n{watch}\nhistory: {bars}\n{shown(self.tape)}"


class Program:
    """An engine for the config's only watch, and what it said.

    Args:
        config: the config.
        history: bars of one timeframe, oldest first.
        live: with a feed, as the daemon runs it; else as a replay does.
    """

    def __init__(self, config: Config, history: Sequence[Bar] = (), *, live: bool = False) -> None:
        self.engine = assemble.engine(config, tape_clocks=[True] if live else None)
        self.alerts: list[Alert] = []
        self._builder = assemble.alert_builder(config, self.engine)
        symbol = config.watch[0].symbol
        names = symbol.split("/") if "/" in symbol else [symbol]
        self._instruments = [self.engine.instruments[name] for name in names]
        if history:
            own = history[0].timeframe
            built = [name for name in self.engine.layouts[0].watch.timeframes if feeds(own, name)]
            self.engine.warm(0, _bars(history), own, built)

    def offer(self, tape: Sequence[Tick], batch: int = 4096) -> None:
        """Offers the tape, `batch` ticks at once."""
        for ticks in _cut(rows_of(tape, self._instruments), batch):
            self._say(self.engine.step(ticks))
            self._say(self.engine.advance(self.engine.clock()))

    def settle(self, bar: Bar) -> bool:
        """Offers the official daily bar, some time after its end; says whether it was taken."""
        self._say(self.engine.advance(bar.end + AFTER))
        with suppress(ValueError):
            self._say(self.engine.settle(0, _bars([bar])[0]))
            return True
        return False

    def end(self, tape: Sequence[Tick]) -> None:
        self._say(self.engine.advance(tape[-1].time + AFTER))

    def _say(self, events: Events) -> None:
        self.alerts += [alert_of(json.loads(encode(alert))) for alert in self._builder.build(events)]


def replayed(case: Case, batch: int = 4096) -> list[Alert]:
    """The alerts of a replay."""
    program, tape = Program(case.config, case.history), ticks_of(case)
    program.offer(tape, batch)
    program.end(tape)
    return program.alerts


def restarted(case: Case, at: int) -> list[Alert]:
    """The same, with the program stopped after `at` ticks and started again from its snapshot."""
    first, second, tape = Program(case.config, case.history), Program(case.config), ticks_of(case)
    first.offer(tape[:at])
    restore(first.engine, second.engine)
    # A tape that starts over is skipped up to where the snapshot was made; where all of it is newer, the rest goes on.
    starts_over = at > 0 and tape[0].time <= first.engine.last(0)[1]
    second.offer(tape if starts_over else tape[at:])
    second.end(tape)
    return first.alerts + second.alerts


def settled(case: Case) -> tuple[list[Alert], list[bool]]:
    """The alerts of a tape with official daily bars in it, as the daemon takes it, and which of these were taken."""
    program, taken = Program(case.config, case.history, live=True), []
    for item in case.tape:
        if isinstance(item, Tick):
            program.offer([item])
        else:
            taken.append(program.settle(item.bar))
    program.end(ticks_of(case))
    return program.alerts, taken


def ticks_of(case: Case) -> list[Tick]:
    return [item for item in case.tape if isinstance(item, Tick)]


def restore(stopped: Engine, started: Engine) -> None:
    (saved,) = stopped.snapshot([0]).values()
    started.restore(0, saved.hot, saved.bars)


def _bars(bars: Sequence[Bar]) -> NDArray[np.void]:
    rows = np.zeros(len(bars), BAR)
    for row, bar in zip(rows, bars, strict=True):
        for field in ("start", "end", "open", "high", "low", "close", "volume"):
            row[field] = getattr(bar, field)
    return rows


def _cut(ticks: NDArray[np.void], size: int) -> Iterator[NDArray[np.void]]:
    for start in range(0, len(ticks), size):
        yield ticks[start : start + size]

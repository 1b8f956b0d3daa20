"""The tape twice through the engine: as the config has it, and with no re-arm band."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import ceil
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tapewatch.alerts.alert import Alert
from tapewatch.config import Config, Level, Watch, Zone
from tapewatch.engine import events as ev
from tapewatch.engine import watch as spec
from tapewatch.engine.engine import Engine
from tapewatch.engine.events import REFUSALS, Events
from tapewatch.engine.layout import Layout
from tapewatch.engine.parts import operands
from tapewatch.recorded import Recorded, recordings
from tapewatch.replay import Replay, Stretch

_FOLLOWING = (ev.LEVEL_CONFIRMED, ev.LEVEL_FAILED, ev.ZONE_CONFIRMED, ev.ZONE_FAILED)

Rule = tuple[int, int]
"""The engine's row of a symbol, and the rule's place among those of its watch."""


class NothingToTestError(ValueError):
    """The files have nothing that the config watches; the message says what was looked for."""


@dataclass(frozen=True, eq=False)
class Closed:
    """Bars that closed on the tape, of one symbol and timeframe, oldest first."""

    bars: NDArray[np.void]
    """Rows of `CLOSED`."""
    values: dict[str, NDArray[np.float64]]
    """What conditions read of each bar, by name without the timeframe; NaN where there was none."""


@dataclass(frozen=True, eq=False)
class Past:
    """What the tape was, and what fired on it."""

    config: Config
    layouts: Sequence[Layout]
    """A symbol each, in the config's order."""
    files: list[tuple[Path, int]]
    """Each file, and how many ticks it gave."""
    alerts: list[Alert]
    """All that fired, in order."""
    closed: dict[tuple[int, str], Closed]
    """By symbol (the engine's row) and timeframe."""
    without_band: Counter[Rule]
    """How often each rule fired without its band; confirmed and failed are not counted."""
    places: NDArray[np.int64]
    """Per symbol the time (ns) of its last tick; 0 where it had none."""
    refused: dict[str, int]
    """Ticks that were refused, by reason."""
    notes: list[str]
    """What people should know of the files."""


class Backtest:
    """Files and a config, made ready.

    Args:
        config: what is tested; its receivers are not used.
        files: ticks, bars or recordings, as `Replay` takes them.
        symbol: whose they are if they do not say.
        history: files of bars that warm the indicators; left out: the config's own.
        bar: timeframe of a file of bars, if it is not the smallest step between them.

    Raises:
        FileError: a file cannot be read; the message names file and line.
        ReplayError, RecordedError: the files do not go with the config.
        NothingToTestError: there is no tick in them.
    """

    def __init__(
        self,
        config: Config,
        files: Sequence[Path],
        *,
        symbol: str | None = None,
        history: Sequence[Path] = (),
        bar: str | None = None,
    ) -> None:
        self._config = config
        self._files = files
        self._recorded = recordings(config, files)
        self._replay = Replay(config, keep_bars=True, recorded=self._recorded)
        self._stretches: Sequence[Stretch | Recorded] = self._recorded or self._replay.read(
            files, symbol, bar
        )
        if all(own.first() is None for own in self._stretches):
            watched = ", ".join(watch.symbol for watch in config.watch)
            raise NothingToTestError(f"{', '.join(map(str, files))}: no tick in it, so nothing of {watched}")
        self.notes = self._replay.notes(self._stretches)
        self._warm = (list(history), symbol)
        if left_out := self._replay.warm(self._stretches, *self._warm):
            self.notes.append(f"{left_out} bars of history end after the tape's first tick and were left out")
        self._before = self._replay.engine.places()

    @property
    def steps(self) -> int | None:
        """How often `run` will call its `step`; None where only the recordings know."""
        if self._recorded:
            return None
        passes = 2 if _has_band(self._config) else 1
        return passes * sum(
            2 * ceil(own.count / own.batch) + 1 for own in self._stretches if isinstance(own, Stretch)
        )

    def run(self, step: Callable[[], object] = lambda: None) -> Past:
        """Plays the tape; `step` is called as it goes on.

        Raises:
            FileError: a line of a recording is none.
        """
        engine, alerts = self._replay.engine, list[Alert]()
        keeper = _Keeper(engine)
        for fired in self._replay.run(self._stretches):
            alerts += fired
            keeper.keep()
            step()
        for own in self._recorded:
            self.notes += own.remarks()
        counts = zip(REFUSALS, engine.refused.sum(axis=0).tolist(), strict=True)
        places = engine.places()
        return Past(
            config=self._config,
            layouts=engine.layouts,
            files=[(own.path, own.count) for own in self._stretches],
            alerts=alerts,
            closed=keeper.closed(),
            without_band=self._without_bands(step) if _has_band(self._config) else Counter(),
            places=np.where(places > self._before, places, 0),
            refused={reason: count for reason, count in counts if count},
            notes=self.notes,
        )

    def _without_bands(self, step: Callable[[], object]) -> Counter[Rule]:
        """The same tape with `rearm = 0` everywhere; rules know nothing of each other, so all go at once."""
        config = without_bands(self._config)
        recorded = recordings(config, self._files) if self._recorded else []
        replay = Replay(config, recorded=recorded)
        stretches = recorded or self._stretches
        replay.warm(stretches, *self._warm)
        counts: Counter[Rule] = Counter()
        for own in stretches:
            for events in own.drive(replay.engine):
                counts.update(_rules_of(events))
                step()
        return counts


def without_bands(config: Config) -> Config:
    """The config with a re-arm band of 0 for every watch, level and zone."""
    return config.model_copy(update={"watch": [_bare(watch) for watch in config.watch]})


def _bare(watch: Watch) -> Watch:
    """It builds the bars and indicators that it built for a band in average true ranges, so that history fits both."""
    none = {"rearm": 0.0}
    return watch.model_copy(
        update={
            **none,
            "timeframes": watch.all_timeframes(),
            "indicators": [str(own) for own in watch.all_indicators()],
            "level": [own.model_copy(update=none) for own in watch.level],
            "zone": [own.model_copy(update=none) for own in watch.zone],
        }
    )


def _has_band(config: Config) -> bool:
    for watch in config.watch:
        rules: list[Level | Zone] = [*watch.level, *watch.zone]
        if any(band not in (None, 0) for band in (watch.rearm, *(own.rearm for own in rules))):
            return True
    return False


def _rules_of(events: Events) -> list[Rule]:
    """The rule of each event that follows no other."""
    if not len(events):
        return []
    own = events.rows[~np.isin(events.rows["type"], _FOLLOWING)]
    return list(zip(own["symbol"].tolist(), own["rule"].tolist(), strict=True))


class _Keeper:
    """Keeps the bars that close, and of their values only what a condition reads."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        read = [_columns_read(own) for own in engine.layouts]
        self._kept = sorted(set().union(*read)) if read else []
        self._bars: list[NDArray[np.void]] = []
        self._values: list[NDArray[np.float64]] = []

    def keep(self) -> None:
        """Takes the bars that closed since the last call."""
        bars, values = self._engine.closed_bars()
        if len(bars):
            self._bars.append(bars)
            self._values.append(values[:, self._kept])

    def closed(self) -> dict[tuple[int, str], Closed]:
        """All of them, by symbol and timeframe."""
        if not self._bars:
            return {}
        bars, values = np.concatenate(self._bars), np.concatenate(self._values)
        found = {}
        for row, layout in enumerate(self._engine.layouts):
            of_symbol = np.flatnonzero(bars["symbol"] == row)
            for frame, timeframe in enumerate(layout.watch.timeframes):
                own = of_symbol[bars["frame"][of_symbol] == frame]
                if len(own):
                    known = {
                        name: values[own, self._kept.index(at)]
                        for at, name in enumerate(layout.shape.columns)
                        if at in self._kept
                    }
                    found[row, timeframe] = Closed(bars[own], known)
        return found


def _columns_read(layout: Layout) -> set[int]:
    """Where the values that the conditions read stand among those of a closed bar."""
    names = {
        str(operand).partition("@")[0]
        for rule in layout.watch.rules
        if isinstance(rule, spec.ConditionRule)
        for part in rule.parts
        for operand in operands(part)
    }
    return {at for at, name in enumerate(layout.shape.columns) if name in names}

"""Second pass: the rules, along what `tape.walk` wrote down.

Order within one tick: bars close (by end, then the shorter timeframe first), each firing what is checked on
its close: confirmations of levels, then of zones, then conditions, in the config's order; then levels, zones
and conditions that are checked on ticks, in the config's order.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from reference.conditions import Crosses, Diverges, Operand, crossings, parse_condition
from reference.divergence import divergences
from reference.indicators import Values, compute, forming_average, parse
from reference.levels import DIRECTION, Edge, Zone, band_of, level_holds, zone_holds
from reference.tape import Admitted, Closed, Tape, timeframes_of, walk
from reference.ticks import Bar, Tick
from tapewatch.alerts.alert import alert_id
from tapewatch.config import Condition, Level, Watch
from tapewatch.config import Zone as ZoneConfig

Alert = dict[str, Any]
Config = Level | ZoneConfig | Condition
DIVERGENCE_DIRECTION = {"regular_bearish": "down", "regular_bullish": "up"}


@dataclass
class Series:
    """All closed bars of one timeframe, and what can be known from them at once."""

    bars: list[Bar] = field(default_factory=list)
    values: dict[str, Values] = field(default_factory=dict)

    @property
    def closes(self) -> list[float]:
        return [bar.close for bar in self.bars]

    def value(self, operand: Operand) -> Values:
        if operand.number is not None:
            return [operand.number] * len(self.bars)
        assert operand.name is not None
        if operand.name not in self.values:
            self.values |= compute(operand.indicator, self.closes)
        return self.values[operand.name]


@dataclass
class LevelRule:
    config: Level
    band: float
    edge: Edge = field(default_factory=Edge)
    pending: tuple[str, Alert] | None = None  # the last passage in the forming bar of `confirm`

    def place(self) -> dict[str, float]:
        return {"level": self.config.price}

    def see(self, price: float) -> str | None:
        return self.edge.see(price, self.config.price, self.band)

    def holds(self, passage: str, close: float) -> bool:
        return level_holds(passage, close, self.config.price)


@dataclass
class ZoneRule:
    config: ZoneConfig
    zone: Zone
    pending: tuple[str, Alert] | None = None

    def place(self) -> dict[str, float]:
        return {"low": self.config.low, "high": self.config.high}

    def see(self, price: float) -> str | None:
        return self.zone.see(price)

    def holds(self, passage: str, close: float) -> bool:
        return zone_holds(passage, close, self.config.low, self.config.high)


@dataclass
class CloseRule:
    """A condition that is checked on the close: what it fires, by index of the closed bar."""

    config: Condition
    timeframe: str
    fires: dict[int, tuple[str, str, str | None]]  # type, direction, stage


@dataclass
class TickRule:
    """`price crosses X`: a level at the value that X has with this tick's price as the forming close."""

    config: Condition
    condition: Crosses
    edge: Edge = field(default_factory=Edge)

    def __post_init__(self) -> None:
        if self.condition.right.name is not None:
            self.kind, (self.period,) = parse(self.condition.right.indicator)

    def level(self, run: "_Run", event: Admitted) -> float | None:
        target = self.condition.right
        if target.timeframe is None:
            return target.number
        closes, averages = run.closed[target.timeframe], run.series[target.timeframe].value(target)
        if target.timeframe not in event.counted:  # outside regular hours: the value at the last close
            return averages[len(closes) - 1] if closes else None
        price = event.tick.price
        return forming_average(self.kind, self.period, closes, averages, price)


class _Run:
    def __init__(self, tape: Tape, watch: Watch, instance: str) -> None:
        self.watch = watch
        self.instance = instance
        self.alerts: list[Alert] = []
        self.same: Counter[tuple[str, str, int]] = Counter()
        self.series = {timeframe: Series() for timeframe in timeframes_of(watch)}
        for event in tape.events:
            if isinstance(event, Closed):
                self.series[event.bar.timeframe].bars.append(event.bar)
        self.closed: dict[str, list[float]] = {timeframe: [] for timeframe in self.series}  # up to now
        self.rows: list[tuple[Bar, int]] = []
        self.levels = [LevelRule(level, band_of(_rearm(level, watch), level.price)) for level in watch.level]
        self.zones = [ZoneRule(zone, Zone(zone.low, zone.high, _rearm(zone, watch))) for zone in watch.zone]
        self.close_rules: list[CloseRule] = []
        self.tick_rules: list[TickRule] = []
        for config in watch.condition:
            condition = parse_condition(config.when)
            if isinstance(condition, Crosses) and condition.on_ticks:
                self.tick_rules.append(TickRule(config, condition))
            else:
                self.close_rules.append(self._close_rule(config, condition))
        for event in tape.events:
            if isinstance(event, Closed):
                self.on_close(event)
            else:
                self.on_tick(event)

    def _close_rule(self, config: Condition, condition: Crosses | Diverges) -> CloseRule:
        assert condition.timeframe is not None
        series = self.series[condition.timeframe]
        fires: dict[int, tuple[str, str, str | None]] = {}
        if isinstance(condition, Diverges):
            for i, name in divergences(series.bars, series.value(condition.oscillator)).items():
                fires[i] = (f"divergence.{name}", DIVERGENCE_DIRECTION[name], "confirmed")
        else:
            assert condition.right.timeframe in (None, condition.timeframe)
            for i, direction in crossings(
                series.value(condition.left), series.value(condition.right)
            ).items():
                if condition.only in (None, direction):
                    fires[i] = ("condition.fired", direction, None)
        return CloseRule(config, condition.timeframe, fires)

    def fire(
        self,
        type_: str,
        rule: Level | ZoneConfig | Condition,
        direction: str,
        price: float,
        time: int,
        **more: Any,
    ) -> Alert:
        type_ = f"tapewatch.{type_}"
        key = (rule.name, type_, time)
        alert = {
            "id": alert_id(self.instance, self.watch.symbol, rule.name, type_, time, self.same[key]),
            "rule": rule.name,
            "type": type_,
            "direction": direction,
            "price": price,
            "time_ns": time,
            "gap": None,
            "hours": "regular",
            "stage": None,
            "follows": None,
            "timeframe": None,
        } | more
        self.same[key] += 1
        self.alerts.append(alert)
        return alert

    def on_close(self, event: Closed) -> None:
        bar = event.bar
        index = len(self.closed[bar.timeframe])
        self.closed[bar.timeframe].append(bar.close)
        if event.quiet:
            return
        self.rows.append((bar, index))
        for kind, rules in (("level", self.levels), ("zone", self.zones)):
            for rule in rules:
                if rule.config.confirm == bar.timeframe and rule.pending is not None:
                    self._confirm(kind, rule, bar)
        for condition in self.close_rules:
            if condition.timeframe == bar.timeframe and index in condition.fires:
                type_, direction, stage = condition.fires[index]
                self.fire(
                    type_,
                    condition.config,
                    direction,
                    bar.close,
                    bar.end,
                    level=None,
                    stage=stage,
                    timeframe=bar.timeframe,
                )

    def _confirm(self, kind: str, rule: LevelRule | ZoneRule, bar: Bar) -> None:
        assert rule.pending is not None
        passage, followed = rule.pending
        rule.pending = None
        self.fire(
            f"{kind}.{'confirmed' if rule.holds(passage, bar.close) else 'failed'}",
            rule.config,
            DIRECTION[passage],
            bar.close,
            bar.end,
            follows=followed["id"],
            timeframe=bar.timeframe,
            **rule.place(),
        )

    def on_tick(self, event: Admitted) -> None:
        tick = event.tick
        for kind, rules in (("level", self.levels), ("zone", self.zones)):
            for rule in rules:
                passage = rule.see(tick.price)
                if passage is None:
                    continue
                alert = self.fire(
                    f"{kind}.{passage}",
                    rule.config,
                    DIRECTION[passage],
                    tick.price,
                    tick.time,
                    gap=event.gap,
                    hours=event.hours,
                    **rule.place(),
                )
                if rule.config.confirm in event.counted:
                    rule.pending = (passage, alert)
        for condition in self.tick_rules:  # `price crosses X` is a level: it fires in extended hours, too
            self._price_crosses(condition, event)

    def _price_crosses(self, rule: TickRule, event: Admitted) -> None:
        tick = event.tick
        level = rule.level(self, event)
        if level is None:
            return
        passage = rule.edge.see(tick.price, level, band_of(self.watch.rearm, level))
        if passage is not None and rule.condition.only in (None, DIRECTION[passage]):
            self.fire(
                f"level.{passage}",
                rule.config,
                DIRECTION[passage],
                tick.price,
                tick.time,
                gap=event.gap,
                hours=event.hours,
                level=level,
                timeframe=rule.condition.timeframe,
            )

    def bar_rows(self) -> list[dict[str, Any]]:
        """The closed bars in order of closing, each with every indicator of the watch."""
        for series in self.series.values():
            for name in self.watch.indicators:
                series.values |= compute(name, series.closes)
        names = list(compute_names(self.watch.indicators))
        return [
            {
                **vars(bar),
                "indicators": {name: self.series[bar.timeframe].values[name][index] for name in names},
            }
            for bar, index in self.rows
        ]


def compute_names(indicators: Sequence[str]) -> list[str]:
    """Names of all values of `indicators`, in the order of the columns of `--bars`."""
    return [value for name in indicators for value in compute(name, [])]


def _rearm(rule: Level | ZoneConfig, watch: Watch) -> float | str:
    return watch.rearm if rule.rearm is None else rule.rearm


def reference_replay(
    ticks: Sequence[Tick],
    watch: Watch,
    history: Sequence[Bar] = (),
    instance: str = "test",
    end: int | None = None,
) -> tuple[list[Alert], list[dict[str, Any]]]:
    """Replay the tape of one symbol: its alerts in event order, and its closed bars with their indicators.

    Args:
        ticks: in the order of the tape; of a bars file `ticks_of_bars`.
        watch: as the config has it; its levels and zones must be named.
        history: bars for warm-up, oldest first; those that end after the first tick are left out.
        instance: the config's `name`, for the alerts' ids.
        end: where the tape ends, ns: left out, the time of its last tick; of a bars file its last bar's end.
    """
    run = _Run(walk(ticks, watch, history, end), watch, instance)
    return run.alerts, run.bar_rows()

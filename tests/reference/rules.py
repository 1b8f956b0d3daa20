"""The rules of a config as the reference keeps them: levels, zones, conditions."""

import re
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Any

from reference.conditions import Meaning, parse_condition
from reference.judge import Judge
from reference.levels import Edge, Zone, band_of, level_holds, zone_holds
from reference.sessions import Calendar
from reference.ticks import NS, Bar, duration
from reference.watching import Changes, Condition, Parting, PriceCross, PriceZone, Watcher, found
from tapewatch.config import Condition as ConditionConfig
from tapewatch.config import Level, Watch
from tapewatch.config import Zone as ZoneConfig

Pending = tuple[str, dict[str, Any]] | None


@dataclass
class LevelRule:
    config: Level
    rearm: float | str
    judge: Judge
    edge: Edge = field(init=False)
    pending: Pending = None  # the last passage in the forming bar of `confirm`, and its alert

    kind = "level"

    def __post_init__(self) -> None:
        self.edge = Edge(self.judge)

    def place(self) -> dict[str, float]:
        return {"level": self.config.price}

    def see(self, price: float, average_range: float | None) -> str | None:
        level = self.config.price
        return self.edge.see(price, level, band_of(self.rearm, level, average_range))

    def holds(self, passage: str, close: float) -> bool:
        return level_holds(passage, close, self.config.price)


@dataclass
class ZoneRule:
    config: ZoneConfig
    zone: Zone
    pending: Pending = None

    kind = "zone"

    def place(self) -> dict[str, float]:
        return {"low": self.config.low, "high": self.config.high}

    def see(self, price: float, average_range: float | None) -> str | None:
        return self.zone.see(price, average_range)

    def holds(self, passage: str, close: float) -> bool:
        return zone_holds(passage, close, self.config.low, self.config.high)


def level_rules(watch: Watch, judge: Judge) -> list[LevelRule | ZoneRule]:
    """Levels, then zones."""
    rules: list[LevelRule | ZoneRule] = [
        LevelRule(own, watch.rearm if own.rearm is None else own.rearm, judge) for own in watch.level
    ]
    for own in watch.zone:
        rearm = watch.rearm if own.rearm is None else own.rearm
        rules.append(ZoneRule(own, Zone(own.low, own.high, rearm, judge)))
    return rules


def condition_rule(
    config: ConditionConfig,
    watch: Watch,
    calendar: Calendar,
    shortest: str,
    bars: dict[str, list[Bar]],
    judge: Judge,
) -> Condition:
    """`shortest` is the watch's shortest timeframe, `bars` all that will close."""
    meaning = parse_condition(config.when)
    return Condition(
        config=config,
        meaning=meaning,
        on=meaning.checked_on(config.on, shortest),
        watcher=_watcher(meaning, watch, bars, judge),
        lasting=duration(config.lasting) if config.lasting else 0,
        frequency=config.frequency or meaning.usual_frequency,
        bar=meaning.bar(shortest),
        calendar=calendar,
        expires=_expiry(config.expires, calendar),
        window=_window(config.hours),
        judge=judge,
    )


def _watcher(meaning: Meaning, watch: Watch, bars: dict[str, list[Bar]], judge: Judge) -> Watcher:
    event = meaning.event
    if event is None:
        return Changes(meaning.states, judge)
    if event.verb == "diverges":
        assert event.left.timeframe is not None
        return Parting(event, found(event, bars[event.left.timeframe], judge))
    if not event.about_price:
        return Changes([event], judge)
    if event.verb == "crosses":
        return PriceCross(event, watch.rearm, judge)
    return PriceZone(event, Zone(event.low.number, event.high.number, watch.rearm, judge))


def _expiry(expires: date | None, calendar: Calendar) -> int | None:
    """A time as ns; a date counts to its end at the exchange."""
    if expires is None:
        return None
    if not isinstance(expires, datetime):
        expires = datetime.combine(expires + timedelta(days=1), time(), calendar.zone)
    return int(expires.timestamp()) * NS + expires.microsecond * 1000


def _window(hours: str | None) -> tuple[int, int] | None:
    """`"09:45-15:45"` as ns after midnight."""
    if hours is None:
        return None
    begin, end = (clock.strip().split(":") for clock in re.split("[-–]", hours))
    return _clock(*begin), _clock(*end)


def _clock(hour: str, minute: str) -> int:
    return (int(hour) * 60 + int(minute)) * 60 * NS

"""Outages in a few words: prices before, bars of what was missed, what is said of it."""

from dataclasses import replace

import numpy as np
from walks import MONDAY, XNYS, condition

from tapewatch.alerts.conditions import parse
from tapewatch.engine.engine import Engine
from tapewatch.engine.events import TYPE_NAMES, Events
from tapewatch.engine.indicators import Indicator
from tapewatch.engine.watch import Band, ConditionRule, LevelRule, Rule, Watch, ZoneRule
from tapewatch.market.bars import BAR
from tapewatch.market.ticks import NS, empty_ticks

MINUTE = 60 * NS
FIVE = Band(5.0, "points")


def at(clock: str, day: int = 0) -> int:
    """`10:05` or `10:05:30`, New York time, of the first day or one of the next."""
    hours, minutes, *seconds = map(int, clock.split(":"))
    past_open = (hours * 60 + minutes - 570) * 60 + sum(seconds)
    return int(XNYS.opens[MONDAY + day]) + past_open * NS


def clock(time: int, day: int = 0) -> str:
    """The time of day at which it is, or the nanosecond before."""
    seconds = -(-(time - int(XNYS.opens[MONDAY + day])) // NS) + 570 * 60
    minutes, rest = divmod(seconds, 60)
    return f"{minutes // 60}:{minutes % 60:02}" + (f":{rest:02}" if rest else "")


def ticks(text: str, day: int = 0, symbol: int = 0) -> np.ndarray:
    """`10:00=6990 10:00:30=7001/50`: prices, and sizes if there are any."""
    words = [word.split("=") for word in text.split()]
    own = empty_ticks(len(words))
    own["time"] = [at(when, day) for when, _ in words]
    own["price"] = [float(what.partition("/")[0]) for _, what in words]
    own["size"] = [float(what.partition("/")[2] or 0) for _, what in words]
    own["symbol"] = symbol
    return own


def bars(text: str, minutes: int = 5, day: int = 0) -> np.ndarray:
    """`10:05 6990 7003 6985 6995, 10:10 …`: start, open, high, low, close, and volume if there is any."""
    lines = [line.split() for line in text.split(",") if line.strip()]
    own = np.zeros(len(lines), BAR)
    for row, (start, *numbers) in zip(own, lines, strict=True):
        row["start"] = at(start, day)
        row["end"] = row["start"] + minutes * MINUTE
        row["open"], row["high"], row["low"], row["close"], *rest = map(float, numbers)
        row["volume"] = float(rest[0]) if rest else 0.0
    return own


def level(price: float = 7000.0, band: Band = FIVE, confirm: str | None = None) -> LevelRule:
    return LevelRule(f"level {price}", price, band, confirm)


def zone(low: float = 6950.0, high: float = 6970.0, confirm: str | None = None) -> ZoneRule:
    return ZoneRule(f"zone {low}", low, high, FIVE, confirm)


def when(text: str, on: str | None = None, **changes: object) -> ConditionRule:
    """A condition as the config says it, with a band of five points."""
    meant = parse(text)
    own = condition(text, meant.event, *meant.states, band=FIVE, on=meant.checked_at(on))
    return replace(own, **changes)  # type: ignore[arg-type]


def watching(
    *rules: Rule,
    timeframes: tuple[str, ...] = ("5m", "1h", "1d"),
    indicators: tuple[Indicator, ...] = (),
    **more: object,
) -> Engine:
    return Engine([Watch("SPX", XNYS, timeframes, indicators, rules, **more)])  # type: ignore[arg-type]


def told(events: Events, day: int = 0) -> list[tuple[str, str, float]]:
    """Type, time and price of each."""
    return [
        (TYPE_NAMES[row["type"]].partition(".")[2], clock(int(row["time"]), day), float(row["price"]))
        for row in events.rows
    ]


def away(
    before: str, missed: str, *rules: Rule, minutes: int = 5, engine: Engine | None = None
) -> list[tuple[str, str, float]]:
    """What is told of bars that were missed after the prices `before`."""
    own = engine or watching(*rules)
    own.step(ticks(before))
    events = own.backfill(0, bars(missed, minutes), f"{minutes}m")
    assert (events.rows["late"] == 1).all()
    assert (events.rows["gap"] == 2).all()
    return told(events)

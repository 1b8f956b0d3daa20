"""From the engine's events to alerts."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Literal
from zoneinfo import ZoneInfo

import msgspec
import numpy as np

from tapewatch.alerts.alert import TYPE_PREFIX, Alert, AlertData, Pivot, alert_id
from tapewatch.alerts.wording import Scene, nearest, sentence
from tapewatch.engine import events as ev
from tapewatch.engine.events import Events
from tapewatch.engine.plan import Layout
from tapewatch.engine.watch import (
    LevelCrossRule,
    LevelRule,
    PriceCrossRule,
    Rule,
    ZoneRule,
)
from tapewatch.market.ticks import NS

WARM_BARS = 250
"""Bars after which an indicator that never forgets its first bars is warm."""
_REMEMBERS = ("rsi", "ema", "macd", "atr")

_AT_UPPER_EDGE = (ev.ENTERED_FROM_ABOVE, ev.BROKE_ABOVE, ev.REJECTED_UP, ev.JUMPED_UP)
_FAILED = (ev.LEVEL_FAILED, ev.ZONE_FAILED)

Severity = Literal["info", "warning", "critical"]


@dataclass(frozen=True)
class RuleText:
    """What the config says about a rule, beside what it watches for."""

    name: str
    role: str | None
    next: str | None
    note: str | None
    severity: Severity


@dataclass(frozen=True)
class SymbolText:
    """What the config says about a symbol; `rules` in the order of the engine's."""

    title: str
    rules: tuple[RuleText, ...]


def iso_ns(time: int) -> str:
    """Nanoseconds since 1970 as RFC 3339 UTC with nine decimals."""
    seconds, ns = divmod(time, NS)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{ns:09d}Z"


def local_iso(time: int, zone: ZoneInfo) -> str:
    """Nanoseconds since 1970 as ISO 8601 with milliseconds and the zone's offset."""
    seconds, ns = divmod(time, NS)
    local = datetime.fromtimestamp(seconds, UTC).astimezone(zone).replace(microsecond=ns // 1000)
    return local.isoformat(timespec="milliseconds")


class AlertBuilder:
    """Builds the alerts of one instance.

    Args:
        instance: the config's name.
        layouts: of the engine, a symbol each.
        texts: the same symbols' words.
    """

    def __init__(self, instance: str, layouts: Sequence[Layout], texts: Sequence[SymbolText]) -> None:
        self._instance = instance
        self._layouts = layouts
        self._texts = texts

    def build(self, events: Events) -> list[Alert]:
        """One alert an event, in their order."""
        return [self._alert(row, values) for row, values in zip(events.rows, events.values, strict=True)]

    def _alert(self, event: Any, values: np.ndarray) -> Alert:
        layout, symbol_text = self._layouts[event["symbol"]], self._texts[event["symbol"]]
        rule, text = layout.watch.rules[event["rule"]], symbol_text.rules[event["rule"]]
        symbol, time = layout.watch.symbol, int(event["time"])
        type_ = TYPE_PREFIX + ev.TYPE_NAMES[event["type"]]
        return Alert(
            id=alert_id(self._instance, symbol, text.name, type_, time, int(event["before"])),
            source=f"/tapewatch/{self._instance}",
            type=type_,
            subject=symbol,
            time=iso_ns(time),
            data=self._data(event, values, layout, rule, symbol_text.title, text),
        )

    def _data(
        self, event: Any, values: np.ndarray, layout: Layout, rule: Rule, title: str, text: RuleText
    ) -> AlertData:
        watch, kind, time = layout.watch, int(event["type"]), int(event["time"])
        price = float(event["price"])
        direction: Literal["up", "down"] = "up" if event["direction"] > 0 else "down"
        names = layout.value_names
        indicators = {
            name: value
            for name, value in zip(names, values[: len(names)].tolist(), strict=True)
            if not math.isnan(value)
        }
        counts = values[len(names) : len(names) + len(watch.timeframes)].tolist()
        cold = _cold(indicators, dict(zip(watch.timeframes, counts, strict=True)))
        edges = _edges(rule, event)
        pivots = _pivots(event) if kind in (ev.REGULAR_BEARISH, ev.REGULAR_BULLISH) else msgspec.UNSET
        follows = None
        if event["follows"] != ev.NOTHING:
            type_ = TYPE_PREFIX + ev.TYPE_NAMES[event["follows"]]
            then, before = int(event["follows_time"]), int(event["follows_before"])
            follows = alert_id(self._instance, watch.symbol, text.name, type_, then, before)
        frame = int(event["frame"])
        timeframe = watch.timeframes[frame] if frame >= 0 else None
        if isinstance(rule, PriceCrossRule):
            timeframe = rule.value.timeframe
        zone = isinstance(rule, ZoneRule)
        return AlertData(
            rule=text.name,
            title=title,
            role=text.role,
            direction=direction,
            price=price,
            level=msgspec.UNSET if zone else edges[0] if edges else None,
            low=edges[0] if zone else msgspec.UNSET,
            high=edges[1] if zone else msgspec.UNSET,
            distance=_distance(kind, price, edges),
            timeframe=timeframe,
            indicators=indicators,
            gap="session" if event["gap"] else None,
            late=False,
            hours="extended" if event["extended"] else "regular",
            stage="confirmed" if pivots is not msgspec.UNSET else None,
            pivots=pivots,
            follows=follows,
            warm=not cold,
            cold=cold,
            severity=text.severity,
            next=text.next if kind not in _FAILED and _leads_on(text.role, direction) else None,
            note=text.note,
            text=sentence(event, Scene(rule, title, timeframe, indicators, edges)),
            exchange_time=local_iso(time, watch.sessions.zone),
            zone=str(watch.sessions.zone),
            time_ns=str(time),
        )


def _edges(rule: Rule, event: Any) -> tuple[float, ...]:
    """The level, or the zone's two edges; crosses of values and divergences stand nowhere."""
    if isinstance(rule, ZoneRule):
        return rule.low, rule.high
    if isinstance(rule, LevelRule | LevelCrossRule):
        return (rule.price,)
    level = float(event["level"])
    return () if math.isnan(level) else (level,)


def _distance(kind: int, price: float, edges: tuple[float, ...]) -> float | None:
    """From the level, or the edge that was passed; from the nearer one where a close says so."""
    if not edges:
        return None
    edge = edges[-1 if kind in _AT_UPPER_EDGE else 0]
    if kind in (ev.ZONE_CONFIRMED, ev.ZONE_FAILED):
        edge = nearest(price, edges)
    return float(Decimal(repr(price)) - Decimal(repr(edge)))  # as written, without a rounding error


def _leads_on(role: str | None, direction: str) -> bool:
    """Whether a rule's next target lies in the alert's direction: a support's below it, a resistance's above."""
    if role == "support":
        return direction == "down"
    return role not in ("resistance", "breakout") or direction == "up"


def _cold(indicators: dict[str, float], closed: dict[str, float]) -> tuple[str, ...]:
    """Timeframes that quote an RSI, EMA, MACD or ATR and have closed fewer than 250 bars."""
    quoted = {name.partition("@")[2] for name in indicators if name.startswith(_REMEMBERS)}
    return tuple(timeframe for timeframe in closed if timeframe in quoted and closed[timeframe] < WARM_BARS)


def _pivots(event: Any) -> tuple[Pivot, Pivot]:
    first, second = (
        Pivot(
            iso_ns(int(event["pivot_times"][i])),
            float(event["pivot_prices"][i]),
            float(event["pivot_values"][i]),
        )
        for i in range(2)
    )
    return first, second

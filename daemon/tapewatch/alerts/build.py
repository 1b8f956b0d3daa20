"""From the engine's events to alerts."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from functools import partial
from typing import Any, Literal
from zoneinfo import ZoneInfo

import msgspec
import numpy as np

from tapewatch.alerts.alert import TYPE_PREFIX, Alert, AlertData, Pivot, alert_id
from tapewatch.alerts.comparisons import places
from tapewatch.alerts.phrases import nearest, passed
from tapewatch.alerts.wording import Scene, sentence
from tapewatch.engine import events as ev
from tapewatch.engine.events import Events
from tapewatch.engine.indicators import REMEMBERS
from tapewatch.engine.layout import Layout
from tapewatch.engine.parts import Crosses, Direction, Diverges, Price, timeframe_of
from tapewatch.engine.watch import ConditionRule, Rule
from tapewatch.market.ticks import NS

_AT_UPPER_EDGE = (ev.ENTERED_FROM_ABOVE, ev.BROKE_ABOVE, ev.REJECTED_UP, ev.JUMPED_UP)
_LEADS_NOWHERE = (ev.LEVEL_FAILED, ev.ZONE_FAILED, ev.LEVEL_TOUCHED, ev.ZONE_TOUCHED)

Severity = Literal["info", "warning", "critical"]

_GAPS: tuple[Literal["session", "outage"] | None, ...] = (None, "session", "outage")
_DIRECTIONS: dict[int, Direction | None] = {1: "up", -1: "down", 0: None}


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
        return [self._alert(row, values) for row, values in zip(events.each(), events.values, strict=True)]

    def _alert(self, event: Any, values: np.ndarray) -> Alert:
        layout, symbol_text = self._layouts[event["symbol"]], self._texts[event["symbol"]]
        rule, text = layout.watch.rules[event["rule"]], symbol_text.rules[event["rule"]]
        id_of = partial(self._id, layout.watch.symbol, text.name)
        time = int(event["time"])
        return Alert(
            id=id_of(event["type"], time, event["before"]),
            source=f"/tapewatch/{self._instance}",
            type=_type(event["type"]),
            subject=layout.watch.symbol,
            time=iso_ns(time),
            data=_data(event, values, layout, rule, symbol_text.title, text, _follows(event, id_of)),
        )

    def _id(self, symbol: str, rule: str, kind: int, time: int, before: int) -> str:
        return alert_id(self._instance, symbol, rule, _type(kind), int(time), int(before))


def _data(
    event: Any,
    values: np.ndarray,
    layout: Layout,
    rule: Rule,
    title: str,
    text: RuleText,
    follows: str | None,
) -> AlertData:
    watch, kind, time = layout.watch, int(event["type"]), int(event["time"])
    price = float(event["price"])
    direction = _DIRECTIONS[int(event["direction"])]
    indicators = _with_a_value(layout.value_names, values)
    warm = values[len(layout.value_names) :][
        : len(watch.timeframes)
    ]  # a row is as long as the widest symbol's
    cold = _cold(indicators, watch.timeframes, warm.tolist())
    edges = places(rule, event)
    zone = len(edges) > 1
    closed = (
        None
        if event["lasted"] or event["forming"] or event["frame"] < 0
        else watch.timeframes[event["frame"]]
    )
    diverges = kind in ev.DIVERGENCES
    return AlertData(
        rule=text.name,
        title=title,
        role=text.role,
        direction=direction,
        price=price,
        level=msgspec.UNSET if zone else edges[0] if edges else None,
        low=edges[0] if zone else msgspec.UNSET,
        high=edges[1] if zone else msgspec.UNSET,
        distance=_distance(kind, price, direction, edges),
        timeframe=closed or _timeframe(rule),
        indicators=indicators,
        gap=_GAPS[event["gap"]],
        late=bool(event["late"]),
        hours="extended" if event["extended"] else "regular",
        stage=("forming" if event["forming"] else "confirmed") if diverges else None,
        pivots=_pivots(event) if diverges else msgspec.UNSET,
        follows=follows,
        warm=not cold,
        cold=cold,
        severity=text.severity,
        next=text.next if kind not in _LEADS_NOWHERE and _leads_on(text.role, direction) else None,
        note=text.note,
        text=sentence(event, Scene(rule, title, closed, edges)),
        exchange_time=local_iso(time, watch.sessions.zone),
        zone=str(watch.sessions.zone),
        time_ns=str(time),
    )


def _type(kind: int) -> str:
    return TYPE_PREFIX + ev.TYPE_NAMES[kind]


def _follows(event: Any, id_of: Callable[[int, int, int], str]) -> str | None:
    """Id of the alert that this one confirms or fails."""
    if event["follows"] == ev.NOTHING:
        return None
    return id_of(event["follows"], event["follows_time"], event["follows_before"])


def _with_a_value(names: Sequence[str], values: np.ndarray) -> dict[str, float]:
    both = zip(names, values[: len(names)].tolist(), strict=True)
    return {name: value for name, value in both if not math.isnan(value)}


def _timeframe(rule: Rule) -> str | None:
    """What a rule's timeframe is where no close fired it: not every condition has one."""
    match rule:
        case ConditionRule(event=Diverges(value)):
            return value.timeframe
        case ConditionRule(on=str(timeframe)):
            return timeframe
        case ConditionRule(event=Crosses(Price(), _, right), states=()) if not isinstance(right, float):
            return timeframe_of(right)
    return None


def _distance(kind: int, price: float, direction: Direction | None, edges: tuple[float, ...]) -> float | None:
    """From the level, or the edge that was passed (last); from the nearer one where a close says so."""
    if not edges:
        return None
    edge = edges[-1 if kind in _AT_UPPER_EDGE else 0]
    if kind == ev.ZONE_TOUCHED:
        edge = passed(price, direction == "up", edges)
    if kind in (ev.ZONE_CONFIRMED, ev.ZONE_FAILED):
        edge = nearest(price, edges)
    return float(Decimal(repr(price)) - Decimal(repr(edge)))  # as written, without a rounding error


def _leads_on(role: str | None, direction: Direction | None) -> bool:
    """Whether a rule's next target lies in the alert's direction: a support's below it, a resistance's above."""
    if role == "support":
        return direction == "down"
    return role not in ("resistance", "breakout") or direction == "up"


def _cold(indicators: dict[str, float], timeframes: Sequence[str], warm: Sequence[float]) -> tuple[str, ...]:
    """Timeframes that quote an RSI, EMA, MACD or ATR and are not warm yet."""
    quoted = {name.partition("@")[2] for name in indicators if name.startswith(tuple(REMEMBERS))}
    return tuple(
        name for name, is_warm in zip(timeframes, warm, strict=True) if name in quoted and not is_warm
    )


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

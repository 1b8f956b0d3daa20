"""What an alert says to people: one sentence, in one voice.

What happened, where, and at what price: `S&P 500 crossed above 7,000, at 7,000.25`. What an indicator or a close
says begins with the symbol and a colon: `S&P 500: RSI(14)@1d crossed above 70, at 70.8 (1d close 6,985.00)`.
"""

from dataclasses import dataclass
from typing import Any

from tapewatch.alerts.numbers import oscillator, place, price, reading, spoken
from tapewatch.engine import events as ev
from tapewatch.engine.watch import DivergenceRule, PriceCrossRule, Rule, ValueCrossRule

_VERBS = {
    ev.CROSSED_UP: "crossed above {}",
    ev.CROSSED_DOWN: "crossed below {}",
    ev.ENTERED_FROM_BELOW: "entered {} from below",
    ev.ENTERED_FROM_ABOVE: "entered {} from above",
    ev.BROKE_ABOVE: "broke above {}",
    ev.BROKE_BELOW: "broke below {}",
    ev.REJECTED_DOWN: "was rejected at {} and fell back below it",
    ev.REJECTED_UP: "bounced off {} and is back above it",
    ev.JUMPED_UP: "jumped up over {}",
    ev.JUMPED_DOWN: "jumped down over {}",
}
"""What price did, at a level or zone."""

_NOUNS = {
    ev.CROSSED_UP: "cross above {}",
    ev.CROSSED_DOWN: "cross below {}",
    ev.ENTERED_FROM_BELOW: "entry into {} from below",
    ev.ENTERED_FROM_ABOVE: "entry into {} from above",
    ev.BROKE_ABOVE: "break above {}",
    ev.BROKE_BELOW: "break below {}",
    ev.REJECTED_DOWN: "rejection at {}",
    ev.REJECTED_UP: "bounce off {}",
    ev.JUMPED_UP: "jump up over {}",
    ev.JUMPED_DOWN: "jump down over {}",
}
"""The same, as what a close confirms or fails."""

_CONFIRMED = (ev.LEVEL_CONFIRMED, ev.ZONE_CONFIRMED)


@dataclass(frozen=True)
class Scene:
    """What there is to tell about one event, beside the event itself."""

    rule: Rule
    title: str
    """The symbol's name for people."""
    timeframe: str | None
    """Of the bar whose close fired it."""
    indicators: dict[str, float]
    edges: tuple[float, ...]
    """The level, or the two edges of the zone; empty where there is neither."""


def sentence(event: Any, scene: Scene) -> str:
    """What `event` (a row of `EVENT`) says, in one line."""
    match scene.rule:
        case DivergenceRule():
            return f"{scene.title}: {_divergence(event, scene.rule)}"
        case ValueCrossRule():
            return f"{scene.title}: {_value_cross(event, scene, scene.rule)}"
        case _ if event["follows"] != ev.NOTHING:
            return f"{scene.title}: {_confirmation(event, scene)}"
        case _:
            return f"{scene.title} {_passage(event, scene)}"


def nearest(own: float, edges: tuple[float, ...]) -> float:
    """The edge that is nearest to the price."""
    return min(edges, key=lambda edge: abs(edge - own))


def _passage(event: Any, scene: Scene) -> str:
    own = float(event["price"])
    edge = nearest(own, scene.edges)
    where = place(scene.edges[0], scene.edges[-1])
    if isinstance(scene.rule, PriceCrossRule):
        name = str(scene.rule.value)
        where = f"{spoken(name)} ({reading(name, edge, own)})"
    after = " after a session break" if event["gap"] else ""
    hours = ", in extended hours" if event["extended"] else ""
    return f"{_VERBS[int(event['type'])].format(where)}, at {price(own, edge)}{after}{hours}"


def _confirmation(event: Any, scene: Scene) -> str:
    what = _NOUNS[int(event["follows"])].format(place(scene.edges[0], scene.edges[-1]))
    result = "confirmed" if event["type"] in _CONFIRMED else "failed"
    close = float(event["price"])
    return f"{what} {result} ({scene.timeframe} close {price(close, nearest(close, scene.edges))})"


def _value_cross(event: Any, scene: Scene, rule: ValueCrossRule) -> str:
    name = str(rule.left)
    if isinstance(rule.right, float):
        against, right = rule.right, f"{rule.right:,g}"
    else:
        against, right = scene.indicators[str(rule.right)], spoken(str(rule.right))
        if right == f"{spoken(name)} signal":
            right = "its signal line"
    direction = "above" if event["direction"] > 0 else "below"
    at = reading(name, scene.indicators[name], against)
    close = price(float(event["price"]))
    return f"{spoken(name)} crossed {direction} {right}, at {at} ({scene.timeframe} close {close})"


def _divergence(event: Any, rule: DivergenceRule) -> str:
    name = str(rule.value)
    what = "MACD histogram" if rule.value.output else rule.value.indicator.kind.upper()
    (p, q), (v, w) = event["pivot_prices"].tolist(), event["pivot_values"].tolist()
    words = (
        ("bullish", "lower low", "higher") if event["direction"] > 0 else ("bearish", "higher high", "lower")
    )
    return (
        f"{words[0]} divergence on {spoken(name)}, price made a {words[1]} ({price(p, q)} → {price(q, p)}), "
        f"{what} a {words[2]} one ({oscillator(v, w)} → {oscillator(w, v)})"
    )

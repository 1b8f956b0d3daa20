"""The figures that a rule compared when it fired: what price had to pass, and what a condition or a close said."""

import math
from collections.abc import Iterator
from typing import Any, Literal

import msgspec

from tapewatch.engine import events as ev
from tapewatch.engine.parts import (
    Compare,
    Crosses,
    Diverges,
    Enters,
    Leaves,
    Moves,
    Operand,
    Price,
    State,
    Within,
)
from tapewatch.engine.watch import NO_RANGE_BAND, Band, ConditionRule, LevelRule, Rule, ZoneRule

Place = Literal["below", "inside", "above"]
Sign = Literal[">=", ">", "<", "<=", "in", "out", "within"]

_WAS: dict[int, Place] = {
    ev.CROSSED_UP: "below",
    ev.CROSSED_DOWN: "above",
    ev.ENTERED_FROM_BELOW: "below",
    ev.ENTERED_FROM_ABOVE: "above",
    ev.BROKE_ABOVE: "inside",
    ev.BROKE_BELOW: "inside",
    ev.REJECTED_UP: "inside",
    ev.REJECTED_DOWN: "inside",
    ev.JUMPED_UP: "below",
    ev.JUMPED_DOWN: "above",
}
_LOW, _HIGH = 0, -1
_PASSED: dict[int, tuple[tuple[int, Sign], ...]] = {
    ev.CROSSED_UP: ((_LOW, ">="),),
    ev.CROSSED_DOWN: ((_LOW, "<"),),
    ev.ENTERED_FROM_BELOW: ((_LOW, ">="),),
    ev.ENTERED_FROM_ABOVE: ((_HIGH, "<="),),
    ev.BROKE_ABOVE: ((_HIGH, ">"),),
    ev.BROKE_BELOW: ((_LOW, "<"),),
    ev.REJECTED_UP: ((_HIGH, ">"),),
    ev.REJECTED_DOWN: ((_LOW, "<"),),
    ev.JUMPED_UP: ((_LOW, ">="), (_HIGH, ">")),
    ev.JUMPED_DOWN: ((_HIGH, "<="), (_LOW, "<")),
}
"""Which edges price passes, and how it stands to them then (docs/design.md, Levels and Zones)."""

_PRICE = "price"
BEFORE = "pivot before"
"""`Comparison.right` of what a divergence compares."""
_PIVOTS: dict[int, tuple[Sign, Sign]] = {
    ev.REGULAR_BEARISH: (">", "<"),
    ev.REGULAR_BULLISH: ("<", ">"),
    ev.HIDDEN_BEARISH: ("<", ">"),
    ev.HIDDEN_BULLISH: (">", "<"),
}
"""How the price of a divergence's second pivot stands to the first's, and how its oscillator does."""
_TOUCHED = (ev.LEVEL_TOUCHED, ev.ZONE_TOUCHED)
_CONFIRMED = (ev.LEVEL_CONFIRMED, ev.ZONE_CONFIRMED)


class Edge(msgspec.Struct, frozen=True, omit_defaults=True):
    """A level, or the edge of a zone, that price passed."""

    level: float
    sign: Sign
    """How price stands to it now."""
    band: float
    """The re-arm band, points."""
    unarmed_at: float
    """Where it fires even if it is not armed."""
    armed: bool | None = None
    """True: only an armed one could fire here. Null: here it fires armed or not, and nobody noted which."""


class Comparison(msgspec.Struct, frozen=True, omit_defaults=True):
    """Two figures that a rule, or the close that confirms it, compared."""

    left: str
    """`price`, `rsi(14)@1d`, `close@1h`, as a condition has it."""
    value: float | None
    """Null: it has none."""
    sign: Sign
    against: float | None
    """What it is compared with; of `in` and `out` the lower edge."""
    right: str = ""
    """Whose value that is; empty: a number of the config."""
    upper: float | None = None
    """Of `in` and `out` the upper edge, which belongs to it; of `within` how far apart they may be, in points."""
    holds: bool = True
    event: bool = False
    """It has come to hold now: at the check before it did not."""


def place_before(event: Any) -> Place | None:
    """Where price was on record before a level or zone fired."""
    return None if event["lasted"] else _WAS.get(int(event["type"]))


def edges_of(event: Any, rule: Rule, range_: float) -> tuple[Edge, ...]:
    """What price passed, the edge that it came to first.

    Args:
        event: a row of `EVENT`.
        rule: its rule.
        range_: the range (points) that its band is measured in; NaN: none yet, or in none.
    """
    kind, price = int(event["type"]), float(event["price"])
    at = places(rule, event)
    if not at or event["lasted"] or (kind not in _PASSED and kind not in _TOUCHED):
        return ()
    widest = (at[_HIGH] - at[_LOW]) / 2 if len(at) > 1 else math.inf
    told = _PASSED[kind] if kind in _PASSED else _reached(event["direction"] > 0, price, at)
    edges = []
    for which, sign in told:
        band = min(_points(rule.band, at[which], range_), widest)
        up = sign in (">=", ">")
        unarmed_at = at[which] + band if up else at[which] - band
        far = price >= unarmed_at if up else price <= unarmed_at
        armed = None if event["late"] or (far and band) else True
        edges.append(Edge(at[which], sign, band, unarmed_at, armed))
    return tuple(edges)


def comparisons_of(event: Any, rule: Rule, closed: str | None) -> Iterator[Comparison]:
    """What else was compared: of a confirmation the close; of a condition every part, the event first.

    Args:
        event: a row of `EVENT`.
        rule: its rule.
        closed: the timeframe at whose close it was checked.
    """
    price = float(event["price"])
    if event["follows"] != ev.NOTHING:
        good = event["type"] in _CONFIRMED
        yield _stands(f"close@{closed}", price, int(event["follows"]), places(rule, event), holds=good)
    if not isinstance(rule, ConditionRule):
        return
    lasted = bool(event["lasted"])
    figures = event["operands"].reshape(-1, 2).tolist()
    for part, (left, right) in zip(rule.parts, figures, strict=False):
        match part:
            case Diverges():
                yield from _pivots(event, part)
            case Compare() | Within() | Moves():
                yield _state(part, left, right)
            case _ if event["type"] == ev.FIRED:
                yield _event(part, left, right, up=bool(event["direction"] > 0), now=not lasted)
            case _ if lasted:
                yield _stands(_PRICE, price, int(event["type"]), places(rule, event), holds=True)


def places(rule: Rule, event: Any) -> tuple[float, ...]:
    """The level, or the zone's two edges; nothing where a rule is not about where price is."""
    match rule:
        case LevelRule(price=price):
            return (price,)
        case ZoneRule(low=low, high=high):
            return low, high
        case ConditionRule(event=Enters(Price(), low, high) | Leaves(Price(), low, high)):
            return low, high
        case ConditionRule(event=Crosses(left=Price())) if not math.isnan(event["level"]):
            return (float(event["level"]),)
    return ()


def _points(band: Band, level: float, range_: float) -> float:
    """A re-arm band in points, as the engine had it."""
    if band.unit != "atr":
        return band.points(level)
    return level * NO_RANGE_BAND if math.isnan(range_) else band.size * range_


def _reached(up: bool, extreme: float, at: tuple[float, ...]) -> tuple[tuple[int, Sign], ...]:
    """The edge that price went past last before it came back."""
    if len(at) == 1:
        return ((_LOW, ">=" if up else "<"),)
    if up:
        return ((_HIGH, ">"),) if extreme > at[_HIGH] else ((_LOW, ">="),)
    return ((_LOW, "<"),) if extreme < at[_LOW] else ((_HIGH, "<="),)


def _stands(left: str, value: float, said: int, at: tuple[float, ...], *, holds: bool) -> Comparison:
    """Whether a price is on the side, or in the place, that a level's or zone's event named."""
    if said in (ev.ENTERED_FROM_BELOW, ev.ENTERED_FROM_ABOVE):
        return Comparison(left, value, "in", at[_LOW], upper=at[_HIGH], holds=holds)
    which, sign = _PASSED[said][-1]
    return Comparison(left, value, sign, at[which], holds=holds)


def _event(part: Crosses | Enters | Leaves, left: float, right: float, *, up: bool, now: bool) -> Comparison:
    if isinstance(part, Crosses):
        sign: Sign = ">=" if up else "<"
        return Comparison(
            str(part.left), _known(left), sign, _known(right), _name(part.right), holds=True, event=now
        )
    sign = "in" if isinstance(part, Enters) else "out"
    return Comparison(str(part.left), _known(left), sign, part.low, upper=part.high, event=now)


def _state(part: State, left: float, right: float) -> Comparison:
    match part:
        case Compare():
            return Comparison(str(part.left), _known(left), part.sign, _known(right), _name(part.right))
        case Within():
            far = part.distance / 100 * abs(right) if part.percent else part.distance
            name = _name(part.right)
            return Comparison(str(part.left), _known(left), "within", _known(right), name, _known(far))
        case Moves(direction):
            return Comparison(
                str(part.left), _known(left), ">=" if direction == "up" else "<=", _known(right)
            )


def _pivots(event: Any, part: Diverges) -> Iterator[Comparison]:
    of_price, of_oscillator = _PIVOTS[int(event["type"])]
    field = "high" if event["type"] in (ev.REGULAR_BEARISH, ev.HIDDEN_BEARISH) else "low"
    (first, second), (v, w) = event["pivot_prices"].tolist(), event["pivot_values"].tolist()
    yield Comparison(f"{field}@{part.value.timeframe}", second, of_price, first, BEFORE, event=True)
    yield Comparison(str(part.value), w, of_oscillator, v, BEFORE, event=True)


def _name(operand: Operand | float) -> str:
    return "" if isinstance(operand, float) else str(operand)


def _known(value: float) -> float | None:
    return None if math.isnan(value) else value

"""What an alert says to people: one sentence, in one voice.

What price did comes right after the symbol: `S&P 500 crossed above 7,000, at 7,000.25`. What an indicator or a close
says begins with the symbol and a colon: `S&P 500: RSI(14)@1d crossed above 70, at 70.8 (1d close 6,985.00)`. What
must hold beside it follows: `…, with price above SMA(50)@1d (6,890.12)`. What was missed in an outage says so first:
`While away: S&P 500 …`.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from tapewatch.alerts.numbers import oscillator, price, spoken, written
from tapewatch.alerts.phrases import Phrase, happened, holds, nearest, other_side
from tapewatch.engine import events as ev
from tapewatch.engine.parts import Compare, Crosses, Diverges, Moves, Price, Within
from tapewatch.engine.watch import ConditionRule, Rule
from tapewatch.market.ticks import NS

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

_DIVERGENCES = {
    ev.REGULAR_BEARISH: ("bearish", "higher high", "lower"),
    ev.REGULAR_BULLISH: ("bullish", "lower low", "higher"),
    ev.HIDDEN_BEARISH: ("hidden bearish", "lower high", "higher"),
    ev.HIDDEN_BULLISH: ("hidden bullish", "higher low", "lower"),
}
"""What it is called, what price made, and what the oscillator."""

_CONFIRMED = (ev.LEVEL_CONFIRMED, ev.ZONE_CONFIRMED)

_PRICE = str(Price())

_TOUCHED = (ev.LEVEL_TOUCHED, ev.ZONE_TOUCHED)

_AFTER = ("", " after a session break", " after an outage")
"""What is unusual about a tick, by the gap before it."""

_UNITS = (("h", 3600 * NS), ("m", 60 * NS), ("s", NS))


@dataclass(frozen=True)
class Scene:
    """What there is to tell about one event, beside the event itself."""

    rule: Rule
    title: str
    """The symbol's name for people."""
    closed: str | None
    """Timeframe of the bar whose close fired it."""
    edges: tuple[float, ...]
    """The level, or the two edges of the zone; empty where there is neither."""


def sentence(event: Any, scene: Scene) -> str:
    """What `event` (a row of `EVENT`) says, in one line."""
    return f"While away: {_sentence(event, scene)}" if event["late"] else _sentence(event, scene)


def _sentence(event: Any, scene: Scene) -> str:
    if event["follows"] != ev.NOTHING:
        return f"{scene.title}: {_confirmation(event, scene)}"
    first, *others = phrases = list(_phrases(event, scene))
    happens, held, at = _happens(scene.rule), _held(event, scene.rule), _at(event, scene.rule)
    words = [f"{scene.title} {first.what}" if first.subject == _PRICE else f"{scene.title}: {first.clause}"]
    if held and happens:
        words.append(f", and {held}")
    if first.at:
        words.append(f", {at} {first.at}{_circumstances(event, scene)}")
    words += _beside(others, "with" if happens else "and", at, price_told=first.subject == _PRICE)
    if held and not happens:
        words.append(f", {held}")
    return "".join(words) + _tail(event, scene, phrases)


def duration(ns: int) -> str:
    """How long, in the longest unit that tells it: `5m`, `90s`, `1h`."""
    unit, length = next((unit, length) for unit, length in _UNITS if ns % length == 0)
    return f"{ns // length}{unit}"


def _confirmation(event: Any, scene: Scene) -> str:
    what = _NOUNS[int(event["follows"])].format(_place(scene.edges))
    result = "confirmed" if event["type"] in _CONFIRMED else "failed"
    return f"{what} {result} ({scene.closed} close {_own_price(event, scene)})"


def _phrases(event: Any, scene: Scene) -> Iterator[Phrase]:
    """What happened, if anything did, then what held; a level or zone is about the price."""
    if not isinstance(scene.rule, ConditionRule):
        yield _passage(event, scene)
        return
    operands = event["operands"].reshape(-1, 2).tolist()
    for part, (left, right) in zip(scene.rule.parts, operands, strict=False):
        match part:
            case Diverges():
                yield _divergence(event, part)
            case Compare() | Within() | Moves():
                yield holds(part, left, right, float(event["price"]))
            case _ if event["type"] == ev.FIRED:
                yield happened(part, event["direction"] > 0, left, right)
            case _:
                yield _passage(event, scene)


def _passage(event: Any, scene: Scene) -> Phrase:
    """What price did, and where it is; one that came back is elsewhere by now."""
    if event["type"] in _TOUCHED:
        return Phrase(_PRICE, _touched(event, scene), "")
    return Phrase(_PRICE, _VERBS[int(event["type"])].format(_where(event, scene)), _own_price(event, scene))


def _touched(event: Any, scene: Scene) -> str:
    """`touched 7,000 (high 7,003.50) and came back`; a zone that price left on the far side it went past."""
    up, extreme = bool(event["direction"] > 0), float(event["price"])
    end = "high" if up else "low"
    beyond = len(scene.edges) > 1 and (extreme > scene.edges[1] if up else extreme < scene.edges[0])
    verb = "went past" if beyond else "touched"
    return f"{verb} {_where(event, scene)} ({end} {_own_price(event, scene)}) and came back"


def _where(event: Any, scene: Scene) -> str:
    """The level or zone; one that moves by its name."""
    match scene.rule:
        case ConditionRule(event=Crosses(left, _, right)) if not isinstance(right, float):
            return other_side(right, float(event["level"]), left, float(event["price"]))
    return _place(scene.edges)


def _divergence(event: Any, part: Diverges) -> Phrase:
    what = "MACD histogram" if part.value.output else part.value.indicator.kind.upper()
    name, price_made, oscillator_made = _DIVERGENCES[int(event["type"])]
    (p, q), (v, w) = event["pivot_prices"].tolist(), event["pivot_values"].tolist()
    of = f"{name} divergence on {spoken(str(part.value))}"
    forming = event["forming"]
    return Phrase(
        f"forming {of} (bar not closed)," if forming else f"{of},",
        f"price {'is making' if forming else 'made'} a {price_made} ({price(p, q)} → {price(q, p)}), "
        f"{what} a {oscillator_made} one ({oscillator(v, w)} → {oscillator(w, v)})",
        "",
    )


def _beside(others: Sequence[Phrase], link: str, at: str, *, price_told: bool) -> Iterator[str]:
    """What held with the first: `, with price above SMA(50)@1d (6,890.12)`; the price is told once."""
    for own in others:
        of_price = own.subject == _PRICE
        where = f", {at} {own.at}" if own.at and not (of_price and price_told) else ""
        yield f", {link} {own.clause}{where}"
        link, price_told = "and", price_told or of_price


def _happens(rule: Rule) -> bool:
    return not isinstance(rule, ConditionRule) or rule.event is not None


def _held(event: Any, rule: Rule) -> str:
    """How long it has held, where the rule asks for that."""
    return f"held for {duration(rule.lasting)}" if event["lasted"] and isinstance(rule, ConditionRule) else ""


def _at(event: Any, rule: Rule) -> str:
    """When a `for` is over, what was checked at closes may have moved on since the last."""
    return "now at" if event["lasted"] and isinstance(rule, ConditionRule) and rule.on else "at"


def _circumstances(event: Any, scene: Scene) -> str:
    """What was unusual about the tick."""
    if scene.closed:
        return ""
    after = "" if event["late"] else _AFTER[event["gap"]]
    return f"{after}, in extended hours" if event["extended"] else after


def _tail(event: Any, scene: Scene, phrases: Sequence[Phrase]) -> str:
    """The close that fired it, or the price where nothing told it; a divergence has its pivots."""
    if event["type"] in ev.DIVERGENCES:
        return ""
    if scene.closed:
        return f" ({scene.closed} close {_own_price(event, scene)})"
    return "" if any(own.subject == _PRICE for own in phrases) else f" (price {_own_price(event, scene)})"


def _own_price(event: Any, scene: Scene) -> str:
    own = float(event["price"])
    return price(own, nearest(own, scene.edges)) if scene.edges else price(own)


def _place(edges: tuple[float, ...]) -> str:
    """A level or zone of the config, with all its digits."""
    return "–".join(written(edge, 2) for edge in edges)

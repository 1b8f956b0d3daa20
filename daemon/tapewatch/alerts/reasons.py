"""Why an alert fired, in plain sentences, each of which its trace bears out."""

import operator
from collections.abc import Callable, Iterator

import msgspec

from tapewatch.alerts.alert import Alert
from tapewatch.alerts.comparisons import BEFORE, Comparison, Edge, Sign
from tapewatch.alerts.numbers import amount, level, place, price, reading, spoken, written
from tapewatch.alerts.trace import Trace
from tapewatch.alerts.wording import duration

_WORDS = {">=": "at or above", ">": "above", "<": "below", "<=": "at or below"}
_TRUE: dict[Sign, Callable[[float, float], bool]] = {
    ">=": operator.ge,
    ">": operator.gt,
    "<": operator.lt,
    "<=": operator.le,
}
_PRICES = ("price", "open@", "high@", "low@", "close@", "previous.", "volume@")
"""What begins so is no indicator."""
_RATES = ("change(", "roc(")


def why(alert: Alert, trace: Trace) -> list[str]:
    """The sentences, in the order in which they follow from each other."""
    return [*_passage(alert, trace), *(_compared(own, trace) for own in trace.comparisons), *_end(trace)]


def _passage(alert: Alert, trace: Trace) -> Iterator[str]:
    """Where price was, and what it passed."""
    own = alert.data.price
    if not trace.edges or own is None:
        return
    if trace.by == "history":
        yield from _missed(alert, trace, own)
        return
    if trace.was is not None:
        yield _before(alert, trace)
    if trace.closed:
        yield f"The {trace.closed} bar closed at {price(own, trace.edges[0].level)}."
    for edge in trace.edges:
        yield _fires(edge, own, "level" if alert.data.level is not msgspec.UNSET else "edge")


def _missed(alert: Alert, trace: Trace, own: float) -> Iterator[str]:
    where = _place(alert)
    if alert.type.endswith(".touched"):
        end = "high" if alert.data.direction == "up" else "low"
        yield f"History shows a {end} of {price(own, trace.edges[0].level)}, and price back after it."
    elif trace.was is not None:
        yield f"Before the outage price was {trace.was} {where}, after it no longer."
    for edge in trace.edges:
        if _TRUE[edge.sign](own, edge.level):
            yield f"{price(own, edge.level)} is {_WORDS[edge.sign]} {level(edge.level)}."


def _before(alert: Alert, trace: Trace) -> str:
    """The tick before may be one that was refused, or one within the band: then it is told as what it is."""
    where = _place(alert)
    before = _price_before(alert, trace)
    if before is None:
        return f"Price was on record as {trace.was} {where}."
    told = price(before, trace.edges[0].level)
    if trace.was == _stands(alert, before):
        return f"The price before was {told}, {trace.was} {where}."
    return f"Price was on record as {trace.was} {where}; the tick before came at {told}."


def _price_before(alert: Alert, trace: Trace) -> float | None:
    """Of the tick before the one that fired; None where that is not to be had."""
    if trace.by != "tick" or len(trace.ticks) < 2 or trace.ticks[-1].time_ns != alert.data.time_ns:
        return None
    return None if trace.ticks[-1].leg else trace.ticks[-2].price


def _stands(alert: Alert, own: float) -> str:
    low, high = _edges(alert)
    if own < low:
        return "below"
    return "inside" if low < high and own <= high else "above"


def _fires(edge: Edge, own: float, what: str) -> str:
    relation, at, told = _WORDS[edge.sign], level(edge.level), price(own, edge.level)
    if not edge.band:
        return f"The {what} has no re-arm band, so the first price {relation} {at} fires: {told}."
    if edge.armed:
        return f"The {what} was armed, so the first price {relation} {at} fires: {told}."
    unarmed = "at or above" if edge.sign in (">=", ">") else "at or below"
    return (
        f"{told} is {unarmed} {_exact(edge.unarmed_at)}, a band of {_exact(edge.band)} beyond {at}, "
        "where it fires armed or not."
    )


def _exact(number: float) -> str:
    """With all that decides: 167.42 may be above 167.41625."""
    return written(round(number, 6), 2)


def _compared(own: Comparison, trace: Trace) -> str:
    name = _called(own.left)
    if own.value is None:
        return f"{name} has no value now."
    told = _figure(own.left, own.value, own.against)
    by_close = own.left.startswith("close@") and trace.by in ("close", "history")
    opening = (
        f"The {own.left.removeprefix('close@')} bar closed at {told}" if by_close else f"{name} is {told}"
    )
    no = "" if own.holds else "not "
    sentence = f"{opening}, {no}{_relation(own)}"
    since = "; at the check before it was not" if own.event and own.right != BEFORE else ""
    return f"{sentence}{since}."


def _relation(own: Comparison) -> str:
    if own.against is None:
        return f"beside {_called(own.right)}, which has no value now"
    if own.sign in ("in", "out"):
        upper = own.against if own.upper is None else own.upper
        between = f"{_written(own.left, own.against)} to {_written(own.left, upper)}"
        return f"{'in' if own.sign == 'in' else 'outside'} {between}"
    against = _written(own.left, own.against)
    if own.right:
        measure = own.left if own.right == BEFORE else own.right
        against = f"{_called(own.right)} at {_figure(measure, own.against, own.value)}"
    if own.sign == "within":
        return f"within {level(own.upper or 0.0)} of {against}"
    return f"{_WORDS[own.sign]} {against}"


def _end(trace: Trace) -> Iterator[str]:
    if trace.lasted:
        yield f"It had stayed so for {duration(trace.lasted)}."
    if trace.by == "history" and not trace.edges:
        yield "Ticks were missed then; history shows it."


def _place(alert: Alert) -> str:
    return place(*_edges(alert))


def _edges(alert: Alert) -> tuple[float, float]:
    """The level twice, or the zone's two edges."""
    data = alert.data
    if isinstance(data.low, float) and isinstance(data.high, float):
        return data.low, data.high
    return (data.level, data.level) if isinstance(data.level, float) else (0.0, 0.0)


def _called(name: str) -> str:
    if name == "price":
        return "Price"
    if name == BEFORE:
        return "the pivot before"
    return name if name.startswith(_PRICES) else spoken(name)


def _figure(name: str, value: float, beside: float | None = None) -> str:
    """A value in the measure of what it is of."""
    if name.startswith("volume@"):
        return amount(value, beside)
    return price(value, beside) if name.startswith(_PRICES) else reading(name, value, beside)


def _written(name: str, number: float) -> str:
    """A number of the config beside what is called so."""
    return f"{written(number, 2 if name.startswith(_PRICES) else 0)}{'%' if name.startswith(_RATES) else ''}"

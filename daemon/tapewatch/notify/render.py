"""One alert in words and figures for people, the same for every kind of receiver; `telling` has several together.

Nothing here is escaped: all of it is plain text, free of line breaks and control characters, and each medium
escapes it for itself. `Wording` keeps what a config may have written freely (headline, note, next target)
apart from what only this module wrote (facts, indicators).
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NamedTuple
from zoneinfo import ZoneInfo

import msgspec

from tapewatch.alerts.alert import Alert, AlertData
from tapewatch.alerts.numbers import changes, level, named, oscillator, place, points, price, reading
from tapewatch.market.ticks import NS
from tapewatch.market.timeframes import duration_ns

_CONTROL = re.compile(r"[\x00-\x20\x7f-\xa0\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]+")
"""White space, control characters, and the marks that turn the direction of text."""
_CONTROL_ONLY = re.compile(_CONTROL.pattern.replace(r"\x20", r"\x1f"))
"""The same without blanks."""

_ARROWS = {"up": "▲", "down": "▼", None: "●"}
_GAPS = {"session": "first price after a session break", "outage": "first price after an outage of the feed"}


class Fact(NamedTuple):
    """One thing about an alert: what it is and what it comes to."""

    label: str
    value: str
    """One line; of indicators one line each."""


@dataclass(frozen=True)
class Wording:
    """An alert as people read it, the most important first."""

    headline: str
    """What happened, in one line."""
    arrow: str
    """▲, ▼, or ● where there is no direction."""
    note: str | None
    """What the watch says it means."""
    next: str | None
    """The next target."""
    facts: list[Fact]
    """Price, level, distance, exchange time, and what to mind."""
    indicators: list[Fact]
    """One fact per timeframe, the longest first."""
    origin: str
    """Instance, symbol, rule, severity and alert id."""

    @property
    def all_facts(self) -> list[Fact]:
        """Everything but headline and origin, as one list."""
        told = [("Note", self.note), ("Next target", self.next)]
        return [*(Fact(label, text) for label, text in told if text), *self.facts, *self.indicators]


def render(alert: Alert) -> Wording:
    """The wording of `alert`."""
    data = alert.data
    parts = (alert.source.rsplit("/", 1)[-1], alert.subject, data.rule, data.severity, f"alert {alert.id}")
    return Wording(
        headline=one_line(data.text),
        arrow=_ARROWS[data.direction],
        note=one_line(data.note or "") or None,
        next=one_line(data.next or "") or None,
        facts=list(_facts(data)),
        indicators=_indicators(data),
        origin=" · ".join(one_line(part) for part in parts),
    )


def facts(alert: Alert) -> list[Fact]:
    """Label and value of everything worth telling of `alert`, the most important first."""
    return render(alert).all_facts


def circumstances(alert: Alert) -> list[Fact]:
    """The facts of `alert` that hold whichever rule fired: price, changes, exchange time, and what to mind."""
    return [*_price(alert.data), *_surroundings(alert.data)]


def one_line(text: str) -> str:
    """`text` with every run of white space and control characters as one blank.

    So no note or name can start a new header, draw on a terminal or turn a line around.
    """
    return _CONTROL.sub(" ", text).strip()


def clean(text: str) -> str:
    """`text` of several lines, without what a terminal would obey; blanks within a line stay."""
    return "\n".join(_CONTROL_ONLY.sub(" ", line) for line in text.splitlines()).strip("\n")


def local_time(data: AlertData) -> datetime:
    """Event time at the exchange, whole seconds."""
    return datetime.fromtimestamp(int(data.time_ns) // NS, UTC).astimezone(ZoneInfo(data.zone))


def exchange_time(data: AlertData) -> str:
    """Event time at the exchange and in UTC: `2026-01-28 09:31:07 EST (14:31:07 UTC)`."""
    there = local_time(data)
    utc = there.astimezone(UTC)
    text = f"{there:%Y-%m-%d %H:%M:%S %Z}"
    if there.utcoffset() == utc.utcoffset():
        return text
    return (
        f"{text} ({utc:%H:%M:%S} UTC)"
        if there.date() == utc.date()
        else f"{text} ({utc:%Y-%m-%d %H:%M:%S} UTC)"
    )


def _facts(data: AlertData) -> Iterator[Fact]:
    yield from _price(data)
    yield from _whereabouts(data)
    yield from _surroundings(data)


def _price(data: AlertData) -> Iterator[Fact]:
    if data.price is not None:
        yield Fact("Price", price(data.price, _reference(data)))


def _whereabouts(data: AlertData) -> Iterator[Fact]:
    """The level or zone and how far price is from it, or the pivots: what is the rule's own."""
    reference = _reference(data)
    role = f" ({data.role})" if data.role else ""
    if isinstance(data.low, float) and isinstance(data.high, float):
        yield Fact("Zone", f"{place(data.low, data.high)}{role}")
    elif isinstance(data.level, float):
        yield Fact("Level", f"{level(data.level)}{role}")
    if data.distance is not None and reference is not None:
        yield Fact("Distance", _distance(data.distance, reference))
    yield from _pivots(data)


def _surroundings(data: AlertData) -> Iterator[Fact]:
    for over, moved in changes(data.indicators):
        yield Fact(f"Change in {over}", moved)
    yield Fact("Exchange time", exchange_time(data))
    if remarks := list(_remarks(data)):
        yield Fact("Mind", "; ".join(remarks))


def _reference(data: AlertData) -> float | None:
    """The level, or the edge of the zone, that the distance is from."""
    # 6,970.1 - 0.1 is not quite 6,970 in binary.
    return None if data.price is None or data.distance is None else round(data.price - data.distance, 8)


def _distance(distance: float, reference: float) -> str:
    """`12.50 points (0.18%) above 6,970`: signed distance from level or zone edge to the price."""
    if not distance:
        return f"at {level(reference)}"
    percent = 100 * abs(distance) / reference
    share = f"{percent:.2f}%" if percent >= 0.005 else "<0.01%"
    side = "above" if distance > 0 else "below"
    return f"{points(abs(distance), reference)} points ({share}) {side} {level(reference)}"


def _pivots(data: AlertData) -> Iterator[Fact]:
    if data.pivots is msgspec.UNSET:
        return
    before, after = data.pivots
    yield Fact(f"Price pivots {data.timeframe}", f"{price(before.price)} → {price(after.price)}")
    yield Fact(
        f"Oscillator pivots {data.timeframe}", f"{oscillator(before.value)} → {oscillator(after.value)}"
    )


def _remarks(data: AlertData) -> Iterator[str]:
    if data.gap:
        yield _GAPS[data.gap]
    if data.late:
        yield "reported late"
    if data.hours == "extended":
        yield "extended hours"
    if data.stage == "forming":
        yield "provisional: the bar is still forming"


def _indicators(data: AlertData) -> list[Fact]:
    """One fact per timeframe, so that no value stands without its own; what is not named so is left out."""
    groups: dict[str, dict[str, str]] = {}
    for key, value in data.indicators.items():
        if own := named(key):
            lines = groups.setdefault(own.timeframe, {})
            before = f"{lines[own.indicator]} /" if own.indicator in lines else own.indicator.upper()
            words = (before, own.output, reading(own.kind, value))
            lines[own.indicator] = " ".join(filter(None, words))
    return [
        Fact(
            f"{timeframe} (warming up)" if timeframe in data.cold else timeframe,
            "\n".join(groups[timeframe].values()),
        )
        for timeframe in sorted(groups, key=duration_ns, reverse=True)
    ]

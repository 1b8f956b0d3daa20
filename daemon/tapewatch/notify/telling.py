"""A message in words for people: one alert, several of a symbol, the summary of a rule, or a digest.

As in `render`, nothing here is escaped, and every text is one line.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

import msgspec

from tapewatch.alerts.alert import Alert
from tapewatch.notify.message import RANKS, Kind, Message
from tapewatch.notify.render import Fact, circumstances, exchange_time, local_time, one_line, render
from tapewatch.notify.summary import sentence

_SYMBOLS_TOLD = 5

Severity = Literal["info", "warning", "critical"]


@dataclass(frozen=True, kw_only=True)
class Told:
    """A message as people read it; the variables of a template, but for `alerts`, which are dicts there."""

    kind: Kind
    headline: str
    """What happened, in one line."""
    arrow: str
    """▲, ▼, or ● where there is no direction."""
    direction: Literal["up", "down"] | None
    severity: Severity
    """Of the most severe alert."""
    note: str | None
    """What the watch says it means."""
    next: str | None
    """The next target."""
    lines: list[str]
    """The other alerts, of a digest all of them: time, arrow, what happened."""
    facts: list[Fact]
    """Price, level, distance, exchange time, and what to mind, of the newest alert; of a digest none."""
    indicators: list[Fact]
    """One fact per timeframe, the longest first, of the newest alert; of summaries and digests none."""
    origin: str
    """Instance, symbol, rule, severity and alert id."""
    link: str | None
    """URL of the chart on the live page."""
    alerts: tuple[Alert, ...]

    def variables(self, most: int) -> dict[str, Any]:
        """What a template may use; of `lines` at most `most`, and one that says how many more there are."""
        own = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return own | {"lines": capped(self.lines, most), "alerts": msgspec.to_builtins(self.alerts)}


def tell(message: Message) -> Told:
    """What `message` says."""
    match message.kind:
        case Kind.DIGEST if len(message.alerts) > 1:
            return _digest(message.alerts, message.link)
        case Kind.SUMMARY if len(message.alerts) > 1:
            return _summary(message.alerts, message.link)
    return _together(message)


def picture_text(message: Message) -> str:
    """What the message's picture shows, for who cannot see it."""
    data = message.lead.data
    return one_line(f"Chart of {data.title} up to {exchange_time(data)}: {data.text}")


def capped(lines: list[str], most: int) -> list[str]:
    """`lines`, or the first `most` and how to see the others."""
    more = len(lines) - most
    return [*lines[:most], f"and {more:,} more: tapewatch log"] if more > 0 else lines


def line(alert: Alert, *, dated: bool = False) -> str:
    """`09:31:07 EST ▲ S&P 500 crossed above 7,000, at 7,000.25`; dated, with `28 Jan` first."""
    wording, there = render(alert), local_time(alert.data)
    day = f"{_day(there)} " if dated else ""
    return f"{day}{there:%H:%M:%S %Z} {wording.arrow} {wording.headline}"


def _together(message: Message) -> Told:
    """Alerts of one symbol within `group_wait`, told by the one that leads, with the figures of the newest; or one."""
    alerts, lead = message.alerts, message.lead
    newest, told = alerts[-1], render(lead)
    others = [each for each in alerts if each is not lead]
    more = f" · +{len(others)} more" if others else ""
    # One old alert must not look like news.
    there = local_time(lead.data)
    when = f"{_day(there)} {there:%H:%M %Z}: " if message.kind is Kind.DIGEST else ""
    dated = _dated(alerts)
    return Told(
        kind=message.kind,
        headline=when + told.headline + more,
        arrow=told.arrow,
        direction=lead.data.direction,
        severity=lead.data.severity,
        note=told.note,
        next=told.next,
        lines=[line(each, dated=dated) for each in others],
        # Another rule's level below this headline would mislead.
        facts=told.facts if newest is lead else circumstances(newest),
        indicators=render(newest).indicators,
        origin=told.origin + (f" and {len(others)} more" if others else ""),
        link=message.link,
        alerts=alerts,
    )


def _summary(alerts: tuple[Alert, ...], link: str | None) -> Told:
    newest = alerts[-1]
    told = render(newest)
    return Told(
        kind=Kind.SUMMARY,
        headline=one_line(sentence(alerts)),
        arrow=told.arrow,
        direction=newest.data.direction,
        severity=_most_severe(alerts),
        note=told.note,
        next=told.next,
        lines=[],
        facts=told.facts,
        indicators=[],
        origin=f"{told.origin} and {len(alerts) - 1} more",
        link=link,
        alerts=alerts,
    )


def _digest(alerts: tuple[Alert, ...], link: str | None) -> Told:
    severity, dated = _most_severe(alerts), _dated(alerts)
    symbols = list(dict.fromkeys(each.subject for each in alerts))
    listed = ", ".join(symbols[:_SYMBOLS_TOLD])
    if (left := len(symbols) - _SYMBOLS_TOLD) > 0:
        listed += f" and {left} more"
    first = alerts[0]
    instance = first.source.rsplit("/", 1)[-1]
    ids = f"alert {first.id} and {len(alerts) - 1:,} more"
    return Told(
        kind=Kind.DIGEST,
        headline=f"{len(alerts):,} alerts {_period(alerts)}",
        arrow="●",
        direction=None,
        severity=severity,
        note=None,
        next=None,
        lines=[line(each, dated=dated) for each in alerts],
        facts=[],
        indicators=[],
        origin=" · ".join(one_line(part) for part in (instance, listed, severity, ids)),
        link=link,
        alerts=alerts,
    )


def _most_severe(alerts: Sequence[Alert]) -> Severity:
    return max((each.data.severity for each in alerts), key=RANKS.index)


def _dated(alerts: Sequence[Alert]) -> bool:
    """Whether a time of day alone would leave open which day."""
    return len({local_time(each.data).date() for each in alerts}) > 1


def _period(alerts: Sequence[Alert]) -> str:
    """`from 10:02 to 10:41 EST`; with days where they differ, and both zones; `of 10:02 EST` of one minute."""
    data = sorted((each.data for each in alerts), key=lambda own: int(own.time_ns))
    start, end = local_time(data[0]), local_time(data[-1])
    if start.date() == end.date():
        begin, finish = f"{start:%H:%M}", f"{end:%H:%M}"
    else:
        begin, finish = f"{_day(start)} {start:%H:%M}", f"{_day(end)} {end:%H:%M}"
    if start.tzname() != end.tzname():
        begin += f" {start.tzname()}"
    return f"of {end:%H:%M %Z}" if begin == finish else f"from {begin} to {finish} {end.tzname()}"


def _day(time: datetime) -> str:
    return f"{time.day} {time:%b}"

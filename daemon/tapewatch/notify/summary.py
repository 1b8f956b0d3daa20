"""What the alerts of one rule come to, in one sentence: `S&P 500 crossed 7,000 four times in 48 s, now above`."""

from collections.abc import Sequence

from tapewatch.alerts.alert import TYPE_PREFIX, Alert
from tapewatch.alerts.feed_alert import RULE, spoken
from tapewatch.alerts.numbers import level, place
from tapewatch.market.ticks import NS

_SIDES = {"level.crossed_up": "above", "level.crossed_down": "below"}
_PLACES = {
    "zone.entered_from_below": "inside",
    "zone.entered_from_above": "inside",
    "zone.broke_above": "above",
    "zone.rejected_up": "above",
    "zone.jumped_up": "above",
    "zone.broke_below": "below",
    "zone.rejected_down": "below",
    "zone.jumped_down": "below",
}
_NOW = _SIDES | _PLACES
"""Where price is after each passage."""

_COUNTS = ("three", "four", "five", "six", "seven", "eight", "nine", "ten")


def sentence(alerts: Sequence[Alert]) -> str:
    """What two or more alerts of one rule say together, in the order in which they fired."""
    newest = alerts[-1].data
    passages = [each for each in alerts if _type(each) in _NOW]
    others = [each for each in alerts if _type(each) not in _NOW]
    if passages:
        after = f"; {_without_title(others[-1])}" if others else ""
        if len(passages) == 1:
            return f"{passages[0].data.text}{after}"
        # What failed after the last passage says that price is there no more.
        now = "" if _type(alerts[-1]).endswith(".failed") else f", now {_NOW[_type(passages[-1])]}"
        return f"{_passed(passages)}{now}{after}"
    if newest.rule == RULE and newest.price is None:
        return f"{newest.title}: {len(alerts)} alerts{_within(alerts)}; last: {newest.text}"
    how_often = f"{times(len(alerts))}{_within(alerts)}"
    return f"{newest.title}: “{newest.rule}” fired {how_often}; last: {_without_title(alerts[-1])}"


def times(count: int) -> str:
    """`twice`, `three times`, … `ten times`, `11 times`, of two or more."""
    if count == 2:
        return "twice"
    return f"{_COUNTS[count - 3] if count - 3 < len(_COUNTS) else count} times"


def _passed(passages: Sequence[Alert]) -> str:
    newest = passages[-1]
    edges = "the edges of " if _type(newest) in _PLACES else ""
    how_often = f"{times(len(passages))}{_within(passages)}"
    return f"{newest.data.title} crossed {edges}{_where(passages)} {how_often}"


def _where(passages: Sequence[Alert]) -> str:
    """The level or zone; the rule's name where that moved meanwhile."""
    places = set(map(_place, passages))
    return places.pop() if len(places) == 1 else f"“{passages[-1].data.rule}”"


def _place(passage: Alert) -> str:
    data = passage.data
    if isinstance(data.low, float) and isinstance(data.high, float):
        return place(data.low, data.high)
    return level(data.level) if isinstance(data.level, float) else f"“{data.rule}”"


def _within(alerts: Sequence[Alert]) -> str:
    """` in 48 s`, from the first one's event time to the last one's; nothing of one instant."""
    at = [int(each.data.time_ns) for each in alerts]
    length = max(at) - min(at)
    if not length:
        return ""
    return f" in {spoken(length / NS)}" if length >= NS else " within a second"


def _type(alert: Alert) -> str:
    return alert.type.removeprefix(TYPE_PREFIX)


def _without_title(alert: Alert) -> str:
    """The alert's text without the name that the sentence began with."""
    title = alert.data.title
    return alert.data.text.removeprefix(f"{title}: ").removeprefix(f"{title} ")

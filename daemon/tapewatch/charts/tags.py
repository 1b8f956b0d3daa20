"""Names of levels at the right edge, where none hides another."""

import math
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Literal

from tapewatch.alerts import numbers
from tapewatch.charts import letters
from tapewatch.charts.chart import Place
from tapewatch.charts.look import BODY, LABEL
from tapewatch.charts.series import Series, last
from tapewatch.charts.sheet import Box, Sheet

_HIGH = 38.0
"""Of a tag, px of the design."""
_CONSIDERED = 50
"""Tags for which room is looked for."""
_ALWAYS = 2
"""The focus and the last price, however near they are."""
_FARTHEST = 1.5
"""So many times its own height a tag may stand from its price."""
_GAP = 10.0
_ARM = 26.0
"""What leads from a level to its tag is so long."""
_WIDEST = 280.0
"""Of a number and a name; then the name alone, if there is one."""


@dataclass(frozen=True)
class Tag:
    """A number and a name beside a price."""

    kind: Literal["focus", "last", "place"]
    """`last` is the last price."""
    value: float
    """The price it stands beside."""
    number: str
    name: str
    rank: float
    """Those with the lowest stay when there is no room for all."""
    beyond: bool = False
    """Whether it is out of sight, above or below."""


def tags(sheet: Sheet, own: Series, low: float, high: float) -> list[Tag]:
    """Of the last price and of every place that shows between `low` and `high`; of the focus wherever it is."""
    close = last(own.close)
    found = [Tag("last", close, numbers.price(close), "", 1)] if low <= close <= high else []
    for place in own.chart.places:
        focus, arrow = place is own.place, _arrow(place, low, high)
        if (arrow and not focus) or not math.isfinite(place.low + place.high):
            continue
        value = min(max((max(place.low, low) + min(place.high, high)) / 2, low), high)
        number, name = arrow + numbers.place(place.low, place.high), _name(place)
        if name and not focus and _wide(sheet, number, name) > sheet.px(_WIDEST):
            number = ""
        rank = 0 if focus else 2 + abs(value - close)
        found.append(Tag("focus" if focus else "place", value, number, name, rank, bool(arrow)))
    return found


def _name(place: Place) -> str:
    """Empty of a level that is called by its number."""
    name = letters.plain(place.name)
    with suppress(ValueError):
        if place.low == place.high == float(name.replace(",", "")):
            return ""
    return name


def _arrow(place: Place, low: float, high: float) -> str:
    """Where it is, if it does not show."""
    return "▲ " if place.low > high else "▼ " if place.high < low else ""


def room(sheet: Sheet, own: Sequence[Tag]) -> float:
    """How wide the right margin is, px."""
    widest = max((_wide(sheet, tag.number, tag.name) for tag in own), default=0.0)
    return min(widest, sheet.px(_WIDEST)) + sheet.px(_ARM + 14)


def draw(sheet: Sheet, pane: Box, own: Sequence[Tag], low: float, high: float) -> None:
    """Draws those for which there is room, right of the pane whose scale goes from `low` to `high`."""
    wanted = {tag: pane.bottom - (tag.value - low) / (high - low) * pane.height for tag in own}
    for tag, y in _placed(sheet, pane, wanted).items():
        _draw(sheet, pane, tag, wanted[tag], y)


def _placed(sheet: Sheet, pane: Box, wanted: Mapping[Tag, float]) -> dict[Tag, float]:
    """Where each stands, unless it would push another, or be pushed, too far from its price."""
    size, placed = sheet.px(_HIGH), dict[Tag, float]()
    for tag in sorted(wanted, key=lambda tag: tag.rank)[:_CONSIDERED]:
        trial = sorted([*placed, tag], key=wanted.__getitem__)
        middles = spread([wanted[own] for own in trial], size, pane.top, pane.bottom)
        pushed = max(abs(wanted[own] - y) for own, y in zip(trial, middles, strict=True))
        if len(trial) * size <= pane.height and (pushed <= _FARTHEST * size or len(trial) <= _ALWAYS):
            placed = dict(zip(trial, middles, strict=True))
    return placed


def spread(wanted: Sequence[float], size: float, low: float, high: float) -> list[float]:
    """Middles of things of one size, as near as they can be to where they are wanted without touching.

    Args:
        wanted: middles, in rising order.
        size: of each.
        low: where the first may begin.
        high: where the last may end; there is room for all.
    """
    groups: list[
        list[float]
    ] = []  # of neighbours that touch: sum of where each wants the first to be, and their count
    for own in wanted:
        groups.append([own, 1.0])
        while len(groups) > 1 and _first(groups[-2], size, low, high) + groups[-2][1] * size > _first(
            groups[-1], size, low, high
        ):
            total, count = groups.pop()
            before = groups[-1]
            before[0] += total - count * before[1] * size
            before[1] += count
    return [
        _first(group, size, low, high) + number * size for group in groups for number in range(int(group[1]))
    ]


def _first(group: Sequence[float], size: float, low: float, high: float) -> float:
    """Middle of the first of a group."""
    total, count = group
    return max(min(total / count, high - (count - 0.5) * size), low + size / 2)


def _wide(sheet: Sheet, number: str, name: str) -> float:
    return _number_wide(sheet, number) + letters.width(name, sheet.px(LABEL))


def _number_wide(sheet: Sheet, number: str) -> float:
    """With the gap to the name."""
    return letters.width(number, sheet.px(BODY), bold=True) + sheet.px(_GAP) if number else 0.0


def _draw(sheet: Sheet, pane: Box, tag: Tag, at: float, y: float) -> None:
    look, focus = sheet.look, tag.kind == "focus"
    left, right, gap = pane.right + sheet.px(_ARM), sheet.width - sheet.px(10), sheet.px(_GAP)
    if not tag.beyond:
        sheet.line(
            (pane.right, left - sheet.px(6)),
            (at, y),
            color=look.ink if focus else look.place,
            linewidth=sheet.px(4 if focus else 2),
            linestyle=":" if tag.kind == "last" else "-",
        )
    number = letters.fitted(tag.number, right - left, sheet.px(BODY), bold=True)
    x = left + _number_wide(sheet, number)
    name = letters.fitted(tag.name, right - x, sheet.px(LABEL))
    sheet.text(x, y, name, sheet.px(LABEL), look.ground if focus else look.soft)
    if tag.kind != "place":
        end = x + letters.width(name, sheet.px(LABEL)) if name else x - gap
        half = sheet.px(_HIGH) / 2 - 1
        box = Box(left - sheet.px(7), y - half, end + sheet.px(8), y + half)
        sheet.box(box, look.ink if focus else look.ground, edgecolor=look.ink, linewidth=sheet.px(2))
    sheet.text(left, y, number, sheet.px(BODY), look.ground if focus else look.ink, bold=True)

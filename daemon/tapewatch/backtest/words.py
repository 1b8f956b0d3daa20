"""Figures as people read them, the same on a terminal and in the report."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from zoneinfo import ZoneInfo

from tapewatch.alerts.numbers import points, price
from tapewatch.backtest.figures import After, Nearest, RuleFigures, TypeFigures, WatchFigures
from tapewatch.backtest.outcomes import LONGEST

NONE = "–"
_FINE = 0.00995  # percent; smaller ones get a third decimal
_NOTHING = 0.0005

_WHY = {
    "confirm": "its confirm",
    "checked": "at whose close it is checked",
    "average": "of the average that price crosses",
    "shortest": "the shortest here, as it names none",
}

METHOD = (
    "n: alerts with so many bars after them. apart: how many of these windows share no bar; overlapping ones are "
    "not independent of each other, and fewer than {few} (*) say little.",
    "Changes go from the alert's own price to the close of the 1st, 5th and 20th bar that begins after it; + is in "
    "the alert's direction. The bar in which it fired never counts.",
    f"Best and worst: the furthest that price went for and against it by the end of {LONGEST} bars, medians.",
    "Saved: the alerts more that the same tape gives with rearm = 0.",
)
"""How to read the tables; `{few}` is to be filled in."""


def type_name(own: TypeFigures) -> str:
    """`crossed up`; `fired, up` where the type does not say the way; `regular bearish, early`."""
    name = own.type.partition(".")[2].replace("_", " ")
    if own.direction and own.type.endswith((".fired", ".confirmed", ".failed")):
        name += f", {own.direction}"
    return f"{name}, early" if own.stage == "forming" else name


def change(value: float | None) -> str:
    """Percent with its sign: `+0.18%`, `-0.004%`."""
    if value is None:
        return NONE
    if abs(value) < _NOTHING:
        return "0.00%"
    return f"{value:+.{3 if abs(value) < _FINE else 2}f}%"


def share(value: float | None) -> str:
    """A share of 1: `58%`."""
    return NONE if value is None else f"{100 * value:.0f}%"


def mean(value: float) -> str:
    """Of counts: `1.13`."""
    return f"{value:,.2f}" if value < 100 else f"{value:,.0f}"


def count(number: int, one: str, many: str = "") -> str:
    """`1 alert`, `1,286 alerts`."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def span(own: WatchFigures) -> str:
    """`254 sessions, 2024-01-02 to 2025-01-03`."""
    days = own.first if own.first == own.last else f"{own.first} to {own.last}"
    return f"{count(own.sessions, 'session')}, {days}"


def frequency(own: WatchFigures | RuleFigures | TypeFigures) -> str:
    """`286 alerts, 1.13 a session, 15 at most (2024-12-31)`."""
    often = own.per_session
    if not often.most_on:
        return "no alert"
    return f"{count(own.alerts, 'alert')}, {mean(often.mean)} a session, {often.most:,} at most ({often.most_on})"


def told(own: TypeFigures) -> list[After]:
    """The horizons that some alert has; the first where none has any."""
    return [each for each in own.after if each.n] or own.after[:1]


def apart(own: After, few: int) -> str:
    """How many windows share no bar; with a star if they are few."""
    return f"{own.apart:,}{'*' if 0 < own.apart < few else ''}"


def measured_in(own: RuleFigures) -> str:
    """`bars of 1h, its confirm`."""
    if own.timeframe is None:
        return "no bars in the files"
    if own.why == "own_too_few":
        return f"bars of {own.timeframe}, as the files have too few of {own.own_timeframe}"
    return f"bars of {own.timeframe}, {_WHY[own.why]}"


def all_hours(rules: Iterable[RuleFigures]) -> dict[str, int]:
    """Alerts of all the rules by half hour."""
    found: Counter[str] = Counter()
    for rule in rules:
        found.update(rule.hours)
    return dict(found)


def half_hours(hours: Mapping[str, int]) -> list[str]:
    """All half hours from the first to the last that has any: `09:30`, `10:00`, …"""
    if not hours:
        return []
    first, last = (2 * int(own[:2]) + (own[3:] == "30") for own in (min(hours), max(hours)))
    return [f"{at // 2:02}:{30 * (at % 2):02}" for at in range(first, last + 1)]


def busiest(hours: Mapping[str, int]) -> str | None:
    """The half hour with most alerts, the first of several; None if there is none."""
    return max(hours, key=lambda own: hours[own], default=None)


def part(own: Nearest, of: RuleFigures) -> str:
    """Which part of a condition it is about, where there are others: `close@1d < 100: `."""
    return f"{own.part}: " if of.kind == "condition" and own.part != of.what else ""


def came_near(own: Nearest, zone: str) -> str:
    """`came to 6,001.60, 788.40 from 6,790 (2024-01-02 09:33)`, in the exchange's time; or how often a state held."""
    if own.time is None or own.value is None or own.beside is None or own.distance is None:
        return "never had a value: too few bars, which --history may have"
    end = datetime.fromisoformat(own.time[:19] + "+00:00")
    when = end.astimezone(ZoneInfo(zone)).strftime("%Y-%m-%d %H:%M")
    if own.held:
        return f"held at {own.held:,} of {count(own.bars, 'close')}, first {when}"
    if own.distance == 0:
        return f"was there in the bar to {when}"
    far = points(own.distance, own.beside or own.distance)
    return f"came to {price(own.value)}, {far} from {price(own.beside)} ({when})"


def followed(own: TypeFigures) -> str:
    """`7 confirmed, 3 failed, 2 neither`; empty where nothing confirms."""
    if own.followed is None:
        return ""
    ends = (("confirmed", own.followed.confirmed), ("failed", own.followed.failed))
    told = [f"{number:,} {word}" for word, number in ends]
    return ", ".join([*told, *([f"{own.followed.neither:,} neither"] if own.followed.neither else [])])


def warnings(own: WatchFigures) -> Iterator[str]:
    """What to mind about the figures of a watch."""
    if cold := [rule for rule in own.rules if rule.cold]:
        alerts = sum(rule.cold for rule in cold)
        yield (
            f"{count(alerts, 'alert')} came of indicators with fewer than 250 bars, which --history warms: "
            f"{', '.join(rule.rule for rule in cold)}"
        )
    few: dict[str, list[str]] = {}
    for rule in own.rules:
        if rule.alerts and rule.why == "own_too_few":
            few.setdefault(measured_in(rule), []).append(rule.rule)
    for bars, names in few.items():
        yield f"Measured in {bars}: {', '.join(names)}"

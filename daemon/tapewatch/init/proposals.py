"""Levels worth watching, read off daily bars: highs and lows of the past, round numbers, averages. No I/O, no clock."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from tapewatch.alerts.numbers import level as written

BAND = 0.001
"""The re-arm band that a watch has unless it says otherwise, as a share of the price: what is nearer is one level."""

ROUND_NUMBERS = 2
"""On either side of the price."""
FAR = 0.1
"""Rounder numbers than those are proposed as far away as this, as a share of the price."""

_RANGES = 14
"""Bars over which the true range is averaged (Wilder 1978, p. 21 ff.)."""
_STEP_IN_RANGES = 1.5
"""Round numbers about so many days' ranges apart: nearer ones are passed several times a day."""
_EPOCH = date(1970, 1, 1).toordinal()
_WEEK, _MONTH, _YEAR = 7, 20, 364
"""Days, sessions, days."""

Severity = Literal["info", "warning", "critical"]

_AVERAGES: dict[int, tuple[Severity, str]] = {
    50: ("warning", "Support on pullbacks; below it the medium trend is in doubt."),
    200: ("critical", "The line between a pullback and something worse."),
}
"""Days, and what they mean."""


@dataclass(frozen=True)
class Proposal:
    """A level, or a condition that moves with the market."""

    name: str
    reason: str
    """Why it matters, for people; becomes the note of the alert."""
    severity: Severity
    price: float | None = None
    """Of a level."""
    role: Literal["support", "resistance", "breakout"] | None = None
    """Of a level: what it is from where price is now."""
    when: str | None = None
    """Of a condition."""
    now: float | None = None
    """Of a condition: the price that it is about, as it stands now."""
    confirm: str | None = None
    """Timeframe at whose close a crossing of the level is confirmed."""


@dataclass(frozen=True, eq=False)
class Days:
    """A symbol's sessions that have ended, oldest first; columns of one length."""

    day: NDArray[np.int64]
    """The session's date, as days since 1970-01-01."""
    high: NDArray[np.float64]
    low: NDArray[np.float64]
    close: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.day)

    @property
    def price(self) -> float:
        """The last close."""
        return float(self.close[-1])


def propose(days: Days | None, coming: int | None = None) -> list[Proposal]:
    """What to watch: levels from the highest price down, then conditions.

    No two levels are nearer than `BAND`: of such, the weightier stays and names the others.

    Args:
        days: what is known; None or empty: nothing, so that there are conditions alone.
        coming: date of the session to come, as days since 1970-01-01, which tells what "last week" is; left out: the
            day after the last.
    """
    if days is None or not len(days):
        return list(_conditions(None))
    coming = int(days.day[-1]) + 1 if coming is None else coming
    price = days.price
    step = _step(days)
    found = [*_extremes(days, coming), *_rounder_numbers(price, step), *_round_numbers(price, step)]
    levels = [_with_role(own, price) for own in _merged(found)]
    levels.sort(key=lambda own: own.price or 0, reverse=True)
    return [*levels, *_conditions(days)]


def of_price(price: float, last: float | None) -> Proposal:
    """A level that somebody named, with `last`, the last close, if it is known."""
    own = Proposal(written(price), "Chosen by hand.", "warning", price=price)
    return own if last is None else _with_role(own, last)


def _extremes(days: Days, coming: int) -> Iterator[Proposal]:
    """Highs and lows that stand for long, the weightiest first."""
    year = days.day > days.day[-1] - _YEAR
    if days.day[0] <= days.day[-1] - _YEAR + _WEEK:  # a holiday or two may be missing where a year begins
        yield from _pair(days, year, "52-week {}", "critical")
    if len(days) >= _MONTH:
        yield from _pair(days, days.day >= days.day[-_MONTH], "20-day {}", "warning")
    monday = coming - _weekday(coming)
    week = (days.day < monday) & (days.day >= monday - _WEEK)
    if week.any():
        yield from _pair(days, week, "last week's {}", "info")


def _pair(days: Days, which: NDArray[np.bool_], name: str, severity: Severity) -> Iterator[Proposal]:
    """The highest high and the lowest low of some sessions, each with its date."""
    for word, prices, place in (("high", days.high, np.argmax), ("low", days.low, np.argmin)):
        i = int(np.flatnonzero(which)[place(prices[which])])
        own = name.format(word)
        reason = f"{own[0].upper()}{own[1:]}, of {_date(int(days.day[i]))}"
        yield Proposal(own, reason, severity, price=float(prices[i]))


def _round_numbers(price: float, step: float) -> Iterator[Proposal]:
    """The multiples of `step` nearest to the price, some on either side."""
    for own in _multiples(price, step, ROUND_NUMBERS):
        yield Proposal(written(own), "A round number: orders lie there", "warning", price=own)


def _rounder_numbers(price: float, step: float) -> Iterator[Proposal]:
    """The same with a step ten times as wide: the numbers that make headlines."""
    for own in _multiples(price, 10 * step, 1):
        if abs(own - price) <= FAR * price:
            yield Proposal(written(own), "A number that makes headlines", "critical", price=own)


def _multiples(price: float, step: float, count: int) -> Iterator[float]:
    """So many multiples of `step` at or below the price, and so many above it; none of them 0."""
    below = math.floor(price / step)
    for number in range(max(below - count, 0) + 1, below + count + 1):
        yield float(f"{number * step:.12g}")  # 3 * 0.1 is 0.3


def _step(days: Days) -> float:
    """1 or 5 times a power of ten, whichever is nearest to `_STEP_IN_RANGES` average true ranges."""
    before = np.concatenate([days.close[:1], days.close[:-1]])
    ranges = np.maximum(days.high, before) - np.minimum(days.low, before)
    wanted = _STEP_IN_RANGES * float(ranges[-_RANGES:].mean())
    wanted = min(max(wanted, days.price * 5 * BAND), days.price / 2)
    ten = 10.0 ** math.floor(math.log10(wanted))
    return min((ten, 5 * ten, 10 * ten), key=lambda own: abs(math.log(own / wanted)))


def _merged(found: Sequence[Proposal]) -> list[Proposal]:
    """Those that are apart; each names what lies within its band."""
    kept: list[Proposal] = []
    for own in found:
        near = min(kept, key=lambda other: _apart(own, other), default=None)
        if near is None or not is_near(own, near):
            kept.append(own)
        else:
            also = f"round {own.name}" if own.reason.startswith("A ") else own.name
            joined = f"{near.reason}{',' if '; also' in near.reason else '; also'} {also}"
            kept[kept.index(near)] = replace(near, reason=joined)
    return kept


def is_near(own: Proposal, other: Proposal) -> bool:
    """Whether two levels are within one re-arm band; a condition is near nothing."""
    return own.price is not None and other.price is not None and _apart(own, other) < BAND


def _apart(own: Proposal, other: Proposal) -> float:
    """How far two levels are from each other, as a share of the higher one."""
    a, b = own.price or 0, other.price or 0
    return abs(a - b) / max(a, b)


def _with_role(own: Proposal, price: float) -> Proposal:
    """What the level is from `price`: support below it; above it resistance, or a breakout where it is critical."""
    own = replace(own, reason=f"{own.reason.rstrip('.')}.")
    if (own.price or 0) <= price:
        return replace(own, role="support")
    if own.severity == "critical":
        return replace(own, role="breakout", confirm="1h")
    return replace(own, role="resistance")


def _conditions(days: Days | None) -> Iterator[Proposal]:
    """What moves with the market, with where it stands now."""
    for word, way, reason in (
        ("high", "above", "Above the high of the session before: buyers pay up."),
        ("low", "below", "Below the low of the session before: sellers let go."),
    ):
        now = float(getattr(days, word)[-1]) if days else None
        when = f"price crosses {way} previous.{word}"
        yield Proposal(f"previous {word}", reason, "info", when=when, now=now)
    for length, (severity, reason) in _AVERAGES.items():
        if days is None or len(days) >= length:
            now = float(f"{days.close[-length:].mean():.7g}") if days else None
            when = f"price crosses sma({length})@1d"
            yield Proposal(f"{length}-day average", reason, severity, when=when, now=now)


def _date(day: int) -> str:
    own = date.fromordinal(_EPOCH + day)
    return f"{own.day} {own:%B %Y}"


def _weekday(day: int) -> int:
    """Monday is 0."""
    return date.fromordinal(_EPOCH + day).weekday()

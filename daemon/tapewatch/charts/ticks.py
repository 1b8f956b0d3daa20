"""Where a scale has its numbers and a time axis its times."""

import math
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, tzinfo
from typing import NamedTuple
from zoneinfo import ZoneInfo

from tapewatch.market.ticks import NS
from tapewatch.market.timeframes import DAY, duration_ns

_SHUT = 50 * 60
"""Seconds without a bar, beyond the bar's own, after which trading began anew: a pause for lunch is an hour."""

_MOST_DECIMALS = 14

_Key = Callable[[datetime], object]


class Tick(NamedTuple):
    """A time on the axis."""

    bar: int
    label: str
    starts: bool
    """Whether a session, a month or a year starts here."""


def clock(zone: str) -> tzinfo:
    """The time zone of that name; UTC where there is none."""
    try:
        return ZoneInfo(zone)
    except (KeyError, ValueError, OSError):
        return UTC


def zone_name(moment: datetime) -> str:
    """`EST`; where people have no letters for it, `UTC+08`."""
    name = moment.strftime("%Z")
    return f"UTC{name}" if name[:1] in "+-" else name


def day_name(moment: datetime) -> str:
    """`Fri 8 Nov 2019`."""
    return f"{moment:%a} {moment.day} {moment:%b} {moment.year}"


def times(starts: Sequence[int], zone: str) -> list[datetime]:
    """Starts of bars in the exchange's zone."""
    own = clock(zone)
    return [datetime.fromtimestamp(start, own) for start in starts]


def breaks(starts: Sequence[int], timeframe: str, zone: str) -> list[int]:
    """The bars with which a session begins, the first one left out; none of daily bars."""
    if timeframe == DAY:
        return []
    length = duration_ns(timeframe) // NS
    local = times(starts, zone)
    return [
        bar
        for bar in range(1, len(starts))
        if (gap := starts[bar] - starts[bar - 1] - length) > 0
        and (gap >= _SHUT or local[bar].date() != local[bar - 1].date())
    ]


def time_ticks(starts: Sequence[int], timeframe: str, zone: str, most: int) -> list[Tick]:
    """At most about so many times for an axis, the first of them a date.

    Args:
        starts: of the bars, s since 1970 UTC.
        timeframe: of the bars.
        zone: the exchange's.
        most: how many labels have room.
    """
    local = times(starts, zone)
    if not local:
        return []
    daily = timeframe == DAY
    first = Tick(0, f"{local[0]:%b} {local[0].year}" if daily else _day(local[0]), True)
    for key, label in _LONG if daily else _SHORT + _LONG:
        bars = [bar for bar in range(1, len(local)) if key(local[bar]) != key(local[bar - 1])]
        if len(bars) <= most:
            return [first, *(_tick(bar, local[bar - 1], local[bar], label, daily) for bar in bars)]
    return [first]


def spaced(ticks: Sequence[Tick], apart: int) -> list[Tick]:
    """Those that are at least so many bars apart; where a session starts goes before other times, and the first.

    The first label begins at its bar, where the others have their middle: the next one is half as far again from it.
    """
    kept: list[Tick] = []
    for tick in ticks:
        if not kept or tick.bar - kept[-1].bar >= (apart if kept[-1].bar else 1.5 * apart):
            kept.append(tick)
        elif tick.starts and (not kept[-1].starts or kept[-1].bar == 0):
            kept[-1] = tick
    return kept


def _tick(bar: int, before: datetime, at: datetime, label: "_Label", daily: bool) -> Tick:
    """The label says the coarsest thing that changed."""
    if daily:
        starts = before.year != at.year
        return Tick(bar, str(at.year) if starts else label(at), starts)
    starts = before.date() != at.date()
    return Tick(bar, _day(at) if starts else label(at), starts)


_Label = Callable[[datetime], str]


def _day(at: datetime) -> str:
    return f"{at.day} {at:%b}"


def _hour(at: datetime) -> str:
    return f"{at:%H:%M}"


def _month(at: datetime) -> str:
    return f"{at:%b}"


def _year(at: datetime) -> str:
    return str(at.year)


def _minutes(span: int) -> tuple[_Key, _Label]:
    return lambda at: (at.date(), (60 * at.hour + at.minute) // span), _hour


_SHORT = [_minutes(span) for span in (1, 5, 10, 15, 30, 60, 120, 180, 240, 360, 720)]
_LONG: list[tuple[_Key, _Label]] = [
    (lambda at: at.date(), _day),
    (lambda at: at.isocalendar()[:2], _day),
    (lambda at: (at.year, at.month), _month),
    (lambda at: (at.year, at.month // 4), _month),
    (lambda at: at.year, _year),
    (lambda at: at.year // 5, _year),
]
"""What changes at a tick, and what its label says; the finest first."""


def price_ticks(low: float, high: float, most: int) -> Iterator[tuple[float, str]]:
    """Round numbers from `low` to `high`, at most so many, with labels of equally many decimals."""
    span = high - low
    if not (math.isfinite(span) and span > 0):
        return
    exact = span / max(most, 1)
    unit = 10.0 ** math.floor(math.log10(exact))
    step = next(unit * own for own in (1, 2, 2.5, 5, 10) if unit * own >= exact * (1 - 1e-9))
    decimals = next(
        (own for own in range(_MOST_DECIMALS) if math.isclose(round(step, own), step, rel_tol=1e-6)),
        _MOST_DECIMALS,
    )
    for number in range(math.ceil(low / step), math.floor(high / step) + 1):
        value = number * step
        yield value, f"{value:,.{decimals}f}"

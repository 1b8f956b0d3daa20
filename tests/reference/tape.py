"""First pass: what the tape does to bars, before any rule is asked.

The order in which one tick is handled:

1. the clock, which is the highest event time of the ticks *before* this one, refused and held ones included,
   closes the bars that ended 2 s ago or earlier;
2. a tick outside the watch's hours is refused but closes the bars whose end it has reached; any other refused
   tick, and a held one, does nothing;
3. each tick that is admitted by it (itself, or the three that were held), at its own event time, closes the
   bars whose end it has reached and then counts in the forming ones;
4. its own time enters the clock.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Literal, NamedTuple

from reference.admission import Admission
from reference.bars import Bars
from reference.sessions import Calendar, Session, calendar
from reference.ticks import NS, Bar, Tick, duration
from tapewatch.config import Watch

CLOSE_AFTER = 2 * NS


class Closed(NamedTuple):
    bar: Bar
    quiet: bool  # closed in the warm-up: fires nothing


class Admitted(NamedTuple):
    tick: Tick
    hours: Literal["regular", "extended"]
    gap: Literal["session"] | None
    counted: list[str]  # timeframes in whose forming bar it counts


@dataclass
class Tape:
    """What happened, in order, and how many ticks were refused or held and never admitted."""

    events: list[Closed | Admitted]
    refused: dict[str, int]
    never_admitted: int


def timeframes_of(watch: Watch) -> list[str]:
    """The watch's timeframes, and those its confirmations and conditions name, shortest first."""
    names = set(watch.timeframes)
    names |= {level.confirm for level in watch.level if level.confirm}
    names |= {zone.confirm for zone in watch.zone if zone.confirm}
    names |= {word.rsplit("@", 1)[1] for rule in watch.condition for word in rule.when.split() if "@" in word}
    return sorted(names, key=duration)


@cache
def fraction(percentage: str) -> float:
    return float(percentage.strip().rstrip("%")) / 100


def walk(ticks: Sequence[Tick], watch: Watch, history: Sequence[Bar] = (), end: int | None = None) -> Tape:
    """The first pass; `end` is where the tape ends, as in `reference_replay`."""
    hours = calendar(watch.calendar, watch.hours)
    bars = Bars(timeframes_of(watch), hours)
    max_jump = None if watch.max_jump == "off" else fraction(watch.max_jump)
    admission = Admission(hours, set(watch.skip_conditions), max_jump)
    events: list[Closed | Admitted] = []
    refused: dict[str, int] = {}
    offered = admitted_count = 0

    if ticks:
        events += _warm_up(bars, admission, history, ticks[0].time)
    clock = 0
    before: Session | None = None  # session of the last admitted tick
    for tick in ticks:
        events += [Closed(bar, False) for bar in bars.close(clock - CLOSE_AFTER)]
        reason = admission.refusal(tick, bars.closed_until.get(bars.timeframes[0]))
        if reason is not None:
            refused[reason] = refused.get(reason, 0) + 1
        if reason == "hours":
            events += [Closed(bar, False) for bar in bars.close(tick.time)]
        if reason is None:
            offered += 1
            last_session = before
            for admitted in admission.admit(tick):
                admitted_count += 1
                events += [Closed(bar, False) for bar in bars.close(admitted.time)]
                session = _session(hours, admitted)
                regular = session.open <= admitted.time < session.close
                gap = last_session is not None and last_session.last < session.first
                events.append(
                    Admitted(
                        admitted,
                        "regular" if regular else "extended",
                        "session" if gap else None,
                        bars.count(admitted),
                    )
                )
                before = session
        clock = max(clock, tick.time)
    if ticks:
        clock = max(clock, (ticks[-1].time if end is None else end) + CLOSE_AFTER)
        events += [Closed(bar, False) for bar in bars.close(clock - CLOSE_AFTER)]
    return Tape(events, refused, offered - admitted_count)


def _session(hours: Calendar, tick: Tick) -> Session:
    session = hours.session(tick.time)
    assert session is not None
    return session


def _warm_up(bars: Bars, admission: Admission, history: Sequence[Bar], first: int) -> list[Closed]:
    """History up to the tape's first tick; its bars close quietly, and its last close is the last price."""
    closed: list[Bar] = []
    for bar in history:
        if bar.end > first:
            continue
        closed += bars.close(bar.start)
        bars.merge(bar)
        admission.last = bar.close
    closed += bars.close(first)
    return [Closed(bar, True) for bar in closed]

"""First pass: what the tape does to bars, before any rule is asked.

The order in which one tick is handled:

1. the clock, which is the highest event time of the ticks *before* this one, refused and held ones included,
   closes the bars that ended 2 s ago or earlier;
2. a tick outside the watch's hours is refused but closes the bars whose end it has reached; any other refused
   tick, and a held one, does nothing;
3. each tick that is admitted by it (itself, or the three that were held), at its own event time, closes the
   bars whose end it has reached and then counts in the forming ones;
4. its own time enters the clock.

Of a composite each leg has an admission of its own, and an admitted tick of either leg becomes a tick of the
composite once both have a price since the last session break.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from reference.admission import Admission
from reference.bars import Bars
from reference.conditions import parse_condition
from reference.levels import fraction
from reference.sessions import Calendar, Session, calendar
from reference.ticks import NS, Bar, Settlement, Tick, duration
from tapewatch.config import Level, Watch, Zone

CLOSE_AFTER = 2 * NS


class Closed(NamedTuple):
    bar: Bar
    quiet: bool  # closed in the warm-up: fires nothing


class Merged(NamedTuple):
    """A bar of history came in."""

    bar: Bar
    session: Session
    counted: dict[str, int]  # as of `Admitted`


class Reached(NamedTuple):
    """All bars that end up to `time` have closed."""

    time: int


class Admitted(NamedTuple):
    tick: Tick
    session: Session
    hours: Literal["regular", "extended"]
    gap: Literal["session"] | None
    counted: dict[str, int]  # start of the forming bar it counts in, by timeframe


class Settled(NamedTuple):
    """The daily bar that closed last is this one."""

    bar: Bar


Event = Closed | Merged | Reached | Admitted | Settled


def timeframes_of(watch: Watch) -> list[str]:
    """The watch's timeframes, and those that its rules and bands name, shortest first."""
    rules: list[Level | Zone] = [*watch.level, *watch.zone]
    names = set(watch.timeframes)
    names |= {rule.confirm for rule in rules if rule.confirm}
    for condition in watch.condition:
        names |= set(parse_condition(condition.when).timeframes)
        if condition.on not in (None, "tick", "close"):
            names.add(condition.on)
    bands = [watch.rearm, *(rule.rearm for rule in rules)]
    if any(isinstance(band, str) and band.endswith("atr") for band in bands):
        names.add("1d")
    if "vwap" in watch.indicators:
        names.add("1d")
    return sorted(names, key=duration)


@dataclass
class Legs:
    """The last price of each leg of a composite, and in which stretch of sessions without a break it was."""

    calendar: Calendar
    prices: dict[int, tuple[float, int]] = field(default_factory=dict)

    def composite(self, tick: Tick) -> Tick | None:
        """The composite's tick that an admitted tick of a leg makes, if the other has a price, too."""
        assert tick.leg is not None
        session = self.calendar.session(tick.time)
        assert session is not None
        stretch = self.calendar.stretch(session)
        self.prices[tick.leg] = tick.price, stretch
        other = self.prices.get(1 - tick.leg)
        if other is None or other[1] != stretch:
            return None
        return Tick(tick.time, self.prices[0][0] / self.prices[1][0])


class Walk:
    def __init__(self, watch: Watch) -> None:
        self.hours = calendar(watch.calendar, watch.hours)
        self.bars = Bars(timeframes_of(watch), self.hours)
        max_jump = None if watch.max_jump == "off" else fraction(watch.max_jump)
        skip = set(watch.skip_conditions)
        self.admission = {leg: Admission(self.hours, skip, max_jump) for leg in (None, 0, 1)}
        self.legs = Legs(self.hours)
        self.events: list[Event] = []
        self.refused: dict[str, int] = {}
        self.never_admitted = 0
        self.settled: list[bool] = []  # of each settlement, whether it was taken
        self.clock = 0
        lasting = any(condition.lasting for condition in watch.condition)
        self.timed = bool(lasting or watch.settle_after)  # else it matters to nobody what has been reached
        self.before: Session | None = None  # session of the last admitted tick

    def reach(self, time: int) -> None:
        self.events += [Closed(bar, False) for bar in self.bars.close(time)]
        if self.timed:
            self.events.append(Reached(time))

    def offer(self, tick: Tick) -> None:
        self.reach(self.clock - CLOSE_AFTER)
        admission = self.admission[tick.leg]
        reason = admission.refusal(tick, self.bars.closed_until.get(self.bars.timeframes[0]))
        if reason is not None:
            self.refused[reason] = self.refused.get(reason, 0) + 1
        if reason == "hours":
            self.reach(tick.time)
        if reason is None:
            admitted, before = admission.admit(tick), self.before
            self.never_admitted += 1 - len(admitted)
            for own in admitted:
                made = own if own.leg is None else self.legs.composite(own)
                if made is not None:
                    self.count(made, before)
        self.clock = max(self.clock, tick.time)

    def count(self, tick: Tick, before: Session | None) -> None:
        """Count an admitted tick; `before` is the session of the last one, of three held that of the first."""
        self.reach(tick.time)
        session = self.hours.session(tick.time)
        assert session is not None
        hours: Literal["regular", "extended"] = (
            "regular" if session.open <= tick.time < session.close else "extended"
        )
        stretch = self.hours.stretch
        gap: Literal["session"] | None = (
            "session" if before is not None and stretch(before) < stretch(session) else None
        )
        self.events.append(Admitted(tick, session, hours, gap, self.bars.count(tick)))
        self.before = session

    def settle(self, bar: Bar) -> None:
        """Take the official daily bar, if it is that of the session that closed last and no later one began.

        It comes some time after the session's end, and the clock is told.
        """
        self.clock = max(self.clock, bar.end + CLOSE_AFTER)
        self.reach(self.clock - CLOSE_AFTER)
        mine = self.bars.closed_until.get("1d") == bar.end and "1d" not in self.bars.forming
        self.settled.append(mine)
        if mine:
            self.events.append(Settled(bar))

    def warm_up(self, history: Sequence[Bar], first: int) -> None:
        """History up to the tape's first tick; its bars close quietly, and its last close is the last price."""
        for bar in history:
            if bar.end > first:
                continue
            self.events += [Closed(closed, True) for closed in self.bars.close(bar.start)]
            session = self.hours.session(bar.start)
            assert session is not None
            self.events.append(Merged(bar, session, self.bars.merge(bar)))
            self.admission[None].last = bar.close
        self.events += [Closed(closed, True) for closed in self.bars.close(first)]


def walk(
    items: Sequence[Tick | Settlement], watch: Watch, history: Sequence[Bar] = (), end: int | None = None
) -> Walk:
    """The first pass; `end` is where the tape ends, as in `reference_replay`."""
    tape = Walk(watch)
    ticks = [item for item in items if isinstance(item, Tick)]
    if ticks:
        tape.warm_up(history, ticks[0].time)
    for item in items:
        if isinstance(item, Tick):
            tape.offer(item)
        else:
            tape.settle(item.bar)
    if ticks:
        tape.reach(max(tape.clock - CLOSE_AFTER, ticks[-1].time if end is None else end))
    return tape

"""What a condition's event is, and how long, how often and in which hours the whole may fire."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal, NamedTuple, Protocol

from reference.conditions import Meaning, Operand, Part
from reference.divergence import Divergences
from reference.indicators import compute
from reference.judge import Judge
from reference.levels import DIRECTION, Edge, Zone, band_of
from reference.sessions import Calendar, Session
from reference.ticks import Bar, duration
from reference.values import Market


class Moment(NamedTuple):
    """An instant at which conditions are checked: an admitted tick, or the close of a bar."""

    time: int
    price: float
    session: Session
    closed: Bar | None = None
    closing: bool = False  # belongs to the bars that end at `time`, not to those that begin
    quiet: bool = False  # in the warm-up: fires nothing
    hours: Literal["regular", "extended"] = "regular"
    gap: Literal["session"] | None = None
    counted: Sequence[str] = ()  # timeframes in whose forming bar the tick counts


class Turn(NamedTuple):
    """What happened to an event. What is not `told` may still end what an earlier turn began."""

    type: str
    direction: str | None
    told: bool = True
    place: tuple[str, ...] = ()  # `level`, or `low` and `high`
    stage: str | None = None
    pivot: int | None = None


class Watcher(Protocol):
    def look(self, market: Market, moment: Moment) -> list[Turn]: ...


def truth(part: Part, market: Market, judge: Judge) -> bool:
    """Whether a state holds, or whether that holds which an event is about."""
    left, low, high = (market.value(own) for own in (part.left, part.low, part.high))
    if left is None or low is None or high is None:
        return False  # a change that cannot be measured
    match part.verb:
        case ">":
            return judge.over(left, low)
        case ">=" | "crosses":
            return judge.at_least(left, low)
        case "<":
            return judge.over(low, left)
        case "<=":
            return judge.at_least(low, left)
        case "within":
            return judge.at_least(part.distance, abs(left - low))
        case "within %":
            return judge.at_least(part.distance / 100 * abs(low), abs(left - low))
        case "enters" | "leaves":
            return judge.at_least(left, low) and judge.at_least(high, left)
    raise AssertionError(part)


@dataclass
class PriceCross:
    """A level at what price crosses, which may move."""

    part: Part
    rearm: float | str
    judge: Judge
    edge: Edge = field(init=False)

    def __post_init__(self) -> None:
        self.edge = Edge(self.judge)

    def look(self, market: Market, moment: Moment) -> list[Turn]:
        level = market.value(self.part.low)
        assert level is not None
        passage = self.edge.see(moment.price, level, band_of(self.rearm, level, market.average_range))
        if passage is None:
            return []
        direction = DIRECTION[passage]
        return [Turn(f"level.{passage}", direction, self.part.only in (None, direction), ("level",))]


@dataclass
class PriceZone:
    part: Part
    zone: Zone

    def look(self, market: Market, moment: Moment) -> list[Turn]:
        passage = self.zone.see(moment.price, market.average_range)
        if passage is None:
            return []
        told = passage.startswith("entered" if self.part.verb == "enters" else ("broke", "rejected"))
        return [Turn(f"zone.{passage}", DIRECTION[passage], told, ("low", "high"))]


@dataclass
class Changes:
    """Any other cross, entry or leave; and, without an event, all states together."""

    parts: Sequence[Part]
    judge: Judge
    before: bool | None = None

    def look(self, market: Market, moment: Moment) -> list[Turn]:
        first = self.parts[0]
        holds = all(truth(part, market, self.judge) for part in self.parts)
        before, self.before = self.before, holds
        if before in (None, holds):
            return []
        turn = "up" if holds else "down"
        if first.verb == "crosses":
            return [Turn("condition.fired", turn, first.only in (None, turn))]
        if first.is_event:
            return [Turn("condition.fired", None, holds == (first.verb == "enters"))]
        way = {">": "up", ">=": "up", "<": "down", "<=": "down"}.get(first.verb)  # of the first state
        return [Turn("condition.fired", way, holds)]


def found(part: Part, bars: Sequence[Bar], judge: Judge) -> Divergences:
    oscillator = compute(part.left.indicator, bars)[part.left.name]
    return Divergences(bars, oscillator, judge)


@dataclass
class Parting:
    """A divergence: confirmed at closes, forming at ticks."""

    part: Part
    found: Divergences
    told: set[tuple[int, str]] = field(default_factory=set)

    def look(self, market: Market, moment: Moment) -> list[Turn]:
        assert self.part.left.timeframe is not None
        series = market.series[self.part.left.timeframe]
        if moment.closed is not None:
            name = self.found.confirmed.get(len(series.bars) - 1)
            return [self.turn(name, "confirmed", None)] if name and self.wants(name) else []
        if series.forming is None:
            return []
        value = market.value(self.part.left)
        early = self.found.forming(len(series.bars), series.forming, value)
        return [
            self.turn(name, "forming", pivot)
            for pivot, name in early
            if self.wants(name) and (pivot, name) not in self.told
        ]

    def settle(self, index: int, bar: Bar) -> None:
        """The `index`-th daily bar is `bar`, and its oscillator another."""
        if self.part.left.timeframe == "1d":
            bars = [*self.found.bars[:index], bar, *self.found.bars[index + 1 :]]
            self.found = found(self.part, bars, self.found.judge)

    def wants(self, name: str) -> bool:
        kind, side = name.split("_")
        return (kind == "hidden") == self.part.hidden and self.part.only in (None, side)

    @staticmethod
    def turn(name: str, stage: str, pivot: int | None) -> Turn:
        direction = "down" if name.endswith("bearish") else "up"
        return Turn(f"divergence.{name}", direction, stage=stage, pivot=pivot)


@dataclass
class Condition:
    """One condition of the config."""

    config: Any
    meaning: Meaning
    on: str | None  # the timeframe at whose close it is checked; None: on every tick
    watcher: Watcher
    lasting: int  # ns that it must stay true
    frequency: str
    bar: str  # the timeframe of `once per bar`
    calendar: Calendar
    expires: int | None
    window: tuple[int, int] | None  # ns after midnight on the exchange's clock
    judge: Judge
    standing: Turn | None = None  # what happened and must last
    waiting: int | None = None  # when it has lasted long enough
    fired: tuple[int, ...] | None = None  # the bar, session or tape in which it fired last

    @cached_property
    def needed(self) -> list[Operand]:
        """What must have a value for it to be checked."""
        return [own for part in self.meaning.parts for own in part.operands if own.kind != "change"]

    @cached_property
    def warns(self) -> bool:
        """It is checked on ticks, too, for early warnings."""
        return self.meaning.event is not None and self.meaning.event.forming

    def open_at(self, moment: Moment) -> bool:
        """Whether it is checked at all."""
        if self.expires is not None and moment.time >= self.expires:
            return False
        if moment.closed is None and moment.hours == "extended" and not self.meaning.price_event:
            return False
        if self.window is None:
            return True
        begin, end = self.window
        if moment.closed is not None:
            return begin < self.calendar.clock(moment.time) <= end
        return begin <= self.calendar.clock(moment.time) < end

    def check(self, market: Market, moment: Moment) -> list[Turn]:
        """What is to be told now, if the frequency lets it."""
        if not self.open_at(moment):
            return []
        if any(market.value(own) is None for own in self.needed):
            return []
        turns = self.watcher.look(market, moment)
        holds = all(truth(part, market, self.judge) for part in self.meaning.states)
        told = [turn for turn in turns if turn.told and holds and not moment.quiet]
        if not self.lasting:
            return told
        if turns:
            self.waiting, self.standing = None, told[-1] if told else None
        if self.standing is not None:
            if not holds or not self.is_so(market, moment.price):
                self.waiting = None
            elif self.waiting is None and moment.time + self.lasting <= self.limit(moment):
                self.waiting = moment.time + self.lasting
        return []

    def is_so(self, market: Market, price: float) -> bool:
        """Whether price is where the passage that must last left it."""
        assert self.standing is not None
        if not self.standing.place:
            return True
        assert self.meaning.event is not None
        low, high = market.value(self.meaning.event.low), market.value(self.meaning.event.high)
        assert low is not None
        assert high is not None
        if self.standing.type.endswith(("broke_above", "rejected_up")):
            return self.judge.over(price, high)
        if self.standing.type.endswith(("broke_below", "rejected_down", "crossed_down")):
            return self.judge.over(low, price)
        return self.judge.at_least(price, low) and (
            "level" in self.standing.place or self.judge.at_least(high, price)
        )

    def begin_session(self, market: Market, last: float, opens: bool) -> None:
        """A session begins, or its daily bar `opens`: a level that jumps with it takes its side anew.

        That of the previous session is seen from the `last` price before, that of the session from its first tick.
        """
        if not isinstance(self.watcher, PriceCross):
            return
        low = self.watcher.part.low
        of_session = low.kind == "vwap" or (low.kind == "bar" and low.timeframe == "1d")
        if not (of_session if opens else low.kind == "previous"):
            return
        self.waiting = self.standing = None
        known = self.watcher.edge.above is not None
        self.watcher.edge = Edge(self.judge)
        level = market.value(low)
        if known and not opens and level is not None:
            self.watcher.edge.see(last, level, 0)

    def limit(self, moment: Moment) -> int:
        """The last instant at which what begins now may be up: a break takes it back."""
        session = moment.session
        limit = self.calendar.unbroken_until(session)
        if limit == session.last and not self.meaning.price_event:
            limit = session.close
        if self.window is not None:
            midnight = moment.time - self.calendar.clock(moment.time)
            limit = min(limit, midnight + self.window[1])
        return limit if self.expires is None else min(limit, self.expires - 1)

    def may_fire(self, moment: Moment) -> bool:
        return self.fired is None or self.fired != self.span(moment)

    def span(self, moment: Moment) -> tuple[int, ...] | None:
        """In which of the bars, sessions or tapes, of which each fires once, `moment` lies."""
        session = moment.session
        match self.frequency:
            case "once":
                return ()
            case "once per session":
                return (session.open,)
            case "once per bar":
                if self.bar == "1d":
                    return (session.open,)
                inside = moment.time - session.open - moment.closing
                return session.open, inside // duration(self.bar)
        return (-1,)

    def note(self, moment: Moment, turn: Turn) -> None:
        """Remember that it fired."""
        if self.frequency != "always":
            self.fired = self.span(moment)
        if isinstance(self.watcher, Parting) and turn.pivot is not None:
            self.watcher.told.add((turn.pivot, turn.type.removeprefix("divergence.")))

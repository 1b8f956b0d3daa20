"""The trace of an alert: the ticks, bars and figures behind it, kept with it for `tapewatch explain`.

It is made at the instant at which the rule fired, from what the engine copied then, so that nothing in it has moved on.
"""

import math
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, Literal, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from tapewatch.alerts.build import iso_ns
from tapewatch.alerts.comparisons import Comparison, Edge, Place, comparisons_of, edges_of, place_before
from tapewatch.alerts.last_ticks import LastTicks
from tapewatch.alerts.rule_words import rule_words
from tapewatch.engine.events import BAR_VALUES, Events
from tapewatch.engine.layout import Layout
from tapewatch.engine.watch import ConditionRule
from tapewatch.market.sessions import Sessions
from tapewatch.market.ticks import NOT_LAST, NS

UP_TO = 16
"""Ticks up to the one that fired."""
AFTER = 8
"""Ticks of the same frame after it."""

_FIRST_LOOK = 48
"""Ticks before the newest frame among which a symbol's last ones mostly are."""

By = Literal["tick", "close", "time", "history"]
"""What made the rule fire: a tick; the close of a bar; a `for` that was over; history, after an outage."""


class TraceTick(msgspec.Struct, frozen=True, array_like=True):
    """A tick as it came, whether it was admitted or not."""

    time_ns: str
    """Event time, ns since 1970 UTC, as digits."""
    price: float
    size: float
    leg: str = ""
    """Of a composite: the symbol that ticked."""


class TraceBar(msgspec.Struct, frozen=True):
    """A bar as it was when the rule fired, the tick that fired included."""

    timeframe: str
    start: str
    """ISO 8601 UTC."""
    open: float
    high: float
    low: float
    close: float
    volume: float
    forming: bool


class Trace(msgspec.Struct, frozen=True, omit_defaults=True):
    """How an alert came about."""

    rule: str
    """The rule in words, as `rule_words` has it."""
    by: By
    closed: str | None = None
    """Timeframe of the bar whose close was checked."""
    was: Place | None = None
    """Where price was on record before, of a level or zone."""
    edges: tuple[Edge, ...] = ()
    """What price passed, of a level or zone."""
    comparisons: tuple[Comparison, ...] = ()
    """What else was compared, an event first."""
    lasted: int = 0
    """How long (ns) it had to stay true."""
    bars: tuple[TraceBar, ...] = ()
    """Of every timeframe that has begun one, the shortest first."""
    session: tuple[str, str] | None = None
    """Open and close of the regular hours, ISO 8601 UTC; of the next ones, where the exchange was shut."""
    ticks: tuple[TraceTick, ...] = ()
    """The symbol's last ones; where `by` is `tick`, the last of them fired."""
    after: tuple[TraceTick, ...] = ()
    """Ticks that came with it, after it."""


_Ticks = tuple[TraceTick, ...]


class _Tape(NamedTuple):
    ticks: NDArray[np.void]
    """Rows of `TICK`, oldest first."""
    newest: int
    """Where the newest frame begins."""


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Trace).decode


def decode(line: bytes) -> Trace:
    """The trace of an entry of the stream.

    Raises:
        msgspec.ValidationError: it is none.
    """
    return _decode(line)


class TraceBuilder:
    """Makes the traces of one engine's events.

    Args:
        layouts: of the engine, a symbol each.
        instruments: what a tick's symbol is for every symbol that ticks may come under, as the engine has it.
    """

    def __init__(self, layouts: Sequence[Layout], instruments: Mapping[str, int]) -> None:
        self._layouts = layouts
        self._instruments = instruments
        self._sessions: dict[str, tuple[int, int, tuple[str, str] | None]] = {}
        """By calendar, the session asked for last: since and until when (ns) a time is in it, and its hours."""

    def build(self, events: Events, tapes: Sequence[LastTicks]) -> list[bytes]:
        """One trace an event, in their order, as JSON.

        Args:
            events: of the engine.
            tapes: per feed, what came last, the frame that fired included.
        """
        newest: dict[int, _Tape] = {}
        traces = []
        for event, values in zip(events.each(), events.values, strict=True):
            layout = self._layouts[event["symbol"]]
            feed = layout.watch.feed
            if feed not in newest:
                newest[feed] = _Tape(*tapes[feed].ticks(_FIRST_LOOK))
            by = _by(event)
            ticks = self._ticks(event, by, layout, newest[feed])
            if len(ticks[0]) < UP_TO:  # one of many symbols of its feed
                ticks = self._ticks(event, by, layout, _Tape(*tapes[feed].ticks()))
            traces.append(_encode(self._trace(event, values, layout, by, ticks)))
        return traces

    def _trace(
        self, event: Any, values: NDArray[np.float64], layout: Layout, by: By, ticks: tuple[_Ticks, _Ticks]
    ) -> Trace:
        watch = layout.watch
        rule = watch.rules[event["rule"]]
        after_warmth = len(layout.value_names) + len(watch.timeframes)
        closed = watch.timeframes[event["frame"]] if event["frame"] >= 0 and not event["forming"] else None
        return Trace(
            rule=rule_words(rule),
            by=by,
            closed=None if event["lasted"] else closed,
            was=place_before(event),
            edges=edges_of(event, rule, float(values[after_warmth])),
            comparisons=tuple(comparisons_of(event, rule, closed)),
            lasted=rule.lasting if event["lasted"] and isinstance(rule, ConditionRule) else 0,
            bars=_bars(values[after_warmth + 1 :], watch.timeframes),
            session=self._session(watch.sessions, int(event["time"]) - (by != "tick")),
            ticks=ticks[0],
            after=ticks[1],
        )

    def _ticks(self, event: Any, by: By, layout: Layout, tape: _Tape) -> tuple[_Ticks, _Ticks]:
        """The symbol's ticks up to what fired, and those after it."""
        legs = {self._instruments[leg]: leg for leg in layout.watch.legs or ()}
        symbols, prices = tape.ticks["symbol"], tape.ticks["price"]
        mine = symbols == event["symbol"]
        for number in legs:
            mine |= symbols == number
        mine &= (tape.ticks["flags"] & NOT_LAST == 0) & (prices > 0) & (prices < np.inf)
        places = mine.nonzero()[0]
        own = _Tape(tape.ticks[places], int(places.searchsorted(tape.newest)))
        end = _end(event, by, own, composite=bool(legs))
        first = max(end - UP_TO, 0)
        told = own.ticks[first : end + AFTER].tolist()
        ticks = tuple(
            TraceTick(str(time), price, size if math.isfinite(size) else 0.0, legs.get(symbol, ""))
            for time, price, size, _, symbol, *_ in told
        )
        return ticks[: end - first], ticks[end - first :]

    def _session(self, of: Sessions, time: int) -> tuple[str, str] | None:
        """The regular hours of the session that `time` (ns) is in, or comes before."""
        since, until, hours = self._sessions.get(of.calendar, (0, 0, None))
        if not since <= time < until:
            at = of.at(time)
            if at == len(of.opens):
                return None
            hours = iso_ns(int(of.opens[at])), iso_ns(int(of.closes[at]))
            since = int(of.extended_closes[at - 1]) if at else 0
            self._sessions[of.calendar] = since, int(of.extended_closes[at]), hours
        return hours


def _by(event: Any) -> By:
    if event["late"]:
        return "history"
    if event["lasted"]:
        return "time"
    return "close" if event["frame"] >= 0 and not event["forming"] else "tick"


def _end(event: Any, by: By, own: _Tape, *, composite: bool) -> int:
    """How many of the symbol's ticks go up to what fired.

    A tick is known by its time and price (a composite's has the price of neither leg). It is one of the newest
    frame, or one that was held back since an earlier one.
    """
    times, time = own.ticks["time"], int(event["time"])
    if by == "tick":
        that = times == time
        if not composite:
            that &= own.ticks["price"] == event["price"]
        hits = that.nonzero()[0]
        of_frame = hits[hits >= own.newest]
        if len(hits):
            return int(of_frame[0] if len(of_frame) else hits[-1]) + 1
    before = (times <= time if by in ("tick", "time") else times < time).nonzero()[0]
    return int(before[-1]) + 1 if len(before) else 0


def _bars(values: NDArray[np.float64], timeframes: Sequence[str]) -> tuple[TraceBar, ...]:
    """Bars that have begun, the shortest timeframe first."""
    width = len(BAR_VALUES)
    bars = []
    for j, name in enumerate(timeframes):
        start, open_, high, low, close, volume, forming = values[width * j : width * (j + 1)].tolist()
        if not math.isnan(open_):
            begun = _iso(int(start))
            bars.append(TraceBar(name, begun, open_, high, low, close, volume, bool(forming)))
    return tuple(bars)


@lru_cache(1024)
def _iso(seconds: int) -> str:
    return iso_ns(seconds * NS)

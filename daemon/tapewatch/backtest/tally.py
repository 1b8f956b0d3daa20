"""From what fired on the tape to the figures of each rule."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tapewatch.alerts.alert import TYPE_PREFIX, Alert
from tapewatch.backtest import outcomes
from tapewatch.backtest.figures import (
    After,
    AnyBar,
    Distribution,
    Excursions,
    Figures,
    FileFigures,
    Followed,
    PerSession,
    Rearm,
    RuleFigures,
    TypeFigures,
    WatchFigures,
)
from tapewatch.backtest.nearness import nearest
from tapewatch.backtest.outcomes import HORIZONS, LONGEST, Bars, Fired
from tapewatch.backtest.rules import Measure, band, in_words, measure, own_timeframe, remembering, rules_of
from tapewatch.backtest.run import Closed, NothingToTestError, Past
from tapewatch.config import Condition, Level, Zone
from tapewatch.engine import watch as spec
from tapewatch.engine.events import TYPE_NAMES
from tapewatch.market.sessions import Sessions
from tapewatch.redaction import escaped

FEW = 30
"""Fewer windows that share no bar say little about any mean or share."""

_DECIMALS = 6
_SIDES = {"up": 1, "down": -1, None: 1}
_WAYS = ("up", "down", None)
_FOLLOWING = tuple(
    f"{TYPE_PREFIX}{kind}.{end}" for kind in ("level", "zone") for end in ("confirmed", "failed")
)
_CONFIRMED = tuple(own for own in _FOLLOWING if own.endswith("confirmed"))


@dataclass(frozen=True, eq=False)
class Heard:
    """An alert, and the session that it belongs to."""

    alert: Alert
    session: int
    """Index among the calendar's."""

    @property
    def half_hour(self) -> str:
        """`09:30`, of the exchange's day."""
        hour, minute = self.alert.data.exchange_time[11:16].split(":")
        return f"{hour}:{'30' if minute >= '30' else '00'}"

    @property
    def follows_none(self) -> bool:
        """Whether it neither confirms nor fails another one."""
        return self.alert.type not in _FOLLOWING


def tally(past: Past) -> Figures:
    """The figures of every watch that the files have something of.

    Raises:
        NothingToTestError: they have nothing of any.
    """
    by_symbol: dict[str, list[Alert]] = {watch.symbol: [] for watch in past.config.watch}
    for alert in past.alerts:
        by_symbol[alert.subject].append(alert)
    watches, notes = [], list(past.notes)
    for row, watch in enumerate(past.config.watch):
        own = _OfWatch(past, row, by_symbol[watch.symbol])
        if own.sessions:
            watches.append(own.figures())
        else:
            notes.append(f"the files have nothing of {watch.symbol} in its hours: its rules were not tested")
    if not watches:
        files = ", ".join(str(path) for path, _ in past.files)
        watched = ", ".join(watch.symbol for watch in past.config.watch)
        raise NothingToTestError(f"{files}: nothing of {watched} in its hours")
    return Figures(
        config=past.config.name,
        files=[FileFigures(path=_shown(path), ticks=ticks) for path, ticks in past.files],
        ticks=sum(ticks for _, ticks in past.files),
        refused=past.refused,
        alerts=len(past.alerts),
        few=FEW,
        notes=[escaped(note) for note in notes],
        watches=watches,
    )


class _OfWatch:
    """One watch: its bars, its alerts, its sessions."""

    def __init__(self, past: Past, row: int, alerts: Sequence[Alert]) -> None:
        self._past, self._row = past, row
        self._watch, self._spec = past.config.watch[row], past.layouts[row].watch
        self._closed: dict[str, Closed] = {
            timeframe: past.closed[row, timeframe]
            for timeframe in self._spec.timeframes
            if (row, timeframe) in past.closed
        }
        self._bars = {timeframe: _arrays(own) for timeframe, own in self._closed.items()}
        rules = {rule.name: rule for rule in self._spec.rules}
        self._heard = [
            Heard(alert, _session(alert, rules[alert.data.rule], self._spec.sessions)) for alert in alerts
        ]
        self.sessions = self._all_sessions()

    def figures(self) -> WatchFigures:
        by_rule: dict[str, list[Heard]] = {rule.name: [] for rule in self._spec.rules}
        for own in self._heard:
            by_rule[own.alert.data.rule].append(own)
        bars = {timeframe: len(self._bars.get(timeframe, ())) for timeframe in self._spec.timeframes}
        measures = [measure(rule, bars) for rule in self._spec.rules]
        measured = {own.timeframe for own in measures}
        return WatchFigures(
            symbol=self._watch.symbol,
            title=self._watch.title or self._watch.symbol,
            calendar=self._watch.calendar,
            zone=str(self._spec.sessions.zone),
            sessions=len(self.sessions),
            first=self._date(self.sessions[0]),
            last=self._date(self.sessions[-1]),
            bars=bars,
            alerts=len(self._heard),
            per_session=self._per_session(self._heard),
            any_bar={
                timeframe: [_any_bar(self._bars[timeframe], horizon) for horizon in HORIZONS]
                for timeframe in bars
                if timeframe in measured and timeframe in self._bars
            },
            rules=[
                self._rule(place, rule, measures[place], by_rule[self._spec.rules[place].name])
                for place, rule in enumerate(rules_of(self._watch))
            ],
        )

    def _rule(
        self, place: int, rule: Level | Zone | Condition, by: Measure, heard: Sequence[Heard]
    ) -> RuleFigures:
        own = self._spec.rules[place]
        named = own_timeframe(own)
        kinds: dict[tuple[str, Any, Any], list[Heard]] = {}
        for each in heard:
            data = each.alert.data
            kinds.setdefault((each.alert.type, data.direction, data.stage), []).append(each)
        ends = {each.alert.data.follows: each.alert.type for each in heard if not each.follows_none}
        return RuleFigures(
            rule=own.name,
            kind="level" if isinstance(rule, Level) else "zone" if isinstance(rule, Zone) else "condition",
            what=in_words(rule),
            alerts=len(heard),
            per_session=self._per_session(heard),
            hours=_hours(heard),
            timeframe=by.timeframe,
            why=by.why,
            own_timeframe=named[0] if named else None,
            cold=sum(not remembering(own).isdisjoint(each.alert.data.cold) for each in heard),
            rearm=self._rearm(place, band(rule, self._watch), heard),
            nearest=[] if heard else nearest(own, self._closed),
            types=[
                self._type(kinds[kind], by, ends if getattr(rule, "confirm", None) else None)
                for kind in sorted(kinds, key=_in_order)
            ],
        )

    def _type(self, heard: Sequence[Heard], by: Measure, ends: Mapping[Any, str] | None) -> TypeFigures:
        first = heard[0].alert
        fired, bars = _fired(heard), self._bars.get(by.timeframe or "")
        measured = bars is not None and len(bars)
        fine = next(iter(self._bars.values()), None)
        spread = outcomes.changes(fired, bars, LONGEST) if bars is not None and measured else np.empty(0)
        spread = spread[~np.isnan(spread)]
        width, counts = outcomes.bins(spread)
        return TypeFigures(
            type=first.type.removeprefix(TYPE_PREFIX),
            direction=first.data.direction,
            stage=first.data.stage,
            alerts=len(heard),
            per_session=self._per_session(heard),
            hours=_hours(heard),
            followed=_followed(heard, ends) if ends is not None and heard[0].follows_none else None,
            after=[_after(fired, bars, horizon) for horizon in HORIZONS],
            excursions=None if bars is None or fine is None else _excursions(fired, bars, fine),
            distribution=Distribution(width=width, alerts=counts.tolist()) if len(spread) else None,
        )

    def _rearm(self, place: int, own: str | None, heard: Sequence[Heard]) -> Rearm | None:
        if own is None:
            return None
        fired = sum(each.follows_none for each in heard)
        without = self._past.without_band[self._row, place]
        return Rearm(band=own, fired=fired, without=without, saved=without - fired)

    def _per_session(self, heard: Sequence[Heard]) -> PerSession:
        counts = Counter(own.session for own in heard)
        most = max(counts.values(), default=0)
        on = min((session for session, count in counts.items() if count == most), default=None)
        return PerSession(
            mean=_rounded(len(heard) / len(self.sessions)),
            most=most,
            most_on=None if on is None else self._date(on),
            sessions=len(counts),
        )

    def _all_sessions(self) -> list[int]:
        """The sessions of which there is a bar, an alert or the last tick, oldest first."""
        calendar = self._spec.sessions
        found = {own.session for own in self._heard}
        for bars in self._bars.values():
            found.update(np.unique(np.searchsorted(calendar.closes, bars.start, side="right")).tolist())
        if last := int(self._past.places[self._row]):
            on = calendar.at(last)
            if on < len(calendar.days) and calendar.extended_opens[on] <= last:
                found.add(on)
        return sorted(found)

    def _date(self, session: int) -> str:
        return str(np.datetime64(int(self._spec.sessions.days[session]), "D"))


def _session(alert: Alert, rule: spec.Rule, calendar: Sessions) -> int:
    """Index of the session that an alert belongs to; what fires at a close belongs to what it ends."""
    at_close = alert.type in _FOLLOWING
    if isinstance(rule, spec.ConditionRule):
        at_close = bool(rule.lasting) or (rule.on is not None and alert.data.stage != "forming")
    return min(calendar.at(int(alert.data.time_ns) - at_close), len(calendar.days) - 1)


def _arrays(closed: Closed) -> Bars:
    rows = closed.bars
    columns = (np.ascontiguousarray(rows[name]) for name in ("start", "end", "high", "low", "close"))
    return Bars(*columns)


def _fired(heard: Sequence[Heard]) -> Fired:
    data = [own.alert.data for own in heard]
    return Fired(
        time=np.array([int(own.time_ns) for own in data], np.int64),
        price=np.array([np.nan if own.price is None else own.price for own in data], np.float64),
        side=np.array([_SIDES[own.direction] for own in data], np.int64),
    )


def _hours(heard: Sequence[Heard]) -> dict[str, int]:
    return dict(sorted(Counter(own.half_hour for own in heard).items()))


def _followed(heard: Sequence[Heard], ends: Mapping[Any, str]) -> Followed:
    """How many of the alerts were confirmed, and failed; `ends`: the type of what followed, by the alert's id."""
    told = [ends[own.alert.id] for own in heard if own.alert.id in ends]
    confirmed = sum(own in _CONFIRMED for own in told)
    return Followed(confirmed=confirmed, failed=len(told) - confirmed, neither=len(heard) - len(told))


def _after(fired: Fired, bars: Bars | None, horizon: int) -> After:
    if bars is None:
        return After(bars=horizon, n=0, apart=0, mean=None, median=None, in_favour=None)
    changes = outcomes.changes(fired, bars, horizon)
    there = ~np.isnan(changes)
    mean, median, share = _spread(changes[there])
    apart = outcomes.apart(outcomes.first_after(fired, bars)[there], horizon)
    n = int(np.count_nonzero(there))
    return After(bars=horizon, n=n, apart=apart, mean=mean, median=median, in_favour=share)


def _any_bar(bars: Bars, horizon: int) -> AnyBar:
    changes = outcomes.of_any_bar(bars, horizon)
    mean, median, share = _spread(changes)
    return AnyBar(bars=horizon, n=len(changes), mean=mean, median=median, rose=share)


def _spread(changes: NDArray[np.float64]) -> tuple[float | None, float | None, float | None]:
    """Mean, median, and the share above 0."""
    if not len(changes):
        return None, None, None
    return _rounded(changes.mean()), _rounded(np.median(changes)), _rounded((changes > 0).mean())


def _excursions(fired: Fired, bars: Bars, fine: Bars) -> Excursions | None:
    best, worst = outcomes.excursions(fired, bars, fine)
    there = ~np.isnan(best)
    if not there.any():
        return None
    best, worst = best[there], worst[there]
    return Excursions(
        n=len(best),
        favourable_mean=_rounded(best.mean()),
        favourable_median=_rounded(np.median(best)),
        favourable_most=_rounded(best.max()),
        adverse_mean=_rounded(worst.mean()),
        adverse_median=_rounded(np.median(worst)),
        adverse_most=_rounded(worst.min()),
    )


def _in_order(kind: tuple[str, Any, Any]) -> tuple[int, int, str]:
    """Types as the engine counts them, up before down."""
    type_, direction, stage = kind
    return TYPE_NAMES.index(type_.removeprefix(TYPE_PREFIX)), _WAYS.index(direction), stage or ""


def _rounded(number: Any) -> float:
    return round(float(number), _DECIMALS) + 0.0


def _shown(path: Path) -> str:
    """A file's name as text that can be written anywhere."""
    return escaped(str(path))

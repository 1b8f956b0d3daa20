"""Second pass: the rules, along what `tape.walk` wrote down.

Order within one tick: bars close (by end, then the shorter timeframe first), each firing what is checked on
its close: confirmations of levels, then of zones, then conditions, in the config's order; between the closes,
after those that end at the same instant, what has stayed true for as long as it was asked to; then levels,
zones and conditions that are checked on ticks, in the config's order.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from reference.indicators import names, plain
from reference.judge import Judge
from reference.levels import DIRECTION
from reference.rules import LevelRule, ZoneRule, condition_rule, level_rules
from reference.sessions import Session
from reference.tape import Admitted, Closed, Merged, Reached, Settled, Walk, timeframes_of, walk
from reference.ticks import Bar, Settlement, Tick, duration
from reference.values import Market
from reference.watching import Condition, Moment, Parting, Turn
from tapewatch.alerts.alert import alert_id
from tapewatch.config import Watch

Alert = dict[str, Any]


class Replayed(NamedTuple):
    alerts: list[Alert]
    """In event order."""
    bars: list[dict[str, Any]]
    """The closed bars in order of closing, each with every indicator of the watch."""
    close_calls: int
    """How many comparisons rounding could have decided."""
    settled: list[bool]
    """Of each settlement, whether it was taken."""


class _Run:
    def __init__(self, tape: Walk, watch: Watch, instance: str) -> None:
        self.tape, self.watch, self.instance = tape, watch, instance
        self.judge = Judge(exact="/" not in watch.symbol)
        self.alerts: list[Alert] = []
        self.rows: list[dict[str, Any]] = []
        self.same: Counter[tuple[str, str, int]] = Counter()
        timeframes = timeframes_of(watch)
        bars: dict[str, list[Bar]] = {timeframe: [] for timeframe in timeframes}
        for event in tape.events:
            if isinstance(event, Closed):
                bars[event.bar.timeframe].append(event.bar)
        self.levels = level_rules(watch, self.judge)
        self.conditions = [
            condition_rule(own, watch, tape.hours, timeframes[0], bars, self.judge) for own in watch.condition
        ]
        self.lasting = [condition for condition in self.conditions if condition.lasting]
        named = [
            own.indicator
            for condition in self.conditions
            for part in condition.meaning.parts
            for own in part.operands
            if own.kind == "indicator"
        ]
        own = [plain(name) for name in watch.indicators if name != "vwap"]
        self.market = Market(timeframes, [*own, *named, "atr(14)"])
        self.settle_after = duration(watch.settle_after) if watch.settle_after else 0
        self.newest: Session | None = None
        self.unofficial: Bar | None = None  # a daily bar on whose close nothing was checked yet
        self.columns = [value for name in own for value in names(name)]

    def follow(self) -> None:
        for event in self.tape.events:
            if isinstance(event, Closed):
                self.on_close(event)
            elif isinstance(event, Reached):
                self.until(event.time)
                if self.unofficial is not None and event.time >= self.unofficial.end + self.settle_after:
                    self.check_day()
            elif isinstance(event, Merged):
                self.begin(event.session, event.counted)
                self.market.merge(event)
            elif isinstance(event, Settled):
                self.settle(event.bar)
            else:
                self.on_tick(event)

    def fire(
        self, type_: str, name: str, direction: str | None, price: float, time: int, **more: Any
    ) -> Alert:
        type_ = f"tapewatch.{type_}"
        key = (name, type_, time)
        alert = {
            "id": alert_id(self.instance, self.watch.symbol, name, type_, time, self.same[key]),
            "rule": name,
            "type": type_,
            "direction": direction,
            "price": price,
            "time_ns": time,
            "gap": None,
            "hours": "regular",
            "stage": None,
            "follows": None,
            "timeframe": None,
        } | more
        self.same[key] += 1
        self.alerts.append(alert)
        return alert

    def on_close(self, event: Closed) -> None:
        bar = event.bar
        self.until(bar.end - 1)
        self.market.series[bar.timeframe].close(bar)
        if not event.quiet:
            self.rows.append(self.row(bar))
        if bar.timeframe == "1d" and self.settle_after and not event.quiet:
            self.unofficial = bar
        else:
            self.checks_of_close(bar, event.quiet)

    def checks_of_close(self, bar: Bar, quiet: bool = False) -> None:
        for rule in self.levels:
            if rule.config.confirm == bar.timeframe and rule.pending is not None:
                self.confirm(rule, bar)
        moment = Moment(bar.end, bar.close, self.session(bar), closed=bar, closing=True, quiet=quiet)
        for condition in self.conditions:
            if bar.timeframe == condition.on:
                self.check(condition, moment)

    def check_day(self) -> None:
        """What waited for the official daily bar is checked with the bar there is."""
        assert self.unofficial is not None
        self.unofficial = None
        self.checks_of_close(self.market.series["1d"].bars[-1])

    def settle(self, bar: Bar) -> None:
        series = self.market.series["1d"]
        series.settle(bar)
        for condition in self.conditions:
            if isinstance(condition.watcher, Parting):
                condition.watcher.settle(len(series.bars) - 1, bar)
        if self.newest is not None and self.newest.open >= bar.end and self.market.price is not None:
            for condition in self.conditions:  # its close is already that of the previous session
                condition.begin_session(self.market, self.market.price, opens=False)
        if self.unofficial is not None:
            self.check_day()

    def session(self, bar: Bar) -> Session:
        session = self.tape.hours.session(bar.start)
        assert session is not None
        return session

    def row(self, bar: Bar) -> dict[str, Any]:
        closed = self.market.series[bar.timeframe].closed
        indicators = {name: closed[name][-1] for name in self.columns}
        if "vwap" in self.watch.indicators:
            indicators["vwap"] = self.market.vwap
        return {**vars(bar), "indicators": indicators}

    def confirm(self, rule: LevelRule | ZoneRule, bar: Bar) -> None:
        assert rule.pending is not None
        passage, followed = rule.pending
        rule.pending = None
        self.fire(
            f"{rule.kind}.{'confirmed' if rule.holds(passage, bar.close) else 'failed'}",
            rule.config.name,
            DIRECTION[passage],
            bar.close,
            bar.end,
            follows=followed["id"],
            timeframe=bar.timeframe,
            **rule.place(),
        )

    def on_tick(self, event: Admitted) -> None:
        tick = event.tick
        self.begin(event.session, event.counted)
        self.market.admit(event)
        for rule in self.levels:
            passage = rule.see(tick.price, self.market.average_range)
            if passage is None:
                continue
            alert = self.fire(
                f"{rule.kind}.{passage}",
                rule.config.name,
                DIRECTION[passage],
                tick.price,
                tick.time,
                gap=event.gap,
                hours=event.hours,
                **rule.place(),
            )
            if rule.config.confirm in event.counted:
                rule.pending = (passage, alert)
        moment = Moment(
            tick.time, tick.price, event.session, hours=event.hours, gap=event.gap, counted=[*event.counted]
        )
        for condition in self.conditions:
            if condition.on is None or condition.warns:
                self.check(condition, moment)

    def begin(self, session: Session, counted: Mapping[str, int]) -> None:
        """Before a tick counts: it may be the first of a session, or of its daily bar."""
        last = self.market.price
        if self.newest is None or session.open > self.newest.open:
            self.newest = self.market.session = session
            if last is not None:
                for condition in self.conditions:
                    condition.begin_session(self.market, last, opens=False)
        if "1d" in counted and self.market.series["1d"].forming is None:
            for condition in self.conditions:
                condition.begin_session(self.market, 0.0, opens=True)

    def check(self, condition: Condition, moment: Moment) -> None:
        for turn in condition.check(self.market, moment):
            if condition.may_fire(moment):
                self.tell(condition, turn, moment)

    def tell(self, condition: Condition, turn: Turn, moment: Moment) -> None:
        condition.note(moment, turn)
        event = condition.meaning.event
        place: dict[str, float | None] = {"level": None}
        if "level" in turn.place:
            assert event is not None
            place = {"level": self.market.value(event.low)}
        elif turn.place:
            assert event is not None
            place = {"low": event.low.number, "high": event.high.number}
        self.fire(
            turn.type,
            condition.config.name,
            turn.direction,
            moment.price,
            moment.time,
            gap=moment.gap,
            hours=moment.hours,
            stage=turn.stage,
            timeframe=self.timeframe(condition, turn),
            **place,
        )

    @staticmethod
    def timeframe(condition: Condition, turn: Turn) -> str | None:
        """At whose close it was checked; of a divergence the oscillator's, of a level that price crosses, its own."""
        meaning = condition.meaning
        if meaning.event is not None and meaning.event.verb == "diverges":
            return meaning.event.left.timeframe
        if condition.on is not None:
            return condition.on
        if len(meaning.parts) == 1 and "level" in turn.place:
            return meaning.parts[0].low.timeframe
        return None

    def until(self, time: int) -> None:
        """What has stayed true as long as asked fires, the earliest first."""
        while True:
            due = [own for own in self.lasting if own.waiting is not None and own.waiting <= time]
            if not due:
                return
            condition = min(due, key=lambda own: own.waiting or 0)
            at, turn = condition.waiting, condition.standing
            assert at is not None
            assert turn is not None
            condition.waiting = condition.standing = None
            assert self.market.price is not None
            session = self.tape.hours.session(at) or self.market.session  # at its very end it is in none
            assert session is not None
            regular = session.open <= at <= session.close
            moment = Moment(
                at,
                self.market.price,
                session,
                closing=condition.on is not None,
                hours="regular" if regular else "extended",
            )
            if condition.may_fire(moment):
                self.tell(condition, turn, moment)


def reference_replay(
    ticks: Sequence[Tick | Settlement],
    watch: Watch,
    history: Sequence[Bar] = (),
    instance: str = "test",
    end: int | None = None,
) -> Replayed:
    """Replay the tape of one symbol.

    Args:
        ticks: in the order of the tape; of a bars file `ticks_of_bars`. With official daily bars between them,
            where the watch has a `settle_after`.
        watch: as the config has it; its levels and zones must be named.
        history: bars for warm-up, oldest first; those that end after the first tick are left out.
        instance: the config's `name`, for the alerts' ids.
        end: where the tape ends, ns: left out, the time of its last tick; of a bars file its last bar's end.
    """
    run = _Run(walk(ticks, watch, history, end), watch, instance)
    run.follow()
    return Replayed(run.alerts, run.rows, run.judge.close_calls, run.tape.settled)

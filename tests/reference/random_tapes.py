"""Random tapes of two sessions: gaps, bad prices, late ticks, jumps. For Hypothesis."""

from collections.abc import Sequence
from datetime import datetime
from random import Random
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import numpy as np
from hypothesis import strategies as st

from reference.sessions import calendar
from reference.ticks import NS, Bar, Settlement, Tick, duration, ticks_of_bars
from tapewatch.market.ticks import NO_ID, NOT_LAST, empty_ticks

NOT_LAST_CONDITION = "not last"

_SHORT = [0, 0, 0, 1, NS // 1000, NS, NS, NS, 2 * NS, 2 * NS, 10 * NS, 10 * NS]
PAUSES = [*_SHORT, 50 * NS, 50 * NS, 90 * NS, 400 * NS]
FAULTS = ["nan", "inf", "negative", "zero", "late", "later", "not last", "spike", "dip", "jump", "again"]


class Move(NamedTuple):
    """A tick: how long after the one before, how far from it in quarters of a point, and what is wrong."""

    pause: int
    quarters: int
    fault: str | None


moves = st.builds(
    Move,
    st.sampled_from(PAUSES),
    st.integers(-24, 24),
    st.one_of(st.none(), st.none(), st.none(), st.sampled_from(FAULTS)),
)


def long_walk(
    seed: int, length: int, step: int = 8, pauses: Sequence[int] = PAUSES, bad: int = 10
) -> list[Move]:
    """A walk too long to be drawn move by move, pulled back to where it began; one tick in `bad` + 1 is bad."""
    random = Random(seed)
    faults = [None] * bad * len(FAULTS) + FAULTS
    walk, away = [], 0
    for _ in range(length):
        quarters = random.randint(-step, step) - round(away / 15)
        away += quarters
        walk.append(Move(random.choice(pauses), quarters, random.choice(faults)))
    return walk


seeds = st.integers(0, 2**32 - 1)
walks = st.one_of(
    st.lists(moves, min_size=1, max_size=40),
    st.builds(long_walk, seeds, st.integers(100, 300)),
)
minutes = st.builds(
    long_walk,
    seeds,
    st.integers(60, 240),
    pauses=st.sampled_from([[25 * NS, 40 * NS, 65 * NS], [60 * NS], [5 * NS, 10 * NS, 90 * NS, 130 * NS]]),
    bad=st.sampled_from([10, 40]),
)
"""Walks in which most minutes have a tick or two, so that bars and pivots come by."""


class Scene(NamedTuple):
    """Where a tape is played: a watch's calendar and hours, and when its two days begin."""

    calendar: str
    hours: str
    begins: int  # ns
    goes_on: int

    def clock(self, moment: int) -> str:
        """HH:MM at the exchange."""
        zone = ZoneInfo("UTC" if self.calendar == "24/7" else "America/New_York")
        return f"{datetime.fromtimestamp(moment // NS, zone):%H:%M}"


def _ns(text: str, zone: str = "America/New_York") -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp()) * NS


REGULAR = Scene("XNYS", "regular", _ns("2026-01-27T15:00:00"), _ns("2026-01-28T09:29:50"))
SCENES = [
    REGULAR,
    Scene("XNYS", "extended", _ns("2026-01-27T15:00:00"), _ns("2026-01-28T09:29:50")),
    Scene("XNYS", "extended", _ns("2026-01-27T15:50:00"), _ns("2026-01-28T09:20:00")),
    Scene("XNYS", "regular", _ns("2025-11-28T12:30:00"), _ns("2025-12-01T09:30:00")),  # a half day
    Scene("XNYS", "extended", _ns("2025-11-28T12:50:00"), _ns("2025-12-01T09:25:00")),
    Scene("XNYS", "regular", _ns("2026-03-06T15:20:00"), _ns("2026-03-09T09:30:00")),  # the clocks change
    Scene("24/7", "regular", _ns("2026-01-27T23:20:00", "UTC"), _ns("2026-01-28T00:10:00", "UTC")),
]
scenes = st.sampled_from(SCENES)


def tape_of(walk: Sequence[Move], overnight: int, scene: Scene = REGULAR, gap: int = 0) -> list[Tick]:
    """The walk as ticks; from the tick `overnight` on it is the scene's next day, `gap` quarters away.

    Prices are quarters of a point, so that sums of them are exact and no rounding decides a crossing.
    """
    ticks: list[Tick] = []
    time, price = scene.begins, 7000.0
    for i, move in enumerate(walk):
        time = max(time + move.pause, scene.goes_on) if i == overnight else time + move.pause
        price += (move.quarters + (gap if i == overnight else 0)) / 4
        if move.fault == "jump":
            price += 80.0 if price < 7000 else -80.0
        tick = Tick(time, price, 100.0, id=i, exchange=i % 2)
        if move.fault == "again" and ticks:
            tick = ticks[-1]
        ticks.append(faulty(tick, move.fault))
    return ticks


def history_of(scene: Scene, timeframe: str, seed: int, count: int) -> list[Bar]:
    """The last `count` daily bars before the scene, or as many minutes at the end of the session before it."""
    own = calendar(scene.calendar, scene.hours)
    days = [session for session in own.sessions[-800:] if session.close <= scene.begins]
    if timeframe == "1d":
        spans = [(session.open, session.close) for session in days[-count:]]
    else:
        spans = [
            (days[-1].close - 60 * NS * i, days[-1].close - 60 * NS * (i - 1)) for i in range(count, 0, -1)
        ]
    return bars_over(spans, timeframe, Random(seed))


def bars_over(spans: Sequence[tuple[int, int]], timeframe: str, random: Random) -> list[Bar]:
    bars, close = [], 7000.0
    for begin, end in spans:
        open_, close = close, close + (random.randint(-12, 12) - round((close - 7000) / 4)) / 4
        high, low = max(open_, close) + random.randint(0, 8) / 4, min(open_, close) - random.randint(0, 8) / 4
        bars.append(Bar(timeframe, begin, end, open_, high, low, close, 100.0))
    return bars


@st.composite
def tapes_of_bars(draw: st.DrawFn, scene: Scene) -> list[Tick]:
    """What a file of bars is replayed as: the rest of the scene's first session, the second's first hours."""
    timeframe, seed = draw(st.sampled_from(["1m", "1m", "5m"])), draw(seeds)
    random, length, spans = Random(seed), duration(timeframe), []
    for day in (scene.begins, scene.goes_on):
        session = calendar(scene.calendar, "regular").session(day + 600 * NS)
        if session is not None:
            begin = max(session.open, session.open + (day - session.open) // length * length)
            spans += [(start, start + length) for start in range(begin, session.close, length)][:90]
    kept = [span for span in spans if random.random() < 0.9]
    return ticks_of_bars(bars_over(kept or spans, timeframe, random))


@st.composite
def histories(draw: st.DrawFn, scene: Scene) -> list[Bar]:
    """None, days or minutes."""
    timeframe, count = draw(st.sampled_from([("1d", 0), ("1d", 3), ("1d", 17), ("1d", 80), ("1m", 70)]))
    return history_of(scene, timeframe, draw(seeds), count)


def faulty(tick: Tick, fault: str | None) -> Tick:
    changes: dict[str, dict[str, Any]] = {
        "nan": {"price": float("nan")},
        "inf": {"price": float("inf")},
        "negative": {"price": -tick.price},
        "zero": {"price": 0.0},
        "late": {"time": tick.time - NS},
        "later": {"time": tick.time - 100 * NS},
        "not last": {"condition": NOT_LAST_CONDITION},
        "spike": {"price": tick.price + 100},
        "dip": {"price": tick.price - 9},
    }
    return tick._replace(**changes.get(fault or "", {}))


def shown(tape: Sequence[Tick | Settlement], most: int = 60) -> str:
    """`15:00:50=7001.25`, a tick a line; so many of them at most."""
    lines = [f"{len(tape)} ticks"]
    for own in tape[:most]:
        if isinstance(own, Settlement):
            lines.append(f"settled: {own.bar}")
            continue
        clock = datetime.fromtimestamp(own.time // NS, ZoneInfo("America/New_York"))
        leg = "" if own.leg is None else f" leg {own.leg}"
        lines.append(f"{clock:%d %H:%M:%S}.{own.time % NS:09d}={own.price:g}{leg} {own.condition}".rstrip())
    return "\n".join(lines)


def rows_of(tape: Sequence[Tick], instruments: Sequence[int] = (0,)) -> np.ndarray:
    """The tape as the engine takes it; `instruments` are the symbol's number, or those of its two legs."""
    rows = empty_ticks(len(tape))
    for row, tick in zip(rows, tape, strict=True):
        row["time"], row["price"], row["size"] = tick.time, tick.price, tick.size
        row["id"] = NO_ID if tick.id is None else tick.id
        row["exchange"] = tick.exchange
        row["flags"] = NOT_LAST if tick.condition else 0
        row["symbol"] = instruments[tick.leg or 0]
        row["bar"] = duration(tick.made_of) // NS if tick.made_of else 0
    return rows

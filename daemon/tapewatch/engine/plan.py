"""The plan: watches compiled to the tables that the kernels walk, and where each field stands in a symbol's row.

A symbol's row of the state `S` is float64; whole numbers (times, counts, bit fields) stand in it as int64 bits.
First the header, then the bar fields, then the indicators' state and values, then the rules' state. Every field of
bars and indicators is `n_frames` wide: the timeframes of a field side by side. The row of `R` holds the rings: the
last closes of each timeframe, then the last bars of each divergence.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf, nan

import numpy as np
from numpy.typing import NDArray

from tapewatch.engine.indicators import OUTPUTS, RANGE, Value
from tapewatch.engine.watch import (
    Band,
    Direction,
    DivergenceRule,
    LevelCrossRule,
    LevelRule,
    PriceCrossRule,
    Rule,
    ValueCrossRule,
    Watch,
    ZoneRule,
)
from tapewatch.market.timeframes import DAY, duration_ns

# The header.
NEXT_END = 0  # int: the earliest end of a forming bar; NEVER when none forms
LAST = 1  # last admitted price, or history's last close; 0 when there is none
PLACE_TIME = 2  # int: highest event time offered
PLACE_COUNT = 3  # int: ticks offered since the first at that time, it included
OPEN = 4  # int: the current session's regular hours ...
CLOSE = 5
EXTENDED_OPEN = 6  # int: ... and the hours in which ticks are admitted
EXTENDED_CLOSE = 7
GAP = 8  # int: one of the three below
GENERATION = 9  # int: counts the closes, that is the changes of the rings
HELD = 10  # int: how many ticks are held back, at most two
HELD_TIME = 11  # int, two
HELD_PRICE = 13  # two
HELD_SIZE = 15  # two
HEADER = 17

WITHIN = 0
AFTER_BREAK = 1  # no tick has been admitted since a session break
NOTHING_ADMITTED = 2  # no tick has been admitted at all

# The bar fields; field f of timeframe j stands at HEADER + f * n_frames + j.
START = 0  # int
END = 1  # int: a bar forms while END > CLOSED_END
CLOSED_END = 2  # int: end of the last closed bar
BAR_OPEN = 3
BAR_HIGH = 4
BAR_LOW = 5
BAR_CLOSE = 6
VOLUME = 7
COUNT = 8  # int: bars closed
PREVIOUS = 9  # the last bar's close
BAR_FIELDS = 10

# A rule's state, from its offset on.
MEMORY = 0  # int: the trigger's bits, or the side of a cross
FIRED = 1  # int, FIRED_TIMES triples: event time, and eight 16-bit counts in two words, one a type
FIRED_TIMES = 4
PENDING_TIME = FIRED + 3 * FIRED_TIMES  # int: with `confirm`, the alert to be confirmed ...
PENDING = PENDING_TIME + 1  # int: ... its type + 1, and from bit 8 on how many such came before; 0: none
HIGH_PIVOT = 1  # of a divergence: bar number (int), its start (int), price, oscillator
LOW_PIVOT = 5
STATE_SIZE = {"cross": 1, "level": PENDING_TIME, "confirm": PENDING + 1, "divergence": 9}

PIVOT_SPAN = 5
"""Bars on either side of a pivot."""
WINDOW = 2 * PIVOT_SPAN + 1
"""Bars a divergence's ring holds: per bar oscillator, high, low, start."""
PIVOT_NEAREST = 6
PIVOT_FARTHEST = 61
"""Two pivots are compared if they are this many bars apart (TradingView: 5 to 60 bars between them)."""

SMA, EMA, RSI, MACD, ATR = range(5)
KINDS = {"sma": SMA, "ema": EMA, "rsi": RSI, "macd": MACD, "atr": ATR}
OP_STATE = {"sma": 1, "ema": 1, "rsi": 2, "macd": 3, "atr": 1}
"""Fields of state an indicator keeps, each `n_frames` wide."""

LEVEL, ZONE, PRICE_CROSS, VALUE_CROSS, DIVERGENCE = range(5)
UP = 1
DOWN = 2
"""Bits of the directions a rule reports."""
POINTS, FRACTION, RANGES = range(3)
"""A band in points; in parts of a level that moves; in average true ranges."""

SYMBOL = np.dtype(
    [
        ("frames", "<i4"),  # first row in the table of timeframes, and how many
        ("n_frames", "<i4"),
        ("ops", "<i4"),  # rows in the table of indicators
        ("ops_end", "<i4"),
        ("rules", "<i4"),  # rows in the table of rules
        ("rules_end", "<i4"),
        ("sessions", "<i4"),  # rows in the table of sessions
        ("sessions_end", "<i4"),
        ("values", "<i4"),  # offset of the indicator values in the row, and how many
        ("n_values", "<i4"),
        ("width", "<i4"),  # of the symbol's row, and of its rings
        ("ring_width", "<i4"),
        ("ring", "<i4"),  # closes kept per timeframe
        ("extended", "<i4"),
        ("max_jump", "<f8"),
    ],
    align=True,
)
OP = np.dtype(
    [
        ("kind", "<i4"),
        ("state", "<i4"),  # offset in the row
        ("value", "<i4"),
        ("p1", "<i4"),
        ("p2", "<i4"),
        ("p3", "<i4"),
        ("a1", "<f8"),  # the share of the newest value in an average of p1 values, and so on
        ("a2", "<f8"),
        ("a3", "<f8"),
    ],
    align=True,
)
RULE = np.dtype(
    [
        ("kind", "<i4"),
        ("state", "<i4"),  # offset in the row
        ("frame", "<i4"),  # index of the timeframe at whose close it is checked or confirmed, or -1
        ("left", "<i4"),  # offset of a value in the row, or -1
        ("right", "<i4"),
        ("directions", "<i4"),  # UP | DOWN
        ("ring", "<i4"),  # offset of a divergence's ring in the row of R
        ("band", "<i4"),  # how the bands are to be read: POINTS, FRACTION or RANGES
        (
            "range",
            "<i4",
        ),  # offset of the ATR that a band of RANGES is measured in, and of its timeframe's count
        ("range_count", "<i4"),
        ("low", "<f8"),  # the level (low == high), the zone, or the number compared with
        ("high", "<f8"),
        ("band_low", "<f8"),
        ("band_high", "<f8"),
    ],
    align=True,
)


@dataclass(frozen=True, eq=False)
class Layout:
    """Where things stand in one symbol's row, for the code outside the kernels."""

    watch: Watch
    value_names: tuple[str, ...]
    """`rsi(14)@1m` and so on, in the order in which the values stand in the row."""
    values: int
    width: int
    ring_width: int


@dataclass(frozen=True, eq=False)
class Tables:
    """What the kernels walk; rows of `SYMBOL`, timeframe durations (ns, 0 for 1d), `OP`, `RULE`, sessions (n, 4)."""

    symbols: NDArray[np.void]
    frames: NDArray[np.int64]
    ops: NDArray[np.void]
    rules: NDArray[np.void]
    sessions: NDArray[np.int64]
    layouts: tuple[Layout, ...]


def compile_watches(watches: Sequence[Watch]) -> Tables:
    """The tables and layouts of `watches`, one symbol each, in their order."""
    symbols = np.zeros(len(watches), SYMBOL)
    frames: list[int] = []
    ops: list[tuple[float, ...]] = []
    rules: list[tuple[float, ...]] = []
    layouts: list[Layout] = []
    shared: dict[object, tuple[tuple[int, int, int], tuple[str, ...]]] = {}
    calendars: dict[str, tuple[int, int]] = {}
    sessions: list[NDArray[np.int64]] = []
    for row, watch in zip(symbols, watches, strict=True):
        builder = _Builder(watch)
        shape = (watch.timeframes, watch.indicators)
        if shape not in shared:
            rows = (len(frames), len(ops), len(ops) + len(builder.ops))
            shared[shape] = rows, tuple(builder.value_names)
            frames += [0 if name == DAY else duration_ns(name) for name in watch.timeframes]
            ops += builder.ops
        calendar = watch.sessions.calendar
        if calendar not in calendars:
            start = sum(map(len, sessions))
            calendars[calendar] = (start, start + len(watch.sessions.opens))
            sessions.append(_session_rows(watch))
        (row["frames"], row["ops"], row["ops_end"]), names = shared[shape]
        row["n_frames"] = len(watch.timeframes)
        row["rules"], row["rules_end"] = len(rules), len(rules) + len(builder.rules)
        row["sessions"], row["sessions_end"] = calendars[calendar]
        row["values"], row["n_values"] = builder.values, len(names)
        row["width"], row["ring_width"], row["ring"] = builder.width, builder.ring_width, builder.ring
        row["extended"], row["max_jump"] = watch.extended, watch.max_jump
        rules += builder.rules
        layouts.append(Layout(watch, names, builder.values, builder.width, builder.ring_width))
    return Tables(
        symbols,
        np.array(frames, np.int64),
        np.array(ops, OP),
        np.array(rules, RULE),
        np.ascontiguousarray(np.concatenate(sessions)),
        tuple(layouts),
    )


def _session_rows(watch: Watch) -> NDArray[np.int64]:
    own = watch.sessions
    return np.stack([own.opens, own.closes, own.extended_opens, own.extended_closes], axis=1)


class _Builder:
    """Lays out one watch: its operations and rules as table rows, its offsets in the state."""

    def __init__(self, watch: Watch) -> None:
        self.watch = watch
        self.n_frames = len(watch.timeframes)
        self.ring = max([1, *(own.periods[0] - 1 for own in watch.indicators if own.kind == "sma")])
        self.ring_width = self.ring * self.n_frames
        self.width = HEADER + BAR_FIELDS * self.n_frames
        states = [self._take(OP_STATE[own.kind] * self.n_frames) for own in watch.indicators]
        self.values = self.width
        self.value_names: list[str] = []
        self.ops = [self._op(state, i) for i, state in enumerate(states)]
        self.rules = [self._rule(rule) for rule in watch.rules]

    def _take(self, fields: int) -> int:
        offset = self.width
        self.width += fields
        return offset

    def _op(self, state: int, i: int) -> tuple[float, ...]:
        own = self.watch.indicators[i]
        value = self._take(len(OUTPUTS[own.kind]) * self.n_frames)
        for name in own.outputs:
            self.value_names += [f"{name}@{timeframe}" for timeframe in self.watch.timeframes]
        periods = (*own.periods, 0, 0)[:3]
        return (KINDS[own.kind], state, value, *periods, *(_alpha(own.kind, period) for period in periods))

    def _value(self, value: Value) -> int:
        return self.values + self.value_names.index(str(value))

    def _frame(self, timeframe: str | None) -> int:
        return -1 if timeframe is None else self.watch.timeframes.index(timeframe)

    def _rule(self, rule: Rule) -> tuple[float, ...]:
        match rule:
            case LevelRule(_, price, band, confirm):
                state = self._take(STATE_SIZE["confirm" if confirm else "level"])
                place = {"low": price, "high": price}
                return _row(LEVEL, state, frame=self._frame(confirm), **place, **self._bands(band, price))
            case LevelCrossRule(_, price, band, direction):
                state = self._take(STATE_SIZE["level"])
                place = {"low": price, "high": price, "directions": _bits(direction)}
                return _row(LEVEL, state, **place, **self._bands(band, price))
            case ZoneRule(_, low, high, band, confirm):
                state = self._take(STATE_SIZE["confirm" if confirm else "level"])
                bands = self._bands(band, low, high)
                return _row(ZONE, state, frame=self._frame(confirm), low=low, high=high, **bands)
            case PriceCrossRule(_, value, band, direction):
                state = self._take(STATE_SIZE["level"])
                right = {"right": self._value(value), "directions": _bits(direction)}
                return _row(PRICE_CROSS, state, **right, **self._bands(band))
            case ValueCrossRule(_, left, right, direction):
                state = self._take(STATE_SIZE["cross"])
                sides: dict[str, float] = {"left": self._value(left), "directions": _bits(direction)}
                frame = self._frame(left.timeframe)
                if isinstance(right, Value):
                    frame = min(frame, self._frame(right.timeframe))
                    return _row(VALUE_CROSS, state, frame=frame, right=self._value(right), **sides)
                return _row(VALUE_CROSS, state, frame=frame, low=right, **sides)
            case DivergenceRule(_, value, side):
                state = self._take(STATE_SIZE["divergence"])
                ring = self.ring_width
                self.ring_width += 4 * WINDOW
                bits = UP | DOWN if side is None else UP if side == "bullish" else DOWN
                frame = self._frame(value.timeframe)
                return _row(
                    DIVERGENCE, state, frame=frame, left=self._value(value), directions=bits, ring=ring
                )

    def _bands(self, band: Band, low: float | None = None, high: float | None = None) -> dict[str, float]:
        """How wide the bands of a level, or of a zone's edges, are; of a level that moves, in its own measure."""
        if band.unit == "atr":
            op = self.ops[self.watch.indicators.index(RANGE)]
            day = self._frame(DAY)
            count = HEADER + COUNT * self.n_frames + day
            return {
                "band": RANGES,
                "band_low": band.size,
                "band_high": band.size,
                "range": op[1] + day,
                "range_count": count,
            }
        if low is None:
            return {"band": FRACTION if band.unit == "fraction" else POINTS, "band_low": band.size}
        widest = inf if high is None else (high - low) / 2
        bands = [min(band.points(edge), widest) for edge in (low, low if high is None else high)]
        return {"band": POINTS, "band_low": bands[0], "band_high": bands[1]}


_NO_ROW: dict[str, float] = dict.fromkeys(RULE.names or (), nan) | {
    "frame": -1,
    "left": -1,
    "right": -1,
    "directions": UP | DOWN,
    "ring": -1,
    "band": POINTS,
    "range": -1,
    "range_count": -1,
}


def _row(kind: int, state: int, **fields: float) -> tuple[float, ...]:
    """A row of `RULE`; what is not named stands for none."""
    return tuple((_NO_ROW | {"kind": kind, "state": state} | fields).values())


def _alpha(kind: str, period: int) -> float:
    """The share of the newest value in an average: Wilder's is slower."""
    return 1 / max(period, 1) if kind in ("rsi", "atr") else 2 / (period + 1)


def _bits(direction: Direction | None) -> int:
    return {"up": UP, "down": DOWN, None: UP | DOWN}[direction]

"""The shape of a symbol's state: what symbols with the same timeframes and indicators have in common."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from math import nan
from typing import NamedTuple

from tapewatch.engine import plan as p
from tapewatch.engine.indicators import OUTPUTS, Indicator
from tapewatch.engine.parts import Change
from tapewatch.market.timeframes import duration_ns


class Piece(NamedTuple):
    """What belongs to one change or rule: a stretch of the row, and one of the rings."""

    state: int
    state_end: int
    ring: int
    ring_end: int


@dataclass(frozen=True, eq=False)
class Shape:
    """Where bars and indicators stand; what a symbol's rules need comes after them."""

    timeframes: tuple[str, ...]
    indicators: tuple[Indicator, ...]
    value_names: tuple[str, ...]
    """`rsi(14)@1m` and so on, in the order in which the values stand in the row."""
    values: int
    ops: tuple[tuple[float, ...], ...]
    """Rows of `OP`."""
    op_states: tuple[int, ...]
    """Offset of each indicator's state, and of its values."""
    op_values: tuple[int, ...]
    changes: tuple[Piece, ...]
    """Of each change."""
    ring: int
    """Closes kept per timeframe."""
    width: int
    ring_width: int

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """Names without their timeframes of what `Engine.closed_bars` has of each bar, in its order."""
        return tuple(dict.fromkeys(name.partition("@")[0] for name in self.value_names if "@" in name))


@cache
def shape_of(timeframes: tuple[str, ...], indicators: tuple[Indicator, ...], spans: tuple[str, ...]) -> Shape:
    """The shape of a watch.

    Args:
        timeframes: shortest first.
        indicators: in their order.
        spans: of the changes that its conditions read.
    """
    n_frames = len(timeframes)
    ring = max([1, *(bars_needed(own) for own in indicators if own.kind != "atr")])
    width = p.HEADER + p.BAR_FIELDS * n_frames
    op_states = []
    for own in indicators:
        op_states.append(width)
        width += p.OP_STATE[own.kind] * n_frames
    change_state = width
    width += p.CHANGE_STATE * len(spans)
    values = width
    value_names: list[str] = []
    op_values, ops = [], []
    for own, state in zip(indicators, op_states, strict=True):
        op_values.append(width)
        ops.append(_op(own, state, width))
        value_names += [f"{name}@{timeframe}" for name in own.outputs for timeframe in timeframes]
        width += len(OUTPUTS[own.kind]) * n_frames
    ring_width = ring * n_frames
    changes = []
    for i, span in enumerate(spans):
        minutes = duration_ns(span) // duration_ns("1m")
        state = change_state + i * p.CHANGE_STATE
        changes.append(Piece(state, state + p.CHANGE_STATE, ring_width, ring_width + minutes))
        ops.append((p.CHANGE, state, width, minutes, 0, 0, ring_width, nan, nan, nan))
        value_names.append(str(Change(span)))
        width += 1
        ring_width += minutes
    return Shape(
        timeframes,
        indicators,
        tuple(value_names),
        values,
        tuple(ops),
        tuple(op_states),
        tuple(op_values),
        tuple(changes),
        ring,
        width,
        ring_width,
    )


def _op(own: Indicator, state: int, value: int) -> tuple[float, ...]:
    periods = (*own.periods, 0, 0, 0)[:3]
    shares: Sequence[float] = [share_of_newest(own.kind, period) for period in periods]
    if own.kind == "bb":
        periods, shares = (own.periods[0], 0, 0), (nan, own.periods[1], nan)
    return (p.KINDS[own.kind], state, value, *periods, -1, *shares)


def share_of_newest(kind: str, period: float) -> float:
    """The share of the newest value in an average: Wilder's is slower."""
    return 1 / max(period, 1) if kind in ("rsi", "atr") else 2 / (period + 1)


def bars_needed(own: Indicator) -> int:
    """How many closed bars an indicator is computed anew from, where the last ones are known: it is seeded by then."""
    match own.kind:
        case "sma" | "bb":
            return int(own.periods[0]) - 1
        case "roc" | "ema":
            return int(own.periods[0])
        case "rsi" | "atr":
            return int(own.periods[0]) + 1
        case "macd":
            return int(own.periods[1] + own.periods[2]) - 1
    return 0

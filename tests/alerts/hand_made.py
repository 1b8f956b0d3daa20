"""Events by hand: what the engine would say of one condition, and the alert and the sentence made of it."""

from math import nan
from typing import Any

import numpy as np

from tapewatch.alerts.alert import AlertData
from tapewatch.alerts.build import AlertBuilder, RuleText, SymbolText
from tapewatch.alerts.conditions import parse
from tapewatch.alerts.wording import Scene, sentence
from tapewatch.engine import events as ev
from tapewatch.engine.indicators import Value, parse_indicator
from tapewatch.engine.layout import compile_watches
from tapewatch.engine.parts import operands as operands_of
from tapewatch.engine.watch import Band, ConditionRule, Watch
from tapewatch.market.sessions import sessions
from tapewatch.market.ticks import NS

FRAMES = ("1m", "5m", "1h", "1d")


def rule(when: str, *, on: str | None = None, lasting: int = 0) -> ConditionRule:
    """The condition `when`, checked as if the config said no more, or `on`; `lasting` in seconds."""
    meant = parse(when)
    band = Band(0.0, "points")
    return ConditionRule(when, meant.event, meant.states, band, meant.checked_at(on), lasting * NS)


Operands = float | tuple[float, float]
"""Left and right of a part, or the left alone where a number stands on the right."""


def event(*operands: Operands, **fields: Any) -> np.void:
    """A row of `EVENT` at a price of 6,985."""
    row = np.zeros(1, ev.EVENT)[0]
    plain = {"type": ev.FIRED, "price": 6985, "level": nan, "follows": ev.NOTHING, "frame": -1}
    for name, value in (plain | fields).items():
        row[name] = value
    row["operands"] = nan
    for i, own in enumerate(operands):
        row["operands"][2 * i : 2 * i + 2] = own if isinstance(own, tuple) else (own, nan)
    return row


def said(
    when: str,
    *operands: Operands,
    closed: str | None = None,
    edges: tuple[float, ...] = (),
    lasting: int = 0,
    title: str = "S&P 500",
    **fields: Any,
) -> str:
    """The sentence of an event of `when`; `closed`: at whose close it fired; `edges`: of its level or zone."""
    own = event(*operands, lasted=bool(lasting), level=edges[0] if edges else nan, **fields)
    return sentence(own, Scene(rule(when, lasting=lasting), title, closed, edges))


def told(
    when: str,
    *operands: Operands,
    on: str | None = None,
    closed: str | None = None,
    indicators: tuple[str, ...] = (),
    values: dict[str, float] | None = None,
    warm: tuple[str, ...] = FRAMES,
    **fields: Any,
) -> AlertData:
    """What an alert of an event of `when` says to programs; `values`: those that the symbol has."""
    own = rule(when, on=on)
    needed = {
        operand.indicator for part in own.parts for operand in operands_of(part) if isinstance(operand, Value)
    }
    named = (*needed, *map(parse_indicator, indicators))
    _, (layout,) = compile_watches([Watch("SPX", sessions("XNYS"), FRAMES, named, (own,))])
    row = event(*operands, frame=-1 if closed is None else FRAMES.index(closed), **fields)
    known = [(values or {}).get(name, nan) for name in layout.value_names]
    flags = [float(frame in warm) for frame in FRAMES]
    text = SymbolText("S&P 500", (RuleText(when, None, None, None, "info"),))
    builder = AlertBuilder("test", [layout], [text])
    (alert,) = builder.build(ev.Events(np.array([row]), np.array([known + flags])))
    return alert.data

"""Divergence against all bars at once: every pivot of the engine's own oscillators, closed and forming."""

from itertools import pairwise
from random import Random
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from reference.divergence import SIDE, SIDES, Divergences, extreme
from reference.judge import Judge
from reference.ticks import Bar
from tapewatch.engine.engine import Engine
from tapewatch.engine.events import TYPE_NAMES
from tapewatch.engine.indicators import Value, parse_indicator
from tapewatch.engine.parts import Diverges, Kind
from tapewatch.engine.watch import Band, ConditionRule, Watch
from tapewatch.market.sessions import sessions
from tapewatch.market.ticks import NS, empty_ticks
from thorough import examples

XNYS = sessions("XNYS")
OPEN = int(XNYS.opens[XNYS.at(1769_600_000 * NS)])
MINUTE = 60 * NS
A_BAR = 3  # ticks
KINDS: tuple[Kind, ...] = ("regular", "hidden")
OSCILLATORS = [
    Value(parse_indicator(name), output, "1m")
    for name, output in (
        ("rsi(2)", ""),
        ("rsi(5)", ""),
        ("rsi(14)", ""),
        ("macd(3,6,3)", ".hist"),
        ("macd(12,26,9)", ".hist"),
    )
]


class Said(NamedTuple):
    """One divergence: when, which, and start, price and oscillator of its two pivots."""

    time: int
    name: str
    stage: str
    starts: tuple[int, int]
    prices: tuple[float, float]
    values: tuple[float, float]


def tape(seed: int, minutes: int, step: int) -> NDArray[np.void]:
    """Three ticks a minute, in quarters of a point."""
    random = Random(seed)
    ticks = empty_ticks(A_BAR * minutes)
    ticks["time"] = OPEN + np.arange(len(ticks)) * (MINUTE // A_BAR)
    price = 7000.0
    for i in range(len(ticks)):
        price += (random.randint(-step, step) - round((price - 7000) / 3)) / 4
        ticks["price"][i] = price
    return ticks


def bar(ticks: NDArray[np.void]) -> Bar:
    """The bar so far."""
    prices, start = ticks["price"].tolist(), int(ticks["time"][0])
    return Bar("1m", start, start + MINUTE, prices[0], max(prices), min(prices), prices[-1])


def watch(value: Value) -> Watch:
    rules = tuple(
        ConditionRule(kind, Diverges(value, kind, forming=True), (), Band(0.0, "points"), on="1m")
        for kind in KINDS
    )
    return Watch("SPX", XNYS, ("1m",), (value.indicator,), rules)


def engines(value: Value, ticks: NDArray[np.void]) -> tuple[list[Said], list[float], list[float]]:
    """What the engine says; its oscillator after each tick, and at each close."""
    engine = Engine([watch(value)], keep_bars=True)
    events, after_ticks = [], []
    for i in range(len(ticks)):
        events += list(engine.step(ticks[i : i + 1]).rows)
        after_ticks.append(engine.values(0)[str(value)])
    events += list(engine.advance(int(ticks["time"][-1]) + MINUTE).rows)
    _, values = engine.closed_bars()
    column = engine.layouts[0].value_names.index(str(value))
    said = [
        Said(
            int(row["time"]),
            TYPE_NAMES[row["type"]].removeprefix("divergence."),
            "forming" if row["forming"] else "confirmed",
            tuple(row["pivot_times"].tolist()),
            tuple(row["pivot_prices"].tolist()),
            tuple(row["pivot_values"].tolist()),
        )
        for row in events
    ]
    return said, after_ticks, values[:, column].tolist()


def all_at_once(ticks: NDArray[np.void], after_ticks: list[float], closes: list[float]) -> list[Said]:
    """The same from all bars and all values of the oscillator."""
    bars = [bar(ticks[i : i + A_BAR]) for i in range(0, len(ticks), A_BAR)]
    found = Divergences(bars, [None if np.isnan(value) else value for value in closes], Judge())
    told: set[tuple[int, str]] = set()
    said = []
    for index, own in enumerate(bars):
        for i in range(A_BAR * index, A_BAR * (index + 1)):
            value = None if np.isnan(after_ticks[i]) else after_ticks[i]
            so_far = bar(ticks[A_BAR * index : i + 1])
            for kind in KINDS:
                for pivot, name in found.forming(index, so_far, value):
                    if name.startswith(kind) and (pivot, name) not in told:
                        told.add((pivot, name))
                        said.append(_said(found, int(ticks["time"][i]), name, pivot, so_far, after_ticks[i]))
        if (known := found.confirmed.get(index)) is not None:
            sign = 1 if known.endswith(SIDES[1]) else -1
            second = index - SIDE
            first = found.pivots[sign][found.pivots[sign].index(second) - 1]
            said.append(_said(found, own.end, known, first, bars[second], closes[second], "confirmed"))
    return said


def _said(
    found: Divergences, time: int, name: str, first: int, second: Bar, value: float, stage: str = "forming"
) -> Said:
    sign = 1 if name.endswith(SIDES[1]) else -1
    before, before_value = found.bars[first], found.oscillator[first]
    assert before_value is not None
    prices = extreme(before, sign), extreme(second, sign)
    return Said(time, name, stage, (before.start, second.start), prices, (before_value, value))


@pytest.mark.random
@settings(deadline=None, max_examples=examples(250))
@given(
    value=st.sampled_from(OSCILLATORS),
    seed=st.integers(0, 2**32 - 1),
    minutes=st.integers(40, 240),
    step=st.sampled_from([1, 3, 8, 20]),
)
def test_divergences_are_those_of_all_bars_at_once(value: Value, seed: int, minutes: int, step: int) -> None:
    ticks = tape(seed, minutes, step)
    said, after_ticks, closes = engines(value, ticks)
    assert len(closes) == minutes
    assert said == all_at_once(ticks, after_ticks, closes)


def test_the_tapes_have_every_kind_both_early_and_confirmed() -> None:
    ticks = tape(1, 390, 8)
    said = engines(OSCILLATORS[1], ticks)[0]
    assert len({(one.name, one.stage) for one in said}) == 8
    assert all(a.time <= b.time for a, b in pairwise(said))

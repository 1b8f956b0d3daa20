"""Random outages, beside the plain reading of the rules in `reference/late.py`."""

from collections import Counter

import numpy as np
from away import MINUTE, at
from hypothesis import given, settings
from hypothesis import strategies as st
from walks import XNYS

from reference.late import Bar, Late, Place, late
from tapewatch.engine.engine import Engine
from tapewatch.engine.events import TYPE_NAMES
from tapewatch.engine.watch import Band, LevelRule, Watch, ZoneRule
from tapewatch.market.bars import BAR
from tapewatch.market.ticks import NS, empty_ticks

EDGES = ((100.0, 100.0), (97.0, 97.0), (99.0, 101.0), (102.0, 105.0))
"""Two levels, two zones."""
REARM = 0.5
prices = st.integers(94, 107).map(float) | st.integers(1880, 2140).map(lambda n: n / 20)
bars = st.tuples(prices, prices, prices, prices, st.integers(0, 2))
Numbers = tuple[float, float, float, float, int]
"""Four prices, and how many bars there are none of after it."""


def said(before: list[float], missed: np.ndarray) -> dict[int, Late]:
    """What the engine says, by rule."""
    band = Band(REARM, "points")
    rules = tuple(
        LevelRule(f"{low}", low, band) if low == high else ZoneRule(f"{low}-{high}", low, high, band)
        for low, high in EDGES
    )
    engine = Engine([Watch("SPX", XNYS, ("5m", "1h"), (), rules)])
    ticks = empty_ticks(len(before))
    ticks["time"], ticks["price"] = at("10:00") + np.arange(len(before)) * 7 * NS, before
    engine.step(ticks)
    rows = engine.backfill(0, missed, "5m").rows
    assert len(rows) == len(set(rows["rule"].tolist()))
    assert (np.diff(rows["time"]) >= 0).all()
    ways = {1: "up", -1: "down"}
    return {
        int(row["rule"]): Late(
            TYPE_NAMES[row["type"]], ways[int(row["direction"])], float(row["price"]), int(row["time"])
        )
        for row in rows
    }


def test_an_outage_is_told_as_the_rules_say() -> None:
    kinds: Counter[str] = Counter()

    @settings(max_examples=600, deadline=None, derandomize=True)  # so that every kind comes up, every time
    @given(st.lists(prices, min_size=1, max_size=12), st.lists(bars, max_size=8), st.booleans())
    def told(before: list[float], after: list[Numbers], overlaps: bool) -> None:
        missed = made(after, at("10:00") if overlaps else at("10:05"))
        expected = wanted(before, missed)
        assert said(before, missed) == expected
        kinds.update(own.kind for own in expected.values())

    told()
    assert len(kinds) == 12, kinds


def made(after: list[Numbers], start: int) -> np.ndarray:
    """Bars of five minutes, with pauses between them."""
    missed = np.zeros(len(after), BAR)
    for row, (*four, pause) in zip(missed, after, strict=True):
        row["start"], row["end"] = start, start + 5 * MINUTE
        row["open"], row["close"], row["high"], row["low"] = four[0], four[3], max(four), min(four)
        start += (1 + pause) * 5 * MINUTE
    return missed


def wanted(before: list[float], missed: np.ndarray) -> dict[int, Late]:
    """What the reference says, by rule."""
    place = at("10:00") + (len(before) - 1) * 7 * NS
    own = [Bar(*row) for row in missed[["start", "end", "open", "high", "low", "close"]].tolist()]
    told = {rule: late(before, own, place, Place(*edges, REARM)) for rule, edges in enumerate(EDGES)}
    return {rule: one for rule, one in told.items() if one is not None}

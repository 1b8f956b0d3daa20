"""What price did after alerts: the NumPy of the program against loops that anybody can check."""

import math
from itertools import combinations
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tapewatch.backtest import outcomes
from tapewatch.backtest.outcomes import Bars, Fired


class Bar(NamedTuple):
    start: int
    end: int
    high: float
    low: float
    close: float


class Alert(NamedTuple):
    time: int
    price: float
    side: int


def plain_change(alert: Alert, bars: list[Bar], horizon: int) -> float:
    after = [bar for bar in bars if bar.start >= alert.time]
    if len(after) < horizon:
        return math.nan
    return (after[horizon - 1].close - alert.price) / alert.price * 100 * alert.side


def plain_excursions(alert: Alert, bars: list[Bar], fine: list[Bar], horizon: int) -> tuple[float, float]:
    after = [bar for bar in bars if bar.start >= alert.time]
    if len(after) < horizon:
        return math.nan, math.nan
    seen = [bar for bar in fine if bar.start >= alert.time and bar.end <= after[horizon - 1].end]
    rise = max(0.0, max((bar.high - alert.price) / alert.price * 100 for bar in seen))
    fall = min(0.0, min((bar.low - alert.price) / alert.price * 100 for bar in seen))
    return (rise, fall) if alert.side > 0 else (-fall, -rise)


def arrays(bars: list[Bar]) -> Bars:
    columns = list(zip(*bars, strict=True)) or [()] * 5
    integers = (np.array(own, np.int64) for own in columns[:2])
    return Bars(*integers, *(np.array(own, np.float64) for own in columns[2:]))


def fired(alerts: list[Alert]) -> Fired:
    return Fired(
        np.array([own.time for own in alerts], np.int64),
        np.array([own.price for own in alerts], np.float64),
        np.array([own.side for own in alerts], np.int64),
    )


prices = st.integers(5, 400).map(lambda own: own / 4)


@st.composite
def tapes(draw: st.DrawFn) -> tuple[list[Bar], list[Bar], list[Alert]]:
    """Fine bars with holes, the coarse ones made of them (five spans each), and alerts anywhere."""
    fine: list[Bar] = []
    for span in sorted(draw(st.sets(st.integers(0, 120), max_size=70))):
        three = sorted(draw(st.tuples(prices, prices, prices)))
        fine.append(Bar(span * 10, span * 10 + 10, three[2], three[0], three[1]))
    coarse = []
    for at in sorted({bar.start // 50 for bar in fine}):
        own = [bar for bar in fine if bar.start // 50 == at]
        high, low = max(bar.high for bar in own), min(bar.low for bar in own)
        coarse.append(Bar(at * 50, at * 50 + 50, high, low, own[-1].close))
    alerts = draw(
        st.lists(st.builds(Alert, st.integers(-20, 1300), prices, st.sampled_from([1, -1])), max_size=12)
    )
    return fine, coarse, alerts


@given(tapes(), st.sampled_from([1, 2, 5, 20]))
def test_changes_are_those_of_a_plain_loop(
    tape: tuple[list[Bar], list[Bar], list[Alert]], horizon: int
) -> None:
    fine, coarse, alerts = tape
    for bars in (fine, coarse):
        found = outcomes.changes(fired(alerts), arrays(bars), horizon)
        wanted = [plain_change(alert, bars, horizon) for alert in alerts]
        assert found.tolist() == pytest.approx(wanted, nan_ok=True)


@given(tapes(), st.sampled_from([1, 2, 5, 20]))
def test_excursions_are_those_of_a_plain_loop(
    tape: tuple[list[Bar], list[Bar], list[Alert]], horizon: int
) -> None:
    fine, coarse, alerts = tape
    for bars in (fine, coarse):
        best, worst = outcomes.excursions(fired(alerts), arrays(bars), arrays(fine), horizon)
        wanted = [plain_excursions(alert, bars, fine, horizon) for alert in alerts]
        assert best.tolist() == pytest.approx([own[0] for own in wanted], nan_ok=True)
        assert worst.tolist() == pytest.approx([own[1] for own in wanted], nan_ok=True)


@given(tapes(), prices)
def test_nothing_from_before_an_alert_is_ever_seen(
    tape: tuple[list[Bar], list[Bar], list[Alert]], price: float
) -> None:
    """Whatever bars that began before the alert had in them, what is said of it stays the same."""
    fine, coarse, alerts = tape
    for alert in alerts:
        others = [
            [
                own if own.start >= alert.time else own._replace(high=price, low=price, close=price)
                for own in bars
            ]
            for bars in (fine, coarse)
        ]
        before, after = (
            [
                outcomes.changes(fired([alert]), arrays(slow), 5)[0],
                *np.ravel(outcomes.excursions(fired([alert]), arrays(slow), arrays(fast), 5)),
            ]
            for fast, slow in ((fine, coarse), others)
        )
        assert before == pytest.approx(after, nan_ok=True)


@given(st.lists(st.integers(0, 25), max_size=8), st.integers(1, 6))
def test_windows_apart_are_the_most_that_share_no_bar(first: list[int], horizon: int) -> None:
    def share_none(chosen: tuple[int, ...]) -> bool:
        return all(abs(one - other) >= horizon for one, other in combinations(chosen, 2))

    most = max(size for size in range(len(first) + 1) if any(map(share_none, combinations(first, size))))
    assert outcomes.apart(np.array(first, np.int64), horizon) == most


@settings(max_examples=200)
@given(st.lists(st.floats(-30, 30).map(lambda own: round(own, 9)), min_size=1, max_size=60))
def test_a_distribution_has_every_change_once_and_on_its_own_side(values: list[float]) -> None:
    width, counts = outcomes.bins(np.array(values))
    assert width > 0
    assert sum(counts) == len(values)
    assert sum(counts[:10]) == sum(value < 0 for value in values)


def test_bins_have_round_widths() -> None:
    width, counts = outcomes.bins(np.array([-0.9, -0.05, 0.0, 0.05, 0.9, 0.91]))
    assert width == pytest.approx(0.1)
    assert counts.tolist() == [0, 1, *[0] * 7, 1, 2, *[0] * 8, 2]


def test_bars_of_nothing_say_nothing() -> None:
    alerts = fired([Alert(10, 100.0, 1)])
    none = arrays([])
    assert np.isnan(outcomes.changes(alerts, none, 1)).all()
    assert np.isnan(outcomes.excursions(alerts, none, none)[0]).all()
    assert len(outcomes.of_any_bar(none, 5)) == 0

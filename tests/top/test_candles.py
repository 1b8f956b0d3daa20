"""Candles in a terminal: each chart fills its lines, and what it shows stands where it belongs."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.text import Text

from tapewatch.charts.chart import Mark, Place
from tapewatch.top.candles import DOWN, SPACED, UP, candles
from top.charts import OPEN, chart


def level(price: float, name: str = "breakout") -> Place:
    return Place(name=name, role=None, low=price, high=price)


def plain(lines: list[Text]) -> list[str]:
    return [line.plain for line in lines]


number = st.floats(1, 1e6) | st.sampled_from([math.nan, math.inf, 0.0001, 100.0])
bar = st.tuples(number, number, number, number).map(
    lambda own: (own[0], max(own), min(own), own[3]) if all(map(math.isfinite, own)) else own
)
place = st.tuples(number, number).map(
    lambda own: Place(name="zone 中", role=None, low=min(own), high=max(own))
)


@given(st.lists(bar, max_size=40), st.lists(place, max_size=4), st.integers(0, 200), st.integers(0, 60))
def test_any_chart_fills_its_lines(
    bars: list[tuple[float, float, float, float]], places: list[Place], width: int, rows: int
) -> None:
    lines = candles(chart(*bars, places=places), width, rows)
    assert [line.cell_len for line in lines] == [width] * rows


@settings(max_examples=60)
@given(
    st.lists(st.tuples(st.integers(1, 99), st.integers(1, 99)), min_size=1, max_size=30),
    st.integers(40, 80),
    st.integers(3, 40),
)
def test_each_bar_is_drawn_from_its_low_to_its_high(
    closes: list[tuple[int, int]], width: int, rows: int
) -> None:
    bars = [(a, max(a, b) + 1.0, min(a, b) - 1.0, b) for a, b in closes]
    drawn = plain(candles(chart(*bars), width, rows))[:-1]
    plot = next(line.index("◀") for line in drawn if "◀" in line) - 1
    columns = [[row[plot - len(bars) + i] != " " for row in drawn] for i in range(len(bars))]
    high, low = max(own[1] for own in bars), min(own[2] for own in bars)
    a_row = (high - low) / len(drawn)
    for own, column in zip(bars, columns, strict=True):
        filled = [row for row, full in enumerate(column) if full]
        assert filled == list(range(filled[0], filled[-1] + 1))
        assert len(filled) == pytest.approx((own[1] - own[2]) / a_row, abs=2)
    assert columns[max(range(len(bars)), key=lambda i: bars[i][1])][0]
    assert columns[min(range(len(bars)), key=lambda i: bars[i][2])][-1]


def test_up_and_down_differ_in_form_and_colour() -> None:
    lines = candles(chart((10, 20, 0, 20), (20, 20, 0, 5)), 40, 12)
    shown = "".join(plain(lines)[:-1])
    assert "┃" in shown
    assert "█" in shown
    styles = {(line.plain[span.start], str(span.style)) for line in lines for span in line.spans}
    assert {("┃", UP), ("█", DOWN)} <= styles


def test_a_level_stands_at_its_price_with_its_name() -> None:
    lines = plain(candles(chart((10, 20, 0, 15), (15, 16, 14, 15), places=[level(10)]), 60, 21))
    at = next(i for i, line in enumerate(lines) if "10 breakout" in line)
    assert at == 10  # in the middle
    assert lines[at].startswith("─" * 20)
    price = next(i for i, line in enumerate(lines) if "◀15.00" in line)
    assert price == 5


def test_a_zone_is_shaded_and_named() -> None:
    zone = Place(name="resistance", role=None, low=12, high=16)
    lines = plain(candles(chart((10, 20, 0, 10), places=[zone]), 60, 21))
    shaded = [i for i, line in enumerate(lines) if line.startswith("░")]
    assert 4 <= len(shaded) <= 6
    assert any("12–16 resistance" in lines[i] for i in shaded)


def test_the_next_level_is_in_sight_and_a_far_one_is_not() -> None:
    own = chart((10, 20, 5, 15), places=[level(30, "next"), level(90, "far")])
    shown = "".join(plain(candles(own, 60, 20)))
    assert "30 next" in shown
    assert "far" not in shown


def test_the_price_and_the_level_it_stands_at_share_a_line() -> None:
    lines = plain(candles(chart((7000, 7010, 6990, 7000.25), places=[level(7000)]), 80, 12))
    assert any("◀7,000.25 breakout" in line for line in lines)


def test_alerts_stand_at_their_bars() -> None:
    marks = [
        Mark(id=str(i), time=OPEN + at, price=1, type="t", rule="r", direction=way, severity="info", text="")
        for i, (at, way) in enumerate(((61, "up"), (150, "down")))
    ]
    own = chart(*[(10, 11, 9, 10)] * 4, (10, 20, 0, 10), marks=marks)
    lines = plain(candles(own, 40, 20))
    plot = 40 - 7
    up = next(line for line in lines if "▲" in line)
    down = next(line for line in lines if "▼" in line)
    assert up.index("▲") == plot - 4
    assert down.index("▼") == plot - 3
    assert lines.index(down) < lines.index(up)


def test_times_are_those_of_the_exchange() -> None:
    axis = plain(candles(chart(*[(10, 11, 9, 10)] * 60), 80, 10))[-1]
    assert axis.split() == ["28", "Jan", "09:45", "10:00", "10:15"]
    days = plain(candles(chart(*[(10, 11, 9, 10)] * 60, step=86_400), 80, 10))[-1]
    assert days.split() == ["28", "Jan", "12", "Feb", "26", "Feb", "12", "Mar", "26", "Mar"]
    months = plain(candles(chart(*[(10, 11, 9, 10)] * 60, step=5 * 86_400), 80, 10))[-1]
    assert months.split() == ["Jan", "2026", "Apr", "2026", "Jul", "2026", "Oct", "2026"]


def test_the_newest_bars_are_those_that_are_seen() -> None:
    bars = [(1.0 + i, 2.0 + i, 0.5 + i, 1.5 + i) for i in range(300)]
    assert any("◀300.50" in line for line in plain(candles(chart(*bars), 60, 20)))
    wide = plain(candles(chart(*bars), SPACED + 40, 20))
    assert all(" " in line[:SPACED] for line in wide)  # a gap between bars

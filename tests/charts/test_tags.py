"""Names at the right edge."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from tapewatch.charts.tags import spread


def test_what_has_room_stays_where_it_is_wanted() -> None:
    assert spread([20, 60, 100], 30, 0, 200) == [20, 60, 100]


def test_neighbours_that_touch_move_apart_evenly() -> None:
    assert spread([50, 60], 30, 0, 200) == [40, 70]


def test_nothing_reaches_over_the_ends() -> None:
    assert spread([0, 0], 30, 0, 200) == [15, 45]
    assert spread([200, 200], 30, 0, 200) == [155, 185]


@given(st.lists(st.floats(0, 400), max_size=10).map(sorted))
def test_they_never_touch_and_never_leave(wanted: list[float]) -> None:
    middles = spread(wanted, 40, 0, 400)
    assert len(middles) == len(wanted)
    assert all(20 - 1e-6 <= own <= 380 + 1e-6 for own in middles)
    assert all(b - a >= 40 - 1e-6 for a, b in pairwise(middles))

"""The counts that metrics are made of, beside a plain reading of what Prometheus says a histogram is."""

from hypothesis import given
from hypothesis import strategies as st

from tapewatch.histogram import TICKS, Histogram


@given(st.lists(st.floats(0, 1e6) | st.sampled_from(TICKS)))
def test_each_bound_counts_the_values_not_above_it(values: list[float]) -> None:
    subject = Histogram(TICKS)
    for value in values:
        subject.add(value)
    wanted = [(bound, sum(value <= bound for value in values)) for bound in (*TICKS, float("inf"))]
    assert list(subject.cumulative()) == wanted
    assert (subject.count, subject.sum) == (len(values), sum(values))

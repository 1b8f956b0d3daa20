import pytest

from tapewatch.store.pace import next_start


@pytest.mark.parametrize(
    ("took", "next_"),
    [
        (0.0, 100.25),
        (0.025, 100.25),  # a tenth of the period: still in step
        (0.05, 100.5),
        (2.0, 120.0),
    ],
)
def test_work_takes_at_most_a_tenth_of_the_time(took: float, next_: float) -> None:
    assert next_start(100.0, 100.0 + took, period=0.25) == pytest.approx(next_)

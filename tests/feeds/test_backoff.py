import pytest

from tapewatch.feeds.backoff import Backoff


@pytest.mark.parametrize(
    ("attempt", "longest"), [(0, 1), (1, 2), (2, 4), (5, 32), (6, 60), (7, 60), (10_000, 60)]
)
def test_the_longest_wait_doubles_up_to_the_cap_and_the_wait_is_anywhere_below(attempt, longest):
    delays = [Backoff().delay(attempt) for _ in range(500)]
    assert 0 <= min(delays) < longest * 0.1
    assert longest * 0.9 < max(delays) <= longest

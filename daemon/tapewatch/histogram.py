"""Counts how often a value lies in which range, as Prometheus' histograms do; for parts that must not wait."""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from itertools import accumulate

SECONDS = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
"""Bounds for what this machine does by itself."""

DELIVERY_SECONDS = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0, 3600.0)
"""Bounds for what others take part in."""

TICKS = (1.0, 4.0, 16.0, 64.0, 256.0, 1024.0, 4096.0, 16_384.0)
"""Bounds for batches."""


class Histogram:
    """Values by range; a value on a bound counts below it.

    Args:
        bounds: upper bounds, ascending; what is above the last counts too.

    Source: https://prometheus.io/docs/concepts/metric_types/#histogram
    """

    def __init__(self, bounds: Sequence[float]) -> None:
        self.bounds = bounds
        self.sum = 0.0
        self._counts = [0] * (len(bounds) + 1)

    def add(self, value: float) -> None:
        """One more."""
        self._counts[bisect_left(self.bounds, value)] += 1
        self.sum += value

    @property
    def count(self) -> int:
        """How many there were."""
        return sum(self._counts)

    def cumulative(self) -> Iterator[tuple[float, int]]:
        """Each bound, the last infinite, with how many values were not above it."""
        return zip((*self.bounds, float("inf")), accumulate(self._counts), strict=True)

"""From a tick that is sent to a subscriber who has its alert: the whole daemon, over a websocket, with Redis.

Twenty alerts a second, so that no alert waits for another; the other ticks are what the daemon does beside. Sender and
subscriber are one process, and one clock (`market_side.py`).
"""

from dataclasses import dataclass

import numpy as np

from daemon_side import running
from figures import Figure
from market_side import Plan

GOALS = {50: "≤ 200 µs", 99: "≤ 1,000 µs"}
"""Design §10, by percentile."""
PERCENTILES = (50, 99, 99.9)


@dataclass(frozen=True)
class Load:
    """What the daemon has to do."""

    rate: int
    """Ticks a second."""
    per_frame: int


LOADS = (Load(1_000, 1), Load(10_000, 1), Load(10_000, 50))


def measure(seconds: float = 60, loads: tuple[Load, ...] = LOADS, alert_every: float = 0.05) -> list[Figure]:
    """Three percentiles a load."""
    found = []
    for load in loads:
        plan = Plan(load.rate, load.per_frame, seconds, alert_every)
        with running(plan) as both:
            outcome = both.outcome()
        if len(outcome.heard) != len(outcome.expected):
            raise AssertionError(f"{len(outcome.expected)} alerts expected, {len(outcome.heard)} heard")
        taken = np.array([seconds * 1e6 for _, _, seconds in outcome.heard[1:]])  # the first warms up
        shown = "1 tick" if load.per_frame == 1 else f"{load.per_frame} ticks"
        found += [
            Figure(
                f"tick sent to alert heard, {load.rate:,} ticks/s, {shown} a frame, p{percentile:g}",
                float(np.percentile(taken, percentile)),
                "µs",
                goal=GOALS.get(int(percentile)) if percentile in GOALS else None,
            )
            for percentile in PERCENTILES
        ]
    return found

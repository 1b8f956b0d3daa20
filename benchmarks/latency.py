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


RELAY = "websockets + json + an awaited PUBLISH, and nothing else"


def measure(seconds: float = 60, loads: tuple[Load, ...] = LOADS, alert_every: float = 0.05) -> list[Figure]:
    """Three percentiles a load, beside the least that Python can do."""
    found = []
    for load in loads:
        ours, least = (_microseconds(load, seconds, alert_every, relay=relay) for relay in (False, True))
        shown = "1 tick" if load.per_frame == 1 else f"{load.per_frame} ticks"
        for percentile in PERCENTILES:
            own, peer = float(np.percentile(ours, percentile)), float(np.percentile(least, percentile))
            name = f"tick sent to alert heard, {load.rate:,} ticks/s, {shown} a frame, p{percentile:g}"
            goal = GOALS.get(int(percentile)) if percentile in GOALS else None
            found.append(Figure(name, own, "µs", peer=RELAY, ratio=peer / own, goal=goal))
    return found


def _microseconds(load: Load, seconds: float, alert_every: float, *, relay: bool) -> np.ndarray:
    """From each tick to its alert; the first one warms up."""
    plan = Plan(load.rate, load.per_frame, seconds, alert_every)
    with running(plan, relay=relay) as both:
        outcome = both.outcome()
    if len(outcome.heard) != len(outcome.expected):
        raise AssertionError(f"{len(outcome.expected)} alerts expected, {len(outcome.heard)} heard")
    return np.array([taken * 1e6 for _, _, taken in outcome.heard[1:]])

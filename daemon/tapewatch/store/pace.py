"""How often background work may run."""

_SHARE = 0.1
"""Work in the background takes at most this part of a core, however slow the machine is."""


def next_start(started: float, ended: float, period: float) -> float:
    """When work that ran from `started` to `ended` may run again: every `period`, or later if it took long.

    All in seconds of the monotonic clock.
    """
    took = ended - started
    return max(started + period, ended + took * (1 - _SHARE) / _SHARE)

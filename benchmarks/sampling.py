"""What a process takes, as it runs: memory, open files, and its Redis; and whether it grows."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from redis import Redis

from tapewatch.store.keys import Keys

MIB = 2**20

_ENTRIES = 1000
"""Of a log, to tell its size from."""


@dataclass(frozen=True)
class Sample:
    """At one moment."""

    seconds: float
    """Since the first."""
    resident: float
    """MiB."""
    files: int
    """File descriptors."""
    redis: float
    """MiB that Redis uses, without the logs."""
    logs: float
    """MiB: streams and the ids of what is in them, which grow with each alert until they are trimmed."""
    alerts: int
    """In the stream."""


def sample(pid: int, redis: Redis, keys: Keys, seconds: float) -> Sample:
    """Of the process `pid` and the Redis that it alone writes to (Linux: /proc)."""
    status = dict(
        line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines() if ":" in line
    )
    logs = sum(
        redis.memory_usage(key, samples=_ENTRIES) or 0
        for kind in ("stream", "set")
        for key in redis.scan_iter(_type=kind)
    )
    return Sample(
        seconds,
        int(status["VmRSS"].split()[0]) / 1024,
        len(list(Path(f"/proc/{pid}/fd").iterdir())),
        (int(redis.info("memory")["used_memory"]) - logs) / MIB,
        logs / MIB,
        int(redis.xlen(keys.alerts)),
    )


@dataclass(frozen=True)
class Growth:
    """Of a row of values, over the last two thirds of the time."""

    first: float
    last: float
    """By the straight line that fits best."""
    highest: float

    @property
    def grown(self) -> float:
        """From the first to the last."""
        return self.last - self.first


def growth(samples: Sequence[Sample], name: str) -> Growth:
    """What became of the field `name` once it had settled."""
    settled = samples[len(samples) // 3 :]
    at = np.array([own.seconds for own in settled])
    values = np.array([getattr(own, name) for own in settled], float)
    if len(settled) < 2:
        return Growth(values[0], values[0], values[0])
    slope, start = np.polyfit(at, values, 1)
    return Growth(float(start + slope * at[0]), float(start + slope * at[-1]), float(values.max()))

"""`make load`: half a million ticks a second for a minute, with an alert every 10 ms; is anything lost?

The daemon is stopped (SIGSTOP) in the middle for three seconds, so that it is behind for certain: it must say by how
much. The sender knows the truth, as it hears the alerts: each came so long after its tick was made.

Exits with 1 where a check fails. A table goes to the terminal.
"""

import argparse
import json
import os
import signal
import sys
import threading
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
from redis import Redis
from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table

from daemon_side import Running, running
from market_side import Outcome, Plan
from sampling import Sample, growth, sample
from tapewatch import assemble
from tapewatch.check import load as load_config
from tapewatch.engine import plan as state
from tapewatch.engine.events import REFUSALS
from tapewatch.market.ticks import NS
from tapewatch.market.timeframes import DAY
from tapewatch.store.keys import Keys
from timing import pin

KEYS = Keys("bench")
STALL_SECONDS = 3.0
STALL_AFTER = 0.4
"""Of the whole time."""
RATE_AT_LEAST = 0.95
"""Of what was to be sent; below that the sender had no core to itself, and the run says little."""
GROWN_AT_MOST = 8.0
"""MiB of resident memory, over the last two thirds."""
LAG_OF = 1.5
LAG_WITHIN = 0.3
"""What the daemon says is of the last second: it is true if it was so within the last 1.5 s, give or take 0.3 s."""
SAMPLE_SECONDS = 1.0
AFTER_SECONDS = 3.0
"""In which the daemon can notice that it has caught up."""
MIDNIGHT_MARGIN = 300.0
"""Seconds; the volume of the day is what says how many ticks the engine took."""


@dataclass(frozen=True)
class Row:
    """Of the table."""

    what: str
    expected: str
    found: str
    good: bool


def measure(plan: Plan, stall: float = STALL_SECONDS) -> list[Row]:
    """Runs it, and checks."""
    _wait_for_midnight(plan.seconds)
    with running(plan) as both, Redis(unix_socket_path=both.redis) as redis:
        samples: list[Sample] = []
        done = threading.Event()
        watching = threading.Thread(target=_watch, args=(both, redis, samples, done))
        stalling = threading.Thread(target=_stall, args=(both, plan.seconds, stall, done))
        for thread in (watching, stalling):
            thread.start()
        try:
            outcome = both.outcome()
        finally:
            done.set()
            for thread in (watching, stalling):
                thread.join()
        code = both.stop_daemon()
        return [
            Row("the daemon's exit code", "0", str(code), code == 0),
            *speed_rows(plan, outcome),
            *tick_rows(both, redis, outcome),
            *alert_rows(redis, outcome),
            _memory(samples),
            *lag_rows(both, outcome, stall),
        ]


def _wait_for_midnight(seconds: float) -> None:
    now = datetime.now(UTC)
    midnight = (now + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)
    left = (midnight - now).total_seconds()
    if left < seconds + MIDNIGHT_MARGIN:
        print(f"it is almost midnight (UTC), and a day's volume is counted: waiting {left:.0f} s")
        time.sleep(left + 1)


def _watch(both: Running, redis: Redis, samples: list[Sample], done: threading.Event) -> None:
    began = time.monotonic()
    while not done.wait(SAMPLE_SECONDS):
        if both.daemon.poll() is not None:
            return
        samples.append(sample(both.daemon.pid, redis, KEYS, time.monotonic() - began))


def _stall(both: Running, seconds: float, stall: float, done: threading.Event) -> None:
    """Stops the daemon for a while in the middle; not over the end of a minute, which closes bars."""
    while not both.events("alert.fired"):  # until it is under way
        if done.wait(0.2):
            return
    done.wait(seconds * STALL_AFTER)
    while not 5 < time.time() % 60 < 60 - 3 * stall and not done.wait(0.1):
        pass
    if stall and not done.is_set():
        os.kill(both.daemon.pid, signal.SIGSTOP)
        done.wait(stall)
        os.kill(both.daemon.pid, signal.SIGCONT)


def speed_rows(plan: Plan, outcome: Outcome) -> list[Row]:
    rate = outcome.in_time / outcome.seconds
    return [
        Row("ticks sent a second", f"{plan.rate:,}", f"{rate:,.0f}", rate > RATE_AT_LEAST * plan.rate),
    ]


def tick_rows(both: Running, redis: Redis, outcome: Outcome) -> list[Row]:
    """Every tick has a size of one, so that the day's volume is how many were admitted."""
    config = load_config(both.config)
    engine = assemble.engine(config, tape_clocks=[False])
    admitted = 0
    for k, layout in enumerate(engine.layouts):
        symbol = layout.watch.symbol
        hot, bars = redis.hmget(KEYS.snapshot, symbol, f"{symbol}/bars")
        engine.restore(k, hot, bars)
        n, day = len(layout.watch.timeframes), layout.watch.timeframes.index(DAY)
        admitted += round(float(engine._S[k, state.HEADER + state.VOLUME * n + day]))
    refused = dict.fromkeys(REFUSALS, 0)
    for event in both.events("ticks.refused"):
        refused[event["reason"]] += event["count"]
    named = ", ".join(f"{count:,} {name}" for name, count in refused.items() if count) or "none"
    taken = admitted + sum(refused.values())
    return [
        Row("ticks the engine took", f"{outcome.ticks:,}", f"{taken:,}", taken == outcome.ticks),
        Row("ticks it refused", "none", named, not any(refused.values())),
    ]


def alert_rows(redis: Redis, outcome: Outcome) -> list[Row]:
    stream = [int(json.loads(entry[b"json"])["data"]["time_ns"]) for _, entry in redis.xrange(KEYS.alerts)]
    heard = [event for event, _, _ in outcome.heard]
    count = f"{len(outcome.expected):,}"
    return [
        Row("alerts in the stream, in order", count, f"{len(stream):,}", stream == outcome.expected),
        Row("alerts heard by a subscriber", count, f"{len(heard):,}", heard == outcome.expected),
    ]


def _memory(samples: list[Sample]) -> Row:
    own = growth(samples, "resident")
    found = f"{own.grown:+.1f} MiB, from {own.first:.0f}, at most {own.highest:.0f}"
    return Row(
        "memory over the last two thirds", f"≤ {GROWN_AT_MOST:+.0f} MiB", found, own.grown <= GROWN_AT_MOST
    )


def lag_rows(both: Running, outcome: Outcome, stall: float) -> list[Row]:
    """What the daemon said beside how late the alerts were that came just then."""
    came = np.array([wall for _, wall, _ in outcome.heard])
    late = np.array([wall - event / NS for event, wall, _ in outcome.heard])
    usual = float(np.min(late))
    said = both.events("feed.behind")
    rows = []
    for event in said:
        at = datetime.fromisoformat(event["timestamp"]).timestamp()
        true = np.interp(np.linspace(at - LAG_OF, at, 16), came, late) - usual
        seconds, low, high = event["seconds"], float(true.min()), float(true.max())
        good = low - LAG_WITHIN <= seconds <= high + LAG_WITHIN
        rows.append(Row("lag said", f"{low:.2f} to {high:.2f} s", f"{seconds:.2f} s", good))
    if stall > 2 and not said:
        rows.append(Row("lag said", "once it was stopped", "never", False))
    over = both.events("feed.caught_up")
    if said:
        rows.append(Row("said to have caught up", "once", f"{len(over)}", len(over) >= 1))
    worst = float(np.max(late))
    rows.append(Row("longest from a tick to its alert", "", f"{worst:.2f} s", True))
    return rows


def iso(wall: float) -> str:
    """As the log has it."""
    return datetime.fromtimestamp(wall, UTC).isoformat()


def table(rows: list[Row]) -> Table:
    """For people."""
    own = Table("what", "expected", "found", "", box=SIMPLE)
    for row in rows:
        own.add_row(row.what, row.expected, row.found, "" if row.good else "FAILED")
    return own


def main() -> None:
    """Measures, prints, judges."""
    own = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    own.add_argument("--seconds", type=float, default=60)
    own.add_argument("--rate", type=int, default=500_000, help="ticks a second")
    arguments = own.parse_args()
    pin()
    plan = Plan(arguments.rate, 50, arguments.seconds, 0.01, regular=True, pause=0.001, after=AFTER_SECONDS)
    rows = measure(plan)
    Console(width=None if sys.stdout.isatty() else 130).print(table(rows))
    sys.exit(not all(row.good for row in rows))


if __name__ == "__main__":
    main()

"""`make bench`: every figure beside its peer, in one run on one core; under eight minutes.

One JSON line a figure goes to results.jsonl beside this file, a table to the terminal. Names of groups as arguments
measure those alone: `bench.py engine replay`.
"""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from rich.console import Console

import daemon_speed
import engine_speed
import latency
import memory
import picture_speed
import replay_speed
import startup
from figures import Figure, json_line, table, versions
from timing import pin

RESULTS = Path(__file__).with_name("results.jsonl")


def engine() -> Iterator[Figure]:
    """ns a tick, beside every peer, once it is certain that all do the same work."""
    engine_speed.verify()
    for size in (engine_speed.MANY, engine_speed.ONE):
        yield from engine_speed.measure(size)


def replay() -> Iterator[Figure]:
    """Ticks a second of a real day."""
    if replay_speed.TAPE.exists():
        yield from replay_speed.measure()
    else:
        print(f"replay left out: {replay_speed.TAPE} is not here", file=sys.stderr)


GROUPS: dict[str, Callable[[], Iterator[Figure]]] = {
    "engine": engine,
    "daemon": lambda: iter(daemon_speed.measure()),
    "latency": lambda: iter(latency.measure()),
    "replay": replay,
    "memory": lambda: iter(memory.measure()),
    "picture": lambda: iter(picture_speed.measure()),
    "start": lambda: iter(startup.measure()),
}


def main(groups: list[str]) -> None:
    """Measures, writes, prints."""
    unknown = [name for name in groups if name not in GROUPS]
    if unknown:
        sys.exit(f"there is no group {unknown[0]!r}; there is {', '.join(GROUPS)}")
    core = pin()
    of = versions()
    console = Console(width=None if sys.stdout.isatty() else 170)
    on = "wherever the system put it" if core is None else f"on core {core}"
    console.print(f"{on}; " + ", ".join(f"{name} {own}" for name, own in of.items()))
    with RESULTS.open("w") as results:
        for name in groups or GROUPS:
            found = list(GROUPS[name]())
            results.writelines(json_line(figure, of) + "\n" for figure in found)
            results.flush()
            console.print(table(found))


if __name__ == "__main__":
    main(sys.argv[1:])

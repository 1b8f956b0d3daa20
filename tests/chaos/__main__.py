"""Faults at random moments, judged, and the table of docs/reliability.md.

    make chaos
    PYTHONPATH=tests .venv/bin/python -m chaos --fault daemon-killed --runs 5 --seed 3

A run is known by its name, SEED-NUMBER-FAULT: it gives the same fault after the same alert. What went wrong is kept,
a folder a run: config, state, Redis' files, logs, what was expected. Exit code 1: something did.
"""

import argparse
import asyncio
import os
import sys
import tempfile
import time
from pathlib import Path

from chaos import table
from chaos.campaign import campaign
from chaos.faults import FAULTS
from chaos.run import Outcome, plans

_RUNS = sum(fault.share for fault in FAULTS)


def main() -> int:
    arguments = _arguments()
    folder = Path(arguments.keep or tempfile.mkdtemp(prefix="chaos-"))
    folder.mkdir(parents=True, exist_ok=True)
    faults = [fault for fault in FAULTS if fault.name in (arguments.fault or (fault.name,))]
    began = time.monotonic()
    outcomes = asyncio.run(_run(plans(arguments.runs, arguments.seed, faults), arguments.workers, folder))
    wrong = [own for own in outcomes if own.verdict.wrong]
    minutes = (time.monotonic() - began) / 60
    told = (
        f"{len(outcomes)} runs, seed {arguments.seed}, {arguments.workers} at a time on {os.cpu_count()} cores,"
        f" {minutes:.0f} minutes; {len(wrong)} went wrong."
    )
    made = f"{told}\n\n{table.table(outcomes)}"
    print(made)
    for own in wrong:
        print(f"kept: {folder / own.plan.name}")
    if arguments.page:
        table.write(arguments.page, made)
    return 1 if wrong else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="chaos")
    parser.add_argument("--runs", type=int, default=_RUNS)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--seed", type=int, default=7000)
    parser.add_argument(
        "--fault", action="append", choices=[fault.name for fault in FAULTS], help="again for more of them"
    )
    parser.add_argument("--keep", help="folder for what went wrong")
    parser.add_argument("--page", type=Path, help="where the table goes")
    return parser.parse_args()


async def _run(planned: list, workers: int, folder: Path) -> list[Outcome]:
    outcomes = []
    async for outcome in campaign(planned, workers, folder):
        outcomes.append(outcome)
        print(f"{len(outcomes):3}/{len(planned)} {outcome}", flush=True)
    return outcomes


if __name__ == "__main__":
    sys.exit(main())

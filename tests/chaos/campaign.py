"""Many runs, some at a time, each in a process of its own."""

import asyncio
import multiprocessing
import shutil
from collections.abc import AsyncIterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from chaos.feed import Feeds, open_feeds
from chaos.run import PATIENCE, Outcome, Plan, play


async def campaign(
    plans: Sequence[Plan], workers: int, folder: Path, patience: float = PATIENCE
) -> AsyncIterator[Outcome]:
    """What came of each run, as it ends; in `folder` stay the folders of those that went wrong.

    Args:
        plans: the runs.
        workers: how many at a time.
        folder: empty.
        patience: as for `play`.
    """
    async with open_feeds(folder) as feeds:
        processes = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(workers, mp_context=processes) as pool:
            loop = asyncio.get_running_loop()
            runs = [
                loop.run_in_executor(pool, _played, plan, folder / plan.name, feeds, patience)
                for plan in plans
            ]
            for run in asyncio.as_completed(runs):
                outcome = await run
                if not outcome.verdict.wrong:
                    shutil.rmtree(folder / outcome.plan.name)
                yield outcome


def _played(plan: Plan, folder: Path, feeds: Feeds, patience: float) -> Outcome:
    return asyncio.run(play(plan, folder, feeds, patience))

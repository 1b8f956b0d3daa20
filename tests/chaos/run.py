"""One run: a scene, a fault at a random moment, the verdict."""

import asyncio
import time
import traceback
from collections.abc import Awaitable, Coroutine, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from chaos.fault import Fault
from chaos.faults import FAULTS
from chaos.feed import Feed, Feeds
from chaos.scene import Scene, open_scene
from chaos.verdict import Verdict, Wrong, judge

PATIENCE = 90.0

TAKEOVER_SECONDS = 5.0
"""In which another leads."""

_LONGEST_SECONDS = 240.0
"""No run takes so long."""

_SETTLE_SECONDS = 0.5
"""After the last delivery, for one too many."""

_LATEST = 0.9
"""A fault comes before so much of the alerts has."""

_GROUPED = 0.25
_RUNS_ON = 0.4
"""Shares of the runs in which mails tell of several alerts, and in which a standby's tape runs on."""


@dataclass(frozen=True)
class Plan:
    """One run; its name is its seed."""

    seed: int
    number: int
    fault: Fault

    @property
    def name(self) -> str:
        return f"{self.seed}-{self.number:03}-{self.fault.name}"


@dataclass
class Outcome:
    """What came of one run."""

    plan: Plan
    verdict: Verdict = field(default_factory=Verdict)
    at: int = 0
    """After how many alerts the fault came."""
    how: str = ""
    seconds: float = 0.0
    takeover: float | None = None
    """Seconds from the fault until another led."""
    ends: list[int] = field(default_factory=list)
    """Exit codes of daemons that ended."""

    def __str__(self) -> str:
        plan, verdict = self.plan, self.verdict
        doubles = " ".join(f"{name}+{count}" for name, count in verdict.doubles.items() if count)
        taken = "" if self.takeover is None else f"taken over in {self.takeover:.1f} s"
        notes = [
            self.how,
            taken,
            doubles,
            *(f"{name}≠ {count}" for name, count in verdict.differences.items()),
        ]
        said = "; ".join(map(str, verdict.wrong)) or "good"
        return (
            f"{plan.name:32} at {self.at:3} {self.seconds:5.1f} s  {said}  {', '.join(filter(None, notes))}"
        )


def plans(runs: int, seed: int, faults: Sequence[Fault] = FAULTS) -> list[Plan]:
    """As many runs of each fault as its share says, in an order that the seed gives."""
    whole = sum(fault.share for fault in faults)
    exact = [runs * fault.share / whole for fault in faults]
    counts = [int(each) for each in exact]
    by_rest = sorted(range(len(faults)), key=lambda i: counts[i] - exact[i])
    for i in by_rest[: runs - sum(counts)]:
        counts[i] += 1
    chosen = [fault for fault, count in zip(faults, counts, strict=True) for _ in range(count)]
    Random(seed).shuffle(chosen)
    return [Plan(seed, number, fault) for number, fault in enumerate(chosen, 1)]


async def play(plan: Plan, folder: Path, feeds: Feeds, patience: float = PATIENCE) -> Outcome:
    """One run.

    Args:
        plan: what goes wrong.
        folder: holds all that there is to see of it afterwards.
        feeds: the tapes.
        patience: seconds after the fault until what has not arrived is missing.
    """
    outcome, began, dice = Outcome(plan), time.monotonic(), Random(plan.name)
    folder.mkdir(parents=True)  # noqa: ASYNC240 - nothing runs yet
    try:
        if plan.fault.standby and dice.random() < _RUNS_ON:
            outcome.how = "on a tape that runs on"
            async with feeds.running_on() as feed:
                await _bounded(_play(outcome, dice, folder, feed, patience), folder)
        else:
            await _bounded(_play(outcome, dice, folder, feeds.from_start, patience), folder)
    except Exception as error:  # one run that fails must not end the others
        (folder / "traceback.txt").write_text(traceback.format_exc())
        outcome.verdict.wrong.append(Wrong("run", f"{type(error).__name__} {error}"))
    outcome.seconds = time.monotonic() - began
    (folder / "outcome.txt").write_text(f"{outcome}\n")
    return outcome


async def _bounded(run: Coroutine[None, None, None], folder: Path) -> None:
    """A run that hangs is a failure that says where."""
    task = asyncio.create_task(run)
    done, _ = await asyncio.wait([task], timeout=_LONGEST_SECONDS)
    if not done:
        with (folder / "stacks.txt").open("w") as file:
            for each in asyncio.all_tasks():
                each.print_stack(file=file)
        task.cancel()
        await asyncio.wait([task], timeout=_LONGEST_SECONDS / 10)
        raise TimeoutError(f"it hangs: {folder / 'stacks.txt'}")
    await task


async def _play(outcome: Outcome, dice: Random, folder: Path, feed: Feed, patience: float) -> None:
    fault = outcome.plan.fault
    (folder / "expected.jsonl").write_bytes(b"\n".join(feed.expected) + b"\n")
    grouped = dice.random() < _GROUPED
    async with open_scene(folder, feed, members=1 + fault.standby, grouped=grouped) as scene:
        await scene.start(feed.quiet_seconds)
        outcome.at = dice.randrange(int(len(feed.expected) * _LATEST))
        await _within(patience, scene.reaches(outcome.at))
        await asyncio.sleep(dice.uniform(0, 0.05))
        outcome.how = ", ".join(filter(None, (await fault.strike(scene, dice), outcome.how)))
        outcome.takeover = scene.takeover
        late = await _late(scene, patience)
        await asyncio.sleep(_SETTLE_SECONDS)
        outcome.ends = [code for member in scene.members for code in member.ends]
        wrong = [*late, *_slow(scene.takeover), *_unasked(outcome.ends, fault), *await scene.stop()]
        outcome.verdict = judge(feed.expected, await scene.seen(fault.redis_away), fault.allowed)
        outcome.verdict.wrong += [Wrong("run", each) for each in wrong]
        scene.write_seen()


async def _late(scene: Scene, patience: float) -> list[str]:
    """What is still on its way when patience ends."""
    try:
        await _within(patience, scene.everything_arrived())
    except TimeoutError:
        return await scene.left()
    return []


def _slow(takeover: float | None) -> list[str]:
    if takeover is not None and takeover > TAKEOVER_SECONDS:
        return [f"taken over only after {takeover:.1f} s"]
    return []


def _unasked(ends: Sequence[int], fault: Fault) -> list[str]:
    """Daemons that ended though nothing ended them."""
    rest = [code for code in ends if code not in fault.ends]
    return [f"a daemon ended by itself: {rest}"] if rest else []


async def _within(seconds: float, what: Awaitable[None]) -> None:
    async with asyncio.timeout(seconds):
        await what

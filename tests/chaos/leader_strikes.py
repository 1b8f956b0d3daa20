"""What is done to a leader that has a standby."""

import asyncio
import signal
import time
from random import Random

from chaos.lines import RESUMED, WAYS, part
from chaos.scene import KEYS, Scene

_FROZEN_SECONDS = 20.0


async def freeze_leader(scene: Scene, dice: Random) -> str:
    leader = await scene.leader()
    leader.send(signal.SIGSTOP)
    began = time.monotonic()
    await scene.taken_over(leader)
    await asyncio.sleep(max(0.0, _FROZEN_SECONDS - (time.monotonic() - began)))
    leader.send(signal.SIGCONT)
    return f"{_FROZEN_SECONDS:g} s"


async def end_leader(scene: Scene, dice: Random, *, by: signal.Signals) -> str:
    leader = await scene.leader()
    leader.send(by)
    await scene.taken_over(leader)
    return ""


async def cut_leader(scene: Scene, dice: Random) -> str:
    leader = await scene.leader()
    how = dice.choice(WAYS)
    part(leader.line, how)
    await scene.taken_over(leader)
    await asyncio.sleep(dice.uniform(0.0, 2.0))
    await leader.line.heal(resume=how == RESUMED)
    return how


async def cut_all(scene: Scene, dice: Random) -> str:
    """Redis is away for leader and standby."""
    how, away = dice.choice(WAYS), dice.choice((1.0, 2.0, 5.0))
    for member in scene.members:
        part(member.line, how)
    await asyncio.sleep(away)
    for member in scene.members:
        await member.line.heal(resume=how == RESUMED)
    return f"{how}, {away:g} s"


async def two_leaders(scene: Scene, dice: Random) -> str:
    """The lease is deleted, or given to the standby or to a stranger, under a leader that is well."""
    leader = await scene.leader()
    other = next(own for own in scene.members if own is not leader)
    how = dice.choice(("deleted", "given to the standby", "given to a stranger", "token taken"))
    if how == "deleted":
        await scene.client.delete(KEYS.lease)
    elif how == "token taken":
        await scene.client.hincrby(KEYS.commit, "token", 1)
    else:
        name = other.events("daemon.standing_by")[-1]["member"] if how.endswith("standby") else "stranger"
        await scene.client.set(KEYS.lease, name, px=2000)
    return how

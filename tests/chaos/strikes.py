"""What is done to a daemon, to its Redis, to its receivers and to its disk."""

import asyncio
import resource
import signal
from random import Random

from starlette.responses import Response

from chaos.fault import NotStruckError, must, until
from chaos.lines import REFUSED, RESUMED, WAYS, part
from chaos.scene import KEYS, Scene

_LONG_SECONDS = 30.0


async def end_daemon(scene: Scene, dice: Random, *, by: signal.Signals, code: int) -> str:
    ends = len(scene.member.ends)
    scene.member.send(by)
    await until(lambda: len(scene.member.ends) > ends)
    must(scene.member.ends[-1] == code, f"the daemon ended with {scene.member.ends[-1]}, not {code}")
    return ""


async def kill_redis(scene: Scene, dice: Random) -> str:
    await scene.redis.kill()
    return await _start_redis(scene, dice)


async def restart_redis(scene: Scene, dice: Random) -> str:
    await scene.redis.stop()
    return await _start_redis(scene, dice)


async def lose_power(scene: Scene, dice: Random) -> str:
    await scene.redis.lose_power()
    return await _start_redis(scene, dice)


async def _start_redis(scene: Scene, dice: Random) -> str:
    away = dice.uniform(0.1, 2.0)
    await asyncio.sleep(away)
    await scene.redis.start()
    return f"away for {away:.1f} s"


async def pause_redis(scene: Scene, dice: Random) -> str:
    seconds = dice.choice((1.0, 2.0, 3.0, 7.0))
    scene.redis.pause()
    await asyncio.sleep(seconds)
    scene.redis.go_on()
    return f"for {seconds:g} s"


async def cut(scene: Scene, dice: Random) -> str:
    """The daemon's line to Redis."""
    how, away = dice.choice(WAYS), dice.uniform(0.5, 4.0)
    part(scene.member.line, how)
    await asyncio.sleep(away)
    await scene.member.line.heal(resume=how == RESUMED)
    return f"{how}, {away:.1f} s"


async def cut_long(scene: Scene, dice: Random) -> str:
    """The same for 30 s, in which the tape ends: receivers must have all of it from the spool by then."""
    how = dice.choice(WAYS)
    part(scene.member.line, how)
    await asyncio.sleep(_LONG_SECONDS)
    late = {name: len(scene.expected) - len(had) for name, had in scene.had().items()}
    await scene.member.line.heal(resume=how == RESUMED)
    must(not any(late.values()), f"alerts not sent while Redis was away: {late}")
    return how


async def kill_cut_off(scene: Scene, dice: Random) -> str:
    """The daemon dies while Redis is unreachable: what it sent is in its spool and nowhere else."""
    part(scene.member.line, REFUSED)
    await asyncio.sleep(dice.uniform(0.2, 1.5))
    await end_daemon(scene, dice, by=signal.SIGKILL, code=-signal.SIGKILL)
    away = dice.choice((0.0, 4.0))  # it may find Redis again, or not at first
    await asyncio.sleep(away)
    await scene.member.line.heal()
    return f"Redis back after {away:g} s"


async def lose_answer(scene: Scene, dice: Random, *, asked: bytes, answer: bytes) -> str:
    """Redis did it, and the daemon never hears so."""
    line = scene.member.line
    times = dice.choice((1, 2))
    for _ in range(times):
        try:
            async with asyncio.timeout(10):
                await line.lose(lambda own, said: asked in own and answer in said)
        except TimeoutError:
            raise NotStruckError("no such answer came") from None
    must(line.lost == times, "the answers were not lost")
    return f"{times} ×"


async def refuse(scene: Scene, dice: Random, receiver: str) -> str:
    line, away = scene.desks.lines[receiver], dice.uniform(0.5, 4.0)
    line.refuse()
    await asyncio.sleep(away)
    await line.heal()
    return f"{away:.1f} s"


async def hang(scene: Scene, dice: Random, receiver: str) -> str:
    line, away = scene.desks.lines[receiver], dice.choice((1.0, 2.0, 3.0, 12.0))
    line.silence()
    await asyncio.sleep(away)
    await line.heal()
    return f"{away:g} s"


async def http_status(scene: Scene, dice: Random, status: int) -> str:
    hook, times = scene.desks.hook, dice.choice((1, 2))
    headers = {"Retry-After": str(dice.choice((1, 2)))} if status == 429 else {}
    hook.answers += [Response("no", status, headers=headers) for _ in range(times)]
    await until(lambda: hook.refused == times)
    return f"{times} ×"


async def mail_status(scene: Scene, dice: Random) -> str:
    mail, times = scene.desks.mail, dice.choice((1, 2))
    mail.troubles += ["451 4.3.0 try again later"] * times
    await until(lambda: mail.refused == times)
    return f"{times} ×"


async def fill_disk(scene: Scene, dice: Random) -> str:
    """No file of the daemon may grow further, while Redis is away."""
    member, away = scene.member, dice.uniform(1.0, 3.0)
    limit = dice.choice((0, 20_000, 100_000))
    resource.prlimit(member.pid, resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
    member.line.refuse()
    try:
        await member.logged("spool.full")
    except TimeoutError:
        raise NotStruckError("the spool was never full") from None
    await asyncio.sleep(away)
    resource.prlimit(member.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    await asyncio.sleep(dice.choice((0.0, 2.0)))
    await member.line.heal()
    return f"at {limit} bytes for {away:.1f} s"


async def fail_check(scene: Scene, dice: Random, *, how: str) -> str:
    """No fault of the daemon's: the harness must notice it."""
    entries = await scene.client.xrange(KEYS.alerts)
    place, fields = dice.choice(entries)
    if how == "removed":
        await scene.client.xdel(KEYS.alerts, place)
    elif how == "doubled":
        await scene.client.xadd(KEYS.alerts, fields)
    return how

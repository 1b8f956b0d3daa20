"""Containers are killed, frozen, restarted and upgraded in mid-session: each alert is in Redis once, in order."""

from contextlib import AsyncExitStack
from dataclasses import replace

import pytest

from image.box import Image
from image.building import LATER
from image.surroundings import Surroundings, alerts_reach, stream

pytestmark = [pytest.mark.long, pytest.mark.timeout(900)]

FROZEN_SECONDS = 3.0


@pytest.mark.parametrize("own_redis", [True, False], ids=["own-redis", "redis-of-compose"])
async def test_one_container(
    surroundings: Surroundings, later_image: Image, wanted: list[bytes], own_redis: bool
) -> None:
    redis = await (surroundings.child_redis() if own_redis else surroundings.redis())
    surroundings.write(await surroundings.feed(), redis=not own_redis)
    later = replace(surroundings.outfit, image=later_image)
    moments = [len(wanted) * fifth // 5 for fifth in range(1, 6)]

    async with AsyncExitStack() as stack:
        killed = await surroundings.box(stack)
        await alerts_reach(redis, moments[0], killed)
        await killed.kill()

        frozen = await surroundings.box(stack)
        await alerts_reach(redis, moments[1], frozen)
        await frozen.frozen(FROZEN_SECONDS)
        await alerts_reach(redis, moments[2], frozen)
        assert await frozen.stop() == 0, frozen.program.everything()

        restarted = await surroundings.box(stack)
        await restarted.program.logged("daemon.ready")
        await alerts_reach(redis, moments[3], restarted)
        assert await restarted.stop() == 0, restarted.program.everything()

        assert len(await stream(redis)) < len(wanted), "the tape is over, so that nothing is shown"
        upgraded = await surroundings.box(stack, later)
        await alerts_reach(redis, moments[4], upgraded)
        assert upgraded.program.events("state.restored"), upgraded.program.everything()
        assert LATER in (await upgraded.execute("tapewatch", "--version")).out[0]
        assert await stream(redis) == wanted
        assert await upgraded.stop() == 0, upgraded.program.everything()


async def test_two_containers_are_upgraded_one_after_the_other(
    surroundings: Surroundings, later_image: Image, wanted: list[bytes]
) -> None:
    """As Kubernetes replaces pods: each of the two leads once, and one is killed on the way."""
    redis = await surroundings.redis()
    surroundings.write(
        await surroundings.feed(), redis=True, more="ha = true\n[http]\nlisten = '127.0.0.1:0'"
    )
    first = surroundings.outfit
    second = replace(first, state=surroundings.volume("second"))

    async with AsyncExitStack() as stack:
        leads = await surroundings.box(stack, first)
        await leads.program.logged("daemon.ready")
        stands_by = await surroundings.box(stack, second)
        await stands_by.program.logged("daemon.standing_by")
        await alerts_reach(redis, len(wanted) // 4, leads)
        assert await leads.stop() == 0, leads.program.everything()

        later = await surroundings.box(stack, replace(first, image=later_image))
        await alerts_reach(redis, len(wanted) // 2, stands_by)
        await later.program.logged("daemon.standing_by")
        assert len(await stream(redis)) < len(wanted), "the tape is over, so that nothing is shown"
        await stands_by.kill()
        await surroundings.box(stack, replace(second, image=later_image))
        await alerts_reach(redis, len(wanted), later)
        assert later.program.events("daemon.ready"), later.program.everything()
        assert await stream(redis) == wanted

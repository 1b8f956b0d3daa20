"""What keeps the event loop busy is seen."""

import asyncio
import time

from tapewatch.background import background
from tapewatch.histogram import SECONDS, Histogram
from tapewatch.ops.stalls import measure_stalls


async def test_a_loop_that_was_held_up_is_seen_with_how_long() -> None:
    stalls = Histogram(SECONDS)
    async with background(measure_stalls(stalls)):
        await asyncio.sleep(0.15)
        looks = stalls.count
        assert looks >= 1
        time.sleep(0.6)  # noqa: ASYNC251 - that is what is looked for
        await asyncio.sleep(0.2)
    assert stalls.count > looks
    assert stalls.sum >= 0.5
    above = stalls.count - dict(stalls.cumulative())[0.25]
    assert above >= 1


async def test_a_loop_at_rest_is_looked_at_ten_times_a_second_at_most() -> None:
    stalls = Histogram(SECONDS)
    async with background(measure_stalls(stalls)):
        await asyncio.sleep(0.55)
    assert 1 <= stalls.count <= 5

"""Jobs beside a block end with it, and end it when they fail."""

import asyncio
import time

import pytest

from tapewatch.background import background, cancel, in_thread, unless


async def test_jobs_run_beside_the_block_and_end_with_it() -> None:
    ended: list[str] = []

    async def job() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append("job")

    async with background(job()):
        await asyncio.sleep(0)
        assert ended == []
    assert ended == ["job"]


async def test_a_job_that_fails_ends_the_block_and_the_others() -> None:
    ended: list[str] = []

    async def other() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append("other")

    async def fails() -> None:
        raise ValueError("no such price")

    with pytest.RaisesGroup(pytest.RaisesExc(ValueError, match="no such price")):
        async with asyncio.timeout(5), background(other(), fails()):
            await asyncio.Event().wait()
    assert ended == ["other"]


async def test_a_cancellation_that_gets_lost_is_repeated() -> None:
    async def loses_one() -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            await asyncio.Event().wait()

    async with asyncio.timeout(5), background(loses_one()):
        await asyncio.sleep(0)


async def test_the_blocks_own_error_comes_out() -> None:
    with pytest.RaisesGroup(KeyError):
        async with background(asyncio.Event().wait()):
            raise KeyError("price")


async def test_work_is_left_undone_once_a_stop_comes():
    stop, done = asyncio.Event(), []

    async def work() -> None:
        await asyncio.sleep(0.01)
        done.append(1)

    assert await unless(stop, work())
    stop.set()
    assert not await unless(stop, work())
    assert done == [1]


async def test_work_in_a_thread_is_over_when_who_waits_for_it_has_been_cancelled() -> None:
    done: list[str] = []
    begun = asyncio.Event()
    loop = asyncio.get_running_loop()

    def work() -> str:
        loop.call_soon_threadsafe(begun.set)
        time.sleep(0.2)
        done.append("work")
        return "result"

    assert await in_thread(work) == "result"
    begun.clear()
    task = asyncio.create_task(in_thread(work))
    await begun.wait()
    await cancel({task})
    assert task.cancelled()
    assert done == ["work", "work"]

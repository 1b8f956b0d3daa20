"""Coroutines that run beside a block of code."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any, TypeVar

CANCEL_AGAIN_SECONDS = 0.5

T = TypeVar("T")


@asynccontextmanager
async def background(*jobs: Coroutine[Any, Any, Any]) -> AsyncIterator[None]:
    """Runs `jobs` beside the block and cancels them after it; the first that fails ends the block.

    Raises:
        BaseExceptionGroup: what failed.
    """
    async with asyncio.TaskGroup() as group:
        tasks = {group.create_task(job) for job in jobs}
        try:
            yield
        finally:
            await cancel(tasks)


async def unless(stop: asyncio.Event, work: Coroutine[Any, Any, object]) -> bool:
    """Does `work`, unless `stop` is set before it is done: then it is cancelled. Returns whether it was done.

    Raises:
        Exception: what `work` raises.
    """
    task, stopping = asyncio.ensure_future(work), asyncio.ensure_future(stop.wait())
    try:
        await asyncio.wait((task, stopping), return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            task.result()
            return True
    finally:
        await cancel({own for own in (task, stopping) if not own.done()})
    return False


async def first_of(*waits: Coroutine[Any, Any, object]) -> None:
    """Waits until one of these is done, and cancels the others."""
    tasks = [asyncio.ensure_future(wait) for wait in waits]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()


async def answer(work: Coroutine[Any, Any, T], within: float) -> T:
    """What `work` returns. It is left to itself when it neither ends in time nor heeds that it is cancelled.

    Raises:
        TimeoutError: it took longer than `within` seconds.
    """
    task = asyncio.ensure_future(work)
    try:
        await asyncio.wait([task], timeout=within)
        if not task.done():
            raise TimeoutError
        return task.result()
    finally:
        task.cancel()


async def in_thread(work: Callable[[], T]) -> T:
    """What `work` returns, done in a thread. Who cancels this waits for its end: nothing can end it before.

    Raises:
        Exception: what `work` raises.
    """
    task = asyncio.ensure_future(asyncio.to_thread(work))
    cancelled = None
    while not task.done():
        try:
            await asyncio.wait([task])
        except asyncio.CancelledError as error:
            cancelled = error
    if cancelled:
        raise cancelled
    return task.result()


def first_error(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """The first error of a group of groups."""
    error = group.exceptions[0]
    return first_error(error) if isinstance(error, BaseExceptionGroup) else error


async def cancel(tasks: set[asyncio.Task[Any]]) -> None:
    """Cancels again and again: Python 3.11's wait_for, which redis-py uses, may lose it (cpython#86296)."""
    while tasks:
        for task in tasks:
            task.cancel()
        _, tasks = await asyncio.wait(tasks, timeout=CANCEL_AGAIN_SECONDS)

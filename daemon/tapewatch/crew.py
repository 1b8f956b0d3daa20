"""The delivery workers of a process that leads, one a receiver: they come and go with the config."""

import asyncio
from collections.abc import Mapping
from typing import Never

import structlog

from tapewatch.background import cancel
from tapewatch.notify.worker import Worker

log = structlog.get_logger(__name__)

LEAVES_WITHIN = 2.0
"""Seconds that a receiver which is gone from the config is given for what it has not had."""

LAST_ATTEMPT = 30.0
"""Seconds that an attempt may take that is on its way when its worker has to go; cut off, it might come twice."""


class Crew:
    """Runs workers; each that fails ends `run`.

    Args:
        workers: by receiver, those that there are at the start.
    """

    def __init__(self, workers: Mapping[str, Worker]) -> None:
        self.workers = dict(workers)
        """By receiver, those of the config as it is."""
        self._jobs: dict[str, asyncio.Task[Never]] = {}
        self._leaving: dict[str, asyncio.Task[None]] = {}
        self._group: asyncio.TaskGroup | None = None

    async def run(self) -> Never:
        """Delivers until cancelled.

        Raises:
            ExceptionGroup: what a worker failed of.
        """
        try:
            async with asyncio.TaskGroup() as self._group:
                for name, worker in self.workers.items():
                    self._start(name, worker)
                try:
                    await asyncio.Event().wait()
                finally:
                    await cancel({*self._jobs.values(), *self._leaving.values()})
        finally:
            self._group = None
        raise AssertionError  # it is cancelled, or a worker has failed

    def change(self, gone: list[str], others: Mapping[str, Worker]) -> None:
        """Lets workers go, and takes others on; returns at once, and nothing of it can fail.

        A worker of a receiver that is `gone` delivers for a moment yet. One that another takes the place of begins no
        more message; what it has not had an answer to, the other takes up again.

        Args:
            gone: receivers that the config has no more.
            others: by receiver, new ones and those that take another's place; they have been prepared.
        """
        for name in gone:
            self._let_go(name, self.workers.pop(name), gone=True)
        for name, worker in others.items():
            if (before := self.workers.get(name)) is not None:
                self._let_go(name, before, gone=False)
            self.workers[name] = worker
            self._start(name, worker)

    async def drain(self, within: float) -> list[str]:
        """Delivers what waits, for so many seconds at most; returns the receivers that did not have everything."""
        names, workers = list(self.workers), list(self.workers.values())
        if leaving := [task for task in self._leaving.values() if not task.done()]:
            last = [asyncio.wait(leaving, timeout=within)]
        else:
            last = []
        drained, *_ = await asyncio.gather(
            asyncio.gather(*(worker.drain(within) for worker in workers)), *last
        )
        return [name for name, done in zip(names, drained, strict=True) if not done]

    def _start(self, name: str, worker: Worker) -> None:
        if self._group is not None:
            self._jobs[name] = self._group.create_task(self._work(worker, self._leaving.get(name)))

    async def _work(self, worker: Worker, before: asyncio.Task[None] | None) -> Never:
        """Two that read for one receiver at a time would send what the other has on its way."""
        if before is not None:
            await asyncio.wait([before])
        await worker.run()

    def _let_go(self, name: str, worker: Worker, *, gone: bool) -> None:
        if self._group is not None:
            job, before = self._jobs.pop(name), self._leaving.get(name)
            self._leaving[name] = self._group.create_task(self._leave(name, worker, job, before, gone))

    async def _leave(
        self,
        name: str,
        worker: Worker,
        job: asyncio.Task[Never],
        before: asyncio.Task[None] | None,
        gone: bool,
    ) -> None:
        if before is not None:
            await asyncio.wait([before])
        done = await worker.drain(LEAVES_WITHIN) if gone else True
        await worker.leave(LAST_ATTEMPT)
        left = worker.undelivered
        await cancel({job})
        if not done:
            log.warning(
                "notify.undelivered",
                receiver=name,
                alerts=left,
                reason="the config names it no more; it has these, and what came later, once it does again",
            )

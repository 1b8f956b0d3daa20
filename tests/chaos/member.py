"""A `tapewatch run` that is started again when it ends, as systemd would."""

import asyncio
import json
import signal
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from chaos.proxy import Proxy
from e2e.processes import PATIENCE, Program, environment

RESTART_SECONDS = 0.5
"""Until a daemon that ended is started again; systemd's unit has 10 s."""

_STOPPED = 0


class Member:
    """A daemon, its folder, and its line to Redis."""

    def __init__(self, name: str, folder: Path, line: Proxy) -> None:
        self.name = name
        self.state = folder / name
        self.config = folder / f"{name}.toml"
        self.line = line
        """What it takes for Redis."""
        self.ends: list[int] = []
        """Exit codes of the processes that ended without having been asked to."""
        self._programs: list[Program] = []
        self._keeper: asyncio.Task[None] | None = None
        self._stopping = False

    async def start(self) -> None:
        await self._start()
        self._keeper = asyncio.create_task(self._keep())

    async def _start(self) -> None:
        command = ("run", "--config", self.config, "--log-format", "json")
        self._programs.append(await Program.start(*command, env=environment()))

    async def _keep(self) -> None:
        while True:
            code = await self._process.wait()
            if self._stopping:
                return
            self.ends.append(code)
            await asyncio.sleep(RESTART_SECONDS)
            await self._start()

    @property
    def _process(self) -> asyncio.subprocess.Process:
        return self._programs[-1].process

    @property
    def pid(self) -> int:
        return self._process.pid

    def send(self, number: signal.Signals) -> None:
        """Sends a signal to the process that runs now."""
        self._process.send_signal(number)

    async def stop(self) -> int:
        """Ends it; its exit code."""
        self._stopping = True
        if self._process.returncode is not None:  # it is about to be started again
            await self._cancel()
        async with asyncio.timeout(PATIENCE):
            code = await self._programs[-1].stop() if self._process.returncode is None else _STOPPED
        await self._cancel()
        return code

    async def kill(self) -> None:
        self._stopping = True
        await self._cancel()
        for program in self._programs:
            await program.kill()

    async def _cancel(self) -> None:
        if self._keeper:
            self._keeper.cancel()
            await asyncio.wait([self._keeper])

    async def logged(self, name: str, count: int = 1, since: int = 0) -> dict[str, Any]:
        """The event, once all processes together logged it `count` times after the first `since`."""
        async with asyncio.timeout(PATIENCE):
            while len(self.events(name)) < since + count:  # noqa: ASYNC110 - processes come and go
                await asyncio.sleep(0.02)
        return self.events(name)[since + count - 1]

    def events(self, *names: str) -> list[dict[str, Any]]:
        """The lines of the log with one of these events."""
        return [
            line
            for program in self._programs
            for text in program.err
            if text.startswith("{") and any(name in text for name in names)
            for line in [json.loads(text)]
            if line["event"] in names
        ]

    @property
    def log(self) -> Sequence[str]:
        """All that its processes wrote."""
        return [
            line
            for number, program in enumerate(self._programs, 1)
            for line in (f"--- process {number}", *program.out, *program.err)
        ]

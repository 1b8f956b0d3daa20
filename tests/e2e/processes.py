"""tapewatch as its users run it: commands in processes of their own."""

import asyncio
import json
import os
import re
import signal
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

ROOT = Path(__file__).parents[2]
KEY = "feed-sesame"
SECRET = "hook-sesame"
PATIENCE = 60.0
"""Seconds until a test gives up: never reached unless something is wrong."""


def environment(**more: str) -> dict[str, str]:
    """Ours without any setting of tapewatch, with the feed's key and the webhook's secret."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("TAPEWATCH_")}
    own = {
        "PYTHONPATH": str(ROOT / "daemon"),
        "TAPEWATCH_FEED_TAPE_KEY": KEY,
        "TAPEWATCH_RECEIVER_HOOK_SECRET": SECRET,
    }
    return clean | own | more


class Program:
    """A running command; what it writes is at hand line by line."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.out: list[str] = []
        self.err: list[str] = []
        self._news = asyncio.Condition()
        assert process.stdout
        assert process.stderr
        self._readers = [
            asyncio.create_task(self._read(process.stdout, self.out)),
            asyncio.create_task(self._read(process.stderr, self.err)),
        ]

    @classmethod
    async def start(cls, *args: object, env: dict[str, str] | None = None) -> Self:
        return cls(
            await asyncio.create_subprocess_exec(
                sys.executable,
                *("-m", "tapewatch.cli", *map(str, args)),
                env=env or environment(),
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
            )
        )

    async def _read(self, stream: asyncio.StreamReader, lines: list[str]) -> None:
        async for line in stream:
            async with self._news:
                lines.append(line.decode().rstrip("\n"))
                self._news.notify_all()

    def events(self, name: str) -> list[dict[str, Any]]:
        """The lines of the log with that event."""
        found = (json.loads(line) for line in self.err if line.startswith("{"))
        return [event for event in found if event["event"] == name]

    async def logged(self, name: str, count: int = 1) -> dict[str, Any]:
        """The event, once it was logged `count` times."""
        await self._until(lambda: len(self.events(name)) >= count, f"event {name}")
        return self.events(name)[count - 1]

    async def said(self, pattern: str) -> re.Match[str]:
        """The match of `pattern` on standard output."""
        await self._until(lambda: re.search(pattern, "\n".join(self.out)), f"output {pattern}")
        found = re.search(pattern, "\n".join(self.out))
        assert found
        return found

    async def complained(self, pattern: str) -> None:
        """Returns once `pattern` is on standard error."""
        await self._until(lambda: re.search(pattern, "\n".join(self.err)), f"complaint {pattern}")

    async def _until(self, holds: Any, what: str) -> None:
        try:
            async with asyncio.timeout(PATIENCE), self._news:
                await self._news.wait_for(lambda: holds() or self.process.returncode is not None)
        except TimeoutError:
            raise AssertionError(f"no {what}:\n{self.everything()}") from None
        assert holds(), f"no {what}, exit code {self.process.returncode}:\n{self.everything()}"

    async def ended(self) -> int:
        """Its exit code, once it has ended and all was read."""
        async with asyncio.timeout(PATIENCE):
            await asyncio.wait(self._readers)
            return await self.process.wait()

    async def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """The exit code that a signal brings about."""
        self.process.send_signal(number)
        return await self.ended()

    async def kill(self) -> None:
        with suppress(ProcessLookupError):
            self.process.kill()
        await self.ended()

    def everything(self) -> str:
        return "\n".join([*self.out, *self.err])

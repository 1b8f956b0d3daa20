"""A person at a terminal of its own."""

import os
import pty
import re
import select
import sys
import time
from collections.abc import Callable
from pathlib import Path

PATIENCE = 60
"""Seconds until a test gives up: never reached unless something is wrong."""


class Somebody:
    """Who runs `tapewatch ARGS` in `folder` and answers what it asks; `seen` is what the terminal shows."""

    def __init__(self, folder: Path, *args: str, **more: str) -> None:
        self.seen = ""
        self._pid, self._terminal = pty.fork()
        if self._pid == 0:
            os.chdir(folder)
            clean = {name: own for name, own in os.environ.items() if not name.startswith("TAPEWATCH_")}
            own = {"PYTHONPATH": str(Path(__file__).parents[1] / "daemon"), "COLUMNS": "120", "TERM": "dumb"}
            os.execve(sys.executable, [sys.executable, "-m", "tapewatch.cli", *args], clean | own | more)

    def answers(self, prompt: str, text: str) -> None:
        """Types once the prompt is there."""
        self._until(lambda: re.search(f"{prompt}[^\n]*: \\Z", self.seen) is not None, prompt)
        os.write(self._terminal, text.encode())
        self.seen += "\n"

    def end(self) -> int:
        self._until(lambda: False, "the end")
        return os.waitstatus_to_exitcode(os.waitpid(self._pid, 0)[1])

    def _until(self, there: Callable[[], bool], what: str) -> None:
        end = time.monotonic() + PATIENCE
        while not there():
            assert time.monotonic() < end, f"{what} did not come: {self.seen}"
            if not select.select([self._terminal], [], [], 1)[0]:
                continue
            try:
                said = os.read(self._terminal, 65536)
            except OSError:  # it has ended
                said = b""
            if not said:
                assert what == "the end", self.seen
                return
            self.seen += said.decode().replace("\r", "")

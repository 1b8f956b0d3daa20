"""Console: one line per alert."""

import asyncio
import sys
from typing import TextIO

from tapewatch.alerts.alert import Alert
from tapewatch.notify.render import render
from tapewatch.notify.sender import PermanentError


class Console:
    """Writes to `out`, standard output if left out."""

    def __init__(self, out: TextIO | None = None) -> None:
        self._out = out or sys.stdout

    async def send(self, alert: Alert, body: bytes) -> None:
        """Writes the alert's line; see `Sender.send`."""
        # In a thread: a stopped terminal (Ctrl-S) or a full pipe must not stop the market.
        await asyncio.to_thread(self._write, line(alert))

    def _write(self, text: str) -> None:
        encoding = self._out.encoding or "utf-8"
        try:
            self._out.write(text.encode(encoding, "replace").decode(encoding) + "\n")
            self._out.flush()
        except (OSError, ValueError) as error:  # the reader of the pipe is gone; the stream is closed
            raise PermanentError(f"standard output: {error}") from None


def line(alert: Alert) -> str:
    """Exchange time, what happened, the next target."""
    wording = render(alert)
    when = dict(wording.facts)["Exchange time"].partition(" (")[0]
    target = f"  next {wording.next}" if wording.next else ""
    return f"{when}  {wording.arrow} {wording.headline}{target}"

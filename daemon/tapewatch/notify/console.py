"""Console: one line per alert, or per summary; of a digest its headline and a line per alert below."""

import asyncio
import io
import sys
import threading
from contextlib import suppress
from typing import TextIO
from urllib.parse import quote

from tapewatch.alerts.alert import Alert
from tapewatch.notify.message import Kind, Message
from tapewatch.notify.render import local_time, render
from tapewatch.notify.sender import PermanentError
from tapewatch.notify.telling import Told, capped, tell
from tapewatch.notify.template import Template, own_text

MOST_LINES = 200
"""Alerts of a digest that are listed."""

_OF_A_URL = "!#$%&'()*+,/:;=?@[]~"
"""What stands for itself in a URL; the rest would end the link, or do worse to a terminal."""


class Console:
    """Writes to `out`, standard output if left out."""

    pictures = False

    def __init__(self, out: TextIO | None = None, template: Template | None = None) -> None:
        self._out = out or _standard_output()
        self._template = template

    async def send(self, message: Message) -> None:
        """Writes the message's lines; see `Sender.send`."""
        told = tell(message)
        text = own_text(self._template, told, MOST_LINES) or f"{lines(told)}{self._link(told)}"
        # In a thread: a stopped terminal (Ctrl-S) or a full pipe must not stop the market. One of its own, and a
        # daemon: for those of asyncio's the process would wait at its end.
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        threading.Thread(target=self._write_for, args=(text, done), daemon=True).start()
        await done

    def _link(self, told: Told) -> str:
        """Behind a word on a terminal, spelled out in a file.

        Source: https://gist.github.com/egmontkob/eb114294efbcd5adb1944c9f3cb5feda
        """
        if not told.link:
            return ""
        if not self._out.isatty():
            return f"  {told.link}"
        return f"  \x1b]8;;{quote(told.link, safe=_OF_A_URL)}\x1b\\chart\x1b]8;;\x1b\\"

    def _write_for(self, text: str, done: asyncio.Future[None]) -> None:
        error = None
        try:
            self._write(text)
        except PermanentError as failed:
            error = failed
        with suppress(RuntimeError):  # nobody waits any more, and the loop is closed
            done.get_loop().call_soon_threadsafe(_tell, done, error)

    def _write(self, text: str) -> None:
        encoding = self._out.encoding or "utf-8"
        try:
            self._out.write(text.encode(encoding, "replace").decode(encoding) + "\n")
            self._out.flush()
        except (OSError, ValueError) as error:  # the reader of the pipe is gone; the stream is closed
            raise PermanentError(f"standard output: {error}") from None


def _tell(done: asyncio.Future[None], error: PermanentError | None) -> None:
    if done.cancelled():
        return
    if error:
        done.set_exception(error)
    else:
        done.set_result(None)


def _standard_output() -> TextIO:
    """Standard output past Python's buffer: a write that hangs holds its lock, and the process could not end."""
    raw = io.FileIO(sys.stdout.fileno(), "w", closefd=False)
    return io.TextIOWrapper(raw, encoding=sys.stdout.encoding, write_through=True)


def lines(told: Told) -> str:
    """The message for a terminal."""
    if told.kind is Kind.DIGEST:
        return "\n  ".join((f"{told.arrow} {told.headline}", *capped(told.lines, MOST_LINES)))
    if told.kind is Kind.SUMMARY:
        return f"{_when(told.alerts[-1])}  {told.arrow} {told.headline}"
    return "\n".join(map(line, told.alerts))


def line(alert: Alert) -> str:
    """Exchange time, what happened, the next target."""
    wording = render(alert)
    target = f"  next {wording.next}" if wording.next else ""
    return f"{_when(alert)}  {wording.arrow} {wording.headline}{target}"


def _when(alert: Alert) -> str:
    return f"{local_time(alert.data):%Y-%m-%d %H:%M:%S %Z}"

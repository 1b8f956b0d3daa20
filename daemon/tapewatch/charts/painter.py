"""Pictures of charts, drawn by a child process, so that nothing that draws can hold up or end the daemon."""

import asyncio
import os
import signal
import sys
import tempfile
from collections import deque
from contextlib import suppress
from dataclasses import dataclass, field

import msgspec
import structlog

from tapewatch.charts.chart import Chart
from tapewatch.charts.look import DESIGN
from tapewatch.charts.order import LENGTH, Answer, Order, frame, understood

log = structlog.get_logger(__name__)

PROGRAM = (sys.executable, "-P", "-m", "tapewatch.charts.child")

DRAW_SECONDS = 5.0
"""A child that takes longer for a picture hangs, and is replaced."""
START_SECONDS = 60.0
"""The same of its start: on a busy machine it waits for its turn."""
PAUSE_SECONDS = 10.0
"""After a start that failed there are no pictures for so long."""

MOST_ALERTS = 32
MOST_PAGES = 4
"""Pictures that wait. More of alerts are not drawn; of pages, those that have waited longest are given up."""

_MOST_BYTES = 8 << 20
"""A longer answer is no picture."""
_PNG = b"\x89PNG\r\n\x1a\n"

_GIVEN = ("LD_LIBRARY_PATH", "PYTHONHOME", "TMPDIR")
"""What the child gets of our environment, in which secrets may stand."""
_SET = {
    "MPLBACKEND": "agg",
    "MPL_IGNORE_SYSTEM_FONTS": "1",  # to look through them takes seconds; the fonts we use come with matplotlib
    "OPENBLAS_NUM_THREADS": "1",
}


class PictureError(Exception):
    """There is no picture; the message says why."""


@dataclass(eq=False)
class _Wanted:
    """A picture that somebody waits for, or gave up waiting for; without an order a child that is ready."""

    order: bytes
    picture: asyncio.Future[bytes | None] = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )

    def done(self, picture: bytes | None) -> None:
        if not self.picture.done():
            self.picture.set_result(picture)


class Painter:
    """Draws one picture at a time; those of alerts in their order, before all others.

    Nothing here raises: where there is no picture, the log says why.
    """

    def __init__(self) -> None:
        self._alerts: deque[_Wanted] = deque()
        self._pages: deque[_Wanted] = deque()
        self._comes = asyncio.Event()
        self._child: _Child | None = None
        self._task: asyncio.Task[None] | None = None
        self._rests = False
        self._closed = False

    @property
    def pid(self) -> int | None:
        """Of the process that draws, while it is ready."""
        return self._child.process.pid if self._child else None

    async def warm_up(self) -> None:
        """Returns once the child is ready, or could not be started."""
        await self._waited(self._pages, _Wanted(b""))

    async def png(
        self,
        chart: Chart,
        *,
        dark: bool = False,
        width: int = DESIGN[0],
        height: int = DESIGN[1],
        focus: str | None = None,
    ) -> bytes | None:
        """The chart as a PNG of so many pixels; None: it could not be drawn, or too many wait.

        Who gives up waiting cancels this.

        Args:
            chart: what is drawn.
            dark: light on dark, else dark on light.
            width: px.
            height: px.
            focus: id of the alert that the picture goes out with; None: it is for a page.
        """
        try:
            order = frame(Order(chart=chart, dark=dark, width=width, height=height, focus=focus))
        except UnicodeEncodeError as error:
            _failed(f"the chart of {chart.symbol!a} cannot be written down: {error}")
            return None
        return await self._waited(self._pages if focus is None else self._alerts, _Wanted(order))

    async def close(self) -> None:
        """Ends the child; whoever waits gets no picture."""
        self._closed = True
        if self._task:
            self._task.cancel()
            await asyncio.wait([self._task])
        await self._replace()
        self._give_up()

    async def _waited(self, queue: deque[_Wanted], wanted: _Wanted) -> bytes | None:
        if self._closed or self._rests or not self._has_room(queue):
            return None
        queue.append(wanted)
        self._comes.set()
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._work())
        return await wanted.picture

    def _has_room(self, queue: deque[_Wanted]) -> bool:
        for gone in [own for own in queue if own.picture.done()]:
            queue.remove(gone)
        if queue is self._pages:
            while len(queue) >= MOST_PAGES:
                queue.popleft().done(None)
        elif len(queue) >= MOST_ALERTS:
            _failed(f"{MOST_ALERTS} others wait")
            return False
        return True

    async def _work(self) -> None:
        try:
            while True:
                if self._child is None and not await self._started():
                    await self._rest()
                else:
                    await self._serve(await self._next())
        finally:
            self._give_up()

    async def _started(self) -> bool:
        try:
            self._child = await _Child.started()
        except (PictureError, OSError) as error:
            _failed(f"what draws did not start: {error}")
            return False
        return True

    async def _rest(self) -> None:
        """Nobody waits for what will not come."""
        self._give_up()
        self._rests = True
        await asyncio.sleep(PAUSE_SECONDS)
        self._rests = False
        await self._comes.wait()

    async def _serve(self, wanted: _Wanted) -> None:
        picture = None
        try:
            picture = await self._drawn(wanted.order) if wanted.order else None
        finally:
            wanted.done(picture)

    def _give_up(self) -> None:
        for queue in (self._alerts, self._pages):
            while queue:
                queue.popleft().done(None)
        self._comes.clear()

    async def _next(self) -> _Wanted:
        while True:
            while queue := self._alerts or self._pages:
                if not (wanted := queue.popleft()).picture.done():
                    return wanted
            self._comes.clear()
            await self._comes.wait()

    async def _drawn(self, order: bytes) -> bytes | None:
        if self._child and self._child.process.returncode is not None:  # it ended while it had nothing to do
            await self._replace()
        if self._child is None and not await self._started():
            return None
        try:
            answer = await self._child.answer(order) if self._child else Answer()
        except PictureError as error:
            _failed(str(error))
            await self._replace()
            return None
        if answer.error:
            _failed(answer.error)
        return answer.png or None

    async def _replace(self) -> None:
        child, self._child = self._child, None
        if child:
            await child.end()


class _Child:
    """The process, once it is ready."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process

    @classmethod
    async def started(cls) -> "_Child":
        """A new one.

        Raises:
            PictureError: it is not ready in time, or never.
            OSError: there is no such program.
        """
        # Matplotlib writes a list of fonts there when it is imported, and never again.
        with tempfile.TemporaryDirectory(prefix="tapewatch-pictures-", ignore_cleanup_errors=True) as folder:
            child = cls(await _spawned(folder))
            try:
                answer = await child._answer(b"", START_SECONDS)
                if answer.error:
                    raise PictureError(answer.error)
            except BaseException:
                await child.end()
                raise
        return child

    async def answer(self, order: bytes) -> Answer:
        """What it says to an order.

        Raises:
            PictureError: it ended, hangs, or talks nonsense; it has to be replaced.
        """
        answer = await self._answer(order, DRAW_SECONDS)
        if not answer.error and not answer.png.startswith(_PNG):
            raise PictureError("what draws sent no picture")
        return answer

    async def _answer(self, order: bytes, within: float) -> Answer:
        try:
            async with asyncio.timeout(within):
                return await self._exchanged(order)
        except TimeoutError:
            raise PictureError(f"it took more than {within:g} s") from None
        except (asyncio.IncompleteReadError, OSError):
            raise PictureError(f"what draws ended: {await self._ending()}") from None
        except msgspec.DecodeError as error:
            raise PictureError(f"what draws talks nonsense: {error}") from None

    async def _exchanged(self, order: bytes) -> Answer:
        reader, writer = self.process.stdout, self.process.stdin
        if reader is None or writer is None:
            raise OSError("there is no pipe")
        writer.write(order)
        await writer.drain()
        length = int.from_bytes(await reader.readexactly(LENGTH))
        if length > _MOST_BYTES:
            raise msgspec.DecodeError(f"an answer of {length:,} bytes")
        return understood(await reader.readexactly(length), Answer)

    async def _ending(self) -> str:
        """How it ended."""
        await self.end()
        code = self.process.returncode or 0
        return f"signal {-code}" if code < 0 else f"exit code {code}"

    async def end(self) -> None:
        """Kills it; it has nothing to lose. (`process.kill` may take its exit code away from asyncio.)"""
        if self.process.returncode is None:
            with suppress(ProcessLookupError):
                os.kill(self.process.pid, signal.SIGKILL)
        await self.process.wait()


async def _spawned(folder: str) -> asyncio.subprocess.Process:
    paths = os.pathsep.join(filter(None, sys.path))
    given = {name: os.environ[name] for name in _GIVEN if name in os.environ}
    return await asyncio.create_subprocess_exec(
        *PROGRAM,
        str(os.getpid()),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,  # ours is the log, where a line is a line
        cwd="/",  # matplotlib reads a matplotlibrc that lies there
        env=given | _SET | {"PYTHONPATH": paths, "MPLCONFIGDIR": folder},
        start_new_session=True,
    )


def _failed(reason: str) -> None:
    log.warning("picture.failed", reason=reason)

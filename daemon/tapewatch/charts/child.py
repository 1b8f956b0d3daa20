"""The process that draws: `python -P -m tapewatch.charts.child PARENT`.

Orders come on its standard input, pictures go to its standard output (`order.py`). It ends when its input does, or
with its parent. It takes the processor and the memory that others leave: a picture must not cost an alert.
"""

import ctypes
import gc
import os
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from tapewatch.charts.chart import Chart
from tapewatch.charts.order import LENGTH, Answer, Order, frame, understood

_NICE = 10
_OUT_OF_MEMORY_FIRST = "500"
"""Of -1000 to 1000: whom the kernel ends first when memory runs out (proc_pid_oom_score_adj(5))."""
_PR_SET_PDEATHSIG = 1
"""prctl(2)."""

Draw = Callable[[Order], bytes]


def main() -> None:
    """Draws until the input ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the daemon
    _follow(int(sys.argv[1]))
    _step_back()
    with _output() as output:
        draw = _prepared(output)
        while order := _read(sys.stdin.buffer):
            _say(output, _answer(draw, order))
            gc.collect()  # figures are full of cycles


def _follow(parent: int) -> None:
    """Ends with the parent, whatever this does at that moment."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # it has ended already
            sys.exit()


def _step_back() -> None:
    with suppress(OSError):  # a service manager may forbid it
        os.nice(_NICE)
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text(_OUT_OF_MEMORY_FIRST)


def _output() -> BinaryIO:
    """Where answers go; what a library prints goes to standard error instead."""
    own = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    return own


def _prepared(output: BinaryIO) -> Draw:
    """What draws, once it has drawn; says so, or what went wrong.

    Raises:
        Exception: what went wrong.
    """
    try:
        draw = _imported()  # here, so that what goes wrong is told
        draw(Order(chart=_SAMPLE, dark=False, width=300, height=200, focus=None))  # reads the fonts
    except Exception as error:
        _say(output, Answer(error=_words(error)))
        raise
    gc.collect()
    gc.freeze()
    _say(output, Answer())
    return draw


def _imported() -> Draw:
    from tapewatch.charts.draw import png

    def draw(order: Order) -> bytes:
        return png(order.chart, dark=order.dark, width=order.width, height=order.height, focus=order.focus)

    return draw


def _read(pipe: BinaryIO) -> bytes:
    """The next order; empty at the end."""
    return pipe.read(int.from_bytes(pipe.read(LENGTH)))


def _answer(draw: Draw, order: bytes) -> Answer:
    try:
        return Answer(png=draw(understood(order, Order)))
    except Exception as error:
        return Answer(error=_words(error))


def _words(error: Exception) -> str:
    return f"{type(error).__name__}: {error}".encode(errors="replace").decode()


def _say(output: BinaryIO, answer: Answer) -> None:
    with suppress(BrokenPipeError):  # then there is nothing more to read either
        output.write(frame(answer))
        output.flush()


_SAMPLE = Chart(
    symbol="",
    title="Sample",
    zone="UTC",
    timeframe="1m",
    timeframes=["1m"],
    time=[0, 60],
    open=[1.0, 2.0],
    high=[2.0, 3.0],
    low=[1.0, 2.0],
    close=[2.0, 2.5],
    volume=[0.0, 0.0],
    values={"sma(2)": [1.0, 2.0], "rsi(2)": [50.0, 60.0]},
    forming=False,
    places=[],
    marks=[],
    joins=[],
)


if __name__ == "__main__":
    main()

"""How a command runs and how it ends: exit codes, one line an error, signals, the event loop."""

import asyncio
import gc
import io
import os
import signal
import sys
import traceback
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from types import FrameType, TracebackType
from typing import Any, NoReturn

from tapewatch.background import first_error
from tapewatch.problems import ConfigError
from tapewatch.redaction import escaped, redacted

DONE = 0
FAILED = 1
WRONG = 2
"""Exit codes: done, it failed, the command or config is wrong."""


class WrongCommandError(ValueError):
    """The command asks for what cannot be; the message says what could."""


def main(app: Callable[[], object]) -> NoReturn:
    """Runs the command line `app` and exits; what people can act on is one line, without a traceback."""
    signal.signal(signal.SIGINT, lambda *_: sys.exit(FAILED))
    sys.excepthook = _say_uncaught
    _keep_going_on_any_terminal()
    code = _outcome(app)
    try:
        sys.stdout.flush()
    except OSError as error:
        code = _failed(error)
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # Python flushes once more at its end
    sys.exit(code)


def _outcome(app: Callable[[], object]) -> int | str | None:
    try:
        app()
    except SystemExit as end:
        return end.code
    except ConfigError as error:
        say(str(error))
        return WRONG
    except WrongCommandError as error:
        say(f"error: {error}")
        return WRONG
    except Exception as error:
        if not is_for_people(error):
            raise
        return _failed(error)
    return DONE


@contextmanager
def wrong(*kinds: type[Exception]) -> Iterator[None]:
    """Errors of these kinds mean that the command or its config is wrong."""
    try:
        yield
    except kinds as error:
        raise WrongCommandError(str(error)) from None


@contextmanager
def starting() -> Iterator[None]:
    """Around imports and set-up, whose million objects stay: to look for garbage there is a tenth of the start."""
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


def announce_compiling() -> None:
    """Numba compiles when the kernels are imported, so it has to be said before."""
    from tapewatch.engine import compiled

    if compiled.FIRST_START and "tapewatch.engine.kernels" not in sys.modules:
        say("compiling the kernels, once after an installation: about half a minute")


def stoppable() -> None:
    """From now on SIGINT and SIGTERM end the program, and all is well."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _stop)


class HangUps:
    """From now on SIGHUP ends nothing; one that comes before somebody heeds it is not forgotten."""

    def __init__(self) -> None:
        self._came = False
        signal.signal(signal.SIGHUP, self._come)

    def heed(self, hung_up: Callable[[], object]) -> None:
        """Calls `hung_up` at each, and now if one has come already; `run_until_stopped` takes them over."""
        signal.signal(signal.SIGHUP, lambda *_: hung_up())
        if self._came:
            hung_up()

    def _come(self, *_: object) -> None:
        self._came = True


def _stop(number: int, frame: FrameType | None) -> None:
    """Ends the program. While LLVM calls back, an exception would be printed and lost: then a moment later."""
    while frame is not None:
        if str(frame.f_globals.get("__name__")).startswith("llvmlite."):
            signal.signal(signal.SIGALRM, _stop)
            signal.setitimer(signal.ITIMER_REAL, 0.01)
            return
        frame = frame.f_back
    sys.exit(DONE)


def run_until_stopped(
    main_: Callable[[asyncio.Event], Coroutine[Any, Any, None]], hung_up: Callable[[], object] | None = None
) -> None:
    """Runs until it ends by itself or SIGINT or SIGTERM sets the event; SIGHUP calls `hung_up`, if there is one."""

    async def with_signals() -> None:
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, stop.set)
        if hung_up is not None:
            loop.add_signal_handler(signal.SIGHUP, hung_up)
        try:
            await main_(stop)
        finally:
            stoppable()
            if hung_up is not None:
                signal.signal(signal.SIGHUP, signal.SIG_IGN)

    run(with_signals())


def run(work: Coroutine[Any, Any, Any]) -> Any:
    """The coroutine's result, on uvloop where it exists; of an error group, its first error."""
    try:
        import uvloop
    except ImportError:
        runner = asyncio.Runner()
    else:
        runner = asyncio.Runner(loop_factory=uvloop.new_event_loop)
    with runner:
        try:
            return runner.run(work)
        except BaseExceptionGroup as group:
            raise first_error(group) from None


def say(text: str) -> None:
    """A line for people, which is no output: without secrets, and without what would move a terminal's cursor."""
    print(escaped(redacted(text), keep="\n"), file=sys.stderr)


def write_utf8() -> None:
    """Standard output becomes UTF-8, whatever the terminal's locale: what follows is for programs."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(encoding="utf-8")


def _keep_going_on_any_terminal() -> None:
    """A terminal without an en dash shows a question mark in its place."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")


def _say_uncaught(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """In the place of Python's own, which would show what the error quotes."""
    say("".join(traceback.format_exception(kind, error, trace)).rstrip())


def is_for_people(error: Exception) -> bool:
    """Errors of this program, of Redis and of the operating system say what is wrong; others are our mistakes."""
    ours = type(error).__module__.startswith(("tapewatch.", "redis."))
    return ours or isinstance(error, OSError)


def _failed(error: Exception) -> int:
    if isinstance(error, BrokenPipeError):  # who read us has enough
        return FAILED
    what = str(error) or type(error).__name__
    if isinstance(error, OSError) and error.strerror:
        what = f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    say(f"error: {what}")
    return FAILED

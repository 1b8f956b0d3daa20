"""Logging: one event a line on standard error, whoever logs it.

Errors that nobody catches, warnings of Python and what libraries say come out in the same form. See `log_line` for
what a line may hold, `log_limit` for repeats, and `redaction` for secrets.
"""

import atexit
import io
import logging
import sys
from types import TracebackType
from typing import TextIO, cast

import structlog

from tapewatch.ops.log_format import LogFormat
from tapewatch.ops.log_limit import RepeatLimit
from tapewatch.ops.log_line import Line, as_colours, as_json, as_logfmt

log = structlog.get_logger(__name__)

_TALKATIVE = ("httpx", "httpcore", "apscheduler", "websockets", "aiosmtplib")
"""Libraries that name requests, and with them secrets, below warnings."""
_NEVER_HEARD = ("apscheduler.executors",)
"""Says again what `calendar` logs of a job that failed."""


def configure(form: LogFormat | None = None, *, level: str = "info") -> None:
    """Sets logging up for the process, libraries' included.

    Args:
        form: of a line; left out: colours if standard error is a terminal, else JSON.
        level: the lowest level that is written; libraries are heard from warnings on.
    """
    form = form or (LogFormat.COLOUR if sys.stderr.isatty() else LogFormat.JSON)
    if form is not LogFormat.COLOUR and isinstance(sys.stderr, io.TextIOWrapper):
        sys.stderr.reconfigure(encoding="utf-8")  # RFC 8259, 8.1, whatever the locale
    limit = RepeatLimit()
    atexit.register(limit.tell)
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            limit,
            structlog.processors.format_exc_info,
            Line({LogFormat.JSON: as_json, LogFormat.LOGFMT: as_logfmt}.get(form) or as_colours()),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=structlog.WriteLoggerFactory(cast("TextIO", _Lasting(sys.stderr))),
        cache_logger_on_first_use=False,
    )
    sys.excepthook = _uncaught
    _hear_libraries()


class _Lasting(io.TextIOBase):
    """Standard error for the log: a line that cannot be written, to a full disk or a reader that left, is lost.

    What it tells of goes on: an alert matters more than the line about it.
    """

    def __init__(self, file: TextIO) -> None:
        self._file = file

    def write(self, text: str) -> int:
        try:  # noqa: SIM105 - suppress takes three times as long, on each line
            self._file.write(text)
        except (OSError, ValueError):
            pass
        return len(text)

    def flush(self) -> None:
        try:  # noqa: SIM105
            self._file.flush()
        except (OSError, ValueError):
            pass


class _Libraries(logging.Handler):
    """What libraries log through the standard library, under an event name that is stable."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            message = record.getMessage()
        except Exception:  # a library's mistake in what it wanted to say
            message = str(record.msg)
        level = min(record.levelno // 10 * 10, logging.CRITICAL)
        thrown = {"exc_info": record.exc_info} if record.exc_info else {}
        log.log(level, "library.said", logger=record.name, message=message, **thrown)


def _hear_libraries() -> None:
    logging.basicConfig(level=logging.WARNING, handlers=[_Libraries()], force=True)
    logging.captureWarnings(True)
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(logging.WARNING)
    for name in _NEVER_HEARD:
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)


def _uncaught(kind: type[BaseException], error: BaseException, traceback: TracebackType | None) -> None:
    log.critical("program.failed", exc_info=(kind, error, traceback))

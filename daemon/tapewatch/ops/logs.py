"""Logging: one event a line, JSON for programs, colours on a terminal."""

import logging
import sys

import structlog

_TALKATIVE = ("httpx", "httpcore", "apscheduler", "websockets", "aiosmtplib")
"""Libraries that name requests, and with them secrets, below warnings."""
_NEVER_HEARD = ("apscheduler.executors",)
"""Says again what `calendar` logs of a job that failed."""


def configure(*, json: bool | None = None, level: str = "info") -> None:
    """Sets logging up for the process, libraries' included; everything goes to standard error.

    Args:
        json: JSON lines; left out: unless standard error is a terminal.
        level: the lowest level that is written; libraries are heard from warnings on.
    """
    as_json = not sys.stderr.isatty() if json is None else json
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    rendering: list[structlog.typing.Processor] = (
        [
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(ensure_ascii=False, default=str),
        ]
        if as_json
        else [structlog.dev.ConsoleRenderer(colors=True, exception_formatter=structlog.dev.plain_traceback)]
    )
    structlog.configure(
        processors=[*shared, *rendering],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=structlog.WriteLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )
    _hear_libraries(shared, rendering)


def _hear_libraries(
    shared: list[structlog.typing.Processor], rendering: list[structlog.typing.Processor]
) -> None:
    """What libraries log through the standard library comes out in the same form."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[_of_library, structlog.stdlib.ProcessorFormatter.remove_processors_meta, *rendering],
        )
    )
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(logging.WARNING)
    for name in _NEVER_HEARD:
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)


def _of_library(
    _logger: object, _method: str, event: structlog.typing.EventDict
) -> structlog.typing.EventDict:
    """A library's words under an event name that is stable."""
    return {**event, "event": "library.said", "logger": event["_record"].name, "message": event["event"]}

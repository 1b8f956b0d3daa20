"""Logging: one event a line, JSON for programs, colours on a terminal."""

import logging
import sys

import structlog


def configure(*, json: bool | None = None, level: str = "info") -> None:
    """Sets structlog up for the process; everything goes to standard error.

    Args:
        json: JSON lines; left out: unless standard error is a terminal.
        level: the lowest level that is written.
    """
    as_json = not sys.stderr.isatty() if json is None else json
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    renderer: structlog.typing.Processor = (
        structlog.processors.JSONRenderer(ensure_ascii=False)
        if as_json
        else structlog.dev.ConsoleRenderer(colors=True, exception_formatter=structlog.dev.plain_traceback)
    )
    structlog.configure(
        processors=[*shared, *([structlog.processors.format_exc_info] if as_json else []), renderer],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=structlog.WriteLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )
    _quieten_libraries()


def _quieten_libraries() -> None:
    """Libraries that use the standard library's logging are heard from warnings on, never with their requests."""
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format="%(levelname)s %(name)s %(message)s")
    for name in ("httpx", "httpcore", "apscheduler", "websockets", "aiosmtplib"):
        logging.getLogger(name).setLevel(logging.WARNING)

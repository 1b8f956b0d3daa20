"""Logging is the whole process's: each test leaves it as it was. And a process that leads on a Redis of its own."""

import logging
import sys
import warnings
from collections.abc import Iterator

import pytest
import structlog

from vital_parts import leader, redis

__all__ = ["leader", "logging_as_before", "redis"]


@pytest.fixture
def logging_as_before(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Puts back what `logs.configure` set."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)
    monkeypatch.setattr(warnings, "showwarning", warnings.showwarning)
    yield
    logging.captureWarnings(False)
    structlog.reset_defaults()
    logging.basicConfig(handlers=handlers, level=level, force=True)

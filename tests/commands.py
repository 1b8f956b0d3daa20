"""The command line in this process: real arguments, real exit codes, what was written."""

import signal
import sys
from collections.abc import Callable
from typing import NamedTuple

import pytest
import structlog

import tapewatch.engine.kernels  # noqa: F401  compiled before any command says that it compiles
from tapewatch.cli import main


class Outcome(NamedTuple):
    code: int
    out: str
    err: str


Command = Callable[..., Outcome]


def command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """Runs `tapewatch ARGS`, without anybody's settings."""
    for name in ("TAPEWATCH_REDIS_URL", "STATE_DIRECTORY", "CREDENTIALS_DIRECTORY"):
        monkeypatch.delenv(name, raising=False)

    def call(*args: object) -> Outcome:
        monkeypatch.setattr(sys, "argv", ["tapewatch", *map(str, args)])
        handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            with pytest.raises(SystemExit) as end:
                main()
        finally:
            for number, handler in handlers.items():
                signal.signal(number, handler)
            structlog.reset_defaults()
        assert isinstance(end.value.code, int)
        return Outcome(end.value.code, *capsys.readouterr())

    return call

"""Repeats are limited, an alert's lines never, and the last word is always said."""

import asyncio
import json
import subprocess
import sys
from pathlib import Path

import pytest
import structlog

from tapewatch.ops import log_limit
from tapewatch.ops.log_format import LogFormat
from tapewatch.ops.log_limit import LINES, SECONDS, RepeatLimit
from tapewatch.ops.logs import configure

pytestmark = pytest.mark.usefixtures("logging_as_before")

log = structlog.get_logger()


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    """Of a limit before the capture, in the place of the real one."""
    return Clock()


@pytest.fixture
def told(clock: Clock) -> list[dict]:
    """What comes out."""
    out: list[dict] = []

    def keep(_logger: object, _method: str, event: dict) -> str:
        out.append(dict(event))
        raise structlog.DropEvent

    structlog.configure(processors=[structlog.processors.add_log_level, RepeatLimit(clock), keep])
    return out


def test_ten_lines_a_minute_and_then_their_number(told: list[dict], clock: Clock) -> None:
    for n in range(25):
        clock.now += 1
        log.warning("feed.fault", feed="tape", kind="not JSON", sample=f"frame {n}")
    assert [event["sample"] for event in told] == [f"frame {n}" for n in range(LINES)]
    clock.now += SECONDS
    log.info("daemon.ready")
    assert told[LINES:] == [
        {
            "event": "log.repeated",
            "level": "warning",
            "of": "feed.fault",
            "feed": "tape",
            "kind": "not JSON",
            "count": 15,
            "last": {"sample": "frame 24"},
        },
        {"event": "daemon.ready", "level": "info"},
    ]


def test_the_next_minute_begins_anew(told: list[dict], clock: Clock) -> None:
    for _ in range(3):
        for _ in range(2 * LINES):
            log.info("feed.connected", feed="tape")
        clock.now += SECONDS
    log.info("daemon.stopped")
    assert [event["event"] for event in told] == [
        *3 * [*LINES * ["feed.connected"], "log.repeated"],
        "daemon.stopped",
    ]


def test_another_subject_is_not_a_repeat(told: list[dict]) -> None:
    for n in range(300):
        log.info("state.restored", symbol=f"S{n}")
        log.info("state.warmed", symbol=f"S{n}")
    assert len(told) == 600


def test_what_others_choose_makes_no_subject(told: list[dict]) -> None:
    for n in range(300):
        log.warning("silences.unreadable", silence=f"{n}", reason=f"wrong in {n} ways")
    assert len(told) == LINES


def test_an_alert_s_line_is_never_left_out(told: list[dict]) -> None:
    for n in range(100):
        log.info("alert.fired", alert=f"a{n}", symbol="SPX")
        log.info("notify.sent", receiver="desk", alerts=[f"a{n}"])
        log.error("notify.dead", receiver="desk", alert="a1")
    assert len(told) == 300


async def test_the_number_comes_though_nothing_else_is_logged(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_limit, "SECONDS", 0.2)
    configure(LogFormat.JSON)
    for n in range(LINES + 7):
        log.warning("store.away", error=f"{n}")
    assert len(capsys.readouterr().err.splitlines()) == LINES
    await asyncio.sleep(0.5)
    (line,) = capsys.readouterr().err.splitlines()
    event = json.loads(line)
    assert (event["event"], event["of"], event["count"]) == ("log.repeated", "store.away", 7)
    assert event["last"]["error"] == "16"


def test_the_number_comes_at_the_end_of_the_process() -> None:
    source = """
import structlog
from tapewatch.ops import logs
logs.configure()
for n in range(12):
    structlog.get_logger().info("feed.connected", feed="tape", url=f"wss://{n}")
"""
    daemon = str(Path(__file__).parents[2] / "daemon")
    command = [sys.executable, "-c", source]
    ended = subprocess.run(command, env={"PYTHONPATH": daemon}, capture_output=True, text=True, timeout=60)
    events = [json.loads(line) for line in ended.stderr.splitlines()]
    assert len(events) == LINES + 1
    last = events[-1]
    assert (last["event"], last["of"], last["feed"], last["count"]) == (
        "log.repeated",
        "feed.connected",
        "tape",
        2,
    )
    assert last["last"]["url"] == "wss://11"
    assert last["last"]["timestamp"] < last["timestamp"]


def test_what_has_ended_is_forgotten(told: list[dict], clock: Clock) -> None:
    limit = RepeatLimit(clock)
    for n in range(1000):
        clock.now += 1
        limit(None, "info", {"event": "bar.settled", "level": "info", "symbol": f"S{n}"})
    assert len(limit._windows) <= SECONDS

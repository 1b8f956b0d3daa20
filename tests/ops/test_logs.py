"""One event a line, for programs and for people, whoever logs it."""

import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from tapewatch.ops.logs import configure


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    structlog.reset_defaults()
    logging.basicConfig(handlers=handlers, level=level, force=True)


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict]:
    out, err = capsys.readouterr()
    assert out == ""
    return [json.loads(line) for line in err.splitlines()]


def test_an_event_is_one_line_of_json(capsys: pytest.CaptureFixture[str]) -> None:
    configure(json=True)
    structlog.get_logger().info("feed.lost", feed="tape", reason="line one\nline two", zone="165.80–166.20")
    (event,) = lines(capsys)
    assert event.pop("timestamp").endswith("Z")
    assert event == {
        "event": "feed.lost",
        "level": "info",
        "feed": "tape",
        "reason": "line one\nline two",
        "zone": "165.80–166.20",
    }


def test_a_stack_trace_is_one_line_too(capsys: pytest.CaptureFixture[str]) -> None:
    configure(json=True)
    try:
        raise ValueError("no such price")
    except ValueError:
        structlog.get_logger().exception("job.failed")
    (event,) = lines(capsys)
    assert event["level"] == "error"
    assert event["exception"].startswith("Traceback")
    assert event["exception"].endswith("ValueError: no such price")


def test_levels_below_are_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    configure(json=True, level="error")
    structlog.get_logger().warning("feed.lost")
    structlog.get_logger().error("feed.refused")
    assert [event["event"] for event in lines(capsys)] == ["feed.refused"]


def test_libraries_come_out_in_the_same_form(capsys: pytest.CaptureFixture[str]) -> None:
    configure(json=True)
    logging.getLogger("asyncio").error("Task %s was destroyed", "x")
    (event,) = lines(capsys)
    assert event["event"] == "library.said"
    assert event["level"] == "error"
    assert event["logger"] == "asyncio"
    assert event["message"] == "Task x was destroyed"


def test_libraries_do_not_tell_their_requests(capsys: pytest.CaptureFixture[str]) -> None:
    configure(json=True, level="debug")
    for name in ("httpx", "httpcore", "websockets.client", "aiosmtplib", "apscheduler.scheduler"):
        logging.getLogger(name).info("POST https://hooks.slack.com/services/T0/B0/sesame")
    assert lines(capsys) == []


def test_on_a_terminal_it_is_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    configure(json=False)
    structlog.get_logger().warning("feed.lost", feed="tape")
    logging.getLogger("asyncio").warning("slow callback")
    first, second = capsys.readouterr().err.splitlines()
    assert "feed.lost" in first
    assert "\x1b[" in first
    assert "slow callback" in second

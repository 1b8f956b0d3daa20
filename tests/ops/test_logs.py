"""One event a line, for programs and for people, whoever logs it."""

import json
import logging
import os
import re
import subprocess
import sys
import warnings
from pathlib import Path

import pytest
import structlog
from pydantic import SecretBytes, SecretStr

from tapewatch import redaction
from tapewatch.ops.log_format import LogFormat
from tapewatch.ops.logs import configure

pytestmark = pytest.mark.usefixtures("logging_as_before")

ROOT = Path(__file__).parents[2]
EVIL = 'a\nb\r\t\x1b[2J\x9b1m\u2028\u202eend \ud800"\\'
"""A line break, what clears a screen, what turns the direction of text, half a character, a quote."""

ANSI = re.compile(r"\x1b\[[0-9;]*m")


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict]:
    out, err = capsys.readouterr()
    assert out == ""
    return [json.loads(line) for line in err.splitlines()]


def line(capsys: pytest.CaptureFixture[str]) -> str:
    """The only line, without the colours that we gave it."""
    (own,) = capsys.readouterr().err.splitlines()  # which breaks at U+2028, too
    return ANSI.sub("", own)


def thrown(text: str) -> None:
    try:
        raise ValueError(text)
    except ValueError:
        structlog.get_logger().exception("job.failed")


def test_an_event_is_one_line_of_json(capsys: pytest.CaptureFixture[str]) -> None:
    configure(LogFormat.JSON)
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


def test_an_event_is_one_line_of_logfmt(capsys: pytest.CaptureFixture[str]) -> None:
    configure(LogFormat.LOGFMT)
    structlog.get_logger().info(
        "feed.lost",
        feed="tape",
        reason='said "no"',
        ids=["a1", "b2"],
        none=None,
        so=True,
        empty="",
        null="null",
    )
    timestamp, own = line(capsys).split(" ", 1)
    assert re.fullmatch(r"timestamp=\S+Z", timestamp)
    assert own == (
        r'level=info event=feed.lost feed=tape reason="said \"no\"" ids="[\"a1\",\"b2\"]"'
        r' none=null so=true empty= null="null"'
    )


@pytest.mark.parametrize("form", LogFormat)
def test_what_anybody_sends_breaks_no_line_and_reaches_no_terminal(
    form: LogFormat, capsys: pytest.CaptureFixture[str]
) -> None:
    configure(form)
    structlog.get_logger().warning("feed.fault", sample=EVIL, more=[EVIL], deep={"key": (EVIL,)})
    own = line(capsys)
    assert own.isprintable()
    assert r"\u001b[2J\u009b1m\u2028\u202eend \ud800" in own


def test_in_json_it_is_still_what_was_sent(capsys: pytest.CaptureFixture[str]) -> None:
    configure(LogFormat.JSON)
    structlog.get_logger().warning("feed.fault", sample=EVIL)
    assert lines(capsys)[0]["sample"] == EVIL


@pytest.mark.parametrize("form", [LogFormat.JSON, LogFormat.LOGFMT])
def test_a_traceback_is_within_the_line(form: LogFormat, capsys: pytest.CaptureFixture[str]) -> None:
    configure(form)
    thrown(f"no such price {EVIL}")
    own = line(capsys)
    assert own.isprintable()
    assert r"Traceback (most recent call last):\n" in own
    assert r"ValueError: no such price a\nb" in own


def test_in_colours_a_traceback_has_lines_of_its_own(capsys: pytest.CaptureFixture[str]) -> None:
    configure(LogFormat.COLOUR)
    thrown("no such price\x1b[2J")
    first, *trace = capsys.readouterr().err.split("\n")[:-1]
    assert "job.failed" in first
    assert trace[0] == "    Traceback (most recent call last):"
    assert trace[-1] == r"    ValueError: no such price\u001b[2J"
    assert all(each.isprintable() and each.startswith("    ") for each in trace)


def test_a_long_value_loses_its_middle(capsys: pytest.CaptureFixture[str]) -> None:
    configure(LogFormat.JSON)
    structlog.get_logger().warning(
        "feed.fault", sample=f"begin{'x' * 100_000}end", symbols=[f"S{n}" for n in range(5000)]
    )
    (event,) = lines(capsys)
    assert re.fullmatch(r"beginx+… \(95,912 characters left out\) …x+end", event["sample"])
    assert 4096 < len(event["sample"]) < 4150
    assert len(event["symbols"]) < 4150


def test_the_ids_of_alerts_are_whole(capsys: pytest.CaptureFixture[str]) -> None:
    """Of very many, in several lines, as the journal cuts long ones."""
    configure(LogFormat.JSON)
    ids = [f"{n:032x}" for n in range(1201)]
    structlog.get_logger().info("notify.sent", receiver="desk", alerts=ids)
    out = capsys.readouterr().err.splitlines()
    assert max(map(len, out)) < 20_000
    events = [json.loads(each) for each in out]
    assert [len(event["alerts"]) for event in events] == [500, 500, 201]
    assert [id_ for event in events for id_ in event["alerts"]] == ids
    assert {event["receiver"] for event in events} == {"desk"}


def test_what_json_does_not_know_is_text(capsys: pytest.CaptureFixture[str]) -> None:
    configure(LogFormat.JSON)

    class Broken:
        def __str__(self) -> str:
            raise RuntimeError

    structlog.get_logger().info("x.y", price=float("nan"), path=Path("a/b"), broken=Broken(), big=2**70)
    (event,) = lines(capsys)
    assert (event["price"], event["path"], event["broken"], event["big"]) == ("nan", "a/b", "<Broken>", 2**70)


@pytest.mark.parametrize("form", LogFormat)
def test_a_secret_by_its_type_is_not_shown(form: LogFormat, capsys: pytest.CaptureFixture[str]) -> None:
    configure(form)
    structlog.get_logger().info("x.y", a=SecretStr("hidden-1"), b=[SecretBytes(b"hidden-2")])
    own = line(capsys)
    assert "hidden" not in own
    assert own.count("**********") == 2


@pytest.mark.parametrize("form", LogFormat)
def test_a_secret_that_was_read_is_shown_nowhere(form: LogFormat, capsys: pytest.CaptureFixture[str]) -> None:
    secret = 'ses"ame\\ öffne/dich'
    redaction.note(secret)
    configure(form)
    log = structlog.get_logger()
    log.error("x.y", reason=f"GET /?key={secret}", deep={"k": [secret]}, quoted=repr([secret]))
    log.error("x.z", reason="GET /?key=ses%22ame%5C%20%C3%B6ffne%2Fdich and ses%22ame%5c+%c3%b6ffne%2fdich")
    log.error("x.l", reason="x" * 3070 + secret + "x" * 5000)  # cut in its midst
    thrown(f"no {secret}")
    logging.getLogger("asyncio").error("with %s", secret)
    warnings.warn(f"in {secret}", stacklevel=1)
    err = capsys.readouterr().err
    assert err.count("**********") >= 8
    assert "ses" not in err
    assert "ffne" not in err


def test_a_line_keeps_its_form_whatever_a_secret_is(capsys: pytest.CaptureFixture[str]) -> None:
    redaction.note("feed")
    redaction.note('":"')
    redaction.note("warn")
    configure(LogFormat.JSON)
    structlog.get_logger().warning("feed.lost", feed="feed", reason="x")
    (event,) = lines(capsys)
    assert (event["event"], event["level"], event["feed"]) == ("feed.lost", "warning", "**********")


def test_levels_below_are_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    configure(LogFormat.JSON, level="error")
    structlog.get_logger().warning("feed.lost")
    structlog.get_logger().error("feed.refused")
    assert [event["event"] for event in lines(capsys)] == ["feed.refused"]


def test_libraries_come_out_in_the_same_form(capsys: pytest.CaptureFixture[str]) -> None:
    configure(LogFormat.JSON)
    logging.getLogger("asyncio").error("Task %s was destroyed", "x")
    logging.getLogger("asyncio").warning("100 %d", "is no number")
    warnings.warn("old ways", stacklevel=1)
    first, second, third = lines(capsys)
    assert first["event"] == "library.said"
    assert first["level"] == "error"
    assert first["logger"] == "asyncio"
    assert first["message"] == "Task x was destroyed"
    assert second["message"] == "100 %d"
    assert third["logger"] == "py.warnings"
    assert "old ways" in third["message"]


def test_libraries_do_not_tell_their_requests(capsys: pytest.CaptureFixture[str]) -> None:
    configure(LogFormat.JSON, level="debug")
    for name in ("httpx", "httpcore", "websockets.client", "aiosmtplib", "apscheduler.scheduler"):
        logging.getLogger(name).info("POST https://hooks.slack.com/services/T0/B0/sesame")
    assert lines(capsys) == []


def test_on_a_terminal_it_is_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    configure(LogFormat.COLOUR)
    structlog.get_logger().warning("feed.lost", feed="tape")
    logging.getLogger("asyncio").warning("slow callback")
    first, second = capsys.readouterr().err.splitlines()
    assert "feed.lost" in first
    assert "\x1b[" in first
    assert "slow callback" in second


def program(source: str, locale: str = "C.UTF-8", **more: int) -> subprocess.CompletedProcess[str]:
    env = os.environ | {"PYTHONPATH": str(ROOT / "daemon"), "LC_ALL": locale, "PYTHONUTF8": "0"}
    start = (
        "import structlog\nfrom tapewatch.ops import logs\nlogs.configure()\nlog = structlog.get_logger()\n"
    )
    command = [sys.executable, "-c", start + source]
    return subprocess.run(command, env=env, stdout=subprocess.PIPE, timeout=60, encoding="utf-8", **more)


def test_what_nobody_catches_is_a_line_too() -> None:
    ended = program("raise KeyError('SPX')", stderr=subprocess.PIPE)
    assert ended.returncode == 1
    event = json.loads(ended.stderr)
    assert (event["event"], event["level"]) == ("program.failed", "critical")
    assert event["exception"].endswith("KeyError: 'SPX'")


def test_it_is_utf8_in_any_locale() -> None:
    source = ascii("165.80–166.20 🌊")
    ended = program(f"log.info('x.y', text={source})", locale="POSIX", stderr=subprocess.PIPE)
    assert '"text":"165.80–166.20 🌊"' in ended.stderr


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_line_that_cannot_be_written_ends_nothing() -> None:
    with open("/dev/full", "w") as full:
        ended = program("log.info('x.y')\nprint('goes on', flush=True)", stderr=full.fileno())
    assert ended.stdout == "goes on\n"

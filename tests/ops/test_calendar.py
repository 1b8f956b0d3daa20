"""Open, close and summary follow the feed's clock, each once."""

import asyncio
from datetime import UTC, datetime

import pytest
from structlog.testing import capture_logs

from tapewatch.market.sessions import sessions
from tapewatch.market.ticks import NS
from tapewatch.ops.calendar import Calendar, calendar_jobs

XNYS = sessions("XNYS")


def ns(text: str) -> int:
    """`2026-01-28 14:30` in UTC."""
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * NS


def passed(*moments: str) -> list[str]:
    """What is logged, and each summary, as the clock passes the moments; `-` is a clock not told yet."""
    clock = iter([0 if moment == "-" else ns(moment) for moment in moments])
    with capture_logs() as logs:
        calendar = Calendar(
            XNYS, lambda: next(clock), lambda: logs.append({"event": "summary", "log_level": "info"})
        )
        for _ in moments:
            calendar.turn()
    return [entry["event"] for entry in logs]


@pytest.mark.parametrize(
    ("moments", "logged"),
    [
        pytest.param(
            ["2026-01-28 14:00", "2026-01-28 14:30"], ["session.opened"], id="the open itself opens"
        ),
        pytest.param(
            ["2026-01-28 14:29", "2026-01-28 14:31", "2026-01-28 15:00", "2026-01-28 20:59"],
            ["session.opened"],
            id="once",
        ),
        pytest.param(
            ["2026-01-28 20:59", "2026-01-28 21:00", "2026-01-28 21:01"],
            ["session.closed", "summary"],
            id="the close, once, with its summary",
        ),
        pytest.param(["2026-01-28 15:00"], [], id="a start in mid-session opens nothing"),
        pytest.param(["-", "-", "2026-01-28 22:00"], [], id="a start after the close closes nothing"),
        pytest.param(
            ["2026-11-27 17:59", "2026-11-27 18:00"], ["session.closed", "summary"], id="a half day"
        ),
        pytest.param(["2026-01-19 14:00", "2026-01-19 22:00"], [], id="a holiday"),
        pytest.param(
            ["2026-01-28 15:00", "2026-01-30 15:00"],
            ["session.closed", "summary", "session.opened"],
            id="of several sessions the last",
        ),
        pytest.param(
            ["2026-01-28 15:00", "2026-01-28 14:00", "2026-01-28 15:00"], ["session.opened"], id="a tape anew"
        ),
    ],
)
def test_a_session_opens_and_closes_once(moments: list[str], logged: list[str]) -> None:
    assert passed(*moments) == logged


async def test_jobs_run_and_one_that_fails_runs_again() -> None:
    times = iter([ns("2026-01-28 20:59"), ValueError("no such price"), ns("2026-01-28 21:00")])
    summed_up = asyncio.Event()

    def clock() -> int:
        time = next(times, ns("2026-01-28 21:00"))
        if isinstance(time, Exception):
            raise time
        return time

    async def trim() -> None: ...

    with capture_logs() as logs, calendar_jobs([Calendar(XNYS, clock, summed_up.set)], trim):
        async with asyncio.timeout(10):
            await summed_up.wait()
    assert [entry["event"] for entry in logs] == ["job.failed", "session.closed"]
    assert logs[0]["job"] == "calendar XNYS"
    assert str(logs[0]["exc_info"]) == "no such price"

"""The daemon keeps the calendar of the tape that it is on."""

import asyncio

from house import House, day_seconds
from structlog.testing import capture_logs

from tapewatch import service
from tapewatch.check import load


async def test_a_day_closes_once_with_its_summary(house: House, expected, monkeypatch) -> None:
    wanted = await expected(house.case)
    monkeypatch.setenv("TAPEWATCH_FEED_TAPE_KEY", "sesame")
    monkeypatch.delenv("TAPEWATCH_REDIS_URL", raising=False)
    house.write((await house.feed(speed=day_seconds(house) / 4)).port)  # turns come once a second
    stop, over = asyncio.Event(), asyncio.Event()
    with capture_logs() as logs:
        daemon = asyncio.create_task(service.run(load(house.config), stop, ready=over.set))
        await over.wait()
        await house.played(await house.child_redis())
        await asyncio.sleep(1.2)
        stop.set()
        await daemon
    assert [entry["calendar"] for entry in logs if entry["event"] == "session.closed"] == ["XNYS"]
    (summary,) = [entry for entry in logs if entry["event"] == "summary.daily"]
    assert summary["symbol"] == house.case.symbol
    assert summary["fired"] == len(wanted.lines)
    assert "rsi(14)@1d" in summary["indicators"]

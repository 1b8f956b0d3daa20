"""Frames that have come meanwhile are taken together: nothing is lost, doubled or turned round, and nothing waits."""

import asyncio
import json
from collections.abc import AsyncIterator

import numpy as np
import pytest
from running_connection import Watcher, let_in, tape, vendor, watcher
from structlog.testing import capture_logs
from websockets.asyncio.server import ServerConnection

from tapewatch.feeds import connection
from tapewatch.feeds.connection import FRAMES_PER_BATCH, FeedRefusedError
from tapewatch.feeds.protocol import FaultKind

TICKS = tape(3000)


def frames(session, ticks: np.ndarray, first: int = 1) -> list[str]:
    """A frame a tick."""
    return [session.frame(ticks[k : k + 1], np.array([k + first])).decode() for k in range(len(ticks))]


async def at_once(websocket: ServerConnection, messages: list[str]) -> None:
    """All in one go: the transport gets them before the client's event loop has a turn."""
    for message in messages:
        await websocket.send(message)


async def test_batches_grow_with_what_waits_and_have_a_limit() -> None:
    async def burst(websocket: ServerConnection) -> None:
        await at_once(websocket, frames(await let_in(websocket), TICKS))
        await websocket.wait_closed()

    async with vendor(burst, compression=None) as url, watcher(url) as one:
        await one.until(lambda: len(one.ticks) == 3000)
    assert one.ticks["id"].tolist() == list(range(1, 3001))
    assert max(map(len, one.frames)) == FRAMES_PER_BATCH
    assert len(one.frames) < 1000


@pytest.mark.parametrize(("limit", "most"), [("TICKS_PER_BATCH", 100), ("BYTES_PER_BATCH", 9000)])
async def test_a_batch_of_large_frames_ends_sooner(
    limit: str, most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, limit, most)

    async def burst(websocket: ServerConnection) -> None:
        session = await let_in(websocket)
        ids = np.arange(1, 3001)
        parts = [slice(i, i + 60) for i in range(0, 3000, 60)]
        await at_once(websocket, [session.frame(TICKS[part], ids[part]).decode() for part in parts])
        await websocket.wait_closed()

    async with vendor(burst, compression=None) as url, watcher(url) as one:
        await one.until(lambda: len(one.ticks) == 3000)
    assert max(map(len, one.frames)) == 120
    assert one.ticks["id"].tolist() == list(range(1, 3001))


async def test_a_quiet_feed_hands_each_tick_on_as_it_comes() -> None:
    heard = asyncio.Event()

    async def one_by_one(websocket: ServerConnection) -> None:
        session = await let_in(websocket)
        for frame in frames(session, TICKS[:20]):
            heard.clear()
            await websocket.send(frame)
            await asyncio.wait_for(heard.wait(), 5)  # the next is sent only once this one was handed on
        await websocket.wait_closed()

    class Hearing(Watcher):
        def _take(self, ticks: np.ndarray) -> None:
            super()._take(ticks)
            heard.set()

    async with vendor(one_by_one) as url:
        one = Hearing(url)
        await one.until(lambda: len(one.ticks) == 20)
        await one.stop()
    assert [len(own) for own in one.frames] == [1] * 20


async def test_ticks_do_not_wait_for_the_rest_of_a_message_that_comes_in_parts() -> None:
    """Nor is one lost when the line ends in its middle."""
    handed_on = asyncio.Event()

    async def in_parts(websocket: ServerConnection) -> None:
        session = await let_in(websocket)
        whole, parted = frames(session, TICKS[:2])

        async def parts() -> AsyncIterator[str]:
            yield parted[:10]
            await asyncio.wait_for(handed_on.wait(), 5)
            yield parted[10:]

        await websocket.send(whole)
        await websocket.send(parts())
        await websocket.wait_closed()

    async with vendor(in_parts) as url, watcher(url) as one:
        await one.until(lambda: len(one.ticks) == 1)
        handed_on.set()
        await one.until(lambda: len(one.ticks) == 2)
    assert one.ticks["id"].tolist() == [1, 2]


async def test_what_came_before_the_line_was_lost_is_handed_on() -> None:
    async def burst_and_gone(websocket: ServerConnection) -> None:
        await at_once(websocket, frames(await let_in(websocket), TICKS[:500]))

    async with vendor(burst_and_gone, compression=None) as url, watcher(url) as one:
        await one.until(lambda: one.connection.reconnects >= 1)
        first = one.ticks[:500]
    assert first["id"].tolist() == list(range(1, 501))


async def test_what_came_before_a_refusal_is_handed_on_and_nothing_after_it() -> None:
    refusal = json.dumps([{"ev": "status", "status": "auth_failed", "message": "who are you"}])

    async def burst(websocket: ServerConnection) -> None:
        session = await let_in(websocket)
        before, after = frames(session, TICKS[:10]), frames(session, TICKS[:10], first=11)
        await at_once(websocket, [*before, refusal, *after])
        await websocket.wait_closed()

    async with vendor(burst, compression=None) as url, watcher(url) as one:
        with pytest.raises(FeedRefusedError, match="who are you"):
            await asyncio.wait_for(one.task, 10)
    assert one.ticks["id"].tolist() == list(range(1, 11))


async def test_a_bad_frame_in_a_batch_costs_no_good_one_and_each_frame_is_told_in_its_order() -> None:
    told: list[bytes] = []

    async def burst(websocket: ServerConnection) -> None:
        session = await let_in(websocket)
        first, second = frames(session, TICKS[:2])
        await at_once(websocket, [first, "no JSON", second])
        await websocket.wait_closed()

    with capture_logs() as logs:
        async with (
            vendor(burst, compression=None) as url,
            watcher(url, on_frame=lambda frame: told.append(bytes(frame))) as one,
        ):
            await one.until(lambda: len(one.ticks) == 2)
    assert [b'"i":"1"' in told[-3], told[-2], b'"i":"2"' in told[-1]] == [True, b"no JSON", True]
    assert one.connection.faults[FaultKind.NOT_JSON] == 1
    assert [entry["count"] for entry in logs if entry["event"] == "feed.fault"] == [1]

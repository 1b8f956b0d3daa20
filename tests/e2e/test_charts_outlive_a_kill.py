"""Charts of a daemon without history: what it saw before it was killed is drawn after its next start."""

import asyncio
from typing import Any

import httpx
from live import Place
from processes import Program

LEVEL = """
[[watch.level]]
name = "round"
price = 100
"""


async def chart(daemon: Program, closed: int) -> dict[str, Any]:
    """The chart of minutes, once it has so many bars that closed."""
    url = (await daemon.logged("http.listening"))["url"]
    async with httpx.AsyncClient(base_url=url, trust_env=False) as http, asyncio.timeout(30):
        while True:
            answer = await http.get("/api/chart", params={"symbol": "BTC/USD", "timeframe": "1m"})
            if answer.status_code == 200 and len((own := answer.json())["time"]) - own["forming"] >= closed:
                return own
            await asyncio.sleep(0.05)


async def test_bars_and_marks_are_there_after_a_kill(place: Place) -> None:
    await place.redis()
    place.write(LEVEL, history=False)
    daemon = await place.daemon()
    await place.exchange.listened()
    for ago, price in ((240, 99.0), (180, 101.0), (120, 102.0)):
        await place.exchange.trade(price - 0.5, price, ago=ago)
    before = await chart(daemon, 3)
    assert before["close"][:3] == [99.0, 101.0, 102.0]
    assert [own["rule"] for own in before["marks"]] == ["round"]
    await daemon.kill()

    again = await place.daemon()
    after = await chart(again, 3)
    assert (after["time"], after["close"]) == (before["time"], before["close"])
    assert after["marks"] == before["marks"]
    await place.exchange.listened()
    await place.exchange.trade(103.0)
    async with asyncio.timeout(30):
        while (now := await chart(again, 3))["close"][-1] != 103.0:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    assert now["time"] == sorted(set(now["time"]))
    assert now["time"][:3] == before["time"][:3]

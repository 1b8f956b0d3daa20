"""What one open page costs the event loop, beside 10 and beside 10,000 symbols.

Run as `PYTHONPATH=tests .venv/bin/python -m web.page_cost`; processor time of the loop's thread, ms.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from statistics import median, quantiles
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from redis.asyncio import Redis

import vital_parts
from notify.receiver_servers import redis_server
from tapewatch.config import Config
from tapewatch.market.ticks import NS, empty_ticks
from tapewatch.store.keys import Keys
from tapewatch.web.now import Now
from tapewatch.web.shown import Shown

MINUTES = 400
START = 1_769_610_600 * NS
ROUNDS = 200


def config(symbols: int) -> Config:
    """The default indicators on four timeframes, and six levels each."""
    watches = [
        {
            "symbol": f"S{number:05}",
            "title": f"Company number {number}",
            "calendar": "24/7",
            "timeframes": ["1m", "5m", "15m", "1h"],
            "max_jump": "off",
            "level": [{"name": f"level {own}", "price": 200 + own} for own in range(6)],
        }
        for number in range(symbols)
    ]
    feed = {"name": "tape", "vendor": "finnhub", "clock": "tape"}
    return Config.model_validate({"name": "test", "feed": [feed], "watch": watches})


def ticks(minute: int) -> Any:
    rows = empty_ticks(4)
    rows["time"] = START + minute * 60 * NS + np.arange(4) * 10 * NS
    rows["price"] = 95 + np.sin(minute / 9) * 2 + np.random.default_rng(minute).random(4)
    return rows


async def measure(symbols: int) -> dict[str, list[float]]:
    """Times of each kind of look."""
    with TemporaryDirectory() as folder:
        (Path(folder) / "r").mkdir()
        async with redis_server(Path(folder) / "r") as path, Redis(unix_socket_path=str(path)) as redis:
            own = config(symbols)
            vitals = await vital_parts.lead(own, redis, Path(folder) / "own")
            async with vital_parts.running(vitals) as leading:
                for minute in range(MINUTES):
                    leading.path.ticks(0, ticks(minute), 0)
                    await asyncio.sleep(0)
                await asyncio.sleep(2)
                now = Now(vitals, redis, Keys("test"))
                page = Shown(vitals, now, own.watch[0], "1m")
                await page.look()

                async def moved() -> None:
                    leading.path.ticks(0, ticks(MINUTES + int(time.monotonic() * 4)), 0)
                    await page.look()

                async def whole() -> None:
                    await Shown(vitals, now, own.watch[0], "1m").look()

                return {
                    "nothing has changed": await timed(page.look),
                    "price has moved, and a bar closed (its ticks included)": await timed(moved),
                    "the whole chart": await timed(whole),
                }


async def timed(work: Callable[[], Awaitable[object]]) -> list[float]:
    """Processor time of this thread, ms."""
    times = []
    for _ in range(ROUNDS):
        began = time.thread_time()
        await work()
        times.append((time.thread_time() - began) * 1000)
        await asyncio.sleep(0.01)
    return times


def main() -> None:
    for symbols in (10, 10_000):
        for what, times in asyncio.run(measure(symbols)).items():
            slowest = quantiles(times, n=100)[-1]
            print(f"{symbols:>6,} symbols  {median(times):6.3f} ms, p99 {slowest:6.3f} ms  {what}")


if __name__ == "__main__":
    main()

"""A tape through the real simulator and the real connection of a vendor."""

import asyncio

import numpy as np

from tapewatch.feeds.connection import Connection
from tapewatch.feeds.protocol import Credentials
from tapewatch.feeds.simulator import Simulator, Trouble
from tapewatch.feeds.vendors import VENDORS
from tapewatch.market.ticks import NS, empty_ticks


def bitcoin(count: int) -> np.ndarray:
    """A tape of two symbols in turn, at prices that a double holds only nearly, to the nanosecond."""
    ticks = empty_ticks(count)
    ticks["time"] = 1_775_572_202 * NS + np.arange(count) * 12_345_678_901
    ticks["price"] = np.round(89_950.1 + np.arange(count) * 0.07, 2)
    ticks["size"] = np.arange(1, count + 1) * 1e-8
    ticks["symbol"] = np.arange(count) % 2
    return ticks


async def received(
    feed,
    symbols: list[str],
    ticks: np.ndarray,
    trouble: Trouble | None = None,
    asked: list[str] | None = None,
) -> np.ndarray:
    """What comes over a connection to a simulator that plays all of `ticks` as fast as it can.

    Args:
        asked: what the client asks for, if not for all `symbols`; whatever comes of it ends the connection.
    """
    vendor = VENDORS[feed.vendor]
    frames: list[np.ndarray] = []
    simulator = Simulator(
        lambda names, refuse: vendor.server(feed, names, refuse), ticks, symbols, speed=None, trouble=trouble
    )
    instruments = {symbol: row for row, symbol in enumerate(asked or symbols)}
    async with simulator.serve() as server:
        connection = Connection(
            feed,
            f"ws://127.0.0.1:{server.port}",
            lambda own: vendor.protocol(feed, Credentials(), own),
            instruments,
            frames.append,
        )
        running = asyncio.create_task(connection.run())
        try:
            async with asyncio.timeout(20):
                while asked or sum(map(len, frames)) < len(ticks):
                    if running.done():
                        await running
                    await asyncio.sleep(0.005)
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
    return np.concatenate(frames)

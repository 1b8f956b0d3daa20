"""What people and other programs see of each symbol: the `now` hashes, kept up to date."""

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Never

from tapewatch.alerts.build import iso_ns
from tapewatch.engine.engine import Engine
from tapewatch.feeds.connection import Connection
from tapewatch.store.now import NowBoard
from tapewatch.store.pace import next_start

PERIOD = 1.0
"""Seconds between two writes, at least; more where they would take over a tenth of a core."""

CLOSE_WITHIN = 1.0
"""Seconds that the last write may take."""

STOPPED = "stopped"
"""`feed_state` once the daemon has stopped; before, it is the connection's state."""


class Board:
    """Posts what changed since it last did.

    Args:
        now: where.
        engine: knows price, time and indicators.
        connections: of the feeds, in the config's order.
        changed: names the symbols whose state changed since it was last called.
    """

    def __init__(
        self,
        now: NowBoard,
        engine: Engine,
        connections: list[Connection],
        changed: Callable[[], set[str]],
    ) -> None:
        self._now = now
        self._engine = engine
        self._connections = connections
        self._changed = changed
        self._rows = {own.watch.symbol: row for row, own in enumerate(engine.layouts)}
        self._feed_states: list[str] = []
        self._due: set[str] = set()

    async def run(self) -> Never:
        """Posts until cancelled; late rather than too much when Redis or this machine is busy."""
        while True:
            started = time.monotonic()
            await self._post([str(connection.state) for connection in self._connections])
            ended = time.monotonic()
            await asyncio.sleep(next_start(started, ended, PERIOD) - ended)

    async def close(self) -> None:
        """Posts the last state, of a daemon that no longer runs; a Redis that hangs does not hold the stop up."""
        with suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_WITHIN):
                await self._post([STOPPED] * len(self._connections))

    async def _post(self, feed_states: list[str]) -> None:
        self._due |= self._changed() & self._rows.keys()  # one of a former config may be among them
        if feed_states != self._feed_states:
            self._due |= self._rows.keys()
            self._feed_states = feed_states
        if await self._now.write((symbol, self._fields(symbol)) for symbol in tuple(self._due)):
            self._due.clear()

    def _fields(self, symbol: str) -> dict[str, str | float]:
        row = self._rows[symbol]
        feed = self._engine.layouts[row].watch.feed
        return now_fields(self._engine, row, self._connections[feed], self._feed_states[feed])


def now_fields(engine: Engine, row: int, connection: Connection, feed_state: str) -> dict[str, str | float]:
    """What a `now` hash has: feed, price, time, and every indicator that has a value."""
    fields: dict[str, str | float] = {"feed": connection.feed.name, "feed_state": feed_state}
    if connection.lag is not None:
        fields["lag_s"] = round(connection.lag.seconds, 3)
    price, time_ns = engine.last(row)
    if time_ns:
        fields |= {"price": price, "time": iso_ns(time_ns), "time_ns": str(time_ns)}
    return fields | {name: value for name, value in engine.values(row).items() if value == value}

"""After the close: the exchange's daily bar, which has the closing auction, in place of the one made of ticks."""

import asyncio
from collections.abc import Mapping
from typing import Never

import numpy as np
import structlog

from tapewatch.alerts.build import iso_ns
from tapewatch.market.ticks import NS
from tapewatch.past import Past
from tapewatch.tick_path import TickPath

log = structlog.get_logger(__name__)

LOOK_SECONDS = 5.0
AGAIN = 60 * NS
"""Between two times that a bar is asked for."""


class Settling:
    """Asks for the official daily bar of each symbol whose watch waits for it, until it is there.

    Args:
        path: has the engine.
        pasts: by row, where bars can be had.
    """

    def __init__(self, path: TickPath, pasts: Mapping[int, Past]) -> None:
        self._path = path
        watches = [own.watch for own in path.engine.layouts]
        self._pasts = {row: own for row, own in pasts.items() if watches[row].settle_after and own.has_source}
        self._done = dict.fromkeys(self._pasts, 0)  # close of the session that is settled, or given up
        self._next = dict.fromkeys(self._pasts, 0)

    async def run(self) -> Never:
        """Settles what is due until cancelled."""
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            for row in self._pasts:
                await self._settle(row)

    async def _settle(self, row: int) -> None:
        """Asks if three quarters of the watch's time to wait are over; until the next session there is time."""
        watch = self._path.engine.layouts[row].watch
        now = self._path.engine.clock(watch.feed)
        last = int(np.searchsorted(watch.sessions.closes, now, side="right")) - 1
        if last < 0 or now < self._next[row]:
            return
        opened, closed = int(watch.sessions.opens[last]), int(watch.sessions.closes[last])
        if closed == self._done[row] or now < closed + watch.settle_after * 3 // 4:
            return
        self._next[row] = now + AGAIN
        if now >= int(watch.sessions.opens[last + 1]) or self._path.engine.last(row)[1] < opened:
            self._done[row] = closed  # the next session is on, or this one had no ticks
            return
        bar = await self._pasts[row].official(opened, now)
        if bar is None:
            return
        self._done[row] = closed
        try:
            events = self._path.engine.settle(row, bar)
        except ValueError as error:  # the next session's first tick was faster
            log.info("bar.not_settled", symbol=watch.symbol, reason=str(error))
            return
        self._path.fire(events)
        log.info("bar.settled", symbol=watch.symbol, session=iso_ns(opened), close=float(bar["close"]))

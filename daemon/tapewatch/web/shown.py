"""What a page shows of one symbol, as it changes."""

import asyncio
import time
from collections.abc import Coroutine
from typing import Any

from tapewatch.charting import NoChartError
from tapewatch.config import Config, Watch
from tapewatch.vitals import Leading, Vitals
from tapewatch.web.answers import ApiError, asking_redis
from tapewatch.web.bars import Bars
from tapewatch.web.events import event
from tapewatch.web.now import Now

READ_SECONDS = 1.0
"""Between two looks at what a leader has written: it does so once a second."""

MARKED_SECONDS = 1.0
"""Between two charts that are sent for their marks alone: in a storm of alerts each look would need another."""

CHART_WITHIN = 0.25
"""Seconds that all else may wait for a chart; one for which a vendor is asked comes when it is there."""


class Shown:
    """Of one page.

    Args:
        vitals: of the process.
        now: knows the watches.
        watch: of the symbol.
        timeframe: of the chart.
    """

    def __init__(self, vitals: Vitals, now: Now, watch: Watch, timeframe: str) -> None:
        self._vitals = vitals
        self._now = now
        self._symbol = watch.symbol
        self._bars = Bars(watch.symbol, timeframe)
        self._form: tuple[Config, Leading | None, int] | None = None
        self._asked: asyncio.Task[bytes] | None = None
        self._charted_at = 0.0
        self._status = b""
        self._read_at = 0.0

    async def look(self) -> bytes:
        """Events of what has changed.

        Raises:
            NoChartError: it is not watched any more.
        """
        watch = self._now.watch(self._symbol)
        if watch is None:
            raise NoChartError(self._symbol)
        return await self._chart() + await self._watch(watch)

    def close(self) -> None:
        """Nobody looks any more."""
        if self._asked:
            self._asked.cancel()

    async def _chart(self) -> bytes:
        if self._asked is not None:
            return self._answer(self._asked)
        config, leading = self._vitals.config, self._vitals.leading
        fired = leading.path.fired[self._symbol] if leading else 0
        if self._form is None or self._form[0] is not config or self._form[1] is not leading:
            anew = True
        else:
            anew = fired != self._form[2] and time.monotonic() - self._charted_at > MARKED_SECONDS
        if anew:
            self._form, self._charted_at = (config, leading, fired), time.monotonic()
        if leading is None:
            return b""
        if anew:
            return await self._ask(self._bars.chart(leading.charts))
        moved = self._bars.moved(leading.charts)
        return await self._ask(self._bars.closed(leading.charts)) if moved is None else moved

    async def _ask(self, question: Coroutine[Any, Any, bytes]) -> bytes:
        self._asked = asyncio.create_task(question)
        await asyncio.wait([self._asked], timeout=CHART_WITHIN)
        return self._answer(self._asked)

    def _answer(self, asked: asyncio.Task[bytes]) -> bytes:
        if not asked.done():
            return b""
        self._asked = None
        return asked.result()

    async def _watch(self, watch: Watch) -> bytes:
        status = self._now.status(watch)
        if status is None and time.monotonic() >= self._read_at:
            self._read_at = time.monotonic() + READ_SECONDS
            status = await self._written(watch)
        own = event("watch", status) if status else b""
        if not own or own == self._status:
            return b""
        self._status = own
        return own

    async def _written(self, watch: Watch) -> dict[str, Any] | None:
        """None while Redis is away: health tells."""
        try:
            async with asking_redis():
                return await self._now.written(watch)
        except ApiError:
            return None

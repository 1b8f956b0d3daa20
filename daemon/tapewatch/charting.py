"""Charts of what the engine watches, as they are at this moment, and as they were when an alert fired."""

import asyncio
import time
from collections import OrderedDict, deque
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Never

import numpy as np
import structlog
from numpy.typing import NDArray

from tapewatch.alerts.alert import Alert, decode, encode
from tapewatch.background import in_thread
from tapewatch.charts.archive import Archive, Bar, Bars, Kept
from tapewatch.charts.assembled import Forming, assembled
from tapewatch.charts.chart import Chart
from tapewatch.charts.keeper import Keeper
from tapewatch.charts.painter import Painter
from tapewatch.config import Config, Watch
from tapewatch.engine.engine import Engine
from tapewatch.engine.layout import Layout
from tapewatch.feeds.files import FileError
from tapewatch.history import HistoryError
from tapewatch.market.sessions import sessions
from tapewatch.market.timeframes import DAY, duration_ns
from tapewatch.past import Past
from tapewatch.status import places

log = structlog.get_logger(__name__)

BARS = 300
"""How many closed bars a chart of the page has at most."""

PICTURE_BARS = 90
"""How many a picture has: more do not read at the width of a phone."""

PICTURE_TIMEFRAME = "5m"
"""What a picture shows of an alert that has no timeframe; the next shorter one of a watch that does not build it."""

KEEP_SECONDS = 0.5
"""How often what has closed is written to the archive."""

KEPT_AT_ONCE = 250
"""Bars in one transaction, some 3 ms: with ten thousand, ticks would wait for Python's lock."""

REMEMBERED = 500
"""Alerts of which it is known how their bars were when they fired."""

PICTURES = 64
"""So many are kept, for receivers that come later."""

FILL_WITHIN = 1.0
"""Seconds that a picture waits for bars of history."""

_EVER = 1 << 62


class NoChartError(Exception):
    """There is no such symbol or timeframe; the message says which there are."""


class Charts:
    """Makes charts; of one process that leads.

    Args:
        keeper: of the bars that have closed.
        painter: draws them.
    """

    def __init__(self, keeper: Keeper, painter: Painter) -> None:
        self._keeper = keeper
        self._painter = painter
        self._closed: deque[_Closed] = deque()
        self._fired: list[Alert] = []
        self._formed: OrderedDict[str, Forming | None] = OrderedDict()
        self._pictures: OrderedDict[str, asyncio.Task[bytes | None]] = OrderedDict()
        self._engine: Engine | None = None
        self._watches: dict[str, tuple[int, Watch]] = {}

    def watch(self, config: Config, engine: Engine, pasts: Mapping[int, Past]) -> None:
        """From now on these; the position of a watch is its row in the engine, and in `pasts`."""
        self._take_closed()  # of the engine before it
        self._engine, self._pasts = engine, pasts
        self._watches = {watch.symbol: (row, watch) for row, watch in enumerate(config.watch)}
        self._fills: dict[str, asyncio.Task[None]] = {}

    def fired(self, alerts: Sequence[Alert]) -> None:
        """Remembers how the bars are at which these have just fired. No I/O."""
        known: dict[tuple[int, str], Forming | None] = {}
        for alert in alerts:
            if own := self._watches.get(alert.subject):
                row = own[0]
                series = row, _timeframe(self._timeframes(row), alert)
                if series not in known:
                    known[series] = self._forming(*series)
                self._formed[alert.id] = known[series]
                self._fired.append(alert)
        while len(self._formed) > REMEMBERED:
            self._formed.popitem(last=False)

    async def run(self) -> Never:
        """Writes what has closed to the archive until cancelled."""
        while True:
            await asyncio.sleep(KEEP_SECONDS)
            await self.keep()

    async def warm_up(self) -> None:
        """Gets ready to draw, so that the first picture comes as soon as all others."""
        await self._painter.warm_up()

    async def close(self) -> None:
        """Writes what closed last, and draws no more."""
        for fill in self._fills.values():
            fill.cancel()
        await self.keep()
        await self._painter.close()

    async def keep(self) -> None:
        """Writes what has closed, and fired, since it was last done."""
        self._take_closed()
        while self._closed or self._fired:
            fired, self._fired = self._fired, []
            closed = self._closed.popleft() if self._closed else None
            await self._keeper.do(partial(_keep, closed, fired))

    async def chart(self, symbol: str, timeframe: str, bars: int = BARS) -> Chart:
        """The newest closed bars of a symbol, so many at most, and the forming one.

        Raises:
            NoChartError: there is no such symbol, or timeframe of it.
        """
        while True:
            row, watch = self._known(symbol, timeframe)
            engine = self._engine
            forming = self._forming(row, timeframe)
            before = forming.start if forming else _EVER
            known = await self._bars(watch, timeframe, before, bars)
            if len(known) < bars and await self._filled(symbol):
                known = await self._bars(watch, timeframe, before, bars)
            if engine is not self._engine:
                continue  # the row may be another symbol's now
            now = self._forming(row, timeframe)
            if now and now.start == before:
                forming = now  # else it closed meanwhile, and is shown as it was: a fast tape would close the next one
            return await self._assembled(watch, timeframe, known, forming, self._time(row))

    def forming(self, symbol: str, timeframe: str) -> Chart | None:
        """The forming bar alone (lists of length 1, no places, marks and joins); None: nothing forms. No I/O.

        Raises:
            NoChartError: there is no such symbol, or timeframe of it.
        """
        row, watch = self._known(symbol, timeframe)
        forming = self._forming(row, timeframe)
        return assembled(watch, timeframe, _NO_BARS, forming, [], []) if forming else None

    async def at(self, alert: Alert, bars: int = PICTURE_BARS) -> Chart | None:
        """The chart as it was when the alert fired, on the alert's timeframe; None of what is about no symbol."""
        if (own := self._watches.get(alert.subject)) is None:
            return None
        row, watch = own
        fired = int(alert.data.time_ns)
        timeframe = _timeframe(self._timeframes(row), alert)
        forming = self._formed.get(alert.id)
        if forming and forming.start >= fired:
            forming = None  # it is of the bar whose close fired
        if forming:
            forming = _at_its_price(forming, alert)
        before = forming.start if forming else fired
        known = await self._bars(watch, timeframe, before, bars)
        if len(known) < bars and await self._filled(watch.symbol, FILL_WITHIN):
            known = await self._bars(watch, timeframe, before, bars)
        if forming is None:
            known = _ended(known, watch, timeframe, fired)
        return await self._assembled(watch, timeframe, known, forming, fired)

    async def picture(self, alert: Alert) -> bytes | None:
        """The picture (PNG) that goes with an alert; None: there is none, or it cannot be drawn in time."""
        task = self._pictures.get(alert.id)
        if task is None or (task.done() and task.result() is None):
            task = self._pictures[alert.id] = asyncio.create_task(self._picture(alert))
            while len(self._pictures) > PICTURES:
                self._pictures.popitem(last=False)
        return await asyncio.shield(task)  # several may wait for it

    async def png(self, chart: Chart, *, dark: bool) -> bytes | None:
        """A chart as a picture (PNG); None: it cannot be drawn in time."""
        return await self._painter.png(chart, dark=dark)

    async def alert(self, id_: str) -> Alert | None:
        """An alert of the past, if it is known."""
        await self.keep()
        body = await self._keeper.do(lambda archive: archive.alert(id_))
        return _readable(body) if body else None

    async def _picture(self, alert: Alert) -> bytes | None:
        try:
            chart = await self.at(alert)
            return await self._painter.png(chart, dark=False, focus=alert.id) if chart else None
        except Exception:
            log.error("picture.failed", alert=alert.id, exc_info=True)
            return None

    def _known(self, symbol: str, timeframe: str) -> tuple[int, Watch]:
        if symbol not in self._watches:
            raise NoChartError(f"no watch has the symbol {symbol!r}")
        row, watch = self._watches[symbol]
        if timeframe not in (known := watch.all_timeframes()):
            raise NoChartError(f"{symbol} has no timeframe {timeframe!r}: there are {', '.join(known)}")
        return row, watch

    def _timeframes(self, row: int) -> Sequence[str]:
        """Shortest first; the engine has them ready, the config would look through every condition."""
        return self._engine.layouts[row].watch.timeframes if self._engine else ()

    def _time(self, row: int) -> int:
        """Until when (ns) alerts of the symbol may have fired."""
        if self._engine is None:
            return _EVER
        feed = self._engine.layouts[row].watch.feed
        return max(self._engine.last(row)[1], self._engine.clock(feed)) or _EVER

    def _forming(self, row: int, timeframe: str) -> Forming | None:
        bar = self._engine.forming(row, timeframe) if self._engine else None
        if bar is None or self._engine is None:
            return None
        start, *prices = bar
        end = f"@{timeframe}"
        values = self._engine.values(row).items()
        return Forming(
            start, prices, {name.removesuffix(end): own for name, own in values if name.endswith(end)}
        )

    async def _bars(self, watch: Watch, timeframe: str, before: int, most: int) -> Bars:
        await self.keep()
        known = await self._keeper.do(lambda archive: archive.bars(watch.symbol, timeframe, before, most))
        return known or _NO_BARS

    async def _assembled(
        self, watch: Watch, timeframe: str, bars: Bars, forming: Forming | None, until: int
    ) -> Chart:
        first = int(bars.start[0]) if len(bars) else forming.start if forming else until
        bodies = await self._keeper.do(lambda archive: archive.alerts(watch.symbol, first)) or []
        alerts = [own for body in bodies if (own := _readable(body)) and int(own.data.time_ns) <= until]
        row = self._watches[watch.symbol][0] if watch.symbol in self._watches else None
        values = self._engine.values(row) if self._engine and row is not None else {}
        of_watch = places(watch, {name: value for name, value in values.items() if value == value})
        return assembled(watch, timeframe, bars, forming, list(of_watch), alerts)

    def _take_closed(self) -> None:
        if self._engine is None:
            return
        rows, values = self._engine.closed_bars()
        for i in range(0, len(rows), KEPT_AT_ONCE):
            some = slice(i, i + KEPT_AT_ONCE)
            self._closed.append((self._engine.layouts, rows[some], values[some]))

    async def _filled(self, symbol: str, within: float | None = None) -> bool:
        """Whether history was asked, just now, for bars that nobody saw close; once is enough."""
        known = self._watches.get(symbol)
        if known is None or self._engine is None or not self._pasts[known[0]].has_any:
            return False
        if (task := self._fills.get(symbol)) is not None and task.done():
            return False
        if task is None:
            row = known[0]
            place = self._engine.last(row)[1] or time.time_ns()
            own = Engine([self._engine.layouts[row].watch], keep_bars=True)
            task = self._fills[symbol] = asyncio.create_task(self._fill(own, self._pasts[row], place))
        await asyncio.wait([task], timeout=within)
        return task.done()

    async def _fill(self, own: Engine, past: Past, place: int) -> None:
        """Keeps the bars of the engine's only symbol up to then (ns), as far as the past has them."""
        try:
            stretches = await past.warm_up(place)
        except (FileError, HistoryError) as error:
            symbol = own.layouts[0].watch.symbol
            log.warning("history.unavailable", symbol=symbol, reason=str(error))
            return

        def build() -> list[Bar]:
            for each in stretches:
                own.warm(0, each.bars, each.interval, each.timeframes, hand_out=True)
            return list(_closed(own.layouts, *own.closed_bars()))

        bars = await in_thread(build)
        await self._keeper.do(partial(Archive.keep, bars=bars, known_better=False))


_NO_BARS = Bars(np.zeros(0, np.int64), np.zeros((0, 5)), {})


_Closed = tuple[Sequence[Layout], NDArray[np.void], NDArray[np.float64]]
"""What an engine says of bars that have closed."""


def _keep(closed: _Closed | None, fired: Sequence[Alert], archive: Archive) -> None:
    """In the keeper's thread, which may have to do it twice."""
    alerts = (Kept(own.subject, int(own.data.time_ns), own.id, encode(own)) for own in fired)
    archive.keep(_closed(*closed) if closed else (), alerts)


def _closed(layouts: Sequence[Layout], rows: NDArray[np.void], values: NDArray[np.float64]) -> Iterator[Bar]:
    """The same as the archive has it."""
    for (k, frame, start, _, *prices), figures in zip(rows.tolist(), values, strict=True):
        watch, names = layouts[k].watch, layouts[k].shape.columns
        open_, high, low, close, volume = prices
        yield Bar(
            watch.symbol,
            watch.timeframes[frame],
            start,
            (open_, high, low, close, volume),
            names,
            figures[: len(names)].tobytes(),
        )


def _at_its_price(forming: Forming, alert: Alert) -> Forming:
    """Ticks that came in one frame with the one that fired may have moved it on."""
    open_, high, low, _, volume = forming.prices
    price = alert.data.price
    if price is None or not low <= price <= high:
        return forming
    return forming._replace(prices=(open_, high, low, price, volume))


def _readable(body: bytes) -> Alert | None:
    """None if a disk has lost some of it."""
    try:
        alert = decode(body)
        int(alert.data.time_ns)
    except ValueError:
        return None
    return alert


def _timeframe(known: Sequence[str], alert: Alert) -> str:
    """What a picture of the alert shows: bars of its own timeframe, or fine ones of a level that price has crossed."""
    own = alert.data.timeframe
    if own and own in known:
        return own
    fine = [name for name in known if duration_ns(name) <= duration_ns(PICTURE_TIMEFRAME)]
    return fine[-1] if fine else known[0]


def _ended(bars: Bars, watch: Watch, timeframe: str, time: int) -> Bars:
    """Without the last bar if it had not ended then (ns)."""
    if not len(bars):
        return bars
    own, start = sessions(watch.calendar), int(bars.start[-1])
    end = int(own.closes[np.searchsorted(own.opens, start, side="right") - 1])
    if timeframe != DAY:
        end = min(end, start + duration_ns(timeframe))  # the last one of a session may be shorter
    return bars if end <= time else bars.without_last()

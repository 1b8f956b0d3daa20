"""The daily bars that levels are proposed from: of a vendor, of files, or of the simulated tape."""

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import httpx
import numpy as np
from numpy.typing import NDArray

from tapewatch.config import Config, Feed, Watch
from tapewatch.feeds.files import read_bars
from tapewatch.feeds.history import HistoryUnavailableError
from tapewatch.feeds.protocol import Credentials
from tapewatch.feeds.scenario import Scenario, sp500_7000
from tapewatch.feeds.vendors import history_source
from tapewatch.feeds.watch_history import WatchHistory
from tapewatch.init import text
from tapewatch.init.answers import FEED, SIMULATOR, Answers
from tapewatch.init.proposals import Days
from tapewatch.instruments import names
from tapewatch.market.bars import BAR
from tapewatch.market.sessions import Sessions, sessions
from tapewatch.market.ticks import NS
from tapewatch.market.timeframes import DAY, duration_ns

PATIENCE = 5.0
"""Seconds for which a vendor is asked again: somebody waits."""
_REACH = round(timedelta(days=380).total_seconds()) * NS
"""How far back (ns): 52 weeks, and some days for where they begin."""
_DAY_NS = duration_ns(DAY)


def config_of(answers: Answers) -> Config:
    """The feed and the watch of the first two answers, as a config."""
    simulated_ = answers.vendor == SIMULATOR
    vendor = {"vendor": "json", "url": text.SIMULATED_URL} if simulated_ else {"vendor": answers.vendor}
    symbol = answers.symbol
    watch = {"symbol": symbol.symbol, "calendar": symbol.calendar, "feed": FEED}
    if not simulated_ and (called := symbol.feed_symbol(answers.vendor)):
        watch["feed_symbol"] = called
    return Config.model_validate(
        {"name": answers.instance, "feed": [{"name": FEED, **vendor}], "watch": [watch]}
    )


async def of_vendor(config: Config, known: Credentials, now: int) -> Days:
    """The sessions of the only watch, from its feed's vendor.

    Raises:
        HistoryUnavailableError: it has none, or gives none.
    """
    watch = config.watch[0]
    feed: Feed = config.feed[0]
    async with httpx.AsyncClient(headers={"User-Agent": "tapewatch"}) as http:
        source = history_source(feed, known, http, None, patience=PATIENCE)
        if source is None:
            raise HistoryUnavailableError("it has no bars of the past")
        vendor = WatchHistory(source, watch, names(config, watch))
        start = now - _REACH
        if not vendor.has_days(start, now):
            raise HistoryUnavailableError("it has no daily bars of this exchange")
        bars = await vendor.bars(DAY, start, now, now)
    if not len(bars):
        raise HistoryUnavailableError(f"it has no bars of {watch.feed_symbol or watch.symbol}")
    return of_bars(bars, sessions(watch.calendar), now)


def of_files(paths: Sequence[Path], watch: Watch, now: int) -> Days:
    """The sessions in CSV files of bars, which may be of any timeframe.

    Raises:
        FileError: a file cannot be read, or is none of bars.
    """
    calendar = sessions(watch.calendar)
    found = [np.zeros(0, BAR)]
    for path in paths:
        file = read_bars(path, calendar)
        called = [watch.symbol, *filter(None, [watch.feed_symbol])]
        found += [file.of(name) for name in called[: None if file.symbols else 1]]
    return of_bars(np.concatenate(found), calendar, now)


def simulated(calendar: Sessions) -> tuple[Scenario, Days]:
    """The simulated tape, and the sessions before it."""
    scenario = sp500_7000(calendar)
    return scenario, of_bars(scenario.history[DAY], calendar, int(scenario.time[0]))


def of_bars(bars: NDArray[np.void], calendar: Sessions, now: int) -> Days:
    """Sessions that closed by `now` (ns), from bars (rows of `BAR`, any timeframe, any order) of regular hours."""
    bars = np.sort(bars, order=("start", "end"))
    i = np.searchsorted(calendar.closes, bars["start"], side="right")
    i = np.minimum(i, len(calendar.closes) - 1)
    kept = (bars["start"] >= calendar.opens[i]) & (calendar.closes[i] <= now)
    bars, i = bars[kept], i[kept]
    session, first = np.unique(i, return_index=True)
    if not len(session):
        return Days(session.astype(np.int64), *(np.zeros(0) for _ in range(3)))
    return Days(
        day=calendar.days[session],
        high=np.maximum.reduceat(bars["high"], first),
        low=np.minimum.reduceat(bars["low"], first),
        close=bars["close"][np.append(first[1:], len(i)) - 1],
    )


def coming(days: Days, calendar: Sessions) -> int | None:
    """The date of the session after the last one (days since 1970); None: the calendar ends."""
    later = calendar.days[calendar.days > days.day[-1]] if len(days) else calendar.days[:0]
    return int(later[0]) if len(later) else None

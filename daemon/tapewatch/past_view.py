"""`tapewatch history SYMBOL`: what there is of the past for one watch, and what is missing and why."""

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import httpx
from rich.console import Console
from rich.table import Table

from tapewatch import instruments, sources
from tapewatch.alerts.build import iso_ns
from tapewatch.config import Config, Watch, state_dir
from tapewatch.feeds.vendors import VENDORS, history_source
from tapewatch.market import spans
from tapewatch.market.sessions import Sessions, sessions
from tapewatch.market.ticks import NS
from tapewatch.market.timeframes import duration_ns
from tapewatch.past import FILES, Found, Past
from tapewatch.problems import did_you_mean

PATIENCE = 5.0
"""Seconds for which a vendor is asked again; who looks at a screen does not wait for as long as a daemon."""

_SELDOM = 30 * 60 * NS
"""So long (ns) without a bar, and some are missing; less, and there may just have been no trade."""


class NoWatchError(ValueError):
    """Nothing is watched under that name; the message says what is."""


@dataclass(frozen=True)
class Known:
    """What there is of one timeframe."""

    timeframe: str
    part: str
    """`before`: up to the session's open, or to now; `session`: since then."""
    source: str | None
    interval: str | None
    """Of the bars that it is built from."""
    bars: int
    """How many of the timeframe these make."""
    wanted: int | None
    """None: as many as the session has had."""
    start: str | None
    end: str | None
    """Of the first and the last, ISO 8601 UTC."""
    missing: str | None
    """What, and why; None: nothing."""


async def read(config: Config, symbol: str, now: int | None = None) -> list[Known]:
    """What a daemon that starts now (ns) would find for the watch; the vendor is asked only where files fall short.

    Raises:
        NoWatchError: nobody watches the symbol.
        FeedError, ConfigError: the vendor is needed, but not its key.
        FileError, HistoryError: a file cannot be read, or does not fit the watch.
    """
    now = time.time_ns() if now is None else now
    watch = next((own for own in config.watch if own.symbol == symbol), None)
    if watch is None:
        known = [own.symbol for own in config.watch]
        raise NoWatchError(
            f"no watch has the symbol {symbol!r}: {did_you_mean(symbol, known, ', '.join(known))}"
        )
    names = instruments.names(config, watch)
    feed = config.feed_of(watch)
    wanted = getattr(feed, "warm_up", 250)
    in_files = _known(await Past(watch, names, None, wanted).found(now), watch, wanted, now)
    asks = feed is not None and feed.asks_for_history and VENDORS[feed.vendor].history is not None
    if feed is None or not asks or not any(own.missing for own in in_files):
        return in_files
    credentials = sources.credentials(config, feed)
    async with httpx.AsyncClient(headers={"User-Agent": "tapewatch"}) as http:
        folder = state_dir(config) / sources.HISTORY
        source = history_source(feed, credentials, http, folder, patience=PATIENCE)
        return _known(await Past(watch, names, source, wanted).found(now), watch, wanted, now)


def as_json(known: Sequence[Known]) -> list[dict[str, object]]:
    """The same for programs."""
    return [asdict(own) for own in known]


def show(known: Sequence[Known], console: Console) -> None:
    """The same for people."""
    table = Table(box=None, header_style="dim", pad_edge=False, padding=(0, 2, 0, 0))
    for name in ("", "", "source", "of", "bars", "from (UTC)", "to"):
        table.add_column(name, no_wrap=True, justify="right" if name == "bars" else "left")
    for own in known:
        bars = str(own.bars) if own.wanted is None else f"{own.bars} of {own.wanted}"
        cells = (own.source or "none", own.interval or "", bars, _minute(own.start), _minute(own.end))
        table.add_row(own.timeframe, own.part, *cells, style="yellow" if own.missing else None)
    console.print(table)
    for own in known:
        if own.missing:
            console.print(f"{own.timeframe}, {own.part}: {own.missing}", style="yellow", soft_wrap=True)


def _known(found: Sequence[Found], watch: Watch, wanted: int, now: int) -> list[Known]:
    """By timeframe, the shortest first."""
    calendar = sessions(watch.calendar)
    on = spans.session_at(calendar, now)
    rows = []
    for timeframe in watch.all_timeframes():
        for own in found:
            if timeframe in own.timeframes:
                since_open = on is not None and own.start >= on[0]
                rows.append(_row(own, timeframe, calendar, None if since_open else wanted))
    return rows


def _row(found: Found, timeframe: str, calendar: Sessions, wanted: int | None) -> Known:
    bars = found.bars
    count = spans.count(bars, calendar, timeframe)
    lacks = [*_lacks(found, timeframe, calendar, count, wanted)]
    why = found.why or ("" if found.source else "no file has them, and no vendor is asked")
    return Known(
        timeframe=timeframe,
        part="session" if wanted is None else "before",
        source=found.source or None,
        interval=found.interval or None,
        bars=count,
        wanted=wanted,
        start=iso_ns(int(bars["start"][0])) if len(bars) else None,
        end=iso_ns(int(bars["end"][-1])) if len(bars) else None,
        missing=": ".join(filter(None, (", ".join(lacks), why))) if lacks else None,
    )


def _lacks(found: Found, timeframe: str, calendar: Sessions, count: int, wanted: int | None) -> list[str]:
    """What is not there: the first bars, or the last."""
    bars, seldom = found.bars, max(_SELDOM, 2 * duration_ns(found.interval or timeframe))
    if not wanted and wanted is not None:
        return []
    if not len(bars):
        silent = spans.trading_time(calendar, found.start, found.end)
        return ["all of it"] if wanted or silent > seldom else []
    lacks = []
    if wanted is not None and count < wanted:
        lacks.append(f"{wanted - count} bars: none before {_minute(iso_ns(int(bars['start'][0])))}")
    until = spans.last_end(calendar, found.interval, found.end)
    if spans.trading_time(calendar, int(bars["end"][-1]), until) > (_SELDOM if found.source != FILES else 0):
        lacks.append(f"nothing after {_minute(iso_ns(int(bars['end'][-1])))}")
    return lacks


def _minute(text: str | None) -> str:
    """`2024-07-03 13:30`."""
    return text[:16].replace("T", " ") if text else ""

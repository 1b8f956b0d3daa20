"""Small tapes and histories, as a trader would jot them down, and the files of them that a replay reads."""

import re
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from tapewatch.market.sessions import sessions
from tapewatch.market.ticks import NS

NEW_YORK = ZoneInfo("America/New_York")
DAY = date(2026, 1, 28)
"""A Wednesday: what a tape begins with unless it says otherwise."""

_DATE = re.compile(r"\d{4}-\d\d-\d\d")
_CLOCK = re.compile(r"\d\d:\d\d(:\d\d)?")
_PRICE = re.compile(r"[\d.]+(x\d+)?")


def ticks(text: str, zone: ZoneInfo = NEW_YORK) -> str:
    """A file of ticks, in the order of their times.

    Args:
        text: clock and price in turn, `10:12 7000.25`, with the size behind if it matters: `10:12 695.20x4000`. A
            date or a symbol, where one stands, is that of all that follows.
        zone: of the clock.
    """
    rows = sorted(_rows(text, zone))
    several = any(symbol for *_, symbol in rows)  # else the only watch's
    lines = ["time,price,size" + ",symbol" * several]
    lines += [
        f"{time.isoformat()},{price},{size}" + f",{symbol}" * several for time, price, size, symbol in rows
    ]
    return "\n".join(lines) + "\n"


def first_day(text: str) -> date:
    """The day on which such a tape begins."""
    found = _DATE.match(text.strip())
    return date.fromisoformat(found[0]) if found else DAY


def _rows(text: str, zone: ZoneInfo) -> Iterator[tuple[datetime, str, str, str]]:
    day, symbol, time = DAY.isoformat(), "", None
    for word in text.split():
        if _DATE.fullmatch(word):
            day = word
        elif _CLOCK.fullmatch(word):
            time = datetime.fromisoformat(f"{day}T{word}").replace(tzinfo=zone)
        elif _PRICE.fullmatch(word) and time is not None:
            price, _, size = word.partition("x")
            yield time.astimezone(UTC), price, size or "0", symbol
        else:
            symbol = word


def daily(closes: Sequence[float], before: date = DAY, around: float = 0.0) -> str:
    """A file of daily bars of New York with these closes, up to the last session before a day.

    Args:
        closes: oldest first.
        before: that day.
        around: points by which high and low are beyond open and close.
    """
    days = [date(1970, 1, 1) + timedelta(int(day)) for day in sessions("XNYS").days]
    own = [day for day in days if day < before][-len(closes) :]
    return _bars("date", [str(day) for day in own], closes, around)


def hourly(closes: Sequence[float], before: date = DAY) -> str:
    """The same of hours, the last of a session being its last half hour."""
    known = sessions("XNYS")
    starts: list[str] = []
    last = int(known.days.searchsorted((before - date(1970, 1, 1)).days)) - 1
    while len(starts) < len(closes):
        hours = range(int(known.opens[last]), int(known.closes[last]), 3600 * NS)
        starts = [datetime.fromtimestamp(hour // NS, UTC).isoformat() for hour in hours] + starts
        last -= 1
    return _bars("time", starts[-len(closes) :], closes, 0.0)


def _bars(column: str, starts: Sequence[str], closes: Sequence[float], around: float) -> str:
    rows = [f"{column},open,high,low,close,volume"]
    opens = [closes[0], *closes[:-1]]
    for start, open_, close in zip(starts, opens, closes, strict=True):
        high, low = max(open_, close) + around, min(open_, close) - around
        rows.append(f"{start},{open_},{high},{low},{close},0")
    return "\n".join(rows) + "\n"


def write(folder: Path, **texts: str) -> list[Path]:
    """Files of these texts, by the stem of their names."""
    paths = [folder / f"{stem}.csv" for stem in texts]
    for path, text in zip(paths, texts.values(), strict=True):
        path.write_text(text, encoding="utf-8")
    return paths

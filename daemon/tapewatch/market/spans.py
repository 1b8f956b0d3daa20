"""Which bars a stretch of sessions has: where the 250th one before now begins, and which intervals fit the hours."""

import numpy as np
from numpy.typing import NDArray

from tapewatch.market.sessions import Sessions
from tapewatch.market.timeframes import DAY, duration_ns

_DAY_NS = duration_ns(DAY)


def session_at(sessions: Sessions, time: int) -> tuple[int, int] | None:
    """Open and close (ns) of the session whose regular hours hold `time`; None when the exchange is shut."""
    i = int(np.searchsorted(sessions.closes, time, side="right"))
    if i == len(sessions.opens) or sessions.opens[i] > time:
        return None
    return int(sessions.opens[i]), int(sessions.closes[i])


def start_of_last(sessions: Sessions, timeframe: str, count: int, end: int) -> int:
    """Where (ns) the `count` last bars of `timeframe` begin that have ended by `end`; the first session if so many
    there never were.
    """
    i = int(np.searchsorted(sessions.opens, end)) - 1
    while i >= 0:
        opened = int(sessions.opens[i])
        ended = _ended(opened, int(sessions.closes[i]), timeframe, end)
        if ended >= count:
            return opened if timeframe == DAY else opened + (ended - count) * duration_ns(timeframe)
        count -= ended
        i -= 1
    return int(sessions.opens[0])


def last_end(sessions: Sessions, timeframe: str, time: int) -> int:
    """End (ns) of the last bar of `timeframe` that has ended by `time`."""
    on = session_at(sessions, time)
    if on is not None and timeframe != DAY:
        length = duration_ns(timeframe)
        if ended := (time - on[0]) // length:
            return on[0] + ended * length
    i = int(np.searchsorted(sessions.closes, time, side="right"))
    return int(sessions.closes[max(i - 1, 0)])


def trading_time(sessions: Sessions, start: int, end: int, *, extended: bool = False) -> int:
    """How long (ns) the exchange trades from `start` to `end`."""
    opens, closes = hours(sessions, extended)
    return int(np.maximum(np.minimum(closes, end) - np.maximum(opens, start), 0).sum())


def fits(sessions: Sessions, interval: str, start: int, end: int, *, extended: bool = False) -> bool:
    """Whether all sessions from `start` to `end` begin and end at the edges of the clock's bars of `interval`.

    A vendor cuts its bars by the clock, so one that begins before the session has what is not the session's. For
    `1d`: whether each session is a UTC day.
    """
    during = (sessions.extended_closes > start) & (sessions.extended_opens < end)
    pairs = [(sessions.opens[during], sessions.closes[during])]
    if extended:
        pairs.append((sessions.extended_opens[during], sessions.extended_closes[during]))
    length = duration_ns(interval)
    return all(not (edge % length).any() for pair in pairs for edge in pair)


def within(bars: NDArray[np.void], sessions: Sessions, *, extended: bool = False) -> NDArray[np.void]:
    """Those of `bars` (rows of `BAR`) that are of the exchange's hours alone."""
    opens, closes = hours(sessions, extended)
    i = np.minimum(np.searchsorted(closes, bars["start"], side="right"), len(closes) - 1)
    return bars[(bars["start"] >= opens[i]) & (bars["end"] <= closes[i])]


def of_dates(bars: NDArray[np.void], sessions: Sessions) -> NDArray[np.void]:
    """Daily bars, which begin at 00:00 UTC of their date, as those of that date's session; without one, none."""
    days = bars["start"] // _DAY_NS
    i = np.minimum(np.searchsorted(sessions.days, days), len(sessions.days) - 1)
    traded = sessions.days[i] == days
    daily: NDArray[np.void] = bars[traded]
    daily["start"], daily["end"] = sessions.opens[i[traded]], sessions.closes[i[traded]]
    return daily


def count(bars: NDArray[np.void], sessions: Sessions, timeframe: str) -> int:
    """How many bars of `timeframe` these `bars` (rows of `BAR`, within sessions) are of."""
    i = np.searchsorted(sessions.closes, bars["start"], side="right")
    if timeframe == DAY:
        return len(np.unique(i))
    opens = sessions.opens[np.minimum(i, len(sessions.opens) - 1)]
    length = duration_ns(timeframe)
    return len(np.unique(opens + (bars["start"] - opens) // length * length))


def hours(sessions: Sessions, extended: bool) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """When each session opens and closes (ns), with its extended hours or without."""
    if extended:
        return sessions.extended_opens, sessions.extended_closes
    return sessions.opens, sessions.closes


def _ended(opened: int, closed: int, timeframe: str, end: int) -> int:
    """How many bars of the session have ended by `end`."""
    if timeframe == DAY:
        return int(closed <= end)
    length = duration_ns(timeframe)
    return -(-(closed - opened) // length) if closed <= end else (end - opened) // length

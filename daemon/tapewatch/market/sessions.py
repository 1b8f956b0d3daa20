"""Sessions: when an exchange trades, as plain int64 arrays that the kernels can search.

Holidays, half days and daylight saving time come from `exchange_calendars`. It knows no extended hours,
so those of New York stand in the table here.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cache
from zoneinfo import ZoneInfo

import exchange_calendars
import numpy as np
from numpy.typing import NDArray

from tapewatch.market.ticks import NS

FIRST_SESSION = "1990-01-01"
"""Sessions before this date are not known; of some exchanges they are known from later on only."""

EXTENDED_CALENDARS = frozenset({"XNYS", "XNAS"})
"""Calendars with extended hours: 04:00 to 20:00 in New York, to 17:00 on half days."""

_HALF_DAY_CLOSE_HOUR = 14  # New York closes at 13:00 on a half day, at 16:00 otherwise


class UnknownCalendarError(ValueError):
    """No exchange calendar of that name, or one that `exchange_calendars` cannot build."""


@dataclass(frozen=True, eq=False)
class Sessions:
    """All sessions of one exchange, oldest first; each array has one int64 (ns UTC) per session."""

    calendar: str
    zone: ZoneInfo
    """The exchange's time zone."""
    days: NDArray[np.int64]
    """The session's date, as days since 1970-01-01."""
    opens: NDArray[np.int64]
    closes: NDArray[np.int64]
    extended_opens: NDArray[np.int64]
    extended_closes: NDArray[np.int64]
    open_times: NDArray[np.int64]
    """Time of day in the exchange's zone at which each opens, ns after midnight."""

    def of_date(self, day: date) -> tuple[int, int] | None:
        """Open and close (ns) of the session of `day`, or None when the exchange is shut that day."""
        ordinal = (day - date(1970, 1, 1)).days
        i = int(np.searchsorted(self.days, ordinal))
        if i == len(self.days) or self.days[i] != ordinal:
            return None
        return int(self.opens[i]), int(self.closes[i])

    def at(self, time: int) -> int:
        """Index of the first session that closes (extended hours included) after `time` (ns)."""
        return int(np.searchsorted(self.extended_closes, time, side="right"))


@cache
def calendar_names() -> list[str]:
    """Every calendar name and alias that `sessions` takes."""
    return sorted(exchange_calendars.get_calendar_names())


@cache
def sessions(calendar: str) -> Sessions:
    """The sessions of the exchange `calendar` (`XNYS`, `24/7`, …), from 1990 to a year from now.

    Where holidays are known from a later year on, as of Tokyo from 1997, the sessions begin there.

    Raises:
        UnknownCalendarError: there is no such calendar, or it cannot be built.
    """
    cal = _from_its_beginning(calendar)
    opens = cal.opens.dt.tz_localize(None).to_numpy().astype("datetime64[ns]").astype(np.int64)
    closes = cal.closes.dt.tz_localize(None).to_numpy().astype("datetime64[ns]").astype(np.int64)
    days = cal.sessions.to_numpy().astype("datetime64[D]").astype(np.int64)
    zone = ZoneInfo(str(cal.tz))
    extended = (opens, closes)
    if cal.name in EXTENDED_CALENDARS:
        extended = _new_york_extended(days, closes, zone)
    local = cal.opens.dt.tz_convert(str(cal.tz)).dt
    open_times = (local.hour * 3600 + local.minute * 60 + local.second).to_numpy().astype(np.int64) * NS
    return Sessions(cal.name, zone, days, opens, closes, *extended, open_times)


@cache
def why_not(calendar: str) -> str | None:
    """Why `sessions` does not take the calendar; None: it does."""
    try:
        sessions(calendar)
    except UnknownCalendarError as error:
        return str(error)
    return None


def _from_its_beginning(name: str) -> exchange_calendars.ExchangeCalendar:
    try:
        return exchange_calendars.get_calendar(name, start=FIRST_SESSION)
    except exchange_calendars.errors.InvalidCalendarName:
        raise UnknownCalendarError(f"no exchange calendar is called {name!r}") from None
    except (ValueError, NotImplementedError):
        pass  # it begins later, or is one of those that break under some releases of pandas
    try:
        return exchange_calendars.get_calendar(name, start=exchange_calendars.get_calendar(name).bound_min())
    except (ValueError, NotImplementedError) as error:
        raise UnknownCalendarError(
            f"exchange_calendars has a calendar {name!r}, but cannot build it with this release of pandas"
        ) from error


def _new_york_extended(
    days: NDArray[np.int64], closes: NDArray[np.int64], zone: ZoneInfo
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    first = np.empty_like(days)
    last = np.empty_like(days)
    for i, ordinal in enumerate(days.tolist()):
        day = datetime.fromordinal(date(1970, 1, 1).toordinal() + ordinal).replace(tzinfo=zone)
        closed = datetime.fromtimestamp(int(closes[i]) // NS, UTC).astimezone(zone)
        end = 17 if closed.hour < _HALF_DAY_CLOSE_HOUR else 20
        first[i] = int(day.replace(hour=4).timestamp()) * NS
        last[i] = int(day.replace(hour=end).timestamp()) * NS
    return first, last

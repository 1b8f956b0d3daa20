"""When markets trade: holidays, half days, daylight saving time, extended hours, markets that never shut."""

from datetime import date, datetime
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from tapewatch.market.sessions import UnknownCalendarError, calendar_names, sessions, why_not
from tapewatch.market.ticks import NS

NEW_YORK = ZoneInfo("America/New_York")


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=NEW_YORK).timestamp()) * NS


@pytest.mark.parametrize(
    ("day", "opens", "closes"),
    [
        (date(2026, 1, 28), "2026-01-28T09:30", "2026-01-28T16:00"),
        (date(2026, 3, 6), "2026-03-06T09:30", "2026-03-06T16:00"),  # the Friday before the clocks go forward
        (date(2026, 3, 9), "2026-03-09T09:30", "2026-03-09T16:00"),
        (date(2025, 11, 28), "2025-11-28T09:30", "2025-11-28T13:00"),  # after Thanksgiving
        (date(1998, 1, 2), "1998-01-02T09:30", "1998-01-02T16:00"),
    ],
)
def test_regular_hours_of_new_york(day: date, opens: str, closes: str) -> None:
    assert sessions("XNYS").of_date(day) == (at(opens), at(closes))


@pytest.mark.parametrize("day", [date(2026, 1, 1), date(2026, 1, 19), date(2026, 1, 24), date(2025, 11, 27)])
def test_holidays_and_weekends_have_no_session(day: date) -> None:
    assert sessions("XNYS").of_date(day) is None


@pytest.mark.parametrize(
    ("noon", "opens", "closes"),
    [
        ("2026-01-28T12:00", "2026-01-28T04:00", "2026-01-28T20:00"),
        ("2026-07-01T12:00", "2026-07-01T04:00", "2026-07-01T20:00"),
        ("2025-11-28T12:00", "2025-11-28T04:00", "2025-11-28T17:00"),
    ],
)
def test_extended_hours_of_new_york(noon: str, opens: str, closes: str) -> None:
    own = sessions("XNYS")
    i = own.at(at(noon))
    assert (own.extended_opens[i], own.extended_closes[i]) == (at(opens), at(closes))


def test_a_market_that_never_shuts_has_a_session_a_day_without_a_gap() -> None:
    own = sessions("24/7")
    assert str(own.zone) == "UTC"
    assert np.array_equal(own.closes[:-1], own.opens[1:])
    assert (own.opens % (24 * 3600 * NS) == 0).all()


@pytest.mark.parametrize(
    ("calendar", "first"),
    [
        ("XTKS", "1997-01-06"),
        ("JPX", "1997-01-06"),
        ("XSHG", "1990-12-03"),
        ("SSE", "1990-12-03"),
        ("XBOM", "1997-01-01"),
        ("BSE", "1997-01-01"),
        ("XSAU", "2021-01-03"),
        ("AIXK", "2017-01-04"),
    ],
)
def test_a_calendar_begins_where_its_holidays_are_known(calendar: str, first: str) -> None:
    assert sessions(calendar).days[0].astype("datetime64[D]") == np.datetime64(first)


def test_tokyo_in_spring() -> None:
    assert sessions("XTKS").of_date(date(2026, 4, 29)) is None  # Showa Day
    assert sessions("XTKS").of_date(date(2026, 4, 30)) is not None


def assert_usable_or_refused(calendar: str) -> None:
    if (reason := why_not(calendar)) is not None:
        assert f"{calendar!r}, but cannot build it" in reason
        return
    own = sessions(calendar)
    assert own.opens[0] >= np.datetime64("1990-01-01", "ns").astype(np.int64) - 24 * 3600 * NS
    assert own.days[-1] > (date.today() - date(1970, 1, 1)).days
    assert (own.opens < own.closes).all()
    assert (own.closes[:-1] <= own.opens[1:]).all()


@pytest.mark.parametrize("calendar", ["XTAE", "TASE", "ASEX", "XBSE", "BVB", "XCYS", "XBEL"])
def test_a_calendar_that_depends_on_the_release_of_pandas(calendar: str) -> None:
    assert_usable_or_refused(calendar)


@pytest.mark.long
def test_every_calendar_is_usable_or_refused() -> None:
    for calendar in calendar_names():
        assert_usable_or_refused(calendar)
    refused = [calendar for calendar in calendar_names() if why_not(calendar) is not None]
    assert len(refused) < len(calendar_names()) / 4


def test_a_calendar_that_is_none() -> None:
    with pytest.raises(UnknownCalendarError, match="'XNYSE'"):
        sessions("XNYSE")

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from stage_cases import fired, names, now, queued

from tapewatch.market.ticks import NS
from tapewatch.notify.delivery import Now
from tapewatch.notify.stages.quiet import Quiet

NEW_YORK = "America/New_York"


def in_new_york(text: str, *, fold: int = 0) -> Now:
    """That local time; `fold` 1 is the second of the two when clocks are put back."""
    local = datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(NEW_YORK), fold=fold)
    return Now(0.0, int(local.timestamp()) * NS, lambda _: 0)


@pytest.mark.parametrize(
    ("hours", "clock", "quiet"),
    [
        ("22:00-07:00", "21:59:59.9", False),
        ("22:00-07:00", "22:00:00", True),
        ("22:00-07:00", "03:00:00", True),
        ("22:00-07:00", "06:59:59.9", True),
        ("22:00-07:00", "07:00:00", False),
        ("12:00-13:00", "11:59:59", False),
        ("12:00-13:00", "12:59:59", True),
        ("12:00-13:00", "13:00:00", False),
        ("17:00-24:00", "23:59:59", True),
        ("17:00-24:00", "00:00:00", False),
        (None, "03:00:00", False),
    ],
)
def test_hours_begin_inclusive_and_end_exclusive(hours: str | None, clock: str, quiet: bool) -> None:
    assert Quiet(hours, "UTC").is_on(now(clock)) is quiet


def test_hours_are_those_of_the_zone() -> None:
    quiet = Quiet("22:00-07:00", NEW_YORK)
    assert quiet.is_on(now("11:59:00"))  # 06:59 in New York
    assert not quiet.is_on(now("12:00:00"))


@pytest.mark.parametrize(
    ("local", "fold", "quiet"),
    [
        ("2026-03-07 06:59", 0, True),  # EST
        ("2026-03-08 01:59", 0, True),  # clocks jump from 02:00 to 03:00
        ("2026-03-08 03:00", 0, True),
        ("2026-03-08 06:59", 0, True),  # EDT
        ("2026-03-08 07:00", 0, False),
        ("2026-11-01 01:30", 0, True),  # clocks go from 02:00 back to 01:00
        ("2026-11-01 01:30", 1, True),
        ("2026-11-01 06:59", 0, True),
        ("2026-11-01 07:00", 0, False),
    ],
)
def test_hours_stay_those_on_the_wall_when_clocks_change(local: str, fold: int, quiet: bool) -> None:
    assert Quiet("22:00-07:00", NEW_YORK).is_on(in_new_york(local, fold=fold)) is quiet


def test_hours_that_end_in_the_hour_that_is_skipped_are_over_after_it() -> None:
    quiet = Quiet("22:00-02:30", NEW_YORK)
    assert quiet.is_on(in_new_york("2026-03-08 01:59"))
    assert not quiet.is_on(in_new_york("2026-03-08 03:00"))


def test_only_critical_alerts_do_not_wait() -> None:
    quiet = Quiet("22:00-07:00", "UTC")
    info, warning, critical = queued(
        fired("23:00:00 SPX overbought"),
        fired("23:00:00 SPX breakout", severity="warning"),
        fired("23:00:00 SPX support", severity="critical"),
    )
    assert [quiet.keeps(each, now("23:00:00")) for each in (info, warning, critical)] == [True, True, False]
    assert not quiet.keeps(info, now("12:00:00"))


def test_what_waited_comes_in_order_when_the_hours_end() -> None:
    quiet = Quiet("00:00-07:00", "UTC")
    first, second, third = queued(
        fired("02:00:00 SPX breakout"), fired("03:00:00 IWM support"), fired("06:59:59 SPX support")
    )
    quiet.hold([second])
    quiet.hold([third, first])
    assert quiet.due(now("06:59:59")) == []
    assert names(quiet.due(now("07:00:00"))) == [
        "02:00:00 SPX breakout",
        "03:00:00 IWM support",
        "06:59:59 SPX support",
    ]
    assert quiet.due(now("07:00:01")) == []


def test_it_wakes_when_the_hours_end() -> None:
    quiet = Quiet("00:00-07:00", "UTC")
    assert quiet.wake(now("06:59:45")) is None
    quiet.hold(queued(fired("02:00:00 SPX breakout")))
    assert quiet.wake(now("06:59:45")) == 15
    assert quiet.wake(now("02:00:00")) == 60  # the clock on the wall may be changed
    assert quiet.wake(now("07:00:05")) == 0

"""Numbers of a scale, and times of an axis."""

import pytest
from sample_charts import starts

from tapewatch.charts.ticks import Tick, breaks, price_ticks, spaced, time_ticks, times, zone_name


@pytest.mark.parametrize(
    ("low", "high", "most", "labels"),
    [
        (6893.0, 7012.0, 6, ["6,900", "6,920", "6,940", "6,960", "6,980", "7,000"]),
        (99.899, 100.101, 5, ["99.90", "99.95", "100.00", "100.05", "100.10"]),
        (0.0118, 0.0127, 4, ["0.01200", "0.01225", "0.01250"]),
        (0.999e-9, 1.021e-9, 3, ["0.00000000100", "0.00000000101", "0.00000000102"]),
        (95_000.0, 110_000.0, 4, ["95,000", "100,000", "105,000", "110,000"]),
        (-1.2, 1.1, 5, ["-1.0", "-0.5", "0.0", "0.5", "1.0"]),
        (5.0, 5.0, 5, []),
        (float("nan"), 5.0, 5, []),
    ],
)
def test_a_scale_has_round_numbers_of_equally_many_decimals(
    low: float, high: float, most: int, labels: list[str]
) -> None:
    assert [label for _, label in price_ticks(low, high, most)] == labels


def test_the_label_is_the_number_that_it_stands_at() -> None:
    for value, label in price_ticks(0.0118, 0.0127, 4):
        assert float(label) == pytest.approx(value, rel=1e-9)


def test_times_are_those_of_the_exchange_and_a_session_says_its_date() -> None:
    bars = starts(90)
    ticks = time_ticks(bars, "5m", "America/New_York", 8)
    assert ticks[0] == Tick(0, "7 Nov", True)
    assert Tick(36, "8 Nov", True) in ticks
    assert [tick.label for tick in ticks if not tick.starts] == [
        "14:00",
        "15:00",
        "10:00",
        "11:00",
        "12:00",
        "13:00",
    ]
    assert all(times(bars, "America/New_York")[tick.bar].minute == 0 for tick in ticks if not tick.starts)


def test_daily_bars_say_months_and_years() -> None:
    days = [1_561_000_000 + 86_400 * day for day in range(250)]
    labels = [tick.label for tick in time_ticks(days, "1d", "UTC", 9)]
    assert labels == ["Jun 2019", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec", "2020", "Feb"]


def test_no_bars_have_no_times_and_one_has_its_date() -> None:
    assert time_ticks([], "5m", "UTC", 9) == []
    assert [tick.label for tick in time_ticks([1_573_000_000], "5m", "UTC", 9)] == ["6 Nov"]


def test_where_there_is_no_room_the_start_of_a_session_stays() -> None:
    ticks = [
        Tick(0, "7 Nov", True),
        Tick(9, "15:00", False),
        Tick(12, "8 Nov", True),
        Tick(15, "10:00", False),
    ]
    assert [tick.label for tick in spaced(ticks, 5)] == ["7 Nov", "8 Nov"]
    assert [tick.label for tick in spaced(ticks, 13)] == ["8 Nov"]
    others = [Tick(0, "28 Nov", True), *(Tick(bar, str(bar), False) for bar in (6, 9, 12, 15))]
    assert [tick.label for tick in spaced(others, 6)] == [
        "28 Nov",
        "9",
        "15",
    ]  # the first stands right of its bar


def test_a_night_a_weekend_and_a_long_lunch_are_breaks_but_not_a_minute_without_a_tick() -> None:
    bars = starts(90)
    assert breaks(bars, "5m", "America/New_York") == [36]
    assert breaks(bars[:10] + bars[13:20], "5m", "America/New_York") == []
    lunch = [*range(0, 9000, 300), *range(12_600, 15_000, 300)]  # 09:00 to 11:30 and from 12:30 in Tokyo
    assert breaks(lunch, "5m", "Asia/Tokyo") == [30]
    assert breaks(list(range(0, 200_000, 300)), "5m", "UTC") == []
    assert breaks([86_400 * day for day in range(5)], "1d", "UTC") == []


def test_a_zone_without_letters_and_an_unknown_one() -> None:
    assert zone_name(times([0], "Asia/Singapore")[0]) == "UTC+0730"
    assert zone_name(times([0], "No/Such\0Zone")[0]) == "UTC"
    assert zone_name(times([0], "../etc/passwd")[0]) == "UTC"

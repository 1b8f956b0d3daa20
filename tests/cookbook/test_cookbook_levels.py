"""Levels, zones, the open and the night: each watch says what its file says, and on another tape nothing."""

from cookbook.cooking import Cook
from tapewatch import instruments


def test_a_breakout_is_told_and_then_confirmed(cook: Cook) -> None:
    dish = cook("breakout")
    assert (
        dish.told("10:00 6990  10:12 7001.50  10:15 6998  10:20 7003  10:29:59 7012  10:31 7010") == dish.says
    )
    assert dish.told("10:00 6990  10:12 6999.75  10:31 6999") == []


def test_a_break_must_hold(cook: Cook) -> None:
    dish = cook("held")
    assert dish.told("10:00 6990  10:05 7001  10:09 6999  10:11 7003  10:14 7003.25  10:16 7004") == dish.says
    assert dish.told("10:00 6990  10:05 7001  10:09 6999  10:11 7003  10:15 6999  10:17 7004") == []


def test_a_bull_trap_is_told_when_the_bar_has_closed(cook: Cook) -> None:
    dish = cook("bull-trap")
    trap = "10:00 6990  10:03 7004  10:14:59 6994  10:16 6990"
    assert dish.told(trap, "terminal") == dish.says
    assert dish.told("10:00 6990  10:03 7004  10:14:59 7002  10:16 6994", "terminal") == []


def test_a_rejection_is_told_and_a_passage_is_not(cook: Cook) -> None:
    dish = cook("zone-rejection")
    assert dish.told("10:00 6940  10:05 6951  10:20 6966  10:31 6948.25", "terminal") == dish.says
    assert dish.told("10:00 6940  10:05 6951  10:20 6966  10:31 6972", "terminal") == []


def test_a_lost_support_goes_to_the_phone_and_the_target_does_not(cook: Cook) -> None:
    dish = cook("support-lost")
    tape = "10:00 6800  10:05 6789.50  10:15 6760  10:20 6734"
    assert dish.told(tape, "phone") == dish.says
    assert dish.told(tape, "terminal") == [*dish.says, "S&P 500 crossed below 6,735, at 6,734.00"]
    assert dish.told("10:00 6800  10:05 6790", "terminal") == []


def test_round_numbers_are_told_once_each_way(cook: Cook) -> None:
    dish = cook("round-numbers")
    climb = "05:00 95900  06:00 96800  07:00 97700  08:00 98600  09:00 99500  10:00 100000"
    dance = "10:01 99990  10:02 99800  10:03 100020  10:04 99740"
    assert dish.told(f"2026-01-25 02:00 94900  02:10 95010  {climb}  {dance}") == dish.says  # a Sunday
    assert dish.told("2026-01-25 02:00 95100  02:10 95900  03:00 95001") == []


def test_a_level_expires(cook: Cook) -> None:
    dish = cook("expiring")
    assert dish.told("2026-03-20 10:00 7004  15:59 6999.50  2026-03-23 09:30 6990  09:40 7008") == dish.says
    assert dish.told("2026-03-23 09:30 6990  09:40 7008") == []


def test_a_stock_dances_within_a_quarter_of_its_range(cook: Cook) -> None:
    dish = cook("atr-rearm")
    dance = "09:30 199  10:00 200.10  10:05 199.2  10:10 201.2  10:12 199"
    assert dish.told(f"{dance}  10:30 197.90", daily=[196] * 30, around=4) == dish.says
    assert dish.told("09:30 199  10:00 199.99", daily=[196] * 30, around=4) == []


def test_a_gap_over_a_zone_is_told_and_an_open_inside_is_not(cook: Cook) -> None:
    dish = cook("gap-over-zone")
    assert dish.told("2026-01-27 15:59 6944  2026-01-28 09:30 6975  09:31 6976", "terminal") == dish.says
    assert dish.told("2026-01-27 15:59 6944  2026-01-28 09:30 6965  09:31 6972", "terminal") == []


YESTERDAY = "2026-01-27 10:00 690.2  15:59 688  2026-01-28"
BEFORE = [685.0, 688.0]


def test_a_gap_that_stays_open_is_told_after_half_an_hour(cook: Cook) -> None:
    dish = cook("open-gap")
    morning = "09:30 691.50  09:40 690.9  09:59 692  10:00 692.10"
    assert dish.told(f"{YESTERDAY} {morning}", daily=BEFORE) == dish.says
    filled = "09:30 691.50  09:40 690.2  09:59 692  10:00 692.10  10:20 693"
    assert dish.told(f"{YESTERDAY} {filled}", daily=BEFORE) == []


def test_a_gap_that_stays_open_is_told_on_the_next_day_too(cook: Cook) -> None:
    two_days = "09:30 691.50  10:00 692.10  15:59 691  2026-01-29 09:30 697  10:00 698"
    assert len(cook("open-gap").told(f"{YESTERDAY} {two_days}", daily=BEFORE)) == 2


def test_the_first_hour_s_break_wants_volume(cook: Cook) -> None:
    dish = cook("opening-hour")
    past = {"daily": BEFORE, "around": 2.2}
    drive = "09:30 689.50x300000  09:37 690.4x900000  09:39 690.5x200000  09:50 690.4x2000000"
    assert dish.told(drive, **past) == dish.says
    too_late = "09:30 689.50x1300000  09:37 690.4x900000  10:29 690.9x1000  10:31 690.4x2000000"
    assert dish.told(too_late, **past) == []


def test_vwap_is_reclaimed_when_price_stays_above(cook: Cook) -> None:
    dish = cook("vwap-reclaim")
    assert dish.told("09:30 690x1000  09:50 688x1000  10:00 689.6x10  10:01 689.5  10:02 689.7") == dish.says
    assert dish.told("09:30 690x1000  09:50 688x1000  10:00 689.6x10  10:01 688  10:02 689.7") == []


def test_results_after_the_close_are_heard(cook: Cook) -> None:
    dish = cook("extended-hours")
    assert dish.told("15:59 198  16:20 201.40  16:21 201.5") == dish.says
    assert dish.told("15:59 198  20:00 201.40  20:21 201.5") == []


def test_two_feeds_have_a_symbol_each(cook: Cook) -> None:
    dish = cook("two-feeds")
    asked = [instruments.asked(dish.config, feed) for feed in dish.config.feed]
    assert asked == [{"I:SPX": "SPX"}, {"BTC/USD": "BTC/USD"}]
    assert dish.told("BTC/USD 10:00 99800  10:15 100000  SPX 10:00 6990  10:30 7000.25") == dish.says
    assert dish.told("BTC/USD 10:00 99800  10:15 99999  SPX 10:00 6990  10:30 6999.75") == []

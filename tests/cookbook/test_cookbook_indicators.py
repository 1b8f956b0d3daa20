"""Moves, averages, RSI, MACD, divergence and ratios: each says what its file says, and on another tape nothing."""

from cookbook.cooking import Cook

CLOSED = "16:00:05 7000"
"""A print after the bell: the day's bar is closed."""
RISING = [7000, 7010] * 50 + list(range(7010, 7080, 10))
"""A quiet time, then 10 points a day: RSI of the last day is 69.97."""


def test_half_an_hour_moves(cook: Cook) -> None:
    dish = cook("fast-move")
    assert dish.told("10:00 6900  10:10 6960  10:20 7000  10:30 7003.50  10:31 7004  10:40 7010") == dish.says
    assert dish.told("10:00 6900  10:20 6950  10:40 7000  11:00 7050") == []


def test_a_day_moves_gap_included(cook: Cook) -> None:
    dish = cook("day-move")
    yesterday = "2026-01-27 15:59 180  2026-01-28"
    assert dish.told(f"{yesterday} 09:30 187.4  09:30:01 187.3  09:31 187.25", daily=[180] * 20) == dish.says
    assert dish.told(f"{yesterday} 09:30 187.1  09:30:01 187.1  09:31 187.15", daily=[180] * 20) == []
    stays_there = "15:59 187.5  2026-01-29 09:30 195.2  09:30:01 195.3  09:31 195.3"
    rally = f"{yesterday} 09:30 187.4  09:30:01 187.3  09:31 187.25 {stays_there}"
    assert dish.told(rally, daily=[180] * 20) == dish.says  # of the first day alone


def test_an_hour_closes_outside_the_band(cook: Cook) -> None:
    dish = cook("bollinger-outside")
    quiet = [7000, 7010] * 50 + [7010]
    assert dish.told("09:30 7010  10:29 7020  10:31 7020", hourly=quiet) == dish.says
    assert dish.told("09:30 7010  10:15 7025  10:29 7012  10:31 7012", hourly=quiet) == []


def test_the_bands_close_in(cook: Cook) -> None:
    dish = cook("squeeze")
    trend, pause = list(range(5500, 7000, 15)), [7000, 7010] * 5
    assert dish.told(f"09:30 7005  15:59 7010  {CLOSED}", daily=[*trend, *pause]) == dish.says
    assert dish.told(f"09:30 7005  15:59 7010  {CLOSED}", daily=[*trend, *pause[:-1]]) == []


def test_the_golden_cross_comes_at_the_close(cook: Cook) -> None:
    dish = cook("golden-cross")
    below = [7000] * 151 + [6999.9] * 49
    assert dish.told(f"09:30 7001  15:59 7010  {CLOSED}", daily=below) == dish.says
    assert dish.told(f"09:30 7010  15:59 7001  {CLOSED}", daily=below) == []


def test_the_death_cross_likewise(cook: Cook) -> None:
    (death,) = cook("golden-cross").alerts(
        f"09:30 6999  15:59 6990  {CLOSED}", daily=[7000] * 151 + [7000.1] * 49
    )
    assert (death.data.rule, death.data.severity) == ("death cross", "critical")


def test_the_200_day_average_is_crossed_and_the_day_closes_below(cook: Cook) -> None:
    dish = cook("two-hundred-day")
    past = [7000] * 199 + [7010]
    assert dish.told(f"09:30 7010  10:30 6998  10:40 7001  15:59 6990  {CLOSED}", daily=past) == dish.says
    assert dish.told(f"09:30 7010  10:30 7003  15:59 7001  {CLOSED}", daily=past) == []


def test_a_pullback_wants_an_uptrend(cook: Cook) -> None:
    dish = cook("pullback")
    last = [7000] * 49 + [7080]
    tape = "09:30 7080  10:30 7034  10:31 7050  11:00 7033"
    assert dish.told(tape, daily=[6900] * 150 + last) == dish.says
    assert dish.told(tape, daily=[7200] * 150 + last) == []


def test_overbought_on_the_close_alone(cook: Cook) -> None:
    dish = cook("overbought-oversold")
    assert dish.told(f"09:30 7071  15:59 7080  {CLOSED}", daily=RISING) == dish.says
    assert dish.told(f"09:30 7071  12:00 7085  15:59 7069  {CLOSED}", daily=RISING) == []


def test_overbought_now_if_it_lasts(cook: Cook) -> None:
    dish = cook("overbought-today")
    peek = "09:30 7068  10:00 7080  10:10 7068"
    twice = "11:00 7080  11:10 7090  11:15 7085  12:00 7060  12:30 7090  13:00 7090"
    assert dish.told(f"{peek}  {twice}", daily=RISING) == dish.says
    assert dish.told(f"{peek}  11:00 7080  11:14 7060  11:20 7065", daily=RISING) == []


def test_macd_turns_up_with_rsi_over_50_alone(cook: Cook) -> None:
    dish = cook("macd-turn")
    trend = [6500 + 5 * day + (3 if day % 2 else -3) for day in range(100)]
    pullback = [*range(6992, 6960, -6), 6976, 6990, 7004, 7018]
    assert dish.told(f"09:30 7020  15:59 7032  {CLOSED}", daily=[*trend, *pullback]) == dish.says
    slide = [*range(7300, 7060, -4), 7052, 7040, 7028, 7016, 7022, 7034]
    assert dish.told(f"09:30 7034  15:59 7046  {CLOSED}", daily=slide) == []  # it turns, RSI is 29


def test_macd_comes_near_its_signal(cook: Cook) -> None:
    dish = cook("macd-near-zero")
    stands_still = [*RISING, *range(7080, 7130, 10), *[7120] * 7]
    assert dish.told("09:30 7120  10:29 7120  10:31 7120", hourly=stands_still) == dish.says
    assert dish.told("09:30 7120  10:29 7120  10:31 7120", hourly=stands_still[:-1]) == []


CLIMB = [6900, 6904] * 40 + list(range(6911, 6961, 7)) + list(range(6954, 6917, -6))
"""Quick to 6,960 with RSI at 80, back to 6,918 …"""
for _ in range(7):  # … and slowly to 6,974, two steps up and one down, with RSI at 64
    CLIMB += [CLIMB[-1] + 14, CLIMB[-1] + 7]


def test_a_divergence_is_known_five_hours_later(cook: Cook) -> None:
    dish = cook("divergence")
    after = [6970, 6965, 6960]
    assert dish.told("09:30 6960  10:29 6955  10:31 6955", hourly=[*CLIMB, *after]) == dish.says
    assert (
        dish.told("09:30 6960  10:29 6990  10:31 6990", hourly=[*CLIMB, *after]) == []
    )  # RSI rises after all


def test_a_divergence_is_told_while_it_forms(cook: Cook) -> None:
    dish = cook("early-divergence")
    first = "09:30 6953  09:40 6961  10:29 6967  11:29 6960  12:29 6974  13:29 6967  14:29 6970  15:29 6965"
    second = "15:59 6960  2026-01-29 10:29 6955  10:31 6955"
    assert dish.told(f"{first}  {second}", hourly=CLIMB[:-4]) == dish.says
    assert dish.told("09:30 6953  09:40 6959.75  10:29 6950  11:29 6940", hourly=CLIMB[:-4]) == []


def test_a_hidden_divergence_wants_the_trend(cook: Cook) -> None:
    dish = cook("hidden-divergence")
    slide = [6901, 6905, 6897, 6901, 6893, 6897, 6889, 6893, 6885, 6889, 6881, 6885]
    rally, drop = range(6891, 6960, 6), range(6943, 6886, -14)  # to a higher low, so fast that RSI is lower
    hours = [*[6900, 6904] * 40, *slide, *rally, *drop, 6892, 6897, 6902, 6907]
    tape = "09:30 6908  10:29 6912  10:31 6912"
    assert dish.told(tape, hourly=hours, daily=[6500] * 201) == dish.says
    assert dish.told(tape, hourly=hours, daily=[7100] * 201) == []


def test_a_sector_crosses_its_average_and_leads(cook: Cook) -> None:
    dish = cook("sector-rotation")
    spy, flat = "SPY 09:30 690  12:00 690", [0.17] * 60
    crosses = dish.told(f"{spy}  XLC 09:31 117  10:00 117.25  10:05 117.9", daily=flat)
    leads = dish.told(f"{spy}  XLC 09:31 120.5  15:59 121  16:00:05 121", daily=[*flat[:-1], 0.1748])
    assert [*crosses, *leads] == dish.says
    assert dish.told(f"{spy}  XLC 09:31 117  10:00 117.25  10:05 117.29", daily=flat) == []


def test_small_caps_lead_in_their_own_uptrend(cook: Cook) -> None:
    dish = cook("small-caps")
    tape = "SPY 09:30 690  15:59 690  IWM 09:31 261  10:00 262  10:05 262.4"
    assert dish.told(tape, daily=[0.37] * 30 + [0.38, 0.378]) == dish.says
    assert dish.told(tape, daily=[0.39] * 30 + [0.38, 0.378]) == []

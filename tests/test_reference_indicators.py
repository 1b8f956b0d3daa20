"""The reference's conditions and divergences, by hand from design §4, and its indicators against TA-Lib."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import talib

from reference.builders import alerts_of, at, breakout, said, tape, watch
from reference.divergence import divergences
from reference.files import read_bars
from reference.indicators import Values, compute, forming_average
from reference.replay import reference_replay
from reference.ticks import NS, Bar, ticks_of_bars

DAILY = Path(__file__).parents[1] / "../shared/data/spy-2013/SPY-daily-1998-2013.csv"


def test_price_crosses_the_average_that_this_price_is_part_of() -> None:
    ticks = tape("7000 09:31:00=7020 09:32:00=7013 09:32:01=7008 09:32:02=7010")
    alerts = alerts_of(ticks, condition=[{"name": "average", "when": "price crosses sma(3)@1m"}])
    # 7,013 sets the side, above 7,011; (7000 + 7020 + 7008) / 3 > 7,008; (7000 + 7020 + 7010) / 3 = 7,010
    assert said(alerts) == ["level.crossed_down 7008", "level.crossed_up 7010"]
    assert [alert["level"] for alert in alerts] == pytest.approx([28028 / 4 + 2 + 1 / 3, 7010])
    up_alone = alerts_of(ticks, condition=[{"name": "average", "when": "price crosses above sma(3)@1m"}])
    assert said(up_alone) == ["level.crossed_up 7010"]


def test_an_indicator_crosses_on_the_close_history_included() -> None:
    def day(date: str, close: float) -> Bar:
        return Bar("1d", at("09:30:00", date), at("16:00:00", date), close, close, close, close)

    history = [day("2026-01-26", 6990), day("2026-01-27", 6980)]  # sma(2): 6,985
    alerts = alerts_of(
        tape("7000 15:59:59=7020 16:00:00=1"),  # sma(2): 7,000
        history,
        timeframes=["1d"],
        condition=[
            {"name": "up", "when": "sma(2)@1d crosses above 7000"},
            {"name": "down", "when": "sma(2)@1d crosses below 7000"},
            {"name": "first", "when": "sma(3)@1d crosses 6990"},  # no value the day before
            {"name": "averages", "when": "sma(1)@1d crosses sma(2)@1d"},
        ],
    )
    assert [(alert["rule"], alert["direction"], alert["price"], alert["time_ns"]) for alert in alerts] == [
        ("up", "up", 7020, at("16:00:00")),
        ("averages", "up", 7020, at("16:00:00")),
    ]


def test_closes_come_before_ticks_and_levels_before_zones_before_conditions() -> None:
    alerts = alerts_of(
        tape("6990 7001 09:31:00=6990 09:35:00=7001"),
        timeframes=["1m", "5m"],
        condition=[
            {"name": "tick", "when": "price crosses 7000"},
            {"name": "close", "when": "sma(1)@1m crosses 7000"},
        ],
        zone=[{"name": "zone", "low": 7000, "high": 7010, "confirm": "1m"}],
        level=[breakout(confirm="5m")],
    )
    names = [(alert["rule"], alert["type"].rsplit(".", 1)[1]) for alert in alerts]
    assert names == [
        ("breakout", "crossed_up"),
        ("zone", "entered_from_below"),
        ("tick", "crossed_up"),
        ("zone", "confirmed"),
        ("breakout", "crossed_down"),
        ("zone", "rejected_down"),
        ("tick", "crossed_down"),
        ("zone", "confirmed"),  # 09:32, of the bar that began 09:31
        ("close", "fired"),
        ("breakout", "confirmed"),  # 09:35, the 5m bar after the 1m bar
        ("breakout", "crossed_up"),
        ("zone", "entered_from_below"),
        ("tick", "crossed_up"),
    ]


def peaks(*summits: tuple[int, float]) -> list[float | None]:
    """An oscillator at 50 with summits at these bars, one point lower beside them."""
    values: list[float | None] = [50.0 - i / 1000 for i in range(80)]
    for i, height in summits:
        values[i] = height
    return values


def flat_bars(**highs: float) -> list[Bar]:
    bars = [Bar("1m", i, i + 1, 100, 100, 100, 100) for i in range(80)]
    for name, high in highs.items():
        bars[int(name[1:])].high = high
    return bars


@pytest.mark.parametrize(
    ("oscillator", "bars", "expected"),
    [
        (peaks((10, 72), (16, 70)), flat_bars(_10=101, _16=102), {21: "regular_bearish"}),
        (peaks((10, 72), (71, 70)), flat_bars(_10=101, _71=102), {76: "regular_bearish"}),
        (peaks((10, 72), (72, 70)), flat_bars(_10=101, _72=102), {}),  # 62 bars apart
        (peaks((10, 72), (16, 70)), flat_bars(_10=102, _16=102), {}),  # no higher high
        (peaks((10, 70), (16, 70)), flat_bars(_10=101, _16=102), {}),  # no lower oscillator
        # the pivot before is the one at 20, whose high stands above
        (peaks((10, 72), (20, 71), (30, 70)), flat_bars(_10=101, _20=103, _30=102), {25: "regular_bearish"}),
        # level with one of the five after is a pivot, level with one of the five before is none
        (peaks((10, 72), (20, 70), (22, 70)), flat_bars(_10=101, _20=102, _22=103), {25: "regular_bearish"}),
    ],
)
def test_regular_bearish_divergence(
    oscillator: list[float | None], bars: list[Bar], expected: dict[int, str]
) -> None:
    assert divergences(bars, oscillator) == expected


def test_regular_bullish_is_its_mirror() -> None:
    oscillator = [None if value is None else 100 - value for value in peaks((10, 72), (16, 70))]
    bars = flat_bars()
    bars[10].low, bars[16].low = 99, 98
    assert divergences(bars, oscillator) == {21: "regular_bullish"}


def test_a_divergence_is_told_at_the_close_of_the_fifth_bar_after() -> None:
    sideways, straight_up = [7000, 7001, 7000, 7001, 7000, 7001, 7000, 7001], [7021]  # rsi(2) 98
    down, up_by_steps = [7018, 7015, 7012, 7009, 7006], [7014, 7013, 7022]  # rsi(2) 90
    after = [7018, 7014, 7010, 7006, 7002]
    closes = [*sideways, *straight_up, *down, *up_by_steps, *after]
    bars = [
        Bar("1m", at("09:30:00") + i * 60 * NS, at("09:31:00") + i * 60 * NS, close, close, close, close)
        for i, close in enumerate(closes)
    ]
    waning = watch(condition=[{"name": "waning", "when": "rsi(2)@1m diverges"}])
    (alert,) = reference_replay(ticks_of_bars(bars), waning, end=bars[-1].end)[0]
    assert (alert["type"], alert["direction"]) == ("tapewatch.divergence.regular_bearish", "down")
    assert (alert["time_ns"], alert["stage"]) == (at("09:30:00") + 22 * 60 * NS, "confirmed")


def test_history_warms_up_what_is_coarser_and_what_ends_after_the_first_tick_is_left_out() -> None:
    minute = [
        Bar("1m", at(f"09:{30 + i}:00"), at(f"09:{31 + i}:00"), 7000 + i, 7000 + i, 7000 + i, 7000 + i)
        for i in range(8)
    ]
    ticks = tape("09:37:00=7010 09:38:00=7011 09:40:00=7012")
    rows = reference_replay(ticks, watch(timeframes=["1m", "5m"], indicators=["sma(2)"]), minute)[1]
    assert [(row["timeframe"], row["open"], row["close"]) for row in rows] == [
        ("1m", 7010, 7010),
        ("1m", 7011, 7011),
        ("5m", 7005, 7011),  # opened by history, closed by the tape
    ]
    assert [row["indicators"]["sma(2)"] for row in rows] == [(7006 + 7010) / 2, 7010.5, (7004 + 7011) / 2]


def daily_closes() -> list[float]:
    if not DAILY.exists():
        pytest.skip("SPY-daily-1998-2013.csv of ../shared/data is not here")
    return [bar.close for bar in read_bars(DAILY, "1d")]


def test_indicators_are_ta_libs() -> None:
    closes = daily_closes()
    x = np.array(closes)
    expected = {
        "sma(50)": talib.SMA(x, 50),
        "sma(200)": talib.SMA(x, 200),
        "ema(20)": talib.EMA(x, 20),
        "rsi(14)": talib.RSI(x, 14),
        **dict(
            zip(
                ("macd(12,26,9)", "macd(12,26,9).signal", "macd(12,26,9).hist"),
                talib.MACD(x, 12, 26, 9),
                strict=True,
            )
        ),
    }
    ours: dict[str, Values] = {}
    for name in ("sma(50)", "sma(200)", "ema(20)", "rsi(14)", "macd(12,26,9)"):
        ours |= compute(name, closes)
    assert ours.keys() == expected.keys()
    for name, values in ours.items():
        numbers = np.array([np.nan if value is None else value for value in values])
        scale = 100.0 if name.startswith("rsi") else np.maximum(np.abs(expected[name]), 1e-3 * x)
        np.testing.assert_array_equal(np.isnan(numbers), np.isnan(expected[name]), name)
        assert np.nanmax(np.abs(numbers - expected[name]) / scale) <= 1e-9, name


@pytest.mark.parametrize(("kind", "function"), [("sma", talib.SMA), ("ema", talib.EMA)])
def test_a_forming_average_is_ta_libs_with_the_forming_price_as_last_close(kind: str, function: Any) -> None:
    closes = daily_closes()[:60]
    for count in (18, 19, 20, 59):
        closed, price = closes[:count], closes[count]
        averages = compute(f"{kind}(20)", closed)[f"{kind}(20)"]
        expected = function(np.array([*closed, price]), 20)[-1]
        ours = forming_average(kind, 20, closed, averages, price)
        assert (np.nan if ours is None else ours) == pytest.approx(expected, rel=1e-12, nan_ok=True)


def test_rsi_of_a_price_that_never_moved_is_50() -> None:
    assert compute("rsi(14)", [7000.0] * 16)["rsi(14)"] == [None] * 14 + [50.0, 50.0]

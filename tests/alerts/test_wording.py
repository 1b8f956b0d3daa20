"""What alerts say, from ticks to sentences."""

import re
from typing import Any

import pytest
from alert_tapes import config, late, random_walk, texts
from hand_made import said

from tapewatch.engine import events as ev
from tapewatch.replay import replay_ticks

ZONE = {"name": "resistance", "low": 6950, "high": 6970}
BREAKOUT = {"name": "breakout", "price": 7000}


@pytest.mark.parametrize(
    ("ticks", "sentence"),
    [
        ("6949 6951", "S&P 500 entered 6,950–6,970 from below, at 6,951.00"),
        ("6949 6951 6949.5", "S&P 500 was rejected at 6,950–6,970 and fell back below it, at 6,949.50"),
        ("6949 6951 6971", "S&P 500 broke above 6,950–6,970, at 6,971.00"),
        ("6971 6969", "S&P 500 entered 6,950–6,970 from above, at 6,969.00"),
        ("6971 6969 6971", "S&P 500 bounced off 6,950–6,970 and is back above it, at 6,971.00"),
        ("6971 6969 6949", "S&P 500 broke below 6,950–6,970, at 6,949.00"),
        ("6949 6971", "S&P 500 jumped up over 6,950–6,970, at 6,971.00"),
        ("6971 6949", "S&P 500 jumped down over 6,950–6,970, at 6,949.00"),
    ],
)
def test_what_happens_at_a_zone(ticks: str, sentence: str) -> None:
    assert texts(ticks, zone=[ZONE])[-1] == sentence


def test_what_happens_at_a_level() -> None:
    assert texts("6999 7000 6999.999", level=[BREAKOUT]) == [
        "S&P 500 crossed above 7,000, at 7,000.00",
        "S&P 500 crossed below 7,000, at 6,999.999",
    ]


def test_a_small_price_keeps_its_digits() -> None:
    said = texts("1.0840 1.0846", title="EUR/USD", level=[{"price": 1.0845}])
    assert said == ["EUR/USD crossed above 1.0845, at 1.0846"]


def test_the_first_price_after_a_break_and_extended_hours_are_told() -> None:
    level = [{"name": "support", "price": 6790}]
    assert texts("6791 29T09:30=6781", level=level) == [
        "S&P 500 crossed below 6,790, at 6,781.00 after a session break"
    ]
    assert texts("6791 16:30=6781", level=level, hours="extended") == [
        "S&P 500 crossed below 6,790, at 6,781.00, in extended hours"
    ]


def test_the_first_price_after_an_outage_says_so() -> None:
    after = said("price crosses 7000", type=ev.CROSSED_UP, direction=1, price=7003, edges=(7000.0,), gap=2)
    assert after == "S&P 500 crossed above 7,000, at 7,003.00 after an outage"


def test_a_close_confirms_or_fails_what_it_names() -> None:
    own = [BREAKOUT | {"confirm": "1m"}]
    assert texts("6999 7001 09:31:01=7002", level=own)[1:] == [
        "S&P 500: cross above 7,000 confirmed (1m close 7,001.00)"
    ]
    assert texts("6999 7001 09:30:30=7002 6999.998 09:31:02=7001", level=own)[1:3] == [
        "S&P 500 crossed below 7,000, at 6,999.998",
        "S&P 500: cross below 7,000 confirmed (1m close 6,999.998)",
    ]
    zone = [ZONE | {"confirm": "1m", "rearm": 5}]
    assert texts("6949 6951 6948 09:31:01=6980", zone=zone)[1] == (
        "S&P 500: entry into 6,950–6,970 from below failed (1m close 6,948.00)"
    )


@pytest.mark.parametrize(
    ("when", "sentence"),
    [
        (
            "price crosses sma(5)@1m",
            r"S&P 500 crossed (above|below) SMA\(5\)@1m \([67],\d{3}\.\d+\), at [67],\d{3}",
        ),
        (
            "rsi(5)@5m crosses 50",
            r"S&P 500: RSI\(5\)@5m crossed (above|below) 50, at \d\d\.\d+ \(5m close [67],",
        ),
        (
            "macd@5m crosses macd.signal@5m",
            r"S&P 500: MACD\(12,26,9\)@5m crossed (above|below) its signal line \(-?\d+\.\d+\), at -?\d+\.\d+ \(5m ",
        ),
        (
            "macd.hist@5m crosses 0",
            r"S&P 500: MACD\(12,26,9\)@5m histogram crossed (above|below) 0, at -?0\.\d+ \(",
        ),
        (
            "sma(5)@5m crosses ema(9)@5m",
            r"S&P 500: SMA\(5\)@5m crossed (above|below) EMA\(9\)@5m \([67],\d{3}\.\d+\), at [67],\d{3}\.",
        ),
        (
            "rsi(5)@1m diverges bearish",
            r"S&P 500: bearish divergence on RSI\(5\)@1m, price made a higher high \([67],.* → [67],.*\), "
            r"RSI a lower one \(\d\d\.\d+ → \d\d\.\d+\)$",
        ),
        ("macd.hist@1m diverges bullish", r"S&P 500: bullish divergence on MACD\(12,26,9\)@1m histogram, "),
    ],
)
def test_what_indicators_say(when: str, sentence: str) -> None:
    own = config(condition=[{"name": "condition", "when": when}], timeframes=["1m", "5m"])
    fired = replay_ticks(own, random_walk(1, seed=3))
    assert fired
    for alert in fired:
        assert re.match(sentence, alert.data.text), alert.data.text


STAYS, COMES_BACK = "6990 7003.5 6989 7003.5", "6990 7003.5 6980 6985"


@pytest.mark.parametrize(
    ("before", "missed", "watch", "sentence"),
    [
        ("6990", STAYS, {"level": [BREAKOUT]}, "crossed above 7,000, at 7,003.50"),
        ("6990", COMES_BACK, {"level": [BREAKOUT]}, "touched 7,000 (high 7,003.50) and came back"),
        (
            "7010",
            "7005 7006 6999.998 7005",
            {"level": [BREAKOUT]},
            "touched 7,000 (low 6,999.998) and came back",
        ),
        (
            "6940",
            "6940 6955.25 6940 6941",
            {"zone": [ZONE]},
            "touched 6,950–6,970 (high 6,955.25) and came back",
        ),
        (
            "6980",
            "6980 6990 6941.25 6980",
            {"zone": [ZONE]},
            "went past 6,950–6,970 (low 6,941.25) and came back",
        ),
        (
            "6960",
            "6960 6975 6960 6961",
            {"zone": [ZONE]},
            "went past 6,950–6,970 (high 6,975.00) and came back",
        ),
        ("6940", "6940 6980 6940 6980", {"zone": [ZONE]}, "jumped up over 6,950–6,970, at 6,980.00"),
        (
            "6990",
            COMES_BACK,
            {"condition": [{"name": "both", "when": "price crosses 7000 and high@1m > 7001"}]},
            "touched 7,000 (high 7,003.50) and came back, with high@1m above 7,001, at 7,003.50",
        ),
    ],
)
def test_what_was_missed_in_an_outage_says_so_first(
    before: str, missed: str, watch: dict[str, Any], sentence: str
) -> None:
    (alert,) = late(before, missed, **watch)
    assert alert.data.text == f"While away: S&P 500 {sentence}"


def test_what_an_indicator_did_in_an_outage_is_told_so_too() -> None:
    own = [{"name": "close", "when": "close@1m crosses 7000"}]
    (alert,) = late("6990 09:31=6990 09:32=6990", "6990 7005 6990 7005, 7005 7005 7005 7005", condition=own)
    assert (
        alert.data.text
        == "While away: S&P 500: close@1m crossed above 7,000, at 7,005.00 (1m close 7,005.00)"
    )

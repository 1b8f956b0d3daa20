"""How conditions are said, part by part: events by hand, so that every number is known."""

from math import nan
from pathlib import Path

import pytest
from hand_made import Operands, said

from tapewatch.alerts.wording import duration
from tapewatch.engine import events as ev
from tapewatch.market.ticks import NS

ROOT = Path(__file__).parents[2]


def test_a_small_ratio_keeps_its_digits() -> None:
    crossed = said(
        "price crosses 0.1725", type=ev.CROSSED_UP, title="XLC/SPY", price=0.17254, edges=(0.1725,)
    )
    assert crossed == "XLC/SPY crossed above 0.1725, at 0.17254"


def test_a_move_is_told_as_far_as_it_went() -> None:
    assert said("price up 1.5% in 30m", 1.5203, direction=1) == "S&P 500 up 1.52% in 30m, at 6,985.00"
    assert said("price up 1.5% in 30m", 1.50001, direction=1) == "S&P 500 up 1.50001% in 30m, at 6,985.00"
    assert said("price down 1.5% in 2h", -2.1, direction=-1) == "S&P 500 down 2.10% in 2h, at 6,985.00"


@pytest.mark.parametrize(
    ("when", "operands", "sentence"),
    [
        ("price > vwap", (6985, 6980.1), "S&P 500 above VWAP@1d (6,980.10), at 6,985.00"),
        ("price >= 6985", 6985, "S&P 500 at or above 6,985, at 6,985.00"),
        ("price <= session.low", (6985, 6985), "S&P 500 at or below the session low (6,985.00), at 6,985.00"),
        (
            "price < previous.close",
            (6985, 6990.12),
            "S&P 500 below the previous session's close (6,990.12), at 6,985.00",
        ),
        (
            "price within 0.5% of sma(50)@1d",
            (6985, 6990.12),
            "S&P 500 within 0.5% of SMA(50)@1d (6,990.12), at 6,985.00",
        ),
        ("change(2h) > 1", 1.25, "S&P 500: change in 2h above 1%, at +1.25% (price 6,985.00)"),
    ],
)
def test_what_holds_on_a_tick(when: str, operands: Operands, sentence: str) -> None:
    assert said(when, operands) == sentence


@pytest.mark.parametrize(
    ("when", "operands", "sentence"),
    [
        ("rsi(14)@1h > 70", 71.23, "RSI(14)@1h above 70, at 71.2"),
        ("rsi(14)@1h > 70", 70.02, "RSI(14)@1h above 70, at 70.02"),
        ("macd.hist@1h within 1 of 0", 0.4211, "MACD(12,26,9)@1h histogram within 1 of 0, at 0.42"),
        ("volume@1h > 1000000", 1234567, "volume@1h above 1,000,000, at 1,234,567"),
        ("roc(10)@1h crosses above 2", 2.31, "ROC(10)@1h crossed above 2%, at +2.31%"),
        ("rsi(14)@1h enters 40 to 60", 41.3, "RSI(14)@1h entered 40–60, at 41.3"),
        ("macd@1h leaves -1 to 1.5", -1.2, "MACD(12,26,9)@1h left -1 to 1.5, at -1.2"),
        ("roc(10)@1h within 0.5 of 1", 1.2, "ROC(10)@1h within 0.5 points of 1%, at +1.20%"),
        ("roc(10)@1h enters 1 to 2.5", 1.2, "ROC(10)@1h entered 1–2.5%, at +1.20%"),
        ("high@1h crosses 7000", 7001.5, "high@1h crossed above 7,000, at 7,001.50"),
        (
            "bb(20,2).upper@1h crosses sma(200)@1d",
            (7010.1, 7009.9),
            "BB(20,2)@1h upper band crossed above SMA(200)@1d (7,009.90), at 7,010.10",
        ),
        (
            "macd@1h > macd.signal@1h",
            (3.42, 3.38),
            "MACD(12,26,9)@1h above its signal line (3.38), at 3.42",
        ),
    ],
)
def test_what_a_close_finds(when: str, operands: Operands, sentence: str) -> None:
    own = said(when, operands, closed="1h", direction=1)
    assert own == f"S&P 500: {sentence} (1h close 6,985.00)"


def test_states_that_hold_together_are_joined_and_the_price_is_told_once() -> None:
    assert said("rsi(14)@1h > 70 and price > sma(50)@1d", 71.2, (6985, 6890.12), closed="1h") == (
        "S&P 500: RSI(14)@1h above 70, at 71.2, and price above SMA(50)@1d (6,890.12), at 6,985.00 "
        "(1h close 6,985.00)"
    )
    both = said(
        "price > session.open and price up 1% in 30m and price > vwap", (6985, 6900), 1.2, (6985, 6980)
    )
    assert both == (
        "S&P 500 above the session open (6,900.00), at 6,985.00, and price up 1.20% in 30m, "
        "and price above VWAP@1d (6,980.00)"
    )


def test_what_holds_with_an_event_follows_it() -> None:
    crossed = {"type": ev.CROSSED_UP, "price": 7003.5, "edges": (7000.0,)}
    assert said(
        "price crosses above 7000 and rsi(14)@1h < 70 and volume@5m > 1000", nan, 61.2, 2300, **crossed
    ) == (
        "S&P 500 crossed above 7,000, at 7,003.50, with RSI(14)@1h below 70, at 61.2, "
        "and volume@5m above 1,000, at 2,300"
    )
    assert said("rsi(14)@1h crosses 70 and price < 7000", 71.2, 6985, closed="1h", direction=1) == (
        "S&P 500: RSI(14)@1h crossed above 70, at 71.2, with price below 7,000, at 6,985.00 (1h close 6,985.00)"
    )


@pytest.mark.parametrize(
    ("when", "at", "where"),
    [
        ("price crosses sma(50)@1d", 6890.12, "SMA(50)@1d (6,890.12)"),
        ("price crosses session.high", 6890.12, "the session high (6,890.12)"),
        ("price crosses previous.high", 6890.12, "the previous session's high (6,890.12)"),
        ("price crosses bb(20,2).lower@1h", 6890.999, "BB(20,2)@1h lower band (6,890.999)"),
        ("price crosses 6890.125", 6890.125, "6,890.125"),
    ],
)
def test_price_crosses_what_moves_at_where_it_was(when: str, at: float, where: str) -> None:
    own = said(when, type=ev.CROSSED_DOWN, direction=-1, price=6891, edges=(at,))
    assert own == f"S&P 500 crossed below {where}, at 6,891.00"


def test_a_zone_of_a_condition_is_told_as_any_zone() -> None:
    left = said("price leaves 6950 to 6970", type=ev.BROKE_ABOVE, price=6971, edges=(6950.0, 6970.0))
    assert left == "S&P 500 broke above 6,950–6,970, at 6,971.00"


def test_what_had_to_last_says_how_long_it_did() -> None:
    crossed = {"type": ev.CROSSED_UP, "price": 7003.5, "edges": (7000.0,), "lasting": 300}
    assert (
        said("price crosses 7000", **crossed) == "S&P 500 crossed above 7,000, and held for 5m, at 7,003.50"
    )
    assert said("rsi(14)@1h > 70", 71.2, lasting=90) == (
        "S&P 500: RSI(14)@1h above 70, now at 71.2, held for 90s (price 6,985.00)"
    )
    moves = said("price up 1% in 30m and price > 6900", 1.2, 6985, lasting=300, direction=1)
    assert moves == "S&P 500 up 1.20% in 30m, at 6,985.00, and price above 6,900, held for 5m"
    assert [duration(seconds * NS) for seconds in (45, 90, 300, 5400, 7200)] == [
        "45s",
        "90s",
        "5m",
        "90m",
        "2h",
    ]


def test_what_has_lost_its_value_is_told_without_it() -> None:
    crossed = said("price crosses vwap and volume@5m > 1000", nan, nan, type=ev.CROSSED_UP, lasting=300)
    assert crossed == (
        "S&P 500 crossed above VWAP@1d, and held for 5m, at 6,985.00, with volume@5m above 1,000"
    )


@pytest.mark.parametrize(
    ("kind", "name", "price", "oscillator"),
    [
        (ev.REGULAR_BEARISH, "bearish", "higher high", "lower"),
        (ev.REGULAR_BULLISH, "bullish", "lower low", "higher"),
        (ev.HIDDEN_BEARISH, "hidden bearish", "lower high", "higher"),
        (ev.HIDDEN_BULLISH, "hidden bullish", "higher low", "lower"),
    ],
)
def test_a_divergence_says_what_price_and_oscillator_made(
    kind: int, name: str, price: str, oscillator: str
) -> None:
    pivots = {"pivot_prices": (6990.1, 7010.25), "pivot_values": (72.94, 68.1)}
    assert said("rsi(14)@1h diverges", type=kind, closed="1h", **pivots) == (
        f"S&P 500: {name} divergence on RSI(14)@1h, price made a {price} (6,990.10 → 7,010.25), "
        f"RSI a {oscillator} one (72.9 → 68.1)"
    )
    assert said("rsi(14)@1h diverges forming", type=kind, forming=1, gap=1, **pivots) == (
        f"S&P 500: forming {name} divergence on RSI(14)@1h (bar not closed), "
        f"price is making a {price} (6,990.10 → 7,010.25), RSI a {oscillator} one (72.9 → 68.1)"
    )


def test_a_divergence_tells_what_held_with_it() -> None:
    pivots = {"pivot_prices": (6990.1, 7010.25), "pivot_values": (12.4, 10.2)}
    own = said(
        "macd.hist@1h diverges and price > 7000", nan, 7004, type=ev.REGULAR_BEARISH, closed="1h", **pivots
    )
    assert own == (
        "S&P 500: bearish divergence on MACD(12,26,9)@1h histogram, price made a higher high "
        "(6,990.10 → 7,010.25), MACD histogram a lower one (12.4 → 10.2), with price above 7,000, at 7,004.00"
    )


def test_a_condition_of_the_first_price_after_a_break_says_so() -> None:
    assert said("price > 6980 and rsi(14)@1d > 60", 6985, 61, gap=1) == (
        "S&P 500 above 6,980, at 6,985.00 after a session break, and RSI(14)@1d above 60, at 61.0"
    )


def test_the_sentences_of_the_docs_are_what_the_program_says() -> None:
    up, pivots = (
        {"type": ev.CROSSED_UP, "direction": 1},
        {"pivot_prices": (6990.1, 7010.25), "pivot_values": (72.9, 68.1)},
    )
    round_ = {"edges": (7000.0,), "price": 7003.5} | up
    confirmed = {"type": ev.LEVEL_CONFIRMED, "follows": ev.CROSSED_UP, "price": 7004.5, "edges": (7000.0,)}
    entered = {"type": ev.ENTERED_FROM_BELOW, "price": 6951, "edges": (6950.0, 6970.0)}
    past = {"type": ev.ZONE_TOUCHED, "direction": -1, "price": 6941.25, "edges": (6950.0, 6970.0)}
    said_here = [
        said("price crosses 7000", **round_ | {"price": 7000.25}),
        said("price crosses sma(50)@1d", type=ev.CROSSED_DOWN, price=6889.5, edges=(6890.12,)),
        said("price crosses 0.1725", title="XLC/SPY", price=0.17254, edges=(0.1725,), **up),
        said("price enters 6950 to 6970", **entered),
        said("price crosses 7000", closed="1h", **confirmed),
        said("rsi(14)@1d crosses above 70", 70.8, closed="1d", direction=1),
        said("macd.hist@1h within 1 of 0", 0.4211, closed="1h"),
        said("rsi(14)@1h > 70 and price > sma(50)@1d", 71.2, (6985, 6890.12), closed="1h"),
        said("price crosses 7000 and volume@5m > 1000000", nan, 1234567, **round_),
        said("price up 1.5% in 30m", 1.52, direction=1),
        said("price crosses 7000", lasting=300, **round_),
        said("rsi(14)@1h diverges", type=ev.REGULAR_BEARISH, closed="1h", **pivots),
        said("rsi(14)@1h diverges forming", type=ev.REGULAR_BEARISH, forming=1, **pivots),
        said("price crosses 7000", late=1, gap=2, **round_),
        said("price crosses 7000", late=1, gap=2, **round_ | {"type": ev.LEVEL_TOUCHED}),
        said("price leaves 6950 to 6970", late=1, gap=2, **past),
    ]
    page = (
        (ROOT / "docs/alerts.md")
        .read_text(encoding="utf-8")
        .partition("## The text")[2]
        .partition("\n## ")[0]
    )
    shown = [line.split(" | ")[0].removeprefix("| ") for line in page.splitlines() if line.startswith("| ")]
    assert said_here == shown[1:]

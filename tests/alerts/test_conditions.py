"""The condition language: what a trader writes, what it means, and what a mistake looks like."""

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tapewatch.alerts.condition_sense import excluded
from tapewatch.alerts.conditions import Condition, ConditionError, parse
from tapewatch.engine.events import MAX_PARTS
from tapewatch.engine.indicators import Indicator, Value
from tapewatch.engine.parts import (
    BarValue,
    Change,
    Compare,
    Crosses,
    Diverges,
    Enters,
    Event,
    Leaves,
    Moves,
    Previous,
    Price,
    State,
    Within,
)

PRICE = Price()
MACD = Indicator("macd", (12, 26, 9))
VWAP = Value(Indicator("vwap", ()), "", "1d")


def rsi(timeframe: str) -> Value:
    return Value(Indicator("rsi", (14,)), "", timeframe)


def sma50(timeframe: str) -> Value:
    return Value(Indicator("sma", (50,)), "", timeframe)


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("price crosses 7000", Crosses(PRICE, None, 7000.0)),
        ("price crosses above 7000.25", Crosses(PRICE, "up", 7000.25)),
        ("price crosses below sma(50)@1d", Crosses(PRICE, "down", sma50("1d"))),
        ("price crosses vwap", Crosses(PRICE, None, VWAP)),
        ("rsi(14)@1d crosses above 70", Crosses(rsi("1d"), "up", 70.0)),
        ("RSI( 14 ) @1D  Crosses\tBelow 30", Crosses(rsi("1d"), "down", 30.0)),
        ("macd.hist@1d crosses 0", Crosses(Value(MACD, ".hist", "1d"), None, 0.0)),
        ("macd(5,35,5)@1h crosses -1.5", Crosses(Value(Indicator("macd", (5, 35, 5)), "", "1h"), None, -1.5)),
        (
            "macd@1d crosses macd.signal@1h",
            Crosses(Value(MACD, "", "1d"), None, Value(MACD, ".signal", "1h")),
        ),
        ("session.high crosses above previous.high", Crosses(BarValue("high", "1d"), "up", Previous("high"))),
        ("change(2h) crosses -1.5%", Crosses(Change("2h"), None, -1.5)),
        ("price enters 6950 to 6970", Enters(PRICE, 6950.0, 6970.0)),
        ("rsi(14)@1h leaves 0 to 100", Leaves(rsi("1h"), 0.0, 100.0)),
        ("rsi(14)@1h diverges", Diverges(rsi("1h"))),
        ("rsi(14)@1h diverges regular", Diverges(rsi("1h"))),
        ("rsi(14)@1h diverges bullish", Diverges(rsi("1h"), "regular", "bullish")),
        ("rsi(14)@1h diverges bearish hidden", Diverges(rsi("1h"), "hidden", "bearish")),
        (
            "macd.hist@1h diverges hidden bearish forming",
            Diverges(Value(MACD, ".hist", "1h"), "hidden", "bearish", forming=True),
        ),
    ],
)
def test_what_an_event_means(text: str, part: Event):
    assert parse(text) == Condition(part, ())


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("rsi(14)@1h > 70", Compare(rsi("1h"), ">", 70.0)),
        ("rsi(14)@1h>=70", Compare(rsi("1h"), ">=", 70.0)),
        ("price <= previous.close", Compare(PRICE, "<=", Previous("close"))),
        ("price below session.low", Compare(PRICE, "<", BarValue("low", "1d"))),
        ("rsi(14)@1h is above 70", Compare(rsi("1h"), ">", 70.0)),
        ("volume@5m > 2000000", Compare(BarValue("volume", "5m"), ">", 2000000.0)),
        ("roc(10)@1d < -5%", Compare(Value(Indicator("roc", (10,)), "", "1d"), "<", -5.0)),
        ("atr(14)@1d > 0", Compare(Value(Indicator("atr", (14,)), "", "1d"), ">", 0.0)),
        (
            "close@5m > bb(20,2.5).upper@1h",
            Compare(BarValue("close", "5m"), ">", Value(Indicator("bb", (20, 2.5)), ".upper", "1h")),
        ),
        ("macd.hist@1h within 1.0 of 0", Within(Value(MACD, ".hist", "1h"), 1.0, False, 0.0)),
        ("price within 0.5 % of sma(50)@1d", Within(PRICE, 0.5, True, sma50("1d"))),
        ("price up 1.5% in 30m", Moves("up", 1.5, "30m")),
        ("price is down 2% in 23h", Moves("down", 2.0, "23h")),
    ],
)
def test_what_a_state_means(text: str, part: State):
    assert parse(text) == Condition(None, (part,))


def test_event_and_states_stand_in_any_order():
    event, low, high = Crosses(PRICE, None, 7000.0), Compare(rsi("1d"), "<", 70.0), Compare(PRICE, ">", VWAP)
    for text in (
        "price crosses 7000 and rsi(14)@1d < 70 and price > vwap",
        "rsi(14)@1d < 70 and price crosses 7000 and price > vwap",
        "rsi(14)@1d < 70 and price > vwap and price crosses 7000",
    ):
        assert parse(text) == Condition(event, (low, high))


def test_the_full_form_names_what_was_left_out():
    text = "macd.hist@1h > 0 and price > vwap and session.high > 5 and rsi(14)@1h diverges regular"
    assert str(parse(text)) == (
        "rsi(14)@1h diverges and macd(12,26,9).hist@1h > 0 and price > vwap@1d and high@1d > 5"
    )


MISTAKES = [
    # words
    ("rsy(14)@1d crosses 70", "^^^", "did you mean rsi?"),
    ("rsi(14)@1d corsses above 70", "           ^^^^^^^", "did you mean crosses?"),
    ("rsi(14)@1d crosses abvoe 70", "                   ^^^^^", "did you mean above?"),
    ("rsi(14)@1h diverges bulish", "                    ^^^^^^", "did you mean bullish?"),
    ("rsi(14)@1h divirges", "           ^^^^^^^^", "did you mean diverges?"),
    ("macd.histo@1d crosses 0", "     ^^^^^", "did you mean hist?"),
    ("bollinger(20,2).upper@1h > 7000", "^^^^^^^^^", "write bb"),
    ("price > bbands(20,2).upper@1h", "        ^^^^^^", "write bb"),
    ("momentum(10)@1d > 5", "^^^^^^^^", "write roc"),
    ("price crosses yesterday.high", "              ^^^^^^^^^", "write previous"),
    ("price over 7000", "      ^^^^", "write above"),
    ("rsi(14)@1d greater than 70", "           ^^^^^^^", "write >"),
    ("price near 7000", "      ^^^^", "write within"),
    ("price > 1 or price < 2", "          ^^", "a condition of its own"),
    ("price between 1 and 2", "      ^^^^^^^", "price >= 6950 and price <= 6970"),
    ("price up 1% in 30 minutes", "                  ^^^^^^^", "in one word, such as 30m"),
    ("stoch(14)@1d > 80", "^^^^^", "there is price, open, high"),
    # signs and numbers
    ("rsi(14)@1d = 70", "           ^", "write >= or <="),
    ("rsi(14)@1d ≥ 70", "           ^", "write >="),
    ("rsi14@1d > 70", "^^^^^", "write rsi(14)"),
    ("price crosses 7,000", "              ^^^^^", "without commas: 7000"),
    ("price crosses 1,234,567.5", "              ^^^^^^^^^^^", "without commas: 1234567.5"),
    ("price crosses 70,5", "              ^^^^", "with a point: 70.5"),
    ("price crosses $7000", "              ^", "write the number alone"),
    ("70 < rsi(14)@1d", "^^", "a number stands on the right"),
    ("price crosses " + "9" * 400, "              " + "^" * 400, "too large"),
    ("macd@1d > -1000000000001", "          ^^^^^^^^^^^^^^", "too large: 1e+12 is the most"),
    ("price > 5.", "        ^^", "write 5 or 5.0"),
    ("price > 5. and vwap > 5", "        ^^", "write 5 or 5.0"),
    ("price > .5", "        ^^", "write 0.5"),
    ("price within 5 points of vwap", "               ^^^^^^", "leave 'points' out"),
    ("price up 2 percent in 30m", "           ^^^^^^^", "write %"),
    ("price > 2 * sma(50)@1d", "          ^", "arithmetic is not understood"),
    ("price > sma(50)@1d - 5", "                   ^", "arithmetic is not understood"),
    ("price > 7000-5", "            ^^", "arithmetic is not understood"),
    ("price > - 5", "        ^", "or a number"),
    # what has a key of its own
    ("price > 7000 for 5m", "             ^^^^^^", 'write for = "5m" beside when'),
    ("price > 7000 for 90 seconds", "             ^^^^^^^^^^^^^^", 'write for = "90s"'),
    ("price > 7000 for a while", "             ^^^", 'write for = "5m"'),
    ("price > 7000 once", "             ^^^^", 'write frequency = "once" beside'),
    ("price > 7000 ONCE per bar", "             ^^^^^^^^^^^^", 'write frequency = "once per bar"'),
    (
        "price > vwap once per session",
        "             ^^^^^^^^^^^^^^^^",
        'write frequency = "once per session"',
    ),
    ("price crosses 7000 always", "                   ^^^^^^", 'write frequency = "always"'),
    ("price > 7000 expires 2027-03-31", "             ^^^^^^^^^^^^^^^^^^", "write expires = 2027-03-31"),
    ("price > 7000 expires soon", "             ^^^^^^^", "write expires = 2026-03-31"),
    ("rsi(14)@1h > 70 on close", "                ^^^^^^^^", 'write on = "close"'),
    ("price > vwap on the 5m close", "             ^^^^^^^^^^^^^^^", 'write on = "5m"'),
    (
        "price > 5 and between 9:30 and 10:00",
        "              ^^^^^^^^^^^^^^^^^^^^^^",
        'write hours = "09:30-10:00"',
    ),
    # timeframes, periods and outputs
    ("rsi(14) crosses above 70", "^^^^^^^", "an indicator names its timeframe: write rsi(14)@1d"),
    ("macd.hist crosses 0", "^^^^^^^^^", "write macd(12,26,9).hist@1d"),
    ("price crosses high", "              ^^^^", "write high@1d"),
    ("rsi@1d crosses 70", "^^^", "write rsi(14)"),
    ("rsi.signal@1d crosses 70", "^^^", "write rsi(14)"),
    ("rsi(14).signal@1d crosses 70", "        ^^^^^^", "rsi has no 'signal'"),
    ("rsi(14,3)@1d crosses 70", "   ^^^^^^", "such as rsi(14)"),
    ("rsi(1)@1d crosses 70", "   ^^^", "from 2 to 1000"),
    ("macd(26,12,9)@1d crosses 0", "    ^^^^^^^^^", "26 is not less than 12"),
    ("vwap(5)@1d > 7000", "    ^^^", "vwap takes no periods"),
    ("bb(20,2)@1h > 7000", "^^", "write bb(20,2).upper"),
    ("bb(20,2).top@1h > 7000", "         ^^^", "there is upper, middle, lower"),
    ("rsi(14)@1x crosses 70", "        ^^", "'1x' is no timeframe"),
    ("change > 1", "^^^^^^", "write change(30m)"),
    ("change(30) > 1", "      ^^^^", "from 1m to 23h"),
    ("change(1d) > 1", "      ^^^^", "from 1m to 23h"),
    ("price up 1% in 1439m", "               ^^^^^", "from 1m to 23h"),
    ("change(30m)@1m > 1", "            ^^", "in no timeframe"),
    ("price@1d > 7000", "      ^^", "of a bar it is close@1d"),
    ("session.high@1h > 7000", "             ^^", "or high@1h"),
    ("session > 7000", "^^^^^^^", "write session.high"),
    ("previous.volume > 7000", "         ^^^^^^", "there is high, low, close"),
    ("high.max@1d > 7000", "     ^^^", "write high@1d"),
    # what never happens
    ("rsi(14)@1d crosses 170", "                   ^^^", "between 0 and 100"),
    ("rsi(14)@1d > 100", "             ^^^", "between 0 and 100"),
    ("rsi(14)@1d enters 70 to 101", "                        ^^^", "between 0 and 100"),
    ("rsi(14)@1d within 5 of -1", "                       ^^", "between 0 and 100"),
    ("price crosses -5", "              ^^", "always more than 0"),
    ("sma(50)@1d > 0", "             ^", "always more than 0"),
    ("price enters 0 to 5", "             ^", "always more than 0"),
    ("volume@1m < -1", "            ^^", "never less than 0"),
    ("change(30m) < -100", "              ^^^^", "always more than -100"),
    ("price down 100% in 30m", "           ^^^^", "cannot fall by as much"),
    (
        "rsi(14)@1h > 70 and rsi(14)@1h < 30",
        "                    ^^^^^^^^^^^^^^^",
        "rsi(14)@1h < 30 and rsi(14)@1h > 70 are never both true",
    ),
    ("vwap < 5 and price > 7 and vwap >= 5", "                           ^^^^^^^^^", "never both true"),
    (
        "price up 1% in 30m and change(30m) < 0.5",
        "                       ^^^^^^^^^^^^^^^^^",
        "never both true",
    ),
    ("price up 0% in 30m", "         ^^", "more than 0"),
    ("price up -1% in 30m", "         ^^^", "more than 0"),
    ("price enters 6970 to 6950", "                     ^^^^", "more than the first"),
    ("price leaves 7000 to 7000", "                     ^^^^", "more than the first"),
    ("macd.hist@1h within -1 of 0", "                    ^^", "not negative"),
    ("macd.hist@1h within 1% of 0", "                    ^^", "percent of 0 is 0"),
    ("change(30m) within 0.5% of 2", "                   ^^^^", "write 0.5 without %"),
    ("sma(50)@1d crosses sma(50)@1d", "                   ^^^^^^^^^^", "cannot cross itself"),
    ("price > price", "        ^^^^^", "on both sides"),
    ("price crosses rsi(14)@1d", "              ^^^^^^^^^^", "not on one scale"),
    ("volume@5m > sma(50)@5m", "            ^^^^^^^^^^", "not on one scale"),
    ("atr(14)@1d < rsi(14)@1d", "             ^^^^^^^^^^", "not on one scale"),
    ("roc(10)@1d < macd@1d", "             ^^^^^^^", "not on one scale"),
    ("rsi(14)@1d > 70%", "             ^^^", "not in percent: write 70"),
    # the form
    ("and price > 5", "^^^", "none before it"),
    ("price > 5 and and price < 6", "              ^^^", "none before it"),
    ("price > 5 and rising", "              ^^^^^^", "a condition is such as"),
    ("sma(50)@1d < price", "             ^^^^^", "write price > sma(50)@1d"),
    ("vwap crosses above price", "                   ^^^^^", "write price crosses below vwap@1d"),
    ("vwap within 1% of price", "                  ^^^^^", "write price within 1% of vwap@1d"),
    ("rsi(14)@1h up 5% in 30m", "^^^^^^^^^^", "write price up 5% in 30m"),
    ("sma(50)@1d diverges", "^^^^^^^^^^", "may diverge from rsi and macd.hist"),
    ("macd@1d diverges", "^^^^^^^", "may diverge from rsi and macd.hist"),
    ("price diverges", "^^^^^", "not from price"),
    ("rsi(14)@1h diverges bullish bearish", "                            ^^^^^^^", "bullish or bearish once"),
    (
        "price crosses 7000 and rsi(14)@1d crosses 70",
        "                       ^^^^^^^^^^^^^^^^^^^^^",
        "one event already, price crosses 7000",
    ),
    (
        " and ".join(f"price > {n}" for n in range(1, 10)),
        " " * 14 * MAX_PARTS + "^^^^^^^^^",
        "at most 8 parts",
    ),
    ("price crosses 70 %", "              ^^^^", "write 70"),
    ("price enters 6950", "                 ^", "ends too soon: expected to"),
    ("price enters vwap to 7000", "             ^^^^", "expected a number"),
    ("price up 1.5 in 30m", "             ^^", "expected %"),
    ("price crosses above", "                   ^", "ends too soon: expected price or an indicator"),
    ("price is", "        ^", "expected above, below, >, <, within, up or down"),
    ("price 7000", "      ^^^^", "expected crosses, enters, leaves, diverges, >, <, within, up or down"),
    ("price > 7000 and", "                ^", "ends too soon: expected price or an indicator"),
    ("", "^", "ends too soon: expected price or an indicator"),
]


@pytest.mark.parametrize(("text", "caret", "reason"), MISTAKES)
def test_a_mistake_shows_the_spot_and_what_would_be_right(text: str, caret: str, reason: str):
    with pytest.raises(ConditionError) as error:
        parse(text)
    first, shown, carets = str(error.value).split("\n")
    assert reason in first
    assert (shown, carets) == (f"  {text}", f"  {caret}")


@pytest.mark.parametrize(
    "text",
    [
        "rsi(14)@1h >= 70 and rsi(14)@1h <= 70",
        "price > 6950 and price < 6970",
        "rsi(14)@1h > 70 and rsi(14)@5m < 30",
        "price down 2% in 1h and change(30m) > 1",
    ],
)
def test_what_may_be_true_at_once_is_a_condition(text: str):
    assert str(parse(text)) == text


def test_a_text_is_read_once():
    assert parse("price crosses 7000.125") is parse("price crosses 7000.125")


def test_the_caret_stands_right_in_a_condition_of_two_lines():
    with pytest.raises(ConditionError, match=r"\n  price crosses  7,000\n {17}\^{5}$"):
        parse("price crosses\n\t7,000".replace("\n\t", "\n "))


@pytest.mark.parametrize(
    ("text", "checked", "bar", "frequency"),
    [
        ("price crosses 7000", None, None, "always"),
        ("price enters 6950 to 6970 and rsi(14)@1h > 50", None, "1h", "always"),
        ("price crosses previous.high", None, "1d", "always"),
        ("price > 7000", None, None, "once per bar"),
        ("price > vwap", None, "1d", "once per bar"),
        ("price up 1.5% in 30m", None, "30m", "once per bar"),
        ("price up 1.5% in 30m and price > sma(50)@5m", None, "5m", "once per bar"),
        ("rsi(14)@1h crosses 70", "1h", "1h", "once per bar"),
        ("macd@1d crosses macd.signal@1h", "1h", "1h", "once per bar"),
        ("rsi(14)@1h crosses 70 and rsi(14)@5m > 50", "1h", "5m", "once per bar"),
        ("rsi(14)@1h > 70 and close@5m > vwap", "5m", "5m", "once per bar"),
        ("price > 7000 and rsi(14)@1h > 70", "1h", "1h", "once per bar"),
        ("session.high > previous.high", "1d", "1d", "once per bar"),
        ("rsi(14)@1h diverges forming and price > 7000", "1h", "1h", "always"),
        ("change(30m) crosses 1.5", "1m", "30m", "once per bar"),
    ],
)
def test_when_it_is_checked_and_how_often_it_fires(
    text: str, checked: str | None, bar: str | None, frequency: str
):
    condition = parse(text)
    assert (condition.checked_at(), condition.bar, condition.frequency) == (checked, bar, frequency)


def test_on_says_when_it_is_checked():
    cross = parse("rsi(14)@1h crosses 70 and volume@5m > 1000")
    assert [cross.checked_at(on) for on in ("tick", "close", "1d")] == [None, "5m", "1d"]
    assert parse("price crosses 7000").checked_at("close") is None


def test_what_it_reads_comes_once_and_in_order():
    condition = parse(
        "price > vwap and price crosses 7000 and price up 1% in 30m and rsi(14)@1h within 5 of 50"
    )
    assert condition.operands == (PRICE, VWAP, Change("30m"), rsi("1h"))


timeframes = st.sampled_from(["1m", "5m", "90m", "1h", "23h", "1d"])
spans = st.sampled_from(["1m", "30m", "60m", "1h", "23h"])
fields = st.sampled_from(["open", "high", "low", "close"])
periods = st.integers(2, 1000)


def values(kind: str, periods: st.SearchStrategy, *outputs: str) -> st.SearchStrategy:
    indicators = st.builds(Indicator, st.just(kind), periods)
    return st.builds(Value, indicators, st.sampled_from(outputs or ("",)), timeframes)


one = st.tuples(periods)
deviations = st.integers(1, 10) | st.sampled_from([0.5, 2.25, 9.75])
fast_slow_signal = st.tuples(periods, periods, periods).filter(lambda p: p[0] < p[1])
prices = (
    values("sma", one)
    | values("ema", one)
    | values("bb", st.tuples(periods, deviations), ".upper", ".middle", ".lower")
    | values("vwap", st.just(()))
    | st.builds(BarValue, fields, timeframes)
    | st.builds(Previous, st.sampled_from(["high", "low", "close"]))
)
volumes = st.builds(BarValue, st.just("volume"), timeframes)
percents = values("roc", one) | st.builds(Change, spans)
rsis = values("rsi", one)
macds = values("macd", fast_slow_signal, "", ".signal", ".hist")
atrs = values("atr", one)

finite = st.floats(-1e12, 1e12)
positive = st.floats(0, 1e12, exclude_min=True)
not_negative = st.floats(0, 1e12)
SCALES = [
    (st.just(PRICE) | prices, prices, positive),
    (volumes, volumes, not_negative),
    (percents, percents, st.floats(-100, 1e12, exclude_min=True)),
    (rsis, rsis, st.floats(0, 100, exclude_min=True, exclude_max=True)),
    (macds, macds, finite),
    (atrs, atrs, not_negative),
]
"""Lefts and rights that may meet, and numbers the left may be."""

directions = st.sampled_from(["up", "down", None])
signs = st.sampled_from([">", ">=", "<", "<="])


def pairs(build: type, *between: st.SearchStrategy) -> st.SearchStrategy:
    built = [st.builds(build, left, *between, right | number) for left, right, number in SCALES]
    return st.one_of(built).filter(lambda part: part.left != part.right)


def ranges(build: type) -> st.SearchStrategy:
    edges = [(left, st.tuples(number, number).map(sorted)) for left, _, number in SCALES]
    built = [st.tuples(left, two).map(lambda each: build(each[0], *each[1])) for left, two in edges]
    return st.one_of(built).filter(lambda part: part.low < part.high)


divergences = st.builds(
    Diverges,
    rsis | values("macd", fast_slow_signal, ".hist"),
    st.sampled_from(["regular", "hidden"]),
    st.sampled_from(["bullish", "bearish", None]),
    st.booleans(),
)
events = pairs(Crosses, directions) | ranges(Enters) | ranges(Leaves) | divergences


def is_sound(part: Within) -> bool:
    in_percent = isinstance(part.left, Change) or (
        isinstance(part.left, Value) and part.left.indicator.kind == "roc"
    )
    return not part.percent or (part.right != 0 and not in_percent)


states = (
    pairs(Compare, signs)
    | pairs(Within, not_negative, st.booleans()).filter(is_sound)
    | st.builds(Moves, st.just("up"), positive, spans)
    | st.builds(Moves, st.just("down"), st.floats(0, 100, exclude_min=True, exclude_max=True), spans)
)
conditions = st.builds(Condition, events, st.lists(states, max_size=MAX_PARTS - 1).map(tuple)) | st.builds(
    Condition, st.none(), st.lists(states, min_size=1, max_size=MAX_PARTS).map(tuple)
)
conditions = conditions.filter(lambda each: not any(excluded(state, each.states) for state in each.states))


@given(conditions)
def test_a_condition_written_out_reads_back_the_same(condition: Condition):
    assert parse(str(condition)) == condition


words = st.sampled_from(
    [
        *(
            "price ",
            "rsi",
            "(",
            "14",
            ")",
            "@",
            "1d ",
            ".",
            ",",
            "70 ",
            "high",
            "session",
            "previous",
            "change",
        ),
        *(
            "crosses ",
            "enters ",
            "to ",
            "diverges ",
            "hidden ",
            "within ",
            "of ",
            "up ",
            "% ",
            "in ",
            "> ",
            "and ",
        ),
    ]
)


def assert_caret(error: ConditionError, text: str) -> None:
    reason, shown, carets = str(error).split("\n")
    assert reason
    assert len(shown) == len(text) + 2
    assert carets.endswith("^")
    assert len(carets) <= len(shown) + 1


@given(st.text() | st.lists(words).map("".join))
def test_any_other_text_is_a_condition_error_with_its_caret_under_the_text(text: str):
    try:
        parse(text)
    except ConditionError as error:
        assert_caret(error, text)


def test_who_parses_no_condition_does_not_pay_for_the_parser():
    code = "import sys, tapewatch.config; assert 'lark' not in sys.modules and 'pandas' not in sys.modules"
    daemon = Path(__file__).parents[2] / "daemon"
    subprocess.run([sys.executable, "-c", code], check=True, env={"PYTHONPATH": str(daemon)})

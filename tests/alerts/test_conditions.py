"""The condition language: what a trader writes, what it means, and what a mistake looks like."""

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tapewatch.alerts.conditions import Condition, ConditionError, Crosses, Diverges, Price, parse
from tapewatch.engine.indicators import Indicator, Value

RSI = Indicator("rsi", (14,))
MACD = Indicator("macd", (12, 26, 9))
SMA50 = Indicator("sma", (50,))


@pytest.mark.parametrize(
    ("text", "condition"),
    [
        ("price crosses 7000", Crosses(Price(), None, 7000.0)),
        ("price crosses above 7000.25", Crosses(Price(), "up", 7000.25)),
        ("price crosses below sma(50)@1d", Crosses(Price(), "down", Value(SMA50, "", "1d"))),
        ("rsi(14)@1d crosses above 70", Crosses(Value(RSI, "", "1d"), "up", 70.0)),
        ("RSI( 14 ) @1D  Crosses\tBelow 30", Crosses(Value(RSI, "", "1d"), "down", 30.0)),
        ("macd.hist@1d crosses 0", Crosses(Value(MACD, ".hist", "1d"), None, 0.0)),
        ("macd(5,35,5)@1h crosses -1.5", Crosses(Value(Indicator("macd", (5, 35, 5)), "", "1h"), None, -1.5)),
        (
            "macd@1d crosses macd.signal@1h",
            Crosses(Value(MACD, "", "1d"), None, Value(MACD, ".signal", "1h")),
        ),
        ("rsi(14)@1h diverges", Diverges(Value(RSI, "", "1h"), None)),
        ("rsi(14)@1h diverges regular", Diverges(Value(RSI, "", "1h"), None)),
        ("rsi(14)@1h diverges bullish", Diverges(Value(RSI, "", "1h"), "bullish")),
        ("macd.hist@1h diverges regular bearish", Diverges(Value(MACD, ".hist", "1h"), "bearish")),
    ],
)
def test_what_a_condition_means(text: str, condition: Condition):
    assert parse(text) == condition


@pytest.mark.parametrize(
    ("text", "caret", "reason"),
    [
        ("rsi(14) crosses above 70", "^^^^^^^", "an indicator names its timeframe: write rsi(14)@1d"),
        ("macd.hist crosses 0", "^^^^^^^^^", "write macd(12,26,9).hist@1d"),
        ("rsy(14)@1d crosses 70", "^^^", "did you mean rsi?"),
        ("rsi(14)@1d corsses above 70", "           ^^^^^^^", "did you mean crosses?"),
        ("rsi(14)@1d crosses abvoe 70", "                   ^^^^^", "did you mean above?"),
        ("rsi(14)@1h diverges bulish", "                    ^^^^^^", "did you mean bullish?"),
        ("macd.histo@1d crosses 0", "     ^^^^^", "did you mean hist?"),
        ("rsi@1d crosses 70", "^^^", "write rsi(14)"),
        ("rsi.signal@1d crosses 70", "^^^", "write rsi(14)"),
        ("rsi(14).signal@1d crosses 70", "        ^^^^^^", "rsi has no 'signal'"),
        ("rsi(14,3)@1d crosses 70", "   ^^^^^^", "such as rsi(14)"),
        ("macd(26,12,9)@1d crosses 0", "    ^^^^^^^^^", "26 is not less than 12"),
        ("rsi(14)@1x crosses 70", "        ^^", "'1x' is no timeframe"),
        ("rsi(14)@1d crosses 170", "                   ^^^", "between 0 and 100"),
        ("price crosses -5", "              ^^", "always more than 0"),
        ("price crosses rsi(14)@1d", "              ^^^^^^^^^^", "not on one scale"),
        ("price crosses price", "              ^^^^^", "price stands on the left"),
        ("sma(50)@1d crosses sma(50)@1d", "                   ^^^^^^^^^^", "cannot cross itself"),
        ("sma(50)@1d diverges", "^^^^^^^^^^", "may diverge from rsi and macd.hist"),
        ("price crosses 7,000", "              ^^^^^", "without commas: 7000"),
        ("price crosses 70%", "                ^", "expected the end"),
        ("price crosses above", "                   ^", "ends too soon: expected a number or an indicator"),
        ("rsi(14)@1d > 70", "           ^", "expected crosses or diverges"),
        ("", "^", "ends too soon: expected price or an indicator"),
        ("price crosses " + "9" * 400, "              " + "^" * 400, "too large"),
    ],
)
def test_a_mistake_shows_the_spot_and_what_would_be_right(text: str, caret: str, reason: str):
    with pytest.raises(ConditionError) as error:
        parse(text)
    first, shown, carets = str(error.value).split("\n")
    assert reason in first
    assert (shown, carets) == (f"  {text}", f"  {caret}")


def test_the_caret_stands_right_in_a_condition_of_two_lines():
    with pytest.raises(ConditionError, match=r"\n  price crosses  7,000\n {17}\^{5}$"):
        parse("price crosses\n\t7,000".replace("\n\t", "\n "))


timeframes = st.sampled_from(["1m", "5m", "90m", "1h", "23h", "1d"])
periods = st.integers(2, 1000)
one_period = st.builds(Indicator, st.sampled_from(["sma", "ema"]), st.tuples(periods))
averages = st.builds(Value, one_period, st.just(""), timeframes)
rsis = st.builds(Value, st.builds(Indicator, st.just("rsi"), st.tuples(periods)), st.just(""), timeframes)
fast_slow_signal = st.tuples(periods, periods, periods).filter(lambda p: p[0] < p[1])
macds = st.builds(
    Value,
    st.builds(Indicator, st.just("macd"), fast_slow_signal),
    st.sampled_from(["", ".signal", ".hist"]),
    timeframes,
)
directions = st.sampled_from(["up", "down", None])
finite = st.floats(allow_nan=False, allow_infinity=False)
positive = st.floats(min_value=0, exclude_min=True, allow_infinity=False)
of_rsi = st.floats(0, 100, exclude_min=True, exclude_max=True)
conditions = (
    st.builds(Crosses, st.just(Price()) | averages, directions, positive | averages)
    | st.builds(Crosses, rsis, directions, of_rsi | rsis)
    | st.builds(Crosses, macds, directions, finite | macds)
    | st.builds(Diverges, rsis, st.sampled_from(["bullish", "bearish", None]))
).filter(lambda condition: not isinstance(condition, Crosses) or condition.left != condition.right)


@given(conditions)
def test_a_condition_written_out_reads_back_the_same(condition: Condition):
    assert parse(str(condition)) == condition


words = st.sampled_from(["price ", "crosses ", "rsi", "(", "14", ")", "@", "1d ", ".", ",", "70", "diverges"])


def assert_caret(error: ConditionError) -> None:
    assert str(error).endswith("^")


@given(st.text() | st.lists(words).map("".join))
def test_any_other_text_is_a_condition_error(text: str):
    try:
        parse(text)
    except ConditionError as error:
        assert_caret(error)


def test_who_parses_no_condition_does_not_pay_for_the_parser():
    code = "import sys, tapewatch.config; assert 'lark' not in sys.modules and 'pandas' not in sys.modules"
    daemon = Path(__file__).parents[2] / "daemon"
    subprocess.run([sys.executable, "-c", code], check=True, env={"PYTHONPATH": str(daemon)})

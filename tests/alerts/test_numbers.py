"""Numbers and names as people read them."""

import pytest

from tapewatch.alerts import numbers


@pytest.mark.parametrize(
    ("value", "beside", "words"),
    [
        (7000, None, "7,000.00"),
        (6949.671, None, "6,949.67"),
        (166.5, None, "166.50"),
        (1.0845, None, "1.0845"),
        (0.00001234, None, "0.00001234"),
        (0.000000010027, None, "0.000000010027"),
        (165.9999, 166, "165.9999"),
        (166.0, 166, "166.00"),
        (165.98, 166, "165.98"),
    ],
)
def test_a_price_has_the_digits_that_tell_it_apart(value: float, beside: float | None, words: str) -> None:
    assert numbers.price(value, beside) == words


def test_a_level_is_written_as_a_trader_writes_it() -> None:
    assert numbers.place(7000, 7000) == "7,000"
    assert numbers.place(6950, 6970) == "6,950–6,970"
    assert numbers.place(1.0845, 1.0845) == "1.0845"
    assert numbers.place(166.5, 167.0) == "166.50–167"
    assert numbers.place(1.08451, 1.08454) == "1.08451–1.08454"
    assert numbers.level(0.1725) == "0.1725"
    assert numbers.level(6870.5041266) == "6,870.50"  # nobody wrote that


@pytest.mark.parametrize(
    ("number", "words"),
    [(70.0, "70"), (1_000_000.0, "1,000,000"), (0.1725, "0.1725"), (-1.5, "-1.5"), (0.0000082, "0.0000082")],
)
def test_a_number_of_the_config_keeps_its_digits_and_has_no_exponent(number: float, words: str) -> None:
    assert numbers.written(number) == words


@pytest.mark.parametrize(
    ("value", "beside", "words"),
    [
        (1_234_567.0, 1e6, "1,234,567"),
        (1_000_000.4, 1e6, "1,000,000.4"),
        (12.5, None, "12.5"),
        (0.0, None, "0"),
        (1234.5, None, "1,234"),
    ],
)
def test_a_volume_is_whole_unless_it_is_small(value: float, beside: float | None, words: str) -> None:
    assert numbers.amount(value, beside) == words


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("bb(20,2).upper@1h", 7010.0, "7,010.00"),
        ("vwap@5m", 6981.104, "6,981.10"),
        ("roc(10)@1d", 1.2345, "+1.23%"),
        ("change(30m)", -0.4, "-0.40%"),
        ("macd(12,26,9).hist@1d", 0.0423, "0.042"),
    ],
)
def test_each_indicator_is_read_in_its_own_measure(name: str, value: float, words: str) -> None:
    assert numbers.reading(name, value) == words


def test_a_distance_is_as_fine_as_its_price() -> None:
    assert numbers.points(46.18911, 6870.0) == "46.19"
    assert numbers.points(0.0012, 1.0845) == "0.0012"
    assert numbers.points(0.0001, 166.0) == "0.0001"
    assert numbers.points(0.0, 166.0) == "0.00"


def test_an_indicator_is_never_without_its_timeframe() -> None:
    assert numbers.spoken("rsi(14)@1d") == "RSI(14)@1d"
    assert numbers.spoken("macd(12,26,9).hist@1h") == "MACD(12,26,9)@1h histogram"
    assert numbers.spoken("bb(20,2.5).lower@1h") == "BB(20,2.5)@1h lower band"
    assert numbers.spoken("vwap@5m") == "VWAP@5m"

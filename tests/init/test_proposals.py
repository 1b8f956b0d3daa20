"""Levels proposed from daily bars: by properties on random walks, and on what real markets did."""

from datetime import date
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tapewatch.init import past
from tapewatch.init.answers import Answers, Past
from tapewatch.init.proposals import BAND, FAR, Days, Proposal, of_price, propose
from tapewatch.init.symbols import read
from tapewatch.market.sessions import sessions
from tapewatch.market.ticks import NS

DATA = Path(__file__).parents[2].parent / "shared/data"
EPOCH = date(1970, 1, 1).toordinal()


def day(text: str) -> int:
    return date.fromisoformat(text).toordinal() - EPOCH


def flat(count: int, price: float = 100.0, last: str = "2026-01-30") -> Days:
    """Weekdays up to `last`, all at one price."""
    end = day(last)
    days = np.array([own for own in range(end - 2 * count, end + 1) if (own + 3) % 7 < 5])
    columns = (np.full(count, own, float) for own in (price + 1, price - 1, price))
    return Days(days[len(days) - count :], *columns)


@st.composite
def walks(draw: st.DrawFn) -> Days:
    """Sessions of a market at any price, calm or wild."""
    count = draw(st.integers(1, 300))
    price = draw(st.floats(1e-6, 1e6))
    scale = draw(st.sampled_from([0.0001, 0.003, 0.02, 0.2]))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    close = price * np.exp(np.cumsum(rng.normal(0, scale, count)))
    spread = np.abs(rng.normal(0, scale, (2, count)))
    days = np.arange(count) + draw(st.integers(0, 20000))
    return Days(days, close * np.exp(spread[0]), close * np.exp(-spread[1]), close)


@given(walks())
def test_levels_are_apart_named_once_on_their_side_and_falling(days: Days) -> None:
    proposed = propose(days)
    names = [own.name for own in proposed]
    assert len(names) == len(set(names))
    assert all(own.reason.endswith(".") and "\n" not in own.reason for own in proposed)
    levels = [own for own in proposed if own.price is not None]
    assert proposed[: len(levels)] == levels, "levels come first"
    prices = [own.price or 0 for own in levels]
    assert prices == sorted(prices, reverse=True)
    assert all(price > 0 for price in prices)
    for higher, lower in pairwise(prices):
        assert (higher - lower) / higher >= BAND
    for own in levels:
        assert (own.role == "support") == ((own.price or 0) <= days.price)
    assert [own.role is None for own in proposed] == [own.when is not None for own in proposed]


@given(walks())
def test_what_is_proposed_holds_the_extremes_or_says_which_level_stands_for_them(days: Days) -> None:
    """A 20-day high is a level of its own, or within the band of one that names it."""
    levels = [own for own in propose(days) if own.price is not None]
    if len(days) < 20:
        assert not any("20-day" in own.name for own in levels)
        return
    high = float(days.high[-20:].max())
    told = [own for own in levels if "20-day high" in f"{own.name} {own.reason}"]
    assert len(told) == 1
    assert abs((told[0].price or 0) - high) <= BAND * max(high, told[0].price or 0)


@given(walks())
def test_there_is_something_on_either_side_and_round_numbers_are_round(days: Days) -> None:
    levels = [own for own in propose(days) if own.price is not None]
    roles = {own.role for own in levels}
    assert roles & {"resistance", "breakout"}
    for own in levels:
        if own.reason.startswith("A "):
            digits = f"{own.price:.12e}".partition("e")[0].replace(".", "").rstrip("0")
            assert len(digits) <= 4
            assert own.name.replace(",", "").rstrip("0").rstrip(".") in f"{own.price:.12f}"


def test_without_history_conditions_alone_are_proposed() -> None:
    for nothing in (None, flat(0)):
        proposed = propose(nothing)
        assert [own.when for own in proposed] == [
            "price crosses above previous.high",
            "price crosses below previous.low",
            "price crosses sma(50)@1d",
            "price crosses sma(200)@1d",
        ]
        assert all(own.now is None for own in proposed)


def test_averages_need_their_days() -> None:
    assert not [own for own in propose(flat(49)) if "average" in own.name]
    assert [own.name for own in propose(flat(50)) if "average" in own.name] == ["50-day average"]
    assert [own.now for own in propose(flat(200)) if "average" in own.name] == [100.0, 100.0]


def test_a_year_is_one_only_when_it_is_all_there() -> None:
    assert not [own for own in propose(flat(240)) if "52-week" in own.name + own.reason]
    assert [own.name for own in propose(flat(262)) if "52-week" in own.name] == [
        "52-week high",
        "52-week low",
    ]


def test_last_week_is_the_one_before_the_session_to_come() -> None:
    days = flat(15)  # up to Friday, 30 January 2026
    days.high[days.day == day("2026-01-29")] = 121.3
    days.high[days.day == day("2026-01-21")] = 130
    of = {own.name: own for own in propose(days, coming=day("2026-02-02"))}
    assert of["last week's high"].price == 121.3
    assert of["last week's high"].reason == "Last week's high, of 29 January 2026."
    assert {own.name: own for own in propose(days, coming=day("2026-01-31"))}["last week's high"].price == 130


def test_a_high_at_a_round_number_is_one_level() -> None:
    days = flat(30, 6900)
    days.high[-3] = 6999.5
    (own,) = (own for own in propose(days) if own.price and 6950 < own.price < 7050)
    assert (own.name, own.price) == ("20-day high", 6999.5)
    assert own.reason.startswith("20-day high, of 28 January 2026; also ")
    assert own.reason.endswith("round 7,000.")


def test_a_level_by_hand_gets_its_side() -> None:
    assert of_price(7000, 6900) == Proposal("7,000", "Chosen by hand.", "warning", 7000, "resistance")
    assert of_price(6800, 6900).role == "support"
    assert of_price(6800, None).role is None


def answers(symbol: str) -> Answers:
    return Answers(read(symbol), "massive" if symbol == "SPX" else "alpaca", (), Past("none"), (), ())


def real(symbol: str, name: str, now: str) -> tuple[list[Proposal], Days]:
    file = DATA / name
    if not file.exists():
        pytest.skip(f"there is no {file}")
    calendar = sessions("XNYS")
    at = round(np.datetime64(now).astype("datetime64[s]").astype(int)) * NS
    days = past.of_files([file], past.config_of(answers(symbol)).watch[0], at)
    return propose(days, past.coming(days, calendar)), days


def test_spy_before_8_october_2013() -> None:
    proposed, days = real("SPY", "spy-2013/SPY-daily-1998-2013.csv", "2013-10-07T12:00")
    assert days.price == 168.89
    of = {own.name: own for own in proposed}
    assert (of["52-week high"].price, of["52-week high"].role) == (173.60, "breakout")
    assert of["52-week high"].reason == "52-week high, of 19 September 2013; also 20-day high."
    assert of["52-week low"].price == 134.70
    assert of["last week's low"].price == 166.84  # 3 October: the week before Monday, the 7th
    assert {"170", "175", "165"} <= of.keys()
    assert of["200-day average"].now == pytest.approx(float(days.close[-200:].mean()), rel=1e-6)
    assert of["previous high"].now == float(days.high[-1])
    far = [own for own in proposed if own.reason.startswith("A number that") and own.price]
    assert all(abs((own.price or 0) - days.price) <= FAR * days.price for own in far)


def test_the_index_in_november_2019() -> None:
    """A month: no year, no averages; a session that has not ended does not count."""
    proposed, days = real("SPX", "sp500-2019/SPX-2019-11-daily.csv", "2019-11-29T15:00")
    assert int(days.day[-1]) == day("2019-11-27")
    assert not {"52-week high", "50-day average"} & {own.name for own in proposed}
    assert {"3,100", "3,200"} <= {own.name for own in proposed}


def test_minutes_make_the_same_days() -> None:
    _, minutes = real("SPX", "sp500-2019/SPX-2019-11-1min.csv", "2019-11-09T00:00")
    _, daily = real("SPX", "sp500-2019/SPX-2019-11-daily.csv", "2019-11-09T00:00")
    assert list(minutes.day) == list(daily.day[-len(minutes) :])
    assert minutes.high == pytest.approx(daily.high[-len(minutes) :], abs=0.5)
    assert minutes.low == pytest.approx(daily.low[-len(minutes) :], abs=0.5)

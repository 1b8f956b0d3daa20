"""Conditions on tapes made by hand: instants at which a reader may doubt what fires."""

import numpy as np
from walks import MONDAY, XNYS, condition

from tapewatch.engine.engine import Engine
from tapewatch.engine.parts import BarValue, Compare, Crosses, Moves, Previous, Price
from tapewatch.engine.watch import Band, ConditionRule, LevelRule, Watch
from tapewatch.market.ticks import NS, empty_ticks

OPEN = int(XNYS.opens[MONDAY])
NEXT_OPEN = int(XNYS.opens[MONDAY + 1])
MINUTE = 60 * NS
HOUR = 3600 * NS
OVER_100 = Compare(Price(), ">", 100.0)


def watch(*rules: ConditionRule | LevelRule, symbol: str = "SPX", **changes: object) -> Watch:
    return Watch(symbol, XNYS, ("1m", "5m", "1d"), (), rules, **changes)  # type: ignore[arg-type]


def tape(*moments: tuple[int, float], symbol: int = 0) -> np.ndarray:
    ticks = empty_ticks(len(moments))
    ticks["time"], ticks["price"] = zip(*moments, strict=True)
    ticks["symbol"] = symbol
    return ticks


def times(rule: ConditionRule, *moments: tuple[int, float]) -> list[int]:
    """When the rule fires, ns."""
    return Engine([watch(rule)]).step(tape(*moments)).rows["time"].tolist()


def test_what_must_last_may_last_until_its_hours_end() -> None:
    rule = condition("held", None, OVER_100, lasting=MINUTE, hours=(9 * HOUR, 10 * HOUR + MINUTE))
    at_ten = OPEN + 30 * MINUTE
    path = ((at_ten - MINUTE, 99.0), (at_ten, 101.0), (at_ten + 2 * MINUTE, 101.0))
    assert times(rule, *path) == [at_ten + MINUTE]


def test_what_did_not_hold_is_not_said_to_have_held() -> None:
    rule = condition("held", Crosses(Price(), "up", 100.0), lasting=5 * MINUTE, band=Band(5.0, "points"))
    failed = ((OPEN, 98.0), (OPEN + MINUTE, 100.5), *((OPEN + i * MINUTE, 97.0) for i in range(2, 12)))
    assert times(rule, *failed) == []
    back = ((OPEN + 12 * MINUTE, 100.5), (OPEN + 18 * MINUTE, 100.5))
    assert times(rule, *failed, *back) == [OPEN + 17 * MINUTE]


def test_hours_are_those_of_the_exchange_whenever_its_sessions_open() -> None:
    rule = condition("early", None, OVER_100, hours=(9 * HOUR + 45 * MINUTE, 10 * HOUR))
    quarter = OPEN + 15 * MINUTE
    assert times(rule, (OPEN, 99.0), (quarter - 1, 101.0), (quarter, 99.0), (quarter + 1, 101.0)) == [
        quarter + 1
    ]


def test_a_bar_that_is_not_there_has_no_volume_rather_than_none() -> None:
    rule = condition("thin", None, Compare(BarValue("volume", "1m"), "<", 350.0))
    assert times(rule, (OPEN - HOUR, 1.0), (OPEN, 100.0)) == []


def test_a_round_move_of_decimal_prices_is_as_round() -> None:
    rule = condition("up", None, Moves("up", 0.1, "1m"))
    assert times(rule, (OPEN, 100.0), (OPEN + MINUTE, 100.0), (OPEN + 2 * MINUTE, 100.1)) == [
        OPEN + 2 * MINUTE
    ]


def test_a_new_previous_close_is_not_crossed_by_a_price_that_stands_still() -> None:
    rule = condition("yesterday", Crosses(Price(), None, Previous("close")))
    close = int(XNYS.closes[MONDAY])
    days = ((OPEN, 98.0), (close - NS, 100.0), (NEXT_OPEN, 100.0), (NEXT_OPEN + NS, 99.0))
    assert times(rule, *days) == [NEXT_OPEN + NS]


def test_the_legs_of_a_composite_are_of_one_session() -> None:
    level = LevelRule("two", 2.005, Band(0.0, "points"))
    ratio = watch(level, symbol="IWM/SPY", legs=("IWM", "SPY"))
    engine = Engine([ratio])
    iwm, spy = engine.instruments["IWM"], engine.instruments["SPY"]
    ticks = np.concatenate(
        [
            tape((int(XNYS.closes[MONDAY]) - MINUTE, 3500.0), symbol=spy),
            tape((NEXT_OPEN, 7030.0), symbol=iwm),
            tape((NEXT_OPEN + NS, 3515.0), symbol=spy),
            tape((NEXT_OPEN + 2 * NS, 7030.0), symbol=iwm),
        ]
    )
    assert len(engine.step(ticks)) == 0
    assert engine.last(0)[0] == 2.0


def test_a_leg_held_over_a_break_counts_in_its_own_session() -> None:
    level = LevelRule("two", 2.0, Band(0.0, "points"))
    ratio = watch(level, symbol="IWM/SPY", legs=("IWM", "SPY"), max_jump=0.01)
    engine = Engine([ratio])
    iwm, spy = engine.instruments["IWM"], engine.instruments["SPY"]
    close = int(XNYS.closes[MONDAY])
    ticks = np.concatenate(
        [
            tape((close - 120 * NS, 3500.0), symbol=spy),
            tape((close - 110 * NS, 6994.0), (close - 100 * NS, 7080.0), symbol=iwm),
            tape((NEXT_OPEN, 7081.0), (NEXT_OPEN + 2 * NS, 7082.0), symbol=iwm),
        ]
    )
    (event,) = engine.step(ticks).rows
    assert (event["time"], event["price"]) == (close - 100 * NS, 7080 / 3500)

"""A changed watch keeps what it left as it was; symbols come and go without touching the others."""

import dataclasses

import numpy as np
import pytest
from walks import MONDAY, WHOLE, XNYS, condition, fired, watch

from tapewatch.engine.engine import Engine
from tapewatch.engine.events import CROSSED_UP, Events
from tapewatch.engine.indicators import Value, parse_indicator
from tapewatch.engine.parts import Crosses, Price
from tapewatch.engine.snapshot import SnapshotError
from tapewatch.engine.watch import Band, LevelRule, Watch, ZoneRule
from tapewatch.market.bars import BAR
from tapewatch.market.sessions import sessions
from tapewatch.market.ticks import NS, empty_ticks

CUT = 12_000
POINT = Band(1.0, "points")


def after(old: Watch, new: Watch, cut: int = CUT) -> tuple[Engine, Engine, list[str]]:
    """An engine of the old watch that has seen some of the tape, one of the new that goes on, and what it lacks."""
    first = Engine([old])
    first.step(WHOLE[:cut])
    second = Engine([new])
    return first, second, second.restore(0, *first.both_parts(0))


def renamed(events: Events, names: list[str], of: set[str]) -> list[tuple[object, ...]]:
    """Events of the rules `of`, by name, so that their position does not matter."""
    return [
        (names[row["rule"]], *(int(row[key]) for key in ("time", "type", "before")), float(row["price"]))
        for row in events.rows
        if names[row["rule"]] in of
    ]


def names(own: Watch) -> list[str]:
    return [rule.name for rule in own.rules]


def test_rules_that_stay_go_on_as_if_nothing_had_been_added_removed_or_moved() -> None:
    old = watch()
    rules = [rule for rule in reversed(old.rules) if rule.name != "rally"]
    new = watch(rules=(LevelRule("new", 6990.0, POINT), *rules))
    first, second, missing = after(old, new)
    assert missing == []
    kept = {rule.name for rule in rules}
    expected = renamed(first.step(WHOLE[CUT:]), names(old), kept)
    # Nothing is skipped: the new engine goes on where the old one is.
    second._resume[:] = 0
    assert sorted(renamed(second.step(WHOLE[CUT:]), names(new), kept)) == sorted(expected)
    assert len(expected) > 20
    for name, value in second.values(0).items():
        assert first.values(0)[name] == pytest.approx(value, abs=0, nan_ok=True)


def test_indicators_and_timeframes_that_stay_keep_their_bits() -> None:
    more = tuple(map(parse_indicator, ("sma(200)", "ema(50)", "rsi(7)", "bb(10,2)", "roc(3)")))
    old = watch()
    new = watch(indicators=(*more, *old.indicators[::-1]))
    new = dataclasses.replace(new, timeframes=("1m", "5m", "15m", "1h", "1d"))
    first, second, missing = after(old, new)
    assert missing == ["15m"] + [f"{own}@{timeframe}" for timeframe in ("1m", "5m") for own in more[:2]]
    for name, value in first.values(0).items():
        assert second.values(0)[name] == value or np.isnan(value)
    second._resume[:] = 0
    first.step(WHOLE[CUT:]), second.step(WHOLE[CUT:])
    for name, value in first.values(0).items():
        if name.startswith(("rsi(14)", "macd", "atr", "ema(9)", "vwap", "roc(5)")):
            assert second.values(0)[name] == pytest.approx(value, abs=0, nan_ok=True), name
        else:  # a ring of another size adds its sums up anew at other times
            assert second.values(0)[name] == pytest.approx(value, rel=1e-12, nan_ok=True), name


@pytest.mark.parametrize("text", ["sma(10)", "ema(5)", "rsi(7)", "macd(3,6,4)", "bb(10,2)", "roc(3)"])
def test_a_new_indicator_is_what_it_is_over_the_closes_that_are_known(text: str) -> None:
    own = parse_indicator(text)
    base = watch(rules=(), indicators=(parse_indicator("sma(20)"),))
    _, second, missing = after(base, watch(rules=(), indicators=(*base.indicators, own)), cut=300)
    assert missing == []
    second._resume[:] = 0
    whole = Engine([watch(rules=(), indicators=(own,))])
    whole.step(WHOLE[:300])
    second.step(WHOLE[300:310]), whole.step(WHOLE[300:310])
    forgets = own.kind in ("sma", "bb", "roc")
    for name, value in whole.values(0).items():
        if name.endswith("@1h"):  # the ring holds all there ever were
            assert second.values(0)[name] == pytest.approx(value, rel=1e-12, nan_ok=True), name
        elif forgets:
            assert second.values(0)[name] == pytest.approx(value, rel=1e-9, nan_ok=True), name


def test_an_indicator_that_the_known_closes_cannot_seed_has_no_value_rather_than_a_wrong_one() -> None:
    base = watch(rules=(), indicators=(parse_indicator("sma(5)"),))
    new = watch(
        rules=(), indicators=(*base.indicators, parse_indicator("ema(100)"), parse_indicator("atr(14)"))
    )
    _, second, missing = after(base, new)
    assert "ema(100)@1m" in missing
    assert "atr(14)@1m" in missing
    second._resume[:] = 0
    second.step(WHOLE[CUT:])
    assert np.isnan(second.values(0)["ema(100)@1m"])


def days(n: int) -> np.ndarray:
    bars = np.zeros(n, BAR)
    bars["start"], bars["end"] = XNYS.opens[MONDAY - n : MONDAY], XNYS.closes[MONDAY - n : MONDAY]
    bars["close"] = 6900 + np.arange(n)
    for name in ("open", "high", "low"):
        bars[name] = bars["close"]
    return bars


def test_what_is_missing_comes_from_history_where_it_ends_at_the_same_bar() -> None:
    base = watch(rules=(), indicators=(parse_indicator("sma(5)"),))
    new = watch(
        rules=(), indicators=(*base.indicators, parse_indicator("ema(100)"), parse_indicator("atr(14)"))
    )
    first = Engine([base])
    first.warm(0, days(150), "1d", ["1d"])
    first.step(WHOLE[:100])
    second = Engine([new])
    missing = second.restore(0, *first.both_parts(0))
    alone = Engine([new])
    alone.warm(0, days(150), "1d", ["1d"])
    cold = second.graft(0, alone, missing)
    assert not any(name.endswith("@1d") for name in cold)
    second._resume[:] = 0
    alone.step(WHOLE[:110]), second.step(WHOLE[100:110])
    assert second.values(0)["ema(100)@1d"] == alone.values(0)["ema(100)@1d"]
    assert second.values(0)["atr(14)@1d"] == pytest.approx(alone.values(0)["atr(14)@1d"], rel=1e-12)


def test_a_long_average_from_history_goes_on_as_if_it_had_always_been_there() -> None:
    base = watch(rules=(), indicators=(parse_indicator("sma(5)"),))
    new = watch(
        rules=(), indicators=(*base.indicators, *map(parse_indicator, ("sma(100)", "bb(90,2)", "roc(80)")))
    )
    first = Engine([base])
    first.warm(0, days(150), "1d", ["1d"])
    second, always = Engine([new]), Engine([new])
    missing = second.restore(0, *first.both_parts(0))
    always.warm(0, days(150), "1d", ["1d"])
    assert not any(name.endswith("@1d") for name in second.graft(0, always, missing))
    second._resume[:] = 0
    always.step(WHOLE)
    second.step(WHOLE)  # three sessions, the ring's oldest closes go out of the sums
    for name, value in always.values(0).items():
        if name.endswith("@1d"):
            assert second.values(0)[name] == pytest.approx(value, rel=1e-12), name


def flags(engine: Engine) -> dict[str, bool]:
    """Whether each timeframe is warm, as the next event of the tape has it."""
    names = engine.layouts[0].watch.timeframes
    values = engine.step(WHOLE[CUT:]).values[0]
    first = len(engine.layouts[0].value_names)
    return {name: bool(flag) for name, flag in zip(names, values[first:], strict=False)}


def test_what_a_new_average_has_not_seen_does_not_make_the_others_cold() -> None:
    level = (LevelRule("level", 6860.0, POINT),)
    old = watch(rules=level, indicators=(parse_indicator("rsi(14)"),))
    for text, warm in (("sma(9)", True), ("ema(9)", False)):
        _, second, missing = after(
            old, watch(rules=level, indicators=(*old.indicators, parse_indicator(text)))
        )
        second._resume[:] = 0
        assert missing == []
        assert flags(second)["1m"] == warm, text


def test_a_new_level_takes_its_side_from_the_last_price_and_reports_what_crossed_meanwhile() -> None:
    open_ = int(XNYS.opens[MONDAY])
    first = Engine([watch(rules=())])
    ticks = empty_ticks(3)
    ticks["time"], ticks["price"] = open_ + np.arange(3) * NS, [6999.0, 6999.0, 7001.0]
    first.step(ticks[:2])
    new = (
        LevelRule("level", 7000.0, POINT),
        ZoneRule("zone", 7000.5, 7010.0, POINT),
        condition("cross", Crosses(Price(), "up", 7000.0)),
        condition("moving", Crosses(Price(), None, Value(parse_indicator("sma(20)"), "", "1m"))),
    )
    second = Engine([watch(rules=new)])
    second.restore(0, *first.both_parts(0))
    rows = second.step(ticks[2:]).rows
    assert [new[row["rule"]].name for row in rows] == ["level", "zone", "cross"]
    assert rows["type"][0] == CROSSED_UP


def test_a_changed_band_is_another_rule() -> None:
    first = Engine([watch(rules=(LevelRule("level", 7000.0, POINT),))])
    open_ = int(XNYS.opens[MONDAY])
    ticks = empty_ticks(4)
    ticks["time"], ticks["price"] = open_ + np.arange(4) * NS, [6999.0, 7000.0, 6999.9, 6999.0]
    first.step(ticks[:3])  # above, and not armed
    wider = Engine([watch(rules=(LevelRule("level", 7000.0, Band(5.0, "points")),))])
    wider.restore(0, *first.both_parts(0))
    assert len(wider.step(ticks[3:]).rows) == 0  # below, by the last price
    assert len(first.step(ticks[3:]).rows) == 1


def test_another_calendar_is_refused_by_name() -> None:
    first = Engine([watch()])
    other = Engine([dataclasses.replace(watch(), sessions=sessions("XLON"))])
    with pytest.raises(SnapshotError, match="calendar XNYS, not XLON"):
        other.restore(0, *first.both_parts(0))


def test_hours_that_change_apply_at_once() -> None:
    first = Engine([watch(rules=())])
    close = int(XNYS.closes[MONDAY])
    ticks = empty_ticks(2)
    ticks["time"], ticks["price"] = [close - NS, close + NS], 7000.0
    first.step(ticks[:1])
    second = Engine([watch(rules=(), extended=True)])
    second.restore(0, *first.both_parts(0))
    second.step(ticks[1:])
    assert second.last(0)[1] == close + NS
    assert second.refused.sum() == 0


def test_symbols_come_and_go_without_touching_the_others() -> None:
    mixed = np.repeat(WHOLE, 3)
    for k in range(3):
        mixed["symbol"][k::3] = k
        mixed["price"][k::3] += 7 * k
    a, b, c = (watch(name) for name in "ABC")
    old = Engine([a, b, c])
    old.step(mixed[: 3 * CUT])
    new = Engine([dataclasses.replace(watch("D"), legs=("A", "C")), c, a])
    assert new.take_over(old) == {"C": [], "A": []}
    assert new.clock() == old.clock()
    rest = mixed[3 * CUT :]
    theirs = old.step(rest)
    moved = rest[np.isin(rest["symbol"], [0, 2])].copy()
    moved["symbol"] = np.where(moved["symbol"] == 0, new.instruments["A"], new.instruments["C"])
    ours = new.step(moved)
    for symbol, there, here in (("A", 0, 2), ("C", 2, 1)):
        expected = theirs.rows["symbol"] == there
        got = ours.rows["symbol"] == here
        rows = ours.rows[got].copy()
        rows["symbol"] = there
        assert fired([Events(rows, ours.values[got])]) == fired(
            [Events(theirs.rows[expected], theirs.values[expected])]
        ), symbol
        assert new.both_parts(here)[0][40:] == old.both_parts(there)[0][40:]
    assert new.last(0)[0] == pytest.approx(new.last(2)[0] / new.last(1)[0])

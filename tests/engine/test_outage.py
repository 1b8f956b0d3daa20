"""The first price after an outage is marked; a tape that starts over had none."""

import numpy as np
import pytest
from away import at, level, ticks, watching, when
from walks import XNYS

from tapewatch.engine.engine import Engine
from tapewatch.engine.events import AFTER_OUTAGE, AFTER_SESSION, NO_GAP, REFUSALS
from tapewatch.engine.watch import Band, LevelRule, Watch
from tapewatch.market.sessions import sessions

SEEN = REFUSALS.index("seen_before_restart")


def gaps(engine: Engine, text: str, day: int = 0) -> list[int]:
    return engine.step(ticks(text, day)).rows["gap"].tolist()


def restarted(engine: Engine) -> Engine:
    again = Engine([own.watch for own in engine.layouts])
    again.restore(0, *engine.both_parts(0))
    return again


@pytest.mark.parametrize("stopped", [False, True])
def test_the_first_price_after_an_outage_is_marked_and_no_other(stopped: bool) -> None:
    engine = watching(level())
    engine.step(ticks("10:00=6990"))
    if stopped:
        engine = restarted(engine)
    else:
        engine.missed()
    assert gaps(engine, "10:20=7010 10:21=6990 10:22=7010") == [AFTER_OUTAGE, NO_GAP, NO_GAP]


def test_a_first_price_that_crosses_nothing_takes_the_mark_with_it() -> None:
    engine = watching(level())
    engine.step(ticks("10:00=6990"))
    engine.missed()
    assert gaps(engine, "10:20=6991 10:21=7010") == [NO_GAP]


def test_a_refused_tick_leaves_the_mark_to_the_next_and_a_snapshot_keeps_it() -> None:
    engine = watching(level())
    engine.step(ticks("10:00=6990"))
    engine.missed()
    bad = ticks("10:20=6991")
    bad["price"] = np.nan
    engine.step(bad)
    engine = restarted(engine)
    assert gaps(engine, "10:21=7010") == [AFTER_OUTAGE]


def test_all_three_that_were_held_come_after_the_outage() -> None:
    engine = watching(level(band=Band(0.0, "points")), max_jump=0.001)
    engine.step(ticks("10:00=6980"))
    engine.missed()
    assert gaps(engine, "10:20=7001 10:20:01=6999 10:20:02=7001") == [AFTER_OUTAGE] * 3


@pytest.mark.parametrize("again", ["10:00=6990 10:01=6991 10:02=7010", "10:01=6991 10:02=7010"])
def test_ticks_that_come_again_say_that_nothing_was_missed(again: str) -> None:
    engine = watching(level())
    engine.step(ticks("10:00=6990 10:01=6991"))
    engine.missed()
    assert gaps(engine, again) == [NO_GAP]
    assert engine.refused[0, SEEN] == len(again.split()) - 1


def test_each_symbol_of_the_feed_is_judged_by_its_own_first_tick() -> None:
    names = ("SPX", "NDX", "DJI")
    watches = [
        Watch(name, XNYS, ("5m",), (), (level(),), feed=feed)
        for name, feed in zip(names, (0, 0, 1), strict=True)
    ]
    engine = Engine(watches, (True, True))
    for symbol, feed in ((0, 0), (1, 0), (2, 1)):
        engine.step(ticks("10:00=6990 10:01=6991", symbol=symbol), feed)
    engine.missed(0)
    assert engine.step(ticks("10:20=7010", symbol=0)).rows["gap"].tolist() == [AFTER_OUTAGE]
    assert engine.step(ticks("10:00=6990 10:20=7010", symbol=1)).rows["gap"].tolist() == [NO_GAP]
    assert engine.step(ticks("10:20=7010", symbol=2), 1).rows["gap"].tolist() == [NO_GAP]


def test_a_session_that_began_meanwhile_is_what_is_said() -> None:
    engine = watching(level())
    engine.step(ticks("15:50=6990"))
    engine.missed()
    assert gaps(engine, "9:30=7010 9:31=6990", day=1) == [AFTER_SESSION, NO_GAP]


def test_an_outage_in_the_night_does_not_hide_the_session_break() -> None:
    engine = watching(level())
    engine.step(ticks("15:50=6990"))
    outside = ticks("16:10=6990")
    engine.step(outside)
    engine.missed()
    assert gaps(engine, "9:30=7010", day=1) == [AFTER_SESSION]


def test_extended_hours_have_outages_too() -> None:
    engine = watching(level(), extended=True)
    engine.step(ticks("8:00=6990"))
    engine.missed()
    assert gaps(engine, "9:45=7010 16:05=6990") == [AFTER_OUTAGE, NO_GAP]


def test_markets_that_never_shut_have_outages_and_nothing_else() -> None:
    always = Watch("BTC/USD", sessions("24/7"), ("5m", "1d"), (), (level(),))
    engine = Engine([always])
    engine.step(ticks("23:50=6990 24:10=7010"))
    engine.missed()
    rows = engine.step(ticks("48:10=6990 72:20=7010")).rows
    assert rows["gap"].tolist() == [AFTER_OUTAGE, NO_GAP]


def test_a_symbol_without_a_tick_has_missed_none() -> None:
    engine = watching(level())
    engine.missed()
    assert gaps(engine, "10:00=6990 10:01=7010") == [NO_GAP]
    engine = watching(level())
    bad = ticks("10:00=6990")
    bad["price"] = -1
    engine.step(bad)
    engine.missed()
    assert gaps(engine, "10:20=6990 10:21=7010") == [NO_GAP]


def test_what_a_condition_finds_first_is_marked_too() -> None:
    engine = watching(when("price > 7000"))
    engine.step(ticks("10:00=6990"))
    engine.missed()
    assert gaps(engine, "10:20=7010") == [AFTER_OUTAGE]


def test_what_a_close_finds_is_not() -> None:
    engine = watching(when("close@5m crosses 7000"))
    engine.step(ticks("10:00=6990 10:06=6990 10:08=7010"))
    engine.missed()
    assert gaps(engine, "10:20=7010") == [NO_GAP]


def composite() -> Engine:
    ratio = LevelRule("half", 0.5, Band(0.0, "points"))
    return Engine([Watch("A/B", XNYS, ("5m",), (), (ratio,), legs=("A", "B"))])


A, B = 1, 2
"""The numbers of the legs, after the composite's own."""


def test_a_composite_is_marked_once_both_of_its_legs_are_back() -> None:
    engine = composite()
    assert engine.instruments == {"A/B": 0, "A": A, "B": B}
    engine.step(np.concatenate([ticks("10:00=49", symbol=A), ticks("10:00=100", symbol=B)]))
    engine.missed()
    # A rose by four percent and B by as much: the ratio crossed nothing, though A's 51 beside B's old 100 would.
    assert len(engine.step(ticks("10:20=51", symbol=A))) == 0
    assert len(engine.step(ticks("10:20=104", symbol=B))) == 0
    assert engine.step(ticks("10:21=53", symbol=A)).rows["gap"].tolist() == [NO_GAP]


def test_the_tick_of_the_second_leg_bears_the_mark() -> None:
    engine = composite()
    engine.step(np.concatenate([ticks("10:00=49", symbol=A), ticks("10:00=100", symbol=B)]))
    engine = restarted(engine)
    assert len(engine.step(ticks("10:20=53 10:20:05=53", symbol=A))) == 0
    (row,) = engine.step(ticks("10:20:10=104", symbol=B)).rows
    assert (row["gap"], row["time"]) == (AFTER_OUTAGE, at("10:20:10"))


def test_a_composite_s_tape_that_starts_over_doubles_nothing_and_has_no_gap() -> None:
    tape = np.concatenate(
        [ticks("10:00=49", symbol=A), ticks("10:00=100", symbol=B), ticks("10:01=52", symbol=A)]
    )
    rest = ticks("10:02=48 10:03=52", symbol=A)
    whole = composite().step(np.concatenate([tape, rest]))
    engine = composite()
    first = engine.step(tape)
    engine = restarted(engine)
    again = engine.step(np.concatenate([tape, rest]))
    assert first.rows.tobytes() + again.rows.tobytes() == whole.rows.tobytes()
    assert len(whole) == 3


def test_a_leg_that_never_ticked_missed_nothing() -> None:
    engine = composite()
    engine.step(np.concatenate([ticks("10:00=0.49", symbol=0), ticks("10:01=49", symbol=A)]))
    engine = restarted(engine)
    tape = [ticks("10:00=0.49", symbol=0), ticks("10:01=49", symbol=A), ticks("10:02=90", symbol=B)]
    assert engine.step(np.concatenate(tape)).rows["gap"].tolist() == [NO_GAP]


def test_going_on_with_another_engine_is_no_outage() -> None:
    old = watching(level())
    old.step(ticks("10:00=6990"))
    new = watching(level(), level(7100))
    new.take_over(old)
    assert new.step(ticks("10:20=7010")).rows["gap"].tolist() == [NO_GAP]
    old.missed()
    newer = watching(level(), level(7200))
    newer.take_over(old)
    assert newer.step(ticks("10:20=7010")).rows["gap"].tolist() == [AFTER_OUTAGE]


def test_the_time_told_late_closes_what_ended_meanwhile() -> None:
    engine = Engine([Watch("SPX", XNYS, ("5m",), (), (level(confirm="5m"),))], (False,))
    engine.advance(at("10:01"))
    engine.step(ticks("10:00=6990 10:01=7001"))
    engine.missed()
    (row,) = engine.advance(at("11:00")).rows
    assert row["time"] == at("10:05")
    assert engine.step(ticks("11:00:01=6990")).rows["gap"].tolist() == [AFTER_OUTAGE]


def test_what_a_standby_kept_goes_on_without_a_gap_and_doubles_nothing() -> None:
    engine = watching(level())
    engine.step(ticks("10:00=6990 10:01=6991"))
    behind = restarted(engine)
    behind.resume()
    assert gaps(behind, "10:00=6990 10:01=6991 10:02=7010") == [NO_GAP]
    quiet = restarted(engine)  # its next tick is newer than what was kept of others: nothing was missed
    quiet.resume()
    assert gaps(quiet, "10:20=7010") == [NO_GAP]

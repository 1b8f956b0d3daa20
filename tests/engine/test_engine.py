"""The engine as its callers see it: batches, snapshots, the place on the tape, trade ids, clocks."""

from hashlib import sha256
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from walks import MONDAY, WHOLE, XNYS, fired, watch

from tapewatch import assemble
from tapewatch.check import load
from tapewatch.engine.engine import Engine
from tapewatch.engine.events import REFUSALS, Events
from tapewatch.engine.snapshot import SnapshotError
from tapewatch.engine.watch import Band, LevelRule, Watch
from tapewatch.market.bars import BAR
from tapewatch.market.ticks import NS, empty_ticks


def digests(engine: Engine, bars_before: bytes | None = None) -> tuple[str, str]:
    """Digests of both parts of the symbol's state; the bars part as it was when it has not changed since."""
    state = engine.snapshot([0])["SPX"]
    bars = state.bars or bars_before or b""
    return sha256(state.hot).hexdigest()[:12], sha256(bars).hexdigest()[:12]


def run(engine: Engine, ticks: np.ndarray, cuts: list[int]) -> list[Events]:
    edges = [0, *sorted(cut % len(ticks) for cut in cuts), len(ticks)]
    return [engine.step(ticks[a:b]) for a, b in pairwise(edges)]


@pytest.fixture(scope="module")
def whole() -> tuple[list[str], tuple[str, str]]:
    engine = Engine([watch()])
    happened = engine.step(WHOLE)
    assert set(happened.rows["rule"].tolist()) == set(range(len(watch().rules)))  # each has something to say
    return fired([happened]), digests(engine)


@settings(max_examples=30, deadline=None)
@given(cuts=st.lists(st.integers(0, len(WHOLE)), max_size=20))
def test_cutting_a_tape_into_batches_changes_no_bit(cuts: list[int], whole: tuple[list[str], object]) -> None:
    engine = Engine([watch()])
    assert fired(run(engine, WHOLE, cuts)) == whole[0]
    assert digests(engine) == whole[1]


@settings(max_examples=30, deadline=None)
@given(cut=st.integers(0, len(WHOLE)), back=st.integers(1, len(WHOLE)))
def test_a_restart_goes_on_to_the_last_bit_and_a_tape_that_starts_over_doubles_nothing(
    cut: int, back: int, whole: tuple[list[str], object]
) -> None:
    first = Engine([watch()])
    events = fired([first.step(WHOLE[:cut])])
    saved = first.snapshot([0])["SPX"]
    second = Engine([watch()])
    second.restore(0, saved.hot, saved.bars)
    assert second.values(0) == pytest.approx(first.values(0), abs=0, nan_ok=True)
    again = 0 if WHOLE["time"][0] <= first.last(0)[1] else cut  # as a recording starts over
    events += fired([second.step(WHOLE[again:])])
    assert events == whole[0]
    assert digests(second, saved.bars) == whole[1]


def test_on_a_feed_that_runs_on_nothing_is_skipped() -> None:
    first = Engine([watch()])
    first.step(WHOLE[:5000])
    saved = first.snapshot([0])["SPX"]
    second = Engine([watch()])
    second.restore(0, saved.hot, saved.bars)
    later = WHOLE[WHOLE["time"] > first.last(0)[1]]
    second.step(later)
    assert second.refused[0, REFUSALS.index("seen_before_restart")] == 0


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda part: part[:10], "cut short"),
        (lambda part: b"XXXX" + part[4:], "no snapshot"),
        (lambda part: part[:4] + b"\x09\x00" + part[6:], "version 9"),
        (lambda part: part[:-5] + bytes([part[-5] ^ 1]) + part[-4:], "damaged"),
    ],
)
def test_a_snapshot_that_is_not_one_is_refused_by_name(spoil: object, says: str) -> None:
    engine = Engine([watch()])
    engine.step(WHOLE[:100])
    saved = engine.snapshot([0])["SPX"]
    with pytest.raises(SnapshotError, match=says):
        Engine([watch()]).restore(0, spoil(saved.hot), saved.bars)  # type: ignore[operator]
    with pytest.raises(SnapshotError, match=says):
        Engine([watch()]).restore(0, saved.hot, spoil(saved.bars))  # type: ignore[operator]


def test_parts_of_two_generations_are_refused() -> None:
    engine = Engine([watch()])
    engine.step(WHOLE[:100])
    old = engine.snapshot([0])["SPX"]
    engine.step(WHOLE[100:10_000])
    new = engine.snapshot([0])["SPX"]
    with pytest.raises(SnapshotError, match="generations"):
        Engine([watch()]).restore(0, new.hot, old.bars)


def test_the_hot_part_of_the_default_watch_stays_small() -> None:
    engine = assemble.engine(load(Path(__file__).parents[2] / "config/sp500.toml"))
    (saved,) = engine.snapshot([0]).values()
    assert len(saved.hot) <= 2048


def test_a_trade_id_counts_once_per_exchange_and_is_remembered_over_a_restart() -> None:
    ticks = WHOLE[~np.isnan(WHOLE["price"])][:40].copy()
    ticks["time"] = np.sort(ticks["time"])
    ticks["price"] = 7001.0
    ticks["id"] = np.arange(40) % 20
    ticks["exchange"] = np.arange(40) // 20 % 2
    engine = Engine([watch()])
    engine.step(ticks)
    duplicate = REFUSALS.index("duplicate_id")
    assert engine.refused[0, duplicate] == 0
    saved = engine.snapshot([0])["SPX"]
    restored = Engine([watch()])
    restored.restore(0, saved.hot, saved.bars)
    again = ticks.copy()
    again["time"] = ticks["time"][-1] + 1
    restored.step(again)
    assert restored.refused[0, duplicate] == 40


def test_an_exchange_may_number_its_trades_anew_every_day() -> None:
    engine = Engine([watch()])
    for session in (MONDAY, MONDAY + 1):
        ticks = empty_ticks(20)
        ticks["time"] = XNYS.opens[session] + np.arange(20) * NS
        ticks["price"], ticks["id"] = 7001.0, np.arange(20) % 10  # each comes twice
        engine.step(ticks)
    assert engine.refused[0, REFUSALS.index("duplicate_id")] == 20


def test_many_exchanges_and_symbols_find_room_for_their_ids() -> None:
    engine = Engine([watch(f"S{k}") for k in range(9)])
    ticks = np.repeat(WHOLE[:1], 9 * 25)
    ticks["price"], ticks["symbol"] = 7001.0, np.repeat(np.arange(9), 25)
    ticks["id"], ticks["exchange"] = 5, np.tile(np.arange(25), 9)
    engine.step(ticks)
    engine.step(ticks)
    assert engine.refused[:, REFUSALS.index("duplicate_id")].tolist() == [25] * 9 + [0]


def test_a_wall_clock_refuses_ticks_from_the_future_and_closes_bars_after_two_seconds() -> None:
    engine = Engine([watch()], (False,), keep_bars=True)
    start = int(XNYS.opens[MONDAY])
    engine.advance(start)
    ticks = empty_ticks(3)
    ticks["time"], ticks["price"] = [start, start + 5 * NS, start + 6 * NS], 7001.0
    engine.step(ticks)
    assert engine.refused[0, REFUSALS.index("ahead_of_clock")] == 1
    engine.advance(start + 62 * NS - 1)
    assert len(engine.closed_bars()[0]) == 0
    engine.advance(start + 62 * NS)
    assert engine.closed_bars()[0]["end"].tolist() == [start + 60 * NS]


def test_symbols_do_not_touch_each_other() -> None:
    alone = Engine([watch("A")])
    expected = fired([alone.step(WHOLE)])
    both = Engine([watch("A"), watch("B")])
    mixed = np.repeat(WHOLE, 2)
    mixed["symbol"][1::2] = 1
    mixed["price"][1::2] += 20
    events = both.step(mixed)
    own = events.rows["symbol"] == 0
    assert fired([Events(events.rows[own], events.values[own])]) == expected


def test_unknown_symbols_are_counted_and_change_nothing() -> None:
    engine = Engine([watch()])
    before = engine.snapshot([0])["SPX"].hot
    ticks = WHOLE[:10].copy()
    ticks["symbol"] = -1
    engine.step(ticks)
    assert engine.refused[-1, REFUSALS.index("unknown_symbol")] == 10
    assert engine.snapshot([0])["SPX"].hot == before


def level_only(**changes: object) -> Watch:
    return watch(rules=(LevelRule("round", 100.0, Band(0.0, "points")),), indicators=(), **changes)


def ticks_at(*moments: tuple[int, float]) -> np.ndarray:
    ticks = empty_ticks(len(moments))
    ticks["time"], ticks["price"] = zip(*moments, strict=True)
    return ticks


def test_ids_do_not_repeat_where_price_dances_within_one_instant() -> None:
    open_ = int(XNYS.opens[MONDAY])
    dance = [(open_, 100.0 if i % 2 else 99.0) for i in range(2000)]
    rows = Engine([level_only(max_jump=np.inf)]).step(ticks_at(*dance)).rows
    assert len(rows) == 1999
    assert len({(int(row["type"]), int(row["before"])) for row in rows}) == len(rows)


def test_ids_do_not_repeat_where_ticks_come_out_of_order() -> None:
    second = [int(XNYS.opens[MONDAY]) + i * NS for i in range(5)]
    path = [
        (second[0], 99.0),
        *((time, price) for time, price in zip(second[1:], [100, 99, 100, 99], strict=True)),
    ]
    rows = Engine([level_only(max_jump=np.inf)]).step(ticks_at(*path, (second[1], 100.0))).rows
    fired = [(int(row["time"]), int(row["type"]), int(row["before"])) for row in rows]
    assert len(fired) == len(set(fired)) == 5


def test_a_stray_tick_of_yesterday_makes_no_session_break_of_today() -> None:
    yesterday, today = int(XNYS.closes[MONDAY]), int(XNYS.opens[MONDAY + 1])
    path = [
        (yesterday - 60 * NS, 99.0),
        (today, 99.1),
        (today + 300 * NS, 99.2),
        (yesterday - 120 * NS, 99.0),
        (today + 301 * NS, 100.0),
    ]
    (row,) = Engine([level_only()]).step(ticks_at(*path)).rows
    assert row["gap"] == 0


def test_a_tick_held_since_before_a_break_keeps_its_own_hours() -> None:
    close, next_open = int(XNYS.closes[MONDAY]), int(XNYS.opens[MONDAY + 1])
    path = [(close - 10 * NS, 99.0), (close - NS, 101.0), (next_open, 101.0), (next_open + NS, 101.0)]
    (row,) = Engine([level_only(extended=True)]).step(ticks_at(*path)).rows
    assert (row["time"], row["extended"], row["gap"]) == (close - NS, 0, 0)


def test_a_tick_made_from_a_bar_drops_what_is_held() -> None:
    open_ = int(XNYS.opens[MONDAY])
    engine = Engine([level_only()])
    ticks = ticks_at((open_, 99.0), (open_ + NS, 150.0), (open_ + 300 * NS, 99.0))
    ticks["bar"][2] = 60
    assert len(engine.step(ticks).rows) == 0
    assert engine.refused[0, REFUSALS.index("jump_dropped")] == 1


@pytest.mark.parametrize("time", [0, -1, np.iinfo(np.int64).max, np.iinfo(np.int64).max - 1])
def test_absurd_times_are_refused_and_move_no_clock(time: int) -> None:
    open_ = int(XNYS.opens[MONDAY])
    engine = Engine([level_only()])
    engine.step(ticks_at((open_, 99.5), (time, 99.0), (open_ + NS, 100.0)))
    assert engine.refused[0, REFUSALS.index("time")] == 1
    assert engine.clock() == open_ + NS
    assert engine.last(0) == (100.0, open_ + NS)


def test_the_last_close_of_history_is_the_latest_whatever_file_it_came_from() -> None:
    days = np.zeros(2, BAR)
    days["start"], days["end"] = XNYS.opens[MONDAY - 2 : MONDAY], XNYS.closes[MONDAY - 2 : MONDAY]
    minute = np.zeros(1, BAR)
    minute["start"], minute["end"] = XNYS.opens[MONDAY - 5], XNYS.opens[MONDAY - 5] + 60 * NS
    for bars, price in ((days, 96.0), (minute, 90.0)):
        for name in ("open", "high", "low", "close"):
            bars[name] = price
    engine = Engine([level_only()])
    engine.warm(0, days, "1d", ["1d"])
    engine.warm(0, minute, "1m", ["1m"])
    assert engine.last(0)[0] == 96.0

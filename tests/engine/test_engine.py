"""The engine as its callers see it: batches, snapshots, the place on the tape, trade ids, clocks."""

from hashlib import sha256
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tapewatch import assemble
from tapewatch.check import load
from tapewatch.engine.engine import Engine
from tapewatch.engine.events import REFUSALS, Events
from tapewatch.engine.indicators import Value, parse_indicator
from tapewatch.engine.snapshot import SnapshotError
from tapewatch.engine.watch import (
    Band,
    DivergenceRule,
    LevelRule,
    PriceCrossRule,
    ValueCrossRule,
    Watch,
    ZoneRule,
)
from tapewatch.market.sessions import sessions
from tapewatch.market.ticks import NS, empty_ticks

XNYS = sessions("XNYS")
MONDAY = XNYS.at(1769_400_000 * NS)  # 26 January 2026
RSI, SMA, MACD = map(parse_indicator, ("rsi(14)", "sma(20)", "macd(12,26,9)"))
TENTH = Band(0.001, "fraction")


def watch(symbol: str = "SPX", feed: int = 0, **changes: object) -> Watch:
    rules = (
        LevelRule("round", 7000.0, TENTH, confirm="5m"),
        ZoneRule("zone", 6990.0, 6996.0, TENTH, confirm="1h"),
        PriceCrossRule("average", Value(SMA, "", "1m"), TENTH),
        ValueCrossRule("momentum", Value(MACD, ".hist", "1m"), 0.0),
        DivergenceRule("divergence", Value(RSI, "", "1m")),
    )
    own = {"rules": rules, "indicators": (RSI, SMA, MACD), "max_jump": 0.01, "feed": feed} | changes
    return Watch(symbol, XNYS, ("1m", "5m", "1h", "1d"), **own)  # type: ignore[arg-type]


def tape(n: int = 20_000, seed: int = 7, sessions_long: int = 3) -> np.ndarray:
    """A random walk around 7,000 over some sessions, a few ticks out of order, a few bad."""
    dice = np.random.default_rng(seed)
    ticks = empty_ticks(n)
    opens, closes = XNYS.opens[MONDAY:], XNYS.closes[MONDAY:]
    day = np.sort(dice.integers(0, sessions_long, n))
    ticks["time"] = np.sort(opens[day] + (dice.random(n) * (closes[day] - opens[day])).astype(np.int64))
    late = dice.integers(1, n, n // 50)
    ticks["time"][late] = ticks["time"][late - 1] - dice.integers(0, 90 * NS, len(late))
    ticks["price"] = np.round(7000 + np.cumsum(dice.normal(0, 0.6, n)), 2)
    ticks["price"][dice.integers(0, n, n // 200)] = np.nan
    bad = dice.integers(0, n, n // 200)
    ticks["price"][bad] *= 1.02
    ticks["size"] = dice.integers(1, 500, n)
    return ticks


def fired(parts: list[Events]) -> list[str]:
    """A digest of each event with its values: equal to the last bit or not at all."""
    return [
        sha256(row.tobytes() + own.tobytes()).hexdigest()[:12]
        for part in parts
        for row, own in zip(part.rows, part.values, strict=True)
    ]


def digests(engine: Engine, bars_before: bytes | None = None) -> tuple[str, str]:
    """Digests of both parts of the symbol's state; the bars part as it was when it has not changed since."""
    state = engine.snapshot([0])["SPX"]
    bars = state.bars or bars_before or b""
    return sha256(state.hot).hexdigest()[:12], sha256(bars).hexdigest()[:12]


def run(engine: Engine, ticks: np.ndarray, cuts: list[int]) -> list[Events]:
    edges = [0, *sorted(cut % len(ticks) for cut in cuts), len(ticks)]
    return [engine.step(ticks[a:b]) for a, b in pairwise(edges)]


WHOLE = tape()


@pytest.fixture(scope="module")
def whole() -> tuple[list[str], tuple[str, str]]:
    engine = Engine([watch()])
    events = fired([engine.step(WHOLE)])
    assert len(events) > 100
    return events, digests(engine)


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
    again = 0 if cut and WHOLE["time"][0] < first.last(0)[1] else cut  # as a recording starts over
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


def test_a_snapshot_of_another_layout_is_refused_by_name() -> None:
    engine = Engine([watch()])
    engine.step(WHOLE[:100])
    saved = engine.snapshot([0])["SPX"]
    other = Engine([watch(rules=())])
    with pytest.raises(SnapshotError, match="another layout"):
        other.restore(0, saved.hot, saved.bars)
    assert other.last(0) == (0.0, 0)


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

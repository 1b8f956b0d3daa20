"""What a hostile Redis gives in place of a snapshot is refused, and never makes a kernel read or write elsewhere."""

import json
import os
import struct
import subprocess
import sys
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hostile import WHOLE, composite, seen, survives, watches
from walks import watch

from tapewatch.engine import plan as p
from tapewatch.engine import snapshot
from tapewatch.engine.admission import IDS
from tapewatch.engine.engine import Engine
from tapewatch.engine.snapshot import SnapshotError

ROOT = Path(__file__).parents[2]
FAR = 1 << 40


def set_field(symbol: int, field: int, number: int) -> Callable[[Engine], None]:
    def spoil(engine: Engine) -> None:
        engine._I[symbol, field] = number

    return spoil


def leg(field: int) -> int:
    return Engine(watches()).layouts[1].legs + p.SOURCE_FIELDS + field


def of_rule(name: str, field: int) -> int:
    engine = Engine(watches())
    names = [rule.name for rule in engine.layouts[0].watch.rules]
    rule = engine._tables.rules[names.index(name)]
    timer = engine._tables.conditions[rule["condition"]]["timer"] if rule["condition"] >= 0 else -1
    return int(timer if timer >= 0 else rule["state"]) + field


def slot(engine: Engine) -> None:
    engine._pool[engine._id_rings[0, 0], 1] = FAR


def pivot_in_ring(engine: Engine) -> None:
    own = engine.layouts[0]
    names = [rule.name for rule in own.watch.rules]
    engine._R[0, own.rule(names.index("divergence")).ring + 3] = float("inf")


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (set_field(0, p.SOURCE + p.HELD, FAR), "the ticks held back"),
        (set_field(0, p.SOURCE + p.HELD, -FAR), "the ticks held back"),
        (set_field(1, leg(p.HELD), 3), "the ticks held back"),
        (set_field(1, leg(p.SESSION), 1), "a leg's session"),
        (set_field(0, of_rule("round", p.PENDING), 200), "what a close is to confirm"),
        (set_field(0, of_rule("round", p.PENDING), 1 | FAR), "what a close is to confirm"),
        (set_field(0, of_rule("held", p.TIMER_EVENT), 99), "what a timer is for"),
        (set_field(0, of_rule("held", p.TIMER_WAY), FAR), "what a timer is for"),
        (set_field(0, of_rule("divergence", p.LOW_PIVOT + 1), FAR), "a pivot's time"),
        (pivot_in_ring, "a pivot's time"),
        (slot, "the next slot of a ring"),
    ],
)
def test_a_number_that_kernels_would_follow_anywhere_is_refused(
    spoil: Callable[[Engine], None], says: str
) -> None:
    engine = seen()
    spoil(engine)
    refused = []
    for k in (0, 1):
        ours = Engine(watches())
        before = ours.both_parts(k)
        try:
            ours.restore(k, *engine.both_parts(k))
        except SnapshotError as error:
            refused.append(str(error))
            assert ours.both_parts(k) == before
    assert len(refused) == 1
    assert says in refused[0]


def test_more_rings_of_trade_ids_than_there_are_exchanges_are_refused() -> None:
    engine = seen()
    hot, bars = engine.both_parts(0)
    digest, generation, row = snapshot._unpack(snapshot.HOT_MAGIC, hot)
    many = snapshot.pack_hot(digest, generation, row + bytes(8 * (2 + IDS)) * 40)
    with pytest.raises(SnapshotError, match="the number of exchanges"):
        Engine(watches()).restore(0, many, bars)


def of_other_sections(
    text: bytes, row: bytes = b"\0" * 80, digest: bytes = b"another."
) -> tuple[bytes, bytes]:
    return snapshot.pack_hot(digest, 1, row), snapshot.pack_bars(digest, 1, text, bytes(160))


def sections_of(shared: object, own: object) -> bytes:
    packed = zlib.compress(json.dumps(shared).encode())
    return struct.pack("<I", len(packed)) + packed + json.dumps(own).encode()


EVERYWHERE = {"header": ["row", -(10**9), p.HEADER, 10**9]}


@pytest.mark.parametrize(
    "parts",
    [
        of_other_sections(b""),
        of_other_sections(b"\xff\xff\xff\xff"),
        of_other_sections(struct.pack("<I", 3) + b"abc" + b'["XNYS", {}]'),
        of_other_sections(sections_of({}, ["XNYS", {}])),
        of_other_sections(sections_of([], ["XNYS", {}])),
        of_other_sections(sections_of({"header": 1}, ["XNYS", {}])),
        of_other_sections(sections_of({"header": ["row", "a", "b"]}, ["XNYS", {}])),
        of_other_sections(sections_of(EVERYWHERE, ["XNYS", {}])),
        of_other_sections(sections_of({"header": ["row", 0, 10**30]}, ["XNYS", {}])),
        of_other_sections(sections_of({"bars@1m": ["row", 0, 1]}, ["XNYS", {}])),
        of_other_sections(sections_of({"header": ["row", 0, 10]}, ["XNYS", {}]), row=b"\0" * 81),
        of_other_sections(struct.pack("<I", 0) + b"[" * 100_000),
        of_other_sections(sections_of("x" * (1 << 26), ["XNYS", {}])),
    ],
    ids=range(13),
)
def test_sections_that_are_none_are_refused_and_nothing_changes(parts: tuple[bytes, bytes]) -> None:
    engine = Engine([watch()])
    before = engine.both_parts(0)
    with pytest.raises(SnapshotError):
        engine.restore(0, *parts)
    assert engine.both_parts(0) == before


def test_a_row_of_another_length_is_refused() -> None:
    engine = seen()
    hot, bars = engine.both_parts(0)
    digest, generation, row = snapshot._unpack(snapshot.HOT_MAGIC, hot)
    for other in (row[:8], row[:-8], row + b"\0" * 8, b""):
        with pytest.raises(SnapshotError):
            Engine(watches()).restore(0, snapshot.pack_hot(digest, generation, other), bars)


def test_what_any_engine_writes_is_taken() -> None:
    for count in (0, 1, 500, len(WHOLE)):
        engine = Engine([composite(), watch("SPX")])
        own = WHOLE[:count].copy()
        own["symbol"] = np.resize([1, 2, 3], count)
        engine.step(own)
        for k in (0, 1):
            assert (
                Engine(engine.layouts[k : k + 1] and [engine.layouts[k].watch]).restore(
                    0, *engine.both_parts(k)
                )
                == []
            )


def test_ticks_go_on_over_a_state_of_any_numbers() -> None:
    outcomes = [survives(np.random.default_rng(seed)) for seed in range(40)]
    assert {True, False} == set(outcomes)


@pytest.mark.long
@pytest.mark.timeout(900)
def test_no_kernel_leaves_its_arrays_whatever_the_state(tmp_path: Path) -> None:
    """Under numba's own bounds checks; without ours, 6 in 100 of these states made a kernel leave them."""
    env = os.environ | {
        "NUMBA_BOUNDSCHECK": "1",
        "NUMBA_CACHE_DIR": str(tmp_path),
        "PYTHONPATH": str(ROOT / "daemon"),
    }
    program = [sys.executable, str(Path(__file__).with_name("hostile.py")), "1000"]
    ran = subprocess.run(program, env=env, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    assert "of 1000 were taken" in ran.stdout

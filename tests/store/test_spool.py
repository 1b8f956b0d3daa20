import os
import stat
import struct
import tracemalloc
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from spooled import HEADER, THREE, ends, fired, kept, record, refused, spooled
from structlog.testing import capture_logs

from tapewatch.engine.snapshot import Snapshot
from tapewatch.store.commit import Commit
from tapewatch.store.spool import Record, Spool, SpoolError
from thorough import examples

symbols = st.text(min_size=1, max_size=12)
snapshots = st.builds(Snapshot, st.binary(max_size=300), st.none() | st.binary(max_size=300))
commits = st.builds(
    Commit,
    st.integers(1, 2**53),
    st.dictionaries(symbols, snapshots, max_size=4),
    st.lists(st.builds(fired, st.text(max_size=40), symbols, st.binary(max_size=60)), max_size=3),
    st.none() | st.integers(0, 2**53),
)
records = st.builds(Record, st.integers(0, 2**53), commits)


@settings(max_examples=60, deadline=None)
@given(st.lists(records, max_size=5))
def test_what_was_spooled_is_there_to_the_last_bit(
    tmp_path_factory: pytest.TempPathFactory, given: list[Record]
) -> None:
    folder = tmp_path_factory.mktemp("state")
    spool = Spool(folder)
    for one in given:
        spool.append(one)

    assert list(spool.records()) == given
    assert spool.empty == (not given)
    spool.close()
    assert kept(folder) == given


def test_a_new_spool_is_empty_and_nobody_elses(tmp_path: Path) -> None:
    folder = tmp_path / "state/sp500"
    with capture_logs() as logs:
        spool = Spool(folder)

    assert spool.empty
    assert list(spool.records()) == []
    assert [stat.S_IMODE(path.stat().st_mode) for path in (folder.parent, folder, folder / "spool")] == [
        0o700,
        0o700,
        0o600,
    ]
    assert logs == []


def test_a_restart_goes_on_where_the_last_one_ended(tmp_path: Path) -> None:
    spooled(tmp_path, THREE[:2])
    with capture_logs() as logs:
        spooled(tmp_path, THREE[2:])
    assert kept(tmp_path) == THREE
    assert logs == []


def test_a_spool_that_was_emptied_stays_empty_and_takes_more(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    for one in THREE:
        spool.append(one)
    spool.clear()
    assert spool.empty
    assert list(spool.records()) == []
    assert kept(tmp_path) == []

    spool.append(THREE[2])

    assert list(spool.records()) == THREE[2:]
    assert kept(tmp_path) == THREE[2:]


def test_what_is_spooled_while_it_is_read_is_read_too(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    spool.append(THREE[0])
    reading = spool.records()
    found = [next(reading)]
    spool.append(THREE[1])
    found.append(next(reading))
    spool.append(THREE[2])
    assert [*found, *reading] == THREE


def test_a_record_torn_at_any_byte_is_cut_off_and_the_others_stay(tmp_path: Path) -> None:
    file = spooled(tmp_path, THREE)
    whole = file.read_bytes()
    *_, before, _ = ends(file)
    for size in range(before + 1, len(whole)):
        file.write_bytes(whole[:size])
        with capture_logs() as logs:
            assert kept(tmp_path) == THREE[:2]
        assert file.stat().st_size == before
        assert logs == [
            {"event": "spool.torn", "log_level": "warning", "path": str(file), "cut_bytes": size - before}
        ]
    spooled(tmp_path, THREE[2:])
    assert kept(tmp_path) == THREE
    assert refused(tmp_path) == []


def test_a_first_record_torn_at_any_byte_leaves_an_empty_spool(tmp_path: Path) -> None:
    file = spooled(tmp_path, THREE[:1])
    whole = file.read_bytes()
    for size in range(1, len(whole)):
        file.write_bytes(whole[:size])
        with capture_logs() as logs:
            assert kept(tmp_path) == []
        assert [entry["cut_bytes"] for entry in logs] == [size]
        assert file.stat().st_size == 0
    spooled(tmp_path, THREE)
    assert kept(tmp_path) == THREE


def test_a_last_record_whose_blocks_never_came_is_torn(tmp_path: Path) -> None:
    """A file may have grown before its blocks were written: they read as zeros."""
    file = spooled(tmp_path, THREE)
    whole = file.read_bytes()
    *_, before, end = ends(file)
    for written in range(before, end, 7):
        file.write_bytes(whole[:written] + bytes(end - written))
        if file.read_bytes() == whole:
            continue
        with capture_logs() as logs:
            assert kept(tmp_path) == THREE[:2]
        assert [entry["event"] for entry in logs] == ["spool.torn"]
    assert refused(tmp_path) == []


def test_damage_in_the_midst_is_put_aside_and_what_came_before_stays(tmp_path: Path) -> None:
    whole = spooled(tmp_path / "sound", THREE).read_bytes()
    first, second, _ = ends(tmp_path / "sound/spool")
    for at in [*range(first, first + 20), *range(first + 20, second, 17), second - 1]:
        folder = tmp_path / str(at)
        folder.mkdir()
        damaged = bytearray(whole)
        damaged[at] ^= 0x5A
        (folder / "spool").write_bytes(damaged)

        with capture_logs() as logs:
            assert kept(folder) == THREE[:1]

        (aside,) = refused(folder)
        assert aside.read_bytes() == damaged
        assert stat.S_IMODE(aside.stat().st_mode) == 0o600
        (entry,) = logs
        assert entry.pop("reason") == f"damaged at byte {first}, and not at its end"
        assert entry == {"event": "spool.refused", "log_level": "error", "path": str(aside), "kept": 1}
        with capture_logs() as logs:
            assert kept(folder) == THREE[:1]
        assert logs == []


def test_a_hole_far_longer_than_a_record_is_damage_too(tmp_path: Path) -> None:
    file = spooled(tmp_path, [record(n, os.urandom(50_000)) for n in range(1, 9)])
    data = bytearray(file.read_bytes())
    data[100_000:300_000] = os.urandom(200_000)
    file.write_bytes(data)

    with capture_logs() as logs:
        assert [one.commit.sequence for one in kept(tmp_path)] == [1]

    assert [entry["event"] for entry in logs] == ["spool.refused"]
    assert [aside.read_bytes() for aside in refused(tmp_path)] == [data]


def test_damage_is_told_from_a_torn_end_wherever_the_next_sound_record_begins(tmp_path: Path) -> None:
    """The file is searched for it in blocks of 64 KB, and it may begin on the edge of two."""
    beside_hot = ends(spooled(tmp_path / "trial", [record(1, bytes(60_000))]))[0] - 60_000
    for next_one in range(65_536 - 32, 65_536 + 32):
        file = spooled(tmp_path, [record(1, bytes(next_one - beside_hot)), record(2)])
        assert ends(file)[0] == next_one
        data = bytearray(file.read_bytes())
        data[HEADER] ^= 1
        file.write_bytes(data)
        with capture_logs() as logs:
            assert kept(tmp_path) == []
        assert [entry["event"] for entry in logs] == ["spool.refused"]
        refused(tmp_path)[0].unlink()


@pytest.mark.parametrize(
    ("header", "reason"),
    [
        (b"TWSP\x02\x00", "version 2 of the spool format; this program reads version 1"),
        (b"TWSP\x00\x01", "version 256 of the spool format; this program reads version 1"),
        (b"\x1f\x8b\x08\x00\x00\x00", r"no spool: it begins with b'\x1f\x8b\x08\x00', not b'TWSP'"),
        (b"x", "no spool: it begins with b'x', not b'TWSP'"),
    ],
)
def test_what_this_program_cannot_read_is_put_aside_whole(tmp_path: Path, header: bytes, reason: str) -> None:
    file = spooled(tmp_path, THREE)
    data = header + file.read_bytes()[HEADER:] if len(header) == HEADER else header
    for n in (1, 2):
        file.write_bytes(data)
        with capture_logs() as logs:
            assert kept(tmp_path) == []
        aside = tmp_path / f"spool.refused-{n}"
        assert logs == [
            {"event": "spool.refused", "log_level": "error", "reason": reason, "path": str(aside), "kept": 0}
        ]
        assert aside.read_bytes() == data
    spooled(tmp_path, THREE)
    assert kept(tmp_path) == THREE


def test_a_whole_record_that_this_program_does_not_know_is_not_taken_for_a_torn_one(tmp_path: Path) -> None:
    file = spooled(tmp_path, THREE)
    odd = msgspec.msgpack.encode(["record", 3, 10, None, {}, [[b'{"id": "an alert of another time"}', b""]]])
    with file.open("ab") as end:
        end.write(struct.pack("<II", len(odd), zlib.crc32(odd)) + odd)

    with capture_logs() as logs:
        assert kept(tmp_path) == THREE

    (entry,) = logs
    assert entry["event"] == "spool.refused"
    assert entry["kept"] == 3
    assert "missing required field" in entry["reason"]


@pytest.mark.random
@settings(max_examples=examples(150), deadline=None)
@given(data=st.data())
def test_whatever_happened_to_the_file_no_garbage_comes_out_and_it_goes_on(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    folder = tmp_path_factory.mktemp("state")
    file = spooled(folder, THREE)
    whole, sound = file.read_bytes(), ends(file)
    start, stop = sorted(data.draw(st.tuples(*[st.integers(0, len(whole))] * 2)))
    file.write_bytes(whole[:start] + data.draw(st.binary(max_size=200)) + whole[stop:])

    with capture_logs():
        found = kept(folder)
        spooled(folder, [record(10)])

    assert found == THREE[: len(found)]
    assert len(found) >= sum(end <= start for end in sound)
    with capture_logs() as logs:
        assert kept(folder) == [*found, record(10)]
    assert logs == []


def test_a_spool_that_somebody_cut_meanwhile_is_told_and_not_read_as_garbage(tmp_path: Path) -> None:
    file = spooled(tmp_path, THREE)
    spool = Spool(tmp_path)
    os.truncate(file, ends(file)[0] + 100)
    reading = spool.records()
    assert next(reading) == THREE[0]
    with pytest.raises(SpoolError, match="shorter than it was"):
        next(reading)


@contextmanager
def at_most(size: int) -> Iterator[None]:
    """Python's own memory grows by no more than `size` bytes at any time."""
    tracemalloc.start()
    try:
        yield
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < size


def test_a_long_spool_is_read_in_the_memory_of_a_few_records(tmp_path: Path) -> None:
    big = os.urandom(200_000)
    file = spooled(tmp_path, [record(n, big) for n in range(1, 101)])
    assert file.stat().st_size > 20_000_000
    with at_most(2_000_000):
        spool = Spool(tmp_path)
        sequences = [one.commit.sequence for one in spool.records()]
    assert sequences == list(range(1, 101))


@pytest.mark.parametrize("size", [40_000_000, 0xFFFFFFFF])
def test_no_memory_is_taken_on_the_word_of_a_length(tmp_path: Path, size: int) -> None:
    file = spooled(tmp_path, THREE)
    with file.open("ab") as end:
        end.write(struct.pack("<II", size, 1))
        end.truncate(end.tell() + 40_000_000)
    with at_most(2_000_000), capture_logs() as logs:
        assert kept(tmp_path) == THREE
    assert [entry["event"] for entry in logs] == ["spool.torn"]

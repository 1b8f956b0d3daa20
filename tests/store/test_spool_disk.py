"""A disk that is full, or fails, under the spool."""

import errno
import os
import resource
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from spooled import THREE, kept, record, refused, spooled

from tapewatch.store.spool import Record, Spool, SpoolError


@contextmanager
def longest_file(size: int) -> Iterator[None]:
    """The kernel takes no byte of any file beyond `size`, as on a disk that has no more."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_record_that_finds_no_room_leaves_no_trace_wherever_the_room_ends(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    file = tmp_path / "spool"
    for n, one in enumerate(THREE):
        before = file.read_bytes()
        for room in (0, 1, 7, 8, 9, 500):
            with longest_file(len(before) + room), pytest.raises(SpoolError, match="ulimit -f"):
                spool.append(one)
            assert file.read_bytes() == before
            assert list(spool.records()) == THREE[:n]
        spool.append(one)
    assert kept(tmp_path) == THREE


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 64 KB: a tmpfs in a mount namespace of its own, for which nobody needs to be root."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = 'mount -t tmpfs -o size=64k,mode=700 tmpfs "$0" && echo mounted && exec cat'
    try:
        holder = subprocess.Popen(
            ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", mount, str(disk)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
    except FileNotFoundError:
        pytest.skip("no unshare(1) here to make a small disk with")
    with holder:
        assert holder.stdout is not None
        if (line := holder.stdout.readline()) != b"mounted\n":
            pytest.skip(f"no small disk to be had here: {line.decode().strip()}")
        yield Path(f"/proc/{holder.pid}/root{disk}")


def test_a_full_disk_is_told_and_nothing_is_lost_once_there_is_room(small_disk: Path) -> None:
    ballast = small_disk / "ballast"
    ballast.write_bytes(bytes(20_000))
    spool = Spool(small_disk / "state")
    taken: list[Record] = []
    with pytest.raises(SpoolError) as full:  # noqa: PT012 - which of them it is, is the disk's to say
        while True:
            spool.append(record(len(taken) + 1, os.urandom(3_000)))
            taken = list(spool.records())
    file = small_disk / "state/spool"
    assert str(full.value) == f"{file} cannot be written: No space left on device; free some space there"
    assert isinstance(full.value.__cause__, OSError)
    assert full.value.__cause__.errno == errno.ENOSPC
    assert len(taken) > 5

    one_more = record(len(taken) + 1)
    for _ in range(3):
        with pytest.raises(SpoolError):
            spool.append(record(len(taken) + 1, os.urandom(30_000)))
        assert list(spool.records()) == kept(small_disk / "state") == taken
    ballast.unlink()
    spool.append(one_more)

    assert list(spool.records()) == kept(small_disk / "state") == [*taken, one_more]


def test_a_damaged_spool_that_a_full_disk_cannot_put_aside_is_left_alone(small_disk: Path) -> None:
    file = spooled(small_disk / "state", [record(n, os.urandom(10_000)) for n in range(1, 5)])
    data = bytearray(file.read_bytes())
    data[15_000] ^= 1
    file.write_bytes(data)

    with pytest.raises(SpoolError, match="No space left on device; free some space there"):
        Spool(file.parent)

    assert file.read_bytes() == data
    assert refused(file.parent) == []


def test_a_record_is_on_disk_before_append_returns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only a power loss would show it otherwise, so the calls are listened to."""
    synced: list[tuple[int, int]] = []
    really = os.fsync

    def listen(fd: int) -> None:
        really(fd)
        synced.append((os.fstat(fd).st_ino, os.fstat(fd).st_size))

    monkeypatch.setattr(os, "fsync", listen)
    folder, file = tmp_path / "state", tmp_path / "state/spool"
    spool = Spool(folder)
    assert {folder.stat().st_ino, tmp_path.stat().st_ino} <= {inode for inode, _ in synced}
    for one in THREE:
        spool.append(one)
        assert synced[-1] == (file.stat().st_ino, file.stat().st_size)

    synced.clear()
    assert kept(folder) == THREE  # whoever wrote them may have been killed before its fsync
    assert synced[-1] == (file.stat().st_ino, file.stat().st_size)


def test_a_record_that_does_not_reach_the_disk_is_taken_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No disk fails on demand, so here fsync says what it says when one does."""
    spool = Spool(tmp_path)
    spool.append(THREE[0])

    def fail(fd: int) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    with monkeypatch.context() as broken:
        broken.setattr(os, "fsync", fail)
        with pytest.raises(SpoolError, match="Input/output error; look at the disk"):
            spool.append(THREE[1])
    assert list(spool.records()) == kept(tmp_path) == THREE[:1]

    spool.append(THREE[2])
    assert list(spool.records()) == kept(tmp_path) == [THREE[0], THREE[2]]


def test_a_folder_that_is_none_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(SpoolError, match="file/spool cannot be opened: Not a directory"):
        Spool(tmp_path / "file")

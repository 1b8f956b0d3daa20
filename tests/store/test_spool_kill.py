"""kill -9 of a process that spools, at any moment."""

import multiprocessing
import os
import random
import shutil
import signal
import struct
import time
from pathlib import Path

import pytest
from crossings import crossing

from tapewatch.alerts.alert import encode
from tapewatch.engine.snapshot import Snapshot
from tapewatch.store.commit import Commit, Fired
from tapewatch.store.spool import Record, Spool

fork = multiprocessing.get_context("fork")
NUMBER = struct.Struct("<q")


def nth(sequence: int) -> Record:
    """Of a few bytes up to 3 MB: a kill ends a long write in its midst."""
    chance = random.Random(sequence)
    hot = chance.randbytes(chance.choice([10, 2_000, 100_000, 3_000_000]))
    alert = crossing(f"{sequence:032x}")
    return Record(1, Commit(sequence, {"SPX": Snapshot(hot, None)}, [Fired(alert, encode(alert), hot[:100])]))


def append_for_ever(folder: Path, first: int, reports: int) -> None:
    spool = Spool(folder)
    sequence = first
    while True:
        spool.append(nth(sequence))
        os.write(reports, NUMBER.pack(sequence))
        sequence += 1


def killed_writer(folder: Path, first: int, after: float) -> int:
    """Let a process append from `first` on, kill it `after` seconds; returns the last that it said is on disk."""
    reading, writing = os.pipe()
    process = fork.Process(target=append_for_ever, args=(folder, first, writing))
    process.start()
    os.close(writing)
    time.sleep(after)
    process.kill()
    process.join()
    assert process.exitcode == -signal.SIGKILL
    with open(reading, "rb") as pipe:
        said = [number for (number,) in NUMBER.iter_unpack(pipe.read())]
    assert said == list(range(first, first + len(said)))
    return first + len(said) - 1


@pytest.mark.parametrize("kills", [25, pytest.param(500, marks=[pytest.mark.long, pytest.mark.timeout(600)])])
def test_what_was_said_to_be_on_disk_survives_the_kill(tmp_path: Path, kills: int) -> None:
    chance = random.Random()
    folder, first, last = tmp_path / "0", 1, 0
    for n in range(kills):
        said = killed_writer(folder, last + 1, chance.uniform(0, 0.06))

        spool = Spool(folder)
        last = first - 1
        for found in spool.records():
            last += 1
            assert found == nth(last)
        spool.close()

        # The one in doubt may be there too.
        assert last in (said, said + 1)
        assert not list(folder.glob("spool.refused-*"))
        if n % 10 == 9:
            shutil.rmtree(folder)
            folder, first = tmp_path / str(n), last + 1

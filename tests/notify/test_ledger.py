import errno
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from tapewatch.notify.ledger import Ledger


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "sent" / "desk"


def test_what_was_noted_is_known_to_the_next_process(path: Path) -> None:
    Ledger(path).note(["a1", "a2"], "1769610667.000100")
    Ledger(path).note(["a3"], None)
    ledger = Ledger(path)
    assert [ledger.had(id_) for id_ in ("a1", "a2", "a3", "a4")] == [True, True, True, False]
    assert ledger.receipt("a2") == "1769610667.000100"
    assert ledger.receipt("a3") is None
    assert ledger.receipt("a4") is None


def test_others_cannot_read_it(path: Path) -> None:
    Ledger(path).note(["a1"], None)
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert path.stat().st_mode & 0o777 == 0o600
    Ledger(path, kept=1).note(["a2", "a3"], None)  # makes a new file
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_new_receipt_takes_the_place_of_the_old_one(path: Path) -> None:
    ledger = Ledger(path)
    ledger.note(["a1"], "first")
    ledger.note(["a1"], "second")
    assert ledger.receipt("a1") == Ledger(path).receipt("a1") == "second"


def test_the_newest_are_kept_and_the_file_stays_small(path: Path) -> None:
    ledger = Ledger(path, kept=10)
    longest = 0
    for i in range(105):
        ledger.note([f"a{i}"], None)
        longest = max(longest, len(path.read_text().splitlines()))
    assert longest == 20
    for each in (ledger, Ledger(path, kept=10)):
        assert [i for i in range(105) if each.had(f"a{i}")] == list(range(95, 105))
    assert [file.name for file in path.parent.iterdir()] == ["desk"]


def test_more_at_once_than_are_kept(path: Path) -> None:
    Ledger(path, kept=10).note([f"a{i}" for i in range(50)], "r")
    ledger = Ledger(path, kept=10)
    assert [i for i in range(50) if ledger.had(f"a{i}")] == list(range(40, 50))


@pytest.mark.parametrize("torn", [b"a", b"a2", b"a2 ", b"a2 rece", b"\xe2\x98"])
def test_a_torn_last_line_is_not_known_and_does_not_spoil_the_next(path: Path, torn: bytes) -> None:
    Ledger(path).note(["a1"], None)
    with path.open("ab") as file:
        file.write(torn)
    with capture_logs() as logs:
        ledger = Ledger(path)
        assert ledger.had("a1")
        assert not ledger.had("a2")
        ledger.note(["a3"], "r3")
        ledger = Ledger(path)
    assert (ledger.had("a1"), ledger.receipt("a3")) == (True, "r3")
    assert logs == []


def test_lines_that_nobody_can_read_are_passed_over_and_told(path: Path) -> None:
    Ledger(path).note(["a1"], None)
    with path.open("ab") as file:
        file.write(b"\n\0\0\0\0\n\xff\xfe\na b c\n")
    Ledger(path).note(["a2"], None)
    with capture_logs() as logs:
        ledger = Ledger(path)
    assert ledger.had("a1")
    assert ledger.had("a2")
    (told,) = logs
    assert (told["event"], told["lines"], told["receiver"]) == ("ledger.unreadable", 4, "desk")


@contextmanager
def disk_of(size: int) -> Iterator[None]:
    """Files may not grow beyond `size` bytes: like a disk that is full there."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, handler)


def test_a_full_disk_stops_nothing_and_is_told_once(path: Path) -> None:
    ledger = Ledger(path)
    ledger.note(["a1"], None)
    before = path.read_bytes()
    with capture_logs() as logs, disk_of(len(before) + 2):
        ledger.note(["a2"], "r2")  # a part of it would fit
        ledger.note(["a3"], None)
        assert path.read_bytes() == before
    assert [(each["event"], each["receiver"], each["log_level"]) for each in logs] == [
        ("ledger.full", "desk", "error")
    ]
    assert ledger.had("a2")
    assert ledger.had("a3")
    ledger.note(["a4"], None)  # there is room again
    ledger = Ledger(path)
    assert [ledger.had(id_) for id_ in ("a1", "a2", "a3", "a4")] == [True] * 4
    assert ledger.receipt("a2") == "r2"


def test_a_disk_that_is_full_as_the_file_is_made_anew(path: Path) -> None:
    ledger = Ledger(path, kept=2)
    ledger.note(["a1", "a2"], None)
    with capture_logs(), disk_of(path.stat().st_size):
        for i in range(3, 9):
            ledger.note([f"a{i}"], None)
        assert ledger.had("a8")
        assert [file.name for file in path.parent.iterdir()] == ["desk"]
    ledger.note(["a9"], None)
    ledger = Ledger(path, kept=2)
    assert [i for i in range(1, 10) if ledger.had(f"a{i}")] == [8, 9]


KILLED = """
import itertools, sys
from pathlib import Path
from tapewatch.notify.ledger import Ledger

ledger = Ledger(Path(sys.argv[1]), kept=50)
for i in itertools.count():
    ledger.note([f"a{i}"], f"r{i}")
    print(i, flush=True)
"""


def test_a_killed_process_forgets_nothing(path: Path) -> None:
    killed = subprocess.Popen(
        [sys.executable, "-c", KILLED, str(path)],
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": ":".join(sys.path)},
    )
    assert killed.stdout is not None
    told = []
    for line in killed.stdout:
        told.append(line)
        if line == "500\n":
            killed.kill()
    killed.wait()
    newest = int([line for line in told if line.endswith("\n")][-1])
    ledger = Ledger(path, kept=50)
    assert all(ledger.receipt(f"a{i}") == f"r{i}" for i in range(newest - 40, newest + 1))


def test_a_folder_that_cannot_be_made_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "sent").write_text("no folder")
    with pytest.raises(OSError, match="File exists") as error:
        Ledger(tmp_path / "sent" / "desk")
    assert error.value.errno in (errno.EEXIST, errno.ENOTDIR)

import gzip
import json
import resource
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tapewatch.feeds.columns import FileError
from tapewatch.feeds.recording import (
    About,
    Binary,
    Connected,
    Frame,
    RecordingError,
    RecordingWriter,
    Time,
    is_recording,
    open_recording,
)
from tapewatch.market.ticks import NS

START = 1_769_610_600 * NS  # 2026-01-28T14:30:00Z
ABOUT = About("tape", "massive", "wall", ["I:SPX", "SPY"])


def written(folder: Path, *frames: bytes, **options) -> Path:
    """A recording of these frames, a second apart, in one file."""
    writer = RecordingWriter(folder, ABOUT, **options)
    writer.connected(START)
    for number, frame in enumerate(frames, start=1):
        writer.frame(START + number * NS, frame)
    writer.close()
    assert writer.path
    return writer.path


def test_frames_come_back_as_they_came_with_their_times(tmp_path: Path) -> None:
    said = '[{"ev":"T","note":"Société \\n \u0000"}]'.encode()
    path = written(tmp_path, said, b"\xff\x00\xfe", b"")
    recording = open_recording(path)
    assert recording.about == ABOUT
    lines = list(recording.lines())
    assert lines == [
        Connected(START),
        Frame(START + 1 * NS, said.decode()),
        Binary(START + 2 * NS, b"\xff\x00\xfe"),
        Frame(START + 3 * NS, ""),
    ]
    assert [line.data for line in lines[1:]] == [said, b"\xff\x00\xfe", b""]
    assert recording.torn_after is None


def test_the_file_is_as_documented(tmp_path: Path) -> None:
    writer = RecordingWriter(tmp_path / "own" / "recordings", ABOUT)
    writer.connected(START)
    writer.frame(START + 1, b"[1]")
    writer.frame(START + 2, b"\xff")
    writer.time(START + 3)
    writer.close()
    assert writer.path == tmp_path / "own/recordings/tape-20260128T143000Z.frames.gz"
    assert [json.loads(line) for line in gzip.decompress(writer.path.read_bytes()).splitlines()] == [
        [
            "recording",
            1,
            {"feed": "tape", "vendor": "massive", "clock": "wall", "symbols": ["I:SPX", "SPY"]},
        ],
        ["connected", START],
        ["frame", START + 1, "[1]"],
        ["binary", START + 2, "/w=="],
        ["time", START + 3],
    ]
    assert stat.S_IMODE(writer.path.parent.stat().st_mode) == 0o700
    assert stat.S_IMODE(writer.path.stat().st_mode) == 0o600


def test_a_new_file_begins_when_one_is_full_and_each_can_be_read_alone(tmp_path: Path) -> None:
    writer = RecordingWriter(tmp_path, ABOUT, largest=10_000)
    for number in range(100):
        writer.frame(START + number, b"x" * 1000)  # all within one second: names must not collide
    writer.close()
    files = sorted(tmp_path.iterdir())
    assert len(files) == 10
    recordings = [open_recording(file) for file in files]
    assert [own.about for own in recordings] == [ABOUT] * 10
    assert [line.time - START for own in recordings for line in own.lines()] == list(range(100))


def test_a_new_file_begins_each_hour(tmp_path: Path) -> None:
    seconds = iter(range(0, 86_400, 600))
    writer = RecordingWriter(tmp_path, ABOUT, seconds=lambda: next(seconds))
    for number in range(13):
        writer.time(START + number * 600 * NS)
    writer.close()
    assert [file.name for file in sorted(tmp_path.iterdir())] == [
        "tape-20260128T143000Z.frames.gz",
        "tape-20260128T153000Z.frames.gz",
        "tape-20260128T163000Z.frames.gz",
    ]


def test_an_older_file_is_never_overwritten(tmp_path: Path) -> None:
    first = written(tmp_path, b"first")
    second = written(tmp_path, b"second")
    assert first.name < second.name
    assert [line.data for line in list(open_recording(first).lines())[1:]] == [b"first"]


WRITE_UNTIL_KILLED = """
import sys, time
from pathlib import Path
from tapewatch.feeds.recording import About, RecordingWriter

writer = RecordingWriter(Path(sys.argv[1]), About("tape", "massive", "wall", ["SPY"]))
while True:
    writer.frame(time.time_ns(), b"x" * 10)
    print(time.time_ns(), flush=True)
    time.sleep(0.01)
"""


def test_a_kill_loses_at_most_the_last_second(tmp_path: Path) -> None:
    folder = tmp_path / "recordings"
    command = [sys.executable, "-c", WRITE_UNTIL_KILLED, str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        began = int(process.stdout.readline())
        last = began
        while last < began + 2.5 * NS:
            last = int(process.stdout.readline())
        process.send_signal(signal.SIGKILL)
    (file,) = folder.iterdir()
    recording = open_recording(file)
    times = [line.time for line in recording.lines()]
    assert times[-1] > last - NS
    assert recording.torn_after == len(times) + 1


def test_a_torn_file_is_read_to_where_it_is_torn(tmp_path: Path) -> None:
    seconds = iter(range(1000))  # flushed with each line
    path = written(tmp_path, *(bytes([65 + n]) * 50 for n in range(20)), seconds=lambda: next(seconds))
    whole = path.read_bytes()
    all_lines = list(open_recording(path).lines())
    torn = tmp_path / "torn.frames.gz"
    lengths = []
    for cut in range(150, len(whole)):
        torn.write_bytes(whole[:cut])
        recording = open_recording(torn)
        lines = list(recording.lines())
        assert lines == all_lines[: len(lines)]
        assert recording.torn_after == 1 + len(lines)
        lengths.append(len(lines))
    assert lengths == sorted(lengths)
    assert lengths[0] < 5
    assert lengths[-1] == len(all_lines)
    torn.write_bytes(whole[:400] + bytes(1000))  # what some file systems leave after a power loss
    recording = open_recording(torn)
    assert list(recording.lines()) == all_lines[: lengths[400 - 150]]
    assert recording.torn_after


def test_secrets_are_blanked_wherever_a_frame_echoes_them(tmp_path: Path) -> None:
    secrets = ['key"/1', "key", 'key"/1-and-more', ""]
    frames = [b'{"you sent": "key\\"/1", "or": "key\\"/1-and-more"}', b'\xff key"/1 \xff', b"the key of keys"]
    path = written(tmp_path, *frames, secrets=secrets)
    said = [line.data for line in list(open_recording(path).lines())[1:]]
    assert said == [
        b'{"you sent": "***", "or": "***"}',
        b"\xff *** \xff",
        b"the key of keys",  # three letters are no secret
    ]


@pytest.mark.parametrize(
    "line",
    [
        "",
        "{}",
        '["frame"]',
        '["frame","now","text"]',
        '["tick",1]',
        '["binary",1,"?"]',
        '["time",1.5]',
        "\x00",
    ],
)
def test_a_line_that_is_none_is_named(tmp_path: Path, line: str) -> None:
    path = tmp_path / "own.frames"
    path.write_text(
        '["recording",1,{"feed":"a","vendor":"b","clock":"wall","symbols":[]}]\n["time",1]\n' + line + "\n"
    )
    lines = open_recording(path).lines()
    assert next(lines) == Time(1)
    with pytest.raises(FileError, match=r"own\.frames, line 3: is no line of a recording"):
        next(lines)


@pytest.mark.parametrize(
    ("first", "error"),
    [
        ("", "own.frames.gz: is empty, or torn off before its first line ends"),
        ("{}", "line 1: is not how a recording begins"),
        ('["time",1]', "line 1: is not how a recording begins"),
        ('["recording",1,{"feed":"a"}]', "line 1: is not how a recording begins .*vendor"),
        (
            '["recording",2,{"feed":"a","vendor":"b","clock":"wall","symbols":[],"more":1}]',
            "line 1: is a recording of version 2; this tapewatch reads version 1",
        ),
    ],
)
def test_a_file_that_begins_otherwise_is_refused(tmp_path: Path, first: str, error: str) -> None:
    path = tmp_path / "own.frames.gz"
    path.write_bytes(gzip.compress(first.encode() + b"\n"))
    assert is_recording(path)
    with pytest.raises(FileError, match=error):
        open_recording(path)


def test_a_recording_is_known_by_its_name_or_its_first_line(tmp_path: Path) -> None:
    path = written(tmp_path, b"[]")
    renamed = path.rename(tmp_path / "tape.gz")
    unzipped = tmp_path / "tape.txt"
    unzipped.write_bytes(gzip.decompress(renamed.read_bytes()))
    assert is_recording(renamed)
    assert is_recording(unzipped)
    assert list(open_recording(renamed).lines()) == list(open_recording(unzipped).lines())
    ticks = tmp_path / "ticks.csv"
    ticks.write_text("time_ns,price\n")
    zipped = tmp_path / "ticks.csv.gz"
    zipped.write_bytes(gzip.compress(ticks.read_bytes())[:-12])
    assert not is_recording(ticks)
    assert not is_recording(zipped)


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    writer = RecordingWriter(tmp_path / "file" / "folder", ABOUT)
    with pytest.raises(RecordingError, match=r"file/folder: Not a directory"):
        writer.time(START)


@contextmanager
def files_limited_to(size: int) -> Iterator[None]:
    """What a file may hold, in bytes, before writing to it fails."""
    before, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (before, hard))


def test_a_file_that_can_hold_no_more_is_named(tmp_path: Path) -> None:
    seconds = iter(range(10))
    writer = RecordingWriter(tmp_path, ABOUT, seconds=lambda: next(seconds))
    writer.connected(START)
    with (
        pytest.raises(RecordingError, match=r"tape-20260128T143000Z\.frames\.gz: File too large"),
        files_limited_to(300),
    ):
        writer.frame(START, bytes(range(256)) * 10)

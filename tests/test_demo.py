"""`tapewatch demo` as a new user meets it: on a terminal, in a pipe, interrupted; nothing is left behind."""

import fcntl
import os
import pty
import re
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hatchling.build import build_wheel

import tapewatch.engine.kernels  # noqa: F401  compiled before the first demo starts
from e2e.processes import environment

ROOT = Path(__file__).parents[1]
PATIENCE = 60
"""Seconds until a test gives up: never reached unless something is wrong."""


@pytest.fixture
def temporary() -> Iterator[Path]:
    """The demo's temporary folder, with a path that is short enough for a socket."""
    folder = Path(tempfile.mkdtemp(prefix="demo-"))
    yield folder
    shutil.rmtree(folder)


def command(*args: object) -> list[str]:
    return [sys.executable, "-m", "tapewatch.cli", "demo", *map(str, args)]


def piped(temporary: Path, *args: object, **env: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        command(*args),
        env=environment(TMPDIR=str(temporary), **env),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def left_behind(temporary: Path) -> list[str]:
    """Files of the demo, and processes that name its folder."""
    found = [str(path) for path in temporary.iterdir()]
    for process in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = process.read_bytes().replace(b"\0", b" ").decode()
        except OSError:
            continue
        if str(temporary) in line:
            found.append(line)
    return found


def read_until(process: subprocess.Popen[str], word: str) -> str:
    assert process.stdout
    for line in process.stdout:
        if word in line:
            return line
    raise AssertionError(f"no {word!r}: {process.stderr and process.stderr.read()}")


def test_in_a_pipe_it_is_a_line_an_alert_and_ends_by_itself(temporary: Path) -> None:
    out, err = piped(temporary, "--seconds", 2).communicate(timeout=PATIENCE)
    assert err == ""
    lines = out.splitlines()
    assert "simulated" in lines[0]
    assert re.search(r"^S&P 500 \(simulated\)  6,\d{3}\.\d\d .* Jan 2026 ", out, re.MULTILINE)
    alerts = [
        line
        for line in lines
        if re.match(r"2026-\d\d-\d\d \d\d:\d\d:\d\d EST  [▲▼] S&P 500 \(simulated\)", line)
    ]
    for text in (
        "entered 6,950–6,970 from below",
        "was rejected at 6,950–6,970",
        "crossed above 7,000",
        "bearish divergence on RSI(14)@1h",
        "crossed below 6,790",
        "crossed below 6,735",
    ):
        assert any(text in line for line in alerts), text
    assert lines[-1].startswith(f"{len(alerts)} alerts, all of a simulated tape.")
    assert "Subject: S&P 500 (simulated) crossed above 7,000, at 7,000.00" in out
    assert "what Slack would show of “breakout”" in out
    assert "Next target: 7,100–7,200" in out
    assert left_behind(temporary) == []


def test_on_a_terminal_it_is_a_picture_that_moves(temporary: Path) -> None:
    shown, code = on_a_terminal(temporary, 80, 24, "--seconds", 2)
    assert code == 0
    assert "\x1b[?1049h" in shown, "no screen of its own"
    assert shown.rindex("\x1b[?1049l") > shown.rindex("\x1b[?1049h"), "the screen was not given back"
    plain = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", shown)
    for word in ("▶ ", "50-day average", "RSI(14)", "% of the tape", "Ctrl-C ends it", "crossed above 7,000"):
        assert word in plain
    assert "what Slack would show of “breakout”" in plain[plain.rindex("Ctrl-C") :]
    assert left_behind(temporary) == []


def on_a_terminal(temporary: Path, columns: int, rows: int, *args: object) -> tuple[str, int]:
    """All that the demo wrote to a terminal of that size, and its exit code."""
    ours, its = pty.openpty()
    fcntl.ioctl(its, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
    env = environment(TMPDIR=str(temporary), TERM="xterm-256color")
    process = subprocess.Popen(command(*args), env=env, stdin=its, stdout=its, stderr=its)
    os.close(its)
    shown = b""
    while True:
        try:
            part = os.read(ours, 65536)
        except OSError:  # nobody has the terminal open any more
            break
        shown += part
    os.close(ours)
    return shown.decode(), process.wait(PATIENCE)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("word", ["EST", "entered"])
def test_a_signal_ends_it_at_once(temporary: Path, number: signal.Signals, word: str) -> None:
    process = piped(temporary, "--seconds", 10)
    read_until(process, word)
    process.send_signal(number)
    _, err = process.communicate(timeout=PATIENCE)
    assert (process.returncode, err) == (0, "")
    assert left_behind(temporary) == []


def listens_to(number: signal.Signals, pid: int) -> bool:
    """Whether the process has a handler for it; proc(5), SigCgt."""
    status = Path(f"/proc/{pid}/status").read_text()
    return bool(int(status.partition("SigCgt:")[2].split()[0], 16) >> (number - 1) & 1)


@pytest.mark.parametrize("delay", [0.0, 0.4, 0.8])
def test_a_signal_while_it_starts_ends_it_too(temporary: Path, delay: float) -> None:
    process = piped(temporary, "--seconds", 30)
    while not listens_to(signal.SIGTERM, process.pid):  # a busy machine takes a while to come to that
        time.sleep(0.01)
    time.sleep(delay)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=PATIENCE)
    assert (process.returncode, err) == (0, "")
    assert left_behind(temporary) == []


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGHUP])
def test_after_its_sudden_death_redis_ends_and_the_folder_goes(
    temporary: Path, number: signal.Signals
) -> None:
    process = piped(temporary, "--seconds", 30)
    read_until(process, "EST")
    assert any("redis" in line for line in left_behind(temporary))
    process.send_signal(number)
    process.communicate(timeout=PATIENCE)
    deadline = time.monotonic() + PATIENCE
    while left_behind(temporary) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert left_behind(temporary) == []


def test_a_reader_that_leaves_ends_it_without_a_traceback(temporary: Path) -> None:
    process = piped(temporary, "--seconds", 5)
    read_until(process, "entered")
    assert process.stdout
    assert process.stderr
    process.stdout.close()
    assert process.stderr.read() == ""
    assert process.wait(PATIENCE) == 1
    assert left_behind(temporary) == []


def test_nobody_elses_redis_is_touched(temporary: Path) -> None:
    nobody = "redis://127.0.0.1:1/0"
    process = piped(temporary, "--seconds", 1, TAPEWATCH_REDIS_URL=nobody)
    _, err = process.communicate(timeout=PATIENCE)
    assert (process.returncode, err) == (0, "")


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The package as its wheel brings it."""
    monkeypatch.chdir(ROOT)
    wheel = build_wheel(str(tmp_path))
    zipfile.ZipFile(tmp_path / wheel).extractall(tmp_path / "installed")
    return tmp_path / "installed"


def test_a_wheel_brings_all_that_is_no_python(installed: Path) -> None:
    def others(folder: Path) -> set[str]:
        files = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
        return {name for name in files if not name.endswith((".py", ".pyc"))}

    assert others(installed / "tapewatch") == others(ROOT / "daemon/tapewatch") | {"defaults/sp500.toml"}
    default = installed / "tapewatch/defaults/sp500.toml"
    assert default.read_bytes() == (ROOT / "config/sp500.toml").read_bytes()


@pytest.mark.long
def test_it_works_from_a_wheel(temporary: Path, installed: Path, tmp_path: Path) -> None:
    env = {"PYTHONPATH": str(installed), "NUMBA_CACHE_DIR": str(tmp_path / "kernels")}
    process = piped(temporary, "--seconds", 1, **env)
    out, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0
    assert err.startswith("compiling the kernels")
    assert str(installed / "tapewatch/defaults/sp500.toml") in out.splitlines()[-1]
    assert left_behind(temporary) == []

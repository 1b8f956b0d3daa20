"""The child that draws: that it is there, is replaced when it fails, and ends when it should."""

import asyncio
import io
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from PIL import Image
from sample_charts import ALERT, changed, crossing, tape
from structlog.testing import capture_logs
from structlog.typing import EventDict

from tapewatch.charts import painter as painters
from tapewatch.charts.chart import Chart
from tapewatch.charts.order import Order, frame
from tapewatch.charts.painter import Painter

PARENT = """
import asyncio, sys
from tapewatch.charts.painter import Painter
async def main():
    painter = Painter()
    await painter.warm_up()
    print(painter.pid, flush=True)
    await asyncio.sleep(60)
asyncio.run(main())
"""


@asynccontextmanager
async def painting() -> AsyncIterator[Painter]:
    painter = Painter()
    try:
        yield painter
    finally:
        await painter.close()


def runs(pid: int) -> bool:
    """Whether there is such a process, and it is not merely waiting to be reaped."""
    try:
        return told(pid, "stat").rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def told(pid: int, what: str) -> str:
    """What the kernel tells of a process."""
    return Path(f"/proc/{pid}/{what}").read_text()


def comes_true(condition: Callable[[], bool], within: float = 10) -> bool:
    until = time.monotonic() + within
    while not condition():
        if time.monotonic() > until:
            return False
        time.sleep(0.02)
    return True


def child_of(painter: Painter) -> int:
    assert painter.pid is not None
    return painter.pid


def reasons(logs: list[EventDict]) -> list[str]:
    return [line["reason"] for line in logs if line["event"] == "picture.failed"]


async def test_a_picture_comes_from_a_child_with_no_secret_that_writes_nothing_and_heeds_no_ctrl_c(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home, temporary, cwd = (tmp_path / name for name in ("home", "temporary", "cwd"))
    for folder in (home, temporary, cwd):
        folder.mkdir()
    (cwd / "matplotlibrc").write_text("savefig.dpi: 7\nnonsense")
    (cwd / "matplotlib.py").write_text("raise SystemExit")
    monkeypatch.chdir(cwd)
    for name, value in {"HOME": home, "TMPDIR": temporary, "TAPEWATCH_FEED_TAPE_KEY": "hunter2"}.items():
        monkeypatch.setenv(name, str(value))
    monkeypatch.setattr(tempfile, "tempdir", None)  # which tempfile remembers
    async with painting() as painter:
        assert painter.pid is None
        await painter.warm_up()
        pid = child_of(painter)
        os.kill(pid, signal.SIGINT)
        picture = await painter.png(crossing(), focus=ALERT)
        assert picture is not None
        assert Image.open(io.BytesIO(picture)).size == (1200, 800)
        small = await painter.png(crossing(), dark=True, width=600, height=400)
        assert small is not None
        assert Image.open(io.BytesIO(small)).size == (600, 400)
        assert painter.pid == pid
        assert "hunter2" not in told(pid, "environ")
        assert told(pid, "stat").rpartition(")")[2].split()[16] == "10"  # nice
        assert not list(home.iterdir())
        assert not list(temporary.iterdir())
    assert not runs(pid)
    assert await painter.png(crossing()) is None


async def test_a_child_that_is_killed_is_replaced() -> None:
    async with painting() as painter:
        await painter.warm_up()
        first = child_of(painter)
        os.kill(first, signal.SIGKILL)
        await asyncio.to_thread(comes_true, lambda: not runs(first))
        await asyncio.sleep(0.1)
        with capture_logs() as logs:
            assert await painter.png(tape()) is not None
            second = child_of(painter)
            os.kill(second, signal.SIGSTOP)
            picture = asyncio.create_task(painter.png(tape(), focus=ALERT))
            await asyncio.sleep(0.1)
            os.kill(second, signal.SIGKILL)
            assert await picture is None
            assert reasons(logs) == ["what draws ended: signal 9"]
            assert await painter.png(tape()) is not None
        assert len({first, second, painter.pid}) == 3


async def test_a_child_that_hangs_is_killed_and_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(painters, "DRAW_SECONDS", 0.5)
    async with painting() as painter:
        await painter.warm_up()
        first = child_of(painter)
        os.kill(first, signal.SIGSTOP)
        began = time.monotonic()
        with capture_logs() as logs:
            assert await painter.png(tape()) is None
        assert 0.5 <= time.monotonic() - began < 3
        assert reasons(logs) == ["it took more than 0.5 s"]
        assert not runs(first)
        monkeypatch.setattr(painters, "DRAW_SECONDS", 30.0)
        assert await painter.png(tape()) is not None


async def test_who_closes_it_while_it_starts_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)
    async with painting() as painter:
        waiting = asyncio.create_task(painter.png(tape()))
        await asyncio.sleep(0.3)
    assert await waiting is None
    assert not os.listdir(tmp_path)


async def test_what_cannot_be_drawn_is_told_and_the_child_stays() -> None:
    async with painting() as painter:
        await painter.warm_up()
        pid = child_of(painter)
        with capture_logs() as logs:
            assert await painter.png(changed(tape(), low=[1.0])) is None
            assert await painter.png(changed(tape(), title="half \ud83d")) is None
            assert await painter.png(tape(), width=0) is None
        assert len(reasons(logs)) == 3
        assert reasons(logs)[0].startswith("IndexError: ")
        assert await painter.png(tape()) is not None
        assert painter.pid == pid


async def test_pictures_of_alerts_go_first_and_in_order_and_old_ones_of_pages_are_given_up() -> None:
    done: list[str] = []

    async def want(painter: Painter, name: str, focus: str | None) -> bytes | None:
        picture = await painter.png(tape(), focus=focus)
        done.append(name)
        return picture

    async with painting() as painter:
        await painter.warm_up()
        pages = [asyncio.create_task(want(painter, f"page {i}", None)) for i in range(6)]
        alerts = [asyncio.create_task(want(painter, f"alert {i}", ALERT)) for i in range(3)]
        gone = asyncio.create_task(want(painter, "gone", ALERT))
        await asyncio.sleep(0)
        gone.cancel()
        assert all(await asyncio.gather(*alerts))
        drawn = await asyncio.gather(*pages)
    assert [picture is not None for picture in drawn] == [False, False, True, True, True, True]
    assert done == [
        "page 0",
        "page 1",
        "alert 0",
        "alert 1",
        "alert 2",
        "page 2",
        "page 3",
        "page 4",
        "page 5",
    ]


@pytest.mark.parametrize(
    ("program", "reason"),
    [
        ("raise SystemExit(3)", "what draws ended: exit code 3"),
        ("print('A matplotlib warning', flush=True); input()", "what draws talks nonsense: an answer of 1,"),
        (
            "import sys; sys.stdout.buffer.write(bytes((0, 0, 0, 2, 1, 1))); sys.stdout.flush(); input()",
            "what draws talks nonsense: Expected `object`",
        ),
        (None, "No such file"),
    ],
)
async def test_a_child_that_does_not_start_costs_nothing_but_the_picture(
    program: str | None, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    start = (sys.executable, "-c", program) if program else ("/nowhere/python",)
    monkeypatch.setattr(painters, "PROGRAM", start)
    monkeypatch.setattr(painters, "PAUSE_SECONDS", 0.2)
    async with painting() as painter:
        with capture_logs() as logs:
            first = await asyncio.gather(painter.png(tape()), painter.png(tape(), focus=ALERT))
            again = await painter.png(tape())  # it rests
        assert first == [None, None]
        assert again is None
        assert len(reasons(logs)) == 1
        assert reason in reasons(logs)[0]
        monkeypatch.undo()
        await asyncio.sleep(0.3)
        assert await painter.png(tape()) is not None


async def test_what_is_no_picture_is_not_handed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    program = """
import sys
from tapewatch.charts.order import Answer, frame
for answer in (Answer(), Answer(png=b"<svg>")):
    sys.stdout.buffer.write(frame(answer))
sys.stdout.flush()
sys.stdin.read()
"""
    monkeypatch.setattr(painters, "PROGRAM", (sys.executable, "-c", program))
    async with painting() as painter:
        with capture_logs() as logs:
            assert await painter.png(tape()) is None
    assert reasons(logs) == ["what draws sent no picture"]


@pytest.mark.parametrize("stopped", [False, True], ids=["idle", "hanging"])
def test_a_parent_that_is_killed_leaves_no_child(stopped: bool) -> None:
    with subprocess.Popen([sys.executable, "-c", PARENT], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        assert runs(child)
        if stopped:
            os.kill(child, signal.SIGSTOP)
        parent.kill()
    assert comes_true(lambda: not runs(child))


def test_the_child_ends_with_its_input(tmp_path: Path) -> None:
    program = (sys.executable, "-m", "tapewatch.charts.child", str(os.getpid()))
    order = frame(Order(chart=tape(2), dark=False, width=300, height=200, focus=None))
    env = {"MPLCONFIGDIR": str(tmp_path), "MPL_IGNORE_SYSTEM_FONTS": "1"}
    done = subprocess.run(program, input=order + order[:7], capture_output=True, timeout=60, env=env)
    assert done.returncode == 0
    assert done.stdout.count(b"\x89PNG") == 1
    assert not done.stderr


@pytest.mark.long
@pytest.mark.timeout(600)
async def test_hundreds_of_pictures_hold_their_memory() -> None:
    def resident(pid: int) -> int:
        return int(told(pid, "statm").split()[1]) * os.sysconf("SC_PAGE_SIZE")

    async def draw(painter: Painter, count: int) -> None:
        charts: list[Chart] = [crossing(), tape(300), tape(middle=100_000)]
        for number in range(count):
            assert await painter.png(charts[number % 3], dark=bool(number % 2)) is not None

    async with painting() as painter:
        await draw(painter, 60)
        before = resident(child_of(painter))
        await draw(painter, 300)
        assert resident(child_of(painter)) - before < 8 << 20

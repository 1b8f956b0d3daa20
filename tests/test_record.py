"""`simulate`, `record` and `replay`, each a process: what was recorded gives what the tape gives."""

import asyncio
import json
import re
import signal
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from e2e.processes import KEY, PATIENCE, Program, environment
from e2e.tapes import Case, synthetic_case
from tapewatch.feeds.recording import Connected, Frame, Line, Time, open_recording


@pytest.fixture(scope="module")
def case(tmp_path_factory: pytest.TempPathFactory) -> Case:
    return synthetic_case(tmp_path_factory.mktemp("record"))


class Desk:
    """A folder with a config whose feed is a simulator of its own."""

    def __init__(self, folder: Path, case: Case) -> None:
        self.folder = folder
        self.case = case
        self.config = folder / "config.toml"
        self.recordings = folder / "recordings"
        self.programs: list[Program] = []

    async def simulate(self, *options: object) -> None:
        """The tape, as Massive sends it, from its start for each client."""
        command = ("simulate", "--tape", self.case.tape, "--symbol", self.case.symbol, "--port", 0)
        simulator = await self.start(*command, "--from-start", *options)
        url = (await simulator.said(r"simulated massive feed on (ws://127\.0\.0\.1:\d+)"))[1]
        self.config.write_text(f"""
name = "test"
state_dir = "state"
[[feed]]
name = "tape"
vendor = "massive"
url = "{url}"
clock = "tape"
{self.case.watch}
""")

    async def record(self) -> Program:
        return await self.start("record", "--config", self.config, "--dir", self.recordings)

    async def replay(self, *files: Path) -> tuple[list[dict[str, Any]], list[str]]:
        """The alerts of the files, and what was said."""
        out = self.folder / "alerts.jsonl"
        replay = await self.start("replay", *files, "--config", self.config, "--alerts", out)
        assert await replay.ended() == 0, replay.everything()
        return [json.loads(line) for line in out.read_bytes().splitlines()], replay.err

    def files(self) -> list[Path]:
        """Those whose first line is there."""
        return sorted(file for file in self.recordings.glob("*") if file.stat().st_size)

    def lines(self) -> list[Line]:
        return [line for file in self.files() for line in open_recording(file).lines()]

    async def until(self, holds: Callable[[], bool]) -> None:
        """Returns once it holds; what is flushed can be read by then."""
        async with asyncio.timeout(PATIENCE):
            while not holds():  # noqa: ASYNC110  a file tells nobody
                await asyncio.sleep(0.05)

    async def start(self, *args: object) -> Program:
        self.programs.append(await Program.start(*args, env=environment()))
        return self.programs[-1]


@pytest.fixture
async def desk(tmp_path: Path, case: Case):
    own = Desk(tmp_path, case)
    yield own
    for program in own.programs:
        await program.kill()


def recorded_ticks(lines: list[Line]) -> int:
    return sum(line.text.count('"ev":"T"') for line in lines if isinstance(line, Frame))


def number_of_ticks(case: Case) -> int:
    return len(case.tape.read_text().splitlines()) - 1


async def test_a_recorded_tape_gives_the_alerts_of_the_tape(desk: Desk) -> None:
    await desk.simulate("--speed", "max")
    recorder = await desk.record()
    await desk.until(lambda: recorded_ticks(desk.lines()) == number_of_ticks(desk.case))
    assert await recorder.stop(signal.SIGINT) == 0, recorder.everything()

    (file,) = desk.files()
    assert re.fullmatch(r"tape-\d{8}T\d{6}Z\.frames\.gz", file.name)
    assert stat.S_IMODE(desk.recordings.stat().st_mode) == 0o700
    recording = open_recording(file)
    assert (recording.about.vendor, recording.about.clock, recording.about.symbols) == (
        "massive",
        "tape",
        ["ACME"],
    )
    lines = list(recording.lines())
    assert recording.torn_after is None
    assert {Connected, Frame, Time} == {type(line) for line in lines}
    assert [line.time for line in lines] == sorted(line.time for line in lines)
    assert KEY not in str(lines)

    expected, _ = await desk.replay(desk.case.tape)
    got, said = await desk.replay(file)
    assert len(expected) > 30
    assert got == expected
    assert said[-1].startswith(f"{number_of_ticks(desk.case):,} ticks in ")


async def test_what_was_recorded_before_a_kill_can_be_replayed(desk: Desk) -> None:
    await desk.simulate("--speed", "5000x")
    recorder = await desk.record()
    await desk.until(lambda: recorded_ticks(desk.lines()) > 5000)
    await recorder.kill()
    (file,) = desk.files()
    got, said = await desk.replay(file)
    expected, _ = await desk.replay(desk.case.tape)
    assert got
    assert got == expected[: len(got)]
    assert re.fullmatch(r"note: .*\.frames\.gz: its end is torn off; it was read up to line [\d,]+", said[-2])


async def test_a_line_that_drops_comes_back_into_the_same_file(desk: Desk) -> None:
    await desk.simulate("--speed", "100x", "--drop-every", "0.3")
    recorder = await desk.record()
    connections = lambda: [line for line in desk.lines() if isinstance(line, Connected)]  # noqa: E731
    await desk.until(lambda: len(connections()) >= 3)
    assert await recorder.stop() == 0
    assert len(desk.files()) == 1
    await desk.replay(*desk.files())


async def test_who_is_refused_is_told(desk: Desk) -> None:
    await desk.simulate("--refuse-login")
    recorder = await desk.record()
    assert await recorder.ended() == 1
    assert recorder.err[-1].startswith("error: feed tape: Massive refused the key: ")
    assert "TAPEWATCH_FEED_TAPE_KEY" in recorder.err[-1]
    assert "Traceback" not in recorder.everything()
    assert len([line for line in desk.lines() if isinstance(line, Frame)]) == 2


async def test_a_folder_that_cannot_be_written_is_said_at_once(desk: Desk) -> None:
    await desk.simulate()
    desk.recordings.touch()
    recorder = await desk.record()
    assert await recorder.ended() == 1
    assert recorder.err[-1] == f"error: {desk.recordings}: File exists"

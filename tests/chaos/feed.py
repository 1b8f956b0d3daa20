"""The tapes at work: a `tapewatch simulate` that plays them, and what `tapewatch replay` says to them."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from chaos import dance
from chaos.dance import Dance
from e2e.processes import Program, environment


@dataclass(frozen=True)
class Feed:
    """A tape that is played."""

    port: int
    expected: Sequence[bytes]
    """JSON of the alerts that it must give."""
    quiet_seconds: float
    """From its start to the first alert."""


@dataclass(frozen=True)
class Feeds:
    """Both tapes."""

    from_start: Feed
    """Begins anew for each client; it plays all the time."""
    runs_on: Dance
    """Begins once, as a market does."""
    expected_of_it: Sequence[bytes]

    @asynccontextmanager
    async def running_on(self) -> AsyncIterator[Feed]:
        """It begins now."""
        async with _played(self.runs_on) as port:
            yield Feed(port, self.expected_of_it, dance.QUIET_SECONDS)


@asynccontextmanager
async def open_feeds(folder: Path) -> AsyncIterator[Feeds]:
    """Makes the tapes in `folder`, and plays the first."""
    anew, runs_on = dance.make(folder, False), dance.make(folder, True)
    expected = [await _replayed(tape, folder) for tape in (anew, runs_on)]
    async with _played(anew) as port:
        yield Feeds(Feed(port, expected[0], 0.0), runs_on, expected[1])


@asynccontextmanager
async def _played(tape: Dance) -> AsyncIterator[int]:
    options = () if tape.runs_on else ("--from-start",)
    command = (
        "simulate",
        "--vendor",
        "massive",
        "--port",
        0,
        "--tape",
        tape.tape,
        "--speed",
        f"{dance.SPEED}x",
    )
    program = await Program.start(*command, *options, env=environment())
    try:
        yield int((await program.said(r"ws://127\.0\.0\.1:(\d+)"))[1])
    finally:
        await program.kill()


async def _replayed(tape: Dance, folder: Path) -> list[bytes]:
    config, alerts = folder / "replay.toml", tape.tape.with_suffix(".jsonl")
    config.write_text(f'name = "{dance.INSTANCE}"\n{dance.watches()}')
    replay = await Program.start(
        "replay", tape.tape, "--config", config, "--alerts", alerts, env=environment()
    )
    assert await replay.ended() == 0, replay.everything()
    return alerts.read_bytes().splitlines()

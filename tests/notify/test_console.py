import asyncio
import io
import os
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from sample_alerts import HOSTILE, alert, later, message

from tapewatch.notify.console import Console
from tapewatch.notify.message import Kind
from tapewatch.notify.sender import PermanentError


async def test_one_line_per_alert(capfd: pytest.CaptureFixture[str]) -> None:
    await Console().send(message())
    await Console().send(message(alert(direction="down", next=None)))
    assert capfd.readouterr().out == (
        "2026-01-28 09:31:07 EST  ▲ S&P 500 crossed above 7,000, at 7,000.25  next 7,100–7,200\n"
        "2026-01-28 09:31:07 EST  ▼ S&P 500 crossed above 7,000, at 7,000.25\n"
    )


async def test_a_link_is_spelled_out_in_a_file_and_behind_a_word_on_a_terminal() -> None:
    own = replace(message(), link="https://tape.example.org/alerts/9f0c\x1b[2J x")
    file, terminal = io.StringIO(), Terminal()
    await Console(file).send(replace(own, link="https://tape.example.org/alerts/9f0c"))
    await Console(terminal).send(own)
    assert file.getvalue().endswith("  next 7,100–7,200  https://tape.example.org/alerts/9f0c\n")
    address = "https://tape.example.org/alerts/9f0c%1B[2J%20x"
    shown = f"  next 7,100–7,200  \x1b]8;;{address}\x1b\\chart\x1b]8;;\x1b\\\n"
    assert terminal.getvalue().endswith(shown)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


async def test_hostile_text_cannot_draw_on_the_terminal() -> None:
    out = io.StringIO()
    await Console(out).send(message(HOSTILE))
    assert out.getvalue().endswith("\n")
    assert out.getvalue()[:-1].isprintable()


async def test_a_terminal_without_the_characters_shows_the_rest() -> None:
    raw = io.BytesIO()
    out = io.TextIOWrapper(raw, encoding="ascii")
    await Console(out).send(message())
    assert b"? S&P 500 crossed above 7,000" in raw.getvalue()


async def test_a_reader_that_went_away_is_a_permanent_error() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    out = os.fdopen(writer, "w")
    with pytest.raises(PermanentError, match="standard output"):
        await Console(out).send(message())
    with pytest.raises(BrokenPipeError):
        out.close()


async def test_a_reader_that_reads_no_more_does_not_keep_the_process_from_its_end() -> None:
    """As a terminal after Ctrl-S."""
    reader, writer = os.pipe()
    script = """
import asyncio
from sample_alerts import message
from tapewatch.notify.console import Console

async def main():
    async with asyncio.timeout(1):
        while True:
            await Console().send(message())

try:
    asyncio.run(main())
except TimeoutError:
    print("stopped", file=__import__("sys").stderr)
"""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", script, stdout=writer, stderr=asyncio.subprocess.PIPE, cwd=Path(__file__).parent
    )
    try:
        _, said = await asyncio.wait_for(process.communicate(), 20)
    finally:
        if process.returncode is None:
            process.kill()
        os.close(reader)
        os.close(writer)
    assert (process.returncode, said) == (0, b"stopped\n")


async def test_several_are_a_line_each_and_a_summary_is_one(capfd: pytest.CaptureFixture[str]) -> None:
    await Console().send(message(later(0, next=None), later(1, next=None, text="S&P 500 is at 7,001")))
    down = {"type": "tapewatch.level.crossed_down", "direction": "down"}
    await Console().send(message(later(0), later(48, **down), kind=Kind.SUMMARY))
    assert capfd.readouterr().out == (
        "2026-01-28 09:31:07 EST  ▲ S&P 500 crossed above 7,000, at 7,000.25\n"
        "2026-01-28 09:31:08 EST  ▲ S&P 500 is at 7,001\n"
        "2026-01-28 09:31:55 EST  ▼ S&P 500 crossed 7,000 twice in 48 s, now below\n"
    )


async def test_a_digest_is_its_headline_and_what_is_in_it(capfd: pytest.CaptureFixture[str]) -> None:
    await Console().send(message(later(0), later(60, text="S&P 500 is at 7,001"), kind=Kind.DIGEST))
    assert capfd.readouterr().out == (
        "● 2 alerts from 09:31 to 09:32 EST\n"
        "  09:31:07 EST ▲ S&P 500 crossed above 7,000, at 7,000.25\n"
        "  09:32:07 EST ▲ S&P 500 is at 7,001\n"
    )

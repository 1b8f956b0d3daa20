import io
import os

import pytest
from sample_alerts import HOSTILE, alert

from tapewatch.notify.console import Console
from tapewatch.notify.sender import PermanentError


async def test_one_line_per_alert(capsys: pytest.CaptureFixture[str]) -> None:
    await Console().send(alert(), b"")
    await Console().send(alert(direction="down", next=None), b"")
    assert capsys.readouterr().out == (
        "2026-01-28 09:31:07 EST  ▲ S&P 500 crossed above 7,000, at 7,000.25  next 7,100–7,200\n"
        "2026-01-28 09:31:07 EST  ▼ S&P 500 crossed above 7,000, at 7,000.25\n"
    )


async def test_hostile_text_cannot_draw_on_the_terminal() -> None:
    out = io.StringIO()
    await Console(out).send(HOSTILE, b"")
    assert out.getvalue().endswith("\n")
    assert out.getvalue()[:-1].isprintable()


async def test_a_terminal_without_the_characters_shows_the_rest() -> None:
    raw = io.BytesIO()
    out = io.TextIOWrapper(raw, encoding="ascii")
    await Console(out).send(alert(), b"")
    assert b"? S&P 500 crossed above 7,000" in raw.getvalue()


async def test_a_reader_that_went_away_is_a_permanent_error() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    out = os.fdopen(writer, "w")
    with pytest.raises(PermanentError, match="standard output"):
        await Console(out).send(alert(), b"")
    with pytest.raises(BrokenPipeError):
        out.close()

"""`tapewatch top` at a daemon that runs: what moves, what fires, what is silenced, and a daemon that goes and comes."""

import asyncio
import os
import pty
import re
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
from house import KEYS
from live import Place
from processes import PATIENCE, Program
from textual.pilot import Pilot

from tapewatch.runner import WrongCommandError
from tapewatch.top.address import Address
from tapewatch.top.app import Top
from tapewatch.top.client import Client, DaemonError
from tapewatch.top.run import first_state

WATCH = """
title = "Bitcoin"
indicators = []
level = [{ name = "round", price = 100, severity = "critical" }]

[[receiver]]
name = "desk"
kind = "console"

[[route]]
receivers = ["desk"]
"""


def screen(app: Top) -> str:
    """All that can be read."""
    return "\n".join("".join(part.text for part in strip) for strip in app.screen._compositor.render_strips())


async def shows(pilot: Pilot[None], holds: Callable[[str], object]) -> str:
    """The screen, once that holds of it."""
    app = pilot.app
    assert isinstance(app, Top)
    try:
        async with asyncio.timeout(PATIENCE):
            while not holds(screen(app)):
                await pilot.pause(0.05)
    except TimeoutError:
        raise AssertionError(f"never shown:\n{screen(app)}") from None
    return screen(app)


async def listening(daemon: Program) -> str:
    await daemon.logged("daemon.ready")
    return (await daemon.logged("http.listening"))["url"]


async def test_the_screen_moves_as_the_daemon_does(place: Place) -> None:
    redis = await place.redis()
    place.write(WATCH, history=False)
    daemon = await place.daemon()
    address = Address(await listening(daemon), None)
    await place.exchange.listened()
    await place.exchange.trade(99, 99.5)

    async with Client(*address) as client:
        app = Top(client, await first_state(client, address, None, None))
        async with app.run_test(size=(110, 34)) as pilot:
            parts = (r"Bitcoin +99\.50", r"✓ ready", r"100 +round +\+0\.50")
            await shows(pilot, lambda text: all(re.search(part, text) for part in parts))

            await place.exchange.trade(100.25)
            shown = await shows(pilot, lambda text: "crossed above 100" in text and "✓ desk" in text)
            assert re.search(r"BTC/USD !▲ crossed above 100", shown)
            assert "◀100.25" in shown

            await pilot.press("s")
            await shows(pilot, lambda text: "silenced: BTC/USD until" in text)
            assert await redis.hlen(KEYS.silences) == 1
            await place.exchange.trade(99)
            await shows(pilot, lambda text: "– desk silenced" in text)
            await shows(pilot, lambda text: re.search(r"Bitcoin +99\.00", text) and "◀99.00" in text)
            await pilot.press("s")
            await shows(pilot, lambda text: "is lifted" in text and "silenced: BTC" not in text)

            assert await daemon.stop() == 0, daemon.everything()
            await shows(pilot, lambda text: "no tapewatch listens at" in text and "tried again in" in text)
            place.config.write_text(
                place.config.read_text().replace("127.0.0.1:0", address.url.removeprefix("http://"))
            )
            await place.daemon()
            shown = await shows(pilot, lambda text: "✓ ready" in text)
            assert len(re.findall("crossed above 100", shown)) == 1


class Typed:
    """`tapewatch top` on a terminal of its own."""

    def __init__(self, process: asyncio.subprocess.Process, terminal: int) -> None:
        self.process = process
        self._terminal = terminal
        self._drawn = b""

    def type(self, keys: str) -> None:
        os.write(self._terminal, keys.encode())

    async def drawn(self, text: str) -> None:
        """Returns once it was drawn."""
        async with asyncio.timeout(PATIENCE):
            while text.encode() not in self._drawn:
                self._drawn += await asyncio.to_thread(os.read, self._terminal, 65536)

    async def ended(self) -> tuple[int, bytes]:
        """Its exit code, and all that was drawn; who does not read holds it up."""
        while True:
            try:
                part = await asyncio.to_thread(os.read, self._terminal, 65536)
            except OSError:  # the last one closed the other end
                part = b""
            if not part:
                return await self.process.wait(), self._drawn
            self._drawn += part


@asynccontextmanager
async def typed(place: Place, *args: object, **env: str) -> AsyncIterator[Typed]:
    terminal, other = pty.openpty()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tapewatch.cli", "top", *map(str, args)),
        stdin=other,
        stdout=other,
        stderr=other,
        env=place.env | {"TERM": "xterm-256color", "COLUMNS": "90", "LINES": "30"} | env,
        start_new_session=True,
    )
    os.close(other)
    try:
        yield Typed(process, terminal)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
        os.close(terminal)


ALTERNATE, NORMAL = b"\x1b[?1049h", b"\x1b[?1049l"
"""Source: https://invisible-island.net/xterm/ctlseqs/ctlseqs.html, the alternate screen buffer."""


@pytest.mark.parametrize("by", ["key", "signal"])
async def test_the_terminal_is_given_back(place: Place, by: str) -> None:
    await place.redis()
    place.write(WATCH, history=False)
    url = await listening(await place.daemon())
    async with typed(place, "--url", url) as top:
        await top.drawn("Bitcoin")
        if by == "key":
            top.type("q")
        else:
            top.process.send_signal(signal.SIGTERM)
        code, drawn = await top.ended()
    assert code == 0, drawn.decode(errors="replace")
    assert drawn.index(ALTERNATE) < drawn.index(NORMAL)
    assert b"Traceback" not in drawn


async def test_who_cannot_be_asked_is_told_what_to_do(place: Place) -> None:
    await place.redis()
    place.env["TAPEWATCH_HTTP_TOKEN"] = "top-sesame"
    place.write(WATCH, history=False)
    url = await listening(await place.daemon())
    for address, symbol, says in (
        (Address(url, None), None, "it wants a token): set TAPEWATCH_HTTP_TOKEN"),
        (Address(url, "another"), None, "the token is not the daemon's"),
        (Address("http://127.0.0.1:9", None), None, "no tapewatch listens at http://127.0.0.1:9"),
        (Address(url, "top-sesame"), "ETH", "'ETH' is not watched: there is BTC/USD"),
    ):
        async with Client(*address) as client:
            with pytest.raises((DaemonError, WrongCommandError)) as error:
                await first_state(client, address, symbol, None)
        assert says in str(error.value)


async def test_a_terminal_that_cannot_draw_is_told_what_to_use(place: Place) -> None:
    place.write(WATCH, history=False)
    async with typed(place, "--config", place.config, TERM="dumb") as top:
        code, drawn = await top.ended()
    assert code == 2
    assert b"tapewatch status and tapewatch tail write plain lines" in drawn
    assert ALTERNATE not in drawn


async def test_on_a_pipe_it_names_what_is_for_programs(place: Place) -> None:
    place.write(WATCH, history=False)
    top = await Program.start("top", "--config", place.config)
    assert await top.ended() == 2
    assert "tapewatch status --json" in top.everything()

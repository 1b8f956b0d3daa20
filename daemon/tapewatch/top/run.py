"""From the first question to the end of the screen."""

import asyncio
import os
import sys

from tapewatch.runner import WrongCommandError
from tapewatch.top.address import Address
from tapewatch.top.app import Top
from tapewatch.top.client import Client, DaemonError, NoDaemonError, NotAllowedError
from tapewatch.top.state import State
from tapewatch.top.wire import Found, Listed


class NoTopError(DaemonError):
    """The daemon cannot be asked; the message says what to do about it."""


def check_terminal() -> None:
    """Whether there is a screen to draw on, and keys to be pressed.

    Raises:
        WrongCommandError: there is none; the message says what to use instead.
    """
    if not all(stream is not None and stream.isatty() for stream in (sys.stdin, sys.stdout, sys.stderr)):
        raise WrongCommandError(
            "top needs a terminal: for programs and pipes there are tapewatch status --json and tapewatch tail --json"
        )
    if os.environ.get("TERM", "") in ("", "dumb", "unknown"):
        raise WrongCommandError(
            f"the terminal cannot move its cursor (TERM={os.environ.get('TERM', '')}): "
            "tapewatch status and tapewatch tail write plain lines"
        )


async def run(address: Address, symbol: str | None, timeframe: str | None, stop: asyncio.Event) -> None:
    """Shows the screen until somebody quits, or `stop`.

    Raises:
        DaemonError: it cannot be asked.
        WrongCommandError: it has no such symbol or timeframe.
    """
    async with Client(address.url, address.token) as client:
        state = await first_state(client, address, symbol, timeframe)
        app = Top(client, state)
        screen = asyncio.create_task(app.run_async(mouse=False))  # the terminal's own: text can be copied
        stopped = asyncio.create_task(stop.wait())
        await asyncio.wait((screen, stopped), return_when=asyncio.FIRST_COMPLETED)
        if not screen.done():
            app.exit()
        stopped.cancel()
        await screen


async def first_state(client: Client, address: Address, symbol: str | None, timeframe: str | None) -> State:
    """What is shown at first.

    Raises:
        DaemonError: it cannot be asked.
        WrongCommandError: it has no such symbol or timeframe.
    """
    try:
        known = await client.watches()
        watch = await _wanted(client, known, symbol)
    except NoDaemonError as error:
        raise NoTopError(
            f"{error}. Is tapewatch running? Its address is http.listen in the config; http.listening in its log"
            " says where it listens; --url asks another one"
        ) from None
    except NotAllowedError as error:
        what = "the token is not the daemon's" if address.token else "it wants a token"
        raise NoTopError(
            f"{error} ({what}): set TAPEWATCH_HTTP_TOKEN, or http.token_file in the config, to what the daemon has"
        ) from None
    if timeframe is not None and timeframe not in watch.timeframes:
        raise WrongCommandError(
            f"{watch.symbol} is not watched in {timeframe}: there is {', '.join(watch.timeframes)}"
        )
    if watch not in known.watches:
        known.watches.append(watch)
    return State(known, watch.symbol, timeframe or watch.timeframes[0])


async def _wanted(client: Client, known: Found, symbol: str | None) -> Listed:
    """The watch of that symbol; None: the first."""
    if symbol is None:
        return known.watches[0]
    for own in (*known.watches, *(await client.watches(symbol)).watches):
        if own.symbol == symbol:
            return own
    names = ", ".join(own.symbol for own in known.watches[:8])
    raise WrongCommandError(f"{symbol!r} is not watched: there is {names}{' …' if known.total > 8 else ''}")

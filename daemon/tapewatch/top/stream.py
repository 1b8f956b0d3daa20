"""Keeps the state up to date: follows the event stream, and comes back when it breaks."""

import asyncio
from collections.abc import Callable
from typing import Never

import msgspec

from tapewatch.feeds.backoff import Backoff
from tapewatch.top.client import Client, DaemonError
from tapewatch.top.state import ENTRIES, State

BACKOFF = Backoff(base=1, cap=15)
"""Between attempts; much shorter than a feed's, as it is our own daemon."""


async def follow(client: Client, state: State, changed: Callable[[], None]) -> Never:
    """Takes what the daemon sends of the chart that the state shows, until cancelled.

    Args:
        client: of the daemon.
        state: is kept up to date.
        changed: called after each change.
    """
    attempt = 0
    while True:
        try:
            async with client.events(state.symbol, state.timeframe, state.last_id) as events:
                state.trouble, attempt = None, 0
                changed()
                await _catch_up(client, state)
                changed()
                async for event in events:
                    state.take(event)
                    changed()
            why = "the daemon ended the line"
        except msgspec.DecodeError as error:
            why = f"what answers at {client.url} is no tapewatch of this version: {error}"
        except DaemonError as error:
            why = str(error)
        wait = 0.5 + BACKOFF.delay(attempt)
        state.fail(why, wait)
        changed()
        attempt += 1
        await asyncio.sleep(wait)


async def _catch_up(client: Client, state: State) -> None:
    """What was before the stream began: it is read after that, so that nothing falls between."""
    for entry in await client.alerts(ENTRIES // 4):
        state.take_entry(entry)

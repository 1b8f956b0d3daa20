"""Keeps watch over the feeds: a mute connection is replaced, and people hear that a feed is stale, or back."""

import asyncio
import time
from collections.abc import Sequence
from typing import Never

import numpy as np
from numpy.typing import NDArray

from tapewatch import instruments
from tapewatch.alerts import feed_alert
from tapewatch.config import Config
from tapewatch.feeds.connection import Connection, State
from tapewatch.feeds.silence import Silence, listened
from tapewatch.tick_path import TickPath

LOOK_SECONDS = 0.5


class Vigil:
    """Listens to every feed.

    Args:
        config: as it begins; `watch` takes others.
        path: has the engine, and takes the alerts.
    """

    def __init__(self, config: Config, path: TickPath) -> None:
        self._path = path
        self._instance = config.name
        self._silences = [Silence((), time.monotonic(), by_tape=feed.clock == "tape") for feed in config.feed]
        self.watch(config)

    def watch(self, config: Config) -> None:
        """These watches from now on."""
        self._config = config
        numbers = self._path.engine.instruments
        for feed, silence in zip(config.feed, self._silences, strict=True):
            own = [
                listened(
                    watch, [numbers[name] for name in instruments.legs(config, watch) or (watch.symbol,)]
                )
                for watch in config.watch
                if config.feed_of(watch) is feed
            ]
            silence.watch(filter(None, own), time.monotonic())

    def ticks(self, feed: int, ticks: NDArray[np.void]) -> None:
        """Ticks have come, whatever becomes of them."""
        self._silences[feed].ticks(ticks, time.monotonic())

    def subscribed(self, feed: int) -> None:
        """The vendor confirmed."""
        self._silences[feed].subscribed(time.monotonic())

    def lost(self, feed: int) -> None:
        """The connection is gone."""
        self._silences[feed].lost()

    def stale(self, feed: int) -> bool:
        """Whether ticks are missing on it while its market trades, and people were told so."""
        return self._silences[feed].stale

    async def run(self, connections: Sequence[Connection]) -> Never:
        """Looks at every feed until cancelled; `connections` are theirs, in the config's order."""
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            for feed, connection in enumerate(connections):
                self._look(feed, connection)

    def _look(self, feed: int, connection: Connection) -> None:
        own = self._config.feed[feed]
        clock = self._path.engine.clock(feed) if own.clock == "tape" else time.time_ns()
        look = self._silences[feed].look(time.monotonic(), clock)
        if look.mute is not None:
            connection.replace(f"mute: {look.mute}")
        if look.back is not None:
            self._path.announce(feed_alert.back(self._instance, own.name, look.back))
        if look.stale is not None:
            refused = connection.state is State.REFUSED
            self._path.announce(feed_alert.stale(self._instance, own.name, look.stale, refused=refused))

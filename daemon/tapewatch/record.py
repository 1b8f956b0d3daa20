"""`tapewatch record`: one feed kept connected, and what comes over it written to files."""

import asyncio
import time
from functools import partial
from pathlib import Path
from typing import Never

import numpy as np
import structlog
from numpy.typing import NDArray

from tapewatch import addresses, instruments, sources
from tapewatch.background import background
from tapewatch.config import Config, Feed
from tapewatch.feeds.connection import Connection
from tapewatch.feeds.recording import About, RecordingWriter
from tapewatch.feeds.vendors import VENDORS

log = structlog.get_logger(__name__)

TIME_SECONDS = 0.25
"""Between two `time` lines: as often as the daemon tells its engine the time."""

STATUS_SECONDS = 60.0
"""Between two lines that say how far it is."""


class Recorder:
    """Records one feed of a config.

    Args:
        config: the config.
        feed: one of its feeds.
        folder: where the files go.

    Raises:
        FeedError: the feed cannot be connected as configured.
        ConfigError: the file of a secret cannot be read.
    """

    def __init__(self, config: Config, feed: Feed, folder: Path) -> None:
        self.ticks = 0
        """Ticks in the frames that came."""
        credentials = sources.credentials(config, feed)
        symbols = list(instruments.asked(config, feed))
        about = About(feed.name, feed.vendor, feed.clock, symbols)
        self.writer = RecordingWriter(folder, about, [credentials.key, credentials.secret])
        numbers = {name: number for number, name in enumerate(symbols)}
        first, *second = addresses.urls(feed, credentials, symbols)
        self._connection = Connection(
            feed,
            first,
            partial(VENDORS[feed.vendor].protocol, feed, credentials),
            numbers,
            self._count,
            fallback_url=second[0] if second else None,
            on_connected=lambda: self.writer.connected(time.time_ns()),
            on_frame=lambda frame: self.writer.frame(time.time_ns(), frame),
        )

    async def run(self, stop: asyncio.Event) -> None:
        """Records until `stop` is set.

        Raises:
            RecordingError: a file cannot be written.
            FeedRefusedError: the vendor refuses the feed.
        """
        log.info("recording.started", feed=self._connection.feed.name, symbols=self.writer.about.symbols)
        try:
            async with background(self._connection.run(), self._keep_time(), self._report()):
                await stop.wait()
        finally:
            self.writer.close()
            log.info("recording.stopped", **self._progress())

    def _count(self, ticks: NDArray[np.void]) -> None:
        self.ticks += len(ticks)

    async def _keep_time(self) -> Never:
        while True:
            self.writer.time(time.time_ns())
            await asyncio.sleep(TIME_SECONDS)

    async def _report(self) -> Never:
        while True:
            await asyncio.sleep(STATUS_SECONDS)
            log.info("recording.goes_on", **self._progress())

    def _progress(self) -> dict[str, str | int]:
        return {
            "feed": self._connection.feed.name,
            "state": str(self._connection.state),
            "frames": self.writer.frames,
            "ticks": self.ticks,
            "file": str(self.writer.path),
        }

"""The events of one page: what it shows of a symbol, and what concerns all."""

import asyncio
import re
import time
from contextlib import suppress
from dataclasses import dataclass

from redis.asyncio import Redis

from tapewatch import alert_log
from tapewatch.charting import NoChartError
from tapewatch.config import Watch
from tapewatch.store.keys import Keys
from tapewatch.vitals import Vitals
from tapewatch.web.alerts import entry_json
from tapewatch.web.answers import ApiError, asking_redis
from tapewatch.web.events import COMMENT, Write, event
from tapewatch.web.listeners import Listener
from tapewatch.web.news import News
from tapewatch.web.now import Now
from tapewatch.web.pulse import Pulse
from tapewatch.web.shown import Shown

LOOK_SECONDS = 0.25
"""Between two looks at what a page shows."""

RESUME_AGAIN_SECONDS = 1.0
"""Until Redis, which did not say what a page has missed, is asked again."""

COMMENT_SECONDS = 15.0
"""Nothing is sent for so long: then a word that says nothing, so that everybody on the way knows that we live."""

FOLLOWED_WITHIN = 1.0
"""Seconds that the first event may wait for Redis."""

RESUMED = 500
"""So many of the newest alerts are sent again to a page that was away."""

_ENTRY = re.compile(r"\d{1,18}-\d{1,18}", re.ASCII)


@dataclass(frozen=True, eq=False)
class Parts:
    """What all pages of a process have their events from."""

    vitals: Vitals
    redis: Redis
    keys: Keys
    now: Now
    news: News
    pulse: Pulse


class Live:
    """One page.

    Args:
        parts: the process's.
        listener: its own.
        shown: the watch and the timeframe that it shows; None: no symbol.
        seen: the last alert it has, by its place in the stream; what is no place is as good as none.
    """

    def __init__(
        self, parts: Parts, listener: Listener, shown: tuple[Watch, str] | None, seen: str | None
    ) -> None:
        self._parts = parts
        self._listener = listener
        self._shown = Shown(parts.vitals, parts.now, *shown) if shown else None
        self._seen = seen if seen and _ENTRY.fullmatch(seen) else None
        self._resumed = self._seen is None
        self._resume_at = 0.0
        self._held: list[tuple[str | None, bytes]] = []  # alerts that came meanwhile
        self._told_again: set[str] = set()

    async def run(self, write: Write) -> None:
        """Writes until the page is dropped, or what it shows is watched no more."""
        with suppress(TimeoutError):
            # Who asks for the alerts there are once this has begun misses none; not so while Redis is away.
            async with asyncio.timeout(FOLLOWED_WITHIN):
                await self._parts.news.following.wait()
        self._parts.pulse.greet(self._listener)
        try:
            await self._run(write)
        except NoChartError:
            pass  # the page comes again, and is told so
        finally:
            if self._shown:
                self._shown.close()

    async def _run(self, write: Write) -> None:
        said = look_at = time.monotonic()
        while not self._listener.dropped:
            told = await self._news()
            if self._shown and time.monotonic() >= look_at:
                told += await self._shown.look()
                look_at = time.monotonic() + LOOK_SECONDS
            silent = time.monotonic() - said >= COMMENT_SECONDS
            if told or silent:
                await write(told or COMMENT)
                said = time.monotonic()
            if not self._shown:
                look_at = time.monotonic() + (COMMENT_SECONDS if self._resumed else LOOK_SECONDS)
            await self._listener.wait(max(look_at - time.monotonic(), 0))

    async def _news(self) -> bytes:
        """What concerns all; alerts that the page has missed come before those that are new."""
        news = self._listener.take()
        if self._resumed:
            return self._joined(news)
        self._held += [own for own in news if own[0] is not None]
        others = self._joined([own for own in news if own[0] is None])
        missed = await self._missed()
        if missed is None:
            return others
        self._resumed = True
        return others + missed + self._joined(self._held)

    async def _missed(self) -> bytes | None:
        """None as long as Redis does not say."""
        parts = self._parts
        if not parts.news.following.is_set() or time.monotonic() < self._resume_at:
            return None  # an alert could come between what it missed and what is new
        told = []
        try:
            async with asking_redis():
                places = await alert_log.after(parts.redis, parts.keys, self._seen or "", RESUMED)
                async for past in alert_log.pasts(parts.vitals.config, parts.redis, places):
                    told.append(event("alert", entry_json(past), past.entry))
                    self._told_again.add(past.entry)
        except ApiError:
            self._resume_at = time.monotonic() + RESUME_AGAIN_SECONDS
            return None
        return b"".join(told)

    def _joined(self, news: list[tuple[str | None, bytes]]) -> bytes:
        return b"".join(own for entry, own in news if entry not in self._told_again)

"""The open event streams of a process, and what is told to all of them. No I/O."""

import asyncio
from collections import deque
from contextlib import suppress

MOST = 32
"""Event streams at once: half of the connections that there may be, so that probes get through."""

BEHIND = 1000
"""Events that may wait for a page; one that is further behind is dropped, and resumes when it comes again."""


class TooManyError(Exception):
    """There are as many event streams as there may be."""


class Listener:
    """What waits for one page."""

    def __init__(self) -> None:
        self.dropped = False
        """It was too far behind, or the process stops: its stream is to end."""
        self._events: deque[tuple[str | None, bytes]] = deque()
        self._news = asyncio.Event()

    def tell(self, entry: str | None, event: bytes) -> None:
        """One more; `entry` is the place of an alert in the stream."""
        if len(self._events) >= BEHIND:
            self.drop()
        else:
            self._events.append((entry, event))
            self._news.set()

    def drop(self) -> None:
        """Nothing more comes."""
        self.dropped = True
        self._news.set()

    def take(self) -> list[tuple[str | None, bytes]]:
        """All that waits, in its order."""
        self._news.clear()
        events = list(self._events)
        self._events.clear()
        return events

    async def wait(self, seconds: float) -> None:
        """Until there is something, or it is dropped, or so long."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._news.wait()


class Listeners:
    """All pages that listen."""

    def __init__(self) -> None:
        self._own: set[Listener] = set()
        self._any = asyncio.Event()
        self._closed = False

    def __len__(self) -> int:
        return len(self._own)

    def join(self) -> Listener:
        """A page that listens from now on, until it leaves.

        Raises:
            TooManyError: there are enough.
        """
        if len(self._own) >= MOST:
            raise TooManyError
        own = Listener()
        if self._closed:
            own.drop()
        self._own.add(own)
        self._any.set()
        return own

    def leave(self, own: Listener) -> None:
        """It listens no more."""
        self._own.discard(own)
        if not self._own:
            self._any.clear()

    async def wait(self) -> None:
        """Until somebody listens."""
        await self._any.wait()

    def tell(self, event: bytes, entry: str | None = None) -> None:
        """Tells all of them."""
        for own in self._own:
            own.tell(entry, event)

    def close(self) -> None:
        """All streams end, and so does each that comes."""
        self._closed = True
        for own in self._own:
            own.drop()

"""Writes what became of alerts to Redis, in order, while the worker goes on."""

import asyncio
from collections.abc import Callable
from importlib.resources import files
from typing import NamedTuple, Never

from redis.asyncio import Redis

from tapewatch.notify.dead import KEPT as LETTERS_KEPT
from tapewatch.notify.deliveries import KEPT
from tapewatch.notify.outcome import Outcome
from tapewatch.notify.patience import Patience
from tapewatch.notify.streams import Streams

DEAD = frozenset({Outcome.REFUSED, Outcome.GAVE_UP, Outcome.UNREADABLE})
"""What becomes a dead letter."""

_AT_ONCE = 100


class Ending(NamedTuple):
    """What became of an alert that has entries."""

    id: str
    json: bytes
    """As it stands in the stream."""
    entries: tuple[tuple[str, bytes], ...]
    """Stream and entry, to be acknowledged; at least one."""
    outcome: Outcome
    detail: str = ""
    receipt: str = ""


class Endings:
    """Endings on their way to Redis. While it is away they wait, at most as many as were in flight.

    Args:
        patience: the worker's.
        redis: answers in bytes.
        streams: their keys.
        receiver: its name.
        acknowledged: called with the stream and the entry of each that is written.
    """

    def __init__(
        self,
        patience: Patience,
        redis: Redis,
        streams: Streams,
        receiver: str,
        acknowledged: Callable[[str, bytes], None],
    ) -> None:
        self._patience = patience
        self._script = redis.register_script(files("tapewatch.notify").joinpath("endings.lua").read_text())
        self._streams = streams
        self._receiver = receiver
        self._acknowledged = acknowledged
        self._waiting: list[Ending] = []
        self._news = asyncio.Event()
        self.written = asyncio.Event()
        """Set while none waits."""
        self.written.set()

    @property
    def waiting(self) -> int:
        """How many are not written yet."""
        return len(self._waiting)

    def add(self, ending: Ending) -> None:
        """Writes it as soon as may be."""
        self._waiting.append(ending)
        self.written.clear()
        self._news.set()

    async def run(self) -> Never:
        """Writes until cancelled. What is cancelled on its way is written again; that does no harm."""
        while True:
            while batch := self._waiting[:_AT_ONCE]:
                await self._patience.insist(lambda: self._write(batch))
                del self._waiting[: len(batch)]
                for ending in batch:
                    for stream, entry in ending.entries:
                        self._acknowledged(stream, entry)
            self.written.set()
            self._news.clear()
            await self._news.wait()

    async def _write(self, batch: list[Ending]) -> None:
        keys = self._streams
        args: list[str | bytes | int] = [self._receiver, KEPT, LETTERS_KEPT]
        for ending in batch:
            args += (ending.id, ending.json, ending.outcome.value, ending.detail, ending.receipt)
            args += (int(ending.outcome in DEAD), len(ending.entries))
            for stream, entry in ending.entries:
                args += (1 if stream == keys.alerts else 2, entry)
        await self._script([keys.alerts, keys.resend, keys.dead, keys.deliveries], args)

"""Server-sent events out of bytes, however those were cut. No I/O.

Source: HTML Living Standard, 9.2.6, "Interpreting an event stream",
https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation
"""

import codecs
from collections.abc import Iterator
from typing import NamedTuple

MOST = 8_000_000
"""Characters that an event may have; a whole chart has about 100,000."""


class Event(NamedTuple):
    """One event."""

    name: str
    data: str
    id: str
    """The last id that was sent, of this event or of one before; empty: none."""


class TooLongError(ValueError):
    """An event does not end."""


class Parser:
    """One connection's events."""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8-sig")(errors="replace")
        self._line = ""
        """What has come of a line that has no end yet."""
        self._after_return = False
        self._name, self._id = "", ""
        self._data: list[str] = []
        self._size = 0

    def feed(self, chunk: bytes) -> Iterator[Event]:
        """The events that `chunk` completes.

        Raises:
            TooLongError: an event has more than `MOST` characters.
        """
        for line in self._lines(self._decoder.decode(chunk)):
            if line:
                self._field(line)
            elif event := self._dispatched():
                yield event

    def _lines(self, text: str) -> Iterator[str]:
        """Lines end with CR LF, LF or CR; the LF of a CR may come in the next chunk."""
        if not text:
            return  # a part of a character
        if self._after_return:
            text = text.removeprefix("\n")
        self._after_return = text.endswith("\r")
        *whole, rest = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
        for line in whole:
            yield self._line + line
            self._line = ""
        self._line += rest
        self._count(len(rest))

    def _field(self, line: str) -> None:
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if name == "event":
            self._name = value
        elif name == "data":
            self._data.append(value)
            self._count(len(value))
        elif name == "id" and "\0" not in value:
            self._id = value

    def _dispatched(self) -> Event | None:
        """What the fields up to a blank line say; nothing without data."""
        event = Event(self._name or "message", "\n".join(self._data), self._id) if self._data else None
        self._name, self._data, self._size = "", [], 0
        return event

    def _count(self, characters: int) -> None:
        self._size += characters
        if self._size > MOST:
            raise TooLongError(f"an event has more than {MOST:,} characters")

"""What a painter and its child say to each other: frames of four bytes of length (big-endian) and msgpack.

The child says first that it is ready, with an empty answer; then each order has its answer.
"""

from typing import TypeVar

import msgspec

from tapewatch.charts.chart import Chart

LENGTH = 4
"""Bytes before each frame, which tell its length."""

T = TypeVar("T")


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """A picture that is wanted."""

    chart: Chart
    dark: bool
    width: int
    height: int
    """Px."""
    focus: str | None
    """Id of the alert that it is about."""


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """The picture, or why there is none."""

    png: bytes = b""
    error: str = ""


def frame(said: Order | Answer) -> bytes:
    """As it goes through the pipe.

    Raises:
        UnicodeEncodeError: there are halves of characters in it.
    """
    body = msgspec.msgpack.encode(said)
    return len(body).to_bytes(LENGTH) + body


def understood(body: bytes, kind: type[T]) -> T:
    """What is in a frame.

    Raises:
        msgspec.DecodeError: it is not of that kind.
    """
    return msgspec.msgpack.decode(body, type=kind)

"""Events come out of a stream however its bytes were cut."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tapewatch.top import sse
from tapewatch.top.sse import Event, Parser, TooLongError

STREAM = (
    "\ufeff: hello\n\n"
    'event: health\ndata: {"ready": true}\n\n'
    "id: 17-0\r\nevent: alert\r\ndata: ▲ crossed\r\ndata:above 7,000\r\n\r\n"
    "data: no name\r\r"
    "event: nothing\n\n"
    "retry: 5\nfoo: bar\ndata\n\n"
    "id: bad\0\ndata: kept id\n\n"
    "data: never ended"
).encode()

EVENTS = [
    Event("health", '{"ready": true}', ""),
    Event("alert", "▲ crossed\nabove 7,000", "17-0"),
    Event("message", "no name", "17-0"),
    Event("message", "", "17-0"),
    Event("message", "kept id", "17-0"),
]


def parsed(*chunks: bytes) -> list[Event]:
    parser = Parser()
    return [event for chunk in chunks for event in parser.feed(chunk)]


def test_fields_are_read_as_browsers_do() -> None:
    assert parsed(STREAM) == EVENTS


def test_byte_by_byte() -> None:
    assert parsed(*(STREAM[i : i + 1] for i in range(len(STREAM)))) == EVENTS


@given(st.lists(st.integers(0, len(STREAM)), max_size=20))
def test_cut_anywhere(cuts: list[int]) -> None:
    edges = [0, *sorted(cuts), len(STREAM)]
    assert parsed(*(STREAM[a:b] for a, b in pairwise(edges))) == EVENTS


@given(st.binary(max_size=300), st.integers(0, 300))
def test_any_bytes_are_the_same_in_two_parts(stream: bytes, at: int) -> None:
    assert parsed(stream[:at], stream[at:]) == parsed(stream)


@pytest.mark.parametrize("part", [b"data: " + b"x" * 1000, b"data: " + b"x" * 1000 + b"\n"])
def test_an_event_that_does_not_end_is_given_up(monkeypatch: pytest.MonkeyPatch, part: bytes) -> None:
    monkeypatch.setattr(sse, "MOST", 10_000)
    with pytest.raises(TooLongError, match="more than 10,000 characters"):
        parsed(*[part] * 20)
    assert len(parsed(*[b"data: " + b"x" * 1000 + b"\n\n"] * 20)) == 20

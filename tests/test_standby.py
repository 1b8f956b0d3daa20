"""What a process that stands by keeps."""

import time

import numpy as np
import pytest

from tapewatch import standby as module
from tapewatch.market.ticks import empty_ticks
from tapewatch.standby import Intake, Standby


def ticks(*prices: float) -> np.ndarray:
    rows = empty_ticks(len(prices))
    rows["price"] = prices
    return rows


def prices(standby: Standby, feed: int = 0) -> list[float]:
    return [price for frame in standby.frames(feed) for price in frame.ticks["price"].tolist()]


def test_ticks_of_the_last_seconds_are_kept_in_their_order(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [1000.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    standby = Standby(2)
    standby.subscribed(0)
    for second in range(100):
        now[0] += 1
        standby.ticks(0, ticks(second), second)
    assert prices(standby) == list(range(99 - int(module.KEPT), 100))
    assert prices(standby, 1) == []


def test_what_was_kept_is_handed_on_once_and_what_comes_meanwhile_too() -> None:
    standby = Standby(1)
    standby.subscribed(0)
    standby.ticks(0, ticks(1, 2), 7)
    frames = standby.frames(0)
    assert next(frames).at == 7
    standby.ticks(0, ticks(3), 8)
    assert [frame.ticks["price"].tolist() for frame in frames] == [[3]]
    assert prices(standby) == []


def test_a_lost_line_leaves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [1000.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    standby = Standby(1)
    standby.subscribed(0)
    standby.ticks(0, ticks(1), 7)
    assert standby.connected(0)
    assert not standby.has_all(0)
    now[0] += module.NOTHING_MISSED_AFTER
    assert standby.has_all(0)
    standby.lost(0)
    assert not standby.connected(0)
    assert not standby.has_all(0)
    assert prices(standby) == []


def test_the_intake_hands_on_to_whoever_listens_with_the_time() -> None:
    first, second = Standby(1), Standby(1)
    intake = Intake(first)
    intake.subscribed(0)
    before = time.time_ns()
    intake.ticks(0, ticks(1))
    intake.listener = second
    intake.subscribed(0)
    intake.ticks(0, ticks(2))
    (frame,) = first.frames(0)
    assert before <= frame.at <= time.time_ns()
    assert prices(second) == [2]
    intake.lost(0)
    assert not second.connected(0)

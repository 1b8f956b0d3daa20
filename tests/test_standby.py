"""What a process that stands by keeps."""

import time

import numpy as np
import pytest

from tapewatch import standby as module
from tapewatch.market.ticks import empty_ticks
from tapewatch.standby import Intake, Queue, Standby


def ticks(*prices: float) -> np.ndarray:
    rows = empty_ticks(len(prices))
    rows["price"] = prices
    return rows


def prices(standby: Standby, feed: int = 0) -> list[float]:
    return [
        price for frame in standby.take() if frame.feed == feed for price in frame.ticks["price"].tolist()
    ]


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


def test_nothing_is_dropped_any_more_once_this_process_is_to_lead(monkeypatch: pytest.MonkeyPatch) -> None:
    """To restore may take longer than ticks are kept."""
    now = [1000.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    standby = Standby(1)
    standby.subscribed(0)
    standby.ticks(0, ticks(1), 7)
    standby.keep_all()
    now[0] += 10 * module.KEPT
    standby.ticks(0, ticks(2), 8)
    assert prices(standby) == [1, 2]


async def test_what_comes_while_what_was_kept_is_played_comes_after_it() -> None:
    kept, heard = Standby(2), Heard()
    for feed in (1, 0):
        kept.subscribed(feed)
        kept.ticks(feed, ticks(feed), 7)
    queue = heard.queue = Queue(heard, kept.take())
    assert prices(kept) == []
    await queue.play()
    assert heard.all == ["ticks 1", "ticks 0", "lost 1", "subscribed 1", "ticks 1"]


class Heard:
    """Something happens to the other feed with each tick of feed 0."""

    queue: Queue

    def __init__(self) -> None:
        self.all: list[str] = []

    def ticks(self, feed: int, ticks: np.ndarray, at: int) -> None:
        self.all.append(f"ticks {feed}")
        if feed == 0:
            self.queue.lost(1)
            self.queue.subscribed(1)
            self.queue.ticks(1, ticks, at)

    def subscribed(self, feed: int) -> None:
        self.all.append(f"subscribed {feed}")

    def lost(self, feed: int) -> None:
        self.all.append(f"lost {feed}")


def timed(*times: int) -> np.ndarray:
    rows = empty_ticks(len(times))
    rows["time"] = times
    return rows


def test_nothing_was_missed_if_the_leader_was_past_what_is_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [1000.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    standby = Standby(1)
    assert not standby.has_all_since(0, 100)
    standby.subscribed(0)
    assert not standby.has_all_since(0, 100)  # it may have died long ago
    standby.ticks(0, timed(50, 60, 55), 7)
    # What came before this connection may not have been committed when the leader was at 59.
    assert not standby.has_all_since(0, 59)
    assert standby.has_all_since(0, 60)
    now[0] += module.NOTHING_MISSED_AFTER
    standby.ticks(0, timed(70), 7)
    assert standby.has_all_since(0, 60)
    now[0] += module.KEPT + 1
    standby.ticks(0, timed(80), 7)
    assert not standby.has_all_since(0, 60)  # that of 70 is gone
    assert standby.has_all_since(0, 70)
    standby.lost(0)
    assert not standby.has_all_since(0, 100)


def test_of_a_quiet_feed_the_first_tick_says_it(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [1000.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    standby = Standby(1)
    standby.subscribed(0)
    now[0] += module.NOTHING_MISSED_AFTER
    standby.ticks(0, timed(70, 71), 7)
    assert not standby.has_all_since(0, 69)
    assert standby.has_all_since(0, 70)


def test_a_lost_line_leaves_nothing() -> None:
    standby = Standby(1)
    standby.subscribed(0)
    standby.ticks(0, ticks(1), 7)
    assert standby.connected(0)
    standby.lost(0)
    assert not standby.connected(0)
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
    (frame,) = first.take()
    assert before <= frame.at <= time.time_ns()
    assert prices(second) == [2]
    intake.lost(0)
    assert not second.connected(0)

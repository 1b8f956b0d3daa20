"""Late ticks are told from what only looks so. Times are in seconds from an arbitrary start."""

import asyncio
import json
import time
from collections.abc import Iterable

import numpy as np
import pytest
from running_connection import Watcher, let_in, vendor
from structlog.testing import capture_logs
from websockets.asyncio.server import ServerConnection

from tapewatch.config import MassiveFeed
from tapewatch.feeds.lag import Behind, CaughtUp, Lag
from tapewatch.market.ticks import NS, empty_ticks

WALL = 1_769_610_600 * NS
MONOTONIC = 86_400 * NS
DELAY = 0.3
"""The vendor's own, s."""

Batch = tuple[float, float]
"""When it comes, and the event time of its newest tick."""


def told(batches: Iterable[Batch], lag: Lag | None = None, count: int = 10) -> list[tuple[float, object]]:
    """What a lag says of `batches`, and when."""
    lag = lag or Lag()
    said = []
    for now, event in batches:
        ticks = empty_ticks(count)
        ticks["time"] = WALL + round(event * NS)
        ticks["time"][:-1] -= NS // 100
        one = lag.take(ticks, MONOTONIC + round(now * NS), WALL + round(now * NS))
        if one is not None:
            said.append((now, one))
    return said


def on_time(since: float, until: float, every: float = 0.1) -> list[Batch]:
    return [(now, now - DELAY) for now in np.arange(since, until, every).tolist()]


def late(by: float, since: float, until: float, every: float = 0.1) -> list[Batch]:
    """What was made from `since` on comes so much later."""
    return [(now, now - DELAY - by) for now in np.arange(since + by, until, every).tolist()]


def test_the_vendors_own_delay_is_not_lag() -> None:
    lag = Lag()
    assert told([(now, now - 900) for now in np.arange(0, 300, 0.1).tolist()], lag) == []
    assert lag.seconds == 0


def test_ticks_that_are_late_for_a_second_are_told_with_how_many_and_when_it_is_over() -> None:
    said = told([*on_time(0, 10), *late(3, 10, 15.5), *on_time(15.5, 20)])
    (first, behind), (last, caught_up) = said
    assert isinstance(behind, Behind)
    assert isinstance(caught_up, CaughtUp)
    assert 13.9 <= first <= 14.2
    assert behind.seconds == pytest.approx(3, abs=0.01)
    assert behind.ticks == pytest.approx(300, rel=0.02)  # ten each tenth of a second
    assert 15.5 < last <= 17.5
    assert caught_up.lasted == pytest.approx(2.1, abs=0.2)
    assert caught_up.most == pytest.approx(3, abs=0.01)


def test_a_stall_that_is_made_good_is_told_by_what_is_left_of_it() -> None:
    """Nothing comes for 4 s, then twice as fast as it was made."""
    backlog = [(14 + k / 20, 10 - DELAY + k / 10) for k in range(80)]
    said = told([*on_time(0, 10), *backlog, *on_time(18, 25)])
    behind = [(now, one) for now, one in said if isinstance(one, Behind)]
    (now, one), *others = behind
    assert not others
    truth = 4 - (now - 14)  # a second is made good each second
    assert truth - 0.2 <= one.seconds <= truth + 0.2
    assert one.ticks == pytest.approx(one.seconds * 100, rel=0.05)
    assert isinstance(said[-1][1], CaughtUp)


def test_a_lag_that_lasts_is_told_every_ten_seconds_and_does_not_become_the_measure() -> None:
    """So slow that it is a tenth behind each second, for five minutes."""
    slow = [(10 + t, 10 - DELAY + 0.9 * t) for t in np.arange(0, 300, 0.1).tolist()]
    said = told([*on_time(0, 10), *slow])
    assert all(isinstance(one, Behind) for _, one in said)
    times = [now for now, _ in said]
    assert np.diff(times) == pytest.approx(10, abs=1.2)
    assert [one.seconds for _, one in said] == pytest.approx([0.1 * (now - 10) for now in times], abs=0.3)
    assert said[-1][1].seconds > 28


def test_one_late_print_among_others_is_not_lag() -> None:
    batches = on_time(0, 120)
    batches[500:500] = [(batches[500][0], batches[500][1] - 30)]
    batches[900:900] = [(batches[900][0], batches[900][1] - 4)] * 5
    assert told(batches) == []


def test_late_prints_of_a_quiet_feed_are_not_lag() -> None:
    said = told([*on_time(0, 10), *[(now, now - 20) for now in (15, 22.5, 30, 44, 44.2, 44.4, 70)]])
    assert said == []


def test_a_tick_stamped_too_early_does_not_make_the_others_late() -> None:
    """Four seconds ahead passes for right; an hour ahead does not even count."""
    ahead = [(5.01, 9.0), (6.01, 3606.0), (60.05, 63.9)]
    assert told(sorted([*on_time(0, 120), *ahead])) == []


def test_a_batch_of_ticks_from_the_future_alone_says_nothing() -> None:
    assert told([(now, now + 3600) for now in np.arange(0, 10, 0.1).tolist()]) == []


def test_ticks_out_of_order_are_judged_by_the_newest() -> None:
    lag = Lag()
    for k in range(100):
        ticks = empty_ticks(3)
        ticks["time"] = WALL + k * NS // 10 - np.array([0, 5, 60]) * NS
        assert lag.take(ticks, MONOTONIC + k * NS // 10, WALL + k * NS // 10) is None
    assert lag.seconds == 0


@pytest.mark.parametrize("jump", [-3600, -3, 3, 3600])
def test_a_wall_clock_that_is_set_anew_does_not_matter(jump: int) -> None:
    lag = Lag()
    for k in range(600):
        ticks = empty_ticks(1)
        ticks["time"] = WALL + k * NS // 10
        wall = WALL + k * NS // 10 + (jump * NS if k > 300 else 0)
        assert lag.take(ticks, MONOTONIC + k * NS // 10, wall) is None


def test_a_tape_that_begins_anew_is_not_late() -> None:
    again = [(now, event - 3600) for now, event in on_time(20.05, 100)]
    assert told([*on_time(0, 20), *again]) == []


def test_a_new_connection_may_be_slower_and_begins_with_trades_that_were_sent_before() -> None:
    lag = Lag()
    assert told(on_time(0, 20), lag) == []
    assert lag.began() is None
    resent = [(25 + k / 100, 12 + k / 100) for k in range(50)]
    assert told([*resent, *late(2, 24, 60)], lag) == []


def test_a_connection_that_was_lost_took_what_waited_along() -> None:
    lag = Lag()
    assert len(told([*on_time(0, 10), *late(5, 10, 18)], lag)) == 1
    over = lag.began()
    assert isinstance(over, CaughtUp)
    assert over.most == pytest.approx(5, abs=0.01)
    assert lag.seconds == 0
    assert lag.began() is None


def test_after_a_night_the_delay_is_measured_anew() -> None:
    morning = [(now, now - 0.3 - 2) for now in np.arange(60_000, 60_030, 0.1).tolist()]
    assert told([*on_time(0, 20), *morning]) == []


def test_a_clock_that_runs_slow_is_no_lag() -> None:
    """A clock that loses 50 ms a minute is 24 s off after eight hours; a minute's worth of it is all that shows."""
    drift = 0.05 / 60
    said = told([(now, now * (1 - drift)) for now in np.arange(0, 4 * 3600, 0.25).tolist()])
    assert said == []


def test_who_is_caught_up_when_the_market_falls_quiet_hears_of_it() -> None:
    said = told([*on_time(0, 10), *late(3, 10, 15), (15.2, 14.9), (20, 19.7), (26, 25.7)])
    assert [type(one) for _, one in said] == [Behind, CaughtUp]


def test_a_clock_stands_back_for_late_ticks_at_once_and_only_while_they_come() -> None:
    lag = Lag()
    told(on_time(0, 10), lag)
    at = MONOTONIC + 10 * NS
    assert lag.standing_back(at) == 0
    told([(14.0, 10.1 - DELAY)], lag)  # the first after four seconds
    assert lag.standing_back(at + 4 * NS) == pytest.approx(3.9 * NS, abs=NS / 100)
    assert lag.standing_back(at + 6 * NS) == 0  # nothing comes any more: it is quiet
    told([(16.1, 15.5 - DELAY)], lag)
    assert lag.standing_back(at + 61 * NS // 10) == 0  # half a second is within what a bar waits


@pytest.mark.parametrize(("clock", "heard"), [("wall", ["feed.behind", "feed.caught_up"]), ("tape", [])])
async def test_a_connection_says_so(clock: str, heard: list[str]) -> None:
    """On a tape nobody knows what is late."""

    async def slow(websocket: ServerConnection) -> None:
        await let_in(websocket)
        began = time.time()
        while (passed := time.time() - began) < 6:
            if 1 < passed < 2.5:  # the line stands still
                await asyncio.sleep(2.5 - passed)
            by = 1.5 if 1 < passed < 4.5 else 0
            trade = {"ev": "T", "sym": "SPY", "p": 690.0, "s": 1, "t": round((time.time() - by) * 1000)}
            await websocket.send(json.dumps([trade]))
            await asyncio.sleep(0.02)
        await websocket.wait_closed()

    feed = MassiveFeed(name="tape", vendor="massive", clock=clock)
    with capture_logs() as logs:
        async with vendor(slow) as url:
            one = Watcher(url, feed=feed)
            await one.until(lambda: len(one.ticks) and time.time() - one.ticks["time"][0] / NS > 5.5)
            await one.stop()
    lag = [entry for entry in logs if entry["event"] in ("feed.behind", "feed.caught_up")]
    assert [entry["event"] for entry in lag] == heard
    if lag:
        assert lag[0]["seconds"] == pytest.approx(1.5, abs=0.2)
        assert lag[0]["ticks"] == pytest.approx(75, rel=0.4)
        assert lag[1]["most_s"] == pytest.approx(1.5, abs=0.2)
        assert one.connection.lag.seconds < 0.5

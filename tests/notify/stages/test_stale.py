from stage_cases import fired, names, now, queued

from tapewatch.notify.stages.queued import LARGEST_DIGEST
from tapewatch.notify.stages.stale import Stale

OLD = "09:00:00 SPX breakout"


def old_ones(count: int) -> list:
    return queued(*(fired(OLD) for _ in range(count)))


def test_older_than_stale_after_by_the_feeds_clock_is_old() -> None:
    stale = Stale("15m", "1s")
    (breakout,) = queued(fired("14:00:00 SPX breakout"))
    assert not stale.is_old(breakout, now("14:15:00"))
    assert stale.is_old(breakout, now("14:15:00.001"))
    assert not stale.is_old(breakout, now("18:00:00", feed="14:05:00"))  # a tape that is played


def test_before_the_feed_told_the_time_nothing_is_old() -> None:
    untold = now("18:00:00")._replace(clock=lambda _: 0)
    assert not Stale("15m", "1s").is_old(queued(fired(OLD))[0], untold)


def test_0s_switches_it_off() -> None:
    assert not Stale("0s", "1s").is_old(queued(fired(OLD))[0], now("18:00:00"))


def test_the_digest_goes_out_once_no_more_come() -> None:
    stale = Stale("15m", "0s")
    first, second = old_ones(2)
    assert stale.wake(now("14:00:00")) is None
    assert stale.offer(first, now("14:00:00")) == []
    assert stale.wake(now("14:00:00")) == 1
    assert stale.offer(second, now("14:00:00.5")) == []
    assert stale.due(now("14:00:01.4")) == []
    assert stale.due(now("14:00:01.5")) == [first, second]
    assert stale.due(now("14:01:00")) == []
    assert stale.wake(now("14:01:00")) is None


def test_a_longer_group_wait_holds_for_the_digest_too() -> None:
    stale = Stale("15m", "5s")
    stale.offer(*old_ones(1), now("14:00:00"))
    assert stale.wake(now("14:00:00")) == 5


def test_a_backlog_that_does_not_end_is_a_digest_every_ten_seconds() -> None:
    stale = Stale("15m", "1s")
    for half_second, each in enumerate(old_ones(20)):
        stale.offer(each, now(f"14:00:{half_second / 2:04.1f}"))
    assert stale.wake(now("14:00:09.5")) == 0.5
    assert len(stale.due(now("14:00:10"))) == 20


def test_a_full_digest_goes_out_at_once() -> None:
    stale = Stale("15m", "1s")
    backlog = old_ones(2 * LARGEST_DIGEST + 1)
    full = [digest for each in backlog if (digest := stale.offer(each, now("14:00:00")))]
    assert [len(digest) for digest in full] == [LARGEST_DIGEST, LARGEST_DIGEST]
    assert [each for digest in full for each in digest] + stale.close() == backlog


def test_it_knows_whose_alerts_wait() -> None:
    stale = Stale("15m", "1s")
    stale.offer(*queued(fired(OLD)), now("14:00:00"))
    assert stale.holds(("SPX", "breakout"))
    assert not stale.holds(("SPX", "support"))
    assert names(stale.close()) == [OLD]
    assert not stale.holds(("SPX", "breakout"))

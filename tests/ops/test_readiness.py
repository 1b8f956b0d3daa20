"""Each thing that keeps a process from doing its part makes it not ready, and is said."""

import asyncio
from pathlib import Path

import pytest
from redis.asyncio import Redis

import vital_parts
from frozen_redis import frozen, pid_of
from tapewatch.background import background
from tapewatch.feeds.connection import State
from tapewatch.notify import silences
from tapewatch.ops.readiness import Check, readiness
from tapewatch.store.keys import Keys
from tapewatch.store.lease import Lease
from tapewatch.vitals import Role, Vitals


def wrong(vitals: Vitals, now: float | None = None) -> dict[str, str]:
    """The reasons, by check; and that the sum of it is right."""
    found = readiness(vitals, now)
    assert found.role is vitals.role
    assert found.ready is all(check.ok for check in found.checks)
    assert all(check.ok == (not check.reason) for check in found.checks)
    return {check.name: check.reason for check in found.checks if not check.ok}


def test_who_leads_with_everything_at_hand_is_ready(leader: Vitals) -> None:
    found = readiness(leader)
    assert found.ready
    assert found.checks == tuple(Check(name, True) for name in ("role", "feed btc", "feed tape", "Redis"))


@pytest.mark.parametrize("role", [Role.STARTING, Role.STOPPING])
def test_who_starts_or_stops_is_not(leader: Vitals, role: Role) -> None:
    leader.role = role
    assert list(wrong(leader)) == ["role"]
    assert wrong(leader)["role"].startswith(role)


@pytest.mark.parametrize(
    ("state", "reason"),
    [
        (State.CONNECTING, "connecting"),
        (State.LOGGING_IN, "not confirmed"),
        (State.WAITING, "tried again"),
        (State.REFUSED, "feed.refused in the log"),
    ],
)
def test_a_feed_that_is_not_subscribed_is_named(leader: Vitals, state: State, reason: str) -> None:
    leader.connections[1].state = state
    assert list(wrong(leader)) == ["feed tape"]
    assert reason in wrong(leader)["feed tape"]


def test_a_feed_that_nobody_watches_need_not_be_subscribed(leader: Vitals) -> None:
    leader.connections[1].state = State.IDLE
    assert wrong(leader) == {}


async def test_a_stale_feed_is_not_ready_before_ticks_come_again(redis: Redis, tmp_path: Path) -> None:
    config = vital_parts.config()
    impatient = config.model_copy(
        update={"watch": [watch.model_copy(update={"max_silence": "1s"}) for watch in config.watch[:1]]}
    )
    leader = await vital_parts.lead(impatient, redis, tmp_path / "own")
    assert leader.leading is not None
    vigil = leader.leading.vigil
    vigil.subscribed(0)
    async with background(vigil.run(leader.connections)):
        assert wrong(leader) == {}
        await vital_parts.until(lambda: "feed btc" in wrong(leader))
        assert "stale" in wrong(leader)["feed btc"]
        vigil.ticks(0, vital_parts.ticks("BTC/USD", "99.5"))
        await vital_parts.until(lambda: not wrong(leader))


async def test_a_redis_that_hangs_is_noticed_while_nothing_is_to_be_committed(
    leader: Vitals, redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(silences, "ANSWER_SECONDS", 0.3)
    monkeypatch.setattr(silences, "PERIOD", 0.1)
    assert leader.leading is not None
    pid = await pid_of(redis)
    async with background(leader.leading.writer.run(), leader.leading.silences.keep()):
        await asyncio.sleep(0.2)
        assert wrong(leader) == {}
        with frozen(pid):
            await vital_parts.until(lambda: "away" in wrong(leader).get("Redis", ""))
        await vital_parts.until(lambda: not wrong(leader))


async def test_a_redis_that_is_away_is_said_with_how_long(leader: Vitals, redis: Redis) -> None:
    assert leader.leading is not None
    path, writer = leader.leading.path, leader.leading.writer
    async with background(writer.run()):
        await redis.shutdown(nosave=True)
        path.ticks(1, vital_parts.ticks("ETH/USD", "99.5 100.5"), 0)
        await vital_parts.until(lambda: writer.away_since is not None)
        assert writer.away_since is not None
        assert list(wrong(leader)) == ["Redis"]
        assert "away for 90 s" in wrong(leader, writer.away_since + 90)["Redis"]


async def test_who_stands_by_needs_to_know_who_leads(redis: Redis) -> None:
    vitals = vital_parts.standby(vital_parts.config(ha=True), redis)
    vital_parts.subscribe(vitals)
    assert list(wrong(vitals)) == ["Redis", "lease"]
    await Lease(redis, Keys("test"), "other")._look()
    assert vitals.lease is not None
    async with background(vitals.lease.run()):
        await vital_parts.until(lambda: not wrong(vitals))
        assert vitals.lease.leader == "other"
        await redis.shutdown(nosave=True)
        await vital_parts.until(lambda: list(wrong(vitals)) == ["Redis", "lease"])


async def test_who_leads_by_turns_and_holds_the_lease_no_more_is_not_ready(
    leader: Vitals, redis: Redis
) -> None:
    leader.lease = lease = Lease(redis, Keys("test"), "me")
    assert list(wrong(leader)) == ["lease"]
    assert await lease._look()
    assert wrong(leader) == {}
    await lease.give_up()
    assert "ran out" in wrong(leader)["lease"]


def test_a_hot_standby_needs_its_feeds_and_a_cold_one_does_not(redis: Redis) -> None:
    hot, cold = (vital_parts.standby(vital_parts.config(ha=ha), redis) for ha in (True, "cold"))
    for vitals in (hot, cold):
        assert vitals.lease is not None
        vitals.lease.leader = "other"
    assert list(wrong(hot)) == ["feed btc", "feed tape"]
    assert wrong(cold) == {}

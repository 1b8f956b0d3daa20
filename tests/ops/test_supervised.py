"""What a service manager hears of a process that starts, leads, hangs, and stops."""

import asyncio
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from redis.asyncio import Redis

import vital_parts
from tapewatch.feeds.connection import State
from tapewatch.ops.supervised import Keeper, keep, reloading
from tapewatch.ops.systemd import Notifier
from tapewatch.vitals import Role, Vitals

leader, redis = vital_parts.leader, vital_parts.redis

PERIOD = 40.0
"""Of the watchdog, s."""


class Manager:
    """Hears what a notifier says."""

    def __init__(self, address: str) -> None:
        self.notifier = Notifier(address, PERIOD)
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(address)
        self.socket.setblocking(False)

    def heard(self) -> list[str]:
        """Since the last time."""
        messages: list[str] = []
        try:
            while True:
                messages.append(self.socket.recv(4096).decode())
        except BlockingIOError:
            return messages


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[Manager]:
    manager = Manager(str(tmp_path / "notify"))
    yield manager
    manager.socket.close()


def looked(manager: Manager, keeper: Keeper, now: float) -> list[str]:
    """What one look at that time makes it say."""
    keeper.look(now)
    return manager.heard()


def test_while_it_starts_it_asks_for_time(manager: Manager) -> None:
    keeper = Keeper(manager.notifier, Vitals(vital_parts.config()))
    assert looked(manager, keeper, 100.0) == [
        "EXTEND_TIMEOUT_USEC=60000000",
        "WATCHDOG=1",
        "STATUS=starting: state is restored, or Redis is opened",
    ]
    assert looked(manager, keeper, 101.0) == []
    assert "EXTEND_TIMEOUT_USEC=60000000" in looked(manager, keeper, 110.0)


def leads_at(leader: Vitals, now: float) -> None:
    """The engine was told the time just now."""
    assert leader.leading
    leader.leading.path.turned = now


def test_ready_once_each_feed_is_subscribed(manager: Manager, leader: Vitals) -> None:
    keeper = Keeper(manager.notifier, leader)
    leads_at(leader, 100.0)
    leader.connections[1].state = State.LOGGING_IN
    said = looked(manager, keeper, 100.0)
    assert said[:2] == ["EXTEND_TIMEOUT_USEC=60000000", "WATCHDOG=1"]
    assert said[2] == (
        "STATUS=leading: 1 symbol on btc (subscribed), 1 symbol on tape (logging in), 0 alerts, Redis reached;"
        " not ready: feed tape: connected, but the vendor has not confirmed the subscription yet"
    )
    vital_parts.subscribe(leader)
    assert looked(manager, keeper, 101.0) == ["READY=1"]
    leader.connections[1].state = State.WAITING
    assert (
        looked(manager, keeper, 102.0) == []
    )  # it has been ready: what is wrong now is for probes and people
    assert "not ready: feed tape: the connection is lost" in looked(manager, keeper, 105.0)[0]


def test_who_stands_by_is_ready(manager: Manager, redis: Redis) -> None:
    vitals = vital_parts.standby(vital_parts.config(ha="cold"), redis)
    assert vitals.lease
    vitals.lease.leader = "host-1-abc"
    said = looked(manager, Keeper(manager.notifier, vitals), 100.0)
    assert said[:2] == ["READY=1", "WATCHDOG=1"]
    assert said[2].endswith("host-1-abc leads")


def test_the_watchdog_is_fed_four_times_within_its_period(manager: Manager, leader: Vitals) -> None:
    keeper = Keeper(manager.notifier, leader)
    fed = []
    for now in range(100, 141):
        leads_at(leader, float(now))
        fed += [now for message in looked(manager, keeper, float(now)) if message == "WATCHDOG=1"]
    assert fed == [100, 110, 120, 130, 140]


def test_an_engine_that_stands_still_does_not_feed_it(manager: Manager, leader: Vitals) -> None:
    keeper = Keeper(manager.notifier, leader)
    leads_at(leader, 100.0)
    fed = [now for now in range(100, 160) if "WATCHDOG=1" in looked(manager, keeper, float(now))]
    assert fed == [100, 110]
    leader.role = Role.STOPPING  # nothing turns it any more, and there is a time limit of its own for that
    assert "WATCHDOG=1" in looked(manager, keeper, 160.0)


def test_a_loop_that_was_late_makes_up_at_once(manager: Manager, leader: Vitals) -> None:
    keeper = Keeper(manager.notifier, leader)
    leads_at(leader, 100.0)
    assert "WATCHDOG=1" in looked(manager, keeper, 100.0)
    assert "WATCHDOG=1" not in looked(
        manager, keeper, 130.0
    )  # it looks before the engine is told the time again
    leads_at(leader, 130.2)
    assert "WATCHDOG=1" in looked(manager, keeper, 131.0)


def test_a_line_of_status_tells_the_rate_and_comes_when_it_changes(manager: Manager, leader: Vitals) -> None:
    keeper = Keeper(manager.notifier, leader)
    for connection in leader.connections:
        connection.connected_since = 90.0
    leads_at(leader, 100.0)
    keeper.look(100.0)
    manager.heard()
    leader.connections[0].ticks += 6170
    assert looked(manager, keeper, 104.0) == []
    line = (
        "STATUS=leading: 1 symbol on btc (subscribed, {} ticks/s), 1 symbol on tape (subscribed, 0 ticks/s), "
    )
    assert looked(manager, keeper, 105.0) == [line.format("1,234") + "0 alerts, Redis reached"]
    leads_at(leader, 110.0)
    assert line.format("0") + "0 alerts, Redis reached" in looked(manager, keeper, 110.0)
    assert looked(manager, keeper, 116.0) == []


def test_that_it_stops_is_said_once(manager: Manager, leader: Vitals) -> None:
    keeper = Keeper(manager.notifier, leader)
    leads_at(leader, 100.0)
    keeper.look(100.0)
    leader.role = Role.STOPPING
    manager.heard()
    assert looked(manager, keeper, 105.0) == ["STOPPING=1", "STATUS=stopping"]
    assert looked(manager, keeper, 106.0) == []


async def test_without_a_manager_nothing_runs(leader: Vitals) -> None:
    async with asyncio.timeout(5):
        await keep(Notifier(None), leader)


def test_a_manager_that_did_not_hear_the_end_of_a_reload_is_told_again(
    manager: Manager, leader: Vitals
) -> None:
    """It would hold the unit for reloading for good."""
    keeper = Keeper(manager.notifier, leader)
    assert "READY=1" in looked(manager, keeper, 100.0)
    with reloading(manager.notifier):
        assert manager.heard()[0].startswith("RELOADING=1")
        while manager.notifier.status("busy"):  # it reads nothing, and has no room left
            pass
    assert "READY=1" not in manager.heard()
    assert looked(manager, keeper, 101.0) == ["READY=1"]
    assert looked(manager, keeper, 102.0) == []

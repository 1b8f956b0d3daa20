"""What systemd hears, over a socket like its own."""

import os
import secrets
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest

from tapewatch.ops.supervised import reloading
from tapewatch.ops.systemd import Notifier


class Manager:
    """The service manager's end of the socket."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind("\0" + address[1:] if address.startswith("@") else address)
        self.socket.settimeout(5)

    def heard(self) -> str:
        return self.socket.recv(4096).decode()


@pytest.fixture(params=["path", "abstract"])
def manager(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Manager]:
    address = str(tmp_path / "notify") if request.param == "path" else f"@tapewatch-{secrets.token_hex(8)}"
    manager = Manager(address)
    yield manager
    manager.socket.close()


def test_the_manager_hears_every_word(manager: Manager) -> None:
    notifier = Notifier(manager.address)
    assert notifier
    notifier.extend(1.5)
    assert manager.heard() == "EXTEND_TIMEOUT_USEC=1500000"
    assert notifier.ready()
    assert manager.heard() == "READY=1"
    notifier.watchdog()
    assert manager.heard() == "WATCHDOG=1"
    notifier.stopping()
    assert manager.heard() == "STOPPING=1"


def test_a_status_is_one_line(manager: Manager) -> None:
    Notifier(manager.address).status("leading: S&P 500 – fine\nREADY=1")
    assert manager.heard() == "STATUS=leading: S&P 500 – fine READY=1"


def test_a_reload_is_between_two_words_and_says_when(manager: Manager) -> None:
    notifier = Notifier(manager.address)
    with reloading(notifier):  # not before it is ready: the READY at its end would be no true word
        pass
    notifier.ready()
    assert manager.heard() == "READY=1"
    before = time.monotonic_ns() // 1000
    with suppress(ValueError), reloading(notifier):
        first, at = manager.heard().splitlines()
        raise ValueError  # whatever comes of it
    assert first == "RELOADING=1"
    assert before <= int(at.removeprefix("MONOTONIC_USEC=")) <= time.monotonic_ns() // 1000
    assert manager.heard() == "READY=1"


def test_what_the_manager_says_is_taken_out_of_the_environment(manager: Manager) -> None:
    environ = {
        "NOTIFY_SOCKET": manager.address,
        "WATCHDOG_USEC": "30000000",
        "WATCHDOG_PID": str(os.getpid()),
    }
    notifier = Notifier.from_environ(environ)
    assert environ == {}
    assert notifier.period == 30.0
    assert notifier.ready()
    assert manager.heard() == "READY=1"


@pytest.mark.parametrize(
    ("environ", "period"),
    [
        ({}, None),
        ({"WATCHDOG_USEC": "500000"}, 0.5),
        ({"WATCHDOG_USEC": "500000", "WATCHDOG_PID": "1"}, None),
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
        ({"WATCHDOG_USEC": "-5"}, None),
    ],
)
def test_the_watchdog_is_ours_if_it_names_us(environ: dict[str, str], period: float | None) -> None:
    notifier = Notifier.from_environ(environ)
    assert environ == {}
    assert notifier.period == period


@pytest.mark.parametrize(
    "address", [None, "", "vsock:2:1234", "relative", "@" + "x" * 200, "/nowhere/notify"]
)
def test_without_a_manager_that_listens_nothing_is_said_and_nothing_fails(address: str | None) -> None:
    notifier = Notifier(address)
    for say in (notifier.ready, notifier.watchdog, notifier.reloading, notifier.stopping):
        say()
    notifier.status("fine")
    notifier.extend(1)


def test_a_manager_that_does_not_read_is_not_waited_for(tmp_path: Path) -> None:
    with ExitStack() as stack:
        manager = Manager(str(tmp_path / "notify"))
        stack.callback(manager.socket.close)
        notifier = Notifier(manager.address)
        while notifier.watchdog():
            pass
        assert not notifier.ready()
        assert not notifier.said_ready
        while manager.heard() == "WATCHDOG=1" and not notifier.ready():
            pass
        assert notifier.said_ready

"""tapewatch under a real systemd: whatever happens to it in mid-session, each alert is in Redis once."""

import json
import re
import shutil
import time
from pathlib import Path

import installed
import pytest
from machine import CONFIG, KEY, PASSWORD, UNIT, Installed, Machine, Tape

from tapewatch import __version__

pytestmark = [pytest.mark.long, pytest.mark.timeout(600)]

NEXT_VERSION = f"{__version__}.post1"

ASK_FOR_METRICS = (
    "import urllib.request as u; print(u.urlopen('http://127.0.0.1:8790/metrics').read().decode())"
)

ASK_FOR_A_PICTURE = (
    "import urllib.request as u; a = u.urlopen('http://127.0.0.1:8790/api/chart.png?symbol={symbol}&timeframe=1m');"
    " print(a.headers['Content-Type'], a.read(4).hex())"
)

MORE = """
[[watch.level]]
name = "far"
price = 10_000
"""
"""Of the last watch: nothing on the tape gets there."""


def test_it_starts_and_stops(own_machine: Machine, switched_off: Installed, tape: Tape) -> None:
    container = own_machine.container
    warm = own_machine.start()
    assert container.show(UNIT, "ActiveState") == "active"
    assert own_machine.events("feed.subscribed")
    own_machine.has_exactly(tape.expected)
    time.sleep(6)  # a line of status is at most so old
    status = container.show(UNIT, "StatusText")
    count = len(tape.expected)
    assert re.fullmatch(
        rf"leading: 3 symbols on tape \(subscribed, [\d,]+ ticks/s\), {count} alerts, Redis reached", status
    )
    metrics = container.run("/usr/bin/python3", "-c", ASK_FOR_METRICS)
    assert re.search(r"^process_start_time_seconds 1\.\d+e\+09$", metrics, re.MULTILINE), metrics
    memory = own_machine.memory_kib()
    container.run("systemctl", "stop", UNIT)
    assert container.show(UNIT, "Result") == "success"
    print(f"\nfirst start {switched_off.first_start:.1f} s, next {warm:.1f} s; memory {memory} KiB")


def test_it_is_not_started_before_the_feed_is_subscribed(own_machine: Machine) -> None:
    container = own_machine.container
    container.run("systemctl", "stop", "market")
    container.run("systemctl", "start", "--no-block", UNIT)
    own_machine.until(lambda: own_machine.events("feed.lost"))
    time.sleep(6)
    assert container.show(UNIT, "ActiveState") == "activating"
    assert "not ready: feed tape: " in container.show(UNIT, "StatusText")
    container.run("systemctl", "start", "market")
    own_machine.until(own_machine.is_active)
    assert own_machine.events("feed.subscribed")


def test_killed(own_machine: Machine, tape: Tape) -> None:
    own_machine.start()
    before = own_machine.amid(tape.expected)
    own_machine.signal("KILL")
    own_machine.has_exactly(tape.expected)
    assert own_machine.restarts() == 1
    assert own_machine.stream()[: len(before)] == before


def test_frozen(own_machine: Machine, tape: Tape) -> None:
    own_machine.start()
    own_machine.amid(tape.expected)
    began = time.monotonic()
    own_machine.signal("STOP")
    own_machine.has_exactly(tape.expected)
    print(f"\nfrozen: all alerts are there after {time.monotonic() - began:.0f} s")
    assert own_machine.restarts() == 1
    assert "Watchdog timeout" in own_machine.container.journal("--unit", UNIT)


def test_slow_but_not_frozen(own_machine: Machine, tape: Tape) -> None:
    own_machine.start()
    own_machine.amid(tape.expected)
    own_machine.signal("STOP")
    time.sleep(12)
    own_machine.signal("CONT")
    own_machine.has_exactly(tape.expected)
    time.sleep(30)
    assert own_machine.restarts() == 0


def test_reloaded(own_machine: Machine, tape: Tape) -> None:
    own_machine.start()
    container, pid = own_machine.container, own_machine.main_pid()
    own_machine.amid(tape.expected)
    own_machine.write_config(CONFIG + MORE)
    container.run("systemctl", "reload", UNIT)
    own_machine.until(lambda: own_machine.events("config.changed"))
    own_machine.write_config(CONFIG + "nonsense = 1\n")
    refused = container.try_run("systemctl", "reload", UNIT)
    assert refused.returncode != 0
    assert "nonsense" in container.journal("--unit", UNIT)
    assert container.show(UNIT, "ActiveState") == "active"
    own_machine.has_exactly(tape.expected)
    assert (own_machine.restarts(), own_machine.main_pid()) == (0, pid)


def test_rebooted(own_machine: Machine, tape: Tape) -> None:
    own_machine.container.run("systemctl", "enable", UNIT)
    own_machine.start()
    own_machine.amid(tape.expected)
    own_machine.container.reboot()
    own_machine.has_exactly(tape.expected)
    assert len(own_machine.events("daemon.stopped")) == 1
    assert len(own_machine.events("state.restored")) == 3


def test_without_power(own_machine: Machine, tape: Tape) -> None:
    own_machine.container.run("systemctl", "enable", UNIT)
    own_machine.start()
    own_machine.amid(tape.expected)
    own_machine.container.lose_power()
    own_machine.container.boot()
    own_machine.has_exactly(tape.expected)


def test_upgraded(own_machine: Machine, tape: Tape, tmp_path: Path) -> None:
    container = own_machine.container
    shutil.copy(installed.wheel(tmp_path / "next", NEXT_VERSION), container.root / "srv/wheels")
    own_machine.start()
    own_machine.amid(tape.expected)
    pip = ("/opt/tapewatch/bin/pip", "install", "--no-index", "--find-links", "/srv/wheels", "--upgrade")
    container.run(*pip, "--no-deps", "tapewatch")
    assert len(own_machine.stream()) < len(tape.expected), "too late: nothing was left to be missed"
    container.run("systemctl", "restart", UNIT)
    own_machine.has_exactly(tape.expected)
    assert container.run("/opt/tapewatch/bin/tapewatch", "--version").split() == ["tapewatch", NEXT_VERSION]
    assert len(own_machine.events("state.restored")) == 3


def test_a_wrong_config_stays_down(own_machine: Machine) -> None:
    own_machine.write_config(CONFIG + "nonsense = 1\n")
    assert own_machine.container.try_run("systemctl", "start", UNIT).returncode != 0
    time.sleep(12)  # longer than RestartSec=
    assert own_machine.container.show(UNIT, "ActiveState") == "failed"
    assert own_machine.container.show(UNIT, "ExecMainStatus") == "2"
    assert own_machine.restarts() == 0


def test_two_instances(own_machine: Machine) -> None:
    container = own_machine.container
    for name, port in (("one", 8791), ("two", 8792)):
        listen = f'[http]\nlisten = "127.0.0.1:{port}"\n'
        own = CONFIG.replace('name = "chaos"', f'name = "{name}"').replace(
            'state_dir = "/var/lib/tapewatch"', ""
        )
        own_machine.write_config(own + listen, name)
        folder = container.root / f"etc/systemd/system/tapewatch@{name}.service.d"
        folder.mkdir()
        folder.joinpath("secrets.conf").write_text(
            "[Service]\nLoadCredential=redis.url:/etc/tapewatch/secrets/redis.url\n"
        )
    container.run("systemctl", "daemon-reload")
    container.run("systemctl", "start", "tapewatch@one", "tapewatch@two")
    users = {
        container.run("stat", "--format=%u %a", f"/var/lib/private/tapewatch-{name}")
        for name in ("one", "two")
    }
    assert len(users) == 2
    assert all(user.endswith(" 700\n") for user in users)


def test_it_is_hardened(own_machine: Machine) -> None:
    own_machine.start()
    said = own_machine.container.run("systemd-analyze", "security", "--no-pager", UNIT)
    found = re.search(r"Overall exposure level for \S+: ([\d.]+)", said)
    assert found
    assert float(found[1]) <= 1.5, said
    print(f"\nsystemd-analyze security: {found[1]}")


def test_charts_are_drawn_in_there(own_machine: Machine, tape: Tape) -> None:
    """By a process of its own, which the unit's walls are around, too."""
    own_machine.start()
    own_machine.has_exactly(tape.expected)
    symbol = json.loads(tape.expected[0])["subject"]
    asked = own_machine.container.run("/usr/bin/python3", "-c", ASK_FOR_A_PICTURE.format(symbol=symbol))
    assert asked.split() == ["image/png", "89504e47"]


def test_nobody_finds_the_secrets(own_machine: Machine, tape: Tape) -> None:
    container = own_machine.container
    own_machine.start()
    own_machine.has_exactly(tape.expected)
    own_machine.signal("ABRT")  # a crash, which tells where it was
    own_machine.until(lambda: own_machine.restarts() == 1 and own_machine.is_active())
    assert "Fatal Python error: Aborted" in container.journal("--unit", UNIT)
    seen = {
        "show": container.run("systemctl", "show", UNIT),
        "status": container.try_run("systemctl", "status", UNIT).stdout,
        "cat": container.run("systemctl", "cat", UNIT),
        "processes": container.run(
            "sh", "-c", "cat /proc/[0-9]*/cmdline /proc/[0-9]*/environ | tr '\\0' '\\n'"
        ),
        "journal": container.journal(),
    }
    for where, text in seen.items():
        assert text, where
        for secret in (KEY, PASSWORD):
            assert secret not in text, where

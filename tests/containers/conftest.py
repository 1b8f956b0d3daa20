"""The layers of a machine: a Debian, tapewatch installed and started once on it, and what a test does to it."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import installed
import nspawn
import pytest
from machine import UNIT, Installed, Machine, Tape, furnish

from chaos import dance


@pytest.fixture(scope="session")
def tape(tmp_path_factory: pytest.TempPathFactory) -> Tape:
    folder = tmp_path_factory.mktemp("tape")
    file = dance.make(folder, runs_on=False).tape
    config, alerts = folder / "replay.toml", folder / "alerts.jsonl"
    config.write_text(f'name = "{dance.INSTANCE}"\n{dance.watches()}')
    command = [sys.executable, "-m", "tapewatch.cli", "replay", file, "--config", config, "--alerts", alerts]
    subprocess.run(command, check=True, capture_output=True)
    expected = alerts.read_bytes().splitlines()
    assert len(expected) > 50
    return Tape(file, expected)


@pytest.fixture(scope="session")
def debian() -> Path:
    if lacking := nspawn.missing():
        pytest.skip(lacking)
    root = installed.debian()
    ours, theirs = f"{sys.version_info.major}.{sys.version_info.minor}.", installed.python_of(root)
    if not theirs.startswith(ours):
        pytest.skip(f"needs a Python {theirs}, whose wheels Debian can use")
    return root


@pytest.fixture(scope="session")
def switched_off(debian: Path, tape: Tape, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installed]:
    """From the wheel, without a network, as root; started once, so that the kernels are compiled."""
    folder = tmp_path_factory.mktemp("machine")
    with machine(folder, debian) as own:
        container, root = own.container, own.container.root
        shutil.copytree(installed.wheelhouse(installed.python_of(debian)), root / "srv/wheels")
        shutil.copy(installed.wheel(folder / "wheel"), root / "srv/wheels")
        container.run("python3", "-m", "venv", "/opt/tapewatch")
        container.run(
            "/opt/tapewatch/bin/pip", "install", "--no-index", "--find-links", "/srv/wheels", "tapewatch"
        )
        furnish(root, tape.file)
        container.run("systemctl", "daemon-reload")
        container.run("systemctl", "restart", "redis-server")
        container.run("systemctl", "enable", "--now", "market")
        seconds = own.start()
        own.has_exactly(tape.expected)
        container.run("systemctl", "stop", UNIT)
        own.forget()
        container.run("systemctl", "poweroff")
        container.wait()
    shutil.rmtree(folder / "root/upper/var/lib/private", ignore_errors=True)
    shutil.rmtree(folder / "root/upper/var/log/journal")
    (folder / "root/upper/var/log/journal").mkdir()
    yield Installed((folder / "root/upper", debian), seconds)
    shutil.rmtree(folder)  # a gigabyte


@pytest.fixture
def own_machine(switched_off: Installed, tmp_path: Path) -> Iterator[Machine]:
    """A machine of the test's own, up; its market plays, and tapewatch does not run yet."""
    with machine(tmp_path, *switched_off.layers) as own:
        yield own
    shutil.rmtree(tmp_path / "root")


@contextmanager
def machine(folder: Path, *layers: Path) -> Iterator[Machine]:
    with nspawn.overlay(folder / "root", *layers) as root:
        container = nspawn.Container(root, f"tapewatch-{os.getpid()}")
        try:
            container.boot()
            yield Machine(container)
        finally:
            container.stop()

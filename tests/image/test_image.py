"""The image, really built and run: what is in it, that it starts at once, and that it has no rights."""

import os
import signal
import time
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from image.box import Image
from image.measure import program_bytes
from image.surroundings import Surroundings, alerts_reach

pytestmark = [pytest.mark.long, pytest.mark.timeout(900)]

ADDED_MB = 550
"""Of what the image adds to its base."""
STOPS_WITHIN = 11.0


def program_files(image: Image) -> list[Path]:
    return [image.tree / "opt/tapewatch", *(image.tree / "opt/tapewatch").rglob("*")]


def test_it_holds_what_runs_and_nothing_of_ours_that_does_not(image: Image) -> None:
    packages = {
        path.name.partition("-")[0]
        for path in image.tree.glob("opt/tapewatch/lib/*/site-packages/*.dist-info")
    }
    assert {"tapewatch", "numba", "redis", "websockets"} <= packages
    assert not packages & {"pytest", "mypy", "ruff", "hatchling", "pip", "hypothesis", "alpaca_py"}
    assert not [
        path for path in (image.tree / "src", image.tree / "wheels", image.tree / "build") if path.exists()
    ]


def test_only_root_may_change_the_program(image: Image) -> None:
    loose = [
        path
        for path in program_files(image)
        if not path.is_symlink() and (path.stat().st_uid or path.stat().st_mode & 0o022)
    ]
    assert loose == []


def test_it_is_not_large(image: Image) -> None:
    megabytes = program_bytes(image) / 1e6
    assert megabytes < ADDED_MB


def test_its_settings_are_those_of_a_service(image: Image) -> None:
    told = image.settings
    assert told["User"] == "10001:10001"
    assert told["StopSignal"] == "SIGTERM"
    assert told["Healthcheck"]["Test"][0] == "CMD"
    assert set(told["Volumes"]) == {"/var/lib/tapewatch"}
    labels = {name.removeprefix("org.opencontainers.image.") for name in told["Labels"]}
    assert {"title", "description", "licenses", "version", "revision", "base.name"} <= labels


def test_its_kernels_are_those_of_any_cpu(image: Image) -> None:
    indexes = list((image.tree / "opt/tapewatch/cache").rglob("*.nbi"))
    assert indexes
    for index in indexes:
        assert b"generic" in index.read_bytes()
        assert b"+sse" not in index.read_bytes()


async def test_it_starts_without_compiling(surroundings: Surroundings, image: Image) -> None:
    surroundings.write(await surroundings.feed())
    async with AsyncExitStack() as stack:
        box = await surroundings.box(stack)
        await box.program.logged("daemon.ready")
        redis = await surroundings.child_redis()
        await alerts_reach(redis, 5, box)

        assert box.program.err[0].startswith("{"), box.program.err[0]  # else that it compiles
        baked = kernels(image.tree / "opt/tapewatch/cache/kernels")
        assert kernels(box.root() / "tmp") == baked
        assert len(baked) >= 8


def kernels(folder: Path) -> dict[str, bytes]:
    """What is in each file; a kernel compiled anew is another file, or one with other bytes."""
    return {path.name: path.read_bytes() for path in folder.rglob("*.nb[ic]")}


async def test_it_may_write_nowhere_else_and_do_nothing_but_run(surroundings: Surroundings) -> None:
    surroundings.write(await surroundings.feed())
    async with AsyncExitStack() as stack:
        box = await surroundings.box(stack)
        await box.program.logged("daemon.ready")
        status = box.status()
        assert "CapEff:\t0000000000000000" in status
        assert "CapBnd:\t0000000000000000" in status
        assert "NoNewPrivs:\t1" in status
        assert "Uid:\t10001\t10001\t10001\t10001" in status
        for path in ("/opt/tapewatch/x", "/etc/tapewatch/x", "/run/secrets/x", "/x", "/var/cache/x"):
            tried = await box.execute("touch", path)
            assert tried.process.returncode == 1, path


async def test_a_wrong_config_ends_it_with_a_sentence(surroundings: Surroundings) -> None:
    surroundings.write(1, more="port = 5")
    async with AsyncExitStack() as stack:
        box = await surroundings.box(stack)
        assert await box.program.ended() == 2
        assert "port" in box.program.everything()
        assert "Traceback" not in box.program.everything()


async def test_it_stops_when_told_and_leaves_no_process(surroundings: Surroundings) -> None:
    surroundings.write(await surroundings.feed())
    async with AsyncExitStack() as stack:
        box = await surroundings.box(stack)
        await alerts_reach(await surroundings.child_redis(), 5, box)
        begun = time.monotonic()
        assert await box.stop() == 0, box.program.everything()
        assert time.monotonic() - begun < STOPS_WITHIN
        assert box.program.events("daemon.stopped")
        assert box.processes() == []


async def test_it_is_healthy_once_it_runs_and_not_when_it_hangs(
    surroundings: Surroundings, image: Image
) -> None:
    surroundings.write(await surroundings.feed())
    _, *asks = image.settings["Healthcheck"]["Test"]
    async with AsyncExitStack() as stack:
        box = await surroundings.box(stack)
        await box.program.logged("http.listening")
        assert (await box.execute(*asks)).process.returncode == 0
        os.kill(box.pid, signal.SIGSTOP)
        assert (await box.execute(*asks)).process.returncode != 0
        os.kill(box.pid, signal.SIGCONT)
        await box.program.logged("daemon.ready")
        assert (await box.execute(*asks)).process.returncode == 0

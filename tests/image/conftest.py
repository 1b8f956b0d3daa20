"""The image and a later version of it, really built, and what containers of them live among."""

import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from e2e.tapes import Case, synthetic_case
from image.box import Image, opened
from image.building import ROOT, another_version, build, missing, run
from image.surroundings import Surroundings


@pytest.fixture(scope="session")
def image() -> Iterator[Image]:
    """Built from this checkout."""
    if lacking := missing():
        pytest.skip(f"to build and run images, this machine lacks {lacking}")
    with opened(build("tapewatch:test")) as image:
        yield image


@pytest.fixture(scope="session")
def later_image(image: Image, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Image]:
    """Another version of the program, with other kernels."""
    context = another_version(tmp_path_factory.mktemp("later"))
    with opened(build("tapewatch:later", context)) as later:
        yield later


@pytest.fixture(scope="session")
def case(tmp_path_factory: pytest.TempPathFactory) -> Case:
    return synthetic_case(tmp_path_factory.mktemp("synthetic"))


@pytest.fixture(scope="session")
def wanted(case: Case, tmp_path_factory: pytest.TempPathFactory) -> list[bytes]:
    """The JSON of each alert that `tapewatch replay` finds on the tape."""
    folder = tmp_path_factory.mktemp("expected")
    config, alerts = folder / "config.toml", folder / "alerts.jsonl"
    config.write_text(f'name = "sp500"\n{case.watch}')

    replay = (sys.executable, "-m", "tapewatch.cli", "replay", case.tape)
    run("env", f"PYTHONPATH={ROOT / 'daemon'}", *replay, "--config", config, "--alerts", alerts)
    return alerts.read_bytes().splitlines()


@pytest.fixture
async def surroundings(image: Image, case: Case, tmp_path: Path) -> AsyncIterator[Surroundings]:
    async with AsyncExitStack() as stack:
        yield Surroundings(image, case, tmp_path, stack)

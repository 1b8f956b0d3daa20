"""What happens to the archive's file, or to who waits for it, costs charts at most."""

import asyncio
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, suppress
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from structlog.testing import capture_logs

from tapewatch.charts.archive import Archive, Bar
from tapewatch.charts.keeper import Keeper


def bar(start: int, names: tuple[str, ...] = ("sma(2)",)) -> Bar:
    return Bar("SPX", "1m", start, (1.0, 2.0, 0.5, 1.5, 3.0), names, np.ones(len(names)).tobytes())


@pytest.fixture
def keeper(tmp_path: Path) -> Iterator[Keeper]:
    with closing(Keeper(tmp_path / "charts.sqlite")) as own:
        yield own


async def keep(keeper: Keeper, *bars: Bar) -> None:
    await keeper.do(partial(Archive.keep, bars=bars))


async def kept(keeper: Keeper) -> int | None:
    """How many bars are there; None: the file cannot be used."""
    bars = await keeper.do(lambda archive: archive.bars("SPX", "1m", 1 << 62, 300))
    return None if bars is None else len(bars)


async def test_what_is_to_be_kept_is_though_who_asked_has_gone(keeper: Keeper) -> None:
    free = threading.Event()
    before = asyncio.create_task(keeper.do(lambda archive: free.wait(10)))
    page = asyncio.create_task(keep(keeper, bar(0), bar(60)))
    await asyncio.sleep(0.05)
    page.cancel()
    with suppress(asyncio.CancelledError):
        await page
    free.set()
    assert await before
    assert await kept(keeper) == 2


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE names SET names = 'sma(2'",
        "UPDATE names SET names = CAST(X'5B22FF225D' AS TEXT)",
        "UPDATE series SET symbol = CAST(X'FF' AS TEXT)",
        "UPDATE bars SET figures = X'00'",
        "UPDATE bars SET names = 7",
        "UPDATE bars SET open = 'much'",
        "DROP TABLE bars",
        "ALTER TABLE bars DROP COLUMN low",
    ],
)
async def test_a_file_whose_content_is_damaged_is_begun_anew(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "charts.sqlite"
    with closing(Keeper(path)) as own:
        await keep(own, bar(0))
    with closing(sqlite3.connect(path)) as db, db:
        db.execute(damage)
    with closing(Keeper(path)) as own, capture_logs() as logs:
        assert await kept(own) == 0
        await keep(own, bar(60))
        assert await kept(own) == 1
    assert [line["event"] for line in logs] == ["charts.begun_anew"]


async def test_a_full_disk_leaves_what_is_there(keeper: Keeper) -> None:
    await keep(keeper, bar(0))

    def as_if_full(archive: Archive) -> None:
        archive._db.execute("PRAGMA max_page_count = 1")
        archive.keep(bar(start, (f"sma({start})" * 100,)) for start in range(100))

    with capture_logs() as logs:
        for _ in range(3):
            await keeper.do(as_if_full)
            assert await kept(keeper) == 1
    assert [line["event"] for line in logs] == ["charts.unavailable"], "once, not twice a second"


async def test_a_mistake_of_ours_ends_nothing(keeper: Keeper) -> None:
    with capture_logs() as logs:
        for _ in range(2):
            assert await keeper.do(lambda archive: 1 / 0) is None
            assert await keeper.do(lambda archive: {}["nothing"]) is None
    assert {line["event"] for line in logs} == {"charts.unavailable"}
    await keep(keeper, bar(0))
    assert await kept(keeper) == 1

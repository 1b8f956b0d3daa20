"""How symbols begin: from their snapshots, else from history."""

import asyncio
import time
from collections.abc import Mapping, Sequence

import structlog

from tapewatch.alerts.build import iso_ns
from tapewatch.config import Config
from tapewatch.engine.engine import Engine
from tapewatch.engine.snapshot import Snapshot, SnapshotError
from tapewatch.feeds.files import FileError
from tapewatch.history import HistoryError
from tapewatch.past import Past, take

log = structlog.get_logger(__name__)


async def restore(
    engine: Engine, config: Config, pasts: Mapping[int, Past], snapshots: Mapping[str, Snapshot]
) -> None:
    """Every symbol goes on where its snapshot is, or is warmed up from history."""
    cold, incomplete = [], {}
    for row, watch in enumerate(config.watch):
        try:
            if known := snapshots.get(watch.symbol):
                if missing := engine.restore(row, known.hot, known.bars):
                    incomplete[row] = missing
                price, time_ns = engine.last(row)
                log.info("state.restored", symbol=watch.symbol, price=price, time=iso_ns(time_ns))
                continue
        except SnapshotError as error:
            log.warning(
                "state.refused", symbol=watch.symbol, reason=f"its snapshot is {error}; warming up anew"
            )
        cold.append(row)
    await warm(engine, pasts, cold)
    await complete(engine, pasts, incomplete)


async def warm(engine: Engine, pasts: Mapping[int, Past], rows: Sequence[int]) -> None:
    """Warms the indicators of symbols of which nothing is known."""
    if any(pasts[row].has_source for row in rows):
        log.info("state.warming", symbols=len(rows))
    found = await asyncio.gather(*(pasts[row].warm_up(time.time_ns()) for row in rows))
    for row, stretches in zip(rows, found, strict=True):
        log.info("state.warmed", symbol=engine.layouts[row].watch.symbol, bars=take(engine, row, stretches))


async def complete(engine: Engine, pasts: Mapping[int, Past], missing: Mapping[int, Sequence[str]]) -> None:
    """What changed watches have that their snapshots lack comes from history, as far as that goes."""
    graft(engine, await warmed(engine, pasts, {row: engine.last(row)[1] for row in missing}), missing)


async def warmed(engine: Engine, pasts: Mapping[int, Past], places: Mapping[int, int]) -> dict[int, Engine]:
    """An engine for each of these rows alone, warmed on its history up to its place (ns)."""

    async def alone(row: int, place: int) -> Engine:
        watch = engine.layouts[row].watch
        own = Engine([watch])
        try:
            take(own, 0, await pasts[row].warm_up(place))
        except (FileError, HistoryError) as error:
            log.warning("history.unavailable", symbol=watch.symbol, reason=str(error))
        return own

    found = await asyncio.gather(*(alone(row, place) for row, place in places.items()))
    return dict(zip(places, found, strict=True))


def graft(engine: Engine, warmed: Mapping[int, Engine], missing: Mapping[int, Sequence[str]]) -> None:
    """What rows are missing comes from those engines; what they do not have either begins with the next bars."""
    for row, names in missing.items():
        symbol, own = engine.layouts[row].watch.symbol, warmed.get(row)
        cold = engine.graft(row, own, names) if own else list(names)
        log.info("state.completed", symbol=symbol, new=list(names), without_history=cold)

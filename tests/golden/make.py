"""Makes the golden files: what this version leaves behind, for those that follow to take up.

    python tests/golden/make.py

A format that changes gets a new number and new files beside the old ones, which stay as they are: a user may come from
any of them. Never run it to make a test pass.
"""

import json
import sys
from pathlib import Path

import msgspec
import numpy as np

from tapewatch import assemble
from tapewatch.alerts.alert import Alert, encode
from tapewatch.check import load
from tapewatch.engine import snapshot
from tapewatch.engine.engine import Engine
from tapewatch.engine.snapshot import Snapshot
from tapewatch.market.sessions import sessions
from tapewatch.market.ticks import NS, empty_ticks
from tapewatch.notify.silences import Silence
from tapewatch.store import spool
from tapewatch.store.commit import Commit, Fired
from tapewatch.store.spool import Record, Spool

FOLDER = Path(__file__).parent
CUT = 9_000
"""Ticks before the snapshot; the rest comes after it."""

TOKEN, SEQUENCE = 7, 42
SILENCE = Silence(
    id="0a1b2c3d",
    symbol="SPX",
    type="level.*",
    since_ns=1769_611_200 * NS,
    until_ns=4102_444_800 * NS,
    by="ops",
    why="Fed day",
)


def tape() -> np.ndarray:
    """Two sessions; of arithmetic alone, so that it is the same for ever."""
    own = sessions("XNYS")
    monday = own.at(1769_400_000 * NS)  # 26 January 2026
    k = np.arange(15_000)
    ticks = empty_ticks(len(k))
    ticks["time"] = own.opens[monday + k // 7_500] + (k % 7_500) * 3 * NS
    noise = (k * 2_654_435_761 % 2**32) / 2**32
    waves = 8 * np.sin(k / 1_100) + 4 * np.sin(k / 170) + 1.5 * np.sin(k / 23)
    ticks["price"], ticks["size"] = np.round(7_000 + waves + noise, 2), 1 + k % 7
    return ticks


def engine() -> Engine:
    return assemble.engine(load(FOLDER / "watch.toml"), tape_clocks=[True])


def alerts(own: Engine, ticks: np.ndarray) -> list[Alert]:
    """What it fires, in the order in which the ticks come."""
    return assemble.alert_builder(load(FOLDER / "watch.toml"), own).build(own.step(ticks))


def main() -> None:
    own = engine()
    fired = alerts(own, tape()[:CUT])
    hot, bars = own.both_parts(0)
    made = FOLDER / f"snapshot-{snapshot.VERSION}"
    if made.exists() and "--again" not in sys.argv:
        raise SystemExit(f"{made} is there: a golden file is not made twice")
    made.mkdir(exist_ok=True)
    (made / "hot").write_bytes(hot)
    (made / "bars").write_bytes(bars)
    price, time = own.last(0)
    known = {name: value for name, value in own.values(0).items() if value == value}
    (made / "known.json").write_text(
        json.dumps({"price": price, "time": time, "values": known}, indent=1) + "\n"
    )
    (FOLDER / "alert.json").write_bytes(encode(fired[-1]))
    (FOLDER / "silence.json").write_bytes(msgspec.json.encode(SILENCE))
    left = FOLDER / f"spool-{spool.VERSION}"
    left.unlink(missing_ok=True)
    folder = FOLDER / "spooling"
    writes = Spool(folder)
    writes.append(Record(TOKEN, Commit(SEQUENCE, {"SPX": Snapshot(hot, bars)}, [])))
    one = Fired(fired[-1], encode(fired[-1]), b'{"of": "trace"}')
    writes.append(Record(TOKEN, Commit(SEQUENCE + 1, {"SPX": Snapshot(hot, None)}, [one])))
    writes.close()
    (folder / "spool").rename(left)
    folder.rmdir()


if __name__ == "__main__":
    main()

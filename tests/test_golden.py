"""An upgrade: what an older version left behind is taken up by this one, or refused by name and begun anew."""

import importlib.util
import json
import shutil
import struct
import zlib
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import structlog
from redis.asyncio import Redis

from tapewatch import sources, start
from tapewatch.alerts.alert import Alert, decode, encode
from tapewatch.check import load
from tapewatch.engine import sections, snapshot
from tapewatch.engine.engine import Engine
from tapewatch.engine.snapshot import Snapshot
from tapewatch.notify.silences import Silences
from tapewatch.store import spool
from tapewatch.store.server import open_redis
from tapewatch.store.spool import Spool

GOLDEN = Path(__file__).parent / "golden"
OWN = f"snapshot-{snapshot.VERSION}"


def _golden() -> ModuleType:
    spec = importlib.util.spec_from_file_location("golden_make", GOLDEN / "make.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


made = _golden()


def parts(name: str = OWN) -> Snapshot:
    return Snapshot((GOLDEN / name / "hot").read_bytes(), (GOLDEN / name / "bars").read_bytes())


def restored(name: str = OWN) -> Engine:
    own, engine = parts(name), made.engine()
    assert engine.restore(0, own.hot, own.bars) == [], "nothing begins anew"
    return engine


def told(alerts: list[Alert]) -> list[tuple[str, str, str, float | None]]:
    return [(own.id, own.type, own.time, own.data.price) for own in alerts]


def test_every_format_of_this_version_has_its_files() -> None:
    assert (GOLDEN / OWN / "hot").exists(), "a new format needs golden files: python tests/golden/make.py"
    assert (GOLDEN / f"spool-{spool.VERSION}").exists(), "a new format needs golden files"


def test_a_snapshot_is_restored_to_what_it_held() -> None:
    engine, known = restored(), json.loads((GOLDEN / OWN / "known.json").read_text())
    assert engine.last(0) == (known["price"], known["time"])
    values = {name: value for name, value in engine.values(0).items() if value == value}
    assert values == known["values"]


def test_no_section_of_a_snapshot_is_called_otherwise_now() -> None:
    """A rule whose definition is spelled otherwise would lose its side, a level its arming, and nobody would know."""
    own = parts()
    there = sections.decode(snapshot.unpack(own.hot, own.bars).sections).stretches
    here = sections.sections(made.engine().layouts[0]).stretches
    assert {name: own.fields for name, own in there.items()} == {
        name: own.fields for name, own in here.items()
    }


def test_it_goes_on_to_fire_as_an_uninterrupted_run() -> None:
    tape, whole = made.tape(), made.engine()
    before = made.alerts(whole, tape[: made.CUT])
    assert before[-1].id == json.loads((GOLDEN / "alert.json").read_bytes())["id"]
    expected = made.alerts(whole, tape[made.CUT :])
    engine = restored()
    engine.resume()
    got = made.alerts(engine, tape[made.CUT :])
    assert len(expected) > 100
    assert {own.data.rule for own in expected} >= {"round", "zone", "average", "held", "ranges", "diverges"}
    assert told(got) == told(expected)
    assert [encode(own) for own in got] == [encode(own) for own in expected]


def of_version(part: bytes, version: int) -> bytes:
    """The same as another version would have marked it."""
    head = part[:4] + struct.pack("<H", version) + part[6:-4]
    return head + struct.pack("<I", zlib.crc32(head))


@pytest.mark.parametrize("version", [snapshot.VERSION - 1, snapshot.VERSION + 1])
async def test_a_snapshot_of_another_format_is_refused_by_name_and_begins_anew(
    version: int, tmp_path: Path
) -> None:
    tape = made.tape()
    bars = tmp_path / "bars.csv"
    rows = [f"{time_},{price},{price},{price},{price},1" for time_, price in minutes(tape[: made.CUT])]
    bars.write_text("time,open,high,low,close,volume\n" + "\n".join(rows) + "\n")
    text = (GOLDEN / "watch.toml").read_text().replace("rearm =", f'history = ["{bars}"]\nrearm =', 1)
    (tmp_path / "watch.toml").write_text(text)
    config = load(tmp_path / "watch.toml")
    own, engine = parts(), made.assemble.engine(config, tape_clocks=[True])
    other = Snapshot(of_version(own.hot, version), of_version(own.bars or b"", version))
    with structlog.testing.capture_logs() as logs:
        await start.restore(engine, config, sources.pasts(config, []), {"SPX": other})
    refused, warmed = logs
    assert (refused["event"], refused["symbol"]) == ("state.refused", "SPX")
    assert f"version {version} of the snapshot format" in refused["reason"]
    assert f"reads version {snapshot.VERSION}" in refused["reason"]
    assert (warmed["event"], warmed["bars"] > 100) == ("state.warmed", True)
    assert engine.values(0)["rsi(14)@1m"] == engine.values(0)["rsi(14)@1m"], "warm from history"
    # Its levels take their side from the first tick, and fire from then on as if nothing had happened.
    rest, whole = tape[made.CUT :], made.engine()
    whole.step(tape[: made.CUT])
    assert made.alerts(engine, rest[:1]) == []
    expected, got = made.alerts(whole, rest), made.alerts(engine, rest[1:])
    of_levels = ("round", "zone")
    assert told([own for own in got if own.data.rule in of_levels]) == told(
        [own for own in expected if own.data.rule in of_levels]
    )


def minutes(ticks: np.ndarray) -> list[tuple[str, float]]:
    """The last price of each minute, at its start."""
    starts = ticks["time"] // 60_000_000_000 * 60_000_000_000
    last = np.append(np.flatnonzero(np.diff(starts)), len(starts) - 1)[:-1]
    return [
        (str(np.datetime64(int(starts[k]), "ns").astype("datetime64[s]")) + "Z", float(ticks["price"][k]))
        for k in last
    ]


def test_a_spool_is_read_as_it_was_written(tmp_path: Path) -> None:
    shutil.copy(GOLDEN / f"spool-{spool.VERSION}", tmp_path / "spool")
    with closing(Spool(tmp_path)) as left:
        first, second = left.records()
    own, alert = parts(), (GOLDEN / "alert.json").read_bytes()
    assert [(record.token, record.commit.sequence) for record in (first, second)] == [
        (made.TOKEN, made.SEQUENCE),
        (made.TOKEN, made.SEQUENCE + 1),
    ]
    assert first.commit.snapshots == {"SPX": own}
    assert second.commit.snapshots == {"SPX": Snapshot(own.hot, None)}
    assert first.commit.alerts == []
    (fired,) = second.commit.alerts
    assert (fired.alert, fired.json, fired.trace) == (decode(alert), alert, b'{"of": "trace"}')


def test_a_spool_of_another_format_is_put_aside_by_name_and_not_lost(tmp_path: Path) -> None:
    left = (GOLDEN / f"spool-{spool.VERSION}").read_bytes()
    (tmp_path / "spool").write_bytes(left[:4] + struct.pack("<H", spool.VERSION + 1) + left[6:])
    with structlog.testing.capture_logs() as logs, closing(Spool(tmp_path)) as own:
        assert list(own.records()) == []
    (refused,) = logs
    assert refused["event"] == "spool.refused"
    assert f"version {spool.VERSION + 1}" in refused["reason"]
    assert Path(refused["path"]).read_bytes()[6:] == left[6:]


def test_an_alert_is_read_as_it_was_written() -> None:
    text = (GOLDEN / "alert.json").read_bytes()
    assert encode(decode(text)) == text


@pytest.fixture
async def redis(tmp_path: Path) -> AsyncIterator[Redis]:
    async with open_redis(None, tmp_path / "redis") as redis:
        yield redis


async def test_a_silence_holds_on(redis: Redis) -> None:
    text = (GOLDEN / "silence.json").read_bytes()
    await redis.hset("silences", made.SILENCE.id, text)
    assert await Silences(redis, "silences").all() == [made.SILENCE]

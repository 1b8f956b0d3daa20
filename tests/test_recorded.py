"""Recordings replayed: the alerts are those of the daemon that saw the same frames at the same times."""

import json
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tapewatch import assemble, instruments
from tapewatch.alerts.alert import Alert
from tapewatch.check import load
from tapewatch.config import Config
from tapewatch.feeds.files import FileError
from tapewatch.feeds.massive.protocol import Massive
from tapewatch.feeds.massive.server import MassiveServer
from tapewatch.feeds.protocol import Credentials
from tapewatch.feeds.recording import About, RecordingWriter, open_recording
from tapewatch.feeds.vendors import VENDORS
from tapewatch.market.ticks import NS, empty_ticks
from tapewatch.recorded import RecordedError, recordings
from tapewatch.replay import Replay

OPEN = 1_769_610_600 * NS  # 2026-01-28, 09:30 in New York
MS = NS // 1000
STEP = 250 * MS

CONFIG = """
name = "test"

[[feed]]
name = "tape"
vendor = "massive"
url = "ws://127.0.0.1:9/"
clock = "{clock}"

[[feed]]
name = "other"
vendor = "massive"
url = "ws://127.0.0.1:9/"

[[watch]]
symbol = "SPX"
feed = "tape"
feed_symbol = "I:SPX"
timeframes = ["1m", "5m"]
indicators = ["sma(3)"]
rearm = "0.01%"

[[watch.level]]
name = "breakout"
price = 7000
confirm = "1m"

[[watch.condition]]
name = "average"
when = "price crosses sma(3)@1m"

[[watch.condition]]
name = "stays"
when = "price above 7000"
for = "30s"

[[watch]]
symbol = "SPY"
feed = "other"

[[watch.level]]
name = "nobody's"
price = 7000
"""

Event = tuple[int, str, bytes]
"""When (wall clock, ns), `connected`, `frame` or `time`, and the frame."""


def config(folder: Path, clock: str = "wall", text: str = CONFIG) -> Config:
    path = folder / "config.toml"
    path.write_text(text.replace("{clock}", clock))
    return load(path)


def login() -> list[bytes]:
    status = [
        ("connected", "Connected Successfully"),
        ("auth_success", "authenticated"),
        ("success", "subscribed"),
    ]
    return [json.dumps([{"ev": "status", "status": name, "message": text}]).encode() for name, text in status]


def day(seed: int = 1) -> list[Event]:
    """Twenty minutes about 7,000: seconds of silence, late ticks and garbage, and a line that is away for a minute."""
    dice = np.random.default_rng(seed)
    session = MassiveServer(["I:SPX"], False)
    events: list[Event] = [(OPEN, "connected", b""), *((OPEN, "frame", one) for one in login())]
    price, away = 6999.0, range(480, 540)
    for now in range(OPEN + STEP, OPEN + 1200 * NS, STEP):
        events.append((now, "time", b""))
        second = (now - OPEN) // NS
        if second in away or second % 100 > 80:
            continue
        if second == away.stop and (now - OPEN) % NS == 0:
            events += [(now, "connected", b""), *((now, "frame", one) for one in login())]
            price = 6990.0 if price > 7000 else 7010.0
        for part in range(dice.integers(0, 3)):
            ticks = empty_ticks(int(dice.integers(1, 5)))
            price += float(dice.normal(0, 0.7)) + (7000 - price) / 100
            ticks["time"] = now - dice.integers(0, 900, len(ticks)) * MS
            ticks["price"] = np.round(price + dice.normal(0, 0.3, len(ticks)), 2)
            frame = session.frame(ticks, np.arange(len(ticks)))
            events.append((now + part * MS, "frame", frame if dice.random() > 0.02 else frame[:-5]))
    return events


def record(folder: Path, events: Sequence[Event], clock: str = "wall", **options: Any) -> list[Path]:
    """Those events as `tapewatch record` would write them."""
    writer = RecordingWriter(folder, About("tape", "massive", clock, ["I:SPX"]), **options)
    for now, kind, frame in events:
        match kind:
            case "connected":
                writer.connected(now)
            case "frame":
                writer.frame(now, frame)
            case "time":
                writer.time(now)
    writer.close()
    return sorted(folder.glob("*.frames.gz"))


def live(own: Config, events: Sequence[Event]) -> Iterator[Alert]:
    """What the daemon does at these events: the calls of `Connection`, `Outages` and `TickPath`."""
    by_tape = [feed.clock == "tape" for feed in own.feed]
    engine = assemble.engine(own, tape_clocks=by_tape)
    build = assemble.alert_builder(own, engine).build
    numbers = instruments.on_feed(own, own.feed[0], engine)
    protocol, subscribed = Massive(Credentials("key"), numbers), False
    for now, kind, frame in events:
        if kind == "connected":
            protocol, subscribed = Massive(Credentials("key"), numbers), False
        elif kind == "time" and not by_tape[0]:
            yield from build(engine.advance(now, 0))
        elif kind == "frame":
            ticks = protocol.receive(frame)
            protocol.replies()
            if not subscribed and (protocol.subscribed or len(ticks)):
                subscribed = True
                engine.missed(0)
            if len(ticks) and by_tape[0]:
                yield from build(engine.step(ticks, 0))
                yield from build(engine.advance(engine.clock(0), 0))
            elif len(ticks):
                yield from build(engine.advance(now, 0))
                yield from build(engine.step(ticks, 0))


def replayed(own: Config, paths: Sequence[Path]) -> list[Alert]:
    recorded = recordings(own, paths)
    return [alert for fired in Replay(own, recorded=recorded).run(recorded) for alert in fired]


@pytest.mark.parametrize("clock", ["wall", "tape"])
def test_the_alerts_are_those_of_the_daemon(tmp_path: Path, clock: str) -> None:
    own, events = config(tmp_path, clock), day()
    expected = list(live(own, events))
    kinds = {alert.data.rule for alert in expected}
    assert len(expected) > 50
    assert kinds == {"breakout", "average", "stays"}
    assert {"outage"} <= {alert.data.gap for alert in expected}
    (whole,) = record(tmp_path / "whole", events, clock)
    assert replayed(own, [whole]) == expected
    parts = record(tmp_path / "parts", events, clock, largest=20_000)
    assert len(parts) > 5
    assert replayed(own, parts) == expected


def test_the_recorded_clock_is_what_counts(tmp_path: Path) -> None:
    """A bar that no tick closed is closed by the clock that was recorded, whatever the config says now."""
    events = day()
    by_wall, by_tape = config(tmp_path, "wall"), config(tmp_path, "tape")
    paths = record(tmp_path / "r", events, "wall")
    assert replayed(by_tape, paths) == replayed(by_wall, paths) == list(live(by_wall, events))
    assert replayed(by_wall, paths) != list(live(by_tape, events))


def test_a_part_that_begins_in_mid_connection_is_read_alone(tmp_path: Path) -> None:
    own = config(tmp_path)
    _, second, *_ = record(tmp_path / "r", day(), largest=50_000)
    assert {type(line).__name__ for line in open_recording(second).lines()} == {"Frame", "Time"}
    assert any(alert.data.rule == "breakout" for alert in replayed(own, [second]))


VENDOR = """
name = "test"
[[feed]]
name = "tape"
vendor = "{vendor}"
url = "ws://127.0.0.1:9/"
[[watch]]
symbol = "BTC"
feed_symbol = "BTC/USD"
calendar = "24/7"
timeframes = ["1m"]
[[watch.level]]
name = "round"
price = 100
"""


@pytest.mark.parametrize("vendor", VENDORS)
def test_each_vendor_s_frames_are_read_without_its_greetings_and_without_a_key(
    tmp_path: Path, vendor: str
) -> None:
    own = config(tmp_path, text=VENDOR.replace("{vendor}", vendor))
    session = VENDORS[vendor].server(own.feed[0], ["BTC/USD"], False)
    ticks = empty_ticks(10)
    ticks["time"] = OPEN + np.arange(10) * NS
    ticks["price"] = [99.6, 100.4] * 5
    ticks["size"] = 1
    writer = RecordingWriter(tmp_path, About("tape", vendor, "wall", ["BTC/USD"]))
    for place in range(10):
        frame = session.frame(ticks[place : place + 1], np.array([place + 1]))
        writer.frame(OPEN + place * NS, frame)
    writer.close()
    assert writer.path
    (recorded,) = recordings(own, [writer.path])
    assert recorded.first() == OPEN
    replay = Replay(own, recorded=[recorded])
    assert sum(len(fired) for fired in replay.run([recorded])) == 9
    assert (recorded.count, recorded.remarks()) == (10, [])


def test_a_torn_end_and_what_could_not_be_read_are_said(tmp_path: Path) -> None:
    own, events = config(tmp_path), day()
    (path,) = record(tmp_path / "r", events)
    path.write_bytes(path.read_bytes()[:-2000])
    (recorded,) = recordings(own, [path])
    replay = Replay(own, recorded=[recorded])
    assert sum(len(fired) for fired in replay.run([recorded])) > 20
    torn, unread = recorded.remarks()
    assert torn.startswith(f"{path}: its end is torn off; it was read up to line ")
    assert unread.startswith(f"{path}: not everything in it could be read: ")
    assert unread.endswith(" not JSON")
    assert f"{recorded.count:,} ticks in" in replay.summary([recorded], 0, 1)


def test_a_recording_is_replayed_at_its_pace(tmp_path: Path) -> None:
    own = config(tmp_path)
    recorded = recordings(
        own, record(tmp_path / "r", [event for event in day() if event[0] < OPEN + 20 * NS])
    )
    began = time.monotonic()
    for _ in Replay(own, recorded=recorded).run(recorded, 50):
        pass
    assert 19.5 / 50 < time.monotonic() - began < 5


def test_what_the_recording_was_not_asked_for_is_said(tmp_path: Path) -> None:
    more = CONFIG + '[[watch]]\nsymbol = "I:NDX"\nfeed = "tape"\n[[watch.level]]\nname = "a"\nprice = 1\n'
    own = config(tmp_path, text=more)
    recorded = recordings(own, record(tmp_path / "r", day()))
    assert Replay(own, recorded=recorded).notes(recorded) == [f"{recorded[0].path}: was not asked for I:NDX"]


def test_history_warms_up_to_the_first_recorded_tick(tmp_path: Path) -> None:
    own = config(tmp_path)
    bars = tmp_path / "bars.csv"
    times = [f"2026-01-28T14:{minute}:00Z,6990" for minute in range(30, 40)]
    bars.write_text("\n".join(["time,close", *times]) + "\n")
    later = [event for event in day() if event[0] > OPEN + 305 * NS]
    recorded = recordings(own, record(tmp_path / "r", later))
    replay = Replay(own, recorded=recorded)
    assert replay.warm(recorded, [bars], "SPX") == 5
    assert replay.engine.values(0)["sma(3)@1m"] == 6990


@pytest.mark.parametrize(
    ("about", "error"),
    [
        (About("tape", "kraken", "wall", ["I:SPX"]), "of the feed 'tape' of kraken, and the config has none"),
        (About("third", "massive", "wall", ["I:SPX"]), "the config has several of massive"),
        (
            About("tape", "massive", "wall", ["QQQ"]),
            "it has QQQ; the config watches I:SPX on the feed 'tape'",
        ),
    ],
)
def test_a_recording_that_is_not_the_config_s_is_refused(tmp_path: Path, about: About, error: str) -> None:
    writer = RecordingWriter(tmp_path, about)
    writer.time(OPEN)
    writer.close()
    assert writer.path
    with pytest.raises(RecordedError, match=error):
        recordings(config(tmp_path), [writer.path])


def test_recordings_of_one_feed_have_one_clock(tmp_path: Path) -> None:
    paths = record(tmp_path / "a", day(), "wall") + record(tmp_path / "b", day(), "tape")
    with pytest.raises(RecordedError, match="its clock is 'tape', that of the files before it not"):
        recordings(config(tmp_path), paths)


def test_a_recording_is_not_mixed_with_ticks(tmp_path: Path) -> None:
    (path,) = record(tmp_path / "r", day())
    ticks = tmp_path / "ticks.csv"
    ticks.write_text("time_ns,price\n1,1\n")
    assert recordings(config(tmp_path), [ticks]) == []
    with pytest.raises(
        RecordedError, match=r"frames\.gz is a recording and .*ticks\.csv a file of ticks or bars"
    ):
        recordings(config(tmp_path), [path, ticks])
    with pytest.raises(FileError, match=r"nix\.csv: No such file"):
        recordings(config(tmp_path), [tmp_path / "nix.csv"])

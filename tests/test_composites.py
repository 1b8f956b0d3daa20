"""Composite symbols outside the engine: names, files, replays, counts (docs/design.md, Composite symbols)."""

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from commands import Command, command
from tapewatch import assemble, instruments
from tapewatch.check import check, load
from tapewatch.config import Config
from tapewatch.market.sessions import sessions
from tapewatch.market.ticks import empty_ticks
from tapewatch.ops.refused import RefusedLog
from tapewatch.replay import Replay

ROTATION = Path(__file__).parents[1] / "config/rotation.toml"

tapewatch = pytest.fixture(command)

DAY = "2026-01-28"
OPEN = 1_769_610_600_000_000_000  # 09:30 in New York


def watch(symbol: str, price: float = 0.252, more: str = "") -> str:
    """A watch with one level and nothing that damps it."""
    return f"""
[[watch]]
symbol = "{symbol}"
timeframes = ["1m", "1d"]
indicators = ["sma(2)"]
rearm = 0
max_jump = "off"
{more}

[[watch.level]]
name = "line"
price = {price}
"""


RATIO = watch("XLC/SPY")


def tape(text: str) -> str:
    """A file of ticks from `TIME SYMBOL PRICE, TIME SYMBOL PRICE, …`, New York time."""
    rows = [row.split() for row in text.split(",")]
    lines = [
        f"{DAY if len(at) == 8 else at[:10]}T{at[-8:]}-05:00,{price},{symbol}" for at, symbol, price in rows
    ]
    return "\n".join(("time,price,symbol", *lines)) + "\n"


TICKS = tape(
    "09:30:00 XLC 100, 09:30:01 SPY 400, 09:30:02 XLC 102, 09:30:30 SPY 408, 09:31:00 XLC 96, 09:31:30 SPY 400, "
    "09:32:00 SPY 384"
)
"""Of the ratio: none, 0.25, 0.255, 0.25, 96/408, 0.24, 0.25."""


Files = Callable[..., list[str]]


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Files:
    """Writes a config and files by the stem of their name; gives the arguments that name them."""
    monkeypatch.chdir(tmp_path)

    def write(config: str = RATIO, **texts: str) -> list[str]:
        (tmp_path / "config.toml").write_text(f'name = "test"\n{config}')
        for stem, text in texts.items():
            (tmp_path / f"{stem}.csv").write_text(text)
        return [*(f"{stem}.csv" for stem in texts), "-c", "config.toml"]

    return write


def fired(outcome: Any, symbol: str | None = None) -> list[tuple[str, str, float]]:
    """New York time, type and price of each alert of `symbol`, or of all."""
    assert outcome.code == 0, outcome.err
    alerts = [json.loads(line) for line in outcome.out.splitlines()]
    return [
        (each["data"]["exchange_time"][11:19], each["type"].rpartition(".")[2], each["data"]["price"])
        for each in alerts
        if symbol in (None, each["subject"])
    ]


def closed(outcome: Any, timeframe: str = "1m") -> list[tuple[str, float, float, float, float, float]]:
    """New York time of the start, four prices and volume of each closed bar."""
    assert outcome.code == 0, outcome.err
    return [
        (row["start"][11:16], *(float(row[name]) for name in ("open", "high", "low", "close", "volume")))
        for row in csv.DictReader(io.StringIO(outcome.out))
        if row["timeframe"] == timeframe
    ]


CROSSINGS = [("09:30:02", "crossed_up", 0.255), ("09:30:30", "crossed_down", 0.25)]


def test_the_ratio_moves_with_either_leg(tapewatch: Command, files: Files) -> None:
    own = files(ticks=TICKS)
    assert fired(tapewatch("replay", *own, "--alerts", "-")) == CROSSINGS
    assert closed(tapewatch("replay", *own, "--bars", "-")) == [
        ("14:30", 0.25, 0.255, 0.25, 0.25, 0.0),
        ("14:31", 96 / 408, 0.24, 96 / 408, 0.24, 0.0),
    ]


@pytest.mark.parametrize(
    "config",
    [
        RATIO + watch("SPY", 405),
        watch("SPY", 405) + RATIO,
        watch("XLC", 101) + watch("SPY", 405) + RATIO,
        RATIO + watch("SPY/XLC", 4.1),
    ],
)
def test_what_else_is_watched_changes_no_alert_of_the_ratio(
    tapewatch: Command, files: Files, config: str
) -> None:
    outcome = tapewatch("replay", *files(config, ticks=TICKS), "--alerts", "-")
    assert fired(outcome, "XLC/SPY") == CROSSINGS
    assert len(fired(outcome)) > len(CROSSINGS)


def test_a_leg_that_is_watched_has_its_own_alerts(tapewatch: Command, files: Files) -> None:
    outcome = tapewatch("replay", *files(RATIO + watch("SPY", 405), ticks=TICKS), "--alerts", "-")
    assert fired(outcome, "SPY") == [("09:30:30", "crossed_up", 408.0), ("09:31:30", "crossed_down", 400.0)]


def test_a_leg_of_yesterday_makes_no_ratio(tapewatch: Command, files: Files) -> None:
    ticks = tape(
        f"09:30:00 XLC 100, 09:30:01 SPY 400, {DAY[:-2]}29-09:30:00 SPY 380, {DAY[:-2]}29-09:30:01 XLC 95"
    )
    outcome = tapewatch("replay", *files(ticks=ticks), "--alerts", "-")
    assert fired(outcome) == []  # 100/380 is over the line, and never was
    ends = tapewatch("replay", *files(ticks=ticks + f"{DAY[:-2]}29T16:00:00-05:00,95,XLC\n"), "--bars", "-")
    assert closed(ends, "1d") == [("14:30", 0.25, 0.25, 0.25, 0.25, 0.0)] * 2


def test_a_bad_print_of_a_leg_never_reaches_the_ratio(tapewatch: Command, files: Files) -> None:
    config = RATIO.replace('max_jump = "off"', 'max_jump = "1%"')
    ticks = tape("09:30:00 XLC 100, 09:30:01 SPY 400, 09:30:02 SPY 200, 09:30:03 SPY 400, 09:30:04 XLC 100.5")
    outcome = tapewatch("replay", *files(config, ticks=ticks), "--alerts", "-")
    assert fired(outcome) == []
    assert outcome.err.endswith("refused: 1 jump_dropped\n")


def test_ticks_without_a_symbol_are_the_ratio_itself(tapewatch: Command, files: Files) -> None:
    ticks = f"time,price\n{DAY}T09:30:00-05:00,0.25\n{DAY}T09:30:02-05:00,0.255\n"
    assert fired(tapewatch("replay", *files(ticks=ticks), "--alerts", "-")) == CROSSINGS[:1]
    both = files(RATIO + watch("SPY", 405), ticks=ticks)
    assert tapewatch("replay", *both).code == 2
    named = tapewatch("replay", *both, "--symbol", "XLC/SPY", "--alerts", "-")
    assert fired(named, "XLC/SPY") == CROSSINGS[:1]


def test_ticks_may_come_under_the_ratios_name_among_those_of_legs(tapewatch: Command, files: Files) -> None:
    ticks = tape("09:30:00 XLC/SPY 0.25, 09:30:02 XLC/SPY 0.255, 09:30:03 QQQ 0.2")
    outcome = tapewatch("replay", *files(ticks=ticks), "--alerts", "-")
    assert fired(outcome) == CROSSINGS[:1]
    assert outcome.err.endswith("refused: 1 unknown_symbol\n")


INDEX = watch("SPX", 7000, 'feed_symbol = "I:SPX"')


@pytest.mark.parametrize("symbol", ["SPX/NDX", "I:SPX/NDX"])
@pytest.mark.parametrize("name", ["SPX", "I:SPX"])
def test_a_leg_with_a_vendors_name_is_one_whatever_it_is_called(
    tapewatch: Command, files: Files, symbol: str, name: str
) -> None:
    config = watch(symbol, 0.27) + INDEX
    ticks = tape(f"09:30:00 NDX 25600, 09:30:01 {name} 6900, 09:30:02 {name} 7000")
    outcome = tapewatch("replay", *files(config, ticks=ticks), "--alerts", "-")
    assert fired(outcome, symbol) == [("09:30:02", "crossed_up", 7000 / 25600)]
    assert fired(outcome, "SPX") == [("09:30:02", "crossed_up", 7000.0)]


def test_sale_conditions_of_a_leg_are_skipped(tapewatch: Command, files: Files) -> None:
    skipping = watch("XLC/SPY", more='skip_conditions = ["X"]')
    head, *rows = TICKS.splitlines()
    ticks = (
        "\n".join([f"{head},conditions", *(f"{row},{'@ X' if ',102,' in row else '@'}" for row in rows)])
        + "\n"
    )
    assert fired(tapewatch("replay", *files(skipping, ticks=ticks), "--alerts", "-")) == []
    assert fired(tapewatch("replay", *files(RATIO, ticks=ticks), "--alerts", "-")) == CROSSINGS
    outcome = tapewatch("replay", *files(skipping + watch("SPY", 405), ticks=ticks))
    assert (outcome.code, outcome.err) == (
        2,
        "error: XLC/SPY and SPY take the same trades of SPY: give both the same skip_conditions\n",
    )


def bars(*rows: str, header: str = "time,symbol,open,high,low,close,volume") -> str:
    """A file of bars from `09:30 SYMBOL OPEN HIGH LOW CLOSE VOLUME`."""
    lines = [",".join((f"{DAY}T{row[:5]}:00-05:00", *row[6:].split())) for row in rows]
    return "\n".join((header, *lines)) + "\n"


LEG_BARS = bars(
    "09:30 XLC 100 104 98 102 5",
    "09:30 SPY 400 416 396 400 7",
    "09:31 XLC 102 102 102 102 5",
    "09:32 SPY 400 400 400 400 7",
    "09:33 SPY 400 420 400 408 7",
    "09:33 XLC 102 110 100 102 5",
)


@pytest.mark.parametrize("also", ["", watch("SPY", 405), watch("XLC", 101) + watch("SPY", 405)])
def test_bars_of_legs_are_joined_where_both_have_one(tapewatch: Command, files: Files, also: str) -> None:
    own = files(RATIO + also, bars=LEG_BARS)
    outcome = tapewatch("replay", *own, "--bars", "-")
    rows = [row for row in csv.DictReader(io.StringIO(outcome.out)) if row["symbol"] == "XLC/SPY"]
    minutes = [
        [float(row[name]) for name in ("open", "high", "low", "close", "volume")]
        for row in rows
        if row["timeframe"] == "1m"
    ]
    assert minutes == [[0.25, 0.255, 0.25, 0.255, 0.0], [0.255, 0.255, 0.25, 0.25, 0.0]]
    assert [kind for _, kind, _ in fired(tapewatch("replay", *own, "--alerts", "-"), "XLC/SPY")] == [
        "crossed_up",
        "crossed_down",
    ]


def test_the_legs_bars_build_only_multiples_of_themselves(tapewatch: Command, files: Files) -> None:
    text = (
        "date,symbol,close\n2026-01-27,XLC,100\n2026-01-27,SPY,400\n2026-01-28,SPY,400\n2026-01-28,XLC,102\n"
    )
    own = files(RATIO + watch("SPY", 405).replace('["1m", "1d"]', '["1h", "1d"]'), bars=text)
    outcome = tapewatch("replay", *own, "--bars", "-")
    rows = [(row["symbol"], row["timeframe"]) for row in csv.DictReader(io.StringIO(outcome.out))]
    assert rows == [("XLC/SPY", "1d"), ("SPY", "1d")] * 2
    odd = bars("09:30 XLC 1", "09:55 XLC 1", "09:30 SPY 1", "09:55 SPY 1", header="time,symbol,close")
    outcome = tapewatch("replay", *files(RATIO.replace("1m", "1h"), bars=odd))
    assert (outcome.code, outcome.err) == (
        1,
        "error: bars.csv: bars of 1h cannot be built from bars of 25m\n",
    )


def test_bars_of_one_leg_alone_are_none_of_the_ratio(tapewatch: Command, files: Files) -> None:
    text = "date,symbol,close\n2026-01-28,SPY,400\n"
    outcome = tapewatch("replay", *files(bars=text))
    assert (outcome.code, outcome.err) == (2, "error: bars.csv: it has no bars of XLC/SPY\n")


def test_bars_without_a_symbol_are_the_ratio_itself(tapewatch: Command, files: Files) -> None:
    text = "date,open,high,low,close\n2026-01-28,0.25,0.26,0.24,0.255\n"
    outcome = tapewatch("replay", *files(bars=text), "--bars", "-")
    assert closed(outcome, "1d") == [("14:30", 0.25, 0.26, 0.24, 0.255, 0.0)]


def test_what_a_leg_is_refused_is_said_of_the_ratio(files: Files, tmp_path: Path) -> None:
    own = files(ticks=tape("09:30:00 XLC 100, 09:30:01 SPY -1, 09:30:02 SPY nan, 09:30:03 SPY 400"))
    replay = Replay(load(tmp_path / "config.toml"))
    for _ in replay.run(replay.read([tmp_path / own[0]])):
        pass
    assert replay.engine.last(0)[0] == 0.25
    with capture_logs() as logs:
        RefusedLog(replay.engine).write(0)
    assert [(each["symbol"], each["reason"], each["count"]) for each in logs] == [("XLC/SPY", "price", 2)]


def config(folder: Path, text: str) -> Config:
    (folder / "config.toml").write_text(f'name = "test"\n{text}')
    return load(folder / "config.toml")


def test_a_feed_is_asked_for_each_leg_once_and_never_for_a_ratio(tmp_path: Path) -> None:
    feeds = "".join(f'[[feed]]\nname = "{name}"\nvendor = "massive"\n' for name in ("stocks", "indices"))
    watches = (
        ("XLC/SPY", "stocks", ""),
        ("XLI/SPY", "stocks", ""),
        ("SPY", "stocks", ""),
        ("I:SPX/I:NDX", "indices", ""),
        ("S&P", "indices", 'feed_symbol = "I:SPX"'),
        ("I:X/Y", "indices", 'feed_symbol = "I:XY"'),
    )
    own = config(
        tmp_path, feeds + "".join(watch(name, 1, f'feed = "{feed}"\n{more}') for name, feed, more in watches)
    )
    engine = assemble.engine(own, tape_clocks=[False, False])
    stocks, indices = (instruments.on_feed(own, feed, engine) for feed in own.feed)
    assert list(stocks) == ["XLC", "SPY", "XLI"]
    assert list(indices) == ["I:SPX", "I:NDX", "I:XY"]
    assert (stocks["SPY"], indices["I:SPX"], indices["I:XY"]) == (2, 4, 5)
    others = (stocks["XLC"], stocks["XLI"], indices["I:NDX"])
    assert sorted(others) == [6, 7, 8]
    assert instruments.in_files(own, engine) == {
        **{own.symbol: row for row, own in enumerate(own.watch)},
        **stocks,
        **indices,
    }


def test_a_ratio_takes_its_legs_from_its_own_feed_alone(tmp_path: Path) -> None:
    feeds = "".join(f'[[feed]]\nname = "{name}"\nvendor = "massive"\nclock = "tape"\n' for name in ("a", "b"))
    own = config(tmp_path, feeds + watch("SPY", 405, 'feed = "a"') + watch("XLC/SPY", 0.252, 'feed = "b"'))
    engine = assemble.engine(own, tape_clocks=[True, True])

    def offer(feed: int, symbol: str, price: float) -> None:
        ticks = empty_ticks(1)
        ticks["time"], ticks["price"] = OPEN, price
        ticks["symbol"] = instruments.on_feed(own, own.feed[feed], engine)[symbol]
        engine.step(ticks, feed)

    offer(0, "SPY", 400)
    offer(1, "XLC", 100)
    assert [engine.last(row)[0] for row in (0, 1)] == [400, 0]
    offer(1, "SPY", 500)
    assert [engine.last(row)[0] for row in (0, 1)] == [400, 0.2]


def test_rotation_is_a_config_without_a_word_of_complaint() -> None:
    own, problems = check(ROTATION)
    assert problems == []
    assert own is not None
    assert [each.symbol for each in own.watch] == [
        *("XLC/SPY", "XLI/SPY", "XLY/SPY", "XLV/SPY", "XLRE/SPY", "XLU/SPY", "IWM/SPY")
    ]
    engine = assemble.engine(own, tape_clocks=[False])
    asked = instruments.on_feed(own, own.feed[0], engine)
    assert sorted(asked) == ["IWM", "SPY", "XLC", "XLI", "XLRE", "XLU", "XLV", "XLY"]


def test_rotation_sees_small_caps_turn(tapewatch: Command, tmp_path: Path) -> None:
    """Small caps lag for a year and then lead for three months, as daily bars of both funds."""
    days = [str(day) for day in sessions("XNYS").days.astype("datetime64[D]") if str(day) < "2026-01"][-310:]
    falling = [240 - 0.0004 * i * i for i in range(250)]
    prices = falling + [falling[-1] + 0.8 * i for i in range(1, 61)]
    rows = [f"{day},IWM,{price}\n{day},SPY,600\n" for day, price in zip(days, prices, strict=True)]
    (tmp_path / "funds.csv").write_text("date,symbol,close\n" + "".join(rows))
    outcome = tapewatch("replay", tmp_path / "funds.csv", "-c", ROTATION, "--alerts", "-")
    assert outcome.code == 0, outcome.err
    alerts = [json.loads(line) for line in outcome.out.splitlines()]
    assert {each["subject"] for each in alerts} == {"IWM/SPY"}
    up = [each["data"]["rule"] for each in alerts if each["data"]["direction"] != "down"]
    order = ["momentum builds", "month turns", "50-day average", "overbought", "200-day average"]
    assert [rule for rule in dict.fromkeys(up) if rule in order] == order

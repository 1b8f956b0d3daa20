"""`tapewatch replay`: files in; alerts, bars and state out, as design §8 has it."""

import csv
import io
import json
import re
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from commands import Command, command
from e2e.processes import Program, environment
from tapewatch.feeds.scenario import sp500_7000
from tapewatch.market.sessions import sessions
from tapewatch.store.child import child_server
from tapewatch.store.keys import Keys
from tapewatch.store.server import connect_redis

ROOT = Path(__file__).parents[1]

tapewatch = pytest.fixture(command)


def watch(symbol: str = "SPX", timeframes: str = '["1m"]', more: str = "") -> str:
    return f"""
[[watch]]
symbol = "{symbol}"
timeframes = {timeframes}
indicators = ["sma(2)", "macd(12,26,9)"]
rearm = 0
max_jump = "off"
{more}

[[watch.level]]
name = "breakout"
price = 7000
"""


Files = Callable[..., list[str]]


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Files:
    """Writes a config (`config`) and files by the stem of their name; gives the arguments that name them."""
    monkeypatch.chdir(tmp_path)

    def write(config: str = watch(), **texts: str) -> list[str]:
        (tmp_path / "config.toml").write_text(f'name = "test"\nstate_dir = "state"\n{config}')
        for stem, text in texts.items():
            (tmp_path / f"{stem}.csv").write_text(text)
        return [*(f"{stem}.csv" for stem in texts), "-c", "config.toml"]

    return write


def fired(outcome: Any) -> list[tuple[str, str, str]]:
    """Symbol, New York time and type of each line of `--alerts -`."""
    assert outcome.code == 0, outcome.err
    alerts = [json.loads(line) for line in outcome.out.splitlines()]
    return [
        (each["subject"], each["data"]["exchange_time"][11:19], each["type"].rpartition(".")[2])
        for each in alerts
    ]


def table(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


TICKS = """time,price,other
2026-01-28T09:30:00-05:00,6999,a
2026-01-28T09:30:01-05:00,7001.5,b
2026-01-28T09:31:00-05:00,6999.25,c
"""


def test_alerts_are_alone_on_standard_output(tapewatch: Command, files: Files) -> None:
    outcome = tapewatch("replay", *files(ticks=TICKS), "--alerts", "-")
    assert fired(outcome) == [("SPX", "09:30:01", "crossed_up"), ("SPX", "09:31:00", "crossed_down")]


def test_bars_are_alone_on_standard_output(tapewatch: Command, files: Files) -> None:
    outcome = tapewatch("replay", *files(ticks=TICKS), "--bars", "-")
    assert outcome.out == (
        "symbol,timeframe,start,end,open,high,low,close,volume,"
        'sma(2),"macd(12,26,9)","macd(12,26,9).signal","macd(12,26,9).hist"\n'
        "SPX,1m,2026-01-28T14:30:00Z,2026-01-28T14:31:00Z,6999.0,7001.5,6999.0,7001.5,0.0,,,,\n"
    )


def test_both_go_to_files(tapewatch: Command, files: Files, tmp_path: Path) -> None:
    own = files(ticks=TICKS)
    outcome = tapewatch("replay", *own, "--alerts", "alerts.jsonl", "--bars", "bars.csv")
    assert (outcome.code, outcome.out) == (0, "")
    assert (tmp_path / "alerts.jsonl").read_text() == tapewatch("replay", *own, "--alerts", "-").out
    assert (tmp_path / "bars.csv").read_text() == tapewatch("replay", *own, "--bars", "-").out


def test_floats_come_back_to_the_last_bit(tapewatch: Command, files: Files) -> None:
    prices = [7000 + i / 3 for i in range(40)]
    rows = "".join(
        f"2026-01-28T09:{30 + i // 2}:{30 * (i % 2):02}-05:00,{p!r}\n" for i, p in enumerate(prices)
    )
    bars = table(tapewatch("replay", *files(ticks=f"time,price\n{rows}"), "--bars", "-").out)
    closes = prices[1::2]
    assert [float(bar["close"]) for bar in bars] == closes[: len(bars)]
    assert [bar["sma(2)"] for bar in bars[:1]] == [""]
    for before, bar, close in zip(closes, bars[1:], closes[1:], strict=False):
        assert float(bar["sma(2)"]) == pytest.approx((before + close) / 2, rel=1e-15)
        assert bar["sma(2)"] == repr(float(bar["sma(2)"]))


def test_a_scenario_replayed_twice_gives_the_same_bytes(tapewatch: Command, tmp_path: Path) -> None:
    tape = sp500_7000(sessions("XNYS")).write(tmp_path)
    outcomes = []
    for _ in range(2):
        history = [
            part
            for frame in ("1d", "1h", "5m", "1m")
            for part in ("--history", tmp_path / f"SPX-{frame}.csv")
        ]
        own = ("replay", tape, "-c", ROOT / "config/sp500.toml", *history)
        outcomes.append(tapewatch(*own, "--alerts", "-").out + tapewatch(*own, "--bars", "-").out)
    assert outcomes[0] == outcomes[1]
    assert outcomes[0].count('"specversion"') > 50


def bars(*closes: float, start: str = "2026-01-28T09:30:00", minutes: int = 5) -> str:
    first = datetime.fromisoformat(start)
    rows = [(first + timedelta(minutes=minutes * i)).isoformat() for i in range(len(closes))]
    return "time,close\n" + "".join(f"{row}-05:00,{c}\n" for row, c in zip(rows, closes, strict=True))


def test_the_last_bar_of_a_file_of_bars_closes(tapewatch: Command, files: Files) -> None:
    own = files(watch(timeframes='["5m", "15m"]'), bars=bars(6999, 7001, 6999))
    rows = table(tapewatch("replay", *own, "--bars", "-").out)
    assert [(row["timeframe"], row["end"][11:], row["close"]) for row in rows] == [
        ("5m", "14:35:00Z", "6999.0"),
        ("5m", "14:40:00Z", "7001.0"),
        ("5m", "14:45:00Z", "6999.0"),
        ("15m", "14:45:00Z", "6999.0"),
    ]


def test_the_last_bar_of_a_file_of_ticks_closes_only_once_it_has_ended(
    tapewatch: Command, files: Files
) -> None:
    text = "time,price\n2026-01-28T09:30:00-05:00,6999\n2026-01-28T09:{}-05:00,7001\n"
    ended = table(tapewatch("replay", *files(ticks=text.format("31:00")), "--bars", "-").out)
    assert [row["end"][11:] for row in ended] == ["14:31:00Z"]
    assert table(tapewatch("replay", *files(ticks=text.format("30:59")), "--bars", "-").out) == []


def test_finer_timeframes_get_no_bars_and_levels_fire_all_the_same(tapewatch: Command, files: Files) -> None:
    own = files(watch(timeframes='["1m", "15m"]'), bars=bars(6999, 7001, 6999))
    assert {row["timeframe"] for row in table(tapewatch("replay", *own, "--bars", "-").out)} == {"15m"}
    only_finer = files(watch(timeframes='["1m"]'), bars=bars(6999, 7001, 6999))
    assert table(tapewatch("replay", *only_finer, "--bars", "-").out) == []
    assert [kind for _, _, kind in fired(tapewatch("replay", *only_finer, "--alerts", "-"))] == [
        "crossed_up",
        "crossed_down",
    ]


def test_rules_that_need_finer_bars_than_the_files_are_named_once(tapewatch: Command, files: Files) -> None:
    conditions = "".join(
        f'[[watch.condition]]\nname = "{name}"\nwhen = "{when}"\n'
        for name, when in {
            "burst": "price up 1% in 30m",
            "hot": "rsi(14)@3m > 70 and price > vwap",
            "slow": "rsi(14)@15m > 70",
        }.items()
    )
    own = files(
        watch() + 'confirm = "1m"\n' + conditions, a=bars(6999, 7001), b=bars(6999, 7001), ticks=TICKS
    )
    assert tapewatch("replay", own[0], own[1], *own[3:]).err.splitlines()[:-1] == [
        "note: bars of 5m build no 1m or 3m bars, so these conditions cannot fire: burst, hot",
        "note: bars of 5m build no 1m bars, so these levels and zones are not confirmed: breakout",
    ]
    assert "note" not in tapewatch("replay", *own[2:]).err


def test_rules_that_need_finer_bars_are_named_with_their_symbols(tapewatch: Command, files: Files) -> None:
    rule = '[[watch.condition]]\nname = "up"\nwhen = "price up 1% in 30m"\n'
    text = "date,symbol,close\n2026-01-27,SPX,6999\n2026-01-27,SPY,6999\n"
    own = files(watch("SPX") + rule + watch("SPY") + rule, bars=text)
    (note, _) = tapewatch("replay", *own).err.splitlines()
    assert note == "note: bars of 1d build no 1m bars, so these conditions cannot fire: up of SPX, up of SPY"


def test_coarser_timeframes_must_be_multiples(tapewatch: Command, files: Files) -> None:
    own = files(watch(timeframes='["5m", "1h"]'), bars=bars(6999, 7001, 6999, minutes=25))
    outcome = tapewatch("replay", *own)
    assert (outcome.code, outcome.out) == (1, "")
    assert outcome.err == "error: bars.csv: bars of 1h cannot be built from bars of 25m\n"


def test_bar_overrides_the_smallest_step(tapewatch: Command, files: Files) -> None:
    own = files(watch(timeframes='["5m"]'), bars=bars(6999, 7001, minutes=10))
    assert table(tapewatch("replay", *own, "--bars", "-").out) == []
    rows = table(tapewatch("replay", *own, "--bars", "-", "--bar", "5m").out)
    assert [row["end"][11:] for row in rows] == ["14:35:00Z", "14:45:00Z"]


def test_daily_bars_are_sessions(tapewatch: Command, files: Files) -> None:
    text = "date,open,high,low,close,volume\n2025-11-26,6900,6950,6890,6940,5\n2025-11-28,6945,7010,6940,7005,3\n"
    own = files(watch(timeframes='["1m", "1d"]'), bars=text)
    rows = table(tapewatch("replay", *own, "--bars", "-").out)
    assert [(row["start"], row["end"], row["volume"]) for row in rows] == [
        ("2025-11-26T14:30:00Z", "2025-11-26T21:00:00Z", "5.0"),
        ("2025-11-28T14:30:00Z", "2025-11-28T18:00:00Z", "3.0"),  # a half day
    ]


def test_a_date_that_is_no_session_is_an_error_that_names_the_line(tapewatch: Command, files: Files) -> None:
    own = files(bars="date,close\n2025-11-26,6900\n2025-11-27,6900\n")
    outcome = tapewatch("replay", *own)
    assert outcome.code == 1
    assert re.fullmatch(
        r"error: bars\.csv, line 3, column 'date': .*2025-11-27.* no session of XNYS\n", outcome.err
    )


def test_several_files_are_played_in_the_order_they_are_named(tapewatch: Command, files: Files) -> None:
    morning = "time,price\n2026-01-28T09:30:00-05:00,6999\n2026-01-28T09:30:01-05:00,7001\n"
    later = "time,price\n2026-01-28T09:40:00-05:00,6999\n2026-01-28T09:41:00-05:00,6999\n"
    own = files(morning=morning, later=later)
    assert [at for _, at, _ in fired(tapewatch("replay", *own, "--alerts", "-"))] == ["09:30:01", "09:40:00"]
    turned = tapewatch("replay", own[1], own[0], *own[2:], "--alerts", "-")
    assert fired(turned) == []
    assert turned.err.endswith("refused: 2 late\n")


TWO = watch("SPX", more='feed_symbol = "I:SPX"') + watch("SPY")


def test_of_several_watches_the_file_or_the_command_says_whose_it_is(
    tapewatch: Command, files: Files
) -> None:
    own = files(TWO, ticks=TICKS)
    outcome = tapewatch("replay", *own)
    assert outcome.code == 2
    assert outcome.err.startswith("error: ticks.csv has no column 'symbol' and the config watches several")
    assert {
        symbol for symbol, _, _ in fired(tapewatch("replay", *own, "--symbol", "SPY", "--alerts", "-"))
    } == {"SPY"}
    named = files(
        TWO, ticks="time_ns,price,symbol\n1769610600000000000,6999,I:SPX\n1769610601000000000,7001,SPX\n"
    )
    assert fired(tapewatch("replay", *named, "--alerts", "-")) == [("SPX", "09:30:01", "crossed_up")]


def test_bars_of_several_symbols_are_each_its_own(tapewatch: Command, files: Files) -> None:
    text = "time,symbol,close\n" + "".join(
        f"2026-01-28T09:{30 + 5 * i}:00-05:00,{symbol},{close}\n"
        for i, closes in enumerate([(6999, 7001), (7001, 6999)])
        for symbol, close in zip(("SPX", "SPY"), closes, strict=True)
    )
    outcome = tapewatch("replay", *files(TWO, bars=text), "--alerts", "-")
    assert fired(outcome) == [("SPX", "09:35:00", "crossed_up"), ("SPY", "09:35:00", "crossed_down")]


def test_a_symbol_that_nobody_watches_is_refused_and_counted(tapewatch: Command, files: Files) -> None:
    outcome = tapewatch("replay", *files(ticks="time_ns,price,symbol\n1769610600000000000,6999,QQQ\n"))
    assert outcome.code == 0
    assert outcome.err.endswith("0 alerts; refused: 1 unknown_symbol\n")
    only_others = "date,symbol,close\n2026-01-28,QQQ,6999\n"
    outcome = tapewatch("replay", *files(bars=only_others))
    assert (outcome.code, outcome.err) == (2, "error: bars.csv: it has no bars of SPX\n")


def test_an_empty_file_is_an_error(tapewatch: Command, files: Files) -> None:
    outcome = tapewatch("replay", *files(ticks="time,price\n"), "--alerts", "-")
    assert outcome == (1, "", "error: ticks.csv, line 2: there are no rows below the header\n")


def test_history_warms_and_fires_nothing(tapewatch: Command, files: Files) -> None:
    own = files(
        watch(timeframes='["1d"]'),
        ticks=TICKS,
        history="date,close\n2026-01-26,6990\n2026-01-27,7010\n2026-01-28,7020\n",
    )
    ticks, history, *config = own
    outcome = tapewatch("replay", ticks, *config, "--history", history, "--alerts", "-")
    assert [kind for _, _, kind in fired(outcome)] == ["crossed_up", "crossed_down"]
    quoted = json.loads(outcome.out.splitlines()[0])["data"]["indicators"]
    assert quoted == {"sma(2)@1d": (7010 + 7001.5) / 2}
    assert "1 bars of history end after the tape's first tick and were left out" in outcome.err


def test_the_history_of_the_config_is_used_unless_the_command_names_its_own(
    tapewatch: Command, files: Files
) -> None:
    own = files(
        watch(timeframes='["1d"]', more='history = ["own.csv"]'),
        ticks=TICKS,
        own="date,close\n2026-01-27,7010\n",
        other="date,close\n2026-01-27,7020\n",
    )

    def average(*more: str) -> float:
        out = tapewatch("replay", own[0], *own[3:], *more, "--alerts", "-").out
        return float(json.loads(out.splitlines()[0])["data"]["indicators"]["sma(2)@1d"])

    assert average() == (7010 + 7001.5) / 2
    assert average("--history", own[2]) == (7020 + 7001.5) / 2


async def test_store_commits_alerts_and_state_once(files: Files, tmp_path: Path) -> None:
    own = [tmp_path / part if part.endswith((".csv", ".toml")) else part for part in files(ticks=TICKS)]
    keys = Keys("test")
    async with child_server(tmp_path / "redis") as socket:
        env = environment(TAPEWATCH_REDIS_URL=f"unix://{socket}")
        for _ in range(2):
            program = await Program.start("replay", *own, "--store", "--alerts", "-", env=env)
            assert await program.ended() == 0, program.everything()
        async with connect_redis(f"unix://{socket}", tmp_path) as redis:
            stored = [json.loads(fields[b"json"]) for _, fields in await redis.xrange(keys.alerts)]
            snapshot = await redis.hkeys(keys.snapshot)
    assert stored == [json.loads(line) for line in program.out]
    assert len(stored) == 2
    assert sorted(snapshot) == [b"SPX", b"SPX/bars"]

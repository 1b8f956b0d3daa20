"""`tapewatch backtest`: what it prints and writes, and what it says of files that it cannot use."""

import json
import os
import pty
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from rich.cells import cell_len

from backtest.test_backtest_figures import CONFIG, MINUTES, tape
from commands import Command, command
from tapewatch.backtest.schema import figures_schema
from tapewatch.feeds.scenario import sp500_7000
from tapewatch.market.sessions import sessions

ROOT = Path(__file__).parents[2]
SPY_8 = ROOT / "../shared/data/spy-2013/SPY-2013-10-08-trades.csv.gz"
SPX = ROOT / "../shared/data/sp500-2019/SPX-2019-11-1min.csv"

tapewatch = pytest.fixture(command)


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The tape that was worked out by hand, and its config, as arguments."""
    monkeypatch.chdir(tmp_path)
    Path("config.toml").write_text(CONFIG)
    Path("tape.csv").write_text(tape(MINUTES))
    return ["tape.csv", "--config", "config.toml"]


@pytest.fixture(scope="module")
def scenario(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Ten simulated sessions under the default watch, with their history, as arguments."""
    folder = tmp_path_factory.mktemp("scenario")
    file = sp500_7000(sessions("XNYS")).write(folder)
    history = [part for frame in ("1d", "1h") for part in ("--history", str(folder / f"SPX-{frame}.csv"))]
    return [str(file), "--config", str(ROOT / "config/sp500.toml"), *history]


def test_the_json_is_what_the_schema_says_and_the_same_twice(tapewatch: Command, scenario: list[str]) -> None:
    first, second = (tapewatch("backtest", *scenario, "--json", "-") for _ in range(2))
    assert first.code == 0, first.err
    assert first.out == second.out
    jsonschema.validate(json.loads(first.out), figures_schema())


def test_the_counts_are_those_of_a_replay(tapewatch: Command, scenario: list[str]) -> None:
    alerts = [json.loads(line) for line in tapewatch("replay", *scenario, "--alerts", "-").out.splitlines()]
    found = json.loads(tapewatch("backtest", *scenario, "--json", "-").out)
    wanted = Counter(
        (each["data"]["rule"], each["type"].removeprefix("tapewatch."), each["data"]["direction"])
        for each in alerts
    )
    assert counts(found) == wanted
    assert found["alerts"] == len(alerts) > 50


def counts(found: dict[str, Any]) -> dict[tuple[str, str, str], int]:
    """Alerts by rule, type and direction."""
    return {
        (rule["rule"], own["type"], own["direction"]): own["alerts"]
        for watch in found["watches"]
        for rule in watch["rules"]
        for own in rule["types"]
    }


def test_without_a_file_for_them_the_figures_are_tables(tapewatch: Command, own: list[str]) -> None:
    outcome = tapewatch("backtest", *own, "--json", "figures.json", "--html", "report.html")
    assert outcome.code == 0
    assert outcome.err == ""  # no progress where nobody watches
    assert "11 alerts, 11.00 a session, 11 at most (2026-01-28)" in outcome.out
    assert json.loads(Path("figures.json").read_text())["alerts"] == 11
    assert Path("report.html").read_text().startswith("<!DOCTYPE html>")


@pytest.mark.parametrize("columns", [60, 80, 100, 160])
def test_the_tables_fit_the_terminal(
    tapewatch: Command, scenario: list[str], monkeypatch: pytest.MonkeyPatch, columns: int
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    lines = tapewatch("backtest", *scenario).out.splitlines()
    assert max(cell_len(line) for line in lines) <= columns
    text = " ".join("\n".join(lines).split())
    for said in ("6,950–6,970", "rejected down", "20 × 1h", "Never fired", "any bar, whatever fired"):
        assert said in text
    heads = [line for line in lines if "in favour" in line or "a session" in line]
    assert not any("…" in line for line in heads)


def test_progress_is_shown_on_a_terminal_and_nowhere_else(own: list[str]) -> None:
    ours, its = pty.openpty()
    program = [sys.executable, "-m", "tapewatch.cli", "backtest", *own, "--json", "-"]
    done = subprocess.run(program, stdout=subprocess.PIPE, stderr=its, env=os.environ | {"TERM": "xterm"})
    os.close(its)
    shown = os.read(ours, 1 << 16).decode()
    os.close(ours)
    assert done.returncode == 0
    assert "playing the tape" in shown
    assert "100%" in shown
    assert json.loads(done.stdout)["alerts"] == 11


def test_few_windows_have_a_star(tapewatch: Command, own: list[str]) -> None:
    line = next(own for own in tapewatch("backtest", *own).out.splitlines() if "1 × 1m" in own)
    assert line.split()[-5:] == ["4", "4*", "-2.41%", "+0.005%", "50%"]


def test_those_that_never_fired_say_how_near_they_came(tapewatch: Command, own: list[str]) -> None:
    out = " ".join(tapewatch("backtest", *own).out.split())
    assert "far 200 came to 106.00, 94.00 from 200.00 (2026-01-28 09:38)" in out
    assert "sma(2)@1m crosses above 120: came to 105.00, 15.00 from 120.00" in out
    assert "close@1m > 103: held at 2 of 26 closes, first 2026-01-28 09:37" in out
    assert "never had a value: too few bars" in out


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "tape.csv, line 1: "),
        ("time,price\n", "tape.csv, line 2: there are no rows below the header"),
        ("time,price\n2026-01-28T14:30:00Z,a\n", "tape.csv, line 2, column 'price': 'a' is no number"),
        ("when,what\n1,2\n", "tape.csv, line 1: neither ticks"),
    ],
)
def test_a_file_that_cannot_be_read_is_named_with_its_line(
    tapewatch: Command, own: list[str], text: str, said: str
) -> None:
    Path("tape.csv").write_text(text)
    outcome = tapewatch("backtest", *own)
    assert outcome.code != 0
    assert said in outcome.err
    assert outcome.out == ""


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["none.csv"], "none.csv: No such file"),
        (["tape.csv", "--symbol", "Y"], "no watch has the symbol 'Y'"),
        (["tape.csv", "--bar", "7"], "'7' is no timeframe"),
        (["tape.csv", "--json", "tape.csv"], "tape.csv is named twice"),
        (["tape.csv", "--html", "config.toml"], "config.toml is named twice"),
        (["tape.csv", "--json", "-", "--html", "-"], "standard output is named twice"),
        (["tape.csv", "--html", "nowhere/report.html"], "nowhere/report.html: No such file or directory"),
        (["night.csv"], "night.csv: nothing of X in its hours"),
    ],
)
def test_a_wrong_command_says_what_is_wrong(
    tapewatch: Command, own: list[str], arguments: list[str], said: str
) -> None:
    Path("night.csv").write_text(tape(MINUTES, "2026-01-28T06:30:00+00:00"))
    outcome = tapewatch("backtest", *arguments, "--config", "config.toml")
    assert outcome.code == 2
    assert said in outcome.err
    assert outcome.err.count("\n") == 1


def test_an_old_report_stays_if_the_new_one_cannot_be_made(tapewatch: Command, own: list[str]) -> None:
    Path("report.html").write_text("old")
    Path("tape.csv").write_text("time,price\n")
    assert tapewatch("backtest", *own, "--html", "report.html").code != 0
    assert Path("report.html").read_text() == "old"


def test_the_docs_have_the_schema_and_every_field() -> None:
    schema = json.loads((ROOT / "docs/backtest.schema.json").read_text(encoding="utf-8"))
    assert schema == figures_schema(), "run: python docs/make_backtest.py"
    page = (ROOT / "docs/backtest.md").read_text(encoding="utf-8")
    fields = {name for part in schema["$defs"].values() for name in part["properties"]}
    assert {name for name in fields if f"`{name}`" not in page} == set()


@pytest.mark.skipif(not SPY_8.exists(), reason="the market data of ../shared/data is not here")
def test_real_trades(tapewatch: Command, tmp_path: Path) -> None:
    """451,545 trades: what a replay counts, and what the band saves where price dances about a level."""
    config = tmp_path / "spy.toml"
    config.write_text(
        'name = "spy"\n[[watch]]\nsymbol = "SPY"\ntimeframes = ["1m"]\nindicators = ["rsi(14)"]\n'
        '[[watch.level]]\nname = "166"\nprice = 166\nconfirm = "5m"\n'
        '[[watch.condition]]\nname = "overbought"\nwhen = "rsi(14)@1m crosses above 70"\n'
    )
    files = [SPY_8, "--config", config]
    alerts = [json.loads(line) for line in tapewatch("replay", *files, "--alerts", "-").out.splitlines()]
    found = json.loads(tapewatch("backtest", *files, "--json", "-").out)
    assert found["ticks"] == 451_545
    assert found["alerts"] == len(alerts) > 20
    level, overbought = found["watches"][0]["rules"]
    assert level["rearm"]["without"] > 10 * level["rearm"]["fired"] > 0
    assert (level["timeframe"], overbought["timeframe"]) == ("5m", "1m")
    crossed = [each for each in alerts if each["type"].startswith("tapewatch.level.crossed")]
    followed = {each["data"]["follows"] for each in alerts}
    ends = Counter(each["type"] for each in alerts if each["data"]["follows"])
    told = [own["followed"] for own in level["types"] if own["followed"]]
    assert sum(each["confirmed"] for each in told) == ends["tapewatch.level.confirmed"]
    assert sum(each["failed"] for each in told) == ends["tapewatch.level.failed"]
    assert sum(each["neither"] for each in told) == sum(each["id"] not in followed for each in crossed)


@pytest.mark.skipif(not SPX.exists(), reason="the market data of ../shared/data is not here")
def test_real_bars_against_a_plain_reading(tapewatch: Command, tmp_path: Path) -> None:
    """Four days of the S&P 500: what price did after each crossing, from the replay's own files by plain Python."""
    config = tmp_path / "spx.toml"
    config.write_text(
        'name = "spx"\n[[watch]]\nsymbol = "SPX"\ntimeframes = ["1m", "5m"]\nindicators = ["sma(20)"]\n'
        'rearm = 1\n[[watch.condition]]\nname = "average"\nwhen = "price crosses sma(20)@5m"\n'
    )
    own = [SPX, "--config", config]
    replayed = tapewatch("replay", *own, "--alerts", tmp_path / "alerts", "--bars", tmp_path / "bars.csv")
    assert replayed.code == 0
    alerts = [json.loads(line) for line in (tmp_path / "alerts").read_text().splitlines()]
    bars = [line.split(",") for line in (tmp_path / "bars.csv").read_text().splitlines()]
    found = json.loads(tapewatch("backtest", *own, "--json", "-").out)
    (rule,) = found["watches"][0]["rules"]
    assert rule["timeframe"] == "5m"
    for way, side in (("up", 1), ("down", -1)):
        (kind,) = (each for each in rule["types"] if each["direction"] == way)
        for after in kind["after"]:
            changes = []
            for alert in alerts:
                if alert["data"]["direction"] == way:
                    price = alert["data"]["price"]
                    later = [
                        row for row in bars if row[1] == "5m" and f"{row[2][:19]}.000000000Z" >= alert["time"]
                    ]
                    if len(later) >= after["bars"]:
                        changes.append((float(later[after["bars"] - 1][7]) / price - 1) * 100 * side)
            assert after["n"] == len(changes) > 5
            assert after["mean"] == pytest.approx(sum(changes) / len(changes), abs=2e-6)
            assert after["in_favour"] == pytest.approx(
                sum(own > 0 for own in changes) / len(changes), abs=1e-6
            )

"""Every command: what it does, its exit code, and the one line that says what would be right."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import tomllib
from pathlib import Path

import jsonschema
import pytest

from commands import Command, command
from e2e.processes import environment
from tapewatch.alerts.alert import decode

ROOT = Path(__file__).parents[1]
DEFAULT = ROOT / "config/sp500.toml"
PATIENCE = 110

WATCH = """
name = "test"
state_dir = "state"

[[watch]]
symbol = "SPX"
timeframes = ["1m"]
indicators = ["sma(2)"]
rearm = 0

[[watch.level]]
name = "breakout"
price = 7000

[[receiver]]
name = "hook"
kind = "webhook"
url = "http://127.0.0.1:9/"

[[route]]
receivers = ["hook"]
"""

TICKS = """time,price
2026-01-28T14:30:00Z,6999
2026-01-28T14:30:01Z,7001
2026-01-28T14:31:00Z,6999
"""

FEEDS = """
name = "test"

[[feed]]
name = "tape"
vendor = "massive"

[[feed]]
name = "crypto"
vendor = "kraken"

[[watch]]
symbol = "SPX"
feed = "tape"
feed_symbol = "I:SPX"
"""

RECORDING = '["recording",1,{"feed":"tape","vendor":"massive","clock":"wall","symbols":["I:SPX"]}]\n'

tapewatch = pytest.fixture(command)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder, with a config and a tape."""
    (tmp_path / "config.toml").write_text(WATCH)
    (tmp_path / "ticks.csv").write_text(TICKS)
    (tmp_path / "feeds.toml").write_text(FEEDS)
    (tmp_path / "tape.frames.gz").write_text(RECORDING)
    monkeypatch.chdir(tmp_path)
    return tmp_path


OWN = ("-c", "config.toml")


@pytest.mark.parametrize(
    ("args", "line"),
    [
        (["check", "nix.toml"], "nix.toml: error: this config cannot be read: No such file or directory"),
        (
            ["check"],
            "error: there is no tapewatch.toml here: tapewatch init writes one. Or name your config; "
            ".*/sp500.toml is an example",
        ),
        (["run"], "error: there is no tapewatch.toml here: .*"),
        (["run", *OWN], "error: the config names no feed, so there is nothing to run: .*"),
        (["replay", "nix.csv", *OWN], "error: nix.csv: No such file or directory"),
        (["replay", ".", *OWN], "error: .: Is a directory"),
        (["replay", "ticks.csv", "-c", "nix.toml"], "nix.toml: error: this config cannot be read: .*"),
        (["replay", "ticks.csv", *OWN, "--history", "nix.csv"], "error: nix.csv: No such file or directory"),
        (
            ["replay", "ticks.csv", *OWN, "--symbol", "SPY"],
            "error: no watch has the symbol 'SPY': did you .*SPX.*",
        ),
        (
            ["replay", "ticks.csv", *OWN, "--bar", "7x"],
            "error: '7x' is no timeframe: write minutes or hours, .*",
        ),
        (["replay", "ticks.csv", *OWN, "--speed", "3"], "error: '3' is no speed: write max, or .* 1x or 60x"),
        (["replay", "ticks.csv", *OWN, "--speed", "-1x"], "error: '-1x' is no speed: .*"),
        (["replay", "ticks.csv", *OWN, "--speed", "nanx"], "error: 'nanx' is no speed: .*"),
        (
            ["replay", "ticks.csv", *OWN, "--alerts", "nix/a.jsonl"],
            "error: nix/a.jsonl: No such file or directory",
        ),
        (["replay", "ticks.csv", *OWN, "--alerts", "/proc/a"], "error: /proc/a: .*"),
        (
            ["replay", "ticks.csv", *OWN, "--alerts", "-", "--bars", "-"],
            "error: standard output is named twice: .*",
        ),
        (["replay", "ticks.csv", *OWN, "--bars", "ticks.csv"], "error: ticks.csv is named twice: .*"),
        (["simulate"], "error: say what to play: --scenario sp500-7000, or --tape FILE"),
        (["simulate", "--scenario", "sp500"], "error: there is no scenario 'sp500': there is sp500-7000"),
        (
            ["simulate", "--scenario", "sp500-7000", "--vendor", "x"],
            "error: there is no vendor 'x': there is .*",
        ),
        (["simulate", "--tape", "nix.csv"], "error: nix.csv: No such file or directory"),
        (
            ["simulate", "--tape", "ticks.csv", "--vendor", "json"],
            "error: json has to be described: name a config and one of its feeds with --config and --feed",
        ),
        (
            ["simulate", "--tape", "ticks.csv", "--vendor", "massive", *OWN],
            "error: name a --vendor, or a --config with its feed, not both",
        ),
        (
            ["simulate", "--tape", "ticks.csv", "--feed", "tape"],
            "error: say which config has the feed 'tape': --config FILE",
        ),
        (["simulate", "--tape", "ticks.csv", *OWN], "error: the config names no feed: add a .*"),
        (
            ["simulate", "--tape", "ticks.csv", "-c", "feeds.toml"],
            "error: the config has several feeds: say which with --feed; there is tape, crypto",
        ),
        (
            ["record", "-c", "feeds.toml", "--feed", "tap"],
            "error: the config has no feed 'tap': did you mean \"tape\".*",
        ),
        (["record", *OWN], "error: the config names no feed: add a .*"),
        (
            ["record", "-c", "feeds.toml", "--feed", "tape"],
            "error: feed 'tape' has no key: set TAPEWATCH_FEED_TAPE_KEY, .*",
        ),
        (
            ["replay", "tape.frames.gz", "ticks.csv", *OWN],
            "error: tape.frames.gz is a recording and ticks.csv a file of ticks or bars: .*",
        ),
        (
            ["replay", "tape.frames.gz", *OWN],
            "error: tape.frames.gz: it is of the feed 'tape' of massive, and the config has none of massive: .*",
        ),
        (["simulate", "--tape", "ticks.csv", "--speed", "fast"], "error: 'fast' is no speed: .*"),
        (["notify-test", "hok", *OWN], "error: the config has no receiver 'hok': did you mean \"hook\".*"),
        (
            ["notify-test", "hook", *OWN],
            "error: receiver 'hook' .* has no secret: set TAPEWATCH_RECEIVER_HOOK_SECRET.*",
        ),
        (["schema", "alarm"], "error: there is no schema of 'alarm': write alert or config"),
    ],
)
def test_a_wrong_command_is_one_line_and_exit_code_2(
    tapewatch: Command, folder: Path, args: list[str], line: str
) -> None:
    outcome = tapewatch(*args)
    assert outcome.code == 2
    assert re.fullmatch(line, outcome.err.rstrip("\n")), outcome.err
    assert outcome.out == ""
    assert (folder / "ticks.csv").read_text() == TICKS


@pytest.mark.parametrize(
    "args",
    [["frobnicate"], ["check", "--frobnicate"], ["replay"], ["simulate", "--port", "x"], ["tail", "x"]],
)
def test_what_no_command_has_is_exit_code_2(tapewatch: Command, args: list[str]) -> None:
    outcome = tapewatch(*args)
    assert outcome.code == 2
    assert "Usage: " in outcome.err
    assert "Traceback" not in outcome.err


@pytest.mark.parametrize(
    ("args", "line"),
    [
        (["status", *OWN], "error: no Redis at unix://.*: no tapewatch runs with the state folder .*"),
        (["status", "--json", *OWN], "error: no Redis at unix://.*"),
        (["tail", *OWN], "error: no Redis at unix://.*"),
        (["replay", "bad.csv", *OWN], "error: bad.csv, line 2, column 'price': 'seven' is no number: .*"),
        (["replay", "other.csv", *OWN], "error: other.csv, line 1: neither ticks .* nor bars .*"),
        (["simulate", "--tape", "ticks.csv"], "error: ticks.csv, line 1: there is no column 'symbol': .*"),
    ],
)
def test_what_fails_is_one_line_and_exit_code_1(
    tapewatch: Command, folder: Path, args: list[str], line: str
) -> None:
    (folder / "bad.csv").write_text("time_ns,price\n1769610600000000000,seven\n")
    (folder / "other.csv").write_text("a,b\n1,2\n")
    outcome = tapewatch(*args)
    assert outcome.code == 1
    assert re.fullmatch(line, outcome.err.rstrip("\n")), outcome.err


def test_a_receiver_that_does_not_take_it_is_exit_code_1(
    tapewatch: Command, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TAPEWATCH_RECEIVER_HOOK_SECRET", "sesame")
    outcome = tapewatch("notify-test", "hook", *OWN)
    assert outcome.code == 1
    assert outcome.err.startswith("error: receiver 'hook' did not take it: ")
    assert "sesame" not in outcome.err


def test_a_port_that_is_taken(tapewatch: Command, folder: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        outcome = tapewatch("simulate", "--scenario", "sp500-7000", "--port", port)
    assert outcome.code == 1
    assert outcome.err.splitlines()[-1].endswith("address already in use")


def test_check_says_what_a_good_config_watches(tapewatch: Command) -> None:
    outcome = tapewatch("check", DEFAULT)
    watched = tomllib.loads(DEFAULT.read_text())["watch"][0]
    rules = sum(len(watched[kind]) for kind in ("level", "zone", "condition"))
    assert outcome == (0, f"{DEFAULT}: good: 1 watch, {rules} rules, 1 receiver\n", "")
    assert tapewatch("check", "--json", DEFAULT) == (0, "[]\n", "")


def test_check_names_every_mistake(tapewatch: Command, folder: Path) -> None:
    (folder / "config.toml").write_text(WATCH.replace("rearm", "raerm").replace("price = 7000", "price = -1"))
    outcome = tapewatch("check", "config.toml")
    assert (outcome.code, outcome.out) == (2, "")
    assert [line.partition(" ")[0] for line in outcome.err.splitlines()] == [
        "config.toml:9:",
        "config.toml:13:",
    ]
    as_json = tapewatch("check", "--json", "config.toml")
    assert as_json.code == 2
    assert [(each["line"], each["severity"]) for each in json.loads(as_json.out)] == [
        (9, "error"),
        (13, "error"),
    ]


@pytest.mark.parametrize("what", ["alert", "config"])
def test_schema_prints_one(tapewatch: Command, what: str) -> None:
    outcome = tapewatch("schema", what)
    assert (outcome.code, outcome.err) == (0, "")
    jsonschema.Draft202012Validator.check_schema(json.loads(outcome.out))
    assert json.loads(outcome.out)["title"] == f"tapewatch {what}"


def test_version_and_help(tapewatch: Command) -> None:
    assert re.fullmatch(r"tapewatch \d+\.\d+\.\d+\n", tapewatch("--version").out)
    helped = tapewatch("--help")
    assert helped.code == 0
    for name in [
        "run",
        "demo",
        "check",
        "replay",
        "simulate",
        "record",
        "tail",
        "status",
        "notify-test",
        "schema",
    ]:
        assert re.search(rf"\b{name}\b", helped.out)


def test_an_alert_for_people_is_a_line(tapewatch: Command, folder: Path) -> None:
    outcome = tapewatch("replay", "ticks.csv", *OWN)
    assert outcome.code == 0
    assert outcome.out == (
        "2026-01-28 09:30:01 EST  ▲ SPX crossed above 7,000, at 7,001.00\n"
        "2026-01-28 09:31:00 EST  ▼ SPX crossed below 7,000, at 6,999.00\n"
    )
    assert re.fullmatch(r"3 ticks in [\d.]+ s \([\d,]+ a second\), 2 alerts; refused: none\n", outcome.err)


# In processes of their own: what depends on the process, on its signals and pipes.


def start(*args: object, **more: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "tapewatch.cli", *map(str, args)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(**more),
        text=True,
        encoding="utf-8",
    )


def modules(*args: object) -> set[str]:
    """What a command imports."""
    process = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "tapewatch.cli", *map(str, args)],
        capture_output=True,
        text=True,
        check=True,
        env=environment(),
    )
    return {
        line.rpartition("|")[2].strip()
        for line in process.stderr.splitlines()
        if line.startswith("import time")
    }


@pytest.mark.parametrize(
    ("args", "slow"),
    [
        (["--help"], {"numba", "numpy", "pandas", "pydantic", "redis", "tapewatch.config"}),
        (["check", DEFAULT], {"numba", "tapewatch.engine.kernels", "redis", "rich.live", "websockets"}),
        (["schema"], {"numba", "tapewatch.engine.kernels", "redis", "websockets"}),
    ],
)
def test_what_needs_no_engine_does_not_wait_for_it(args: list[object], slow: set[str]) -> None:
    assert not modules(*args) & slow


def test_that_kernels_are_compiled_is_said_before(folder: Path) -> None:
    process = start("replay", "ticks.csv", *OWN, NUMBA_CACHE_DIR=str(folder / "empty"))
    assert process.stderr
    assert process.stderr.readline().startswith("compiling the kernels")
    assert process.poll() is None
    process.kill()
    process.communicate(timeout=PATIENCE)


def test_output_for_programs_is_utf8_in_every_locale(folder: Path) -> None:
    (folder / "config.toml").write_text(WATCH.replace("rearm = 0", 'title = "Société"\nrearm = 0'))
    latin = {"PYTHONIOENCODING": "ascii", "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    out, _ = start("replay", "ticks.csv", *OWN, "--alerts", "-", **latin).communicate(timeout=PATIENCE)
    assert decode(out.splitlines()[0]).data.title == "Société"
    process = start("replay", "ticks.csv", *OWN, **latin)
    out, _ = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0
    assert out.splitlines()[0].endswith("? Soci?t? crossed above 7,000, at 7,001.00")


def test_a_reader_that_leaves_is_no_catastrophe(folder: Path) -> None:
    rows = "".join(f"{1769610600000000000 + i},{6999 + 2 * (i % 2)}\n" for i in range(20_000))
    (folder / "many.csv").write_text(f"time_ns,price\n{rows}")
    process = start("replay", "many.csv", *OWN, "--alerts", "-")
    assert process.stdout
    assert process.stderr
    assert process.stdout.readline()
    process.stdout.close()
    assert process.stderr.read() == ""
    assert process.wait(PATIENCE) == 1


def test_a_full_disk_is_one_line(folder: Path) -> None:
    process = subprocess.run(
        [sys.executable, "-m", "tapewatch.cli", "schema"],
        stdout=os.open("/dev/full", os.O_WRONLY),
        stderr=subprocess.PIPE,
        text=True,
        env=environment(),
        check=False,
    )
    assert (process.returncode, process.stderr) == (1, "error: No space left on device\n")


def test_ctrl_c_ends_a_slow_replay_without_a_traceback(folder: Path) -> None:
    process = start("replay", "ticks.csv", *OWN, "--speed", "1x")
    assert process.stdout
    assert "crossed above" in process.stdout.readline()  # at once, though the tape goes on for a minute
    process.send_signal(signal.SIGINT)
    assert process.communicate(timeout=PATIENCE) == ("", "")
    assert process.returncode == 1

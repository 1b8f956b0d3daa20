"""`tapewatch init`: five answers, by options, by defaults and on a terminal; all its files, or none."""

import json
import os
import re
import stat
import time
import tomllib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

import commands
from commands import Command
from feeds.bar_servers import Market, regular_minutes, served
from somebody import Somebody
from tapewatch import completions
from tapewatch.check import check
from tapewatch.feeds.massive.history import MassiveHistory
from tapewatch.feeds.vendors import VENDORS as PROTOCOLS
from tapewatch.init import place, receivers, symbols, vendors
from tapewatch.init.answers import SIMULATOR
from tapewatch.market.sessions import sessions

command = pytest.fixture(commands.command)

HOOK = "https://hooks.example.com/services/T0/B0/hush-sesame"
BARS = "date,open,high,low,close\n" + "".join(
    f"2025-{month:02}-{day:02},100,{101 + day / 10},99,100\n"
    for month in (3, 4, 6)
    for day in (2, 3, 4, 5, 9, 10, 11, 12)
    if (month, day) not in {(3, 2), (3, 9), (4, 5), (4, 12)}
)


@pytest.fixture
def tapewatch(command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Command:
    """The command line in an empty folder, without anybody's keys."""
    monkeypatch.chdir(tmp_path)
    for name in [own for own in os.environ if own.startswith("TAPEWATCH_")]:
        monkeypatch.delenv(name)
    return command


def config(file: str = "tapewatch.toml") -> dict[str, Any]:
    return tomllib.loads(Path(file).read_text(encoding="utf-8"))


def test_all_defaults_make_a_good_config_that_says_what_is_missing(tapewatch: Command) -> None:
    outcome = tapewatch("init", "--yes")
    assert outcome.code == 0, outcome.err
    good, problems = check(Path("tapewatch.toml"))
    assert good
    assert not problems
    assert (good.watch[0].symbol, good.watch[0].feed_symbol, good.feed[0].vendor) == (
        "SPX",
        "I:SPX",
        "massive",
    )
    assert "still missing: TAPEWATCH_FEED_TAPE_KEY" in outcome.out
    assert "export TAPEWATCH_FEED_TAPE_KEY=..." in outcome.out
    assert "tapewatch run --config tapewatch.toml" in outcome.out
    assert sorted(path.name for path in Path().iterdir()) == ["tapewatch.schema.json", "tapewatch.toml"]


def test_the_simulator_brings_its_past_and_needs_nothing(tapewatch: Command) -> None:
    outcome = tapewatch("init", "--vendor", "simulator", "--yes")
    assert outcome.code == 0, outcome.err
    assert "tapewatch simulate --config tapewatch.toml --scenario sp500-7000" in outcome.out
    own = config()
    assert own["feed"] == [{"name": "tape", "vendor": "json", "url": "ws://127.0.0.1:8765", "clock": "tape"}]
    assert own["watch"][0]["title"] == "S&P 500 (simulated)"
    assert all(Path(file).is_file() for file in own["watch"][0]["history"])
    levels = {level["name"]: level for level in own["watch"][0]["level"]}
    assert levels["7,000"]["role"] == "breakout"
    assert levels["52-week high"]["next"] == "6,950"
    assert [condition["when"] for condition in own["watch"][0]["condition"]] == [
        "price crosses above previous.high",
        "price crosses below previous.low",
        "price crosses sma(50)@1d",
        "price crosses sma(200)@1d",
    ]


def test_levels_come_from_a_file_and_are_chosen_by_number_and_price(tapewatch: Command) -> None:
    Path("aapl.csv").write_text(BARS)
    outcome = tapewatch(
        "init", "--symbol", "aapl", "--history", "aapl.csv", "--levels", "@105.5,1-2", "--yes"
    )
    assert outcome.code == 0, outcome.err
    watch = config()["watch"][0]
    assert watch["history"] == ["aapl.csv"]
    assert len(watch["level"]) == 3
    assert {"name": "105.50", "price": 105.5}.items() <= next(
        level for level in watch["level"] if level["price"] == 105.5
    ).items()


def test_a_tiny_price_keeps_its_digits(tapewatch: Command) -> None:
    coin = ("--symbol", "PEPE/USD", "--vendor", "kraken", "--history", "none")
    assert tapewatch("init", *coin, "--levels", "@0.00000000123456", "--yes").code == 0
    assert config()["watch"][0]["level"][0]["price"] == 0.00000000123456


def test_a_file_is_named_as_the_config_finds_it(tapewatch: Command, tmp_path: Path) -> None:
    Path("desk").mkdir()
    Path("aapl.csv").write_text(BARS)
    Path("desk/aapl.csv").write_text(BARS)
    for given, named in (("aapl.csv", str(tmp_path / "aapl.csv")), ("desk/aapl.csv", "aapl.csv")):
        own = ("init", "desk/my.toml", "--symbol", "AAPL", "--history", given, "--yes", "--force")
        assert tapewatch(*own).code == 0
        assert config("desk/my.toml")["watch"][0]["history"] == [named]


def test_every_kind_of_receiver_makes_a_good_config(tapewatch: Command) -> None:
    names = ",".join(own.name for own in receivers.KINDS if own.name != "nobody")
    outcome = tapewatch(
        *("init", "--symbol", "BTC/USD", "--history", "none", "--receiver", names),
        *("--channel", "CTRADINGDESK", "--to", "Desk <desk@example.com>", "--yes"),
    )
    assert outcome.code == 0, outcome.err
    own = {table["name"]: table for table in config()["receiver"]}
    assert list(own) == names.split(",")
    assert own["email"]["host"] == "smtp.example.com"
    assert own["email"]["username"] == "desk@example.com"
    assert own["slack-bot"]["channel"] == "CTRADINGDESK"
    assert outcome.out.count("still missing") == 1
    assert tapewatch("check", "tapewatch.toml").code == 0


def test_nobody_is_an_answer(tapewatch: Command) -> None:
    assert tapewatch("init", "--levels", "none", "--receiver", "nobody", "--yes").code == 0
    assert "receiver" not in config()
    assert tapewatch("check", "tapewatch.toml").code == 0


def test_secrets_are_taken_from_where_they_are_and_stay_there(
    tapewatch: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TAPEWATCH_RECEIVER_SLACK_URL", HOOK)
    Path("alpaca.key").write_text("alpaca-sesame")
    outcome = tapewatch(
        "init", "--symbol", "SPY", "--vendor", "alpaca", "--history", "none", "--receiver", "slack", "--yes"
    )
    assert outcome.code == 0, outcome.err
    own = config()
    assert own["feed"][0]["key_file"] == "alpaca.key"
    assert "url_file" not in own["receiver"][0]
    assert "still missing: TAPEWATCH_FEED_TAPE_SECRET\n" in outcome.out
    written = "".join(path.read_text() for path in Path().iterdir() if path.name != "alpaca.key")
    assert "sesame" not in written + outcome.out + outcome.err


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["--symbol", "a b"], "--symbol: 'a b' is no symbol: write one such as SPX"),
        (["--vendor", "alpaka"], "--vendor: 'alpaka' is none of them: write massive or simulator"),
        (["--symbol", "SPY", "--vendor", "simulator"], "--vendor: the simulator plays SPX alone"),
        (["--vendor", "json"], "--vendor: a feed of your own is described by hand: docs/feeds.md"),
        (
            ["--history", "vendor"],
            "--history: massive is not asked without its key: set TAPEWATCH_FEED_TAPE_KEY",
        ),
        (["--history", "no.csv"], r"--history: .*no\.csv"),
        (["--levels", "1,99"], "--levels: 99: there are 1 to 4"),
        (["--levels", "5-3"], "--levels: 5-3: there are 1 to 4"),
        (["--levels", "7000"], "--levels: 7000: there are 1 to 4"),
        (["--levels", "@7,001"], "--levels: '@7,001': commas separate answers, so write @7001"),
        (["--levels", "@seven"], "--levels: '@seven' is no price: write one such as @7000"),
        (["--receiver", "slak"], "--receiver: 'slak' is none of them: did you mean \"slack\""),
        (["--receiver", "nobody,slack"], "--receiver: nobody goes with nobody else"),
        (["--receiver", "email"], "--to: write an address, such as you@example.com"),
        (["--receiver", "slack-bot", "--channel", "#desk"], "--channel: write the channel's id"),
    ],
)
def test_wrong_options_are_one_line_and_nothing_is_written(
    tapewatch: Command, args: list[str], said: str
) -> None:
    outcome = tapewatch("init", *args, "--yes")
    assert (outcome.code, outcome.out) == (2, "")
    assert re.match(f"error: {said}", outcome.err), outcome.err
    assert outcome.err.count("\n") == 1
    assert not list(Path().iterdir())


def test_without_a_terminal_a_question_names_its_option(tapewatch: Command) -> None:
    outcome = tapewatch("init", "--symbol", "BTC/USD")
    assert outcome.code == 2
    assert outcome.err == (
        "error: there is no terminal to ask on: give --vendor, or --yes for what would be proposed\n"
    )


def test_nothing_is_replaced_unless_told(tapewatch: Command) -> None:
    Path("tapewatch.toml").write_text("mine")
    outcome = tapewatch("init", "--yes")
    assert outcome.code == 2
    assert outcome.err == (
        "error: tapewatch.toml is there already: name another file, or --force to replace it\n"
    )
    assert [path.name for path in Path().iterdir()] == ["tapewatch.toml"]
    assert tapewatch("init", "--yes", "--force").code == 0
    assert config()["name"] == "spx"
    assert tapewatch("init", "no/such/folder.toml", "--yes").err.startswith(
        "error: there is no folder no/such"
    )


def test_a_schema_of_ours_is_renewed_and_any_other_file_left_alone(tapewatch: Command) -> None:
    assert tapewatch("init", "a.toml", "--yes").code == 0
    schema = Path("tapewatch.schema.json")
    schema.write_text(schema.read_text().replace('"feed"', '"fied"'))
    assert tapewatch("init", "b.toml", "--yes").code == 0
    assert '"fied"' not in schema.read_text()
    schema.write_text("{}")
    assert tapewatch("init", "c.toml", "--yes").code == 0
    assert schema.read_text() == "{}"


def test_what_fails_halfway_leaves_nothing(tapewatch: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(place, "_move", full)
    outcome = tapewatch("init", "--vendor", "simulator", "--yes")
    assert (outcome.code, outcome.err) == (1, "error: No space left on device\n")
    assert not list(Path().iterdir())


def test_every_vendor_and_every_word_that_is_offered_exists() -> None:
    assert set(vendors.VENDORS) == set(PROTOCOLS) - {"json"}
    for name, own in vendors.VENDORS.items():
        assert own.has_history == (PROTOCOLS[name].history is not None)
        assert set(own.needs) == set(PROTOCOLS[name].needs(None))
    assert {*completions.INIT_VENDORS} == {*vendors.VENDORS, SIMULATOR}
    assert tuple(own.name for own in receivers.KINDS) == completions.INIT_RECEIVERS
    for name in completions.INIT_SYMBOLS:
        assert "/" in symbols.read(name).symbol or name in symbols.KNOWN


def test_somebody_answers_and_no_secret_is_shown(tmp_path: Path) -> None:
    desk = Somebody(tmp_path, "init")
    desk.answers("Symbol", "two words\n")
    desk.answers("Symbol", "\n")
    desk.answers("Number or name", "2\n")
    desk.answers("Numbers such as", "7000\n")
    desk.answers("Numbers such as", "1,3\n")
    desk.answers("Numbers or names", "slack\n")
    desk.answers("URL", "hush\n")
    desk.answers("URL", f"{HOOK}\n")
    assert desk.end() == 0
    assert "sesame" not in desk.seen
    assert "'two words' is no symbol" in desk.seen
    assert "7000: there are 1 to" in desk.seen
    assert "that is no URL" in desk.seen
    assert "for you alone to read: slack.url" in desk.seen
    secret = tmp_path / "slack.url"
    assert secret.read_text() == f"{HOOK}\n"
    assert stat.S_IMODE(secret.stat().st_mode) == 0o600
    own = tomllib.loads((tmp_path / "tapewatch.toml").read_text())
    assert own["receiver"] == [{"name": "slack", "kind": "slack", "url_file": "slack.url"}]
    assert len(own["watch"][0]["level"]) == 2
    json.loads((tmp_path / "tapewatch.schema.json").read_text())


@pytest.mark.parametrize("key", ["\x03", "\x04"], ids=["Ctrl-C", "Ctrl-D"])
def test_who_leaves_in_the_middle_leaves_nothing(tmp_path: Path, key: str) -> None:
    desk = Somebody(tmp_path, "init", "--vendor", "simulator", "--levels", "all")
    desk.answers("Symbol", "\n")
    desk.answers("Numbers or names", "slack\n")
    desk.answers("URL", key)
    assert desk.end() == 1
    assert "nothing was written" in desk.seen
    assert "Traceback" not in desk.seen
    assert not list(tmp_path.iterdir())


@pytest.fixture
def vendor(monkeypatch: pytest.MonkeyPatch) -> Iterator[Market]:
    """Massive's history of SPY, up to now, on this machine; a key for it."""
    today = datetime.now(UTC).date()
    market = Market(sessions("XNYS"), SPY=regular_minutes(sessions("XNYS"), today - timedelta(45), today))
    market.now = time.time_ns()
    with served(market) as url:
        monkeypatch.setattr(MassiveHistory, "url", url)
        yield market


def test_levels_come_from_the_vendor(
    tapewatch: Command, vendor: Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TAPEWATCH_FEED_TAPE_KEY", "feed-sesame")
    outcome = tapewatch("init", "--symbol", "SPY", "--vendor", "massive", "--yes")
    assert (outcome.code, outcome.err) == (0, "")
    names = {level["name"] for level in config()["watch"][0]["level"]}
    assert "20-day low" in names or "20-day low" in Path("tapewatch.toml").read_text()
    assert "still missing" not in outcome.out


def test_a_vendor_that_gives_nothing_is_named_and_the_watch_written(
    tapewatch: Command, vendor: Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TAPEWATCH_FEED_TAPE_KEY", "feed-sesame")
    outcome = tapewatch("init", "--symbol", "QQQ", "--vendor", "massive", "--yes")
    assert outcome.code == 0
    assert re.match("massive gave no bars: .* no bars of QQQ.*; it is asked again", outcome.err)
    assert "level" not in config()["watch"][0]
    assert len(config()["watch"][0]["condition"]) == 4

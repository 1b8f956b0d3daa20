"""`tapewatch diff OLD NEW`: what a reload would do, said beforehand."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from commands import Command, Outcome, command

tapewatch = pytest.fixture(command)

CONFIG = """
name = "desk"

[[feed]]
name = "tape"
vendor = "kraken"

[[watch]]
symbol = "BTC/USD"
feed_symbol = "BTC/USD"
calendar = "24/7"
timeframes = ["1m", "1h"]
indicators = ["rsi(14)"]

[[watch.level]]
name = "round"
price = 100
note = "it held in May"

[[watch.zone]]
name = "zone"
low = 90
high = 95

[[watch.condition]]
name = "hot"
when = "rsi(14)@1h crosses above 70"

[[receiver]]
name = "term"
kind = "console"

[[route]]
receivers = ["term"]
"""
ETHER = """
[[watch]]
symbol = "ETH/USD"
feed_symbol = "ETH/USD"
calendar = "24/7"
"""
HOOK = """
[[receiver]]
name = "hook"
kind = "webhook"
url = "https://example.com/services/sesame"
"""

ANEW = "begins anew, its side taken from the last price"

Diff = Callable[..., Outcome]


@pytest.fixture
def diff(tapewatch: Command, tmp_path: Path) -> Diff:
    def of(old: str, new: str, *options: str) -> Outcome:
        files = tmp_path / "old.toml", tmp_path / "new.toml"
        for file, text in zip(files, (old, new), strict=True):
            file.write_text(text)
        return tapewatch("diff", *files, *options)

    return of


def lines(said: Outcome) -> list[str]:
    assert said.code == 0, said.err
    return [line.strip() for line in said.out.splitlines()]


def test_nothing_changed_is_said(diff: Diff) -> None:
    assert lines(diff(CONFIG, CONFIG + "# a remark\n")) == ["nothing would change"]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("price = 100", "price = 102.5", f"level round: price 100 → 102.5; {ANEW}"),
        ('"it held in May"', '"it broke in June"', "level round: note; words alone: its state is kept"),
        (
            "above 70",
            "above 75",
            "condition hot: when rsi(14)@1h crosses above 70 → rsi(14)@1h crosses above 75; begins anew",
        ),
        (
            '["1m", "1h"]',
            '["1m", "15m", "1h"]',
            "timeframe 15m: added; comes from history, as far as that goes",
        ),
        (
            '["rsi(14)"]',
            '["rsi(14)", "sma(9)"]',
            "indicator sma(9): added; from the closes that are known, else from history",
        ),
        ('"24/7"', '"XNYS"', "calendar: 24/7 → XNYS; the whole watch begins anew, as one that is added"),
        ('["1m", "1h"]', '["1m", "1h"]\nmax_jump = "2%"', "max_jump: 1% → 2%; its state is kept"),
        (
            '["1m", "1h"]',
            '["1m", "1h"]\nrearm = "1%"',
            f"zone zone: the watch's rearm or shortest timeframe; {ANEW}",
        ),
        ('["1m", "1h"]', '["1h", "1m"]', "timeframes: in another order; its state is kept"),
        (
            "low = 90\nhigh = 95",
            "low = 90\nhigh = 95\n[[watch.zone]]\nlow = 80\nhigh = 85",
            "zone 80-85: added; its side taken from the last price",
        ),
    ],
)
def test_what_is_other_in_a_watch_is_said_with_what_becomes_of_its_state(
    diff: Diff, old: str, new: str, said: str
) -> None:
    head, *details = lines(diff(CONFIG, CONFIG.replace(old, new)))
    assert head == "~ watch BTC/USD changed"
    assert said in details


def test_watches_receivers_and_routes_come_and_go(diff: Diff) -> None:
    both = CONFIG.replace('receivers = ["term"]', 'receivers = ["term", "hook"]') + HOOK + ETHER
    assert lines(diff(CONFIG, both)) == [
        "+ watch ETH/USD added: indicators from history, levels take their side from the first tick",
        "+ receiver hook added: it gets what fires from then on, or goes on where it was once",
        "+ route every alert → term, hook added",
        "- route every alert → term removed",
    ]
    said = lines(diff(both, CONFIG))
    assert said[:2] == [
        "- watch ETH/USD removed: it is watched no more",
        "- receiver hook removed: what it has not had within two seconds stays in Redis, for its return",
    ]


def test_without_history_it_is_said_that_there_is_none(diff: Diff) -> None:
    without = CONFIG.replace('vendor = "kraken"', 'vendor = "kraken"\nwarm_up = 0')
    said = lines(diff(without, without.replace('["1m", "1h"]', '["1m", "5m", "1h"]') + ETHER))
    assert "timeframe 5m: added; there is no history for it: it begins with the next bars" in said
    assert (
        "+ watch ETH/USD added: indicators from the next bars on, levels take their side from the first tick"
        in said
    )


@pytest.mark.parametrize(
    ("old", "new", "keys"),
    [
        ('name = "desk"', 'name = "other"', ["name"]),
        ('name = "desk"', 'name = "desk"\nha = true\nredis.fsync = "always"', ["[redis] fsync", "ha"]),
        ('name = "desk"', 'name = "desk"\nhttp.listen = "off"', ["[http] listen"]),
        ('name = "desk"', 'name = "desk"\nhttp.url = "https://tape.example.org"', ["[http] url"]),
        (
            'vendor = "kraken"',
            'vendor = "kraken"\nurl = "ws://127.0.0.1:1"\nclock = "tape"',
            ["feed tape: url", "feed tape: clock"],
        ),
        ('vendor = "kraken"', 'vendor = "coinbase"', ["feed tape: vendor"]),
        ('name = "tape"', 'name = "other"', ["feed other: added", "feed tape: removed"]),
    ],
)
def test_what_needs_a_restart_is_named_key_by_key(diff: Diff, old: str, new: str, keys: list[str]) -> None:
    said = lines(diff(CONFIG, CONFIG.replace(old, new)))
    assert said == ["a reload would be refused, whole: this needs a restart", *keys]


def test_a_feed_that_would_connect_elsewhere_needs_a_restart(diff: Diff) -> None:
    config = 'name = "a"\n[[feed]]\nname = "tape"\nvendor = "massive"\n[[watch]]\nsymbol = "{}"\n'
    said = lines(diff(config.format("I:SPX"), config.format("SPY")))
    assert said[1] == "feed tape: it would connect elsewhere"


def test_programs_get_one_object(diff: Diff) -> None:
    changed = CONFIG.replace("price = 100", "price = 101")
    (line,) = diff(CONFIG, changed, "--json").out.splitlines()
    told = json.loads(line)
    assert told == {
        "reload": "applied",
        "needs_restart": [],
        "watches": [
            {
                "name": "BTC/USD",
                "what": "changed",
                "effect": "",
                "details": [
                    {
                        "item": "level round",
                        "what": "price 100 → 101",
                        "effect": "begins anew, its side taken from the last price",
                    }
                ],
            }
        ],
        "receivers": [],
        "routes": [],
    }
    assert json.loads(diff(CONFIG, CONFIG, "--json").out)["reload"] == "unchanged"
    refused = json.loads(diff(CONFIG, CONFIG.replace('"desk"', '"other"'), "--json").out)
    assert (refused["reload"], refused["needs_restart"]) == ("refused", ["name"])


def test_the_mistakes_of_both_are_named(diff: Diff) -> None:
    said = diff(CONFIG.replace("price = 100", "price = -1"), CONFIG.replace("above 70", "abve 70"))
    assert (said.code, said.out) == (2, "")
    assert "old.toml" in said.err
    assert "new.toml" in said.err
    assert "must be more than 0" in said.err
    assert "abve" in said.err


def test_a_secret_in_a_url_is_not_shown(diff: Diff) -> None:
    old = CONFIG.replace('["term"]', '["term", "hook"]') + HOOK
    said = diff(old, old.replace("sesame", "sesame2"))
    assert lines(said) == [
        "~ receiver hook changed: what it has not had, the new one takes up",
        "url: other than before",
    ]
    assert "sesame" not in said.out + said.err


def test_names_do_not_style_the_terminal(diff: Diff) -> None:
    named = CONFIG.replace('name = "round"', 'name = "[red]round[/red]"')
    assert "level [red]round[/red]: added; its side taken from the last price" in lines(diff(CONFIG, named))


def test_it_compiles_nothing() -> None:
    code = "import sys; from tapewatch import diff_view, changes; print('numba' in sys.modules)"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "False"

"""`tapewatch silence`, as people type it."""

import getpass
import json
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from commands import Command, Outcome, command
from desk import Desk
from notify.sample_alerts import alert
from tapewatch.market.ticks import NS
from tapewatch.notify.silences import Silence, Silences

tapewatch = pytest.fixture(command)


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    with Desk(tmp_path).open() as own:
        yield own
    monkeypatch.undo()
    time.tzset()


@pytest.fixture
def silence(tapewatch: Command, desk: Desk) -> Command:
    return lambda *args: tapewatch("silence", *args, "-c", desk.config)


def in_force(desk: Desk) -> list[Silence]:
    return desk(lambda redis: Silences(redis, desk.keys.silences).all())


def test_what_is_silenced_is_told_and_in_force(silence: Command, desk: Desk) -> None:
    said = silence("add", "--symbol", "SPX", "--rule", "break*", "--for", "2h", "--why", "Fed day")
    (own,) = in_force(desk)
    assert said.code == 0
    assert said.out.startswith(f"{own.id}  symbol SPX, rule break*  until ")
    assert said.out.endswith(f"  {getpass.getuser()}: Fed day\n")
    assert re.fullmatch("[0-9a-f]{8}", own.id)
    assert own.until_ns - own.since_ns == 7200 * NS
    assert own.matches(alert(), time.time_ns())
    assert not own.matches(alert(subject="NDX"), time.time_ns())


def test_a_reason_that_is_no_utf8_is_kept_as_far_as_it_is(silence: Command, desk: Desk) -> None:
    said = silence("add", "--all", "--for", "2h", "--why", "Fed\udcff day")
    assert (said.code, [own.why for own in in_force(desk)]) == (0, ["Fed? day"])


def test_times_are_told_here_and_at_the_exchange(silence: Command) -> None:
    said = silence(
        "add", "--symbol", "SPX", "--from", "2199-01-28T15:30+01:00", "--until", "2199-01-28T20:00Z"
    )
    assert "  from Mon 28 Jan 2199 15:30:00 CET, Mon 28 Jan 2199 09:30:00 EST until " in said.out
    assert " until Mon 28 Jan 2199 21:00:00 CET, Mon 28 Jan 2199 15:00:00 EST  " in said.out


def test_silences_are_listed_and_lifted(silence: Command, desk: Desk) -> None:
    for args in (("--rule", "feed", "--for", "1h"), ("--all", "--from", "2199-01-01T00:00Z", "--for", "1h")):
        assert silence("add", *args).code == 0
    feed, every = in_force(desk)
    for asked in ((), ("list",)):
        shown = silence(*asked).out.splitlines()
        assert shown[0].partition("  until")[0] == f"{feed.id}  rule feed"
        assert shown[1].startswith(f"{every.id}  every alert  from Tue 01 Jan 2199 01:00:00 CET, ")
    assert silence("lift", feed.id)[:2] == (0, f"lifted {feed.id}\n")
    assert in_force(desk) == [every]
    gone = silence("lift", feed.id)
    assert gone.code == 2
    assert gone.err.startswith(f"error: there is no silence '{feed.id}'")


def test_programs_get_json(silence: Command) -> None:
    added = json.loads(silence("add", "--severity", "info", "--for", "1h", "--json").out)
    (listed,) = map(json.loads, silence("--json").out.splitlines())
    assert listed == added
    assert (added["severity"], added["symbol"], added["state"]) == ("info", None, "holds")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z", added["until"])
    assert json.loads(silence("lift", added["id"], "--json").out) == {"lifted": added["id"]}
    assert silence("list", "--json").out == ""


def test_one_that_is_over_is_listed_as_such(silence: Command, desk: Desk) -> None:
    now = time.time_ns()
    own = Silence(
        id="0a1b2c3d", symbol="SPX", since_ns=now - 2, until_ns=now - 1, by="anna", why="\x1b[2Jlunch"
    )
    desk(lambda redis: Silences(redis, desk.keys.silences).add(own))
    shown = silence("list").out
    assert shown.endswith("  over  anna: [2Jlunch\n")
    assert json.loads(silence("list", "--json").out)["state"] == "over"


def test_nothing_silenced_is_said(silence: Command) -> None:
    assert silence() == Outcome(0, "", "nothing is silenced\n")


@pytest.mark.parametrize(
    ("args", "said"),
    [
        ("--symbol spx --for 1h", 'no symbol is called "spx": did you mean "SPX"?'),
        ("--rule brakeout --for 1h", 'no rule is called "brakeout": did you mean "breakout"?'),
        ("--rule qqq --for 1h", 'no rule is called "qqq": there is breakout, resistance, feed'),
        (
            "--symbol NDX --rule breakout --for 1h",
            'no rule called "breakout" belongs to "NDX": there is resistance',
        ),
        (
            "--type levle.crossed_up --for 1h",
            'no type is called "levle.crossed_up": did you mean "level.crossed_up"?',
        ),
        ("--severity high --for 1h", 'no severity is called "high": there is info, warning, critical'),
        ("--for 1h", "say what to silence: --symbol, --rule, --type, --severity, or --all"),
        ("--all --symbol SPX --for 1h", "say what to silence"),
        ("--all", "say until when: --for 2h, or --until"),
        ("--all --for 1h --until 2199-01-01T00:00Z", "say until when: --for 2h, or --until"),
        ("--all --for 2d", "'2d' is no duration"),
        ("--all --for 0s", "it would be over before it begins"),
        ("--all --until 2020-01-01T00:00Z", "it would be over before it begins"),
        ("--all --until noon", "'noon' is no time: write one such as 2026-01-28T14:30Z"),
        (
            "--all --until 2199-01-28T21:00",
            "'2199-01-28T21:00' names no zone: write 2199-01-28T21:00:00+01:00, as this machine has it, or "
            "2199-01-28T21:00:00Z for UTC",
        ),
    ],
)
def test_what_cannot_be_is_refused(silence: Command, desk: Desk, args: str, said: str) -> None:
    outcome: Any = silence("add", *args.split())
    assert outcome.code == 2
    assert outcome.err.startswith(f"error: {said}")
    assert in_force(desk) == []


@pytest.mark.parametrize("symbol", ["tape", "S*", "NDX"])
def test_feeds_and_patterns_can_be_silenced(silence: Command, desk: Desk, symbol: str) -> None:
    assert silence("add", "--symbol", symbol, "--for", "1h").code == 0
    assert [own.symbol for own in in_force(desk)] == [symbol]


def test_without_redis_it_says_so(tapewatch: Command, desk: Desk, tmp_path: Path) -> None:
    other = Desk(tmp_path)
    other.config.write_text(other.config.read_text().replace(str(desk.socket), "/nowhere.sock"))
    outcome = tapewatch("silence", "add", "--all", "--for", "1h", "-c", other.config)
    assert outcome.code == 1
    assert outcome.err.startswith("error: no Redis at unix:///nowhere.sock")

"""`tapewatch dead`, as people type it."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from redis.asyncio import Redis

from commands import Command, Outcome, command
from desk import Desk
from notify.sample_alerts import HOSTILE, alert
from tapewatch.alerts.alert import encode

tapewatch = pytest.fixture(command)

A, B = "9f0c2a51" + 24 * "0", "77aa2b77" + 24 * "1"


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with Desk(tmp_path).open() as own:
        yield own


@pytest.fixture
def dead(tapewatch: Command, desk: Desk) -> Command:
    return lambda *args: tapewatch("dead", *args, "-c", desk.config)


def bury(desk: Desk, receiver: str, id: str, body: bytes, reason: str = "HTTP 404") -> None:
    async def work(redis: Redis) -> None:
        await redis.xadd(desk.keys.dead(receiver), {"id": id, "json": body, "reason": reason})

    desk(work)


def letters(desk: Desk, key: str) -> list[str]:
    async def work(redis: Redis) -> list[str]:
        entries: Any = await redis.xrange(key)
        return [fields[b"id"].decode() for _, fields in entries]

    return desk(work)


@pytest.fixture
def buried(desk: Desk) -> None:
    """Two of the desk, and one of a pager that the config has no more."""
    bury(desk, "desk", A, encode(alert(id=A)))
    bury(
        desk,
        "desk",
        B,
        encode(alert(id=B, text="S&P 500 crossed below 6,790")),
        "gave up after 900 s: HTTP 500",
    )
    bury(desk, "pager", A, encode(alert(id=A)))


@pytest.mark.usefixtures("buried")
@pytest.mark.parametrize("args", [[], ["list"]])
def test_all_that_is_dead_is_listed(dead: Command, args: list[str]) -> None:
    said = dead(*args)
    lines = said.out.splitlines()
    assert said.code == 0
    assert lines[0].startswith(
        "9f0c2a51  2026-01-28 09:31:07 EST  ▲ S&P 500 crossed above 7,000, at 7,000.25"
    )
    assert lines[1].startswith("    not delivered to desk, 20")
    assert lines[1].endswith("Z: HTTP 404")
    assert lines[2].startswith("77aa2b77  ")
    assert lines[3].endswith("Z: gave up after 900 s: HTTP 500")
    assert lines[5].startswith("    not delivered to pager, 20")
    assert len(lines) == 6


@pytest.mark.usefixtures("buried")
@pytest.mark.parametrize("args", [["desk"], ["list", "desk"]])
def test_of_one_receiver_in_json(dead: Command, args: list[str]) -> None:
    first, second = map(json.loads, dead(*args, "--json").out.splitlines())
    assert (first["receiver"], first["id"], first["reason"]) == ("desk", A, "HTTP 404")
    assert first["alert"] == json.loads(encode(alert(id=A)))
    assert second["id"] == B


@pytest.mark.usefixtures("buried")
def test_what_is_resent_waits_for_the_daemon(dead: Command, desk: Desk) -> None:
    said = dead("resend", "desk", B[:6])
    assert said.out == "1 dead letter of desk on the way: the daemon sends it now, or once it runs again\n"
    assert (letters(desk, desk.keys.dead("desk")), letters(desk, desk.keys.resend("desk"))) == ([A], [B])
    assert json.loads(dead("resend", "desk", "--all", "--json").out) == {
        "receiver": "desk",
        "resent": 1,
        "unreadable": 0,
    }
    assert letters(desk, desk.keys.resend("desk")) == [B, A]
    assert dead("desk") == Outcome(0, "", "no dead letters\n")


@pytest.mark.usefixtures("buried")
def test_what_is_dropped_is_gone(dead: Command, desk: Desk) -> None:
    assert dead("drop", "desk", A).out == "1 dead letter of desk dropped\n"
    assert dead("drop", "pager", "--all").out == "1 dead letter of pager dropped\n"
    assert json.loads(dead("drop", "desk", "--all", "--json").out) == {"receiver": "desk", "dropped": 1}
    assert dead() == Outcome(0, "", "no dead letters\n")
    assert letters(desk, desk.keys.resend("desk")) == []


def test_what_holds_no_alert_is_not_sent_again(dead: Command, desk: Desk) -> None:
    bury(desk, "desk", "", b"", "the stream was trimmed")
    bury(desk, "desk", A, encode(alert(id=A)))
    assert "no alert can be read here" in dead("desk").out
    said = dead("resend", "desk", "--all")
    assert said.err == "1 dead letter holds no alert: it can only be dropped\n"
    assert letters(desk, desk.keys.resend("desk")) == [A]
    (left,) = map(json.loads, dead("desk", "--json").out.splitlines())
    assert left["alert"] is None
    assert dead("drop", "desk", left["id"]).code == 0


@pytest.mark.usefixtures("buried")
@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["dsk"], "the config has no receiver 'dsk': did you mean \"desk\"?"),
        (["drop", "xyz", "--all"], "the config has no receiver 'xyz': there is desk, mail, pager"),
        (["resend", "pager", "--all"], "the config has no receiver 'pager': there is desk, mail"),
        (["resend", "desk"], "name the alerts by their ids, or --all"),
        (["drop", "desk", A, "--all"], "name the alerts by their ids, or --all"),
        (["resend", "desk", "123456"], "no dead letter has an id that begins with '123456'"),
    ],
)
def test_what_cannot_be_is_refused(dead: Command, desk: Desk, args: list[str], said: str) -> None:
    outcome = dead(*args)
    assert (outcome.code, outcome.err) == (2, f"error: {said}\n")
    assert letters(desk, desk.keys.dead("desk")) == [A, B]


def test_no_letter_draws_on_the_terminal(dead: Command, desk: Desk) -> None:
    bury(desk, "desk", HOSTILE.id, encode(HOSTILE), "HTTP 500 \x1b[31m\r\nsent")
    out = dead("desk").out
    assert "\x1b" not in out
    assert "\r" not in out
    assert len(out.splitlines()) == 2

"""`tapewatch log`: the alerts of the past and what became of them, without a daemon."""

import json
import time
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

UP = alert(id="9f0c2a51" + 24 * "0")
DOWN = alert(id="77aa2b77" + 24 * "1", rule="support", type="tapewatch.level.crossed_down", direction="down")
OTHER = alert(id="1122aabb" + 24 * "2", subject="NDX", rule="resistance", type="tapewatch.zone.broke_above")


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with Desk(tmp_path).open() as own:
        yield own


@pytest.fixture
def log(tapewatch: Command, desk: Desk) -> Command:
    return lambda *args: tapewatch("log", *args, "-c", desk.config)


def heads(said: Outcome) -> list[str]:
    """The alerts that were shown, by the first digits of their ids."""
    assert said.code == 0
    return [line[:8] for line in said.out.splitlines() if not line.startswith(" ")]


def noted(desk: Desk, id: str, receiver: str, outcome: str, detail: str = "") -> None:
    async def work(redis: Redis) -> None:
        told = {"id": id, "receiver": receiver, "outcome": outcome, "detail": detail, "receipt": "<1@desk>"}
        await redis.xadd(desk.keys.deliveries, told)

    desk(work)


def group(desk: Desk, receiver: str) -> None:
    """The receiver's worker begins at the end of the stream."""
    desk(lambda redis: redis.xgroup_create(desk.keys.alerts, receiver, "$", mkstream=True))


def read(desk: Desk, receiver: str) -> list[Any]:
    """The receiver's worker reads, and has not acknowledged; its entries."""
    found: Any = desk(lambda redis: redis.xreadgroup(receiver, "member-1", {desk.keys.alerts: ">"}))
    return [entry for entry, _ in found[0][1]]


def test_each_alert_has_what_became_of_it_below(log: Command, desk: Desk) -> None:
    for receiver in ("desk", "mail"):
        group(desk, receiver)
    desk.commit(UP, DOWN)
    noted(desk, UP.id, "desk", "sent")
    noted(desk, UP.id, "mail", "gave_up", "HTTP 500")
    noted(desk, DOWN.id, "desk", "silenced", "0a1b2c3d")
    lines = log().out.splitlines()
    assert lines[0].startswith(
        "9f0c2a51  2026-01-28 09:31:07 EST  ▲ S&P 500 crossed above 7,000, at 7,000.25"
    )
    assert lines[1].startswith("    desk sent 20")  # of today, not of the alert's day
    assert lines[2].startswith("    mail gave_up 20")
    assert lines[2].endswith(": HTTP 500")
    assert lines[3].startswith("77aa2b77  ")
    assert lines[4].endswith(": 0a1b2c3d")
    assert lines[5] == "    mail waiting"
    assert len(lines) == 6


def test_on_the_alert_s_day_the_time_is_enough(log: Command, desk: Desk) -> None:
    now = alert(time_ns=str(time.time_ns()))
    desk.commit(now)
    noted(desk, now.id, "desk", "sent")
    line = log().out.splitlines()[1]
    assert len(line) == len("    desk sent 09:31:08")


def test_who_waits_has_not_acknowledged_and_is_routed_there(log: Command, desk: Desk) -> None:
    desk.commit(UP)  # before there were receivers
    for receiver in ("desk", "mail"):
        group(desk, receiver)
    desk.commit(DOWN, OTHER)
    acknowledged, _ = read(desk, "desk")
    desk(lambda redis: redis.xack(desk.keys.alerts, "desk", acknowledged))
    waiting = {own["alert"]["id"]: own["waiting"] for own in map(json.loads, log("--json").out.splitlines())}
    assert waiting == {UP.id: [], DOWN.id: ["mail"], OTHER.id: ["desk"]}


def test_a_dead_letter_on_its_way_again_waits(log: Command, desk: Desk) -> None:
    desk.commit(UP)
    noted(desk, UP.id, "mail", "gave_up", "HTTP 500")
    assert log().out.splitlines()[1].startswith("    mail gave_up")
    letter: dict[Any, Any] = {"id": UP.id, "json": encode(UP), "reason": "HTTP 500"}
    desk(lambda redis: redis.xadd(desk.keys.resend("mail"), letter))
    assert log().out.splitlines()[1] == "    mail waiting"
    desk(lambda redis: redis.delete(desk.keys.resend("mail")))
    noted(desk, UP.id, "mail", "sent")
    noted(desk, UP.id, "mail", "had_already")
    assert log().out.splitlines()[1].startswith("    mail sent")


def test_programs_get_the_alert_as_it_was_and_all_that_became_of_it(log: Command, desk: Desk) -> None:
    desk.commit(UP)
    noted(desk, UP.id, "mail", "gave_up", "HTTP 500")
    noted(desk, UP.id, "mail", "sent")
    (line,) = log("--json").out.splitlines()
    assert f'"alert":{encode(UP).decode()}' in line
    first, second = json.loads(line)["deliveries"]
    assert (first["receiver"], first["outcome"], first["detail"]) == ("mail", "gave_up", "HTTP 500")
    assert (second["outcome"], second["receipt"]) == ("sent", "<1@desk>")
    assert second["time"] >= first["time"]


@pytest.mark.parametrize(
    ("args", "shown"),
    [
        ([], ["9f0c2a51", "77aa2b77", "1122aabb"]),
        (["--limit", 2], ["77aa2b77", "1122aabb"]),
        (["--symbol", "S*"], ["9f0c2a51", "77aa2b77"]),
        (["--rule", "support"], ["77aa2b77"]),
        (["--type", "level.*", "--limit", 1], ["77aa2b77"]),
        (["--type", "tapewatch.zone.*"], ["1122aabb"]),
        (["--since", "1h"], ["9f0c2a51", "77aa2b77", "1122aabb"]),
        (["--since", "2199-01-01T00:00Z"], []),
        (["--symbol", "IWM"], []),
    ],
)
def test_which_are_shown(log: Command, desk: Desk, args: list[object], shown: list[str]) -> None:
    desk.commit(UP, DOWN, OTHER)
    said = log(*args)
    assert heads(said) == shown
    assert said.err == ("" if shown else "no such alert\n")


def test_since_goes_by_when_it_was_reported(log: Command, desk: Desk) -> None:
    old = {"id": UP.id, "json": encode(UP)}
    desk(lambda redis: redis.xadd(desk.keys.alerts, old, id=f"{time.time_ns() // 1_000_000 - 7_200_000}-0"))  # type: ignore[arg-type]
    desk.commit(DOWN)
    assert heads(log("--since", "90m")) == ["77aa2b77"]
    assert heads(log("--since", "3h")) == ["9f0c2a51", "77aa2b77"]


def test_a_long_past_is_walked_to_its_end(log: Command, desk: Desk) -> None:
    many = [alert(id=f"{number:08x}" + 24 * "0") for number in range(1203)]
    desk.commit(OTHER, *many)
    assert heads(log("--symbol", "NDX")) == ["1122aabb"]
    assert heads(log("--limit", 1100)) == [own.id[:8] for own in many[103:]]


def test_what_cannot_be_read_hides_nothing(log: Command, desk: Desk) -> None:
    desk.commit(UP)
    for fields in ({"id": "x", "json": "{"}, {"unknown": "1"}):
        desk(lambda redis, own=fields: redis.xadd(desk.keys.alerts, own))
    desk.commit(DOWN)
    assert heads(log()) == ["9f0c2a51", "77aa2b77"]


def test_nothing_yet_is_said(log: Command) -> None:
    assert log() == Outcome(0, "", "no such alert\n")


def test_no_alert_draws_on_the_terminal(log: Command, desk: Desk) -> None:
    desk.commit(HOSTILE)
    noted(desk, HOSTILE.id, "desk", "refused", "HTTP 404 \x1b[31m\r\n    mail sent")
    out = log().out
    assert "\x1b" not in out
    assert "\r" not in out
    assert len(out.splitlines()) == 2


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["--since", "yesterday"], "'yesterday' is no time"),
        (["--since", "3x"], "'3x' is no duration"),
        (["--since", "2026-01-28"], "'2026-01-28' names no zone"),
    ],
)
def test_what_is_no_time_is_refused(log: Command, args: list[str], said: str) -> None:
    outcome = log(*args)
    assert outcome.code == 2
    assert outcome.err.startswith(f"error: {said}")

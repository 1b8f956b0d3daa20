"""What a hostile Redis says is shown by the commands without anything that a terminal would obey."""

import json
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from redis.asyncio import Redis

from commands import Command, command
from desk import Desk
from notify.sample_alerts import alert
from tapewatch.alerts.alert import encode

tapewatch = pytest.fixture(command)

ESCAPE = "\x1b]0;owned\x07\x1b[2J\u202e\n"
ID = "9f0c2a51" + 24 * "0"


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with Desk(tmp_path).open() as own:
        yield own


def everywhere(what: object) -> object:
    """`what` with the escape in each text that is free."""
    if isinstance(what, dict):
        fixed = (
            "specversion",
            "id",
            "datacontenttype",
            "type",
            "subject",
            "zone",
            "exchange_time",
            "time_ns",
        )
        fixed += ("time", "direction", "severity", "gap", "hours", "stage", "timeframe")
        return {name: own if name in fixed else everywhere(own) for name, own in what.items()}
    return what + ESCAPE if isinstance(what, str) else what


@pytest.fixture
def hostile(desk: Desk) -> Desk:
    body = json.dumps(everywhere(msgspec.to_builtins(alert(id=ID)))).encode()
    assert encode(alert(id=ID)) != body
    now = {
        "price": "7000",
        "time_ns": "1769610600000000000",
        "time": ESCAPE,
        "feed": ESCAPE,
        "feed_state": ESCAPE,
    }
    silence = {
        "id": "0a1b2c3d",
        "since_ns": 0,
        "until_ns": 2**62,
        "by": ESCAPE,
        "why": ESCAPE,
        "match": {"rule": ESCAPE},
    }

    async def work(redis: Redis) -> None:
        keys = desk.keys
        await redis.hset(keys.now("SPX"), mapping={**now, f"rsi(14)@{ESCAPE}": "1", ESCAPE: "2"})
        await redis.xadd(keys.alerts, {"id": ID, "json": body, "trace": b"{}", "delivered": ESCAPE})
        await redis.sadd(keys.ids, ID)
        await redis.xgroup_create(keys.alerts, "desk", "0")
        await redis.xadd(
            keys.deliveries, {"id": ID, "receiver": ESCAPE, "outcome": "refused", "detail": ESCAPE}
        )
        await redis.xadd(keys.dead("desk"), {"id": ID, "json": body, "reason": ESCAPE})
        await redis.xadd(keys.dead(ESCAPE), {"id": ESCAPE, "json": b"none", "reason": ESCAPE})
        await redis.hset(keys.silences, mapping={"0a1b2c3d": json.dumps(silence), ESCAPE: b"none"})

    desk(work)
    return desk


@pytest.mark.parametrize(
    "words",
    [
        ("status",),
        ("status", "--json"),
        ("log",),
        ("log", "--json"),
        ("explain", ID),
        ("explain", ID, "--json"),
        ("dead", "list"),
        ("dead", "list", "--json"),
        ("silence", "list"),
        ("silence", "list", "--json"),
    ],
    ids=" ".join,
)
def test_no_command_shows_what_a_terminal_would_obey(
    words: tuple[str, ...], hostile: Desk, tapewatch: Command
) -> None:
    outcome = tapewatch(*words, "-c", hostile.config)
    assert outcome.code in (0, 1), outcome.err
    shown = outcome.out + outcome.err
    assert "Traceback" not in shown
    for character in "\x1b\x07" if "--json" in words else "\x1b\x07\u202e":
        assert character not in shown

"""The log of a real run: one event a line in every format, an alert's whole life by its id, and no secret."""

import asyncio
import json
import re

import pytest
from house import House, alerts_reach, stream
from processes import KEY, PATIENCE, SECRET, Program
from starlette.responses import Response

from tapewatch.feeds.simulator import Trouble

_PAIR = r'[a-z_]+=(?:"(?:[^"\\]|\\.)*"|[^\s"=]*)'
LOGFMT = re.compile(f"(?:{_PAIR} )*{_PAIR}")
"""Keys and values, as github.com/go-logfmt/logfmt has them."""


async def test_the_id_of_an_alert_tells_its_whole_life(house: House, expected) -> None:
    wanted = await expected(house.case)
    redis = await house.own_redis()
    await house.receivers()
    house.hook.answers = [Response(status_code=503)]
    house.slack.answers = [Response(status_code=404)]
    house.write((await house.feed()).port)
    daemon = await house.daemon()
    await house.played(redis)
    await alerts_reach(redis, len(wanted.lines), daemon)
    async with asyncio.timeout(PATIENCE):
        while ended(daemon) != {id_: ["desk", "hook", "mail"] for id_ in wanted.ids}:  # noqa: ASYNC110
            await asyncio.sleep(0.1)
    assert await daemon.stop() == 0, daemon.everything()

    lives = {id_: [event for event in map(json.loads, daemon.err) if about(event, id_)] for id_ in wanted.ids}
    assert all(life[0]["event"] == "alert.fired" for life in lives.values())
    retried = [one for life in lives.values() for one in life if one["event"] == "notify.retry"]
    assert {(one["receiver"], one["reason"]) for one in retried} == {("hook", "HTTP 503")}
    dead = [one for life in lives.values() for one in life if one["event"] == "notify.dead"]
    assert {(one["receiver"], one["reason"]) for one in dead} == {("desk", "HTTP 404")}
    named = [line for line in daemon.err if any(id_ in line for id_ in wanted.ids)]
    assert all({"alert", "alerts"} & json.loads(line).keys() for line in named)


def ended(daemon: Program) -> dict[str, list[str]]:
    """By alert id, the receivers that have it, or never will."""
    found: dict[str, list[str]] = {}
    for event in daemon.events("notify.sent"):
        for id_ in event["alerts"]:
            found.setdefault(id_, []).append(event["receiver"])
    for event in daemon.events("notify.dead"):
        found.setdefault(event["alert"], []).append(event["receiver"])
    return {id_: sorted(receivers) for id_, receivers in found.items()}


def about(event: dict, id_: str) -> bool:
    return event.get("alert") == id_ or id_ in event.get("alerts", ())


@pytest.mark.parametrize("form", ["json", "logfmt", "colour"])
async def test_each_line_is_an_event_whatever_a_feed_sends(house: House, form: str) -> None:
    redis = await house.own_redis()
    await house.receivers()
    house.write((await house.feed(trouble=Trouble(garbage=0.2))).port)
    daemon = await house.program("run", "--config", house.config, "--log-format", form)
    await house.played(redis)
    assert await daemon.stop() == 0, daemon.everything()
    assert len(await stream(redis)) > 0

    lines = [re.sub(r"\x1b\[[0-9;]*m", "", line) if form == "colour" else line for line in daemon.err]
    assert all(line.isprintable() for line in lines)
    assert [line for line in lines if not is_event(form, line)] == []
    for event in ("daemon.starting", "feed.fault", "alert.fired", "notify.sent", "daemon.stopped"):
        assert any(event in line for line in lines)
    for secret in (KEY, SECRET):
        assert secret not in daemon.everything()


def is_event(form: str, line: str) -> bool:
    if form == "json":
        return {"event", "level", "timestamp"} <= json.loads(line).keys()
    if form == "logfmt":
        return bool(LOGFMT.fullmatch(line)) and line.startswith("timestamp=") and " event=" in line
    return re.match(r"\d{4}-\d\d-\d\dT\S+Z \[\w+ +\] [a-z]+\.[a-z_]+ ", line + " ") is not None

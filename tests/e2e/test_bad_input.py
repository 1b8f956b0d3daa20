"""What is wrong outside is said in one line that helps, or counted, and never takes an alert along."""

import csv
import json
from pathlib import Path

import numpy as np
from house import KEYS, House, alerts_reach, day_seconds, indicators, stream
from processes import KEY, SECRET, Program

from tapewatch.feeds.files import read_ticks
from tapewatch.feeds.massive.server import MassiveServer
from tapewatch.feeds.simulator import Simulator, Trouble
from tapewatch.market.ticks import NS


async def refusal(daemon: Program, code: int = 1) -> str:
    """Why a daemon that should not have run did not: the one line for the one who must act."""
    assert await daemon.ended() == code, daemon.everything()
    said = [line for line in daemon.err if not line.startswith("{") and not line.startswith("compiling")]
    assert len(said) == 1, daemon.everything()
    assert KEY not in daemon.everything()
    assert SECRET not in daemon.everything()
    return said[0]


async def test_a_feed_that_refuses_the_login_is_asked_once(house: House) -> None:
    feed = await house.feed(trouble=Trouble(refuse_login=True))
    house.write(feed.port)
    daemon = await house.daemon()
    said = await refusal(daemon)
    assert said.startswith("error: feed tape: Massive refused the key")
    assert "TAPEWATCH_FEED_TAPE_KEY" in said
    assert feed.logins_refused == 1
    assert len(daemon.events("feed.connected")) == 1


async def test_garbage_frames_are_counted_and_lose_nothing(house: House, expected) -> None:
    wanted = await expected(house.case)
    redis = await house.own_redis()
    house.write((await house.feed(trouble=Trouble(garbage=0.2))).port)
    daemon = await house.daemon()
    assert indicators(await house.played(redis)) == wanted.indicators
    assert await daemon.stop() == 0, daemon.everything()
    assert await stream(redis) == wanted.lines
    kinds = {event["kind"] for event in daemon.events("feed.fault")}
    assert kinds == {"not JSON", "not of the protocol"}
    assert len(daemon.events("feed.connected")) == 1


async def test_duplicated_ticks_change_nothing(house: House, expected) -> None:
    wanted = await expected(house.case)
    redis = await house.own_redis()
    house.write((await house.feed(trouble=Trouble(duplicate=0.3))).port)
    daemon = await house.daemon()
    assert indicators(await house.played(redis)) == wanted.indicators
    assert await daemon.stop() == 0, daemon.everything()
    assert await stream(redis) == wanted.lines
    refused = {event["reason"]: event["count"] for event in daemon.events("ticks.refused")}
    assert refused["duplicate_id"] > 1000


async def test_reordered_ticks_do_not_stop_it(house: House) -> None:
    redis = await house.own_redis()
    house.write((await house.feed(trouble=Trouble(reorder=0.3))).port)
    daemon = await house.daemon()
    now = await house.played(redis)
    assert 0 < float(now[b"rsi(14)@1m"]) < 100
    assert await daemon.stop() == 0, daemon.everything()


async def test_ticks_that_are_no_ticks_are_refused_by_name(house: House, expected) -> None:
    wanted = await expected(house.case)
    redis = await house.own_redis()
    async with with_bad_ticks(house).serve() as feed:
        house.write(feed.port)
        daemon = await house.daemon()
        assert indicators(await house.played(redis)) == wanted.indicators
        assert await daemon.stop() == 0, daemon.everything()
    assert await stream(redis) == wanted.lines
    refused = {event["reason"] for event in daemon.events("ticks.refused")}
    assert {"price", "late"} <= refused
    assert {event["kind"] for event in daemon.events("feed.fault")} == {"wrong type"}  # NaN becomes null


def with_bad_ticks(house: House) -> Simulator:
    """The tape with a NaN, an infinite, a negative and a ten minutes old price after every thousandth tick."""
    good = read_ticks(house.case.tape).rows({house.case.symbol: 0}, house.case.symbol)
    bad = np.repeat(good[1000:-AFTER:1000], 4)
    bad["price"][0::4], bad["price"][1::4], bad["price"][2::4] = np.nan, np.inf, -1
    bad["time"][3::4] -= 600 * NS
    places = np.repeat(np.arange(1000, len(good) - AFTER, 1000) + 1, 4)
    return Simulator(
        MassiveServer, np.insert(good, places, bad), [house.case.symbol], speed=None, from_start=True
    )


AFTER = 2000
"""The end of the tape stays as it is."""


async def test_a_file_with_such_ticks_replays_and_says_so(house: House, tmp_path: Path) -> None:
    tape = tmp_path / "bad.csv"
    with tape.open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["time_ns", "price"])
        start = house.case.first
        rows.writerows(
            [(start, 100), (start + 1, "nan"), (start + 2, -5), (start + 3, "inf"), (start - 1, 100)]
        )
    house.write(port=1)
    replay = await house.program("replay", tape, "--config", house.config)
    assert await replay.ended() == 0, replay.everything()
    assert "3 price" in replay.everything()


async def test_a_redis_that_is_not_there_is_named_without_its_password(house: House) -> None:
    house.env["TAPEWATCH_REDIS_URL"] = "redis://trader:open-sesame@127.0.0.1:1/0"
    house.write(port=1)
    daemon = await house.daemon()
    said = await refusal(daemon)
    assert said.startswith("error: no Redis at redis://127.0.0.1:1/0: ")
    assert "sesame" not in daemon.everything()


async def test_a_damaged_snapshot_is_named_and_warmed_up_anew(house: House, expected) -> None:
    wanted = await expected(house.case)
    redis = await house.own_redis()
    feed = await house.feed(speed=day_seconds(house) / 2)
    house.write(feed.port)
    first = await house.daemon()
    await alerts_reach(redis, 5, first)
    assert await first.stop() == 0, first.everything()
    hot = bytearray(await redis.hget(KEYS.snapshot, house.case.symbol))
    hot[100] ^= 1
    await redis.hset(KEYS.snapshot, house.case.symbol, bytes(hot))

    second = await house.daemon()
    said = await second.logged("state.refused")
    assert said["symbol"] == house.case.symbol
    assert "damaged" in said["reason"]
    assert "warming up anew" in said["reason"]
    assert indicators(await house.played(redis)) == wanted.indicators
    assert await second.stop() == 0, second.everything()
    assert [json.loads(line)["id"] for line in await stream(redis)] == wanted.ids


async def test_a_missing_key_names_its_variable(house: House) -> None:
    del house.env["TAPEWATCH_FEED_TAPE_KEY"]
    house.write(port=1)
    said = await refusal(await house.daemon(), code=2)
    assert said.startswith("error: feed 'tape' has no key: set TAPEWATCH_FEED_TAPE_KEY")


async def test_a_receivers_missing_secret_is_named_before_anything_runs(house: House) -> None:
    await house.receivers()
    del house.env["TAPEWATCH_RECEIVER_HOOK_SECRET"]
    house.write(port=1)
    daemon = await house.daemon()
    said = await refusal(daemon, code=2)
    assert said.startswith(
        "error: receiver 'hook' (webhook) has no secret: set TAPEWATCH_RECEIVER_HOOK_SECRET"
    )
    assert not house.state.exists()


async def test_a_second_daemon_on_the_same_state_folder_does_not_start(house: House) -> None:
    house.write((await house.feed(speed=1)).port)
    first = await house.daemon()
    await first.logged("feed.subscribed")
    said = await refusal(await house.daemon())
    assert f"another tapewatch, process {first.process.pid}, runs with the folder {house.state}" in said
    assert await first.stop() == 0, first.everything()


async def test_a_second_daemon_on_the_same_redis_takes_over(house: House) -> None:
    await house.own_redis()
    house.write((await house.feed(speed=1)).port)
    first = await house.daemon()
    await first.logged("feed.subscribed")
    house.config.write_text(house.config.read_text().replace(f"{house.state}", f"{house.state}-2"))
    second = await house.daemon()
    assert "another process took it over" in await refusal(first)
    assert await second.stop() == 0, second.everything()

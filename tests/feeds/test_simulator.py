import asyncio
import json
from contextlib import asynccontextmanager

import numpy as np
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosedError

from tapewatch.feeds.massive.server import MassiveServer
from tapewatch.feeds.simulator import Simulator, Trouble
from tapewatch.market.ticks import NOT_LAST, NS, UNKNOWN_SYMBOL, empty_ticks

START = 1_769_610_600 * NS


def tape(count: int, symbols: int = 1, step_ms: int = 1000) -> np.ndarray:
    """`count` ticks, `step_ms` apart, of the symbols in turn; prices 100.00, 100.01, …"""
    ticks = empty_ticks(count)
    ticks["time"] = START + np.arange(count) * step_ms * 1_000_000
    ticks["price"] = np.round(100 + np.arange(count) / 100, 2)
    ticks["size"] = 100
    ticks["symbol"] = np.arange(count) % symbols
    return ticks


def simulator(ticks: np.ndarray, *symbols: str, speed: float | None = None, **options) -> Simulator:
    return Simulator(MassiveServer, ticks, symbols or ("SPY",), speed=speed, **options)


class Client:
    """Somebody's client: knows the vendor's documentation, and nothing of tapewatch."""

    def __init__(self, websocket) -> None:
        self.websocket = websocket

    async def say(self, action: str, params: str) -> list[dict]:
        await self.websocket.send(json.dumps({"action": action, "params": params}))
        return await self.frame()

    async def frame(self) -> list[dict]:
        return json.loads(await self.websocket.recv())

    async def ticks(self, count: int) -> list[dict]:
        messages: list[dict] = []
        while len(messages) < count:
            messages += [message for message in await self.frame() if message["ev"] != "status"]
        return messages


@asynccontextmanager
async def client(server: Simulator):
    async with connect(f"ws://127.0.0.1:{server.port}") as websocket:
        greeted = Client(websocket)
        assert await greeted.frame() == [
            {"ev": "status", "status": "connected", "message": "Connected Successfully"}
        ]
        yield greeted


@asynccontextmanager
async def subscribed(server: Simulator, topics: str = "T.*"):
    async with client(server) as one:
        (answer,) = await one.say("auth", "any key")
        assert answer["status"] == "auth_success"
        (answer,) = await one.say("subscribe", topics)
        assert answer == {"ev": "status", "status": "success", "message": f"subscribed to: {topics}"}
        yield one


async def test_plays_the_tape_as_the_documented_messages():
    ticks = tape(120)
    ticks["flags"][3] = NOT_LAST
    async with simulator(ticks).serve() as server, subscribed(server) as one:
        got = await one.ticks(120)
        await asyncio.wait_for(server.finished.wait(), 5)
    first = {"ev": "T", "sym": "SPY", "x": 4, "i": "1", "z": 1, "p": 100.0, "s": 100, "c": []}
    assert got[0] == first | {"t": START // 1_000_000, "q": 1}
    assert [trade["i"] for trade in got] == [str(k) for k in range(1, 121)]
    assert [trade["p"] for trade in got] == ticks["price"].tolist()
    assert [trade["t"] * 1_000_000 for trade in got] == ticks["time"].tolist()
    assert [trade["c"] for trade in got[2:5]] == [[], [2], []]


async def test_sends_indices_as_values_and_only_what_was_subscribed_to():
    ticks = tape(30, symbols=3)
    async with simulator(ticks, "I:SPX", "SPY", "IWM", from_start=True).serve() as server:
        async with subscribed(server, "V.I:SPX") as one:
            values = await one.ticks(10)
        async with subscribed(server, "T.IWM") as one:
            trades = await one.ticks(10)
    assert values[1] == {"ev": "V", "val": 100.03, "T": "I:SPX", "t": START // 1_000_000 + 3000}
    assert {trade["sym"] for trade in trades} == {"IWM"}


async def test_without_a_login_there_is_nothing():
    async with simulator(tape(5)).serve() as server, client(server) as one:
        assert (await one.say("subscribe", "T.SPY"))[0]["message"] == "not authorized"
        assert (await one.say("auth", ""))[0]["status"] == "auth_failed"
        with pytest.raises(ConnectionClosedError):
            await one.frame()


async def test_quotes_and_nonsense_are_answered_with_an_error():
    async with simulator(tape(5)).serve() as server, subscribed(server, "T.QQQ") as one:
        assert (await one.say("subscribe", "Q.SPY"))[0]["status"] == "error"
        assert (await one.say("dance", "T.SPY"))[0]["status"] == "error"
        await one.websocket.send("not JSON")
        assert (await one.frame())[0]["status"] == "error"


async def test_from_start_begins_anew_for_each_client():
    async with simulator(tape(60), from_start=True).serve() as server:
        for _ in range(2):
            async with subscribed(server) as one:
                assert [trade["q"] for trade in await one.ticks(60)] == list(range(1, 61))


async def test_a_tape_that_nobody_heard_is_over():
    async with simulator(tape(1000), speed=1e6).serve() as server:
        await asyncio.sleep(0.05)
        async with subscribed(server) as one:
            await asyncio.wait_for(server.finished.wait(), 5)
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(one.frame(), 0.05)


async def test_at_a_given_speed_no_tick_comes_before_its_time():
    # 1000 tape seconds a second: the k-th tick, k tape seconds in, is due k ms after the subscription.
    loop = asyncio.get_running_loop()
    before = loop.time()
    got: list[dict] = []
    simulated = simulator(tape(200), speed=1000, from_start=True)
    async with simulated.serve() as server, subscribed(server) as one:
        while len(got) < 200:
            got += await one.frame()
            assert loop.time() - before >= (got[-1]["q"] - 1) / 1000
    assert [trade["q"] for trade in got] == list(range(1, 201))


async def test_a_night_is_played_no_longer_than_the_longest_gap():
    ticks = tape(10)
    ticks["time"][5:] += 17 * 3600 * NS
    ticks["time"][7] -= 3 * NS  # late: goes out right after the one before it
    simulated = simulator(ticks, speed=1000, from_start=True, longest_gap=60)
    assert simulated.length == 8 + 60
    async with simulated.serve() as server, subscribed(server) as one:
        got = await asyncio.wait_for(one.ticks(10), 5)
    assert [trade["t"] * 1_000_000 for trade in got] == ticks["time"].tolist()


async def test_garbage_comes_between_frames_and_costs_no_tick():
    trouble = Trouble(garbage=0.5, seed=1)
    unreadable, got = 0, []
    async with simulator(tape(1000), trouble=trouble).serve() as server, subscribed(server) as one:
        while len(got) < 1000:
            frame = await one.websocket.recv()
            if frame.startswith('[{"ev":"T"'):
                got += json.loads(frame)
            else:
                unreadable += 1
    assert [trade["q"] for trade in got] == list(range(1, 1001))
    assert 5 <= unreadable <= 15


async def test_duplicates_and_disorder_lose_nothing_and_are_the_same_each_time():
    trouble = Trouble(duplicate=0.2, reorder=0.2, seed=7)
    runs = []
    for _ in range(2):
        got: list[int] = []
        async with simulator(tape(1000), trouble=trouble).serve() as server, subscribed(server) as one:
            while len(set(got)) < 1000:
                got += [trade["q"] for trade in await one.ticks(1)]
        runs.append(got)
    assert runs[0] == runs[1]
    assert set(got) == set(range(1, 1001))
    assert 1100 < len(got) < 1300
    assert got != sorted(got)


async def test_a_mute_server_keeps_the_line_open():
    trouble = Trouble(mute_after=0.05)
    async with simulator(tape(100), speed=1000, trouble=trouble).serve() as server:  # would take 0.1 s
        async with subscribed(server) as one:
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(one.ticks(100), 0.3)
            await asyncio.wait_for(await one.websocket.ping(), 5)
        assert not server.finished.is_set()


@pytest.mark.parametrize("speed", [0, -1, float("nan"), float("inf")])
def test_a_speed_that_is_none_is_refused(speed):
    with pytest.raises(ValueError, match="above 0"):
        simulator(tape(1), speed=speed)


def test_a_tick_of_no_symbol_is_refused_before_anything_is_sent():
    ticks = tape(3)
    ticks["symbol"][1] = UNKNOWN_SYMBOL
    with pytest.raises(ValueError, match="every tick"):
        simulator(ticks)

"""Whatever a vendor sends, no exception leaves its protocol: mutated real frames, for minutes (`make test-long`)."""

import json
import random
import time

import numpy as np
import pytest

from tapewatch.config import JsonFeed
from tapewatch.feeds.protocol import Credentials
from tapewatch.feeds.salvage import MOST_BAD
from tapewatch.feeds.vendors import VENDORS
from tapewatch.market.ticks import NS, TICK, empty_ticks

SECONDS = 600 / len(VENDORS)
SYMBOLS = ("BTC/USD", "SPY")
CREDENTIALS = Credentials("the-key", "the-secret")
DESCRIBED = JsonFeed(
    name="any",
    vendor="json",
    url="ws://127.0.0.1:1",
    subscribe='{"op":"subscribe","symbols":{symbols}}',
    trades="data.trades",
    symbol="s",
    price="p",
    size="v",
    time="t",
    id="i",
)
FEEDS = dict.fromkeys(VENDORS) | {"alpaca": type("Feed", (), {"stream": "iex"})(), "json": DESCRIBED}
NASTY = [
    *(None, True, False, 0, -1, 1.5, 1e308, -1e308, 10**30, -(2**63), 2**63, float("nan"), float("inf")),
    *("", "0", "-1", "nan", "1e999", "\ud800", "\x00", "9" * 400, "2026-02-30T00:00:00Z", "T" * 20),
    *([], {}, [[]], [None], {"": None}, ["x"] * 3),
]


def frames(vendor: str) -> list[bytes]:
    """What the vendor sends to a client that logs in, subscribes and gets trades."""
    ticks = empty_ticks(6)
    ticks["time"] = 1_769_610_600 * NS + np.arange(6) * 1_000_000
    ticks["price"], ticks["size"] = 100.25, 3
    ticks["symbol"] = np.arange(6) % len(SYMBOLS)
    server = VENDORS[vendor].server(FEEDS[vendor], SYMBOLS, False)
    protocol = VENDORS[vendor].protocol(FEEDS[vendor], CREDENTIALS, dict(zip(SYMBOLS, (0, 1), strict=True)))
    sent = list(server.open("/?token=the-key", {}))
    questions = list(protocol.open())
    for answer in sent:
        protocol.receive(as_bytes(answer))
    while questions := questions + protocol.replies():
        for answer in server.receive(questions.pop(0)):
            sent.append(answer)
            protocol.receive(as_bytes(answer))
    return [as_bytes(one) for one in (*sent, *server.heartbeat(), server.frame(ticks, np.arange(6) + 1))]


def as_bytes(message: str | bytes) -> bytes:
    return message.encode() if isinstance(message, str) else message


def spoilt(frame: bytes, dice: random.Random) -> bytes:
    """A frame with one thing wrong: a value inside it, or some of its bytes."""
    if dice.random() < 0.6:
        return json.dumps(with_other_value(json.loads(frame), dice)).encode("utf-8", "replace")
    data = bytearray(frame)
    for _ in range(dice.randint(1, 4)):
        at = dice.randrange(len(data) + 1)
        match dice.randrange(4):
            case 0:
                del data[at : at + dice.randint(1, 30)]
            case 1:
                data[at:at] = dice.randbytes(dice.randint(1, 5))
            case 2:
                data[at : at + 1] = dice.choice(b'"[]{},:0\\').to_bytes()
            case 3:
                data = data[:at] * dice.randint(1, 3)
    return bytes(data)


def with_other_value(value, dice: random.Random):
    if isinstance(value, dict) and value and dice.random() < 0.85:
        key = dice.choice(list(value))
        if dice.random() < 0.1:
            return {name: own for name, own in value.items() if name != key}
        return value | {key: with_other_value(value[key], dice)}
    if isinstance(value, list) and value and dice.random() < 0.85:
        at = dice.randrange(len(value))
        return [*value[:at], with_other_value(value[at], dice), *value[at + 1 :]]
    return dice.choice(NASTY)


@pytest.mark.parametrize("vendor", VENDORS)
def test_mutated_frames_raise_nothing_for_a_moment(vendor: str) -> None:
    fuzz(vendor, 0.5)


@pytest.mark.long
@pytest.mark.timeout(SECONDS + 60)
@pytest.mark.parametrize("vendor", VENDORS)
def test_mutated_frames_raise_nothing_for_minutes(vendor: str) -> None:
    fuzz(vendor, SECONDS)


def fuzz(vendor: str, seconds: float) -> None:
    good = frames(vendor)
    until, seed = time.monotonic() + seconds, 0
    while time.monotonic() < until:
        seed += 1
        dice = random.Random(seed)
        protocol = VENDORS[vendor].protocol(
            FEEDS[vendor], CREDENTIALS, dict(zip(SYMBOLS, (0, 1), strict=True))
        )
        for _ in range(20):
            frame = dice.choice(good)
            frame = spoilt(frame, dice) if dice.random() < 0.8 else frame
            try:
                ticks = protocol.receive(frame)
                if dice.random() < 0.05:
                    protocol.watch({"SPY": 0, "X": 1})
                said = [*protocol.replies(), *protocol.faults.samples.values()]
            except Exception as error:
                raise AssertionError(f"seed {seed}: {frame!r}") from error
            assert ticks.dtype == TICK, (seed, frame)
            assert all(isinstance(one, str) for one in said)
            assert not any("the-secret" in one for one in protocol.faults.samples.values())
            assert protocol.refusal is None or protocol.refusal.text


@pytest.mark.parametrize(
    "frame",
    [
        pytest.param(b"[" * 200_000, id="nested, open"),
        pytest.param(b"[" * 100_000 + b"]" * 100_000, id="nested, closed"),
        pytest.param(b'{"data":' * 100_000, id="nested objects"),
        pytest.param(b"9" * 1_000_000, id="a number of a million digits"),
        pytest.param(b"[" + b"{}," * 300_000 + b"{}]", id="a great many messages of nothing"),
        pytest.param(b"\xdd\xff\xff\xff\xff", id="msgpack: four thousand million elements, none there"),
        pytest.param(b"\x91" * 200_000, id="msgpack, nested"),
    ],
)
@pytest.mark.parametrize("vendor", VENDORS)
def test_a_frame_that_is_an_attack_is_a_few_faults(vendor: str, frame: bytes) -> None:
    protocol = VENDORS[vendor].protocol(FEEDS[vendor], CREDENTIALS, {"SPY": 0})
    for each in frames(vendor)[:3]:
        protocol.receive(each)
    began = time.process_time()
    assert len(protocol.receive(frame)) == 0
    assert time.process_time() - began < 3
    assert protocol.faults.counts.total() <= MOST_BAD
    assert all(len(sample) <= 4 * 160 for sample in protocol.faults.samples.values())

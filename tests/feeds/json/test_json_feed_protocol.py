"""Shapes of real vendors' messages, described as the config would describe them, both ways."""

import asyncio
import json
from collections.abc import Callable
from functools import partial

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from tapewatch.config import JsonFeed
from tapewatch.feeds.backoff import Backoff
from tapewatch.feeds.connection import Connection
from tapewatch.feeds.ids import trade_id
from tapewatch.feeds.protocol import Credentials, FaultKind
from tapewatch.feeds.simulator import Simulator, Trouble
from tapewatch.feeds.vendors import VENDORS
from tapewatch.market.ticks import NO_ID, NS, TICK, UNKNOWN_SYMBOL, empty_ticks

URL = "wss://feed.example.com/"
KEY = "secret-key-0123456789"


def described(**how) -> JsonFeed:
    return JsonFeed(name="tape", vendor="json", **({"url": URL} | how))


FINNHUB = described(
    subscribe='{"type":"subscribe","symbol":"{symbol}"}',
    unsubscribe='{"type":"unsubscribe","symbol":"{symbol}"}',
    only={"type": "trade"},
    trades="data",
    symbol="s",
    price="p",
    size="v",
    time="t",
)
KRAKEN = described(
    subscribe='{"method": "subscribe", "params": {"channel": "trade", "symbol": {symbols}}}',
    unsubscribe='{"method": "unsubscribe", "params": {"channel": "trade", "symbol": {symbols}}}',
    only={"channel": "trade"},
    trades="data",
    size="qty",
    time="timestamp",
    time_unit="iso",
    id="trade_id",
)
BINANCE = described(
    subscribe='{"method": "SUBSCRIBE", "params": ["{symbol}@trade"], "id": 1}',
    only={"e": "trade"},
    symbol="s",
    price="p",
    size="q",
    time="T",
    id="t",
)
BINANCE_COMBINED = described(
    hello=["hello"],
    only={"data.e": "trade"},
    trades="data",
    symbol="s",
    price="p",
    size="q",
    time="T",
    id="t",
)
OKX = described(
    subscribe='{"op": "subscribe", "args": [{"channel": "trades", "instId": "{symbol}"}]}',
    only={"arg.channel": "trades"},
    trades="data",
    symbol="instId",
    price="px",
    size="sz",
    time="ts",
    id="tradeId",
)
ALPACA = described(
    hello=['{"action": "auth", "key": "{key}", "secret": "{secret}"}'],
    subscribe='{"action": "subscribe", "trades": {symbols}}',
    only={"T": "t"},
    symbol="S",
    price="p",
    size="s",
    time="t",
    time_unit="iso",
    id="i",
)
TIINGO = described(  # a trade is an array
    hello=['{"eventName":"subscribe","authorization":"{key}"}'],
    subscribe="tickers {symbol}",
    only={"messageType": "A"},
    trades="data",
    symbol="3",
    price="9",
    size="10",
    time="2",
    time_unit="ns",
)
SECONDS = described(subscribe="{symbols}", time_unit="s", symbol="of.name", price="at.price", id="no")
SHAPES = {
    "Finnhub": FINNHUB,
    "Kraken": KRAKEN,
    "Binance": BINANCE,
    "Binance, several streams": BINANCE_COMBINED,
    "OKX": OKX,
    "Alpaca": ALPACA,
    "Tiingo": TIINGO,
    "seconds": SECONDS,
}


def session(feed: JsonFeed, *symbols: str):
    vendor = VENDORS[feed.vendor]
    return vendor.protocol(
        feed,
        Credentials(KEY, "hush"),
        {symbol: row for row, symbol in enumerate(symbols or ("SPY", "BTC/USD"))},
    )


def tick_of(feed: JsonFeed, message: object, *symbols: str) -> tuple:
    (tick,) = session(feed, *symbols).receive(json.dumps(message).encode())
    return tick.item()


def test_trades_in_an_array_of_the_message():
    message = {
        "type": "trade",
        "data": [
            {"c": None, "p": 7296.89, "s": "SPY", "t": 1575526691134, "v": 0.011467},
            {"c": None, "p": 7297, "s": "QQQ", "t": 1575526691135, "v": 2},
        ],
    }
    ticks = session(FINNHUB).receive(json.dumps(message).encode())
    assert ticks.dtype == TICK
    assert [tick.item() for tick in ticks] == [
        (1575526691134_000_000, 7296.89, 0.011467, NO_ID, 0, 0, 0, 0),
        (1575526691135_000_000, 7297.0, 2.0, NO_ID, UNKNOWN_SYMBOL, 0, 0, 0),
    ]


def test_times_of_iso_8601_and_ids_that_are_numbers():
    # https://docs.kraken.com/api/docs/websocket-v2/trade
    message = {
        "channel": "trade",
        "type": "update",
        "data": [
            {
                "symbol": "BTC/USD",
                "side": "sell",
                "price": 105944.2,
                "qty": 0.00027625,
                "trade_id": 10218208,
                "timestamp": "2023-10-06T17:35:55.440295Z",
            }
        ],
    }
    assert tick_of(KRAKEN, message) == (
        1696613755_440295000,
        105944.2,
        0.00027625,
        10218208,
        1,
        0,
        0,
        0,
    )


def test_a_message_that_is_one_trade_with_its_prices_as_text():
    # https://developers.binance.com/docs/binance-spot-api-docs/web-socket-streams#trade-streams
    trade = {
        "e": "trade",
        "E": 1672515782136,
        "s": "BNBBTC",
        "t": 12345,
        "p": "0.001",
        "q": "100",
        "T": 1672515782136,
        "m": True,
    }
    expected = (1672515782136_000_000, 0.001, 100.0, 12345, 0, 0, 0, 0)
    assert tick_of(BINANCE, trade, "BNBBTC") == expected
    assert tick_of(BINANCE_COMBINED, {"stream": "bnbbtc@trade", "data": trade}, "BNBBTC") == expected


def test_times_and_ids_as_text():
    message = {
        "arg": {"channel": "trades", "instId": "BTC-USDT"},
        "data": [
            {
                "instId": "BTC-USDT",
                "tradeId": "130639474",
                "px": "42219.9",
                "sz": "0.12",
                "ts": "1630048897897",
            }
        ],
    }
    assert tick_of(OKX, message, "BTC-USDT") == (1630048897897_000_000, 42219.9, 0.12, 130639474, 0, 0, 0, 0)


def test_an_array_of_messages():
    messages = [
        {"T": "success", "msg": "connected"},
        {"T": "t", "S": "SPY", "i": 96921, "p": 126.55, "s": 1, "t": "2021-02-22T15:51:44.208123456Z"},
        {"T": "q", "S": "SPY", "bp": 126.5},
        {"T": "t", "S": "SPY", "i": 96922, "p": 126.56, "s": 2, "t": "2021-02-22T10:51:44.3-05:00"},
    ]
    feed = session(ALPACA)
    ticks = feed.receive(json.dumps(messages).encode())
    assert ticks["time"].tolist() == [1614009104_208123456, 1614009104_300000000]
    assert ticks["price"].tolist() == [126.55, 126.56]
    assert feed.faults.counts == {}


def test_a_trade_that_is_an_array():
    message = {
        "messageType": "A",
        "service": "iex",
        "data": [
            "T",
            "2019-01-30T13:33:45.3Z",
            1548873225383594645,
            "SPY",
            None,
            None,
            None,
            None,
            None,
            50.58,
            100,
        ],
    }
    assert tick_of(TIINGO, message) == (1548873225383594645, 50.58, 100.0, NO_ID, 0, 0, 0, 0)


def test_several_trades_that_are_arrays():
    feed = described(trades="trades", symbol="pair", price="1", size="2", time="0", time_unit="s")
    message = {"pair": "SPY", "trades": [[1769610600, 6900.5, -3], [1769610601, 6901.5, 4]]}
    ticks = session(feed).receive(json.dumps(message).encode())
    assert ticks["price"].tolist() == [6900.5, 6901.5]
    assert ticks["size"].tolist() == [3, 4]  # some vendors write sales below 0
    assert ticks["symbol"].tolist() == [0, 0]


def test_symbol_and_time_may_stand_beside_the_trades():
    feed = described(trades="trades", symbol="head.symbol", time="time")
    message = {"head": {"symbol": "SPY"}, "time": 7, "trades": [{"price": 1}, {"price": 2, "time": 8}]}
    ticks = session(feed).receive(json.dumps(message).encode())
    assert ticks["price"].tolist() == [1, 2]
    assert ticks["symbol"].tolist() == [0, 0]
    assert ticks["time"].tolist() == [7_000_000, 8_000_000]


@pytest.mark.parametrize(
    ("unit", "written", "ns"),
    [
        ("s", "1769610600", 1769610600_000000000),
        ("s", "1769610600.123456789", 1769610600_123456789),
        ("s", '"1769610600.123456789"', 1769610600_123456789),
        ("s", "1769610600.1", 1769610600_100000000),
        ("s", "1.7696106001234e9", 1769610600_123400000),
        ("ms", "1769610600123", 1769610600_123000000),
        ("ms", "1769610600123.456789", 1769610600_123456789),
        ("ms", '"1769610600123"', 1769610600_123000000),
        ("us", "1769610600123456", 1769610600_123456000),
        ("ns", "1769610600123456789", 1769610600_123456789),
        ("ns", '"1769610600123456789"', 1769610600_123456789),
        ("iso", '"2026-01-28T14:30:00.123456789Z"', 1769610600_123456789),
        ("iso", '"2026-01-28T09:30:00.123456789-05:00"', 1769610600_123456789),
        ("iso", '"2026-01-28T14:30:00Z"', 1769610600_000000000),
    ],
)
def test_a_time_is_exact_to_the_nanosecond(unit, written, ns):
    feed = session(described(time_unit=unit))
    (tick,) = feed.receive(f'{{"symbol":"SPY","price":1,"time":{written}}}'.encode())
    assert tick["time"] == ns
    assert feed.faults.counts == {}


@pytest.mark.parametrize(
    ("written", "number"),
    [
        ("17", 17),
        ('"17"', 17),
        ('"9223372036854775807"', 2**63 - 1),
        ("9223372036854775808", trade_id("9223372036854775808")),
        ('"f3a0-b"', trade_id("f3a0-b")),
        ("null", NO_ID),
    ],
)
def test_an_id_is_a_number_or_hashed(written, number):
    feed = session(described(id="i"))
    (tick,) = feed.receive(f'{{"symbol":"SPY","price":1,"time":1,"i":{written}}}'.encode())
    assert tick["id"] == number
    assert feed.faults.counts == {}


@pytest.mark.parametrize(
    ("says", "written", "ticks"),
    [
        ({}, "{}", 1),
        ({"type": "trade"}, '{"type":"trade"}', 1),
        ({"type": "trade"}, '{"type":"quote"}', 0),
        ({"type": "trade"}, "{}", 0),
        ({"code": "7"}, '{"code":7}', 1),
        ({"last": "true"}, '{"last":true}', 1),
        ({"last": "True"}, '{"last":true}', 0),
        ({"type": "trade", "head.kind": "x"}, '{"type":"trade","head":{"kind":"x"}}', 1),
        ({"type": "trade", "head.kind": "x"}, '{"type":"trade","head":{"kind":"y"}}', 0),
    ],
)
def test_a_message_that_does_not_say_what_it_must_is_let_pass(says, written, ticks):
    feed = session(described(only=says))
    trade = {"symbol": "SPY", "price": 1, "time": 1}
    assert len(feed.receive(json.dumps(trade | json.loads(written)).encode())) == ticks
    assert feed.faults.counts == {}


# What is wrong.


TRADE = {"symbol": "SPY", "price": 6900.5, "time": 1769610600123, "size": 3, "id": 9}
PLAIN = described(size="size", id="id")


@pytest.mark.parametrize(
    "wrong",
    [
        {"price": None},
        {"price": "6,900.50"},
        {"price": "1_000"},
        {"price": True},
        {"price": [1]},
        {"price": 10**400},
        {"symbol": None},
        {"symbol": True},
        {"time": "yesterday"},
        {"time": 1e300},
        {"time": 2**63},
        {"time": "1" * 1000},
        {"time": "NaN"},
        {"time": None},
    ],
)
def test_one_bad_trade_does_not_lose_the_good_ones_beside_it(wrong):
    feed = session(PLAIN)
    ticks = feed.receive(json.dumps([TRADE | {"price": 1}, TRADE | wrong, TRADE | {"price": 2}]).encode())
    assert ticks["price"].tolist() == [1, 2]
    assert feed.faults.counts == {FaultKind.WRONG_TYPE: 1}


@pytest.mark.parametrize("without", ["size", "id"])
def test_a_trade_without_its_size_or_id_counts_and_the_fault_too(without):
    feed = session(PLAIN)
    (tick,) = feed.receive(json.dumps({key: TRADE[key] for key in TRADE if key != without}).encode())
    assert tick["price"] == 6900.5
    assert (tick["size"], tick["id"]) == ((0, 9) if without == "size" else (3, NO_ID))
    assert feed.faults.counts == {FaultKind.WRONG_TYPE: 1}


def test_a_price_that_is_nan_reaches_the_engine_which_refuses_it_by_name():
    feed = session(PLAIN)
    ticks = feed.receive(json.dumps([TRADE | {"price": float("nan")}, TRADE]).encode())
    assert np.isnan(ticks["price"]).tolist() == [True, False]
    assert feed.faults.counts == {}


@pytest.mark.parametrize(
    ("garbage", "kind"),
    [
        (b"", FaultKind.NOT_JSON),
        (b"hello", FaultKind.NOT_JSON),
        (b'{"channel":"trade","data":[', FaultKind.NOT_JSON),
        (b"[" * 100_000, FaultKind.NOT_JSON),
        (b"17", FaultKind.NOT_OF_PROTOCOL),
        (b"null", FaultKind.NOT_OF_PROTOCOL),
        (b'{"channel":"trade"}', FaultKind.NOT_OF_PROTOCOL),
        (b'{"channel":"trade","data":null}', FaultKind.NOT_OF_PROTOCOL),
        (b'{"channel":"trade","data":7}', FaultKind.NOT_OF_PROTOCOL),
        (b'{"channel":"trade","data":[7]}', FaultKind.WRONG_TYPE),
    ],
)
def test_a_frame_that_is_none_is_counted_and_the_next_one_read(garbage, kind):
    feed = session(KRAKEN)
    assert len(feed.receive(garbage)) == 0
    assert feed.faults.counts == {kind: 1}
    trade = {"symbol": "SPY", "price": 1, "qty": 1, "timestamp": "2026-01-28T14:30:00Z", "trade_id": 1}
    assert len(feed.receive(json.dumps({"channel": "trade", "data": trade}).encode())) == 1
    assert feed.faults.counts == {kind: 1}


def test_a_sample_never_holds_the_key():
    feed = session(PLAIN)
    feed.receive(f'{{"error":"{KEY}"}}'.encode())
    assert "***" in feed.faults.samples[FaultKind.WRONG_TYPE]
    assert KEY not in str(feed.faults.samples)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)
NUMBERS = st.from_regex(r"[-+0-9.eEInfNa_T:Z]{0,30}", fullmatch=True)


@pytest.mark.parametrize("shape", SHAPES)
@given(data=st.binary())
def test_no_bytes_raise(shape, data):
    session(SHAPES[shape]).receive(data)


@given(
    st.sampled_from(["s", "ms", "us", "ns", "iso"]),
    st.lists(
        VALUES
        | st.dictionaries(st.sampled_from(sorted(TRADE)), VALUES | NUMBERS, max_size=3).map(TRADE.__or__),
        max_size=5,
    ),
)
def test_no_json_raises_and_good_trades_get_through(unit, messages):
    time = "1970-01-01T00:00:00.000000007Z" if unit == "iso" else 0
    feed = session(described(size="size", id="id", time_unit=unit))
    ticks = feed.receive(json.dumps([{}, *messages, TRADE | {"price": 0.5, "time": time}]).encode())
    assert (ticks["price"][-1], ticks["time"][-1]) == (0.5, 7 if unit == "iso" else 0)


@pytest.mark.parametrize("shape", SHAPES)
@given(data=st.data())
def test_no_message_of_a_shape_raises(shape, data):
    feed = SHAPES[shape]
    server = VENDORS["json"].server(feed, ["SPY"], False)
    good = json.loads(server.frame(tape(2, 1), np.arange(1, 3)))
    message = data.draw(VALUES | st.sampled_from([good]).flatmap(distorted))
    session(feed).receive(json.dumps(message).encode())


def distorted(good: object) -> st.SearchStrategy:
    """`good` with something else in one of its places, however deep."""
    if isinstance(good, dict) and good:
        return VALUES | st.sampled_from(sorted(good)).flatmap(
            lambda key: distorted(good[key]).map(lambda wrong: good | {key: wrong})
        )
    if isinstance(good, list) and good:
        return VALUES | st.integers(0, len(good) - 1).flatmap(
            lambda place: distorted(good[place]).map(lambda wrong: [*good[:place], wrong, *good[place + 1 :]])
        )
    return VALUES


# What we send.


def test_hello_comes_first_with_the_key_in_it_and_then_the_subscription():
    assert session(ALPACA).open() == [
        '{"action": "auth", "key": "secret-key-0123456789", "secret": "hush"}',
        '{"action": "subscribe", "trades": ["SPY", "BTC/USD"]}',
    ]
    feed = session(FINNHUB)
    assert not feed.subscribed
    assert feed.open() == [
        '{"type":"subscribe","symbol":"SPY"}',
        '{"type":"subscribe","symbol":"BTC/USD"}',
    ]
    assert feed.subscribed


def test_a_subscription_to_all_the_market_is_sent_once():
    feed = session(described(subscribe='{"op":"subscribe"}', unsubscribe='{"op":"end"}'))
    assert feed.open() == ['{"op":"subscribe"}']
    feed.watch({"QQQ": 0})
    assert feed.replies() == []


def test_no_key_breaks_out_of_its_string():
    feed = described(
        hello=['{"key": "{key}", "secret": "{secret}"}', "LOGIN {key}"], subscribe='{"symbols": {symbols}}'
    )
    key, secret = 'a"b\\c', 'x", "admin": "{key}'
    hello, login, subscribe = VENDORS["json"].protocol(feed, Credentials(key, secret), {'S"': 0}).open()
    assert json.loads(hello) == {"key": key, "secret": secret}
    assert login == f"LOGIN {key}"
    assert json.loads(subscribe) == {"symbols": ['S"']}


@pytest.mark.parametrize(
    ("shape", "said"),
    [
        (
            "Kraken",
            [
                {"method": "unsubscribe", "params": {"channel": "trade", "symbol": ["SPY"]}},
                {"method": "subscribe", "params": {"channel": "trade", "symbol": ["QQQ"]}},
            ],
        ),
        ("Finnhub", [{"type": "unsubscribe", "symbol": "SPY"}, {"type": "subscribe", "symbol": "QQQ"}]),
        (
            "Binance",
            [{"method": "SUBSCRIBE", "params": ["QQQ@trade"], "id": 1}],
        ),  # no way to end one is described
        ("Binance, several streams", []),
    ],
)
def test_symbols_change_on_the_same_connection(shape, said):
    feed = session(SHAPES[shape], "SPY", "IWM")
    feed.watch({"SPY": 0, "IWM": 1})
    assert feed.replies() == []  # not connected yet
    feed.open()
    feed.watch({"IWM": 0, "QQQ": 1})
    assert [json.loads(message) for message in feed.replies()] == said
    assert feed.replies() == []


# The other side.


def tape(count: int, symbols: int = 2) -> np.ndarray:
    ticks = empty_ticks(count)
    ticks["time"] = 1_769_610_600 * NS + np.arange(count) * 1_000_000
    ticks["price"] = np.round(6900 + np.arange(count) / 100, 2)
    ticks["size"] = 100
    ticks["symbol"] = np.arange(count) % symbols
    return ticks


@pytest.mark.parametrize("shape", SHAPES)
def test_a_simulated_frame_is_read_as_it_was_played(shape):
    server = VENDORS["json"].server(SHAPES[shape], ["SPY", "BTC/USD"], False)
    for count in (1, 3):
        ticks = tape(count)
        feed = session(SHAPES[shape])
        got = feed.receive(server.frame(ticks, np.arange(1, count + 1)))
        assert feed.faults.counts == {}
        for field in ("time", "price", "symbol"):
            assert got[field].tolist() == ticks[field].tolist()


def test_a_simulated_message_has_the_described_shape():
    server = VENDORS["json"].server(OKX, ["BTC-USDT"], False)
    assert json.loads(server.frame(tape(1, 1), np.array([5]))) == {
        "arg": {"channel": "trades"},
        "data": [{"instId": "BTC-USDT", "tradeId": 5, "px": 6900.0, "sz": 100.0, "ts": 1769610600000}],
    }
    server = VENDORS["json"].server(BINANCE, ["BNBBTC"], False)
    trade = {"e": "trade", "s": "BNBBTC", "p": 6900.0, "q": 100.0, "T": 1769610600000, "t": 5}
    assert json.loads(server.frame(tape(1, 1), np.array([5]))) == trade


@pytest.mark.parametrize(
    ("feed", "message", "wanted"),
    [
        (FINNHUB, '{ "type": "subscribe", "symbol": "SPY" }', [True, False]),
        (FINNHUB, b'{"type":"subscribe","symbol":"SPY"}', [True, False]),
        (FINNHUB, '{"type":"subscribe","symbol":"QQQ"}', [False, False]),
        (FINNHUB, '{"type":"news","symbol":"SPY"}', [False, False]),
        (BINANCE, '{"method":"SUBSCRIBE","params":["SPY@trade"],"id":1}', [True, False]),
        (
            KRAKEN,
            '{"method":"subscribe","params":{"channel":"trade","symbol":["SPY","A\\"B",7]}}',
            [True, True],
        ),
        (TIINGO, "tickers SPY", [True, False]),
        (described(subscribe='{"op":"all"}'), '{"op": "all"}', [True, True]),
        (
            described(subscribe='{"k":"{key}","s":"{symbol}","t":"{symbol}"}'),
            '{"k":"?","s":"SPY","t":"SPY"}',
            [True, False],
        ),
        (FINNHUB, b"\xff\x00", [False, False]),
        (FINNHUB, "[" * 100_000, [False, False]),
    ],
)
def test_a_simulated_server_understands_the_described_subscription(feed, message, wanted):
    server = VENDORS["json"].server(feed, ["SPY", 'A"B'], False)
    assert server.receive(message) == []
    assert server.wanted.tolist() == wanted


def test_a_simulated_server_without_a_subscription_sends_at_once():
    assert VENDORS["json"].server(described(), ["SPY"], False).wanted.tolist() == [True]


async def until(reached: Callable[[], bool], every: float = 0.005) -> None:
    async with asyncio.timeout(20):
        while not reached():  # noqa: ASYNC110 - neither a log nor a list tells
            await asyncio.sleep(every)


async def received(feed: JsonFeed, simulator: Simulator, enough: Callable[[int], bool]) -> np.ndarray:
    """What comes over a real socket until there are `enough` ticks."""
    came: list[np.ndarray] = []
    instruments = {"SPY": 0, "BTC/USD": 1}
    async with simulator.serve() as server:
        connection = Connection(
            feed,
            f"ws://127.0.0.1:{server.port}",
            partial(VENDORS["json"].protocol, feed, Credentials(KEY, "hush")),
            instruments,
            came.append,
            backoff=Backoff(base=0.001, cap=0.005),
        )
        task = asyncio.create_task(connection.run())
        await until(lambda: enough(sum(map(len, came))))
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    return np.concatenate(came) if came else empty_ticks(0)


@pytest.mark.parametrize("shape", SHAPES)
async def test_the_whole_tape_arrives_in_order(shape):
    feed, ticks = SHAPES[shape], tape(1500)
    simulator = Simulator(partial(VENDORS["json"].server, feed), ticks, ["SPY", "BTC/USD"], speed=None)
    with capture_logs() as logs:
        got = await received(feed, simulator, lambda count: count >= 1500)
    for field in ("time", "price", "symbol"):
        assert got[field].tolist() == ticks[field].tolist()
    if feed.size:
        assert got["size"].tolist() == ticks["size"].tolist()
    if feed.id:
        assert got["id"].tolist() == list(range(1, 1501))
    assert not [entry for entry in logs if entry["event"] in ("feed.fault", "feed.lost")]
    assert KEY not in str(logs)


async def test_garbage_between_the_frames_costs_no_tick():
    simulator = Simulator(
        partial(VENDORS["json"].server, KRAKEN),
        tape(1500),
        ["SPY", "BTC/USD"],
        speed=None,
        trouble=Trouble(garbage=0.5, seed=3),
    )
    with capture_logs() as logs:
        got = await received(KRAKEN, simulator, lambda count: count >= 1500)
    assert got["id"].tolist() == list(range(1, 1501))
    assert "not JSON" in [entry["kind"] for entry in logs if entry["event"] == "feed.fault"]


async def test_a_server_that_lets_nobody_in_is_tried_again():
    simulator = Simulator(
        partial(VENDORS["json"].server, KRAKEN),
        tape(5),
        ["SPY", "BTC/USD"],
        trouble=Trouble(refuse_login=True),
    )
    with capture_logs() as logs:
        got = await received(KRAKEN, simulator, lambda _: simulator.logins_refused >= 3)
    assert len(got) == 0
    assert len([entry for entry in logs if entry["event"] == "feed.lost"]) >= 2


async def test_a_feed_that_says_nothing_gets_the_tape_unasked():
    feed = described(time_unit="ns")
    assert (feed.hello, feed.subscribe) == ([], None)
    ticks = tape(100)
    simulator = Simulator(partial(VENDORS["json"].server, feed), ticks, ["SPY", "BTC/USD"], speed=None)
    got = await received(feed, simulator, lambda count: count >= 100)
    assert got["time"].tolist() == ticks["time"].tolist()

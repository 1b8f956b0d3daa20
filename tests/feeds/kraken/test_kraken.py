import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from feeds.played import bitcoin, received
from tapewatch.config import KrakenFeed
from tapewatch.feeds.connection import FeedRefusedError
from tapewatch.feeds.kraken.protocol import Kraken
from tapewatch.feeds.kraken.server import KrakenServer
from tapewatch.feeds.protocol import Credentials, FaultKind, RefusalKind
from tapewatch.feeds.simulator import Trouble
from tapewatch.market.ticks import NS, TICK, UNKNOWN_SYMBOL

FRAMES = Path(__file__).parents[3] / "../shared/data/frames"
FEED = KrakenFeed(name="exchange", vendor="kraken")
TRADE = {  # as documented
    "symbol": "MATIC/USD",
    "side": "buy",
    "price": 0.5147,
    "qty": 6423.46326,
    "ord_type": "limit",
    "trade_id": 4665846,
    "timestamp": "2023-09-25T07:48:36.925533Z",
}
CONFIRMED = {"method": "subscribe", "result": {"channel": "trade", "symbol": "BTC/USD"}, "success": True}


def kraken(*symbols: str) -> Kraken:
    return Kraken(Credentials(), {symbol: row for row, symbol in enumerate(symbols or ("MATIC/USD",))})


def frame(message: object) -> bytes:
    return json.dumps(message).encode()


def trades(*those: object, kind: str = "update") -> bytes:
    return frame({"channel": "trade", "type": kind, "data": those})


def refused(pair: str) -> bytes:
    error = f"Currency pair not supported {pair}"
    return frame({"error": error, "method": "subscribe", "success": False, "symbol": pair})


@pytest.mark.skipif(not FRAMES.exists(), reason="the frames of ../shared/data are not here")
@pytest.mark.parametrize(
    ("file", "ticks"), [("trade_update", 2), ("subscribe_response", 0), ("pong", 0), ("ohlc_update", 0)]
)
def test_real_frames_are_read_without_a_fault(file, ticks):
    protocol = kraken("ETH/USD", "BTC/USD")
    got = protocol.receive((FRAMES / f"kraken-ws_{file}.json").read_bytes())
    assert len(got) == ticks
    assert not protocol.faults.counts
    assert protocol.subscribed == (file == "subscribe_response")
    if ticks:
        time = 1_696_613_755 * NS + 440_295_000
        assert got[0].item() == (time, 105944.2, 0.00027625, 10218208, 1, 0, 0, 0)


def test_the_documented_snapshot_is_ticks():
    second = TRADE | {"qty": 1136.19677815, "trade_id": 4665847, "timestamp": "2023-09-25T07:49:36.925603Z"}
    ticks = kraken().receive(trades(TRADE, second, kind="snapshot"))
    assert [tick.item() for tick in ticks] == [
        (1695628116925533000, 0.5147, 6423.46326, 4665846, 0, 0, 0, 0),
        (1695628176925603000, 0.5147, 1136.19677815, 4665847, 0, 0, 0, 0),
    ]


def test_it_asks_for_all_pairs_and_their_last_trades_in_one_message():
    (asked,) = kraken("BTC/USD", "ETH/EUR").open()
    assert json.loads(asked) == {
        "method": "subscribe",
        "params": {"channel": "trade", "symbol": ["BTC/USD", "ETH/EUR"], "snapshot": True},
    }


@pytest.mark.parametrize(
    "message",
    [
        {"channel": "heartbeat"},
        {"channel": "status", "type": "update", "data": [{"system": "online", "connection_id": 2**63 + 5}]},
        {"method": "pong", "time_in": "x", "time_out": "y"},
    ],
    ids=str,
)
def test_what_shows_that_the_line_lives_is_no_tick_no_fault_and_no_subscription(message):
    protocol = kraken()
    assert len(protocol.receive(frame(message))) == 0
    assert not protocol.faults.counts
    assert not protocol.subscribed


def test_a_confirmed_subscription_is_one():
    protocol = kraken("BTC/USD")
    protocol.receive(frame(CONFIRMED))
    assert protocol.subscribed


def test_trades_come_out_oldest_first_whatever_their_order():
    numbers = [4, 1, 3, 2]
    ticks = kraken().receive(trades(*(TRADE | {"trade_id": number} for number in numbers)))
    assert ticks["id"].tolist() == [1, 2, 3, 4]


def test_trades_of_a_pair_nobody_watches_are_told_as_such():
    assert kraken("BTC/USD").receive(trades(TRADE))["symbol"].tolist() == [UNKNOWN_SYMBOL]


def test_watch_asks_for_what_is_new_and_ends_what_is_gone():
    protocol = kraken("BTC/USD", "ETH/USD")
    protocol.watch({"SOL/USD": 4, "BTC/USD": 7})
    assert protocol.replies() == []
    assert json.loads(protocol.open()[0])["params"]["symbol"] == ["SOL/USD", "BTC/USD"]
    protocol.watch({"BTC/USD": 3, "MATIC/USD": 5})
    asked = [json.loads(text) for text in protocol.replies()]
    assert [(one["method"], one["params"]["symbol"]) for one in asked] == [
        ("unsubscribe", ["SOL/USD"]),
        ("subscribe", ["MATIC/USD"]),
    ]
    assert protocol.replies() == []
    assert protocol.receive(trades(TRADE))["symbol"].tolist() == [5]


@pytest.mark.parametrize(
    ("pair", "right"),
    [
        ("XBT/USD", "did you mean 'BTC/USD'?"),
        ("ETH/XBT", "did you mean 'ETH/BTC'?"),
        ("BTC-USD", "did you mean 'BTC/USD'?"),
        ("btc/usd", "did you mean 'BTC/USD'?"),
        ("BTC/UDS", 'feed_symbol = "BTC/USD"'),
        ("BTCUSD", 'feed_symbol = "BTC/USD"'),
    ],
)
def test_a_pair_that_is_not_there_is_refused_with_what_would_be_right(pair, right):
    protocol = kraken(pair)
    protocol.receive(refused(pair))
    assert protocol.refusal.kind == RefusalKind.NOT_ENTITLED
    assert f"Currency pair not supported {pair}" in protocol.refusal.text
    assert right in protocol.refusal.text


@pytest.mark.parametrize(
    "message",
    [
        {"Error": "Exceeded msg rate"},
        {"error": "Exceeded msg rate", "method": "subscribe", "success": False},
        {"errorMessage": "Exceeded msg rate", "event": "error"},
        {"error": "EAPI:Rate limit exceeded", "success": False},
    ],
    ids=str,
)
def test_too_many_requests_or_connections_wait(message):
    protocol = kraken()
    protocol.receive(frame(message))
    assert protocol.refusal.kind == RefusalKind.TOO_MANY_CONNECTIONS


def test_the_address_of_private_data_is_a_bad_url():
    protocol = kraken()
    error = "Public market data subscriptions are unavailable on this endpoint. Try ws.kraken.com"
    protocol.receive(frame({"error": error, "method": "subscribe", "success": False}))
    assert protocol.refusal.kind == RefusalKind.BAD_URL
    assert "wss://ws.kraken.com/v2" in protocol.refusal.text


@pytest.mark.parametrize(
    "message",
    [{"error": "EGeneral:Internal error", "method": "subscribe", "success": False}, {"success": False}],
    ids=str,
)
def test_any_other_error_is_counted_and_refuses_nothing(message):
    protocol = kraken()
    protocol.receive(frame(message))
    assert protocol.refusal is None
    assert protocol.faults.counts == {FaultKind.VENDOR_ERROR: 1}


@pytest.mark.parametrize(
    "bad",
    [
        17,
        None,
        TRADE | {"price": "0.5147"},
        TRADE | {"qty": None},
        TRADE | {"trade_id": 2**63},
        TRADE | {"trade_id": "x"},
        TRADE | {"timestamp": "today"},
        TRADE | {"timestamp": 1695628116},
        TRADE | {"symbol": None},
        {"symbol": "MATIC/USD"},
    ],
    ids=str,
)
def test_one_bad_trade_does_not_lose_those_beside_it(bad):
    protocol = kraken()
    ticks = protocol.receive(trades(TRADE, bad, TRADE | {"trade_id": 4665847}))
    assert ticks["id"].tolist() == [4665846, 4665847]
    assert protocol.faults.counts == {FaultKind.WRONG_TYPE: 1}


def test_a_price_that_is_none_is_left_to_admission():
    ticks = kraken().receive(trades(TRADE | {"price": float("nan")}, TRADE))
    assert np.isnan(ticks["price"]).tolist() == [True, False]


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"", FaultKind.NOT_JSON),
        (b'{"channel":"trade","data":[', FaultKind.NOT_JSON),
        (b"\xff\xfe", FaultKind.NOT_JSON),
        (b"[" * 100_000, FaultKind.NOT_JSON),
        (b"[1]", FaultKind.NOT_OF_PROTOCOL),
        (b'{"hello":"world"}', FaultKind.NOT_OF_PROTOCOL),
        (b'{"channel":"trade","data":7}', FaultKind.WRONG_TYPE),
        (b'{"channel":"trade"}', FaultKind.WRONG_TYPE),
        (b'{"channel":"trade","data":[{"trade_id":"\\ud800"}]}', FaultKind.WRONG_TYPE),
    ],
)
def test_what_is_no_frame_is_counted_by_its_kind(data, kind):
    protocol = kraken()
    assert len(protocol.receive(data)) == 0
    assert protocol.faults.counts == {kind: 1}


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
)
_TRADE = st.fixed_dictionaries({}, optional={key: st.just(value) | _JSON for key, value in TRADE.items()})
_MESSAGE = st.fixed_dictionaries(
    {},
    optional={
        "channel": st.sampled_from(["trade", "heartbeat", "status"]) | _JSON,
        "data": st.lists(_TRADE, max_size=3) | _JSON,
        "method": st.sampled_from(["subscribe", "pong"]) | _JSON,
        "success": _JSON,
        "error": st.sampled_from(["Currency pair not supported", "Exceeded msg rate"]) | _JSON,
        "symbol": _JSON,
    },
)


@given(frames=st.lists(st.binary() | (_JSON | _MESSAGE).map(frame)))
def test_whatever_comes_nothing_is_raised(frames):
    protocol = kraken()
    protocol.open()
    for one in frames:
        assert protocol.receive(one).dtype == TICK
        protocol.replies()


async def test_a_tape_arrives_whole_and_in_order_to_the_microsecond():
    tape = bitcoin(2000)
    ticks = await received(FEED, ["BTC/USD", "ETH/USD"], tape)
    assert (ticks["time"] == tape["time"] // 1000 * 1000).all()
    for field in ("price", "size", "symbol"):
        assert (ticks[field] == tape[field]).all()
    assert ticks["id"].tolist() == list(range(1, 2001))


async def test_what_is_garbled_or_out_of_order_in_a_frame_costs_nothing():
    tape = bitcoin(2000)
    ticks = await received(FEED, ["BTC/USD", "ETH/USD"], tape, Trouble(garbage=0.5, reorder=0.5, seed=1))
    assert ticks["id"].tolist() == list(range(1, 2001))


async def test_a_feed_of_a_pair_that_is_not_there_ends_with_what_to_write():
    with pytest.raises(FeedRefusedError, match=r"feed exchange: .* did you mean 'BTC/USD'"):
        await received(FEED, ["BTC/USD"], bitcoin(0), asked=["XBT/USD"])


def test_the_server_speaks_first_and_its_heartbeats_go_on():
    server = KrakenServer(["BTC/USD"], False)
    client = kraken("BTC/USD")
    said = [
        *server.open("/v2", {}),
        *server.receive(client.open()[0]),
        *server.heartbeat(),
        *server.heartbeat(),
    ]
    for text in said:
        assert len(client.receive(text.encode())) == 0
    assert client.subscribed
    assert not client.faults.counts


def test_the_server_answers_pings_ends_subscriptions_and_refuses_what_it_does_not_have():
    server = KrakenServer(["BTC/USD", "ETH/USD"], False)
    ask = {"params": {"channel": "trade", "symbol": ["BTC/USD", "ETH/USD"]}, "req_id": 3}
    for answer in server.receive(json.dumps({"method": "subscribe"} | ask)):
        assert (json.loads(answer)["success"], json.loads(answer)["req_id"]) == (True, 3)
    assert server.wanted.tolist() == [True, True]
    ask["params"]["symbol"] = ["ETH/USD"]
    server.receive(json.dumps({"method": "unsubscribe"} | ask))
    assert server.wanted.tolist() == [True, False]
    (pong,) = server.receive('{"method":"ping","req_id":42}')
    assert json.loads(pong).items() >= {"method": "pong", "req_id": 42}.items()
    for wrong in (
        '{"method":"subscribe","params":{"channel":"trade","symbol":["XBT/USD"]}}',
        '{"method":"subscribe","params":{"channel":"book","symbol":["BTC/USD"]}}',
        '{"method":"add_order"}',
        "nonsense",
    ):
        (answer,) = server.receive(wrong)
        assert json.loads(answer)["success"] is False

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from feeds.played import bitcoin, received
from tapewatch.config import CoinbaseFeed
from tapewatch.feeds.coinbase.protocol import Coinbase
from tapewatch.feeds.coinbase.server import CoinbaseServer
from tapewatch.feeds.connection import FeedRefusedError
from tapewatch.feeds.protocol import Credentials, FaultKind, RefusalKind
from tapewatch.feeds.simulator import Trouble
from tapewatch.market.ticks import NS, TICK, UNKNOWN_SYMBOL

FRAMES = Path(__file__).parents[3] / "../shared/data/frames"
FEED = CoinbaseFeed(name="exchange", vendor="coinbase")
SECOND = 1_775_572_202  # 2026-04-07 14:30:02 UTC


def coinbase(*symbols: str) -> Coinbase:
    return Coinbase(Credentials(), {symbol: row for row, symbol in enumerate(symbols or ("BTC/USD",))})


def trade(number: int, **other: object) -> dict:
    return {
        "trade_id": str(number),
        "product_id": "BTC-USD",
        "price": "68900.50",
        "size": "0.0015",
        "side": "BUY",
        "time": f"2026-04-07T14:30:02.{number:06}Z",
    } | other


def message(channel: str, *events: dict, number: int = 0) -> bytes:
    return json.dumps({"channel": channel, "sequence_num": number, "events": events}).encode()


def trades(*those: object, kind: str = "update", number: int = 0) -> bytes:
    return message("market_trades", {"type": kind, "trades": those}, number=number)


def subscriptions(**channels: list[str]) -> bytes:
    return message("subscriptions", {"subscriptions": channels})


@pytest.mark.skipif(not FRAMES.exists(), reason="the frames of ../shared/data are not here")
@pytest.mark.parametrize(
    ("file", "ticks"), [("market_trades", 2), ("heartbeats", 0), ("subscriptions", 0), ("ticker", 0)]
)
def test_real_frames_are_read_without_a_fault(file, ticks):
    protocol = coinbase("ETH/USD", "BTC/USD")
    got = protocol.receive((FRAMES / f"coinbase-ws_{file}.json").read_bytes())
    assert len(got) == ticks
    assert not protocol.faults.counts
    assert protocol.subscribed == (file in ("market_trades", "subscriptions"))
    if ticks:
        assert got[0].item() == (SECOND * NS + 789_012_000, 68900.5, 0.0015, 995098700, 1, 0, 0, 0)


def test_the_documented_snapshot_is_a_tick():
    documented = {
        "trade_id": "000000000",
        "product_id": "ETH-USD",
        "price": "1260.01",
        "size": "0.3",
        "side": "BUY",
        "time": "2019-08-14T20:42:27.265Z",
    }
    (tick,) = coinbase("ETH-USD").receive(trades(documented, kind="snapshot"))
    assert tick.item() == (1_565_815_347_265_000_000, 1260.01, 0.3, 0, 0, 0, 0, 0)


def test_it_subscribes_at_once_to_the_trades_of_all_products_and_to_heartbeats():
    asked = [json.loads(text) for text in coinbase("BTC/USD", "ETH-EUR").open()]
    assert asked == [
        {"type": "subscribe", "channel": "market_trades", "product_ids": ["BTC-USD", "ETH-EUR"]},
        {"type": "subscribe", "channel": "heartbeats"},
    ]


def test_trades_listed_newest_first_come_out_oldest_first():
    ticks = coinbase().receive(trades(*(trade(number) for number in range(100, 0, -1)), kind="snapshot"))
    assert ticks["id"].tolist() == list(range(1, 101))
    assert (np.diff(ticks["time"]) > 0).all()


def test_trades_of_one_instant_come_out_in_the_order_of_their_numbers():
    one = "2026-04-07T14:30:02.5Z"
    ticks = coinbase().receive(trades(*(trade(number, time=one) for number in (12, 9, 10, 8))))
    assert ticks["id"].tolist() == [8, 9, 10, 12]


def test_a_pair_in_usdc_is_known_by_the_name_its_trades_have():
    protocol = coinbase("BTC/USDC")
    assert "BTC-USDC" in protocol.open()[0]
    assert protocol.receive(trades(trade(1)))["symbol"].tolist() == [0]
    both = coinbase("BTC/USDC", "BTC/USD")
    assert both.receive(trades(trade(1)))["symbol"].tolist() == [1]


def test_trades_of_a_product_nobody_watches_are_told_as_such():
    assert coinbase("ETH/USD").receive(trades(trade(1)))["symbol"].tolist() == [UNKNOWN_SYMBOL]


def test_a_trade_id_that_is_no_number_is_one_all_the_same():
    protocol = coinbase()
    uuid = "34b080bf-fcfd-445a-832b-46b5ddc65601"
    first, again = (protocol.receive(trades(trade(1, trade_id=uuid)))["id"][0] for _ in range(2))
    assert first == again > 0


def test_a_confirmed_subscription_is_one():
    protocol = coinbase("BTC/USD")
    protocol.open()
    protocol.receive(subscriptions(market_trades=["BTC-USD"]))
    assert protocol.subscribed
    protocol.receive(subscriptions(market_trades=["BTC-USD"], heartbeats=["heartbeats"]))
    assert protocol.refusal is None
    assert not protocol.faults.counts


def test_products_that_are_not_confirmed_are_refused_by_name_once_all_is_answered():
    protocol = coinbase("BTC/UDS")
    protocol.open()
    protocol.receive(subscriptions())
    assert protocol.refusal is None
    protocol.receive(subscriptions(heartbeats=["heartbeats"]))
    assert not protocol.subscribed
    assert protocol.refusal.kind == RefusalKind.NOT_ENTITLED
    assert "BTC-UDS" in protocol.refusal.text
    assert 'feed_symbol = "BTC/USD"' in protocol.refusal.text


def test_one_product_of_several_that_is_not_confirmed_does_not_end_the_others():
    protocol = coinbase("BTC/USD", "ETH/UDS")
    protocol.open()
    for _ in range(2):
        protocol.receive(subscriptions(market_trades=["BTC-USD"]))
    assert protocol.subscribed
    assert protocol.refusal is None
    assert protocol.faults.samples == {FaultKind.VENDOR_ERROR: "Coinbase has no trades of ETH-UDS"}


def test_watch_asks_for_what_is_new_and_ends_what_is_gone():
    protocol = coinbase("BTC/USD", "ETH/USD")
    protocol.watch({"SOL/USD": 4, "BTC/USD": 7})
    assert protocol.replies() == []
    assert json.loads(protocol.open()[0])["product_ids"] == ["SOL-USD", "BTC-USD"]
    protocol.watch({"BTC/USD": 3, "ETH/USD": 5})
    assert [json.loads(text) for text in protocol.replies()] == [
        {"type": "unsubscribe", "channel": "market_trades", "product_ids": ["SOL-USD"]},
        {"type": "subscribe", "channel": "market_trades", "product_ids": ["ETH-USD"]},
    ]
    assert protocol.replies() == []
    ticks = protocol.receive(trades(trade(1), trade(2, product_id="SOL-USD"), trade(3, product_id="ETH-USD")))
    assert ticks["symbol"].tolist() == [3, UNKNOWN_SYMBOL, 5]


def test_a_gap_in_the_sequence_is_a_fault_that_says_what_is_missing():
    protocol = coinbase()
    for number in (3, 4, 8, 7, 9):  # whatever channel: they share one count
        protocol.receive(trades(trade(number), number=number))
        protocol.receive(message("heartbeats", {"heartbeat_counter": 1}, number=number))
    assert protocol.faults.counts == {FaultKind.MESSAGES_LOST: 1}
    assert protocol.faults.samples[FaultKind.MESSAGES_LOST] == "sequence_num 5 to 7 never came"


@pytest.mark.parametrize(
    ("said", "kind", "advice"),
    [
        ({"message": "authentication failure"}, RefusalKind.NOT_ENTITLED, "need no key"),
        (
            {"message": "Failed to subscribe", "reason": "GIBBERISH-USD is not a valid product"},
            RefusalKind.NOT_ENTITLED,
            'feed_symbol = "BTC/USD"',
        ),
        ({"message": "rate limit exceeded"}, RefusalKind.TOO_MANY_CONNECTIONS, "from one address"),
    ],
)
def test_a_refusal_says_what_to_do(said, kind, advice):
    protocol = coinbase()
    protocol.receive(json.dumps({"type": "error"} | said).encode())
    assert protocol.refusal.kind == kind
    assert said.get("reason", said["message"]) in protocol.refusal.text
    assert advice in protocol.refusal.text


def test_any_other_error_is_counted_and_refuses_nothing():
    protocol = coinbase()
    protocol.receive(b'{"type":"error","message":"failure to subscribe"}')
    assert protocol.refusal is None
    assert protocol.faults.samples == {FaultKind.VENDOR_ERROR: "failure to subscribe"}


@pytest.mark.parametrize(
    "bad",
    [
        17,
        None,
        trade(9) | {"price": "dear"},
        trade(9) | {"price": None},
        trade(9) | {"size": []},
        trade(9) | {"time": "today"},
        trade(9) | {"trade_id": 9},
        trade(9) | {"product_id": None},
        {"trade_id": "9"},
    ],
    ids=str,
)
def test_one_bad_trade_does_not_lose_those_beside_it(bad):
    protocol = coinbase()
    ticks = protocol.receive(trades(trade(3), bad, trade(2), number=5))
    assert ticks["id"].tolist() == [2, 3]
    assert protocol.faults.counts == {FaultKind.WRONG_TYPE: 1}


def test_trades_beside_a_bad_number_of_the_message_or_a_bad_event_are_not_lost():
    protocol = coinbase()
    bad = json.loads(trades(trade(1))) | {"sequence_num": "x"}
    bad["events"] += [17, {"type": "update"}]
    assert len(protocol.receive(json.dumps(bad).encode())) == 1
    assert protocol.faults.counts == {FaultKind.WRONG_TYPE: 3}


@pytest.mark.parametrize(
    ("frame", "kind"),
    [
        (b"", FaultKind.NOT_JSON),
        (b'{"channel":"market_tr', FaultKind.NOT_JSON),
        (b"\xff\xfe", FaultKind.NOT_JSON),
        (b"[" * 100_000, FaultKind.NOT_JSON),
        (b"[1]", FaultKind.NOT_OF_PROTOCOL),
        (b'{"hello":"world"}', FaultKind.NOT_OF_PROTOCOL),
        (b'{"channel":"market_trades","events":7}', FaultKind.WRONG_TYPE),
        (b'{"channel":"market_trades","events":[{}]}', FaultKind.WRONG_TYPE),
        (b'{"channel":"subscriptions","events":[{"subscriptions":7}]}', FaultKind.WRONG_TYPE),
        (b'{"channel":"market_trades","events":[{"trades":[{"x":"\\ud800"}]}]}', FaultKind.WRONG_TYPE),
    ],
)
def test_what_is_no_frame_is_counted_by_its_kind(frame, kind):
    protocol = coinbase()
    assert len(protocol.receive(frame)) == 0
    assert protocol.faults.counts == {kind: 1}


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
)
_TRADE = st.fixed_dictionaries(
    {},
    optional={key: st.just(value) | _JSON for key, value in trade(1).items()},
)
_MESSAGE = st.fixed_dictionaries(
    {"channel": st.sampled_from(["market_trades", "heartbeats", "subscriptions", "", "status"]) | _JSON},
    optional={
        "sequence_num": st.integers() | _JSON,
        "type": st.just("error") | _JSON,
        "message": st.text() | _JSON,
        "events": st.lists(
            st.fixed_dictionaries({}, optional={"trades": st.lists(_TRADE) | _JSON, "subscriptions": _JSON})
            | _JSON,
            max_size=3,
        )
        | _JSON,
    },
)


@given(
    frames=st.lists(
        st.binary()
        | _JSON.map(lambda x: json.dumps(x).encode())
        | _MESSAGE.map(lambda x: json.dumps(x).encode())
    )
)
def test_whatever_comes_nothing_is_raised(frames):
    protocol = coinbase()
    protocol.open()
    for frame in frames:
        assert protocol.receive(frame).dtype == TICK
        protocol.replies()


async def test_a_tape_arrives_whole_and_in_order_to_the_microsecond():
    tape = bitcoin(2000)
    ticks = await received(FEED, ["BTC/USD", "ETH-USD"], tape)
    assert (ticks["time"] == tape["time"] // 1000 * 1000).all()
    for field in ("price", "size", "symbol"):
        assert (ticks[field] == tape[field]).all()
    assert ticks["id"].tolist() == list(range(1, 2001))


async def test_what_is_garbled_or_out_of_order_in_a_frame_costs_nothing():
    tape = bitcoin(2000)
    ticks = await received(FEED, ["BTC/USD", "ETH-USD"], tape, Trouble(garbage=0.5, reorder=0.5, seed=1))
    assert ticks["id"].tolist() == list(range(1, 2001))


async def test_a_feed_of_a_product_that_is_not_there_ends_with_what_to_write():
    with pytest.raises(FeedRefusedError, match="feed exchange: Coinbase has no trades of BTC-UDS"):
        await received(FEED, ["BTC/USD"], bitcoin(0), asked=["BTC/UDS"])


def test_heartbeats_go_to_those_that_asked_and_count_in_the_sequence():
    server, client = CoinbaseServer(["BTC/USD"], False), coinbase()
    assert server.heartbeat() == []
    answers = [answer for text in client.open() for answer in server.receive(text)]
    beats = [beat for _ in range(3) for beat in server.heartbeat()]
    assert len(beats) == 3
    for frame in (*answers, *beats, server.frame(bitcoin(1), np.array([1]))):
        ticks = client.receive(frame.encode() if isinstance(frame, str) else frame)
    assert ticks["id"].tolist() == [1]
    assert client.subscribed
    assert not client.faults.counts


def test_the_server_ends_a_subscription_and_knows_no_other_channel():
    server = CoinbaseServer(["BTC/USD", "ETH/USD"], False)
    ask = {"channel": "market_trades", "product_ids": ["BTC-USD", "ETH-USD"]}
    server.receive(json.dumps({"type": "subscribe"} | ask))
    assert server.wanted.tolist() == [True, True]
    (answer,) = server.receive(json.dumps({"type": "unsubscribe"} | ask | {"product_ids": ["ETH-USD"]}))
    assert server.wanted.tolist() == [True, False]
    assert json.loads(answer)["events"] == [{"subscriptions": {"market_trades": ["BTC-USD"]}}]
    for wrong in ('{"type":"subscribe","channel":"full"}', '{"type":"hello"}', "nonsense"):
        (answer,) = server.receive(wrong)
        assert json.loads(answer)["type"] == "error"

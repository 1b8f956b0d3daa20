import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tapewatch.feeds.ids import trade_id
from tapewatch.feeds.massive.protocol import INDICES_URL, STOCKS_URL, Massive, default_url
from tapewatch.feeds.massive.server import MassiveServer
from tapewatch.feeds.protocol import Credentials, FaultKind, RefusalKind
from tapewatch.market.ticks import NO_ID, NOT_LAST, TICK, UNKNOWN_SYMBOL

# The examples of https://massive.com/docs/websocket/stocks/trades.md and …/indices/value.md
TRADE = {
    "ev": "T",
    "sym": "MSFT",
    "x": 4,
    "i": "12345",
    "z": 3,
    "p": 114.125,
    "s": 100,
    "c": [0, 12],
    "t": 1536036818784,
    "q": 3681328,
}
VALUE = {"ev": "V", "val": 3988.5, "T": "I:SPX", "t": 1678220098130}
CONNECTED = {"ev": "status", "status": "connected", "message": "Connected Successfully"}
AUTHENTICATED = {"ev": "status", "status": "auth_success", "message": "authenticated"}
KEY = "secret-key-0123456789"


def massive(*symbols: str) -> Massive:
    return Massive(Credentials(KEY), {symbol: row for row, symbol in enumerate(symbols or ("MSFT", "I:SPX"))})


def frame(*messages: object) -> bytes:
    return json.dumps(messages).encode()


def status(status: str, message: str) -> bytes:
    return frame({"ev": "status", "status": status, "message": message})


def test_the_documented_trade_is_one_tick():
    (tick,) = massive("SPY", "MSFT").receive(frame(TRADE))
    assert tick.item() == (1536036818784_000_000, 114.125, 100.0, 12345, 1, 4, 0, 0)


def test_the_documented_index_value_is_a_tick_without_an_id():
    (tick,) = massive("I:SPX").receive(frame(VALUE))
    assert tick.item() == (1678220098130_000_000, 3988.5, 0.0, NO_ID, 0, 0, 0, 0)


def test_a_frame_keeps_the_order_of_its_messages():
    prices = [100.5, 100.25, 101.0]
    ticks = massive().receive(frame(*(TRADE | {"p": p} for p in prices), VALUE))
    assert ticks["price"].tolist() == [*prices, 3988.5]
    assert ticks.dtype == TICK


@pytest.mark.parametrize(
    ("conditions", "flags"),
    [
        ([], 0),
        (None, 0),
        ([14, 41], 0),
        ([12], 0),
        ([37], NOT_LAST),
        ([14, 2], NOT_LAST),
        ([12, 37], NOT_LAST),
    ],
)
def test_conditions_say_whether_a_trade_updates_the_last_price(conditions, flags):
    (tick,) = massive().receive(frame(TRADE | {"c": conditions}))
    assert tick["flags"] == flags


def test_ids_of_two_reporting_facilities_are_told_apart_by_the_exchange():
    ticks = massive().receive(frame(TRADE | {"trfi": 201}, TRADE | {"trfi": 202}, TRADE))
    assert ticks["exchange"].tolist() == [201, 202, 4]


def test_an_id_that_is_no_number_is_hashed_and_costs_the_others_nothing():
    ids = ["52983525029461", "a-b-c", "9223372036854775807", "9223372036854775808"]
    ticks = massive().receive(frame(*(TRADE | {"i": i} for i in ids)))
    assert ticks["id"][[0, 2]].tolist() == [52983525029461, 2**63 - 1]
    assert ticks["id"][1] == trade_id("a-b-c") == 8860485091303033899
    assert len(set(ticks["id"].tolist())) == 4
    assert (ticks["id"] > 0).all()


def test_a_trade_without_id_size_and_conditions_is_still_a_tick():
    bare = {key: TRADE[key] for key in ("ev", "sym", "p", "t")}
    (tick,) = massive().receive(frame(bare))
    assert (tick["id"], tick["size"], tick["flags"]) == (NO_ID, 0, 0)


def test_an_unknown_symbol_is_left_for_the_engine_to_count():
    (tick,) = massive("SPY").receive(frame(TRADE))
    assert tick["symbol"] == UNKNOWN_SYMBOL


def test_logs_in_when_greeted_and_subscribes_when_let_in():
    session = massive("I:SPX", "I:NDX")
    assert session.open() == []
    session.receive(frame(CONNECTED))
    assert [json.loads(reply) for reply in session.replies()] == [{"action": "auth", "params": KEY}]
    session.receive(frame(AUTHENTICATED))
    assert [json.loads(reply) for reply in session.replies()] == [
        {"action": "subscribe", "params": "V.I:SPX,V.I:NDX"}
    ]
    assert session.replies() == []
    assert not session.subscribed
    session.receive(status("success", "subscribed to: V.I:SPX"))
    assert session.subscribed
    assert session.refusal is None


def test_many_symbols_are_subscribed_in_several_messages():
    symbols = [f"S{k}" for k in range(1201)]
    session = massive(*symbols)
    session.receive(frame(AUTHENTICATED))
    sent = [json.loads(reply)["params"].split(",") for reply in session.replies()]
    assert [len(topics) for topics in sent] == [500, 500, 201]
    assert [one for topics in sent for one in topics] == [f"T.{symbol}" for symbol in symbols]


def test_other_instruments_are_asked_for_on_the_same_connection():
    session = massive("SPY", "IWM", "I:SPX")
    session.receive(frame(CONNECTED))
    session.receive(frame(AUTHENTICATED))
    session.receive(status("success", "subscribed to: T.SPY"))
    session.replies()
    session.watch({"I:SPX": 0, "IWM": 4, "MSFT": 5, "I:NDX": 6})
    assert [json.loads(reply) for reply in session.replies()] == [
        {"action": "unsubscribe", "params": "T.SPY"},
        {"action": "subscribe", "params": "T.MSFT,V.I:NDX"},
    ]
    session.receive(status("success", "unsubscribed to: T.SPY"))
    assert session.subscribed
    ticks = session.receive(frame(TRADE, VALUE, *(TRADE | {"sym": symbol} for symbol in ("IWM", "SPY"))))
    assert ticks["symbol"].tolist() == [5, 0, 4, UNKNOWN_SYMBOL]


def test_the_same_instruments_with_other_numbers_ask_for_nothing():
    session = massive("MSFT", "SPY")
    session.receive(frame(AUTHENTICATED))
    session.replies()
    session.watch({"SPY": 0, "MSFT": 1})
    assert session.replies() == []
    assert session.receive(frame(TRADE))["symbol"].tolist() == [1]


def test_before_the_login_is_over_nothing_is_asked_for_but_the_last_word_counts():
    session = massive("MSFT")
    session.watch({"SPY": 0})
    assert session.replies() == []
    session.receive(frame(CONNECTED))
    session.replies()
    session.watch({"IWM": 0})
    assert session.replies() == []
    session.receive(frame(AUTHENTICATED))
    assert [json.loads(reply) for reply in session.replies()] == [{"action": "subscribe", "params": "T.IWM"}]


def test_many_instruments_are_given_up_in_several_messages():
    session = massive(*(f"S{k}" for k in range(1201)))
    session.receive(frame(AUTHENTICATED))
    session.replies()
    session.watch({})
    sent = [json.loads(reply) for reply in session.replies()]
    assert [message["action"] for message in sent] == ["unsubscribe"] * 3
    assert [one for message in sent for one in message["params"].split(",")] == [
        f"T.S{k}" for k in range(1201)
    ]


def test_a_session_that_watches_nothing_any_more_can_be_refused():
    session = massive("SPY")
    session.watch({})
    session.receive(status("error", "not authorized"))
    assert session.refusal.kind == RefusalKind.NOT_ENTITLED


@given(st.sets(st.sampled_from("ABCDE")), st.lists(st.sets(st.sampled_from("ABCDE")), max_size=4))
def test_whatever_is_watched_in_turn_is_what_the_server_sends(first, later):
    symbols = "ABCDE"
    server = MassiveServer(symbols, refuse_login=False)
    session = massive(*first)
    said = server.open("/stocks", {})
    for watched in [first, *later]:
        session.watch({symbol: symbols.index(symbol) for symbol in watched})
        while True:
            for message in said:
                session.receive(message.encode())
            said = [answer for reply in session.replies() for answer in server.receive(reply)]
            if not said:
                break
        assert {symbols[place] for place in np.flatnonzero(server.wanted)} == watched
    assert not session.faults.counts


@pytest.mark.parametrize(
    ("reply", "kind", "says"),
    [
        (status("auth_failed", "authentication failed"), RefusalKind.BAD_KEY, "authentication failed"),
        (
            status(
                "auth_failed", "Your plan doesn't include websocket access. Visit https://massive.com/pricing"
            ),
            RefusalKind.NOT_ENTITLED,
            "wss://delayed.massive.com/stocks",
        ),
        (status("error", "not authorized"), RefusalKind.NOT_ENTITLED, "T.SPY"),
        (
            status(
                "error", "You don't have access real-time data. If your plan only includes delayed data, …"
            ),
            RefusalKind.NOT_ENTITLED,
            "delayed",
        ),
        (
            status("max_connections", "Maximum number of websocket connections exceeded."),
            RefusalKind.TOO_MANY_CONNECTIONS,
            "another program",
        ),
    ],
)
def test_a_refusal_says_what_kind_it_is_and_what_to_do(reply, kind, says):
    session = massive("SPY")
    session.receive(reply)
    assert session.refusal is not None
    assert session.refusal.kind == kind
    assert says in session.refusal.text


def test_any_other_error_is_counted_and_refuses_nothing():
    session = massive()
    session.receive(status("auth_timeout", "No authentication request received."))
    assert session.refusal is None
    assert session.faults.counts == {FaultKind.VENDOR_ERROR: 1}
    assert "No authentication" in session.faults.samples[FaultKind.VENDOR_ERROR]


@pytest.mark.parametrize(
    ("bad", "kind"),
    [
        (TRADE | {"p": "114.125"}, FaultKind.WRONG_TYPE),
        (TRADE | {"t": 1536036818784.5}, FaultKind.WRONG_TYPE),
        (TRADE | {"t": -1}, FaultKind.WRONG_TYPE),
        (TRADE | {"t": 2**62}, FaultKind.WRONG_TYPE),
        (TRADE | {"x": 2**40}, FaultKind.WRONG_TYPE),
        (TRADE | {"c": 12}, FaultKind.WRONG_TYPE),
        ({"ev": "T", "sym": "MSFT", "t": 1}, FaultKind.WRONG_TYPE),
        ({"ev": "Q", "sym": "MSFT"}, FaultKind.NOT_OF_PROTOCOL),
        ({"sym": "MSFT"}, FaultKind.NOT_OF_PROTOCOL),
        (17, FaultKind.NOT_OF_PROTOCOL),
    ],
)
def test_one_bad_message_does_not_lose_the_good_ones_beside_it(bad, kind):
    session = massive()
    ticks = session.receive(frame(TRADE | {"p": 1.5}, bad, VALUE))
    assert ticks["price"].tolist() == [1.5, 3988.5]
    assert session.faults.counts == {kind: 1}


def test_a_price_that_is_nan_reaches_the_engine_which_refuses_it_by_name():
    ticks = massive().receive(frame(TRADE | {"p": float("nan")}, TRADE))
    assert np.isnan(ticks["price"]).tolist() == [True, False]


@pytest.mark.parametrize(
    ("garbage", "kind"),
    [
        (b"", FaultKind.NOT_JSON),
        (b"hello", FaultKind.NOT_JSON),
        (frame(TRADE)[:-10], FaultKind.NOT_JSON),
        (b"[" * 100_000, FaultKind.NOT_JSON),
        (b'{"ev":"T"}', FaultKind.NOT_OF_PROTOCOL),
        (b"null", FaultKind.NOT_OF_PROTOCOL),
    ],
)
def test_a_frame_that_is_none_is_counted_and_the_next_one_read(garbage, kind):
    session = massive()
    assert len(session.receive(garbage)) == 0
    assert session.faults.counts == {kind: 1}
    assert len(session.receive(frame(TRADE))) == 1


def test_a_sample_is_short_printable_and_never_holds_the_key():
    session = massive()
    for position in range(150, 170):
        session.receive(b"\x1b[31m" + b"x" * position + KEY.encode() + b"\n" * 1000)
        sample = session.faults.samples[FaultKind.NOT_JSON]
        assert sample.isprintable()
        assert sample.isascii()
        assert len(sample) < 700
        assert KEY[:6] not in sample


def test_the_url_is_that_of_the_cluster():
    assert default_url(["I:SPX", "I:NDX"]) == INDICES_URL
    assert default_url(["SPY"]) == STOCKS_URL
    with pytest.raises(ValueError, match=r"I:SPX.*SPY.*\[\[feed\]\]"):
        default_url(["I:SPX", "SPY"])


@given(st.binary())
def test_no_bytes_raise(data):
    massive().receive(data)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)
MESSAGES = VALUES | st.sampled_from([TRADE, VALUE, CONNECTED, AUTHENTICATED]).flatmap(
    lambda good: st.dictionaries(st.sampled_from(sorted(good)), VALUES, max_size=2).map(
        lambda wrong: good | wrong
    )
)


@given(VALUES | st.lists(MESSAGES, max_size=5))
def test_no_json_raises_and_good_trades_get_through(value):
    good = TRADE | {"p": 0.5, "t": 7}
    messages = [*value, good] if isinstance(value, list) else value
    ticks = massive().receive(json.dumps(messages).encode())
    if isinstance(value, list):
        assert (ticks["price"][-1], ticks["time"][-1]) == (0.5, 7_000_000)

import json
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.asyncio.client import connect

from tapewatch.check import check
from tapewatch.feeds.alpaca.protocol import Alpaca, default_url
from tapewatch.feeds.alpaca.server import AlpacaServer
from tapewatch.feeds.protocol import Credentials, FaultKind, RefusalKind
from tapewatch.feeds.simulator import Simulator
from tapewatch.feeds.vendors import VENDORS
from tapewatch.market.ticks import NO_ID, NOT_LAST, NS, TICK, UNKNOWN_SYMBOL, empty_ticks

SPY = Path(__file__).parents[3] / "config/spy.toml"

# The examples of https://docs.alpaca.markets/docs/real-time-stock-pricing-data and …/streaming-market-data
TRADE = {
    "T": "t",
    "i": 96921,
    "S": "AAPL",
    "x": "D",
    "p": 126.55,
    "s": 1,
    "t": "2021-02-22T15:51:44.208Z",
    "c": ["@", "I"],
    "z": "C",
}
BATCH = (
    b'[{"T":"t","S":"AAPL","i":628,"x":"K","p":162.92,"s":3,"c":["@","F","T","I"],"z":"C","t":"2023-04-06T11:54:26.838232225Z"},'
    b'{"T":"t","S":"AAPL","i":75,"x":"Z","p":162.92,"s":3,"c":["@","F","T","I"],"z":"C","t":"2023-04-06T11:54:26.838562809Z"},'
    b'{"T":"t","S":"AAPL","i":1465,"x":"P","p":162.91,"s":71,"c":["@","F","T","I"],"z":"C","t":"2023-04-06T11:54:26.83915973Z"}]'
)
CORRECTION = {
    "T": "c",
    "S": "EEM",
    "x": "M",
    "oi": 52983525033527,
    "op": 39.1582,
    "os": 440000,
    "oc": [" ", "7"],
    "ci": 52983525034326,
    "cp": 39.1809,
    "cs": 440000,
    "cc": [" ", "7"],
    "z": "B",
    "t": "2023-04-06T14:25:06.542305024Z",
}
CANCEL = {
    "T": "x",
    "S": "GOOGL",
    "i": 465,
    "x": "D",
    "p": 105.31,
    "s": 300,
    "a": "C",
    "z": "C",
    "t": "2023-04-06T13:15:42.83540958Z",
}
CONNECTED = {"T": "success", "msg": "connected"}
AUTHENTICATED = {"T": "success", "msg": "authenticated"}
KEY, SECRET = "PKTESTTESTTESTTEST00", "secret-of-the-key-0123456789"
REGULAR = TRADE | {"c": ["@"]}
TIME = 1614009104_208_000_000


def alpaca(*symbols: str) -> Alpaca:
    instruments = {symbol: row for row, symbol in enumerate(symbols or ("AAPL", "SPY"))}
    return Alpaca(Credentials(KEY, SECRET), instruments)


def frame(*messages: object) -> bytes:
    return json.dumps(messages).encode()


def subscription(*trades: str) -> bytes:
    return frame({"T": "subscription", "trades": trades, "quotes": [], "bars": [], "corrections": trades})


def error(code: int, msg: str) -> bytes:
    return frame({"T": "error", "code": code, "msg": msg})


def sent(session: Alpaca) -> list[dict]:
    return [json.loads(reply) for reply in session.replies()]


def logged_in(*symbols: str) -> Alpaca:
    """Subscribed to `symbols`, with nothing left to send."""
    session = alpaca(*symbols)
    session.receive(frame(CONNECTED))
    session.receive(frame(AUTHENTICATED))
    session.receive(subscription(*symbols))
    session.replies()
    return session


def test_the_documented_trade_is_one_tick():
    (tick,) = alpaca("SPY", "AAPL").receive(frame(TRADE))
    assert tick.item() == (TIME, 126.55, 1.0, 96921, 1, ord("D"), NOT_LAST, 0)


def test_the_documented_batch_is_ticks_in_its_order_to_the_nanosecond():
    ticks = alpaca().receive(BATCH)
    assert ticks.dtype == TICK
    assert (ticks["time"] - 1680782066 * NS).tolist() == [838232225, 838562809, 839159730]
    assert ticks["price"].tolist() == [162.92, 162.92, 162.91]
    assert ticks["id"].tolist() == [628, 75, 1465]
    assert [chr(code) for code in ticks["exchange"]] == ["K", "Z", "P"]


def test_corrections_and_cancels_are_let_pass():
    session = alpaca("AAPL", "EEM", "GOOGL")
    assert len(session.receive(frame(CORRECTION, REGULAR, CANCEL))) == 1
    assert not session.faults.counts


@pytest.mark.parametrize(
    ("tape", "conditions", "flags"),
    [
        ("C", [], 0),
        ("C", None, 0),
        ("C", ["@"], 0),
        ("B", [" "], 0),
        ("A", [" ", "F"], 0),
        ("A", [" ", "O"], 0),
        ("A", [" ", "6"], 0),
        ("C", ["@", "F", "T"], 0),
        ("C", ["@", "F", "T", "I"], NOT_LAST),
        ("A", [" ", "B"], NOT_LAST),  # average price
        ("C", ["@", "B"], 0),  # bunched
        ("C", ["@", "W"], NOT_LAST),  # average price
        ("O", ["@", "W"], NOT_LAST),
        ("C", ["@", "G"], NOT_LAST),
        ("B", [" ", "7", "V"], NOT_LAST),
        ("B", [" ", "4"], NOT_LAST),
        ("A", [" ", "M"], NOT_LAST),
        ("A", [" ", "9"], NOT_LAST),
        ("?", ["B"], NOT_LAST),  # of a tape that nobody knows, the stricter reading
        ("?", ["@"], 0),
    ],
)
def test_conditions_say_by_tape_whether_a_trade_updates_the_last_price(tape, conditions, flags):
    (tick,) = alpaca().receive(frame(TRADE | {"z": tape, "c": conditions}))
    assert tick["flags"] == flags


def test_a_trade_without_id_size_exchange_and_conditions_is_still_a_tick():
    bare = {key: TRADE[key] for key in ("T", "S", "p", "t")}
    (tick,) = alpaca().receive(frame(bare))
    assert (tick["id"], tick["size"], tick["exchange"], tick["flags"]) == (NO_ID, 0, 0, 0)


def test_an_unknown_symbol_is_left_for_the_engine_to_count():
    (tick,) = alpaca("SPY").receive(frame(TRADE))
    assert tick["symbol"] == UNKNOWN_SYMBOL


def test_logs_in_when_greeted_and_subscribes_when_let_in():
    session = alpaca("AAPL", "SPY")
    assert session.open() == []
    session.receive(frame(CONNECTED))
    assert sent(session) == [{"action": "auth", "key": KEY, "secret": SECRET}]
    session.receive(frame(AUTHENTICATED))
    assert sent(session) == [{"action": "subscribe", "trades": ["AAPL", "SPY"]}]
    assert session.replies() == []
    assert not session.subscribed
    session.receive(subscription("AAPL", "SPY"))
    assert session.subscribed
    assert session.refusal is None


def test_many_symbols_are_subscribed_in_several_messages_and_each_must_be_answered():
    symbols = [f"S{k}" for k in range(1201)]
    session = alpaca(*symbols)
    session.receive(frame(AUTHENTICATED))
    parts = [message["trades"] for message in sent(session)]
    assert [len(part) for part in parts] == [500, 500, 201]
    assert [symbol for part in parts for symbol in part] == symbols
    for _ in range(2):
        session.receive(subscription(*symbols[:500]))
        assert not session.subscribed
    session.receive(subscription(*symbols))
    assert session.subscribed


def test_other_instruments_are_asked_for_on_the_same_connection():
    session = logged_in("AAPL", "SPY")
    session.watch({"SPY": 5, "IWM": 6})
    assert sent(session) == [
        {"action": "unsubscribe", "trades": ["AAPL"]},
        {"action": "subscribe", "trades": ["IWM"]},
    ]
    session.receive(subscription("SPY"))
    assert session.subscribed
    ticks = session.receive(frame(*(REGULAR | {"S": symbol} for symbol in ("SPY", "IWM", "AAPL"))))
    assert ticks["symbol"].tolist() == [5, 6, UNKNOWN_SYMBOL]


def test_the_same_instruments_with_other_numbers_ask_for_nothing():
    session = logged_in("AAPL", "SPY")
    session.watch({"SPY": 0, "AAPL": 1})
    assert session.replies() == []
    assert session.receive(frame(TRADE))["symbol"].tolist() == [1]


def test_before_the_login_is_over_nothing_is_asked_for_but_the_last_word_counts():
    session = alpaca("AAPL")
    session.watch({"SPY": 0})
    assert session.replies() == []
    session.receive(frame(CONNECTED))
    session.replies()
    session.watch({"IWM": 0})
    assert session.replies() == []
    session.receive(frame(AUTHENTICATED))
    assert sent(session) == [{"action": "subscribe", "trades": ["IWM"]}]


@pytest.mark.parametrize(
    ("reply", "kind", "says"),
    [
        (error(402, "auth failed"), RefusalKind.BAD_KEY, "auth failed"),
        (error(405, "symbol limit exceeded"), RefusalKind.NOT_ENTITLED, "2 symbols"),
        (error(406, "connection limit exceeded"), RefusalKind.TOO_MANY_CONNECTIONS, "another program"),
        (error(409, "insufficient subscription"), RefusalKind.NOT_ENTITLED, 'stream = "iex"'),
        (error(410, "invalid subscribe action for this feed"), RefusalKind.BAD_URL, default_url("iex")),
    ],
)
def test_a_refusal_says_what_kind_it_is_and_what_to_do(reply, kind, says):
    session = alpaca()
    session.receive(reply)
    assert session.refusal is not None
    assert session.refusal.kind == kind
    assert says in session.refusal.text


def test_the_first_refusal_stands():
    session = alpaca()
    session.receive(error(406, "connection limit exceeded"))
    session.receive(error(402, "auth failed"))
    assert session.refusal.kind == RefusalKind.TOO_MANY_CONNECTIONS


def test_more_symbols_than_the_plan_has_do_not_end_a_feed_that_runs():
    session = logged_in("AAPL")
    session.watch({"AAPL": 0, "SPY": 1})
    session.receive(error(405, "symbol limit exceeded"))
    assert session.refusal is None
    assert "405: symbol limit exceeded" in session.faults.samples[FaultKind.VENDOR_ERROR]
    assert len(session.receive(frame(TRADE))) == 1


@pytest.mark.parametrize(
    ("code", "msg"),
    [
        (400, "invalid syntax"),
        (404, "auth timeout"),
        (407, "slow client"),
        (500, "internal error"),
        (999, "of tomorrow"),
    ],
)
def test_any_other_error_is_counted_and_refuses_nothing(code, msg):
    session = alpaca()
    session.receive(error(code, msg))
    assert session.refusal is None
    assert session.faults.counts == {FaultKind.VENDOR_ERROR: 1}
    assert session.faults.samples[FaultKind.VENDOR_ERROR] == f"{code}: {msg}"


@pytest.mark.parametrize(
    ("bad", "kind"),
    [
        (TRADE | {"p": "126.55"}, FaultKind.WRONG_TYPE),
        (TRADE | {"t": 1614009104208}, FaultKind.WRONG_TYPE),
        (TRADE | {"t": "2021-02-22"}, FaultKind.WRONG_TYPE),
        (TRADE | {"t": "2021-02-30T15:51:44.208Z"}, FaultKind.WRONG_TYPE),
        (TRADE | {"t": "9999-02-22T15:51:44.208Z"}, FaultKind.WRONG_TYPE),
        (TRADE | {"i": 2**63}, FaultKind.WRONG_TYPE),
        (TRADE | {"i": "96921"}, FaultKind.WRONG_TYPE),
        (TRADE | {"x": ""}, FaultKind.WRONG_TYPE),
        (TRADE | {"c": "@"}, FaultKind.WRONG_TYPE),
        ({"T": "t", "S": "AAPL", "t": TRADE["t"]}, FaultKind.WRONG_TYPE),
        ({"T": "error", "msg": "no code"}, FaultKind.WRONG_TYPE),
        ({"T": "q", "S": "AAPL"}, FaultKind.NOT_OF_PROTOCOL),
        ({"T": ["t"]}, FaultKind.NOT_OF_PROTOCOL),
        ({"T": "\ud800"}, FaultKind.NOT_OF_PROTOCOL),  # half a character
        ({"S": "AAPL"}, FaultKind.NOT_OF_PROTOCOL),
        (17, FaultKind.NOT_OF_PROTOCOL),
    ],
)
def test_one_bad_message_does_not_lose_the_good_ones_beside_it(bad, kind):
    session = alpaca()
    ticks = session.receive(frame(REGULAR | {"p": 1.5}, bad, REGULAR | {"p": 2.5}))
    assert ticks["price"].tolist() == [1.5, 2.5]
    assert session.faults.counts == {kind: 1}


def test_a_price_that_is_nan_reaches_the_engine_which_refuses_it_by_name():
    ticks = alpaca().receive(frame(TRADE | {"p": float("nan")}, TRADE))
    assert np.isnan(ticks["price"]).tolist() == [True, False]


@pytest.mark.parametrize(
    ("garbage", "kind"),
    [
        (b"", FaultKind.NOT_JSON),
        (b"hello", FaultKind.NOT_JSON),
        (frame(TRADE)[:-10], FaultKind.NOT_JSON),
        (b"[" * 100_000, FaultKind.NOT_JSON),
        (b'{"T":"t"}', FaultKind.NOT_OF_PROTOCOL),
        (b"null", FaultKind.NOT_OF_PROTOCOL),
    ],
)
def test_a_frame_that_is_none_is_counted_and_the_next_one_read(garbage, kind):
    session = alpaca()
    assert len(session.receive(garbage)) == 0
    assert session.faults.counts == {kind: 1}
    assert len(session.receive(frame(TRADE))) == 1


def test_no_sample_holds_the_key_or_its_secret():
    session = alpaca()
    for own in (KEY, SECRET):
        session.receive(f"you said {own}".encode())
        assert own[:6] not in session.faults.samples[FaultKind.NOT_JSON]
        session.receive(frame(TRADE | {"t": own}))
        assert own[:6] not in session.faults.samples[FaultKind.WRONG_TYPE]


def test_the_url_is_that_of_the_stream():
    assert default_url("iex") == "wss://stream.data.alpaca.markets/v2/iex"
    assert default_url("sip") == "wss://stream.data.alpaca.markets/v2/sip"


@given(st.binary())
def test_no_bytes_raise(data):
    alpaca().receive(data)


@given(st.data())
def test_no_cut_or_changed_frame_raises(data):
    broken = bytearray(BATCH)
    for _ in range(data.draw(st.integers(1, 5))):
        broken[data.draw(st.integers(0, len(broken) - 1))] = data.draw(st.integers(0, 255))
    alpaca().receive(bytes(broken[: data.draw(st.integers(0, len(broken)))]))


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)
ERRORS = st.integers(399, 412).map(lambda code: {"T": "error", "code": code, "msg": "no"})
DOCUMENTED = [TRADE, CORRECTION, CANCEL, CONNECTED, AUTHENTICATED, {"T": "subscription", "trades": ["AAPL"]}]
MESSAGES = VALUES | (st.sampled_from(DOCUMENTED) | ERRORS).flatmap(
    lambda good: st.dictionaries(st.sampled_from(sorted(good)), VALUES, max_size=2).map(
        lambda wrong: good | wrong
    )
)


@given(VALUES | st.lists(MESSAGES, max_size=5))
def test_no_json_raises_and_good_trades_get_through(value):
    good = TRADE | {"p": 0.5, "t": "1970-01-01T00:00:00.000000007Z"}
    messages = [*value, good] if isinstance(value, list) else value
    ticks = alpaca().receive(json.dumps(messages).encode())
    if isinstance(value, list):
        assert (ticks["price"][-1], ticks["time"][-1]) == (0.5, 7)


@given(st.sets(st.sampled_from("ABCDE")), st.lists(st.sets(st.sampled_from("ABCDE")), max_size=4))
def test_whatever_is_watched_in_turn_is_what_the_server_sends(first, later):
    symbols = "ABCDE"
    server = AlpacaServer(symbols, refuse_login=False)
    session = Alpaca(Credentials(KEY, SECRET), dict.fromkeys(first, 0))
    waiting = server.open("/v2/iex", {})
    for watched in [first, *later]:
        session.watch({symbol: symbols.index(symbol) for symbol in watched})
        while waiting := talk(session, server, waiting):
            pass
        assert {symbols[place] for place in np.flatnonzero(server.wanted)} == watched
    assert session.subscribed == any([first, *later])
    assert not session.faults.counts


def talk(session: Alpaca, server: AlpacaServer, said: list[str]) -> list[str]:
    """What the server answers to what our side answers to what it said."""
    for message in said:
        session.receive(message.encode())
    return [answer for reply in session.replies() for answer in server.receive(reply)]


def test_what_the_server_sends_is_the_tape():
    ticks = empty_ticks(4)
    ticks["time"] = np.array([0, 1, 120_000_000, 123_456_789]) + 1_769_610_600 * NS
    ticks["price"] = [690.0, 690.01, 690.005, 690.5]
    ticks["size"] = [100, 1, 0.25, 3]
    ticks["symbol"] = [0, 1, 0, 1]
    ticks["flags"] = [0, NOT_LAST, 0, 0]
    server = AlpacaServer(("SPY", "IWM"), refuse_login=False)
    server.open("/v2/sip", {})
    got = alpaca("SPY", "IWM").receive(server.frame(ticks, np.array([7, 8, 9, 10])))
    for field in ("time", "price", "size", "symbol", "flags"):
        assert got[field].tolist() == ticks[field].tolist()
    assert got["id"].tolist() == [7, 8, 9, 10]


@pytest.mark.parametrize(
    ("messages", "code"),
    [
        (["dance"], 400),
        (['{"action":"dance"}'], 400),
        (['{"action":"subscribe","trades":"SPY"}'], 400),
        (['{"action":"subscribe","trades":["SPY"]}'], 401),
        (['{"action":"auth","key":"a","secret":""}'], 402),
        (['{"action":"auth","key":"a","secret":"b"}'] * 2, 403),
        (
            [
                '{"action":"auth","key":"a","secret":"b"}',
                '{"action":"subscribe","trades":["SPY"],"quotes":["SPY"]}',
            ],
            410,
        ),
    ],
)
def test_the_server_answers_what_it_does_not_take_with_the_documented_code(messages, code):
    server = AlpacaServer(("SPY",), refuse_login=False)
    server.open("/v2/iex", {})
    for message in messages:
        answers = server.receive(message)
    (answer,) = json.loads(answers[0])
    assert (answer["T"], answer["code"]) == ("error", code)
    assert server.refused == (code == 402)
    assert not server.wanted.any()


async def test_the_watch_of_spy_is_clean_and_its_feed_reads_what_the_simulator_plays():
    config, problems = check(SPY)
    assert problems == []
    (feed,) = config.feed
    vendor = VENDORS[feed.vendor]
    assert vendor.needs(feed) == ("key", "secret")
    assert vendor.url(feed, ["SPY"]) == default_url("iex")
    tape = empty_ticks(120)
    tape["time"] = 1_769_610_600 * NS + np.arange(120) * 7_654_321
    tape["price"] = np.round(699.4 + np.arange(120) / 100, 2)
    session = vendor.protocol(feed, Credentials(KEY, SECRET), {"SPY": 0})
    got = []
    simulator = Simulator(partial(vendor.server, feed), tape, ["SPY"], speed=None)
    async with simulator.serve(), connect(f"ws://127.0.0.1:{simulator.port}/v2/iex") as websocket:
        while len(got) < 120:
            got += session.receive(await websocket.recv(decode=False))[["time", "price"]].tolist()
            for reply in session.replies():
                await websocket.send(reply)
    assert session.subscribed
    assert got == tape[["time", "price"]].tolist()

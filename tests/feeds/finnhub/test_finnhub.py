import asyncio
import json
from collections.abc import Callable
from contextlib import asynccontextmanager
from functools import partial

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs
from websockets.asyncio.server import ServerConnection, serve

from tapewatch.config import FinnhubFeed
from tapewatch.feeds.backoff import Backoff
from tapewatch.feeds.connection import Connection, FeedRefusedError
from tapewatch.feeds.finnhub.protocol import Finnhub, with_token
from tapewatch.feeds.finnhub.server import FinnhubServer
from tapewatch.feeds.protocol import Credentials, FaultKind, RefusalKind
from tapewatch.feeds.simulator import Simulator, Trouble
from tapewatch.feeds.vendors import VENDORS
from tapewatch.market.ticks import NO_ID, NOT_LAST, NS, TICK, UNKNOWN_SYMBOL, empty_ticks

# The example of https://finnhub.io/docs/api/websocket-trades, and stock trades as they come
BITCOIN = {"c": None, "p": 7296.89, "s": "BINANCE:BTCUSDT", "t": 1575526691134, "v": 0.011467}
TESLA = {"c": ["1", "8", "24"], "p": 122.1, "s": "TSLA", "t": 1672348887195, "v": 1}
PING = b'{"type":"ping"}'
KEY = "secret-key-0123456789"


def finnhub(*symbols: str) -> Finnhub:
    return Finnhub(
        Credentials(KEY), {symbol: row for row, symbol in enumerate(symbols or ("TSLA", "BINANCE:BTCUSDT"))}
    )


def frame(*trades: object) -> bytes:
    return json.dumps({"data": trades, "type": "trade"}).encode()


def error(text: str) -> bytes:
    return json.dumps({"msg": text, "type": "error"}).encode()


def test_the_documented_trade_is_one_tick_without_an_id():
    (tick,) = finnhub().receive(frame(BITCOIN))
    assert tick.item() == (1575526691134_000_000, 7296.89, 0.011467, NO_ID, 1, 0, 0, 0)


def test_a_frame_keeps_the_order_of_its_trades_and_leaves_unknown_symbols_to_the_engine():
    ticks = finnhub().receive(frame(TESLA, BITCOIN, TESLA | {"s": "QQQ", "p": 300.5}))
    assert ticks.dtype == TICK
    assert ticks["price"].tolist() == [122.1, 7296.89, 300.5]
    assert ticks["symbol"].tolist() == [0, 1, UNKNOWN_SYMBOL]


def test_a_price_of_a_market_that_reports_no_trades_is_a_tick():
    (tick,) = finnhub("OANDA:EUR_USD").receive(
        frame({"p": 1.0875, "s": "OANDA:EUR_USD", "t": 1672348887195, "v": 0})
    )
    assert (tick["price"], tick["size"]) == (1.0875, 0)


@pytest.mark.parametrize(
    ("conditions", "flags"),
    [
        (None, 0),
        ([], 0),
        (["1"], 0),
        (["1", "8", "24"], 0),
        (["1", "8", "24", "12"], NOT_LAST),
        (["3"], NOT_LAST),
        (["16"], NOT_LAST),
    ],
)
def test_conditions_say_whether_a_trade_updates_the_last_price(conditions, flags):
    (tick,) = finnhub().receive(frame(TESLA | {"c": conditions}))
    assert tick["flags"] == flags


def test_a_ping_is_no_tick_and_no_fault():
    session = finnhub()
    assert len(session.receive(PING)) == 0
    assert session.faults.counts == {}


def test_subscribes_to_each_symbol_once_connected():
    session = finnhub("TSLA", 'A"B')
    assert not session.subscribed
    assert [json.loads(message) for message in session.open()] == [
        {"type": "subscribe", "symbol": "TSLA"},
        {"type": "subscribe", "symbol": 'A"B'},
    ]
    assert session.subscribed


def test_symbols_change_on_the_same_connection():
    session = finnhub("TSLA", "AAPL")
    session.watch({"TSLA": 0, "MSFT": 1})
    assert session.replies() == []  # not connected yet: `open` asks for them
    assert [json.loads(message)["symbol"] for message in session.open()] == ["TSLA", "MSFT"]
    session.watch({"MSFT": 0, "SPY": 1})
    assert [json.loads(message) for message in session.replies()] == [
        {"type": "unsubscribe", "symbol": "TSLA"},
        {"type": "subscribe", "symbol": "SPY"},
    ]
    assert session.replies() == []
    (tick,) = session.receive(frame(TESLA | {"s": "SPY"}))
    assert tick["symbol"] == 1


@pytest.mark.parametrize(
    ("text", "kind", "says"),
    [
        ("Invalid API key", RefusalKind.BAD_KEY, "refused the key"),
        ("Subscribing to too many symbols", RefusalKind.NOT_ENTITLED, "watch fewer"),
        ("You don't have access to this resource.", RefusalKind.NOT_ENTITLED, "plan"),
        ("Too many connections", RefusalKind.TOO_MANY_CONNECTIONS, "another program"),
        ("API limit reached. Please try again later.", RefusalKind.TOO_MANY_CONNECTIONS, "another program"),
    ],
)
def test_a_refusal_says_what_kind_it_is_and_what_to_do(text, kind, says):
    session = finnhub()
    session.receive(error(text))
    assert session.refusal is not None
    assert session.refusal.kind == kind
    assert says in session.refusal.text


@pytest.mark.parametrize("text", ["Invalid symbol TOKEN", "Invalid symbol ACCESS", "try again"])
def test_any_other_error_is_counted_and_refuses_nothing(text):
    session = finnhub()
    session.receive(error(text))
    assert session.refusal is None
    assert session.faults.counts == {FaultKind.VENDOR_ERROR: 1}
    assert session.faults.samples[FaultKind.VENDOR_ERROR] == text


def test_a_refusal_that_quotes_the_key_does_not_show_it():
    session = finnhub()
    session.receive(error(f"Invalid API key {KEY}"))
    assert session.refusal is not None
    assert KEY not in session.refusal.text


def test_a_symbol_too_many_on_a_feed_that_runs_does_not_end_it():
    session = finnhub()
    session.open()
    session.watch({"TSLA": 0, "SPY": 1})
    session.receive(error("Subscribing to too many symbols"))
    assert session.refusal is None
    assert session.faults.counts == {FaultKind.VENDOR_ERROR: 1}


@pytest.mark.parametrize(
    "bad",
    [
        TESLA | {"p": "122.1"},
        TESLA | {"t": -1},
        TESLA | {"t": 2**62},
        TESLA | {"c": 12},
        {"s": "TSLA", "t": 1},
        17,
    ],
)
def test_one_bad_trade_does_not_lose_the_good_ones_beside_it(bad):
    session = finnhub()
    ticks = session.receive(frame(TESLA | {"p": 1.5}, bad, BITCOIN))
    assert ticks["price"].tolist() == [1.5, 7296.89]
    assert session.faults.counts == {FaultKind.WRONG_TYPE: 1}


def test_a_price_that_is_nan_reaches_the_engine_which_refuses_it_by_name():
    ticks = finnhub().receive(frame(TESLA | {"p": float("nan")}, TESLA))
    assert np.isnan(ticks["price"]).tolist() == [True, False]


@pytest.mark.parametrize(
    ("garbage", "kind"),
    [
        (b"", FaultKind.NOT_JSON),
        (frame(TESLA)[:-10], FaultKind.NOT_JSON),
        (b"[" * 100_000, FaultKind.NOT_JSON),
        (b"[]", FaultKind.NOT_OF_PROTOCOL),
        (b'{"type":"news","data":[]}', FaultKind.NOT_OF_PROTOCOL),
        (b'{"data":[]}', FaultKind.NOT_OF_PROTOCOL),
        (b'{"type":"trade","data":7}', FaultKind.WRONG_TYPE),
        (b'{"type":"error","msg":7}', FaultKind.WRONG_TYPE),
    ],
)
def test_a_frame_that_is_none_is_counted_and_the_next_one_read(garbage, kind):
    session = finnhub()
    assert len(session.receive(garbage)) == 0
    assert session.faults.counts == {kind: 1}
    assert len(session.receive(frame(TESLA))) == 1


@given(st.binary())
def test_no_bytes_raise(data):
    finnhub().receive(data)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


def distorted(good: dict) -> st.SearchStrategy:
    return st.dictionaries(st.sampled_from(sorted(good)), VALUES, max_size=2).map(lambda wrong: good | wrong)


@given(st.lists(VALUES | distorted(TESLA), max_size=5))
def test_no_json_raises_and_good_trades_get_through(trades):
    good = TESLA | {"p": 0.5, "t": 7}
    ticks = finnhub().receive(frame(*trades, good))
    assert (ticks["price"][-1], ticks["time"][-1]) == (0.5, 7_000_000)


@given(VALUES | distorted({"type": "error", "msg": "Invalid API key", "data": [TESLA]}))
def test_no_message_raises(message):
    finnhub().receive(json.dumps(message).encode())


def test_the_key_goes_into_the_address():
    feed = FinnhubFeed(name="tape", vendor="finnhub")
    vendor = VENDORS["finnhub"]
    assert vendor.needs(feed) == ("key",)
    assert (
        vendor.signed(vendor.url(feed, ["SPY"]), Credentials("a&b=c"))
        == "wss://ws.finnhub.io/?token=a%26b%3Dc"
    )
    assert with_token("ws://127.0.0.1:8765", "k") == "ws://127.0.0.1:8765/?token=k"
    assert with_token("wss://proxy/finnhub?token=own", "k") == "wss://proxy/finnhub?token=own"
    assert with_token("wss://proxy/?via=a", "k") == "wss://proxy/?via=a&token=k"


# From here on over real sockets.


def tape(count: int) -> np.ndarray:
    ticks = empty_ticks(count)
    ticks["time"] = 1_769_610_600 * NS + np.arange(count) * 1_000_000
    ticks["price"] = np.round(6900 + np.arange(count) / 100, 2)
    ticks["size"] = 100
    ticks["symbol"] = np.arange(count) % 2
    ticks["flags"][::7] = NOT_LAST
    return ticks


@asynccontextmanager
async def connected(url: str, on_ticks, *symbols: str):
    """A connection to Finnhub at `url` that runs; gives its task."""
    feed = FinnhubFeed(name="tape", vendor="finnhub")
    instruments = {symbol: row for row, symbol in enumerate(symbols)}
    connection = Connection(
        feed,
        with_token(url, KEY),
        partial(VENDORS["finnhub"].protocol, feed, Credentials(KEY)),
        instruments,
        on_ticks,
        backoff=Backoff(base=0.001, cap=0.005, too_many=0.01),
    )
    task = asyncio.create_task(connection.run())
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def until(reached: Callable[[], bool], every: float = 0.005) -> None:
    async with asyncio.timeout(20):
        while not reached():  # noqa: ASYNC110 - neither a log nor a list tells
            await asyncio.sleep(every)


def over(logs: list) -> bool:
    """Whether an attempt to connect has ended."""
    return any(entry["event"] in ("feed.lost", "feed.refused") for entry in logs)


async def test_the_whole_tape_arrives_in_order():
    ticks = tape(3000)
    came: list[np.ndarray] = []
    simulator = Simulator(partial(VENDORS["finnhub"].server, None), ticks, ["SPY", "TSLA"], speed=None)
    with capture_logs() as logs:
        async with (
            simulator.serve() as server,
            connected(f"ws://127.0.0.1:{server.port}", came.append, "SPY", "TSLA"),
        ):
            await until(lambda: sum(map(len, came)) >= 3000)
    got = np.concatenate(came)
    for field in ("time", "price", "size", "symbol", "flags"):
        assert got[field].tolist() == ticks[field].tolist()
    assert KEY not in str(logs)
    assert not [entry for entry in logs if entry["event"] == "feed.fault"]


async def test_only_what_was_subscribed_to_comes():
    came: list[np.ndarray] = []
    simulator = Simulator(FinnhubServer, tape(200), ["SPY", "TSLA"], speed=None)
    async with (
        simulator.serve() as server,
        connected(f"ws://127.0.0.1:{server.port}", came.append, "TSLA"),
    ):
        await until(lambda: sum(map(len, came)) >= 100)
    assert np.concatenate(came)["price"].tolist() == tape(200)["price"][1::2].tolist()


async def test_a_refused_key_ends_the_feed_says_where_to_put_one_and_is_nowhere_shown():
    simulator = Simulator(FinnhubServer, tape(1), ["SPY"], trouble=Trouble(refuse_login=True))
    with capture_logs() as logs:
        async with (
            simulator.serve() as server,
            connected(f"ws://127.0.0.1:{server.port}", lambda _: None, "SPY") as task,
        ):
            with pytest.raises(FeedRefusedError, match="TAPEWATCH_FEED_TAPE_KEY") as refused:
                await asyncio.wait_for(task, 10)
            assert server.logins_refused == 1
    assert refused.value.refusal.kind == RefusalKind.BAD_KEY
    assert KEY not in str(logs) + str(refused.value)


def test_a_simulated_server_wants_a_token():
    subscribe = '{"type":"subscribe","symbol":"SPY"}'
    server = FinnhubServer(["SPY"], False)
    server.open("/", {})
    assert [json.loads(answer) for answer in server.receive(subscribe)] == [
        {"type": "error", "msg": "Invalid API key"}
    ]
    assert server.refused
    server = FinnhubServer(["SPY"], False)
    server.open("/?token=x", {})
    assert server.receive(subscribe) == []
    assert server.wanted.tolist() == [True]


@pytest.mark.parametrize("status", [401, 403, 429, 500])
async def test_the_key_is_not_shown_when_the_handshake_fails(status):
    def refuse(connection: ServerConnection, _: object) -> object:
        return connection.respond(status, "no\n")

    async def never(_: ServerConnection) -> None:
        raise AssertionError

    with capture_logs() as logs:
        async with serve(never, "127.0.0.1", 0, process_request=refuse) as server:
            port = next(iter(server.sockets)).getsockname()[1]
            async with connected(f"ws://127.0.0.1:{port}", lambda _: None, "SPY") as task:
                await until(lambda: over(logs))
                await asyncio.wait([task], timeout=0.01)
                ended = task.exception() if task.done() else None
    assert KEY not in str(logs) + str(ended)
    assert f"HTTP {status}" in str(logs)


async def test_the_key_is_not_shown_when_there_is_no_server():
    with capture_logs() as logs:
        async with connected("ws://no-such-host.invalid/", lambda _: None, "SPY"):
            await until(lambda: over(logs))
    assert KEY not in str(logs)

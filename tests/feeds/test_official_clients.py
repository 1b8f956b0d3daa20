"""The vendors' own clients, which nobody here wrote, at our simulator: our reading of the protocols is theirs."""

import asyncio
import logging
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from alpaca.data.live import StockDataStream
from massive import WebSocketClient
from massive.exceptions import AuthError

from tapewatch.feeds.alpaca.server import AlpacaServer
from tapewatch.feeds.massive.server import MassiveServer
from tapewatch.feeds.simulator import Simulator, Trouble
from tapewatch.market.ticks import NS, empty_ticks

START = 1_769_610_600 * NS
STOCKS = ("SPY", "IWM")


def tape(count: int, step_ns: int = 123_456_789) -> np.ndarray:
    """Of two symbols in turn: prices 690.00, 690.01, …, sizes 1, 2, …"""
    ticks = empty_ticks(count)
    ticks["time"] = START + np.arange(count) * step_ns
    ticks["price"] = np.round(690 + np.arange(count) / 100, 2)
    ticks["size"] = np.arange(count) + 1
    ticks["symbol"] = np.arange(count) % 2
    return ticks


def names(ticks: np.ndarray, symbols=STOCKS) -> list[str]:
    return [symbols[place] for place in ticks["symbol"]]


async def until(said) -> None:
    """Wait for `said()` to be true."""
    async with asyncio.timeout(10):
        while not said():  # noqa: ASYNC110 - a client in a thread of its own tells nobody
            await asyncio.sleep(0.01)


# ── Alpaca ────────────────────────────────────────────────────────────────────────────────────────────────────


@asynccontextmanager
async def alpaca(ticks: np.ndarray, *symbols: str, raw: bool = False, speed=None, trouble=None):
    """The official client, running in its thread, and the list that its handler fills; `symbols` are subscribed to."""
    got: list = []
    simulator = Simulator(AlpacaServer, ticks, STOCKS, speed=speed, trouble=trouble)
    async with simulator.serve():
        client = StockDataStream(
            "any key", "any secret", raw_data=raw, url_override=f"ws://127.0.0.1:{simulator.port}/v2/iex"
        )

        async def take(trade) -> None:
            got.append(trade)

        client.take = take
        client.subscribe_trades(take, *symbols)
        running = asyncio.create_task(asyncio.to_thread(client.run))
        try:
            yield client, got, simulator
        finally:
            await asyncio.to_thread(client.stop)
    await running  # which ends at once, since the simulator has hung up


async def test_alpacas_client_receives_the_tape():
    ticks = tape(500)
    async with alpaca(ticks, *STOCKS) as (_, got, _):
        await until(lambda: len(got) >= 500)
    assert [trade.symbol for trade in got] == names(ticks)
    assert [trade.price for trade in got] == ticks["price"].tolist()
    assert [trade.size for trade in got] == ticks["size"].tolist()
    assert [trade.id for trade in got] == list(range(1, 501))
    # A datetime holds microseconds; the test below is about the nanoseconds.
    microseconds = [timedelta(microseconds=time // 1000) for time in ticks["time"].tolist()]
    assert [trade.timestamp - datetime(1970, 1, 1, tzinfo=UTC) for trade in got] == microseconds
    assert {(trade.exchange, trade.tape, *trade.conditions) for trade in got} == {("V", "B", " ")}


async def test_alpacas_client_receives_times_to_the_nanosecond():
    ticks = tape(100)
    async with alpaca(ticks, "*", raw=True) as (_, got, _):
        await until(lambda: len(got) >= 100)
    assert [trade["t"].to_unix_nano() for trade in got] == ticks["time"].tolist()


async def test_alpacas_client_changes_its_symbols_on_the_same_connection(caplog):
    caplog.set_level(logging.INFO, "alpaca.data.live.websocket")

    def confirmed() -> list[str]:
        said = [record.message for record in caplog.records if record.message.startswith("subscribed to")]
        return [text.partition("trades: ")[2].partition(", corrections")[0] for text in said]

    async with alpaca(tape(100_000, 1_000_000), "SPY", speed=1) as (client, got, _):
        await until(lambda: len(confirmed()) == 1 and got)
        assert {trade.symbol for trade in got} == {"SPY"}
        await asyncio.to_thread(client.subscribe_trades, client.take, "IWM")
        await until(lambda: len(confirmed()) == 2 and got[-1].symbol == "IWM")
        await asyncio.to_thread(client.unsubscribe_trades, "SPY")
        await until(lambda: len(confirmed()) == 3)
        del got[:]
        await until(lambda: len(got) > 50)
        assert {trade.symbol for trade in got} == {"IWM"}
    assert confirmed() == ["['SPY']", "['SPY', 'IWM']", "['IWM']"]
    assert sum("connected to" in record.message for record in caplog.records) == 1


async def test_alpacas_client_understands_that_its_login_was_refused(caplog):
    async with alpaca(tape(10), "SPY", trouble=Trouble(refuse_login=True)) as (_, got, simulator):
        await until(lambda: "auth failed" in caplog.text)
        assert simulator.logins_refused >= 1
    assert not got


# ── Massive ───────────────────────────────────────────────────────────────────────────────────────────────────


@asynccontextmanager
async def massive(ticks: np.ndarray, symbols, *topics: str, market="stocks", speed=None):
    """The official client, connected, and the list that its messages fill; `topics` are subscribed to."""
    got: list = []
    simulator = Simulator(MassiveServer, ticks, symbols, speed=speed)
    async with simulator.serve():
        client = WebSocketClient(
            "any key",
            feed=f"127.0.0.1:{simulator.port}",
            market=market,
            subscriptions=list(topics),
            secure=False,
        )

        async def take(messages) -> None:
            got.extend(messages)

        running = asyncio.create_task(client.connect(take))
        try:
            yield client, got
        finally:
            await client.close()
            await running


@pytest.fixture
def massive_log(caplog):
    """What Massive's client says; a status that it does not take for good is a warning."""
    caplog.set_level(logging.DEBUG, "WebSocketClient")
    return caplog


def statuses(log) -> list[str]:
    return [record.args[0] for record in log.records if record.msg == "status: %s"]


async def test_massives_client_receives_the_tape_and_takes_every_status_for_good(massive_log):
    ticks = tape(500)
    async with massive(ticks, STOCKS, "T.*") as (_, got):
        await until(lambda: len(got) >= 500)
    assert [trade.symbol for trade in got] == names(ticks)
    assert [trade.price for trade in got] == ticks["price"].tolist()
    assert [trade.size for trade in got] == ticks["size"].tolist()
    assert [trade.id for trade in got] == [str(number) for number in range(1, 501)]
    assert [trade.timestamp for trade in got] == (ticks["time"] // 1_000_000).tolist()
    assert {(trade.event_type, trade.exchange, trade.tape) for trade in got} == {("T", 4, 1)}
    assert statuses(massive_log) == ["subscribed to: T.*"]
    assert not [record for record in massive_log.records if record.levelno >= logging.WARNING]


async def test_massives_client_receives_index_values():
    indices = ("I:SPX", "I:NDX")
    ticks = tape(100)
    async with massive(ticks, indices, "V.I:SPX", "V.I:NDX", market="indices") as (_, got):
        await until(lambda: len(got) >= 100)
    assert [value.ticker for value in got] == names(ticks, indices)
    assert [value.value for value in got] == ticks["price"].tolist()
    assert [value.timestamp for value in got] == (ticks["time"] // 1_000_000).tolist()


async def test_massives_client_changes_its_symbols_on_the_same_connection(massive_log):
    async with massive(tape(100_000, 1_000_000), STOCKS, "T.SPY", speed=1) as (client, got):
        await until(lambda: len(got) > 50)
        assert {trade.symbol for trade in got} == {"SPY"}
        client.subscribe("T.IWM")
        client.unsubscribe("T.SPY")
        await until(lambda: "unsubscribed to: T.SPY" in statuses(massive_log))
        del got[:]
        await until(lambda: len(got) > 50)
        assert {trade.symbol for trade in got} == {"IWM"}
    assert statuses(massive_log) == ["subscribed to: T.SPY", "subscribed to: T.IWM", "unsubscribed to: T.SPY"]
    assert not [record for record in massive_log.records if record.levelno >= logging.WARNING]


async def test_massives_client_understands_that_its_login_was_refused():
    simulator = Simulator(MassiveServer, tape(10), STOCKS, trouble=Trouble(refuse_login=True))
    async with simulator.serve():
        client = WebSocketClient("any key", feed=f"127.0.0.1:{simulator.port}", secure=False)
        with pytest.raises(AuthError, match="authentication failed"):
            await client.connect(lambda messages: None)
    assert simulator.logins_refused == 1

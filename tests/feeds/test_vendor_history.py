"""Bars over HTTP: paging, what a refusal means, the cache, a server in trouble."""

import asyncio
import gzip
import json
import stat
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from starlette.responses import JSONResponse, Response

from feeds.bar_servers import DAY, MINUTE, NS, Market, at, minutes, serve
from tapewatch.feeds import history
from tapewatch.feeds.alpaca.history import AlpacaHistory
from tapewatch.feeds.coinbase.history import CoinbaseHistory
from tapewatch.feeds.history import HistorySource, HistoryUnavailableError
from tapewatch.feeds.history_vendor import Asked, VendorHistory
from tapewatch.feeds.kraken.history import KrakenHistory
from tapewatch.feeds.massive.history import MassiveHistory
from tapewatch.feeds.protocol import Credentials
from tapewatch.market.sessions import sessions

FRAMES = Path(__file__).parents[2] / "../shared/data/frames"
KEY = Credentials("key-0123456789", "secret-0123456789")
NOON = at("2024-07-03 12:00:30")
Make = Callable[..., HistorySource]


@pytest.fixture
def market() -> Market:
    """BTC/USD for three days, to noon of the third, without a break; who trades stocks calls it SPY."""
    bars = minutes(at("2024-07-01 00:00"), at("2024-07-03 12:01"), price=6e4)
    own = Market(sessions("24/7"), BTC_USD=bars, SPY=bars)
    own.now = NOON
    return own


@pytest.fixture
async def make(market: Market, tmp_path: Path) -> AsyncIterator[Make]:
    """A source that asks the market's server."""
    async with serve(market) as url, httpx.AsyncClient() as http:

        def source(vendor: VendorHistory | None = None, **more: Any) -> HistorySource:
            more = {"folder": tmp_path / "history", "patience": 3.0, "timeout": 0.5, **more}
            return HistorySource(http, vendor or MassiveHistory(KEY), KEY, url, **more)

        yield source


async def ask(
    source: HistorySource,
    interval: str = "1m",
    start: int = at("2024-07-02 20:00"),
    end: int = NOON,
    now: int = NOON,
) -> np.ndarray:
    symbol = "BTC/USD" if source.vendor.name in ("coinbase", "kraken") else "SPY"
    return await source.bars(symbol, interval, start, end, now)


VENDORS: list[Callable[[], VendorHistory]] = [
    lambda: MassiveHistory(KEY),
    lambda: AlpacaHistory(KEY, "iex"),
    CoinbaseHistory,
]


@pytest.mark.parametrize("vendor", VENDORS, ids=["massive", "alpaca", "coinbase"])
async def test_all_pages_come_oldest_first_and_no_bar_that_still_forms(
    make: Make, market: Market, vendor: Callable[[], VendorHistory]
) -> None:
    market.page = 100
    bars = await ask(make(vendor(), folder=None), start=at("2024-07-03 00:00"))
    wanted = market.symbols["BTC/USD"]
    wanted = wanted[(wanted["start"] >= at("2024-07-03 00:00")) & (wanted["end"] <= NOON)]
    assert len(bars) == 720
    assert bars.tolist() == wanted.tolist()
    assert len(market.asked) > 2


async def test_kraken_gives_what_it_still_has(make: Make, market: Market) -> None:
    bars = await ask(make(KrakenHistory()), start=at("2024-07-01 00:00"))
    assert len(bars) == 719, "of 720 the last one forms"
    assert (bars["start"][0], bars["end"][-1]) == (
        NOON // MINUTE * MINUTE - 719 * MINUTE,
        NOON // MINUTE * MINUTE,
    )


async def test_the_key_is_in_a_header_and_never_in_a_url(make: Make, market: Market) -> None:
    await ask(make())
    assert market.headers[0]["authorization"] == f"Bearer {KEY.key}"
    await ask(make(AlpacaHistory(KEY, "iex"), folder=None))
    assert (market.headers[-1]["apca-api-key-id"], market.headers[-1]["apca-api-secret-key"]) == (
        KEY.key,
        KEY.secret,
    )
    assert KEY.key not in str(market.asked)
    assert KEY.secret not in str(market.asked)


async def test_too_many_requests_are_asked_again_when_the_vendor_says(make: Make, market: Market) -> None:
    market.troubles = [Response("slow down", status_code=429, headers={"Retry-After": "1"})]
    began = time.monotonic()
    assert len(await ask(make()))
    assert time.monotonic() - began >= 1
    assert len(market.asked) == 2


async def test_a_vendor_that_asks_for_more_patience_than_there_is_is_done_without_at_once(
    make: Make, market: Market
) -> None:
    market.troubles = [Response(status_code=429, headers={"Retry-After": "60"})]
    source = make()
    with pytest.raises(HistoryUnavailableError, match="HTTP 429"):
        await ask(source)
    with pytest.raises(HistoryUnavailableError, match="HTTP 429"):
        await ask(source)
    assert len(market.asked) == 1, "it is left in peace for as long as it asked"


async def test_too_many_requests_are_an_ordinary_answer_of_kraken(make: Make, market: Market) -> None:
    market.troubles = [JSONResponse({"error": ["EGeneral:Too many requests"]})]
    assert len(await ask(make(KrakenHistory())))
    market.troubles = [JSONResponse({"error": ["EQuery:Unknown asset pair"]})]
    with pytest.raises(HistoryUnavailableError, match="BTC/USD: EQuery:Unknown asset pair"):
        await ask(make(KrakenHistory(), folder=None))


@pytest.mark.parametrize(
    ("status", "body", "said"),
    [
        (
            401,
            {"status": "ERROR", "error": f"Unknown API Key {KEY.key}"},
            "Unknown API Key ...: it does not take the key",
        ),
        (
            403,
            {"status": "NOT_AUTHORIZED", "message": "Your plan"},
            "Your plan: the key is not entitled to them",
        ),
        (404, {}, "HTTP 404"),
    ],
)
async def test_what_will_not_pass_is_not_asked_again_and_says_why_without_the_key(
    make: Make, market: Market, status: int, body: dict[str, str], said: str
) -> None:
    market.troubles = [JSONResponse(body, status_code=status)]
    with pytest.raises(HistoryUnavailableError) as error:
        await ask(make())
    assert said.replace("...", "***") in str(error.value)
    assert KEY.key not in str(error.value)
    assert len(market.asked) == 1


async def test_without_the_newest_sip_data_all_but_the_last_quarter_of_an_hour_is_asked_for(
    make: Make, market: Market
) -> None:
    source = make(AlpacaHistory(KEY, "sip"))
    bars = await ask(source)
    assert bars["end"][-1] == NOON // MINUTE * MINUTE - 15 * MINUTE
    assert source.known_until("1m", NOON) == NOON - 15 * MINUTE
    refused = len(market.asked)
    await ask(source, start=at("2024-07-03 11:00"))
    assert len(market.asked) == refused + 1, "it remembers"


async def test_a_server_that_hangs_is_given_up_after_its_time(make: Make, market: Market) -> None:
    market.troubles = [None] * 20
    began = time.monotonic()
    with pytest.raises(HistoryUnavailableError, match=r"gave no answer within 0\.2 s"):
        await ask(make(patience=1.0, timeout=0.2))
    assert time.monotonic() - began < 2
    assert len(market.asked) >= 2


@pytest.mark.parametrize(
    "nonsense",
    [b"<html>", b"[]", b'{"results": [{"t": "x"}]}', b"\xff", b"[" * 200_000, b'{"results":' * 100_000],
)
async def test_nonsense_is_a_failure_that_may_pass(make: Make, market: Market, nonsense: bytes) -> None:
    market.troubles = [Response(nonsense)]
    assert len(await ask(make()))


async def test_an_answer_that_unpacks_to_very_much_is_not_taken(
    make: Make, market: Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history, "MAX_ANSWER", 2**20)
    bomb = gzip.compress(b'{"results": [' + b" " * (4 * 2**20))
    market.troubles = [Response(bomb, headers={"Content-Encoding": "gzip"})]
    with pytest.raises(HistoryUnavailableError, match="answers with more than 1,048,576 bytes"):
        await ask(make())


@pytest.mark.parametrize("limit", ["MAX_PAGES", "MAX_BARS"])
async def test_a_history_without_end_is_not_taken(
    limit: str, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history, limit, 1)
    with pytest.raises(HistoryUnavailableError, match="has no end of pages"):
        await ask(make(CoinbaseHistory()))


async def test_no_connection_says_where(market: Market) -> None:
    async with serve(market) as url:
        pass
    async with httpx.AsyncClient() as http:
        source = HistorySource(http, MassiveHistory(KEY), KEY, url, patience=0.5)
        with pytest.raises(HistoryUnavailableError, match=r"no connection to 127\.0\.0\.1:\d+"):
            await ask(source)


async def test_requests_keep_the_vendors_pace(make: Make, market: Market) -> None:
    vendor = KrakenHistory()
    vendor.per_minute = 200
    source = make(vendor, folder=None)
    began = time.monotonic()
    for _ in range(4):
        await ask(source)
    assert time.monotonic() - began >= 3 * 0.3


async def test_who_gives_up_in_the_queue_leaves_its_turn_to_the_next(make: Make, market: Market) -> None:
    vendor = KrakenHistory()
    vendor.per_minute = 60
    source = make(vendor, folder=None)
    queue = [asyncio.create_task(ask(source, interval)) for interval in ("1m", "5m", "15m", "30m")]
    await asyncio.sleep(0.2)
    for own in queue:
        own.cancel()
    await asyncio.wait(queue)
    began = time.monotonic()
    await ask(source, "1h")
    assert time.monotonic() - began < 2


async def test_past_days_are_asked_for_once(make: Make, market: Market, tmp_path: Path) -> None:
    yesterday = {"start": at("2024-07-01 10:00"), "end": at("2024-07-02 10:00")}
    first = await ask(make(), **yesterday)
    asked = len(market.asked)
    again = await ask(make(), **yesterday)
    assert len(market.asked) == asked
    assert again.tolist() == first.tolist()
    (folder,) = (tmp_path / "history").iterdir()
    assert [stat.S_IMODE(own.stat().st_mode) for own in (folder, folder.parent)] == [0o700, 0o700]


async def test_days_without_bars_are_remembered_and_today_is_not(make: Make, market: Market) -> None:
    source = make()
    assert not len(await ask(source, start=at("2024-06-01 00:00"), end=at("2024-06-03 00:00")))
    asked = len(market.asked)
    await ask(source, start=at("2024-06-01 00:00"), end=at("2024-06-03 00:00"))
    assert len(market.asked) == asked
    await ask(source, start=at("2024-07-03 00:00"))
    await ask(source, start=at("2024-07-03 00:00"))
    assert len(market.asked) == asked + 2


async def test_after_a_day_they_are_asked_for_anew(make: Make, market: Market) -> None:
    past = {"start": at("2024-07-01 10:00"), "end": at("2024-07-01 11:00")}
    await ask(make(), **past)
    asked = len(market.asked)
    split = market.symbols["SPY"].copy()
    for price in ("open", "high", "low", "close"):
        split[price] /= 2
    market.symbols["SPY"] = split
    assert (await ask(make(), **past, now=NOON + DAY - NS))["close"][0] > 5e4
    assert (await ask(make(), **past, now=NOON + DAY + NS))["close"][0] < 4e4
    assert len(market.asked) == asked + 1


@pytest.mark.parametrize("damage", [b"", b"\x80\x04K\x01.", b"PK\x03\x04 half"])
async def test_a_damaged_cache_is_as_good_as_none(
    make: Make, market: Market, tmp_path: Path, damage: bytes
) -> None:
    past = {"start": at("2024-07-01 10:00"), "end": at("2024-07-01 11:00")}
    good = await ask(make(), **past)
    (file,) = (tmp_path / "history").rglob("*.npz")
    file.write_bytes(damage)
    assert (await ask(make(), **past)).tolist() == good.tolist()
    whole = bytearray(file.read_bytes())
    whole[len(whole) // 2] ^= 0xFF
    file.write_bytes(whole)
    assert (await ask(make(), **past)).tolist() == good.tolist()


async def test_another_address_or_stream_has_a_cache_of_its_own(
    make: Make, market: Market, tmp_path: Path
) -> None:
    past = {"start": at("2024-07-01 10:00"), "end": at("2024-07-01 11:00")}
    await ask(make(AlpacaHistory(KEY, "iex")), **past)
    await ask(make(AlpacaHistory(KEY, "sip")), **past)
    assert len(list((tmp_path / "history").iterdir())) == 2


@pytest.mark.skipif(not FRAMES.exists(), reason="the market data of ../shared/data is not here")
class TestRealAnswers:
    """As the vendors gave them."""

    def test_coinbase(self) -> None:
        vendor = CoinbaseHistory()
        asked = Asked("BTC/USD", "1h", 1712188800 * NS, 1712196000 * NS)
        page = vendor.parse((FRAMES / "coinbase-http_candles.json").read_bytes(), vendor.request(asked))
        newest = page.bars[0]
        assert (newest["start"], newest["close"], newest["volume"]) == (
            1712192400 * NS,
            66181.6,
            355.82896243,
        )
        assert page.next is None

    def test_kraken(self) -> None:
        vendor = KrakenHistory()
        body = (FRAMES / "kraken-http_ohlc.json").read_bytes()
        entries = json.loads(body)["result"]["XBTUSDT"]
        page = vendor.parse(body, vendor.request(Asked("BTC/USDT", "1m", 0, 2**62)))
        traded = [entry for entry in entries[:-1] if entry[7]]
        assert [int(start) for start in page.bars["start"]] == [entry[0] * NS for entry in traded]
        assert page.bars["close"].tolist() == [float(entry[4]) for entry in traded]

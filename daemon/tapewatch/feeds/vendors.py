"""Which vendors there are: each a protocol for us, and its other side for the simulator."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from tapewatch.config import Feed
from tapewatch.feeds.alpaca.history import AlpacaHistory
from tapewatch.feeds.alpaca.protocol import Alpaca
from tapewatch.feeds.alpaca.protocol import default_url as alpaca_url
from tapewatch.feeds.alpaca.server import AlpacaServer
from tapewatch.feeds.coinbase.history import CoinbaseHistory
from tapewatch.feeds.coinbase.protocol import URL as COINBASE_URL
from tapewatch.feeds.coinbase.protocol import Coinbase
from tapewatch.feeds.coinbase.server import CoinbaseServer
from tapewatch.feeds.finnhub.protocol import URL as FINNHUB_URL
from tapewatch.feeds.finnhub.protocol import Finnhub, with_token
from tapewatch.feeds.finnhub.server import FinnhubServer
from tapewatch.feeds.history import PATIENCE, HistorySource
from tapewatch.feeds.history_vendor import VendorHistory
from tapewatch.feeds.json.protocol import JsonProtocol, with_credentials
from tapewatch.feeds.json.protocol import needs as json_needs
from tapewatch.feeds.json.server import JsonServer
from tapewatch.feeds.kraken.history import KrakenHistory
from tapewatch.feeds.kraken.protocol import URL as KRAKEN_URL
from tapewatch.feeds.kraken.protocol import Kraken
from tapewatch.feeds.kraken.server import KrakenServer
from tapewatch.feeds.massive.history import MassiveHistory
from tapewatch.feeds.massive.protocol import Massive, default_url
from tapewatch.feeds.massive.server import MassiveServer
from tapewatch.feeds.protocol import Credentials, VendorProtocol
from tapewatch.feeds.simulator import VendorServer


@dataclass(frozen=True)
class Vendor:
    """What the rest of the program needs to know of a vendor; `feed` is its table of the config."""

    needs: Callable[[Any], tuple[str, ...]]
    """Which of "key" and "secret" it cannot do without, from `feed`."""
    url: Callable[[Any, Iterable[str]], str]
    """Its own websocket for these symbols, from `feed`; ValueError if no one address serves them all."""
    protocol: Callable[[Any, Credentials, Mapping[str, int]], VendorProtocol]
    """One connection's protocol, from `feed` and the engine's number of each instrument."""
    server: Callable[[Any, Sequence[str], bool], VendorServer]
    """The vendor's side of it, from `feed`, the symbols and whether to refuse the login."""
    signed: Callable[[str, Credentials], str] = lambda url, credentials: url
    """A URL, the vendor's own or the config's, with what the vendor wants to find of the credentials in it."""
    history: Callable[[Any, Credentials], VendorHistory] | None = None
    """Its bars over HTTP, from `feed`; None: it has none for us."""


VENDORS: dict[str, Vendor] = {
    "alpaca": Vendor(
        needs=lambda feed: ("key", "secret"),
        url=lambda feed, symbols: alpaca_url(feed.stream),
        protocol=lambda feed, credentials, instruments: Alpaca(credentials, instruments),
        server=lambda feed, symbols, refuse_login: AlpacaServer(symbols, refuse_login),
        history=lambda feed, credentials: AlpacaHistory(credentials, feed.stream),
    ),
    "coinbase": Vendor(
        needs=lambda feed: (),
        url=lambda feed, symbols: COINBASE_URL,
        protocol=lambda feed, credentials, instruments: Coinbase(credentials, instruments),
        server=lambda feed, symbols, refuse_login: CoinbaseServer(symbols, refuse_login),
        history=lambda feed, credentials: CoinbaseHistory(),
    ),
    "finnhub": Vendor(
        needs=lambda feed: ("key",),
        url=lambda feed, symbols: FINNHUB_URL,
        protocol=lambda feed, credentials, instruments: Finnhub(credentials, instruments),
        server=lambda feed, symbols, refuse_login: FinnhubServer(symbols, refuse_login),
        signed=lambda url, credentials: with_token(url, credentials.key),
    ),
    "json": Vendor(
        needs=json_needs,
        url=lambda feed, symbols: feed.url,
        protocol=JsonProtocol,
        server=JsonServer,
        signed=with_credentials,
    ),
    "kraken": Vendor(
        needs=lambda feed: (),
        url=lambda feed, symbols: KRAKEN_URL,
        protocol=lambda feed, credentials, instruments: Kraken(credentials, instruments),
        server=lambda feed, symbols, refuse_login: KrakenServer(symbols, refuse_login),
        history=lambda feed, credentials: KrakenHistory(),
    ),
    "massive": Vendor(
        needs=lambda feed: ("key",),
        url=lambda feed, symbols: default_url(symbols),
        protocol=lambda feed, credentials, instruments: Massive(credentials, instruments),
        server=lambda feed, symbols, refuse_login: MassiveServer(symbols, refuse_login),
        history=lambda feed, credentials: MassiveHistory(credentials),
    ),
}
"""By the config's `vendor`."""


def history_source(
    feed: Feed,
    credentials: Credentials,
    http: httpx.AsyncClient,
    folder: Path | None,
    *,
    patience: float = PATIENCE,
) -> HistorySource | None:
    """Where the feed's past bars are asked for; None: nowhere.

    Args:
        feed: its table of the config.
        credentials: what its vendor knows us by.
        http: follows no redirects.
        folder: of the instance's cache; None: nothing is kept.
        patience: seconds for which a failure that may pass is tried again.
    """
    history = VENDORS[feed.vendor].history
    if history is None or not feed.asks_for_history:
        return None
    url = getattr(feed, "history_url", None)
    return HistorySource(http, history(feed, credentials), credentials, url, folder, patience=patience)

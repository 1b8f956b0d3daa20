"""The tables of where ticks come from: `[[feed]]`, one class a vendor."""

from typing import Annotated, Literal

from pydantic import Field

from tapewatch.config.table import Table
from tapewatch.values import File, HttpUrl, Line, Name, WebsocketUrl


class _Feed(Table):
    name: Name = Field(description="What watches call it.")
    url: WebsocketUrl | None = Field(default=None, description="Left out: the vendor's.")
    fallback_url: WebsocketUrl | None = Field(
        default=None, description="Where to connect while the first one cannot be reached or does not last."
    )
    clock: Literal["wall", "tape"] = Field(
        default="wall", description="`tape` for a feed that plays a recording or a scenario."
    )

    @property
    def asks_for_history(self) -> bool:
        """Whether past bars can be asked for over HTTP."""
        return False


class _WithHistory(_Feed):
    history_url: HttpUrl | None = Field(
        default=None,
        description="Where past bars are asked for; left out: at the vendor's, but of nobody if `url` is given.",
    )
    warm_up: int = Field(
        default=250, ge=0, le=5000, description="Bars of each timeframe to warm the indicators on; 0: none."
    )

    @property
    def asks_for_history(self) -> bool:
        """The vendor's own, unless the feed is another's, as of a simulator."""
        return self.url is None or self.history_url is not None


class MassiveFeed(_WithHistory):
    """Massive, formerly Polygon.io: US stocks and indices. It needs a key."""

    vendor: Literal["massive"]
    key_file: File | None = Field(
        default=None, description="File that holds the vendor's key. Or set `TAPEWATCH_FEED_<NAME>_KEY`."
    )


class AlpacaFeed(_WithHistory):
    """Alpaca: US stocks. It needs a key and its secret."""

    vendor: Literal["alpaca"]
    stream: Literal["iex", "sip"] = Field(
        default="iex", description="`iex`: one exchange's trades, free; `sip`: those of all, for a fee."
    )
    key_file: File | None = Field(
        default=None, description="File that holds the key id. Or set `TAPEWATCH_FEED_<NAME>_KEY`."
    )
    secret_file: File | None = Field(
        default=None, description="File that holds the key's secret. Or set `TAPEWATCH_FEED_<NAME>_SECRET`."
    )


class CoinbaseFeed(_WithHistory):
    """Coinbase Advanced Trade: crypto currencies, without a key. `BTC/USD` is its BTC-USD."""

    vendor: Literal["coinbase"]


class KrakenFeed(_WithHistory):
    """Kraken, its websocket API v2: crypto currencies, without a key. It names them as in `BTC/USD`."""

    vendor: Literal["kraken"]


class FinnhubFeed(_Feed):
    """Finnhub: US stocks and others. It needs a key, and has no history for us."""

    vendor: Literal["finnhub"]
    key_file: File | None = Field(
        default=None, description="File that holds the vendor's key. Or set `TAPEWATCH_FEED_<NAME>_KEY`."
    )


class JsonFeed(_Feed):
    """Any other websocket whose messages are JSON, described here."""

    vendor: Literal["json"]
    url: WebsocketUrl = Field(description="Where it is; `{key}` and `{secret}` in it are the feed's.")
    hello: list[Line] = Field(
        default=[],
        description="Messages to send once connected, in this order; `{key}` in them is the feed's key, and `{secret}` "
        "its secret.",
    )
    subscribe: Line | None = Field(
        default=None,
        description="Message that asks for trades: with `{symbol}` one for each symbol, with `{symbols}` one with an "
        "array of all; left out: they come unasked.",
    )
    unsubscribe: Line | None = Field(
        default=None, description="The same to end it; left out: trades of no watch are let pass."
    )
    trades: Line = Field(
        default="",
        description="Where in a message its trades stand, such as `data.trades`: an array or one; left out: the "
        "message itself.",
    )
    only: dict[str, str] = Field(
        default={},
        description='What a message must say to be of trades, such as `{ type = "trade" }`; any other is let pass.',
    )
    symbol: Line = Field(default="symbol", description="Where in a trade its symbol stands.")
    price: Line = Field(default="price", description="Where its price stands, a number or text.")
    size: Line | None = Field(default=None, description="Where its size stands; left out: it has none.")
    time: Line = Field(default="time", description="Where its time stands.")
    time_unit: Literal["s", "ms", "us", "ns", "iso"] = Field(
        default="ms", description="What its time counts since 1970 UTC; `iso`: ISO 8601 with an offset."
    )
    id: Line | None = Field(
        default=None, description="Where its id stands, so that a trade that comes twice counts once."
    )
    key_file: File | None = Field(
        default=None, description="File that holds the key. Or set `TAPEWATCH_FEED_<NAME>_KEY`."
    )
    secret_file: File | None = Field(
        default=None, description="File that holds the secret. Or set `TAPEWATCH_FEED_<NAME>_SECRET`."
    )


Feed = Annotated[
    MassiveFeed | AlpacaFeed | CoinbaseFeed | KrakenFeed | FinnhubFeed | JsonFeed,
    Field(discriminator="vendor"),
]

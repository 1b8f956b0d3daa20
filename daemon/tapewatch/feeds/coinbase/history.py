"""Coinbase Advanced Trade: candles, without a key.

- https://docs.cdp.coinbase.com/api-reference/advanced-trade-api/rest-api/public/get-public-product-candles.md: at most
  350 candles an answer, the newest first, numbers as text, times in seconds; `start` and `end` inclusive
- https://docs.cdp.coinbase.com/exchange/rest-api/rate-limits.md: 10 public requests a second and address
- no candle where there was no trade; days are those of UTC
"""

from dataclasses import replace
from urllib.parse import quote

import msgspec

from tapewatch.feeds.history_vendor import (
    Asked,
    BadAnswerError,
    NoBars,
    Page,
    Request,
    bar_rows,
    by_status,
    decoded,
)
from tapewatch.market.ticks import NS
from tapewatch.market.timeframes import duration_ns

_GRANULARITIES = {
    "1m": "ONE_MINUTE",
    "5m": "FIVE_MINUTE",
    "15m": "FIFTEEN_MINUTE",
    "30m": "THIRTY_MINUTE",
    "1h": "ONE_HOUR",
    "2h": "TWO_HOUR",
    "6h": "SIX_HOUR",
    "1d": "ONE_DAY",
}
_PER_ANSWER = 350


class _Candle(msgspec.Struct):
    start: str
    low: str
    high: str
    open: str
    close: str
    volume: str


class _Answer(msgspec.Struct):
    candles: list[_Candle]


class _Error(msgspec.Struct):
    error: str = ""
    message: str = ""


class CoinbaseHistory:
    """Candles of the public market."""

    name = "coinbase"
    url = "https://api.coinbase.com"
    intervals: tuple[str, ...] = tuple(_GRANULARITIES)
    exchange_days = False
    reach: int | None = None
    per_minute = 600

    def request(self, asked: Asked) -> Request:
        """See `VendorHistory`; of more than one answer holds, the first part."""
        length = duration_ns(asked.interval)
        first = -(-asked.start // length) * length
        last = min(first + (_PER_ANSWER - 1) * length, asked.end - 1)
        path = f"/api/v3/brokerage/market/products/{quote(_product(asked.symbol))}/candles"
        params = {
            "start": str(first // NS),
            "end": str(last // NS),
            "granularity": _GRANULARITIES[asked.interval],
            "limit": str(_PER_ANSWER),
        }
        return Request(asked, path, params)

    def parse(self, body: bytes, request: Request) -> Page:
        """See `VendorHistory`."""
        own = decoded(body, _Answer).candles
        length = duration_ns(request.asked.interval)
        try:
            starts = [int(each.start) * NS for each in own]
        except ValueError as error:
            raise BadAnswerError(str(error)[:100]) from None
        prices = {
            name: [getattr(each, name) for each in own] for name in ("open", "high", "low", "close", "volume")
        }
        bars = bar_rows(starts, length, prices)
        rest = int(request.params["start"]) * NS + _PER_ANSWER * length
        if rest >= request.asked.end:
            return Page(bars)
        return Page(bars, self.request(replace(request.asked, start=rest)))

    def no_bars(self, status: int, body: bytes) -> NoBars | None:
        """See `VendorHistory`."""
        try:
            own = msgspec.json.decode(body, type=_Error) if status >= 300 else _Error()
        except msgspec.DecodeError:
            own = _Error()
        return by_status(status, own.message or own.error)


def _product(symbol: str) -> str:
    """`BTC/USD` is its BTC-USD."""
    return symbol.replace("/", "-")

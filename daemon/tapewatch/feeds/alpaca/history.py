"""Alpaca: bars of US stocks.

- https://docs.alpaca.markets/reference/stockbars: parameters; bars by symbol, `next_page_token`
- https://docs.alpaca.markets/docs/market-data-faq: what 403 means; a plan without the newest SIP data is told so, and
  may ask for all but the last 15 minutes
- https://docs.alpaca.markets/docs/about-market-data-api: 200 requests a minute without a paid plan
- times are inclusive at both ends, and those of daily bars midnight in New York
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime

import msgspec

from tapewatch.feeds.history_vendor import (
    Asked,
    BadAnswerError,
    NoBars,
    Page,
    Prices,
    Request,
    Why,
    by_status,
    decoded,
    exchange_bars,
)
from tapewatch.feeds.protocol import Credentials
from tapewatch.feeds.times import iso_ns
from tapewatch.market.ticks import NS
from tapewatch.market.timeframes import DAY

_TIMEFRAMES = {"1m": "1Min", "5m": "5Min", "15m": "15Min", "30m": "30Min", "1h": "1Hour", DAY: "1Day"}
_TOO_RECENT = "recent SIP data"


class _Bar(Prices, kw_only=True):
    t: str


class _Answer(msgspec.Struct):
    bars: dict[str, list[_Bar]] | None = None
    next_page_token: str | None = None


class _Error(msgspec.Struct):
    message: str = ""


class AlpacaHistory:
    """Bars of the exchanges that the stream is of, adjusted for splits; the daily ones always of all exchanges."""

    url = "https://data.alpaca.markets"
    intervals: tuple[str, ...] = tuple(_TIMEFRAMES)
    exchange_days = True
    reach: int | None = None
    per_minute = 200

    def __init__(self, credentials: Credentials, stream: str) -> None:
        self.name = f"alpaca {stream}"
        self._stream = stream
        self._headers = {
            "APCA-API-KEY-ID": credentials.key,
            "APCA-API-SECRET-KEY": credentials.secret,
        }

    def request(self, asked: Asked) -> Request:
        """See `VendorHistory`."""
        params: Mapping[str, str] = {
            "symbols": asked.symbol,
            "timeframe": _TIMEFRAMES[asked.interval],
            "start": _iso(asked.start),
            "end": _iso(asked.end - NS),
            "limit": "10000",
            "adjustment": "split",
            "feed": "sip" if asked.interval == DAY else self._stream,
            "sort": "asc",
        }
        return Request(asked, "/v2/stocks/bars", params, self._headers)

    def parse(self, body: bytes, request: Request) -> Page:
        """See `VendorHistory`."""
        answer = decoded(body, _Answer)
        own = (answer.bars or {}).get(request.asked.symbol, [])
        try:
            starts = [iso_ns(each.t) for each in own]
        except ValueError as error:
            raise BadAnswerError(str(error)) from None
        bars = exchange_bars(request.asked, starts, own)
        if not answer.next_page_token:
            return Page(bars)
        return Page(bars, replace(request, params={**request.params, "page_token": answer.next_page_token}))

    def no_bars(self, status: int, body: bytes) -> NoBars | None:
        """See `VendorHistory`."""
        said = _said(body)
        if status == 403 and _TOO_RECENT in said:
            return NoBars(Why.TOO_RECENT, f"HTTP 403, {said}")
        if status == 403:  # so it answers a wrong key, too
            return NoBars(
                Why.NOT_ENTITLED, f"HTTP 403, {said}: it does not take the key, or not for these data"
            )
        return by_status(status, said)


def _iso(time: int) -> str:
    return f"{datetime.fromtimestamp(time // NS, UTC):%Y-%m-%dT%H:%M:%SZ}"


def _said(body: bytes) -> str:
    try:
        return msgspec.json.decode(body, type=_Error).message[:200]
    except msgspec.DecodeError:
        return ""

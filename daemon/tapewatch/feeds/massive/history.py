"""Massive (formerly Polygon.io): aggregates of stocks and indices.

- https://massive.com/docs/rest/stocks/aggregates/custom-bars.md: parameters; no bar where there was no trade
- https://massive.com/blog/aggs-api-updates: `limit` counts the minutes that the bars are made of, and a bar that it
  would cut in two is left for the next page
- `next_url` is followed as the vendor's own client does, on the same host, with the key in a header:
  https://github.com/massive-com/client-python/blob/master/massive/rest/base.py
- https://massive.com/knowledge-base: paid plans, the only ones with websockets, have no limit; under 100 requests a
  second are recommended
"""

from dataclasses import replace
from datetime import UTC, datetime
from urllib.parse import parse_qsl, quote, urlsplit

import msgspec

from tapewatch.feeds.history_vendor import (
    Asked,
    NoBars,
    Page,
    Prices,
    Request,
    by_status,
    decoded,
    exchange_bars,
)
from tapewatch.feeds.protocol import Credentials
from tapewatch.market.ticks import NS
from tapewatch.market.timeframes import DAY

_MS = 1_000_000
_RANGES = {
    "1m": (1, "minute"),
    "5m": (5, "minute"),
    "15m": (15, "minute"),
    "30m": (30, "minute"),
    "1h": (1, "hour"),
    DAY: (1, "day"),
}


class _Aggregate(Prices, kw_only=True):
    t: int
    """Start, ms; of a day midnight in New York."""


class _Answer(msgspec.Struct):
    results: list[_Aggregate] = []
    next_url: str | None = None


class _Error(msgspec.Struct):
    error: str = ""
    message: str = ""


class MassiveHistory:
    """Aggregates, adjusted for splits."""

    name = "massive"
    url = "https://api.massive.com"
    intervals: tuple[str, ...] = tuple(_RANGES)
    exchange_days = True
    reach: int | None = None
    per_minute = 3000

    def __init__(self, credentials: Credentials) -> None:
        self._headers = {"Authorization": f"Bearer {credentials.key}"}

    def request(self, asked: Asked) -> Request:
        """See `VendorHistory`."""
        multiplier, timespan = _RANGES[asked.interval]
        if (
            asked.interval == DAY
        ):  # in dates of New York, as which those of UTC serve: it trades while they are one
            first, last = (_date(time) for time in (asked.start, asked.end - 1))
        else:
            first, last = str(asked.start // _MS), str((asked.end - 1) // _MS)
        path = f"/v2/aggs/ticker/{quote(asked.symbol, safe=':')}/range/{multiplier}/{timespan}/{first}/{last}"
        return Request(asked, path, {"adjusted": "true", "sort": "asc", "limit": "50000"}, self._headers)

    def parse(self, body: bytes, request: Request) -> Page:
        """See `VendorHistory`."""
        answer = decoded(body, _Answer)
        starts = [each.t * _MS for each in answer.results]
        bars = exchange_bars(request.asked, starts, answer.results)
        if not answer.next_url:
            return Page(bars)
        rest = urlsplit(answer.next_url)
        return Page(bars, replace(request, path=rest.path, params=dict(parse_qsl(rest.query))))

    def no_bars(self, status: int, body: bytes) -> NoBars | None:
        """See `VendorHistory`."""
        return by_status(status, _said(body))


def _date(time: int) -> str:
    return f"{datetime.fromtimestamp(time // NS, UTC):%Y-%m-%d}"


def _said(body: bytes) -> str:
    try:
        own = msgspec.json.decode(body, type=_Error)
    except msgspec.DecodeError:
        return ""
    return own.message or own.error

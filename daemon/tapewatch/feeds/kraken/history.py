"""Kraken: OHLC, without a key.

- https://docs.kraken.com/api-reference/market-data/get-ohlc-data.md: the last 720 entries and none before them; the
  last one is still forming; `pair` may be as on the websocket, `BTC/USD`, and the answer names it in Kraken's own way
- https://support.kraken.com/articles/206548367-what-are-the-api-rate-limits-: one request a second and address
- errors come with status 200, as `{"error": ["EGeneral:Too many requests"]}`; those that begin with W are warnings
- a span without trades is an entry with a count of 0, which we leave out: there is no such bar; days are those of UTC
"""

import msgspec

from tapewatch.feeds.history_vendor import (
    Asked,
    BadAnswerError,
    NoBars,
    Page,
    Request,
    Why,
    bar_rows,
    by_status,
    decoded,
)
from tapewatch.market.ticks import NS
from tapewatch.market.timeframes import duration_ns

_MINUTE = 60 * NS
_MAY_PASS = ("EGeneral:Too many requests", "EGeneral:Temporary lockout", "EAPI:Rate limit", "EService:")

_Entry = tuple[int, str, str, str, str, str, str, int]
"""Time (s), open, high, low, close, average price, volume, count."""


class _Answer(msgspec.Struct):
    error: list[str] = []
    result: dict[str, list[_Entry] | int] = {}
    """Entries by the pair, and the time of the last closed one as `last`."""


class _Error(msgspec.Struct):
    error: list[str] = []


class KrakenHistory:
    """OHLC of the spot market."""

    name = "kraken"
    url = "https://api.kraken.com"
    intervals: tuple[str, ...] = ("1m", "5m", "15m", "30m", "1h", "4h", "1d")
    exchange_days = False
    reach: int | None = 720
    per_minute = 60

    def request(self, asked: Asked) -> Request:
        """See `VendorHistory`."""
        params = {
            "pair": asked.symbol,
            "interval": str(duration_ns(asked.interval) // _MINUTE),
            "since": str(asked.start // NS - 1),  # entries after it
        }
        return Request(asked, "/0/public/OHLC", params)

    def parse(self, body: bytes, request: Request) -> Page:
        """See `VendorHistory`; the forming bar is left out."""
        pairs = [own for own in decoded(body, _Answer).result.values() if isinstance(own, list)]
        if len(pairs) != 1:
            raise BadAnswerError(f"{len(pairs)} pairs for one")
        traded = [entry for entry in pairs[0][:-1] if entry[7]]
        bars = bar_rows(
            [entry[0] * NS for entry in traded],
            duration_ns(request.asked.interval),
            {
                "open": [entry[1] for entry in traded],
                "high": [entry[2] for entry in traded],
                "low": [entry[3] for entry in traded],
                "close": [entry[4] for entry in traded],
                "volume": [entry[6] for entry in traded],
            },
        )
        return Page(bars)

    def no_bars(self, status: int, body: bytes) -> NoBars | None:
        """See `VendorHistory`."""
        try:
            errors = msgspec.json.decode(body, type=_Error).error
        except msgspec.DecodeError:
            errors = []
        said = ", ".join(own for own in errors if not own.startswith("W"))
        if not said or status >= 300:
            return by_status(status, said)
        return NoBars(Why.PASSING if said.startswith(_MAY_PASS) else Why.FAILED, said[:200])

"""Kraken: trades of crypto currencies over its public websocket, API v2, without a key.

The session: the server tells its `status`, we subscribe to all pairs in one message, it answers for each pair, sends
the last 50 trades of each as a `snapshot`, and updates follow; when nothing does, `heartbeat` comes every second.
Sources:

- subscribing, `snapshot`, trades: https://docs.kraken.com/exchange/api-reference/spot-websocket-v2/trade
- `trade_id` counts the trades of a pair, prices are JSON numbers, names as in `BTC/USD`:
  https://docs.kraken.com/exchange/api-reference/spot-websocket
- `heartbeat`: https://docs.kraken.com/exchange/guides/websockets/reconnection
- `{"Error": "Exceeded msg rate"}`: https://docs.kraken.com/api/docs/guides/spot-ratelimits
- a pair that it does not have, and the old codes XBT and XDG, get `Currency pair not supported XBT/USD`:
  https://github.com/JKorf/Kraken.Net/issues/126
"""

from collections.abc import Sequence
from typing import Annotated, Any

import msgspec
import numpy as np

from tapewatch.feeds.in_order import Row, ticks_in_order
from tapewatch.feeds.protocol import FaultKind, RefusalKind
from tapewatch.feeds.salvage import read_object, sample, the_good
from tapewatch.feeds.session import Session
from tapewatch.feeds.times import iso_ns
from tapewatch.market.ticks import UNKNOWN_SYMBOL

URL = "wss://ws.kraken.com/v2"
CHANNEL = "trade"

_CODES = {"XBT": "BTC", "XDG": "DOGE"}
"""What API v2 calls the currencies that Kraken's other interfaces call otherwise."""

_Id = Annotated[int, msgspec.Meta(ge=0, le=np.iinfo(np.int64).max)]


class Trade(msgspec.Struct, gc=False):
    """One trade."""

    symbol: str
    price: float
    qty: float
    trade_id: _Id
    timestamp: str
    """RFC 3339, to the microsecond."""


class Trades(msgspec.Struct, tag_field="channel", tag=CHANNEL):
    """A snapshot of the last trades, or an update."""

    data: list[Trade]


_decode_trades = msgspec.json.Decoder(Trades).decode
_encode = msgspec.json.Encoder().encode


class Kraken(Session):
    """One connection to Kraken.

    Args:
        credentials: none are needed.
        instruments: the engine's number of each pair, by Kraken's name for it: `BTC/USD`.
    """

    def open(self) -> list[str]:
        """The subscription, with the trades just before it: they may fill a short gap."""
        self._subscribe()
        return self.replies()

    def _ask(self, action: str, symbols: Sequence[str]) -> None:
        params = {"channel": CHANNEL, "symbol": list(symbols), "snapshot": True}
        self._replies.append(_encode({"method": action, "params": params}).decode())

    def receive(self, frame: bytes) -> np.ndarray:
        """Ticks of `frame`, oldest first; answers in it change `subscribed`, `refusal` and `faults`."""
        try:
            trades = _decode_trades(frame).data
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            trades = self._otherwise(frame)
        return ticks_in_order(self._rows(trades))

    def _rows(self, trades: list[Trade]) -> list[Row]:
        rows: list[Row] = []
        number_of = self._instruments.get
        for trade in trades:
            try:
                time = iso_ns(trade.timestamp)
            except ValueError:
                self.faults.add(FaultKind.WRONG_TYPE, sample(trade))
                continue
            symbol = number_of(trade.symbol, UNKNOWN_SYMBOL)
            rows.append((time, trade.trade_id, trade.price, trade.qty, symbol))
        return rows

    def _otherwise(self, frame: bytes) -> list[Trade]:
        """What is no trades, or not only good ones; those that are good."""
        raw = read_object(frame, self.faults)
        if raw is None:
            return []
        channel = raw.get("channel")
        if channel == CHANNEL and isinstance(raw.get("data"), list):
            return the_good(raw["data"], Trade, self.faults)
        if channel == CHANNEL:
            self.faults.add(FaultKind.WRONG_TYPE, frame)
        elif error := _error_of(raw):
            self._take_error(error, raw)
        elif raw.get("method") == "subscribe" and raw.get("success") is True:
            self.subscribed = True
        elif not isinstance(channel, str) and not isinstance(raw.get("method"), str):
            self.faults.add(FaultKind.NOT_OF_PROTOCOL, frame)
        return []

    def _take_error(self, error: str, answer: dict[str, Any]) -> None:
        said, lower = self.faults.quoted(error), error.lower()
        if "msg rate" in lower or "rate limit" in lower:
            self._refuse(
                RefusalKind.TOO_MANY_CONNECTIONS,
                f"Kraken limits connections and requests, and says {said}: stop what else asks it from this address",
            )
        elif "pair not supported" in lower:
            self._refuse(RefusalKind.NOT_ENTITLED, f"Kraken says {said}: {_right_name(answer.get('symbol'))}")
        elif "unavailable on this endpoint" in lower:
            advice = f'leave url out, or set url = "{URL}" for this feed'
            self._refuse(RefusalKind.BAD_URL, f"Kraken says {said}: {advice}")
        else:
            self.faults.add(FaultKind.VENDOR_ERROR, error.encode(errors="replace"))


def _error_of(raw: dict[str, Any]) -> str | None:
    """The error that a message tells, under whichever name."""
    for key in ("error", "Error", "errorMessage"):
        if isinstance(text := raw.get(key), str) and text:
            return text
    return "no success, and no reason given" if raw.get("success") is False else None


def _right_name(pair: object) -> str:
    """What to write in place of a pair that Kraken does not have."""
    codes = str(pair).upper().replace("-", "/").split("/")
    guess = "/".join(_CODES.get(code, code) for code in codes)
    if len(codes) == 2 and guess != pair:
        return f"did you mean {guess!a}?"
    return 'name one that it trades, such as feed_symbol = "BTC/USD"'

"""The server's side of Coinbase's websocket, for the simulator; sources as in `protocol.py`.

It has no past to send as a snapshot. Heartbeats bear the time of the last trade sent: nothing here has a clock.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import numpy as np

from tapewatch.feeds.coinbase.protocol import HEARTBEATS, SUBSCRIPTIONS, TRADES, product_id

_encode = msgspec.json.Encoder().encode


class _Request(msgspec.Struct):
    type: str
    channel: str = ""
    product_ids: list[str] = []


_decode_request = msgspec.json.Decoder(_Request).decode


class CoinbaseServer:
    """One client's session; see `simulator.VendorServer`.

    Args:
        symbols: Coinbase's names of what is on the tape, or the same with a slash; `TICK["symbol"]` is the place in it.
        refuse_login: answer the first request with an error, for want of a login.
    """

    def __init__(self, symbols: Sequence[str], refuse_login: bool) -> None:
        self.wanted = np.zeros(len(symbols), bool)
        self.refused = False
        self.binary = False
        self._products = [product_id(symbol) for symbol in symbols]
        self._refuse_login = refuse_login
        self._heartbeats = False
        self._beats = 0
        self._sent = 0
        self._time = "1970-01-01T00:00:00Z"

    def open(self, path: str, headers: Mapping[str, str]) -> list[str | bytes]:
        """None: Coinbase waits for the client."""
        return []

    def heartbeat(self) -> list[str | bytes]:
        """One for a client that subscribed to them."""
        if not self._heartbeats:
            return []
        self._beats += 1
        beat = {"current_time": self._time, "heartbeat_counter": self._beats}
        return [self._message(HEARTBEATS, beat).decode()]

    def receive(self, message: str | bytes) -> list[str | bytes]:
        """Answers to one message of the client."""
        try:
            request = _decode_request(message)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return [_error("failure to parse message")]
        if request.type not in ("subscribe", "unsubscribe"):
            return [_error("unknown type")]
        if self._refuse_login or request.channel not in (TRADES, HEARTBEATS):
            self.refused = self._refuse_login
            return [_error("authentication failure")]
        on = request.type == "subscribe"
        if request.channel == HEARTBEATS:
            self._heartbeats = on
        for place, product in enumerate(self._products):
            if request.channel == TRADES and product in request.product_ids:
                self.wanted[place] = on
        return [self._message(SUBSCRIPTIONS, {"subscriptions": self._subscriptions()}).decode()]

    def _subscriptions(self) -> dict[str, list[str]]:
        trades = [product for product, on in zip(self._products, self.wanted, strict=True) if on]
        return ({TRADES: trades} if trades else {}) | ({HEARTBEATS: [HEARTBEATS]} if self._heartbeats else {})

    def frame(self, ticks: np.ndarray, ids: np.ndarray) -> bytes:
        """One frame with `ticks`, newest first; times are cut to microseconds."""
        times = np.datetime_as_string((ticks["time"] // 1000).view("<M8[us]")).tolist()
        trades = [
            {
                "product_id": self._products[symbol],
                "trade_id": str(number),
                "price": _decimal(price),
                "size": _decimal(size),
                "time": f"{time}Z",
                "side": "BUY",
            }
            for time, price, size, number, symbol in zip(
                times,
                ticks["price"].tolist(),
                ticks["size"].tolist(),
                ids.tolist(),
                ticks["symbol"].tolist(),
                strict=True,
            )
        ]
        if trades:
            self._time = trades[-1]["time"]
        return self._message(TRADES, {"type": "update", "trades": trades[::-1]})

    def _message(self, channel: str, event: dict[str, Any]) -> bytes:
        sent, self._sent = self._sent, self._sent + 1
        return _encode(
            {
                "channel": channel,
                "client_id": "",
                "timestamp": self._time,
                "sequence_num": sent,
                "events": [event],
            }
        )


def _decimal(number: float) -> str:
    """All digits of `number`, without an exponent, as an exchange writes it."""
    text = repr(number)
    return np.format_float_positional(number, trim="-") if "e" in text else text.removesuffix(".0")


def _error(message: str) -> str:
    return _encode({"type": "error", "message": message}).decode()

"""The server's side of Kraken's websocket, for the simulator; sources as in `protocol.py`.

It has no past to send as a snapshot.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import numpy as np

from tapewatch.feeds.kraken.protocol import CHANNEL

_encode = msgspec.json.Encoder().encode

_STATUS = {"version": "2.0.10", "system": "online", "api_version": "v2", "connection_id": 1}
_TIMES = {"time_in": "1970-01-01T00:00:00.000000Z", "time_out": "1970-01-01T00:00:00.000000Z"}
"""When a request was read and answered; nothing here has a clock."""


class _Params(msgspec.Struct):
    channel: str = ""
    symbol: list[str] = []
    snapshot: bool = False


class _Request(msgspec.Struct):
    method: str
    params: _Params = msgspec.field(default_factory=_Params)
    req_id: int | None = None


_decode_request = msgspec.json.Decoder(_Request).decode


class KrakenServer:
    """One client's session; see `simulator.VendorServer`.

    Args:
        symbols: the pairs on the tape, as in `BTC/USD`; `TICK["symbol"]` is the place in it.
        refuse_login: have none of the pairs that are asked for, for want of a login.
    """

    def __init__(self, symbols: Sequence[str], refuse_login: bool) -> None:
        self.wanted = np.zeros(len(symbols), bool)
        self.refused = False
        self.binary = False
        self._pairs = list(symbols)
        self._refuse_login = refuse_login

    def open(self, path: str, headers: Mapping[str, str]) -> list[str | bytes]:
        """The exchange's status; Kraken asks nothing of the request."""
        return [_text({"channel": "status", "type": "update", "data": [_STATUS]})]

    def heartbeat(self) -> list[str | bytes]:
        """One; Kraken sends them unasked."""
        return [_text({"channel": "heartbeat"})]

    def receive(self, message: str | bytes) -> list[str | bytes]:
        """Answers to one message of the client, one for each pair."""
        try:
            request = _decode_request(message)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return [_text({"error": "Malformed request", "success": False} | _TIMES)]
        own = ({} if request.req_id is None else {"req_id": request.req_id}) | _TIMES
        if request.method == "ping":
            return [_text({"method": "pong"} | own)]
        answer = {"method": request.method} | own
        if request.method not in ("subscribe", "unsubscribe"):
            return [_text({"error": "Unsupported method", "success": False} | answer)]
        if request.params.channel != CHANNEL:
            return [_text({"error": "Unsupported channel", "success": False} | answer)]
        return [_text(answer | self._subscribe(request, pair)) for pair in request.params.symbol]

    def _subscribe(self, request: _Request, pair: str) -> dict[str, Any]:
        if self._refuse_login or pair not in self._pairs:
            self.refused = self._refuse_login
            return {"error": f"Currency pair not supported {pair}", "success": False, "symbol": pair}
        self.wanted[self._pairs.index(pair)] = request.method == "subscribe"
        result = {"channel": CHANNEL, "snapshot": request.params.snapshot, "symbol": pair}
        return {"result": result, "success": True}

    def frame(self, ticks: np.ndarray, ids: np.ndarray) -> bytes:
        """One frame with `ticks`, rows of `TICK`, and the trades' ids; times are cut to microseconds."""
        times = np.datetime_as_string((ticks["time"] // 1000).view("<M8[us]")).tolist()
        trades = [
            {
                "symbol": self._pairs[symbol],
                "side": "buy",
                "price": price,
                "qty": size,
                "ord_type": "limit",
                "trade_id": number,
                "timestamp": f"{time}Z",
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
        return _encode({"channel": CHANNEL, "type": "update", "data": trades})


def _text(message: dict[str, Any]) -> str:
    return _encode(message).decode()

"""The server's side of Finnhub's websocket, for the simulator; sources as in `protocol.py`."""

from collections.abc import Mapping, Sequence
from urllib.parse import parse_qs, urlsplit

import msgspec
import numpy as np

from tapewatch.feeds.finnhub.protocol import Trade
from tapewatch.market.ticks import NOT_LAST

_REGULAR = ["1"]
_NOT_LAST = ["1", "12"]
"""Conditions of a trade that does not update the last price: an odd lot."""

_encode = msgspec.json.Encoder().encode


class _Action(msgspec.Struct):
    type: str
    symbol: str = ""


class _Trades(msgspec.Struct, tag_field="type", tag="trade"):
    data: list[Trade]


_decode_action = msgspec.json.Decoder(_Action).decode


class FinnhubServer:
    """One client's session; see `simulator.VendorServer`.

    Finnhub itself refuses a bad key in the handshake, which is over when this is asked; here an error does.

    Args:
        symbols: Finnhub's names of what is on the tape; `TICK["symbol"]` is the place in it.
        refuse_login: take no key.
    """

    def __init__(self, symbols: Sequence[str], refuse_login: bool) -> None:
        self.wanted = np.zeros(len(symbols), bool)
        self.refused = False
        self.binary = False
        self._symbols = list(symbols)
        self._refuse_login = refuse_login
        self._let_in = False

    def open(self, path: str, headers: Mapping[str, str]) -> list[str | bytes]:
        """Nothing; whether there is a token in the path decides what the first message is answered."""
        token = parse_qs(urlsplit(path).query).get("token")
        self._let_in = bool(token) and not self._refuse_login
        return []

    def heartbeat(self) -> list[str | bytes]:
        """A ping."""
        return ['{"type":"ping"}']

    def receive(self, message: str | bytes) -> list[str | bytes]:
        """Answers to one message of the client: none, unless it is wrong."""
        if not self._let_in:
            self.refused = True
            return [_error("Invalid API key")]
        try:
            action = _decode_action(message)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return [_error("Invalid message")]
        if action.type not in ("subscribe", "unsubscribe"):
            return [_error(f"Invalid type {action.type}")]
        if action.symbol not in self._symbols:
            return [_error(f"Invalid symbol {action.symbol}")]
        self.wanted[self._symbols.index(action.symbol)] = action.type == "subscribe"
        return []

    def frame(self, ticks: np.ndarray, ids: np.ndarray) -> bytes:
        """One frame with `ticks`, rows of `TICK`; times are cut to milliseconds, and there is no place for ids."""
        times = (ticks["time"] // 1_000_000).tolist()
        trades = [
            Trade(self._symbols[symbol], price, time, size, _NOT_LAST if flags & NOT_LAST else _REGULAR)
            for time, price, size, flags, symbol in zip(
                times,
                ticks["price"].tolist(),
                ticks["size"].tolist(),
                ticks["flags"].tolist(),
                ticks["symbol"].tolist(),
                strict=True,
            )
        ]
        return _encode(_Trades(trades))


def _error(text: str) -> str:
    return _encode({"type": "error", "msg": text}).decode()

"""The server's side of Alpaca's websocket, for the simulator; sources as in `protocol.py`.

It takes the login by message alone, not by headers, and has no channel but trades.
"""

import struct
from collections.abc import Mapping, Sequence

import msgspec
import numpy as np

from tapewatch.market.ticks import NOT_LAST, NS

EXCHANGE = "V"
"""Of every simulated trade: IEX."""

_TAPE = "B"
_REGULAR = [" "]
_NOT_LAST = [" ", "B"]
"""Conditions of a trade that does not update the last price: average price trade."""

_OTHER_CHANNELS = ("quotes", "bars", "updatedBars", "dailyBars", "statuses", "lulds")
_MSGPACK_TIMESTAMP = -1
"""The extension type of https://github.com/msgpack/msgpack/blob/master/spec.md#timestamp-extension-type."""


class _Action(msgspec.Struct, rename="camel"):
    action: str
    key: str = ""
    secret: str = ""
    trades: list[str] = []
    quotes: list[str] = []
    bars: list[str] = []
    updated_bars: list[str] = []
    daily_bars: list[str] = []
    statuses: list[str] = []
    lulds: list[str] = []


class AlpacaServer:
    """One client's session; see `simulator.VendorServer`.

    Args:
        symbols: what is on the tape; `TICK["symbol"]` is the place in it.
        refuse_login: answer every key with `auth failed`.
    """

    def __init__(self, symbols: Sequence[str], refuse_login: bool) -> None:
        self.wanted = np.zeros(len(symbols), bool)
        self.refused = False
        self.binary = False
        self._symbols = symbols
        self._refuse_login = refuse_login
        self._logged_in = False
        self._trades: dict[str, None] = {}
        """What the client has subscribed to, `*` for all, in its order."""

    def open(self, path: str, headers: Mapping[str, str]) -> list[str | bytes]:
        """The greeting; whether it and all that follows is JSON or msgpack, the client's Content-Type says."""
        self.binary = headers.get("Content-Type") == "application/msgpack"
        return [self._say(T="success", msg="connected")]

    def heartbeat(self) -> list[str | bytes]:
        """None: Alpaca sends nothing while there are no trades."""
        return []

    def receive(self, message: str | bytes) -> list[str | bytes]:
        """Answers to one message of the client."""
        try:
            if self.binary:
                action = msgspec.msgpack.decode(_bytes(message), type=_Action)
            else:
                action = msgspec.json.decode(message, type=_Action)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return [self._error(400, "invalid syntax")]
        match action.action:
            case "auth":
                return [self._log_in(action)]
            case "subscribe" | "unsubscribe" if not self._logged_in:
                return [self._error(401, "not authenticated")]
            case "subscribe" | "unsubscribe":
                return [self._subscribe(action)]
            case _:
                return [self._error(400, "invalid syntax")]

    def _log_in(self, action: _Action) -> str | bytes:
        if self._logged_in:
            return self._error(403, "already authenticated")
        if self._refuse_login or not (action.key and action.secret):
            self.refused = True
            return self._error(402, "auth failed")
        self._logged_in = True
        return self._say(T="success", msg="authenticated")

    def _subscribe(self, action: _Action) -> str | bytes:
        others = (
            action.quotes,
            action.bars,
            action.updated_bars,
            action.daily_bars,
            action.statuses,
            action.lulds,
        )
        if any(others):
            return self._error(410, "invalid subscribe action for this feed")
        for symbol in action.trades:
            if action.action == "subscribe":
                self._trades[symbol] = None
            else:
                self._trades.pop(symbol, None)
        for place, symbol in enumerate(self._symbols):
            self.wanted[place] = symbol in self._trades or "*" in self._trades
        have = list(self._trades)
        without: dict[str, list[str]] = {channel: [] for channel in _OTHER_CHANNELS}
        return self._say(T="subscription", trades=have, **without, corrections=have, cancelErrors=have)

    def frame(self, ticks: np.ndarray, ids: np.ndarray) -> bytes:
        """One frame with `ticks`, rows of `TICK`, and the trades' ids."""
        sizes = ticks["size"]
        whole = sizes.astype(np.int64)  # as Alpaca sends them, unless there is a fraction among them
        return self._encode(
            [
                {
                    "T": "t",
                    "S": self._symbols[place],
                    "i": number,
                    "x": EXCHANGE,
                    "p": price,
                    "s": size,
                    "c": _NOT_LAST if flags & NOT_LAST else _REGULAR,
                    "z": _TAPE,
                    "t": time,
                }
                for number, place, price, size, flags, time in zip(
                    ids.tolist(),
                    ticks["symbol"].tolist(),
                    ticks["price"].tolist(),
                    (whole if np.array_equal(whole, sizes) else sizes).tolist(),
                    ticks["flags"].tolist(),
                    map(_timestamp if self.binary else _rfc_3339, ticks["time"].tolist()),
                    strict=True,
                )
            ]
        )

    def _say(self, **message: object) -> str | bytes:
        """A control message, alone in its frame."""
        frame = self._encode([message])
        return frame if self.binary else frame.decode()

    def _error(self, code: int, msg: str) -> str | bytes:
        return self._say(T="error", code=code, msg=msg)

    def _encode(self, messages: list[dict[str, object]]) -> bytes:
        return msgspec.msgpack.encode(messages) if self.binary else msgspec.json.encode(messages)


def _bytes(message: str | bytes) -> bytes:
    return message.encode() if isinstance(message, str) else message


def _rfc_3339(time: int) -> str:
    """`time`, ns since 1970 UTC, as Alpaca writes it: no zeros at the end."""
    text = str(np.datetime64(time, "ns"))
    return text.rstrip("0").rstrip(".") + "Z"


def _timestamp(time: int) -> msgspec.msgpack.Ext:
    """`time`, ns since 1970 UTC, in the form of 64 bits, which serves until 2514."""
    seconds, ns = divmod(time, NS)
    return msgspec.msgpack.Ext(_MSGPACK_TIMESTAMP, struct.pack(">Q", ns << 34 | seconds))

"""The server's side of Massive's websocket, for the simulator; sources as in `massive.py`."""

from collections.abc import Mapping, Sequence

import msgspec
import numpy as np

from tapewatch.feeds.massive.protocol import INDEX_PREFIX, Status, Trade, Value, topic
from tapewatch.market.ticks import NOT_LAST

EXCHANGE = 4
"""Of every simulated trade: FINRA's Alternative Display Facility."""

_NOT_LAST = [2]
"""Condition of a trade that does not update the last price: average price trade."""

_encode = msgspec.json.Encoder().encode


class _Action(msgspec.Struct):
    action: str
    params: str = ""


_decode_action = msgspec.json.Decoder(_Action).decode


class MassiveServer:
    """One client's session; see `simulator.VendorServer`.

    Args:
        symbols: Massive's names of what is on the tape; `TICK["symbol"]` is the place in it. Indices
            (`I:SPX`) are sent as values, all others as trades.
        refuse_login: answer every key with `auth_failed`.
    """

    def __init__(self, symbols: Sequence[str], refuse_login: bool) -> None:
        self.wanted = np.zeros(len(symbols), bool)
        self.refused = False
        self.binary = False
        self._symbols = [(symbol, symbol.startswith(INDEX_PREFIX)) for symbol in symbols]
        self._topics = [topic(symbol) for symbol in symbols]
        self._refuse_login = refuse_login
        self._logged_in = False

    def open(self, path: str, headers: Mapping[str, str]) -> list[str | bytes]:
        """The greeting; Massive asks nothing of the request."""
        return [_status("connected", "Connected Successfully")]

    def heartbeat(self) -> list[str | bytes]:
        """None: Massive sends nothing while there are no trades."""
        return []

    def receive(self, message: str | bytes) -> list[str | bytes]:
        """Answers to one message of the client."""
        try:
            action = _decode_action(message)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return [_status("error", "invalid request")]
        match action.action:
            case "auth":
                return [self._log_in(action.params)]
            case "subscribe" | "unsubscribe" if self._logged_in:
                return [self._subscribe(action.action, one.strip()) for one in action.params.split(",")]
            case "subscribe" | "unsubscribe":
                return [_status("error", "not authorized")]
            case _:
                return [_status("error", "invalid action")]

    def _log_in(self, key: str) -> str:
        if self._refuse_login or not key:
            self.refused = True
            return _status("auth_failed", "authentication failed")
        self._logged_in = True
        return _status("auth_success", "authenticated")

    def _subscribe(self, action: str, one: str) -> str:
        channel = one.partition(".")[0]
        if channel not in ("T", "V"):  # the simulated plan has neither quotes nor aggregates
            return _status("error", "not authorized")
        for place, name in enumerate(self._topics):
            if one == name or (one == f"{channel}.*" and name.startswith(f"{channel}.")):
                self.wanted[place] = action == "subscribe"
        return _status("success", f"{action}d to: {one}")

    def frame(self, ticks: np.ndarray, ids: np.ndarray) -> bytes:
        """One frame with `ticks`, rows of `TICK`, and the trades' ids; times are cut to milliseconds."""
        times = (ticks["time"] // 1_000_000).tolist()
        sizes = ticks["size"]
        whole = sizes.astype(np.int64)  # as Massive sends them, unless there is a fraction among them
        return _encode(
            [
                Value(price, symbol, t)
                if is_index
                else Trade(
                    sym=symbol,
                    x=EXCHANGE,
                    i=str(number),
                    z=1,
                    p=price,
                    s=size,
                    c=_NOT_LAST if flags & NOT_LAST else [],
                    t=t,
                    q=number,
                )
                for t, price, size, flags, number, (symbol, is_index) in zip(
                    times,
                    ticks["price"].tolist(),
                    (whole if np.array_equal(whole, sizes) else sizes).tolist(),
                    ticks["flags"].tolist(),
                    ids.tolist(),
                    map(self._symbols.__getitem__, ticks["symbol"].tolist()),
                    strict=True,
                )
            ]
        )


def _status(status: str, message: str) -> str:
    return _encode([Status(status, message)]).decode()

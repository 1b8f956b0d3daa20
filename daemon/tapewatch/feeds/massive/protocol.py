"""Massive (formerly Polygon.io): index values and stock trades over its websocket.

The session: the server says `connected`, we send the key, it says `auth_success`, we subscribe, it confirms
each topic, and arrays of messages follow. Sources:

- login and subscription: https://massive.com/docs/websocket/quickstart.md
- `T.SPY`, stock trades: https://massive.com/docs/websocket/stocks/trades.md
- `V.I:SPX`, index values: https://massive.com/docs/websocket/indices/value.md
- one connection per cluster and key: https://massive.com/knowledge-base/categories/websockets. The one above
  the limit is let in and an *older* one is closed with `max_connections`, as measured in
  https://docs.rs/rustrade-data/0.9.0/rustrade_data/exchange/massive/connection/index.html
- a key of a plan without websockets gets `auth_failed`, too:
  https://github.com/QuantConnect/Lean.DataSource.Polygon/issues/21
"""

import struct
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Annotated, ClassVar, final

import msgspec
import numpy as np

from tapewatch.feeds.ids import trade_id
from tapewatch.feeds.protocol import Credentials, FaultKind, RefusalKind
from tapewatch.feeds.salvage import read_messages
from tapewatch.feeds.session import Session, batches
from tapewatch.market.ticks import NO_ID, NOT_LAST, TICK, UNKNOWN_SYMBOL

INDICES_URL = "wss://socket.massive.com/indices"
STOCKS_URL = "wss://socket.massive.com/stocks"
INDEX_PREFIX = "I:"
"""Tickers of indices begin with it: `I:SPX`."""

NOT_LAST_CONDITIONS = frozenset({2, 5, 7, 10, 13, 15, 16, 20, 21, 22, 29, 32, 33, 37, 52, 53})
"""Trade conditions that do not update the last price (`updates_open_close` false, consolidated).

Average price (2), bunched sold (5), cash (7), derivatively priced (10), out of sequence (13, 32, 33),
official open and close (15, 16), next day (20), price variation (21), prior reference price (22), seller
(29), odd lot (37), contingent (52, 53). Form T (12) is not among them, though the rule names it: it marks
every trade outside regular hours. Those the watch's `hours` judge; Massive's own minute bars take them, too.

Sources: https://polygon.io/glossary/us/stocks/conditions-indicators,
https://polygon.io/knowledge-base/article/how-does-polygon-create-the-open-high-low-close-volume-aggregate-bars
"""

_MS = 1_000_000
_NO_ID_TEXT = str(NO_ID)

_Milliseconds = Annotated[int, msgspec.Meta(ge=0, le=np.iinfo(np.int64).max // _MS)]
_Exchange = Annotated[int, msgspec.Meta(ge=0, le=np.iinfo(np.int32).max)]


class Trade(msgspec.Struct, tag_field="ev", tag="T", gc=False, omit_defaults=True, kw_only=True):
    """A stock trade. Its fields stand as on the wire, `z` and `q` too: msgspec reads that fastest."""

    sym: str
    x: _Exchange = 0
    """Exchange id."""
    i: str = _NO_ID_TEXT
    """Trade id, unique per ticker, exchange and trade reporting facility."""
    z: int = 0
    """Tape: 1 NYSE, 2 AMEX, 3 Nasdaq."""
    p: float
    s: float = 0.0
    c: list[int] | None = None
    """Conditions."""
    t: _Milliseconds
    """SIP timestamp, ms since 1970 UTC."""
    q: int = 0
    """Sequence number."""
    trfi: _Exchange = 0
    """Trade reporting facility; its ids are exchange ids of their own (201, 202, 203)."""


class Value(msgspec.Struct, tag_field="ev", tag="V", gc=False):
    """A value of an index. What only a trade has stands here as constants, so that one loop reads both."""

    p: float = msgspec.field(name="val")
    sym: str = msgspec.field(name="T")
    t: _Milliseconds
    x: ClassVar[int] = 0
    i: ClassVar[str] = _NO_ID_TEXT
    s: ClassVar[float] = 0.0
    c: ClassVar[list[int] | None] = None
    trfi: ClassVar[int] = 0


@final
class Status(msgspec.Struct, tag_field="ev", tag="status"):
    """A control message."""

    status: str
    message: str = ""


_Message = Trade | Value | Status

_decode_frame = msgspec.json.Decoder(list[_Message]).decode
_pack_tick = struct.Struct("<qddqiiII").pack_into  # TICK, field by field
_no_condition_of_these = NOT_LAST_CONDITIONS.isdisjoint


def default_url(symbols: Iterable[str]) -> str:
    """The real-time cluster of `symbols`, by Massive's names for them: indices (`I:SPX`) or stocks.

    Raises:
        ValueError: both clusters would be needed.
    """
    symbols = list(symbols)
    indices = [symbol for symbol in symbols if symbol.startswith(INDEX_PREFIX)]
    if not indices:
        return STOCKS_URL
    if len(indices) == len(symbols):
        return INDICES_URL
    stock = next(symbol for symbol in symbols if not symbol.startswith(INDEX_PREFIX))
    raise ValueError(
        f"Massive serves indices ({indices[0]}) and stocks ({stock}) at different addresses:"
        " give each its own [[feed]] and name it in the watches with feed = "
    )


def topic(symbol: str) -> str:
    """The subscription that brings `symbol`: `V.I:SPX` for an index, `T.SPY` for a stock."""
    return f"{'V' if symbol.startswith(INDEX_PREFIX) else 'T'}.{symbol}"


class Massive(Session):
    """One connection to Massive.

    Args:
        credentials: the API key.
        instruments: the engine's number of each, by Massive's name for it.
    """

    def __init__(self, credentials: Credentials, instruments: Mapping[str, int]) -> None:
        super().__init__(credentials, instruments)
        self._key = credentials.key

    def _ask(self, action: str, symbols: Sequence[str]) -> None:
        self._replies += [_action(action, ",".join(map(topic, part))) for part in batches(symbols)]

    def receive(self, frame: bytes) -> np.ndarray:
        """Ticks of `frame`; status messages in it change `subscribed`, `refusal` and `replies`."""
        try:
            messages = _decode_frame(frame)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            messages = read_messages(frame, self.faults, _Message)
        trades = [message for message in messages if type(message) is not Status]
        if len(trades) < len(messages):
            for message in messages:
                if type(message) is Status:
                    self._obey(message)
        try:
            return self._ticks(trades, int)
        except (ValueError, struct.error):  # an id that is no number, or does not fit
            return self._ticks(trades, trade_id)

    def _ticks(self, trades: "list[Trade | Value]", id_of: Callable[[str], int]) -> np.ndarray:
        # Rows, not columns: a column costs a list and a strided copy. Measured, packing takes a sixth of the
        # time at one tick a frame and four fifths at 50.
        size = TICK.itemsize
        buffer = bytearray(size * len(trades))
        offset = 0
        number_of = self._instruments.get
        for trade in trades:
            conditions = trade.c
            _pack_tick(
                buffer,
                offset,
                trade.t * _MS,
                trade.p,
                trade.s,
                id_of(trade.i),
                number_of(trade.sym, UNKNOWN_SYMBOL),
                trade.trfi or trade.x,  # ids repeat among the facilities that share exchange 4
                NOT_LAST if conditions and not _no_condition_of_these(conditions) else 0,
                0,
            )
            offset += size
        return np.frombuffer(buffer, TICK)

    def _obey(self, status: Status) -> None:
        match status.status:
            case "connected":
                self._replies.append(_action("auth", self._key))
            case "auth_success":
                self._subscribe()
            case "success":
                self.subscribed = True
            case _:
                self._take_error(status)

    def _take_error(self, error: Status) -> None:
        said, message = self.faults.quoted(error.message), error.message.lower()
        if error.status == "max_connections":
            self._refuse(
                RefusalKind.TOO_MANY_CONNECTIONS,
                f"Massive allows one connection per cluster (stocks, indices) and key, and says {said}:"
                " another program connected with this key; stop it, or have Massive raise the limit",
            )
        elif error.status == "auth_failed" and "plan" not in message:
            self._refuse(RefusalKind.BAD_KEY, f"Massive refused the key: {said}")
        elif error.status == "auth_failed" or "not authorized" in message or "have access" in message:
            first = topic(next(iter(self._instruments), "*"))
            self._refuse(
                RefusalKind.NOT_ENTITLED,
                f"the key's plan at Massive does not include {first} in real time: {said};"
                ' take a plan that does, or, if it includes delayed data, set url = "wss://delayed.massive.com/'
                f'{"indices" if first.startswith("V.") else "stocks"}" for this feed',
            )
        else:
            self.faults.add(
                FaultKind.VENDOR_ERROR, f"{error.status}: {error.message}".encode(errors="replace")
            )


def _action(action: str, params: str) -> str:
    return msgspec.json.encode({"action": action, "params": params}).decode()

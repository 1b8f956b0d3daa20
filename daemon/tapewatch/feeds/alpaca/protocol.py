"""Alpaca: stock trades over its websocket of market data v2, from IEX alone or from all exchanges (SIP).

The session: the server says `connected`, we send key and secret, it says `authenticated`, we subscribe, it
answers each such message with the list of what we have, and arrays of messages follow. Sources:

- login, subscription, errors: https://docs.alpaca.markets/docs/streaming-market-data
- messages: https://docs.alpaca.markets/docs/real-time-stock-pricing-data
- after a lost line the old connection counts for another 90 s or so, and we are one too many:
  https://github.com/alpacahq/alpaca-trade-api-csharp/issues/558

Who subscribes to trades gets corrections (`c`) and cancels (`x`) of earlier ones, too. They are let pass: what a
trade fired has been said, and a bar that it was in cannot be undone.
"""

import json
import struct
from collections.abc import Iterable, Mapping
from typing import Annotated, Literal, final

import msgspec
import numpy as np

from tapewatch.feeds.protocol import Credentials, FaultKind, Faults, Refusal, RefusalKind
from tapewatch.feeds.times import iso_ns
from tapewatch.market.ticks import NO_ID, NOT_LAST, TICK, UNKNOWN_SYMBOL

SYMBOLS_PER_MESSAGE = 500
"""A longer list of subscriptions is sent as several messages."""

NOT_LAST_CONDITIONS = {
    tape: frozenset(codes)
    for tape, codes in {
        "A": "CINPRUHMQVZ479B",
        "B": "CINPRUHMQVZ479B",
        "C": "CINPRUHMQVZ479GW",
        "O": "CINPRUW",
    }.items()
}
"""By tape, the trade conditions that do not update the last price: those that set no close of a minute bar.

Cash (C), odd lot (I), next day (N), prior reference price (P), seller (R), extended hours out of sequence (U); on
the exchanges' tapes price variation (H), official close and open (M, Q), contingent (V, 7), out of sequence (Z),
derivatively priced (4), corrected close (9); average price (B on A and B, W on C and O) and bunched sold (G on C).
T is not among them: it marks every trade outside regular hours, and those the watch's `hours` judge.

Source: https://docs.alpaca.markets/docs/market-data-faq#how-are-bars-aggregated; of the SIPs' documents that it
goes by, those for daily bars are laxer about P, Z, 4, 9 and G.
"""

_Int64 = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]
_Letter = Annotated[str, msgspec.Meta(min_length=1, max_length=1)]


@final
class Trade(msgspec.Struct, tag_field="T", tag="t", gc=False, kw_only=True):
    """A stock trade. Its fields stand as on the wire: msgspec reads that fastest."""

    S: str
    i: _Int64 = NO_ID
    """Trade id."""
    x: _Letter = "\0"
    """Exchange."""
    p: float
    s: float = 0.0
    c: list[str] | None = None
    """Conditions; what their letters mean depends on the tape."""
    z: str = ""
    """Tape: A NYSE, B other exchanges', C Nasdaq, O over the counter."""
    t: str
    """RFC 3339, to the nanosecond."""


class Correction(msgspec.Struct, tag_field="T", tag="c"):
    """An earlier trade was not as told."""


class Cancel(msgspec.Struct, tag_field="T", tag="x"):
    """An earlier trade was none."""


class Success(msgspec.Struct, tag_field="T", tag="success"):
    """A step of the login is done."""

    msg: str


class Subscription(msgspec.Struct, tag_field="T", tag="subscription"):
    """The answer to each message that subscribes or unsubscribes."""


class Error(msgspec.Struct, tag_field="T", tag="error"):
    """What the server does not take."""

    code: int
    msg: str = ""


_Message = Trade | Correction | Cancel | Success | Subscription | Error
_TAGS = frozenset({"t", "c", "x", "success", "subscription", "error"})

_decode_frame = msgspec.json.Decoder(list[_Message]).decode
_encode = msgspec.json.Encoder().encode
_pack_tick = struct.Struct("<qddqiiII").pack_into  # TICK, field by field
_none_not_last = {tape: codes.isdisjoint for tape, codes in NOT_LAST_CONDITIONS.items()}
_none_on_any_tape = frozenset.union(*NOT_LAST_CONDITIONS.values()).isdisjoint


def default_url(stream: Literal["iex", "sip"]) -> str:
    """The websocket of `stream`."""
    return f"wss://stream.data.alpaca.markets/v2/{stream}"


class Alpaca:
    """One connection to Alpaca; see `VendorProtocol`.

    Args:
        credentials: the key's id, and its secret.
        instruments: the engine's number of each, by its symbol.
    """

    def __init__(self, credentials: Credentials, instruments: Mapping[str, int]) -> None:
        self.subscribed = False
        self.refusal: Refusal | None = None
        self.faults = Faults(credentials)
        self._credentials = credentials
        self._logged_in = False
        self._unanswered = 0
        """Messages that subscribe or unsubscribe, without the answers to them."""
        self._instruments = dict(instruments)
        self._replies: list[str] = []

    def open(self) -> list[str]:
        """None: the server speaks first."""
        return []

    def replies(self) -> list[str]:
        """Messages to send now."""
        replies, self._replies = self._replies, []
        return replies

    def watch(self, instruments: Mapping[str, int]) -> None:
        """Other instruments from now on, on the same connection."""
        before, self._instruments = self._instruments, dict(instruments)
        if self._logged_in:
            # What is gone goes first: the plan may limit how many there are at a time.
            self._ask("unsubscribe", [symbol for symbol in before if symbol not in instruments])
            self._ask("subscribe", [symbol for symbol in instruments if symbol not in before])

    def _ask(self, action: str, symbols: Iterable[str]) -> None:
        symbols = list(symbols)
        for first in range(0, len(symbols), SYMBOLS_PER_MESSAGE):
            trades = symbols[first : first + SYMBOLS_PER_MESSAGE]
            self._replies.append(_encode({"action": action, "trades": trades}).decode())
            self._unanswered += 1

    def receive(self, frame: bytes) -> np.ndarray:
        """Ticks of `frame`; control messages in it change `subscribed`, `refusal` and `replies`."""
        try:
            messages = _decode_frame(frame)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            messages = self._salvage(frame)
        trades = [message for message in messages if type(message) is Trade]
        if len(trades) < len(messages):
            for message in messages:
                if type(message) is not Trade:
                    self._obey(message)
        try:
            return self._ticks(trades)
        except ValueError:  # a time that is none
            return self._ticks(self._timed(trades))

    def _ticks(self, trades: list[Trade]) -> np.ndarray:
        # Rows, not columns, as in `massive/protocol.py`.
        size = TICK.itemsize
        buffer = bytearray(size * len(trades))
        offset = 0
        number_of = self._instruments.get
        for trade in trades:
            conditions = trade.c
            _pack_tick(
                buffer,
                offset,
                iso_ns(trade.t),
                trade.p,
                trade.s,
                trade.i,
                number_of(trade.S, UNKNOWN_SYMBOL),
                ord(trade.x),
                NOT_LAST
                if conditions and not _none_not_last.get(trade.z, _none_on_any_tape)(conditions)
                else 0,
                0,
            )
            offset += size
        return np.frombuffer(buffer, TICK)

    def _timed(self, trades: list[Trade]) -> list[Trade]:
        """Those of `trades` whose time is one; the others are counted."""
        timed = []
        for trade in trades:
            try:
                iso_ns(trade.t)
            except ValueError:
                self.faults.add(FaultKind.WRONG_TYPE, ascii(trade).encode())
            else:
                timed.append(trade)
        return timed

    def _salvage(self, frame: bytes) -> list[_Message]:
        """The good messages of a frame that cannot be read as a whole; the others are counted.

        The standard library's reader is slower and more lenient: it takes NaN, which admission refuses by
        name, and broken text within a string, so that such a message does not lose those beside it.
        """
        try:
            raw_messages = json.loads(bytes(frame).decode("utf-8", "replace"), strict=False)
        except (ValueError, RecursionError):
            self.faults.add(FaultKind.NOT_JSON, frame)
            return []
        if not isinstance(raw_messages, list):
            self.faults.add(FaultKind.NOT_OF_PROTOCOL, frame)
            return []
        messages = []
        for raw in raw_messages:
            try:
                messages.append(msgspec.convert(raw, _Message))
            except (msgspec.ValidationError, UnicodeEncodeError):  # the latter: half a character, "\\ud800"
                tag = raw.get("T") if isinstance(raw, dict) else None
                known = isinstance(tag, str) and tag in _TAGS
                kind = FaultKind.WRONG_TYPE if known else FaultKind.NOT_OF_PROTOCOL
                self.faults.add(kind, json.dumps(raw).encode())
        return messages

    def _obey(self, message: _Message) -> None:
        match message:
            case Success("connected"):
                key, secret = self._credentials.key, self._credentials.secret
                self._replies.append(_encode({"action": "auth", "key": key, "secret": secret}).decode())
            case Success("authenticated"):
                self._logged_in = True
                self._ask("subscribe", self._instruments)
            case Subscription():
                self._unanswered -= 1
                self.subscribed = self.subscribed or self._unanswered <= 0
            case Error():
                self.refusal = self.refusal or self._refusal(message)
                if self.refusal is None:
                    self.faults.add(
                        FaultKind.VENDOR_ERROR, f"{message.code}: {message.msg}".encode(errors="replace")
                    )

    def _refusal(self, error: Error) -> Refusal | None:
        """What `error` refuses, if anything; the codes are those of the page of the login."""
        said = f"{error.msg[:200]!a} ({error.code})"
        match error.code:
            case 402:
                return Refusal(RefusalKind.BAD_KEY, f"Alpaca refused the key's id or its secret: {said}")
            case 405 if not self.subscribed:  # later, what was subscribed to before goes on
                return Refusal(
                    RefusalKind.NOT_ENTITLED,
                    f"the key's plan at Alpaca does not include {len(self._instruments)} symbols at a time:"
                    f" {said}; watch fewer on this feed, or take a plan that includes as many",
                )
            case 406:
                return Refusal(
                    RefusalKind.TOO_MANY_CONNECTIONS,
                    f"Alpaca allows one connection per stream and account, and says {said}: another program is"
                    " connected, stop it; or Alpaca has not noticed yet that our last connection was lost",
                )
            case 409:
                return Refusal(
                    RefusalKind.NOT_ENTITLED,
                    f"the key's plan at Alpaca does not include this stream: {said};"
                    ' set stream = "iex" for this feed, which is free, or take a plan that includes "sip"',
                )
            case 410:
                return Refusal(
                    RefusalKind.BAD_URL,
                    f"the feed's url is of a stream that has no trades: {said};"
                    f" leave it out, or write one such as {default_url('iex')}",
                )
        return None

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

import struct
from collections.abc import Mapping, Sequence
from typing import Annotated, Literal, final

import msgspec
import numpy as np

from tapewatch.feeds.protocol import Credentials, FaultKind, RefusalKind
from tapewatch.feeds.salvage import read_messages, sample
from tapewatch.feeds.session import Session, batches
from tapewatch.feeds.times import iso_ns
from tapewatch.market.ticks import NO_ID, NOT_LAST, TICK, UNKNOWN_SYMBOL

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

_decode_frame = msgspec.json.Decoder(list[_Message]).decode
_encode = msgspec.json.Encoder().encode
_pack_tick = struct.Struct("<qddqiiII").pack_into  # TICK, field by field
_none_not_last = {tape: codes.isdisjoint for tape, codes in NOT_LAST_CONDITIONS.items()}
_none_on_any_tape = frozenset.union(*NOT_LAST_CONDITIONS.values()).isdisjoint


def default_url(stream: Literal["iex", "sip"]) -> str:
    """The websocket of `stream`."""
    return f"wss://stream.data.alpaca.markets/v2/{stream}"


class Alpaca(Session):
    """One connection to Alpaca.

    Args:
        credentials: the key's id, and its secret.
        instruments: the engine's number of each, by its symbol.
    """

    def __init__(self, credentials: Credentials, instruments: Mapping[str, int]) -> None:
        super().__init__(credentials, instruments)
        self._credentials = credentials
        self._unanswered = 0
        """Messages that subscribe or unsubscribe, without the answers to them."""

    def _ask(self, action: str, symbols: Sequence[str]) -> None:
        for part in batches(symbols):
            self._replies.append(_encode({"action": action, "trades": part}).decode())
            self._unanswered += 1

    def receive(self, frame: bytes) -> np.ndarray:
        """Ticks of `frame`; control messages in it change `subscribed`, `refusal` and `replies`."""
        try:
            messages = _decode_frame(frame)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            messages = read_messages(frame, self.faults, _Message)
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
                self.faults.add(FaultKind.WRONG_TYPE, sample(trade))
            else:
                timed.append(trade)
        return timed

    def _obey(self, message: _Message) -> None:
        match message:
            case Success("connected"):
                key, secret = self._credentials.key, self._credentials.secret
                self._replies.append(_encode({"action": "auth", "key": key, "secret": secret}).decode())
            case Success("authenticated"):
                self._subscribe()
            case Subscription():
                self._unanswered -= 1
                self.subscribed = self.subscribed or self._unanswered <= 0
            case Error():
                self._take_error(message)

    def _take_error(self, error: Error) -> None:
        """Whether it refuses anything; the codes are those of the page of the login."""
        said = f"{self.faults.quoted(error.msg)} ({error.code})"
        match error.code:
            case 402:
                self._refuse(RefusalKind.BAD_KEY, f"Alpaca refused the key's id or its secret: {said}")
            case 405 if not self.subscribed:  # later, what was subscribed to before goes on
                self._refuse(
                    RefusalKind.NOT_ENTITLED,
                    f"the key's plan at Alpaca does not include {len(self._instruments)} symbols at a time:"
                    f" {said}; watch fewer on this feed, or take a plan that includes as many",
                )
            case 406:
                self._refuse(
                    RefusalKind.TOO_MANY_CONNECTIONS,
                    f"Alpaca allows one connection per stream and account, and says {said}: another program is"
                    " connected, stop it; or Alpaca has not noticed yet that our last connection was lost",
                )
            case 409:
                self._refuse(
                    RefusalKind.NOT_ENTITLED,
                    f"the key's plan at Alpaca does not include this stream: {said};"
                    ' set stream = "iex" for this feed, which is free, or take a plan that includes "sip"',
                )
            case 410:
                self._refuse(
                    RefusalKind.BAD_URL,
                    f"the feed's url is of a stream that has no trades: {said};"
                    f" leave it out, or write one such as {default_url('iex')}",
                )
            case _:
                self.faults.add(FaultKind.VENDOR_ERROR, f"{error.code}: {error.msg}".encode(errors="replace"))
